// How many rows break each rule, and whether the step may go on with them.
#include "step/cleanse.h"

enum { EXAMPLES = 3 };

static int add_reason(struct sl_cleanse *cleanse, struct sl_reason_count reason, struct sl_err *err)
{
    struct sl_arena *arena = cleanse->context->arena;
    const char *column = reason.column;
    if (reason.rows == 0)
        return SL_OK;
    reason.rule = sl_arena_strdup(arena, reason.rule);
    SL_TRY_NEW(reason.rule, err);
    reason.column = sl_arena_strdup(arena, column);
    if (column)
        SL_TRY_NEW(reason.column, err);
    return SL_PUSH(arena, cleanse->reasons, cleanse->reason_count, reason) ? SL_OK
                                                                           : sl_fail_memory(err);
}

static int count_rejects(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_add(&sql,
               "select z.\"rule\", z.\"column\", count(*), v from (select unnest(reasons) as z, "
               "case when set_aside is null then 0 else 1 end as v from _bad) group by all "
               "order by 4, 3 desc, 1, 2");
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++)
        SL_TRY(add_reason(cleanse,
                          (struct sl_reason_count){.rule = sl_result_text(result, row, 0),
                                                   .column = sl_result_text(result, row, 1),
                                                   .rows = sl_result_int(result, row, 2),
                                                   .is_value = sl_result_int(result, row, 3) > 0},
                          err));
    return SL_OK;
}

static void add_condition(const struct sl_pass_rule *rule, struct sl_buf *sql)
{
    if (rule->rule && rule->rule->where)
        sl_buf_addf(sql, ", count_if(try(cast((\n%s\n) as BOOLEAN)))", rule->rule->where);
    else
        sl_buf_add(sql, ", count(*)");
}

static const char *share_of(const struct sl_pass_rule *rule)
{
    return rule->rule ? rule->rule->mostly : NULL;
}

// Whether as many of `rows` rows keep the rule as must.
static bool is_kept(const struct sl_pass_rule *rule, int64_t rows, int64_t broken)
{
    double share;
    if (!sl_str_to_double(share_of(rule), &share))
        return false;
    return (double)(rows - broken) >= share * (double)rows - 1e-9 * (double)rows;
}

// " such as a.csv:2 (message), ...": rows of a relation with _source, _position, message.
static int say_examples(struct sl_cleanse *cleanse, const struct sl_buf *rows, struct sl_buf *text,
                        struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "select _source, _position, message from (%s) order by 1, 2 limit %d",
                rows->text, EXAMPLES);
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        const char *message = sl_result_text(result, row, 2);
        sl_buf_addf(text, "%s%s:%lld%s%s%s", row ? ", " : ", such as ",
                    sl_result_text(result, row, 0), (long long)sl_result_int(result, row, 1),
                    message ? " (" : "", message ? message : "", message ? ")" : "");
    }
    return sl_buf_check(text, err);
}

static int stop(const struct sl_pass_rule *rule, const char *text, struct sl_err *err)
{
    const struct sl_place *place = rule->rule ? &rule->rule->place : NULL;
    int code = sl_fail(err, SL_E_RULE_BROKEN, "%s", text);
    if (place)
        (void)sl_err_at(err, place->file, place->line, place->column);
    (void)sl_err_hint(err, "nothing was published; mend the rows at their source, or let the rule "
                           "reject or warn");
    return code;
}

static int stop_by_share(struct sl_cleanse *cleanse, const struct sl_pass_rule *rule, int64_t rows,
                         int64_t broken, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_addf(&text,
                "rule '%s' of '%s' must hold for a share of %s of the rows, and %lld of %lld "
                "break it",
                rule->name, cleanse->clean.name, share_of(rule), (long long)broken,
                (long long)rows);
    sl_buf_add(&sql, "select _source, _position, cast(null as VARCHAR) as message");
    sl_cleanse_add_rows_that_stay(cleanse, SL_PASS_FLAGGED, &sql);
    sl_buf_addf(&sql, " and (%s)", rule->flagged);
    SL_TRY(say_examples(cleanse, &sql, &text, err));
    return stop(rule, text.text, err);
}

// Rows of a replay whose quarantine is published have been judged.
static bool is_share_kept(const struct sl_cleanse *cleanse, const struct sl_pass_rule *rule,
                          int64_t rows, int64_t broken)
{
    bool is_judged = cleanse->range.is_replay && cleanse->range.is_resumed;
    return share_of(rule) && (is_judged || is_kept(rule, rows, broken));
}

// The rows that a replay adds are few, and chosen by what they broke. If they keep the rule, they
// keep it together with all others, which have been judged; if not, all rows are read and judged.
static int judge_all(struct sl_cleanse *cleanse, const struct sl_pass_rule *rule,
                     struct sl_err *err)
{
    cleanse->why_all = sl_arena_printf(cleanse->context->arena,
                                       "%s, and too many of the rows read again break rule '%s'",
                                       cleanse->range.cause, rule->name);
    return cleanse->why_all ? SL_OK : sl_fail_memory(err);
}

static int add_warning(struct sl_cleanse *cleanse, const struct sl_pass_rule *rule, int64_t rows,
                       struct sl_err *err)
{
    if (share_of(rule))
        sl_cleanse_add_broken(cleanse, rule->name, rows);
    return add_reason(
        cleanse,
        (struct sl_reason_count){
            .rule = rule->name, .column = rule->column, .rows = rows, .is_warning = true},
        err);
}

// Over the rows that come into clean: the flag need not be computed again, only what the warning
// rules look at.
static int count_warnings(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    size_t column = 0;
    for (size_t i = 0; i < pass->unique_count; i++) {
        int64_t late = 0;
        if (pass->uniques[i].is_warning)
            SL_TRY(sl_cleanse_count_late(cleanse, i, &late, err));
        sl_cleanse_add_broken(cleanse, pass->uniques[i].rule->id, late);
        SL_TRY(add_reason(cleanse,
                          (struct sl_reason_count){.rule = pass->uniques[i].rule->id,
                                                   .column = pass->uniques[i].column,
                                                   .rows = late,
                                                   .is_warning = true},
                          err));
    }
    if (!pass->warning_count)
        return SL_OK;
    sl_buf_add(&sql, "select count(*)");
    for (size_t i = 0; i < pass->rule_count; i++)
        if (pass->rules[i].is_warning) {
            sl_buf_addf(&sql, ", count_if(%s)", pass->rules[i].flagged);
            add_condition(&pass->rules[i], &sql);
        }
    sl_cleanse_add_warned(cleanse, &sql);
    sl_cleanse_add_rows_that_stay(cleanse, SL_PASS_FLAGGED, &sql);
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        if (!rule->is_warning)
            continue;
        int64_t broken = sl_result_int(result, 0, ++column);
        int64_t rows = sl_result_int(result, 0, ++column);
        bool is_only_warning = rule->rule && rule->rule->severity == SL_RULE_WARN;
        bool is_enough = is_share_kept(cleanse, rule, rows, broken);
        if (!(is_only_warning && is_enough))
            SL_TRY(add_warning(cleanse, rule, broken, err));
        if (share_of(rule) && !is_only_warning && !is_enough)
            return cleanse->range.is_replay ? judge_all(cleanse, rule, err)
                                            : stop_by_share(cleanse, rule, rows, broken, err);
    }
    for (size_t i = 0; i < SL_DIMENSIONS; i++)
        cleanse->broken.rows[i] += sl_result_int(result, 0, ++column);
    return SL_OK;
}

static int64_t rejects_of(const struct sl_cleanse *cleanse, const struct sl_pass_rule *rule)
{
    for (size_t i = 0; i < cleanse->reason_count; i++)
        if (!cleanse->reasons[i].is_warning && sl_str_equal(cleanse->reasons[i].rule, rule->name))
            return cleanse->reasons[i].rows;
    return 0;
}

static int stop_by_row(struct sl_cleanse *cleanse, const struct sl_pass_rule *rule, int64_t rows,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_addf(&text, "%lld row%s of '%s' break%s rule '%s', which stops the step",
                (long long)rows, rows == 1 ? "" : "s", cleanse->raw.name, rows == 1 ? "s" : "",
                rule->name);
    sl_buf_add(&sql, "select _source, _position, z.message from (select _source, _position, "
                     "unnest(reasons) as z from _bad) where z.\"rule\" = ");
    sl_buf_add_sql_string(&sql, rule->name);
    SL_TRY(say_examples(cleanse, &sql, &text, err));
    return stop(rule, text.text, err);
}

// Rules that stop the step have set their rows aside like any other, with reasons.
static int check_stops(struct sl_cleanse *cleanse, struct sl_err *err)
{
    const struct sl_pass *pass = &cleanse->pass;
    for (size_t i = 0; i < pass->rule_count; i++) {
        const struct sl_pass_rule *rule = &pass->rules[i];
        int64_t rows = rule->is_stop ? rejects_of(cleanse, rule) : 0;
        if (rows > 0)
            return stop_by_row(cleanse, rule, rows, err);
    }
    for (size_t i = 0; i < pass->unique_count; i++) {
        const struct sl_rule *rule = pass->uniques[i].rule;
        const struct sl_pass_rule late = {.name = rule->id, .rule = rule};
        int64_t rows = rule->severity == SL_RULE_FAIL ? rejects_of(cleanse, &late) : 0;
        if (rows > 0)
            return stop_by_row(cleanse, &late, rows, err);
    }
    return SL_OK;
}

int sl_cleanse_count_reasons(struct sl_cleanse *cleanse, struct sl_err *err)
{
    if (cleanse->balance.quarantined + cleanse->balance.set_aside_rows > 0)
        SL_TRY(count_rejects(cleanse, err));
    SL_TRY(sl_cleanse_count_broken(cleanse, err));
    SL_TRY(check_stops(cleanse, err));
    return count_warnings(cleanse, err);
}
