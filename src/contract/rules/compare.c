#include "contract/rule.h"

// One without a value passes: that there is one is the affair of `required`. try() keeps numbers
// that no type holds both of from ending the pass.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_contract_column *const *columns = sl_rule_columns(site);
    if (!columns || !sl_rule_are_alike(site, columns))
        return false;
    sl_buf_add(broken, "not try(");
    sl_rule_value(columns[0], broken);
    sl_buf_addf(broken, " %s ", site->rule->operation);
    sl_rule_value(columns[1], broken);
    sl_buf_add(broken, ")");
    sl_rule_shows(columns[0], message);
    sl_rule_adds(message, " is not %s ", site->rule->operation);
    sl_buf_add(message, " || ");
    sl_rule_shows(columns[1], message);
    return true;
}

const struct sl_rule_kind sl_rule_compare = {
    .name = "compare",
    .summary = "The column compares so with another one of the row.",
    .example = "implementation: {kind: compare, op: '>=', to: ordered_at}",
    .is_for_rows = true,
    .compile = compile,
};
