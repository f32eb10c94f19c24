#include "contract/rule.h"

// In characters (code points), as JSON Schema counts; of text as it will stand in the table.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    const char *text = site->reading->text;
    int64_t min = 0, max = INT64_MAX;
    if ((rule->min && !sl_str_to_int64(rule->min, &min)) ||
        (rule->max && !sl_str_to_int64(rule->max, &max)) || min < 0 || max < min ||
        (!rule->min && !rule->max))
        return sl_rule_refuse(site, "it needs a minimum or maximum length, each a whole number, "
                                    "the minimum not above the maximum");
    if (rule->min)
        sl_buf_addf(broken, "length(%s) < %lld", text, (long long)min);
    if (rule->max)
        sl_buf_addf(broken, "%slength(%s) > %lld", rule->min ? " or " : "", text, (long long)max);
    sl_buf_addf(message, "case when length(%s) < %lld then ", text, (long long)min);
    sl_rule_says(site, message, "is shorter than %lld characters", (long long)min);
    sl_buf_add(message, " else ");
    sl_rule_says(site, message, "is longer than %lld characters", (long long)max);
    sl_buf_add(message, " end");
    return true;
}

const struct sl_rule_kind sl_rule_length = {
    .name = "length",
    .summary = "The text has at least and at most so many characters.",
    .example = "logicalTypeOptions: {minLength: 1, maxLength: 40}",
    .compile = compile,
};
