#include "contract/rule.h"

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const char *value = site->reading->value;
    int64_t places;
    if (!sl_str_to_int64(site->rule->max, &places) || places < 0 || places > 38)
        return sl_rule_refuse(site, "'%s' is not a number of decimal places, 0 to 38",
                              site->rule->max);
    // An integer has none.
    if (site->reading->column->type.kind == SL_TYPE_INTEGER)
        sl_buf_add(broken, "false");
    else
        sl_buf_addf(broken, "%s <> round(%s, %d)", value, value, (int)places);
    sl_rule_says(site, message, "has more than %d decimal places", (int)places);
    return true;
}

const struct sl_rule_kind sl_rule_decimal_places = {
    .name = "decimal_places",
    .summary = "The number has at most so many decimal places.",
    .example = "implementation: {kind: decimal_places, max: 2}",
    .compile = compile,
};
