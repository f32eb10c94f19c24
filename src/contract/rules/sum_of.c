#include "contract/rule.h"

// Doubles are compared as near as they can be unless a tolerance is given.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    const char *tolerance = site->rule->tolerance;
    SL_AUTO(sl_buf_clear) struct sl_buf sum = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf limit = SL_BUF_INIT;
    double value = 0;
    bool has_double = false;
    if (!columns || !sl_rule_are_alike(site, columns))
        return false;
    if (!sl_rule_is_number(columns[0]->type.kind))
        return sl_rule_refuse(site, "column '%s' is no number", columns[0]->name);
    if (!columns[1])
        return sl_rule_refuse(site, "it needs columns to be added up");
    if (tolerance &&
        (!sl_rule_number(tolerance, &limit) || !sl_str_to_double(tolerance, &value) || value < 0))
        return sl_rule_refuse(site, "the tolerance '%s' is not a number from 0 on", tolerance);
    for (size_t i = 0; columns[i]; i++)
        has_double |= columns[i]->type.kind == SL_TYPE_DOUBLE;
    for (size_t i = 1; columns[i]; i++) {
        sl_buf_add(&sum, i > 1 ? " + coalesce(" : "coalesce(");
        sl_rule_name(columns[i], &sum);
        sl_buf_add(&sum, ", 0)");
    }
    sl_buf_add(broken, "try(abs(");
    sl_rule_name(columns[0], broken);
    sl_buf_addf(broken, " - (%s)) > ", sum.text);
    if (tolerance || !has_double)
        sl_buf_add(broken, tolerance ? limit.text : "0");
    else
        sl_buf_addf(broken, "1e-9 * abs(%s)", sum.text);
    sl_buf_add(broken, ")");
    sl_rule_shows(columns[0], message);
    sl_rule_adds(message, " is not the sum of ");
    for (size_t i = 1; columns[i]; i++) {
        sl_buf_add(message, i > 1 ? " || ', ' || " : " || ");
        sl_rule_shows(columns[i], message);
    }
    broken->has_failed |= sum.has_failed || limit.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_sum_of = {
    .name = "sum_of",
    .summary = "The column is the sum of others; one of them without a value counts as 0.",
    .example = "implementation: {kind: sum_of, columns: [net, tax], tolerance: 0.01}",
    .is_for_rows = true,
    .compile = compile,
};
