#include "contract/rule.h"

static const char *const days[] = {"monday", "tuesday",  "wednesday", "thursday",
                                   "friday", "saturday", "sunday"};
enum { DAYS = sizeof days / sizeof *days };

static int find(const char *name)
{
    for (int i = 0; i < DAYS; i++)
        if (sl_str_equal_nocase(days[i], name))
            return i;
    return -1;
}

static bool compile(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message)
{
    const struct sl_strs *names = &site->rule->values;
    SL_AUTO(sl_buf_clear) struct sl_buf value = SL_BUF_INIT;
    sl_rule_value(site->reading->column, &value);
    sl_buf_addf(broken, "isodow(%s) not in (0", value.text);
    for (size_t i = 0; i < names->count; i++) {
        int day = find(names->items[i]);
        if (day < 0)
            return sl_rule_refuse(site, "'%s' is no day of the week, such as %s", names->items[i],
                                  days[0]);
        sl_buf_addf(broken, ", %d", day + 1);
    }
    sl_buf_add(broken, ")");
    sl_rule_says(site, message, "is a ");
    sl_buf_addf(message, " || lower(dayname(%s))", value.text);
    broken->has_failed |= value.has_failed;
    return true;
}

const struct sl_rule_kind sl_rule_weekday = {
    .name = "weekday",
    .summary = "The date or time falls on one of some days of the week, in UTC.",
    .example =
        "implementation: {kind: weekday, days: [monday, tuesday, wednesday, thursday, friday]}",
    .is_for_rows = true,
    .compile = compile,
};
