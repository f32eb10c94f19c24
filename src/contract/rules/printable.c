#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    sl_buf_addf(broken, "regexp_matches(%s, '\\p{Cc}')", site->reading->text);
    sl_rule_says(site, message, "has control characters");
    return true;
}

const struct sl_rule_kind sl_rule_printable = {
    .name = "printable",
    .summary = "The text has no control characters, such as tabs and line ends.",
    .example = "implementation: {kind: printable}",
    .compile = compile,
};
