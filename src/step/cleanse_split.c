// The split of a range's rows, in the shape that docs/measurements.md found best: wide rows are
// touched once to find the few that are special, and once more to write clean; everything else
// works on keys and origins.
#include "base/clock.h"
#include "step/cleanse.h"

#include <stdlib.h>

// Above this share of rows that compete for a key they are ranked straight from raw rather than
// from whole rows set aside.
#define MANY_RIVALS 10 // percent

void sl_cleanse_names(const char *prefix, const char *const *names, size_t count,
                      struct sl_buf *sql)
{
    for (size_t i = 0; i < count; i++) {
        sl_buf_addf(sql, "%s%s", i ? ", " : "", prefix);
        sl_buf_add_sql_name(sql, names[i]);
    }
}

void sl_cleanse_names_and(const struct sl_strs *names, const char *claim, struct sl_buf *sql)
{
    for (size_t i = 0; i < names->count; i++) {
        sl_buf_add(sql, i ? " and " : "");
        sl_buf_add_sql_name(sql, names->items[i]);
        sl_buf_add(sql, claim);
    }
}

void sl_cleanse_key_in(const struct sl_pass *pass, const char *relation, const char *table,
                       struct sl_buf *sql)
{
    sl_buf_add(sql, "(");
    sl_cleanse_names("", pass->key, pass->key_count, sql);
    sl_buf_addf(sql, ") %s (select (", relation);
    sl_cleanse_names("", pass->key, pass->key_count, sql);
    sl_buf_addf(sql, ") from %s)", table);
}

void sl_cleanse_row_key_in(const struct sl_pass *pass, const char *relation, const char *table,
                           struct sl_buf *sql)
{
    for (size_t i = 0; i < pass->key_count; i++) {
        sl_buf_add(sql, i ? ", " : "(");
        sl_pass_kept(pass, pass->key[i], sql);
    }
    sl_buf_addf(sql, ") %s (select (", relation);
    sl_cleanse_names("", pass->key, pass->key_count, sql);
    sl_buf_addf(sql, ") from %s)", table);
}

void sl_cleanse_add_kept_as(const struct sl_pass *pass, const char *name, struct sl_buf *sql)
{
    sl_pass_kept(pass, name, sql);
    sl_buf_add(sql, " as ");
    sl_buf_add_sql_name(sql, name);
}

void sl_cleanse_kept_key(const struct sl_pass *pass, struct sl_buf *sql)
{
    for (size_t i = 0; i < pass->key_count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_cleanse_add_kept_as(pass, pass->key[i], sql);
    }
}

// Planning is worth more than it costs unless the statement is long and the rows are few: for a
// thousand columns and ten thousand rows both take seconds.
bool sl_cleanse_is_hurried(const struct sl_cleanse *cleanse, size_t sql_length)
{
    enum { LONG_SQL = 64 << 10, FEW_ROWS = 10000 };
    return sql_length >= LONG_SQL && !cleanse->range.is_replay && cleanse->row_count <= FEW_ROWS;
}

int sl_cleanse_exec(struct sl_cleanse *cleanse, const struct sl_buf *sql, struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_TRY(sl_buf_check(sql, err));
    if (!sl_cleanse_is_hurried(cleanse, sql->length))
        return session->kind->exec(session, sql->text, NULL, err);
    SL_TRY(session->kind->hurry(session, true, err));
    int code = session->kind->exec(session, sql->text, NULL, err);
    int back = session->kind->hurry(session, false, code == SL_OK ? err : NULL);
    return code == SL_OK ? back : code;
}

int sl_cleanse_query(struct sl_cleanse *cleanse, const struct sl_buf *sql, struct sl_result **ret,
                     struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    SL_TRY(sl_buf_check(sql, err));
    return session->kind->query(session, sql->text, 0, ret, err);
}

static const char *filtered(const struct sl_cleanse *cleanse)
{
    return cleanse->pass.filter ? cleanse->pass.filter : "false";
}

// _dup: keys that more than one row of the range has, or that clean has already. Rows that will be
// rejected count too: cheap, and harmless.
static int find_rivals(struct sl_cleanse *cleanse, int64_t *ret_rows, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    struct sl_session *session = cleanse->context->session;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_add(&sql, "create or replace temp table _dup as select ");
    sl_cleanse_kept_key(pass, &sql);
    sl_buf_addf(&sql, ", count(*) as \"~n\" from %s group by all having count(*) > 1",
                cleanse->rows[SL_PASS_GOOD]);
    if (cleanse->before.file_count) {
        sl_buf_add(&sql, " union all select ");
        sl_cleanse_names("", pass->key, pass->key_count, &sql);
        sl_buf_add(&sql, ", 1 from _old");
    }
    SL_TRY(sl_buf_check(&sql, err));
    // Never hurried: of all columns the plan leaves those of the key.
    SL_TRY(session->kind->exec(session, sql.text, NULL, err));
    sl_buf_reset(&sql);
    sl_buf_add(&sql, "select coalesce(sum(\"~n\"), 0) from _dup");
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    *ret_rows = sl_result_int(result, 0, 0);
    return SL_OK;
}

static int set_aside(struct sl_cleanse *cleanse, bool has_rivals, int64_t *ret_rows,
                     struct sl_err *err)
{
    struct sl_session *session = cleanse->context->session;
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _aside as select \"~file\", \"~row\", "
                "%s as \"%s\", %s from %s where %s or %s or %s",
                pass->flag, cleanse->flag, pass->received, cleanse->rows[SL_PASS_FLAGGED],
                pass->is_bad, pass->is_aside, filtered(cleanse));
    if (has_rivals) {
        sl_buf_add(&sql, " or ");
        sl_cleanse_row_key_in(pass, "in", "_dup", &sql);
    }
    if (pass->unique_count) {
        sl_buf_add(&sql, " or ");
        sl_cleanse_add_taken(pass, true, &sql);
    }
    SL_TRY(sl_buf_check(&sql, err));
    return session->kind->exec(session, sql.text, ret_rows, err);
}

static int create_side(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    // Without the steps on the way to the values (contract/read.h).
    sl_buf_addf(&sql,
                "create or replace temp table _side as select columns(lambda c: not "
                "regexp_full_match(c, '~[qkty][0-9]+')) from %s",
                cleanse->rows[SL_PASS_ALL]);
    return sl_cleanse_exec(cleanse, &sql, err);
}

static int find_dropped(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _drop as select \"~file\", \"~row\" from _side where "
                "%s or %s",
                cleanse->pass.is_bad, filtered(cleanse));
    if (cleanse->pass.key_count)
        sl_buf_add(
            &sql, " union all select \"~file\", \"~row\" from _rank where \"~new\" and \"~n\" > 1");
    if (cleanse->pass.unique_count)
        sl_buf_add(&sql, " union all select \"~file\", \"~row\" from _late where not "
                         "\"~gives_way\"");
    return sl_cleanse_exec(cleanse, &sql, err);
}

// Messages are made here only, for the rows that need them.
static int explain(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    bool has_late = pass->unique_count > 0;
    char at[32];
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql,
                "create or replace temp table _bad as select s.* exclude (waits_for, set_aside)%s, "
                "%s, s.waits_for, s.set_aside from (select %s as payload, %s as waits_for, case "
                "when not %s%s then %s end as set_aside, cast(%s%s%s as %s) as reasons, cast('%s' "
                "as %s) as at, ",
                cleanse->has_seen ? " replace (coalesce(f.\"at\", s.\"at\") as \"at\", "
                                    "coalesce(f.run_id, s.run_id) as run_id)"
                                  : "",
                cleanse->has_discarded ? "d.discarded_at, d.discarded_by, d.discard_reason"
                                       : "cast(null as TIMESTAMPTZ) as discarded_at, cast(null as "
                                         "VARCHAR) as discarded_by, cast(null as VARCHAR) as "
                                         "discard_reason",
                pass->payload, pass->waits_for, pass->is_bad,
                has_late ? " and l.\"~reasons\" is null" : "", pass->set_aside,
                has_late ? "list_concat(" : "", pass->reasons,
                has_late ? ", coalesce(l.\"~reasons\", []))" : "", sl_quarantine_columns[1].type,
                sl_clock_format(cleanse->context->now_us, at), sl_quarantine_columns[2].type);
    sl_buf_add_sql_string(&sql, cleanse->context->run_id);
    sl_buf_addf(
        &sql,
        " as run_id, _source, _position, %s as corrupt from _side%s where (%s or %s%s) and not "
        "%s) s",
        pass->corrupt,
        has_late ? " left join (select * from _late where not \"~gives_way\") l using "
                   "(\"~file\", \"~row\")"
                 : "",
        pass->is_bad, pass->is_aside, has_late ? " or l.\"~reasons\" is not null" : "",
        filtered(cleanse));
    if (cleanse->has_discarded)
        sl_buf_add(&sql, " left join _discarded d on s._source = d._source and s._position = "
                         "d._position");
    // The same row, and not another that stands in its place now.
    if (cleanse->are_discarded_shown)
        sl_buf_add(&sql, " and s.payload is not distinct from d.payload and s.corrupt is not "
                         "distinct from d.corrupt");
    sl_cleanse_add_seen(cleanse, &sql);
    return sl_cleanse_exec(cleanse, &sql, err);
}

static int count(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_addf(&sql,
                "select b.*, s.*%s from (select count(*) filter (where set_aside is null), "
                "count(waits_for), count(discarded_at) filter (where waits_for is null and "
                "set_aside is null), count(set_aside), coalesce(sum(len(set_aside)), 0)::BIGINT "
                "from _bad) b, (select count(*) filter (where %s), count(*) filter (where "
                "\"~flag\" <> %s) from _side) s",
                cleanse->pass.key_count ? ", r.*" : "", filtered(cleanse), cleanse->pass.flag);
    // One aggregate for each table: the engine would join as many as there are counts.
    if (cleanse->pass.key_count)
        sl_buf_add(&sql, ", (select count(*) from _rank where \"~new\" and \"~n\" > 1) r");
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    cleanse->balance.quarantined = sl_result_int(result, 0, 0);
    cleanse->held = sl_result_int(result, 0, 1);
    cleanse->discarded = sl_result_int(result, 0, 2);
    cleanse->balance.set_aside_rows = sl_result_int(result, 0, 3);
    cleanse->balance.set_aside_values = sl_result_int(result, 0, 4);
    cleanse->balance.filtered = sl_result_int(result, 0, 5);
    int64_t otherwise = sl_result_int(result, 0, 6);
    if (cleanse->pass.key_count)
        cleanse->balance.deduplicated = sl_result_int(result, 0, 7);
    if (otherwise > 0)
        return sl_fail(err, SL_E_BALANCE, "%lld rows are flagged otherwise than their reasons say",
                       (long long)otherwise);
    return SL_OK;
}

void sl_cleanse_add_rows_that_stay(const struct sl_cleanse *cleanse, enum sl_pass_rows rows,
                                   struct sl_buf *sql)
{
    sl_buf_addf(sql, " from %s n", cleanse->rows[rows]);
    // Never `not exists`: it becomes an anti join, which the engine may turn round and then keeps
    // the wide rows in memory.
    sl_buf_add(sql,
               " where (n.\"~file\", n.\"~row\") not in (select (\"~file\", \"~row\") from _drop)");
}

// All rows are good, and no two have the same key: what is left are warnings.
static int drop_nothing(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "create or replace temp table _drop as select cast(null as BIGINT) as "
                     "\"~file\", cast(null as BIGINT) as \"~row\" where false");
    SL_TRY(sl_cleanse_exec(cleanse, &sql, err));
    return sl_cleanse_count_reasons(cleanse, err);
}

int sl_cleanse_split(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_cleanse_range *range = &cleanse->range;
    bool is_plain = range->is_full && !range->is_resumed && !range->is_replay;
    bool has_key = cleanse->pass.key_count > 0;
    int64_t rivals = 0, special;
    if (has_key && cleanse->before.file_count)
        SL_TRY(sl_cleanse_find_old(cleanse, err));
    if (has_key)
        SL_TRY(find_rivals(cleanse, &rivals, err));
    SL_TRY(sl_cleanse_find_taken(cleanse, err));
    bool is_side_complete = rivals <= cleanse->row_count / (100 / MANY_RIVALS);
    SL_TRY(set_aside(cleanse, has_key && rivals > 0 && is_side_complete, &special, err));
    if (is_plain && !cleanse->pass.unique_count && rivals == 0 && special == 0)
        return drop_nothing(cleanse, err);
    SL_TRY(create_side(cleanse, err));
    if (has_key)
        SL_TRY(sl_cleanse_rank(cleanse, is_side_complete, err));
    SL_TRY(sl_cleanse_find_late(cleanse, err));
    if (cleanse->why_all)
        return SL_OK;
    SL_TRY(find_dropped(cleanse, err));
    SL_TRY(explain(cleanse, err));
    SL_TRY(sl_cleanse_look_at_selves(cleanse, err));
    if (cleanse->why_all)
        return SL_OK;
    SL_TRY(count(cleanse, err));
    if (cleanse->range.is_replay)
        SL_TRY(sl_cleanse_count_newly_rejected(cleanse, err));
    SL_TRY(sl_cleanse_count_reasons(cleanse, err));
    if ((has_key || cleanse->selves) && cleanse->before.file_count)
        return sl_cleanse_find_touched(cleanse, err);
    return SL_OK;
}

static void add_clean_columns(const struct sl_cleanse *cleanse, struct sl_buf *sql)
{
    for (size_t i = 0; i < cleanse->pass.column_count; i++) {
        sl_buf_addf(sql, "%s%s as ", i ? ", " : "", cleanse->pass.typed[i]);
        sl_buf_add_sql_name(sql, cleanse->pass.columns[i].name);
    }
}

int sl_cleanse_clean_sql(struct sl_cleanse *cleanse, struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add(sql, "select ");
    add_clean_columns(cleanse, sql);
    sl_cleanse_add_rows_that_stay(cleanse, SL_PASS_GOOD, sql);
    if (cleanse->touched_count)
        SL_TRY(sl_cleanse_add_kept(cleanse, sql, err));
    return sl_buf_check(sql, err);
}
