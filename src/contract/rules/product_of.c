#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    return sl_rule_compile_total(site, true, broken, message);
}

const struct sl_rule_kind sl_rule_product_of = {
    .name = "product_of",
    .summary = "The column is the product of others.",
    .example = "implementation: {kind: product_of, columns: [price, quantity], tolerance: 0.005}",
    .is_for_rows = true,
    .compile = compile,
};
