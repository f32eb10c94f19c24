#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    return sl_rule_compile_pairs(site, "=", "are not all different", broken, message);
}

const struct sl_rule_kind sl_rule_different = {
    .name = "different",
    .summary = "No two of the columns have the same value.",
    .example = "implementation: {kind: different, columns: [sender, receiver]}",
    .is_for_rows = true,
    .compile = compile,
};
