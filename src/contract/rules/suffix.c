#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    return sl_rule_compile_affix(site, "suffix", "does not end in", broken, message);
}

const struct sl_rule_kind sl_rule_suffix = {
    .name = "suffix",
    .summary = "The text ends in one of a list.",
    .example = "implementation: {kind: suffix, values: [.com, .org]}",
    .compile = compile,
};
