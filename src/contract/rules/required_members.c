#include "contract/rule.h"

#include <string.h>

// VARCHAR SQL for each name that has no value in the JSON object, else null.
static bool add_json(const struct sl_rule_site *site, struct sl_buf *sql)
{
    const struct sl_strs *names = &site->rule->values;
    const char *value = site->reading->value;
    SL_AUTO(sl_buf_clear) struct sl_buf path = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    sl_buf_add_char(sql, '[');
    for (size_t i = 0; i < names->count; i++) {
        // "*" is every member in a path, even within quotes; in a pointer it is a name.
        bool is_stars = strspn(names->items[i], "*") == strlen(names->items[i]);
        if (!names->items[i][0] || strpbrk(names->items[i], "\"\\"))
            return sl_rule_refuse(site, "'%s' cannot be looked for", names->items[i]);
        sl_buf_reset(&path);
        sl_buf_reset(&name);
        sl_buf_addf(&path, is_stars ? "/%s" : "$.\"%s\"", names->items[i]);
        sl_buf_addf(&name, "'%s'", names->items[i]);
        sl_buf_addf(sql, "%scase when coalesce(json_type(%s, ", i ? ", " : "", value);
        sl_buf_add_sql_string(sql, path.text);
        sl_buf_add(sql, "), 'NULL') = 'NULL' then ");
        sl_buf_add_sql_string(sql, name.text);
        sl_buf_add(sql, " end");
    }
    sl_buf_add_char(sql, ']');
    sql->has_failed |= path.has_failed || name.has_failed;
    return true;
}

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    SL_AUTO(sl_buf_clear) struct sl_buf missing = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf own = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf says = SL_BUF_INIT;
    if (!site->rule->values.count)
        return sl_rule_refuse(site, "the list of members is empty");
    if (site->reading->column->field_count)
        sl_rule_members(site, &site->rule->values, false, &missing);
    else if (!add_json(site, &missing))
        return false;
    broken->has_failed |= missing.has_failed;
    if (broken->has_failed)
        return true;
    sl_buf_addf(&own, "list_count(%s) > 0", missing.text);
    sl_rule_says(site, &says, "has no value for ");
    sl_buf_addf(&says,
                " || array_to_string(list_filter(%s, lambda \"~u\": \"~u\" is not null), ', ')",
                missing.text);
    sl_rule_take_nested(site, "object", &own, &says, broken, message);
    return true;
}

const struct sl_rule_kind sl_rule_required_members = {
    .name = "required_members",
    .summary = "Certain members of the object have a value.",
    .example = "logicalTypeOptions: {required: [street, city]}",
    .is_for_members = true,
    .compile = compile,
};
