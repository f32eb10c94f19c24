#include "contract/rule.h"

// Columns without a value are not the same as others.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    bool is_first = true;
    if (!columns || !sl_rule_are_alike(site, columns))
        return false;
    if (!columns[0] || !columns[1])
        return sl_rule_refuse(site, "it needs two columns or more");
    for (size_t i = 0; columns[i]; i++)
        for (size_t k = i + 1; columns[k]; k++) {
            sl_buf_add(broken, is_first ? "try(" : " or try(");
            sl_rule_value(columns[i], broken);
            sl_buf_add(broken, " = ");
            sl_rule_value(columns[k], broken);
            sl_buf_add(broken, ")");
            is_first = false;
        }
    for (size_t i = 0; columns[i]; i++) {
        sl_buf_add(message, i ? " || ', ' || " : "");
        sl_rule_shows(columns[i], message);
    }
    sl_rule_adds(message, " are not all different");
    return true;
}

const struct sl_rule_kind sl_rule_different = {
    .name = "different",
    .summary = "No two of the columns have the same value.",
    .example = "implementation: {kind: different, columns: [sender, receiver]}",
    .is_for_rows = true,
    .compile = compile,
};
