#include "contract/rule.h"

// Doubles are compared as near as they can be unless a tolerance is given.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    const char *tolerance = site->rule->tolerance;
    SL_AUTO(sl_buf_clear) struct sl_buf product = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf limit = SL_BUF_INIT;
    double value = 0;
    bool has_double = false;
    if (!columns || !sl_rule_are_alike(site, columns))
        return false;
    if (!sl_rule_is_number(columns[0]->type.kind))
        return sl_rule_refuse(site, "column '%s' is no number", columns[0]->name);
    if (!columns[1])
        return sl_rule_refuse(site, "it needs columns to be multiplied");
    if (tolerance &&
        (!sl_rule_number(tolerance, &limit) || !sl_str_to_double(tolerance, &value) || value < 0))
        return sl_rule_refuse(site, "the tolerance '%s' is not a number from 0 on", tolerance);
    for (size_t i = 0; columns[i]; i++)
        has_double |= columns[i]->type.kind == SL_TYPE_DOUBLE;
    for (size_t i = 1; columns[i]; i++) {
        sl_buf_add(&product, i > 1 ? " * " : "");
        sl_rule_name(columns[i], &product);
    }
    sl_buf_add(broken, "try(abs(");
    sl_rule_name(columns[0], broken);
    sl_buf_addf(broken, " - (%s)) > ", product.text);
    if (tolerance || !has_double)
        sl_buf_add(broken, tolerance ? limit.text : "0");
    else
        sl_buf_addf(broken, "1e-9 * abs(%s)", product.text);
    sl_buf_add(broken, ")");
    sl_rule_shows(columns[0], message);
    sl_rule_adds(message, " is not the product of ");
    for (size_t i = 1; columns[i]; i++) {
        sl_buf_add(message, i > 1 ? " || ', ' || " : " || ");
        sl_rule_shows(columns[i], message);
    }
    broken->has_failed |= product.has_failed || limit.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_product_of = {
    .name = "product_of",
    .summary = "The column is the product of others.",
    .example = "implementation: {kind: product_of, columns: [price, quantity], tolerance: 0.005}",
    .is_for_rows = true,
    .compile = compile,
};
