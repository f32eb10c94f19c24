#include "contract/rule.h"

// Of a text all characters; of an integer the digits that it prints with.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    const char *text = site->reading->text;
    int64_t min = 1, max = INT64_MAX;
    SL_AUTO(sl_buf_clear) struct sl_buf number = SL_BUF_INIT;
    if ((rule->min && !sl_str_to_int64(rule->min, &min)) ||
        (rule->max && !sl_str_to_int64(rule->max, &max)) || min < 1 || max < min)
        return sl_rule_refuse(site, "'min' and 'max' are whole numbers of digits from 1 on, the "
                                    "minimum not above the maximum");
    if (site->reading->column->type.kind == SL_TYPE_INTEGER) {
        sl_buf_addf(&number, "ltrim(cast(%s as VARCHAR), '-')", site->reading->value);
        text = number.text;
    }
    sl_buf_addf(broken, "%s = '' or %s glob '*[!0-9]*'", text, text);
    if (min > 1)
        sl_buf_addf(broken, " or length(%s) < %lld", text, (long long)min);
    if (rule->max)
        sl_buf_addf(broken, " or length(%s) > %lld", text, (long long)max);
    if (!rule->max)
        sl_rule_says(site, message, "does not consist of %lld or more digits", (long long)min);
    else if (min == max)
        sl_rule_says(site, message, "does not consist of %lld digits", (long long)max);
    else
        sl_rule_says(site, message, "does not consist of %lld to %lld digits", (long long)min,
                     (long long)max);
    broken->has_failed |= number.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_digits = {
    .name = "digits",
    .summary = "The text, or integer, consists of digits, of so many.",
    .example = "implementation: {kind: digits, min: 8, max: 8}",
    .compile = compile,
};
