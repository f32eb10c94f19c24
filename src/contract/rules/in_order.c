#include "contract/rule.h"

// Every one with all that come after it: one without a value in between hides nothing.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    bool is_strict = sl_str_equal(site->rule->operation, "exactly"), is_first = true;
    if (!columns || !sl_rule_are_alike(site, columns))
        return false;
    if (!columns[0] || !columns[1])
        return sl_rule_refuse(site, "it needs two columns or more");
    for (size_t i = 0; columns[i]; i++)
        for (size_t k = i + 1; columns[k]; k++) {
            sl_buf_add(broken, is_first ? "try(" : " or try(");
            sl_rule_value(columns[i], broken);
            sl_buf_add(broken, is_strict ? " >= " : " > ");
            sl_rule_value(columns[k], broken);
            sl_buf_add(broken, ")");
            is_first = false;
        }
    for (size_t i = 0; columns[i]; i++) {
        sl_buf_add(message, i ? " || ', ' || " : "");
        sl_rule_shows(columns[i], message);
    }
    sl_rule_adds(message, " are not in this order");
    return true;
}

const struct sl_rule_kind sl_rule_in_order = {
    .name = "in_order",
    .summary = "The columns that have a value rise in the order in which they are listed.",
    .example = "implementation: {kind: in_order, columns: [ordered_at, paid_at, shipped_at]}",
    .is_for_rows = true,
    .compile = compile,
};
