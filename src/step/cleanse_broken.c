// How many rows break the rules of each dimension: a row that breaks four of one counts once.
#include "contract/dimension.h"
#include "step/cleanse.h"

static enum sl_dimension dimension_of(const struct sl_cleanse *cleanse, const char *rule)
{
    return sl_contract_dimension_named(cleanse->contract, rule);
}

void sl_cleanse_add_broken(struct sl_cleanse *cleanse, const char *rule, int64_t rows)
{
    cleanse->broken.rows[dimension_of(cleanse, rule)] += rows;
}

static void add_dimensions(const struct sl_cleanse *cleanse, const struct sl_strs *rules,
                           struct sl_buf *sql)
{
    sl_buf_add(sql, "list_transform(reasons, lambda z: case z.\"rule\"");
    for (size_t i = 0; i < rules->count; i++) {
        sl_buf_add(sql, " when ");
        sl_buf_add_sql_string(sql, rules->items[i]);
        sl_buf_addf(sql, " then %d", (int)dimension_of(cleanse, rules->items[i]));
    }
    sl_buf_add(sql, " end)");
}

// Those of _bad are the rejects counted.
static int list_rejects(const struct sl_cleanse *cleanse, struct sl_strs *ret, struct sl_err *err)
{
    *ret = (struct sl_strs){0};
    for (size_t i = 0; i < cleanse->reason_count; i++)
        if (!cleanse->reasons[i].is_warning)
            SL_TRY(sl_strs_add(ret, cleanse->context->arena, cleanse->reasons[i].rule, err));
    return SL_OK;
}

int sl_cleanse_count_broken(struct sl_cleanse *cleanse, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_strs rules;
    cleanse->broken = (struct sl_broken){.is_known = true};
    SL_TRY(list_rejects(cleanse, &rules, err));
    if (!cleanse->reason_count)
        return SL_OK;
    sl_buf_add(&sql, "select d, count(*) from (select unnest(list_distinct(");
    add_dimensions(cleanse, &rules, &sql);
    sl_buf_add(&sql, ")) as d from _bad) group by d");
    SL_TRY(sl_cleanse_query(cleanse, &sql, &result, err));
    for (int64_t row = 0; row < sl_result_rows(result); row++)
        cleanse->broken.rows[sl_result_int(result, row, 0)] = sl_result_int(result, row, 1);
    return SL_OK;
}

// Rows that come into clean without a value have been counted.
static void add_uncounted(const struct sl_cleanse *cleanse, int dimension, struct sl_buf *sql)
{
    struct sl_strs rules;
    if (!cleanse->balance.set_aside_rows)
        return;
    sql->has_failed |= list_rejects(cleanse, &rules, NULL) != SL_OK;
    sl_buf_add(sql, " and (n._source, n._position) not in (select (_source, _position) from _bad "
                    "where set_aside is not null and list_contains(");
    add_dimensions(cleanse, &rules, sql);
    sl_buf_addf(sql, ", %d))", dimension);
}

void sl_cleanse_add_warned(const struct sl_cleanse *cleanse, struct sl_buf *sql)
{
    const struct sl_pass *pass = &cleanse->pass;
    for (int dimension = 0; dimension < SL_DIMENSIONS; dimension++) {
        sl_buf_add(sql, ", count_if((false");
        size_t count = 0;
        for (size_t i = 0; i < pass->rule_count; i++) {
            const struct sl_pass_rule *rule = &pass->rules[i];
            // Rules that a share may break are told, or not, by all rows: they are added by
            // themselves.
            if (!rule->is_warning || (rule->rule && rule->rule->mostly) ||
                (int)dimension_of(cleanse, rule->name) != dimension)
                continue;
            sl_buf_addf(sql, " or coalesce(%s, false)", rule->flagged);
            count++;
        }
        sl_buf_add(sql, ")");
        if (count)
            add_uncounted(cleanse, dimension, sql);
        sl_buf_add(sql, ")");
    }
}
