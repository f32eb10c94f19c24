#include "base/matches.h"
#include "contract/rule.h"

// A regular expression in RE2's syntax, found anywhere in the text as in JSON Schema (which ODCS
// follows): anchor it with ^ and $ to bind the whole. Sees the text after trimming, nullValues and
// default, whether or not it can be read as the column's type.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    if (!site->rule->text)
        return sl_rule_refuse(site, "it has no pattern");
    sl_buf_add(broken, "not ");
    sl_buf_add_sql_matches(broken, site->reading->text, site->rule->text);
    sl_rule_says(site, message, "does not match the pattern %s", site->rule->text);
    return true;
}

const struct sl_rule_kind sl_rule_pattern = {
    .name = "pattern",
    .summary = "The text matches a regular expression (RE2, unanchored).",
    .example = "logicalTypeOptions: {pattern: '^[A-Z]{2}[0-9]+$'}",
    .compile = compile,
};
