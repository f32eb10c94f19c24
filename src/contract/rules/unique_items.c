#include "contract/nest.h"
#include "contract/rule.h"

// Items are the same if their values are: 1 and 1.0 of a decimal, two writings of one moment,
// objects with the same members. Two without a value are the same. Items that cannot be read, or of
// which a part cannot, are a matter of the type rule and no item's equal. JSON of which nothing
// else is said is compared as text.
static void add_items(const struct sl_reading *reading, struct sl_buf *items, struct sl_buf *nulls)
{
    SL_AUTO(sl_buf_clear) struct sl_buf absent = SL_BUF_INIT;
    if (!reading->column->field_count) {
        sl_buf_addf(items, "json_extract(%s, '$[*]')", reading->value);
        return;
    }
    sl_nest_item_values(reading, items);
    sl_nest_item_absent(reading, "\"~u\"", &absent);
    sl_buf_addf(nulls, "len(list_filter(%s, lambda \"~u\": %s))", reading->nest->node, absent.text);
    nulls->has_failed |= absent.has_failed;
}

// The first in order of the values that come more than once, and how often; else the nulls.
static void add_message(const struct sl_rule_site *site, const char *items, const char *nulls,
                        struct sl_buf *message)
{
    const struct sl_contract_column *column = site->reading->column;
    bool is_plain = column->field_count && !column->fields->field_count;
    const char *value =
        is_plain ? "cast(\"~d\".key as VARCHAR)" : "cast(to_json(\"~d\".key) as VARCHAR)";
    sl_rule_says(site, message, "has ");
    sl_buf_addf(message,
                " || coalesce(list_transform(list_filter(map_entries(list_histogram(%s)), lambda "
                "\"~d\": \"~d\".value > 1)[1:1], lambda \"~d\": ",
                items);
    if (!nulls) // a null of JSON is no text
        sl_buf_addf(message, "case when %s = 'null' then 'null' else ", value);
    sl_buf_addf(message, "'''' || left(%s, 100) || ''''%s", value, nulls ? "" : " end");
    sl_buf_addf(message, " || ' ' || \"~d\".value || ' times')[1], 'null ' || %s || ' times')",
                nulls ? nulls : "0");
}

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    SL_AUTO(sl_buf_clear) struct sl_buf items = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf nulls = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf own = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf says = SL_BUF_INIT;
    const struct sl_reading *reading = site->reading;
    add_items(reading, &items, &nulls);
    broken->has_failed |= items.has_failed || nulls.has_failed;
    if (broken->has_failed)
        return true;
    sl_buf_addf(&own, "list_unique(%s) < list_count(%s)", items.text, items.text);
    if (reading->column->field_count && reading->column->fields->field_count) {
        // Looked at only where items are the same as they are held.
        sl_buf_reset(&items);
        sl_nest_sound_items(reading, reading->nest->node, &items);
        sl_buf_addf(&own, " and list_unique(%s) < list_count(%s)", items.text, items.text);
    }
    if (nulls.length)
        sl_buf_addf(&own, " or %s > 1", nulls.text);
    broken->has_failed |= items.has_failed;
    if (broken->has_failed)
        return true;
    add_message(site, items.text, nulls.length ? nulls.text : NULL, &says);
    sl_rule_take_nested(site, "array", &own, &says, broken, message);
    return true;
}

const struct sl_rule_kind sl_rule_unique_items = {
    .name = "unique_items",
    .summary = "No item of the array comes twice.",
    .example = "logicalTypeOptions: {uniqueItems: true}",
    .compile = compile,
};
