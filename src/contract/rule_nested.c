// What rules over objects and arrays share.
#include "contract/nest.h"
#include "contract/rule.h"

bool sl_rule_compile_count(const struct sl_rule_site *site, const char *count, const char *one,
                           const char *many, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    int64_t min = 0, max = INT64_MAX;
    if ((rule->min && !sl_str_to_int64(rule->min, &min)) ||
        (rule->max && !sl_str_to_int64(rule->max, &max)) || min < 0 || max < min ||
        (!rule->min && !rule->max))
        return sl_rule_refuse(site,
                              "it needs a minimum or maximum number of %s, each a whole number, "
                              "the minimum not above the maximum",
                              many);
    if (rule->min)
        sl_buf_addf(broken, "%s < %lld", count, (long long)min);
    if (rule->max)
        sl_buf_addf(broken, "%s%s > %lld", rule->min ? " or " : "", count, (long long)max);
    sl_rule_says(site, message, "has ");
    sl_buf_addf(message,
                " || %s || case when %s = 1 then ' %s' else ' %s' end || case when %s < %lld then "
                "', fewer than %lld' else ', more than %lld' end",
                count, count, one, many, count, (long long)min, (long long)min, (long long)max);
    return true;
}

void sl_rule_take_nested(const struct sl_rule_site *site, const char *kind,
                         const struct sl_buf *own, const struct sl_buf *says, struct sl_buf *broken,
                         struct sl_buf *message)
{
    const char *value = site->reading->value;
    bool is_json = !site->reading->column->field_count;
    broken->has_failed |= own->has_failed;
    message->has_failed |= says->has_failed;
    if (!is_json) {
        sl_buf_add(broken, own->text);
        sl_buf_add(message, says->text);
        return;
    }
    sl_buf_addf(broken,
                "case when %s is null then false when lower(json_type(%s)) <> '%s' then true else "
                "%s end",
                value, value, kind, own->text);
    sl_buf_addf(message, "case when lower(json_type(%s)) <> '%s' then ", value, kind);
    sl_rule_says(site, message, "is not a JSON %s", kind);
    sl_buf_addf(message, " else %s end", says->text);
}

static bool is_listed(const struct sl_strs *names, const char *name)
{
    return !names || sl_strs_has(names, name);
}

void sl_rule_members(const struct sl_rule_site *site, const struct sl_strs *names, bool is_present,
                     struct sl_buf *sql)
{
    const struct sl_contract_column *object = site->reading->column;
    struct sl_err err = {0};
    size_t count = 0;
    sl_buf_add_char(sql, '[');
    for (size_t i = 0; i < object->field_count && !sql->has_failed; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
        struct sl_reading member;
        if (!is_listed(names, object->fields[i].name))
            continue;
        if (sl_nest_field(site->reading, &object->fields[i], site->arena, &member, &err) != SL_OK) {
            sql->has_failed = true;
            return;
        }
        sl_buf_addf(&name, "'%s'", object->fields[i].name);
        sl_buf_addf(sql, "%scase when %s then ", count++ ? ", " : "", member.absent);
        if (is_present)
            sl_buf_add(sql, "null else ");
        sl_buf_add_sql_string(sql, name.text);
        sl_buf_add(sql, " end");
        sql->has_failed |= name.has_failed;
    }
    sl_buf_add_char(sql, ']');
}
