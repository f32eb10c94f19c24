#include "contract/rule.h"

// By value where the type has values (1.50 is 1.5), else by the text.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_reading *reading = site->reading;
    const struct sl_strs *values = &site->rule->values;
    if (!values->count)
        return sl_rule_refuse(site, "the list of values is empty");
    sl_buf_addf(broken, "%s not in (", reading->value);
    for (size_t i = 0; i < values->count; i++) {
        if (i)
            sl_buf_add(broken, ", ");
        if (!sl_rule_literal(reading, values->items[i], broken))
            return sl_rule_refuse(site, "'%s' is not a value of type %s", values->items[i],
                                  reading->type);
    }
    sl_buf_add(broken, ")");
    SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
    sl_buf_add(&what, "is not one of ");
    sl_rule_list(values, &what);
    sl_rule_says(site, message, "%s", what.text);
    message->has_failed |= what.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_enum = {
    .name = "enum",
    .summary = "The value is one of a list.",
    .example = "implementation: {kind: enum, values: [new, paid, sent]}",
    .compile = compile,
};
