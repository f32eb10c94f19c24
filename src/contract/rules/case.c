#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const char *text = site->reading->text;
    bool is_upper = sl_str_equal(site->rule->text, "upper");
    sl_buf_addf(broken, "%s <> %s(%s)", text, is_upper ? "upper" : "lower", text);
    sl_rule_says(site, message, "has %s-case letters", is_upper ? "lower" : "upper");
    return true;
}

const struct sl_rule_kind sl_rule_case = {
    .name = "case",
    .summary = "All letters of the text are upper-case, or lower-case.",
    .example = "implementation: {kind: case, is: upper}",
    .compile = compile,
};
