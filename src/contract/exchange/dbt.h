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
    struct sl_yaml *object;
    struct sl_yaml *column;      // NULL: at the table
    const char *column_name;     // NULL: at the table
    const struct sl_yaml *shape; // the column as dbt has it
};

// All tests of a column or table, as rules of it; what a contract cannot say is told.
void sl_x_dbt_tests(struct sl_x_test test, const struct sl_yaml *owner);
void sl_x_dbt_lost(const struct sl_x_test *test, const char *why);
void sl_x_dbt_expression(const struct sl_x_test *test, const char *expression);
void sl_x_dbt_combination(
    const struct sl_x_test *test); // no two rows have the same in `column_list`
// "ref('customers')", "source('shop', 'customers')" -> customers
const char *sl_x_dbt_table(struct sl_exchange *exchange, const char *reference);

#endif
