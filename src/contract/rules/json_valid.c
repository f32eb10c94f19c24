#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    sl_buf_addf(broken, "not json_valid(%s)", site->reading->text);
    sl_rule_says(site, message, "is not JSON");
    return true;
}

const struct sl_rule_kind sl_rule_json_valid = {
    .name = "json_valid",
    .summary = "The text is valid JSON of any kind.",
    .example = "implementation: {kind: json_valid}",
    .compile = compile,
};
