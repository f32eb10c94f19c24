// Rows that share their primary key: who wins, and which files of clean are touched by it.
//
// The order is total (it ends with _source and _position, which no two rows of raw share), and the
// winner of a key is the maximum over all its good rows, so it does not matter in which batches
// they came.
#include "step/cleanse.h"

#define NOT_ITSELF "(_source, _position) not in (select (_source, _position) from _self)"

static bool is_key(const struct sl_pass *pass, const char *name)
{
    for (size_t i = 0; i < pass->key_count; i++)
        if (sl_str_equal_nocase(pass->key[i], name))
            return true;
    return false;
}

// Key and order columns, each once.
static void add_narrow(const struct sl_pass *pass, bool is_prepared, struct sl_buf *sql)
{
    if (is_prepared)
        sl_cleanse_kept_key(pass, sql);
    else
        sl_cleanse_names("", pass->key, pass->key_count, sql);
    for (size_t i = 0; i < pass->order_count; i++) {
        bool is_repeated = is_key(pass, pass->order_columns[i]);
        for (size_t other = 0; other < i; other++)
            is_repeated |= sl_str_equal(pass->order_columns[other], pass->order_columns[i]);
        if (is_repeated)
            continue;
        sl_buf_add(sql, ", ");
        sl_buf_add_sql_name(sql, pass->order_columns[i]);
    }
}

static int scan_clean(struct sl_cleanse *cleanse, const struct sl_delta_file *files, size_t count,
                      struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    struct sl_scan scan;
    SL_TRY(
        sl_delta_scan_files(&cleanse->before, files, count, cleanse->context->arena, &scan, err));
    scan.with_origin = true;
    return session->kind->scan_sql(session, &scan, sql, err);
}

// _old: the rows of clean whose key comes again. The engine skips row groups outside of the new
// keys' bounds by itself.
int sl_cleanse_find_old(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _key as select distinct ");
    sl_cleanse_kept_key(pass, &sql);
    sl_buf_addf(&sql, " from %s", cleanse->rows[SL_PASS_GOOD]);
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    sl_buf_reset(&sql);
    sl_buf_add(&sql, "create or replace temp table _old as select ");
    add_narrow(pass, false, &sql);
    sl_buf_add(&sql, ", \"~file\", \"~row\" from ");
    SL_TRY(scan_clean(cleanse, cleanse->before.files, cleanse->before.file_count, &sql, err));
    sl_buf_add(&sql, " where ");
    sl_cleanse_key_in(pass, "in", "_key", &sql);
    if (cleanse->selves)
        sl_buf_add(&sql, " and " NOT_ITSELF);
    return sl_cleanse_exec(cleanse, &sql, err);
}

int sl_cleanse_find_selves(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (!cleanse->before.file_count)
        return SL_OK;
    sl_buf_add(&sql, "create or replace temp table _self as select _source, _position, \"~file\" "
                     "from ");
    SL_TRY(scan_clean(cleanse, cleanse->before.files, cleanse->before.file_count, &sql, err));
    sl_buf_add(&sql, " where (_source, _position) in (select (_source, _position) from _again "
                     "where is_published)");
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    sl_buf_reset(&sql);
    sl_buf_add(&sql, "select count(*) from _self");
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    cleanse->selves = sl_result_int(result, 0, 0);
    return SL_OK;
}

int sl_cleanse_look_at_selves(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    if (!cleanse->selves || !cleanse->pass.key_count)
        return SL_OK;
    sl_buf_add(&sql, "select count(*) from _bad where set_aside is null and (_source, _position) "
                     "in (select (_source, _position) from _self)");
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    if (sl_result_int(result, 0, 0) > 0)
        cleanse->why_all = "a row that was published without a value would be rejected now";
    return SL_OK;
}

int sl_cleanse_rank(struct sl_cleanse *cleanse, bool is_side_complete, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _rank as select ");
    sl_cleanse_names("", pass->key, pass->key_count, &sql);
    sl_buf_add(&sql, ", \"~file\", \"~row\", \"~new\", row_number() over (partition by ");
    sl_cleanse_names("", pass->key, pass->key_count, &sql);
    sl_buf_add(&sql, " order by ");
    for (size_t i = 0; i < pass->order_count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_name(&sql, pass->order_columns[i]);
        sl_buf_add(&sql, pass->order_is_desc[i] ? " desc nulls last" : " asc nulls last");
    }
    sl_buf_add(&sql, ") as \"~n\" from (select ");
    add_narrow(pass, true, &sql);
    sl_buf_addf(&sql, ", \"~file\", \"~row\", true as \"~new\" from %s where not %s and not %s",
                is_side_complete ? "_side" : cleanse->rows[SL_PASS_FLAGGED], pass->is_bad,
                pass->filter ? pass->filter : "false");
    if (!is_side_complete) {
        sl_buf_add(&sql, " and ");
        sl_cleanse_row_key_in(pass, "in", "_dup", &sql);
    }
    if (cleanse->before.file_count) {
        sl_buf_add(&sql, " union all select ");
        add_narrow(pass, false, &sql);
        sl_buf_add(&sql, ", \"~file\", \"~row\", false from _old");
    }
    sl_buf_add(&sql, ")");
    return sl_cleanse_exec(cleanse, &sql, err);
}

static int find_gone(struct sl_cleanse *cleanse, int64_t *ret_count, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    *ret_count = 0;
    if (!cleanse->pass.key_count)
        return SL_OK;
    sl_buf_add(&sql, "create or replace temp table _gone as select * from _rank where not \"~new\" "
                     "and \"~n\" > 1");
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    SL_TRY(session->kind->query(session, "select count(*) from _gone", 0, &result, err));
    *ret_count = sl_result_int(result, 0, 0);
    return SL_OK;
}

static const char *files_of(const struct sl_cleanse *cleanse)
{
    if (!cleanse->pass.key_count)
        return "select distinct \"~file\" from _self order by 1";
    return cleanse->selves
               ? "select \"~file\" from _gone union select \"~file\" from _self order by 1"
               : "select distinct \"~file\" from _gone order by 1";
}

int sl_cleanse_find_touched(struct sl_cleanse *cleanse, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    int64_t gone;
    SL_TRY(find_gone(cleanse, &gone, err));
    gone += cleanse->selves;
    SL_TRY(session->kind->query(session, files_of(cleanse), 0, &result, err));
    size_t count = (size_t)sl_result_rows(result);
    struct sl_delta_file *touched =
        SL_NEW_ARRAY(cleanse->context->arena, struct sl_delta_file, count);
    SL_TRY_NEW(touched, err);
    cleanse->balance.replaced = gone;
    cleanse->kept = -gone;
    for (size_t i = 0; i < count; i++) {
        size_t index;
        SL_TRY(sl_file_index(result, (int64_t)i, cleanse->before.file_count, &index, err));
        touched[i] = cleanse->before.files[index];
        if (touched[i].row_count < 0)
            return sl_fail(err, SL_E_TABLE_LOG,
                           "the log of '%s' does not say how many rows '%s' has",
                           cleanse->clean.name, touched[i].path);
        cleanse->kept += touched[i].row_count;
    }
    cleanse->touched = touched;
    cleanse->touched_count = count;
    return SL_OK;
}

int sl_cleanse_add_kept(struct sl_cleanse *cleanse, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    sl_buf_add(sql, " union all select ");
    for (size_t i = 0; i < pass->column_count; i++) {
        sl_buf_add(sql, i ? ", o." : "o.");
        sl_buf_add_sql_name(sql, pass->columns[i].name);
    }
    sl_buf_add(sql, " from ");
    SL_TRY(scan_clean(cleanse, cleanse->touched, cleanse->touched_count, sql, err));
    sl_buf_add(sql, " o where ");
    if (pass->key_count)
        sl_cleanse_key_in(pass, "not in", "_gone", sql);
    if (cleanse->selves)
        sl_buf_add(sql, pass->key_count ? " and " NOT_ITSELF : NOT_ITSELF);
    return SL_OK;
}
