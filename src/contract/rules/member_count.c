#include "contract/rule.h"

// Members without a value do not count: a struct has all of its fields, so that there is no other
// way to leave one out.
static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_reading *reading = site->reading;
    SL_AUTO(sl_buf_clear) struct sl_buf count = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf own = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf says = SL_BUF_INIT;
    if (reading->column->field_count) {
        sl_buf_add(&count, "list_count(");
        sl_rule_members(site, NULL, true, &count);
        sl_buf_add_char(&count, ')');
    } else {
        sl_buf_addf(&count,
                    "len(list_filter(json_extract(%s, '$.*'), lambda \"~u\": json_type(\"~u\") <> "
                    "'NULL'))",
                    reading->value);
    }
    broken->has_failed |= count.has_failed;
    if (broken->has_failed)
        return true;
    if (!sl_rule_compile_count(site, count.text, "member with a value", "members with a value",
                               &own, &says))
        return false;
    sl_rule_take_nested(site, "object", &own, &says, broken, message);
    return true;
}

const struct sl_rule_kind sl_rule_member_count = {
    .name = "member_count",
    .summary = "So many members of the object, at least and at most, have a value.",
    .example = "logicalTypeOptions: {minProperties: 1, maxProperties: 5}",
    .is_for_members = true,
    .compile = compile,
};
