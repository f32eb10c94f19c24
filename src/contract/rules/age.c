#include "contract/rule.h"

// Of a date in days, of a timestamp to the second.
static void add_limit(const struct sl_rule_site *site, const char *operation, int64_t seconds,
                      struct sl_buf *broken)
{
    bool is_date = site->reading->column->type.kind == SL_TYPE_DATE;
    sl_rule_value(site->reading->column, broken);
    sl_buf_addf(broken, " %s ", operation);
    sl_buf_add(broken, is_date ? "cast(" : "");
    sl_rule_taken_in(site, broken);
    sl_buf_addf(broken, " - to_seconds(%lld)%s", (long long)seconds, is_date ? " as DATE)" : "");
}

static void print(int64_t seconds, struct sl_buf *text)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;
    while (seconds % units[i].seconds != 0)
        i++;
    int64_t count = seconds / units[i].seconds;
    sl_buf_addf(text, "%lld %s%s", (long long)count, units[i].name, count == 1 ? "" : "s");
}

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_rule *rule = site->rule;
    int64_t min = 0, max = INT64_MAX;
    SL_AUTO(sl_buf_clear) struct sl_buf young = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf old = SL_BUF_INIT;
    if ((rule->min && !sl_str_to_int64(rule->min, &min)) ||
        (rule->max && !sl_str_to_int64(rule->max, &max)) || max < min || (!rule->min && !rule->max))
        return sl_rule_refuse(site, "it needs 'min_age' or 'max_age', the first not above the "
                                    "second");
    if (rule->min)
        add_limit(site, ">", min, broken);
    sl_buf_add(broken, rule->min && rule->max ? " or " : "");
    if (rule->max)
        add_limit(site, "<", max, broken);
    print(min, &young);
    print(rule->max ? max : 0, &old);
    sl_buf_add(message, rule->max ? "case when " : "case when false");
    if (rule->max)
        add_limit(site, "<", max, message);
    sl_buf_add(message, " then ");
    sl_rule_says(site, message, "was older than %s when the row was taken in", old.text);
    sl_buf_add(message, " else ");
    sl_rule_says(site, message, "was not %s old when the row was taken in", young.text);
    sl_buf_add(message, " end");
    message->has_failed |= young.has_failed || old.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_age = {
    .name = "age",
    .summary = "The date or time lies at least and at most so long before the row was taken in.",
    .example = "implementation: {kind: age, max_age: 90d}",
    .is_for_rows = true,
    .compile = compile,
};
