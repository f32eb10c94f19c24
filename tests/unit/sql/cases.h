// The cases under trees/: SQL, what is expected of it, and its syntax tree.
#ifndef TEST_SQL_CASES_H
#define TEST_SQL_CASES_H

#include "base/buf.h"
#include "sql/query.h"

struct sql_case {
    const char *name;
    const char *sql;
    const char *expected; // the text behind each "-- = ", a line each
    const char *tree;
};
struct sql_cases {
    struct sl_arena arena;
    struct sql_case *items;
    size_t count;
};

// Reads trees/NAME.sql and trees/NAME.trees; ends the test if they do not fit together.
void cases_load(struct sql_cases *cases, const char *name);
void cases_clear(struct sql_cases *cases);

// The tables of the cases: clean.orders, clean.customers, clean.rates, clean.symbols, raw.rates.
struct test_table {
    const char *name;
    const struct sl_column *columns;
    size_t count;
};
extern const struct test_table test_tables[]; // ends with a NULL name
bool test_columns_of(void *self, const char *table, const struct sl_column **ret,
                     size_t *ret_count);

// Reads and resolves the case's query; ends the test if that fails.
void case_query(const struct sql_case *item, struct sl_arena *arena, struct sl_query *ret);

#endif
