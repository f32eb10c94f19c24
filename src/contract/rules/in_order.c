#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const char *operation = sl_str_equal(site->rule->operation, "exactly") ? ">=" : ">";
    return sl_rule_compile_pairs(site, operation, "are not in this order", broken, message);
}

const struct sl_rule_kind sl_rule_in_order = {
    .name = "in_order",
    .summary = "The columns that have a value rise in the order in which they are listed.",
    .example = "implementation: {kind: in_order, columns: [ordered_at, paid_at, shipped_at]}",
    .is_for_rows = true,
    .compile = compile,
};
