#include "run/generate_keys.h"

#define MOST_BOUND (INT64_C(1) << 60)

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// Values that break none of the column's rules; INT64_MAX where that is not known.
static int64_t values_of(const struct sl_contract_column *column)
{
    int64_t most = column->type.kind == SL_TYPE_BOOLEAN ? 2 : INT64_MAX;
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        int64_t low, high;
        if (rule->where || rule->mostly || rule->severity == SL_RULE_WARN)
            continue;
        if (sl_str_equal(rule->kind, "enum"))
            most = at_most(most, (int64_t)rule->values.count);
        if (sl_str_equal(rule->kind, "range") && column->type.kind == SL_TYPE_INTEGER &&
            sl_str_to_int64(rule->min ? rule->min : "", &low) &&
            sl_str_to_int64(rule->max ? rule->max : "", &high) && low > -MOST_BOUND &&
            high < MOST_BOUND && high >= low)
            most = at_most(most, high - low + 1);
    }
    return most;
}

static const struct sl_contract_column *find(const struct sl_contract_table *table,
                                             const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return &table->columns[i];
    return NULL;
}

static int check(const struct sl_generate_options *options, const char *const *columns,
                 size_t count, struct sl_err *err)
{
    int64_t most = 1;
    for (size_t i = 0; i < count; i++) {
        const struct sl_contract_column *column = find(options->contract, columns[i]);
        int64_t values = column ? values_of(column) : INT64_MAX;
        if (values != INT64_MAX && column && !sl_contract_is_required(column) &&
            !column->key_position)
            values = INT64_MAX; // any number of rows may have none
        if (values != 0 && most > INT64_MAX / values)
            return SL_OK;
        most *= values;
    }
    if (most >= options->rows)
        return SL_OK;
    (void)sl_fail(err, SL_E_LIMIT,
                  "there are not %lld rows of '%s' with keys of their own: the rules leave '%s'%s "
                  "%lld different %s",
                  (long long)options->rows, options->contract->name, columns[0],
                  count > 1 ? " and the other columns of the key" : "", (long long)most,
                  most == 1 ? "value" : "values");
    return sl_err_hint(err, "ask for at most %lld with --rows", (long long)most);
}

int sl_generate_enough_keys(const struct sl_generate_options *options, const struct sl_pass *pass,
                            struct sl_err *err)
{
    if (pass->key_count)
        SL_TRY(check(options, pass->key, pass->key_count, err));
    for (size_t i = 0; i < pass->unique_count; i++)
        SL_TRY(check(options, pass->uniques[i].columns.items, pass->uniques[i].columns.count, err));
    return SL_OK;
}
