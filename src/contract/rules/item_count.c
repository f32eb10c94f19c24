#include "contract/nest.h"
#include "contract/rule.h"

// Items that are null count: they have a place in the array.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_reading *reading = site->reading;
    SL_AUTO(sl_buf_clear) struct sl_buf count = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf own = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf says = SL_BUF_INIT;
    if (reading->column->field_count)
        sl_buf_addf(&count, "len(%s)", reading->nest->node);
    else
        sl_buf_addf(&count, "json_array_length(%s)", reading->value);
    broken->has_failed |= count.has_failed;
    if (broken->has_failed)
        return true;
    if (!sl_rule_compile_count(site, count.text, "item", "items", &own, &says))
        return false;
    sl_rule_take_nested(site, "array", &own, &says, broken, message);
    return true;
}

const struct sl_rule_kind sl_rule_item_count = {
    .name = "item_count",
    .summary = "The array has at least and at most so many items.",
    .example = "logicalTypeOptions: {minItems: 1, maxItems: 20}",
    .compile = compile,
};
