#include "contract/rule.h"

// By value where the type has values, as in an enum.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_reading *reading = site->reading;
    const struct sl_strs *values = &site->rule->values;
    if (!values->count)
        return sl_rule_refuse(site, "the list of values is empty");
    sl_buf_addf(broken, "%s in (", reading->value);
    for (size_t i = 0; i < values->count; i++) {
        sl_buf_add(broken, i ? ", " : "");
        if (!sl_rule_literal(reading, values->items[i], broken))
            return sl_rule_refuse(site, "'%s' is not a value of type %s", values->items[i],
                                  reading->type);
    }
    sl_buf_add(broken, ")");
    sl_rule_says(site, message, "is not allowed");
    return true;
}

const struct sl_rule_kind sl_rule_not_in = {
    .name = "not_in",
    .summary = "The value is none of a list.",
    .example = "implementation: {kind: not_in, values: [test, dummy]}",
    .compile = compile,
};
