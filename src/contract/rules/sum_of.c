#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    return sl_rule_compile_total(site, false, broken, message);
}

const struct sl_rule_kind sl_rule_sum_of = {
    .name = "sum_of",
    .summary = "The column is the sum of others; one of them without a value counts as 0.",
    .example = "implementation: {kind: sum_of, columns: [net, tax], tolerance: 0.01}",
    .is_for_rows = true,
    .compile = compile,
};
