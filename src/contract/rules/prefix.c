#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    return sl_rule_compile_affix(site, "starts_with", "does not begin with", broken, message);
}

const struct sl_rule_kind sl_rule_prefix = {
    .name = "prefix",
    .summary = "The text begins with one of a list.",
    .example = "implementation: {kind: prefix, values: [DE-, AT-]}",
    .compile = compile,
};
