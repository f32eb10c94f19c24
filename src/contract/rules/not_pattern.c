#include "base/matches.h"
#include "contract/rule.h"

// RE2, found anywhere in the text, as in the kind pattern.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    sl_buf_add_sql_matches(broken, site->reading->text, site->rule->text);
    sl_rule_says(site, message, "matches the pattern %s", site->rule->text);
    return true;
}

const struct sl_rule_kind sl_rule_not_pattern = {
    .name = "not_pattern",
    .summary = "The text does not match a regular expression (RE2, unanchored).",
    .example = "implementation: {kind: not_pattern, pattern: '(?i)lorem ipsum'}",
    .compile = compile,
};
