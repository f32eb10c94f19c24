// The tests of dbt's schema.yml.
#ifndef SL_CONTRACT_EXCHANGE_DBT_H
#define SL_CONTRACT_EXCHANGE_DBT_H

#include "contract/exchange/tree.h"

// A test as it is being read: at a column, or at the table.
struct sl_x_test {
    struct sl_exchange *exchange;
    const char *name;             // "accepted_values"
    const struct sl_yaml *values; // its arguments, NULL: none
    struct sl_place place;
    bool is_warning;
    const char *mostly; // "0.9": such a share of the rows is enough; NULL: all
    const char *where;  // SQL: only rows for which it is true; NULL: all
    const char *kind;   // of Sluice's rule or check, where several tests are read alike
    struct sl_yaml *object;
    struct sl_yaml *column;      // NULL: at the table
    const char *column_name;     // NULL: at the table
    const struct sl_yaml *shape; // the column as dbt has it
};

// All tests of a column or table, as rules of it; what a contract cannot say is told.
void sl_x_dbt_tests(struct sl_x_test test, const struct sl_yaml *owner);
void sl_x_dbt_lost(const struct sl_x_test *test, const char *why);
void sl_x_dbt_expression(const struct sl_x_test *test, const char *expression);
// An entry of `quality` for the engine of Sluice.
void sl_x_dbt_custom(const struct sl_x_test *test, struct sl_yaml *owner,
                     struct sl_yaml *implementation);
void sl_x_dbt_combination(
    const struct sl_x_test *test); // no two rows have the same in `column_list`
// Checks of the whole table (dbt_check.c): bounds of what a column's values come to, and freshness.
void sl_x_dbt_bounds(const struct sl_x_test *test);
void sl_x_dbt_quantile(const struct sl_x_test *test);
void sl_x_dbt_not_null_share(const struct sl_x_test *test);
void sl_x_dbt_recency(const struct sl_x_test *test);
bool sl_x_dbt_is_number(const struct sl_yaml *node); // NULL is none
// "ref('customers')", "source('shop', 'customers')" -> customers
const char *sl_x_dbt_table(struct sl_exchange *exchange, const char *reference);

#endif
