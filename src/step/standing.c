// What a table is made of, told by each commit from what the one before has told: the log alone
// says how good the rows are that stand in it.
#include "contract/dimension.h"
#include "step/cleanse.h"

// The dimension that the rule had when rows were counted; a contract of today may not have it.
static enum sl_dimension dimension_of(const struct sl_contract_table *contract,
                                      const struct sl_standing *before, const char *rule)
{
    enum sl_dimension dimension;
    for (size_t i = 0; i < before->rules.count; i++)
        if (sl_str_equal(before->rules.items[i], rule) &&
            sl_dimension_parse(before->dimensions.items[i], &dimension))
            return dimension;
    return sl_contract_dimension_named(contract, rule);
}

static int name_rule(struct sl_standing *standing, const char *rule, const char *dimension,
                     struct sl_arena *arena, struct sl_err *err)
{
    if (sl_strs_has(&standing->rules, rule))
        return SL_OK;
    const char *kept = sl_arena_strdup(arena, rule);
    SL_TRY_NEW(kept, err);
    SL_TRY(sl_strs_add(&standing->rules, arena, kept, err));
    return sl_strs_add(&standing->dimensions, arena, dimension, err);
}

static int add_cases(const struct sl_standing_count *count, struct sl_standing *ret,
                     struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf rules = SL_BUF_INIT;
    sl_buf_addf(&rules,
                "select distinct r.\"rule\" from (select unnest(reasons) as r from %s) order by 1",
                count->relation);
    SL_TRY(sl_buf_check(&rules, err));
    SL_TRY(count->session->kind->query(count->session, rules.text, 0, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        const char *rule = sl_result_text(result, row, 0);
        enum sl_dimension dimension = dimension_of(count->contract, count->before, rule);
        sl_buf_add(sql, " when ");
        sl_buf_add_sql_string(sql, rule);
        sl_buf_addf(sql, " then %d", (int)dimension);
        SL_TRY(name_rule(ret, rule, sl_dimension_name(dimension), count->arena, err));
    }
    if (!sl_result_rows(result))
        sl_buf_add(sql, " when '' then -1");
    return SL_OK;
}

int sl_standing_count(const struct sl_standing_count *count, struct sl_standing *ret,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_standing standing = {.is_known = true, .broken.is_known = true};
    sl_buf_add(&sql, "select d, count(*) from (select unnest(list_append(list_distinct("
                     "list_transform(reasons, lambda z: case z.\"rule\"");
    SL_TRY(add_cases(count, &standing, &sql, err));
    sl_buf_addf(&sql,
                " end)), case when is_published then -2 else -1 end)) as d from %s) where d is not "
                "null group by d",
                count->relation);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(count->session->kind->query(count->session, sql.text, 0, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        int64_t dimension = sl_result_int(result, row, 0);
        if (dimension >= 0)
            standing.broken.rows[dimension] = sl_result_int(result, row, 1);
        else if (dimension == -1)
            standing.rows = sl_result_int(result, row, 1);
    }
    *ret = standing;
    return SL_OK;
}

static void add_broken(struct sl_broken *to, const struct sl_broken *broken, int sign)
{
    for (int i = 0; i < SL_DIMENSIONS; i++) {
        to->rows[i] += sign * broken->rows[i];
        if (to->rows[i] < 0)
            to->rows[i] = 0;
    }
}

// What was counted by these names goes on to be so.
static int add_names(struct sl_standing *standing, const struct sl_standing *from,
                     struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < from->rules.count; i++)
        SL_TRY(name_rule(standing, from->rules.items[i], from->dimensions.items[i], arena, err));
    return SL_OK;
}

static int take_out(struct sl_cleanse *cleanse, const char *relation,
                    const struct sl_standing *before, struct sl_standing *standing,
                    struct sl_err *err)
{
    const struct sl_standing_count count = {.session = cleanse->context->session,
                                            .contract = cleanse->contract,
                                            .before = before,
                                            .relation = relation,
                                            .arena = cleanse->context->arena};
    struct sl_standing gone;
    SL_TRY(sl_standing_count(&count, &gone, err));
    add_broken(&standing->broken, &gone.broken, -1);
    standing->rows -= gone.rows;
    return SL_OK;
}

int sl_cleanse_standing(struct sl_cleanse *cleanse, struct sl_standing *ret, struct sl_err *err)
{
    struct sl_arena *arena = cleanse->context->arena;
    const struct sl_standing *before = &cleanse->clean.record.standing;
    struct sl_standing standing = *before;
    if (cleanse->range.is_full || cleanse->clean.head.version < 0)
        standing = (struct sl_standing){.is_known = true};
    *ret = (struct sl_standing){0};
    if (!standing.is_known)
        return SL_OK;
    // The rows stay what they are, and are judged anew.
    int64_t rows = standing.rows + (cleanse->range.is_replay ? 0 : cleanse->balance.in);
    if (cleanse->range.is_replay)
        SL_TRY(take_out(cleanse, "_again", before, &standing, err));
    standing.rows = rows;
    add_broken(&standing.broken, &cleanse->broken, 1);
    standing.rules = standing.dimensions = (struct sl_strs){0};
    for (size_t i = 0; i < cleanse->reason_count; i++)
        if (!cleanse->reasons[i].is_warning)
            SL_TRY(name_rule(&standing, cleanse->reasons[i].rule,
                             sl_dimension_name(sl_contract_dimension_named(
                                 cleanse->contract, cleanse->reasons[i].rule)),
                             arena, err));
    if (!cleanse->range.is_full)
        SL_TRY(add_names(&standing, before, arena, err));
    *ret = standing;
    return SL_OK;
}

#define OF_DISCARDED "(_source, _position) in (select (_source, _position) from _discarded)"

int sl_cleanse_given_up(struct sl_cleanse *cleanse, struct sl_standing *ret, struct sl_err *err)
{
    struct sl_arena *arena = cleanse->context->arena;
    const struct sl_standing *before = &cleanse->quarantine.record.standing;
    bool is_judged = cleanse->range.is_full || cleanse->range.is_replay;
    struct sl_standing now, standing = *before;
    if (cleanse->range.is_full)
        standing = (struct sl_standing){.is_known = true};
    *ret = standing;
    if (!is_judged || !cleanse->has_discarded)
        return SL_OK;
    if (cleanse->range.is_replay)
        SL_TRY(take_out(cleanse, "(select * from _again where " OF_DISCARDED ")", before, &standing,
                        err));
    const struct sl_standing_count count = {
        .session = cleanse->context->session,
        .contract = cleanse->contract,
        .before = &(struct sl_standing){0},
        .relation = "(select reasons, set_aside is not null as is_published from _bad where "
                    "discarded_at is not null)",
        .arena = arena};
    SL_TRY(sl_standing_count(&count, &now, err));
    add_broken(&now.broken, &standing.broken, 1);
    now.rows += standing.rows;
    SL_TRY(add_names(&now, &standing, arena, err));
    *ret = now;
    return SL_OK;
}
