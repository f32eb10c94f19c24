// Columns without the same value twice, over the whole table and all time.
//
// Judged over the rows that are left when all other rules and the primary key have had their say:
// of those that share a value the first stands, by the same total order that chooses among rows of
// one key, from its other end. What stands depends on all rows, so a range that is not all of raw
// is only taken as such where that cannot matter: no row of clean gives way, and rows that were
// rejected so before can neither come back nor take part again. Else everything is read.
#include "contract/personal.h"
#include "step/cleanse.h"

#define REASON_TYPE "STRUCT(\"rule\" VARCHAR, \"column\" VARCHAR, message VARCHAR)"

static void add_order(const struct sl_pass *pass, struct sl_buf *sql)
{
    for (size_t i = 0; i < pass->order_count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, pass->order_columns[i]);
        sl_buf_add(sql, pass->order_is_desc[i] ? " asc nulls first" : " desc nulls first");
    }
}

static int scan_clean(struct sl_cleanse *cleanse, struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    struct sl_scan scan;
    SL_TRY(sl_delta_scan(&cleanse->before, cleanse->context->arena, &scan, err));
    scan.with_origin = true;
    return session->kind->scan_sql(session, &scan, sql, err);
}

static void add_column(const struct sl_pass *pass, const char *name, bool is_prepared,
                       struct sl_buf *sql)
{
    if (is_prepared)
        sl_pass_kept(pass, name, sql);
    else
        sl_buf_add_sql_name(sql, name);
}

// What must not be there twice: a column's value, or those of several as one row, which is null if
// one of them is.
static void add_value(const struct sl_pass *pass, size_t index, bool is_prepared,
                      struct sl_buf *sql)
{
    const struct sl_strs *columns = &pass->uniques[index].columns;
    if (columns->count == 1) {
        add_column(pass, columns->items[0], is_prepared, sql);
        return;
    }
    sl_buf_add(sql, "case when ");
    for (size_t i = 0; i < columns->count; i++) {
        sl_buf_add(sql, i ? " and " : "");
        add_column(pass, columns->items[i], is_prepared, sql);
        sl_buf_add(sql, " is not null");
    }
    sl_buf_add(sql, " then ");
    for (size_t i = 0; i < columns->count; i++) {
        sl_buf_addf(sql, "%s'c%zu': ", i ? ", " : "{", i); // a table takes no struct without names
        add_column(pass, columns->items[i], is_prepared, sql);
    }
    sl_buf_add(sql, "} end");
}

static int create_taken(struct sl_cleanse *cleanse, size_t index, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf kept = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    add_value(pass, index, false, &name);
    add_value(pass, index, true, &kept);
    SL_TRY(sl_buf_check(&name, err));
    SL_TRY(sl_buf_check(&kept, err));
    sl_buf_addf(&sql,
                "create or replace temp table _taken%zu as select %s as v from %s where (%s) is "
                "not null group by 1 having count(*) > 1",
                index, kept.text, cleanse->rows[SL_PASS_GOOD], kept.text);
    if (cleanse->before.file_count) {
        sl_buf_addf(&sql, " union select %s from ", name.text);
        SL_TRY(scan_clean(cleanse, &sql, err));
        sl_buf_addf(&sql, " where (%s) in (select %s from %s)", name.text, kept.text,
                    cleanse->rows[SL_PASS_GOOD]);
    }
    return sl_cleanse_exec(cleanse, &sql, err);
}

int sl_cleanse_find_taken(struct sl_cleanse *cleanse, struct sl_err *err)
{
    for (size_t i = 0; i < cleanse->pass.unique_count; i++)
        SL_TRY(create_taken(cleanse, i, err));
    return SL_OK;
}

void sl_cleanse_add_taken(const struct sl_pass *pass, bool is_prepared, struct sl_buf *sql)
{
    for (size_t i = 0; i < pass->unique_count; i++) {
        sl_buf_add(sql, i ? " or (" : "(");
        add_value(pass, i, is_prepared, sql);
        sl_buf_addf(sql, ") in (select v from _taken%zu)", i);
    }
}

// Columns that are unique, and those that say which row comes first.
static void add_narrow(const struct sl_pass *pass, bool is_prepared, struct sl_buf *sql)
{
    for (size_t i = 0; i < pass->column_count; i++) {
        const char *name = pass->columns[i].name;
        bool is_needed = false;
        for (size_t k = 0; k < pass->unique_count; k++)
            is_needed |= sl_strs_has(&pass->uniques[k].columns, name);
        for (size_t k = 0; k < pass->order_count; k++)
            is_needed |= sl_str_equal(pass->order_columns[k], name);
        if (!is_needed)
            continue;
        if (is_prepared)
            sl_cleanse_add_kept_as(pass, name, sql);
        else
            sl_buf_add_sql_name(sql, name);
        sl_buf_add(sql, ", ");
    }
}

// _rival: the rows that may share a value with another, as they are left by everything else.
static int create_rivals(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _rival as select ");
    add_narrow(pass, true, &sql);
    sl_buf_addf(&sql,
                "\"~file\", \"~row\", true as \"~new\" from _side where not %s and not %s and (",
                pass->is_bad, pass->filter ? pass->filter : "false");
    sl_cleanse_add_taken(pass, true, &sql);
    sl_buf_add(&sql, ")");
    if (pass->key_count)
        sl_buf_add(&sql,
                   " and (\"~file\", \"~row\") not in (select (\"~file\", \"~row\") from _rank "
                   "where \"~new\" and \"~n\" > 1)");
    if (cleanse->before.file_count) {
        sl_buf_add(&sql, " union all select ");
        add_narrow(pass, false, &sql);
        sl_buf_add(&sql, "\"~file\", \"~row\", false from ");
        SL_TRY(scan_clean(cleanse, &sql, err));
        sl_buf_add(&sql, " where (");
        sl_cleanse_add_taken(pass, false, &sql);
        sl_buf_add(&sql, ")");
        if (pass->key_count) {
            sl_buf_add(&sql, " and ");
            sl_cleanse_key_in(pass, "not in", "_rank where not \"~new\" and \"~n\" > 1", &sql);
        }
    }
    return sl_cleanse_exec(cleanse, &sql, err);
}

// "'7' stands already in data/a.csv:3", "'DE', '7' stand already in ..."
static void add_message(const struct sl_pass_unique *unique, struct sl_buf *sql)
{
    const struct sl_strs *columns = &unique->columns;
    for (size_t i = 0; i < columns->count; i++) {
        sl_buf_add(sql, i ? " || ', ' || '''' || left(cast(" : "'''' || left(cast(");
        sl_buf_add_sql_name(sql, columns->items[i]);
        sl_buf_add(sql, " as VARCHAR), 100) || ''''");
    }
    sl_buf_addf(sql,
                " || ' %s already in ' || first_value(_source) over w || ':' || "
                "first_value(_position) over w",
                columns->count > 1 ? "stand" : "stands");
}

// _late0: rows behind the first that has the value, with the message that names it.
static int create_late(struct sl_cleanse *cleanse, size_t index, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    const struct sl_rule *rule = pass->uniques[index].rule;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _late%zu as select \"~file\", \"~row\", \"~new\", ",
                index);
    bool is_hidden = false;
    for (size_t i = 0; i < pass->uniques[index].columns.count; i++)
        is_hidden |=
            sl_personal_is_bare_twin(cleanse->contract, pass->uniques[index].columns.items[i]);
    if (rule->message) {
        sl_buf_add_sql_string(&sql, rule->message);
    } else if (is_hidden) {
        sl_personal_message(rule, &sql);
    } else {
        add_message(&pass->uniques[index], &sql);
    }
    sl_buf_add(&sql, " as message from _rival where (");
    add_value(pass, index, false, &sql);
    sl_buf_add(&sql, ") is not null window w as (partition by ");
    add_value(pass, index, false, &sql);
    sl_buf_add(&sql, " order by ");
    add_order(pass, &sql);
    sl_buf_add(&sql, ") qualify row_number() over w > 1");
    return sl_cleanse_exec(cleanse, &sql, err);
}

// _late: per row that is rejected all reasons, in the order of the rules.
static int gather_late(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(
        &sql, "create or replace temp table _late as select \"~file\", \"~row\", list(r order "
              "by i) as \"~reasons\", bool_or(not \"~new\") as \"~gives_way\" from (select 0 as i, "
              "\"~file\", \"~row\", \"~new\", cast(null as " REASON_TYPE
              ") as r from _rival where false");
    for (size_t i = 0; i < pass->unique_count; i++) {
        if (pass->uniques[i].is_warning)
            continue;
        sl_buf_addf(&sql, " union all select %zu, \"~file\", \"~row\", \"~new\", {'rule': ", i);
        sl_buf_add_sql_string(&sql, pass->uniques[i].rule->id);
        sl_buf_add(&sql, ", 'column': ");
        if (pass->uniques[i].column)
            sl_buf_add_sql_string(&sql, pass->uniques[i].column);
        else
            sl_buf_add(&sql, "cast(null as VARCHAR)");
        sl_buf_addf(&sql, ", 'message': message} from _late%zu", i);
    }
    sl_buf_add(&sql, ") group by 1, 2, \"~new\"");
    return sl_cleanse_exec(cleanse, &sql, err);
}

static int count(struct sl_cleanse *cleanse, const char *sql, int64_t *ret, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_TRY(session->kind->query(session, sql, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

int sl_cleanse_find_late(struct sl_cleanse *cleanse, struct sl_err *err)
{
    int64_t giving_way;
    if (!cleanse->pass.unique_count)
        return SL_OK;
    SL_TRY(create_rivals(cleanse, err));
    for (size_t i = 0; i < cleanse->pass.unique_count; i++)
        SL_TRY(create_late(cleanse, i, err));
    SL_TRY(gather_late(cleanse, err));
    SL_TRY(count(cleanse, "select count(*) from _late where \"~gives_way\"", &giving_way, err));
    if (giving_way)
        cleanse->why_all = "a new row stands before one that has its value";
    return SL_OK;
}

int sl_cleanse_count_late(struct sl_cleanse *cleanse, size_t index, int64_t *ret,
                          struct sl_err *err)
{
    const char *sql = sl_arena_printf(cleanse->context->arena,
                                      "select count(*) from _late%zu where \"~new\"", index);
    SL_TRY_NEW(sql, err);
    return count(cleanse, sql, ret, err);
}

// Rows of quarantine with one of the rules among their reasons.
static int count_rejected(struct sl_cleanse *cleanse, int64_t *ret, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    struct sl_session *session = cleanse->context->session;
    struct sl_arena *arena = cleanse->context->arena;
    struct sl_delta_snapshot quarantine;
    struct sl_scan scan;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_TRY(sl_delta_load(cleanse->quarantine.folder, cleanse->quarantine.head.version, session,
                         arena, &quarantine, err));
    SL_TRY(sl_delta_scan(&quarantine, arena, &scan, err));
    sl_buf_add(&sql, "select count(*) from ");
    SL_TRY(session->kind->scan_sql(session, &scan, &sql, err));
    sl_buf_add(&sql, " where list_has_any(list_transform(reasons, lambda r: r.\"rule\"), cast([");
    for (size_t i = 0, listed = 0; i < pass->unique_count; i++) {
        if (pass->uniques[i].is_warning)
            continue;
        sl_buf_add(&sql, listed++ ? ", " : "");
        sl_buf_add_sql_string(&sql, pass->uniques[i].rule->id);
    }
    sl_buf_add(&sql, "] as VARCHAR[]))");
    SL_TRY(sl_buf_check(&sql, err));
    return count(cleanse, sql.text, ret, err);
}

int sl_cleanse_look_at_uniques(struct sl_cleanse *cleanse, const char **ret_why, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    size_t rejecting = 0;
    int64_t rejected;
    for (size_t i = 0; i < pass->unique_count; i++)
        rejecting += !pass->uniques[i].is_warning;
    // Without a key, a row that was rejected so stays: whoever has its value is in clean.
    if (!rejecting || cleanse->range.is_full ||
        (rejecting == 1 && !pass->key_count && !cleanse->range.is_replay))
        return SL_OK;
    SL_TRY(count_rejected(cleanse, &rejected, err));
    if (rejected)
        *ret_why = "rows with values that come twice may take part again";
    return SL_OK;
}
