// dbt's tests of whole tables as checks of a contract.
#include "contract/exchange/dbt.h"

#include <stdlib.h>
#include <string.h>

// quality: [{type: custom, engine: sluice, implementation: {check: {mean: {column: a, min: 1}}}}]
static void add_check(const struct sl_x_test *test, struct sl_yaml *arguments)
{
    struct sl_yaml *check = sl_x_map(test->exchange);
    struct sl_yaml *implementation = sl_x_map(test->exchange);
    sl_x_put(test->exchange, check, test->kind, arguments);
    sl_x_put(test->exchange, implementation, "check", check);
    sl_x_dbt_custom(test, test->object, implementation);
}

static struct sl_yaml *new_arguments(const struct sl_x_test *test)
{
    bool has_columns = strncmp(test->kind, "distinct", 8) == 0;
    struct sl_yaml *arguments = sl_x_map(test->exchange);
    sl_x_put_text(test->exchange, arguments, has_columns ? "columns" : "column", test->column_name);
    return arguments;
}

// False, and told, if there are none that a check can say.
static bool read_limits(const struct sl_x_test *test, struct sl_yaml *arguments)
{
    const struct sl_yaml *min = sl_yaml_get(test->values, "min_value");
    const struct sl_yaml *max = sl_yaml_get(test->values, "max_value");
    if (sl_x_is_true(test->values, "strictly") || sl_yaml_get(test->values, "group_by")) {
        sl_x_dbt_lost(test, "a check has neither 'strictly' nor 'group_by'");
        return false;
    }
    if ((!min && !max) || (min && !sl_x_dbt_is_number(min)) || (max && !sl_x_dbt_is_number(max))) {
        sl_x_dbt_lost(test, "it has no numbers as 'min_value' or 'max_value'");
        return false;
    }
    if (min)
        sl_x_put(test->exchange, arguments, "min", min);
    if (max)
        sl_x_put(test->exchange, arguments, "max", max);
    return true;
}

void sl_x_dbt_bounds(const struct sl_x_test *test)
{
    struct sl_yaml *arguments = new_arguments(test);
    if (read_limits(test, arguments))
        add_check(test, arguments);
}

void sl_x_dbt_quantile(const struct sl_x_test *test)
{
    struct sl_yaml *arguments = new_arguments(test);
    const struct sl_yaml *quantile = sl_yaml_get(test->values, "quantile");
    if (!quantile)
        quantile = sl_x_bare(test->exchange, "0.5");
    if (!sl_x_dbt_is_number(quantile)) {
        sl_x_dbt_lost(test, "its 'quantile' is no number");
        return;
    }
    sl_x_put(test->exchange, arguments, "q", quantile);
    if (read_limits(test, arguments))
        add_check(test, arguments);
}

// 0.95 that are not null: 0.05 that are.
static void put_rest(const struct sl_x_test *test, struct sl_yaml *arguments, const char *key,
                     const char *share)
{
    if (share)
        sl_x_put(test->exchange, arguments, key,
                 sl_x_bare(test->exchange,
                           sl_x_printf(test->exchange, "%.12g", 1 - strtod(share, NULL))));
}

void sl_x_dbt_not_null_share(const struct sl_x_test *test)
{
    const struct sl_yaml *least = sl_yaml_get(test->values, "at_least");
    const struct sl_yaml *most = sl_yaml_get(test->values, "at_most");
    struct sl_yaml *arguments = new_arguments(test);
    if ((!least && !most) || (least && !sl_x_dbt_is_number(least)) ||
        (most && !sl_x_dbt_is_number(most)) || sl_yaml_get(test->values, "group_by_columns")) {
        sl_x_dbt_lost(test, "it has no numbers as 'at_least' or 'at_most', or groups");
        return;
    }
    put_rest(test, arguments, "min", most ? most->text : NULL);
    put_rest(test, arguments, "max", least ? least->text : NULL);
    add_check(test, arguments);
}

// {datepart: day, field: created_at, interval: 1} -> {column: created_at, max_age: 1d}
void sl_x_dbt_recency(const struct sl_x_test *test)
{
    static const char *const parts[] = {"second", "minute", "hour", "day", "week", NULL};
    const char *part = sl_x_get(test->values, "datepart");
    const char *field = sl_x_get(test->values, "field");
    const struct sl_yaml *interval = sl_yaml_get(test->values, "interval");
    bool is_known = false;
    for (size_t i = 0; part && parts[i]; i++)
        is_known |= strcmp(part, parts[i]) == 0;
    int64_t seconds;
    const char *age = is_known && interval && interval->text
                          ? sl_x_printf(test->exchange, "%s%c", interval->text, *part)
                          : NULL;
    if (!field || !sl_str_to_duration(age, &seconds) ||
        sl_yaml_get(test->values, "group_by_columns")) {
        sl_x_dbt_lost(test, "it has no 'field' with an 'interval' of seconds to weeks, or groups");
        return;
    }
    struct sl_yaml *arguments = sl_x_map(test->exchange);
    sl_x_put_text(test->exchange, arguments, "column", field);
    sl_x_put_text(test->exchange, arguments, "max_age", age);
    add_check(test, arguments);
}
