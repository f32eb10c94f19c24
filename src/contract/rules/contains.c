#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    return sl_rule_compile_affix(site, "contains", "does not contain", broken, message);
}

const struct sl_rule_kind sl_rule_contains = {
    .name = "contains",
    .summary = "The text contains one of a list.",
    .example = "implementation: {kind: contains, values: ['@']}",
    .compile = compile,
};
