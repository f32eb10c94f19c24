// Mutants: the project with one rule or check taken away. A test that fails then has noticed it.
#ifndef SL_RUN_MUTATE_H
#define SL_RUN_MUTATE_H

#include "run/testing.h"

struct sl_mutant {
    const struct sl_node *node;
    const char *table;     // "clean.orders"
    const char *rule;      // that is gone: "amount.range"; of a check what it claims
    struct sl_place place; // where it stands
    const struct sl_contract_table *contract; // instead of the node's; NULL: it is a model
    const struct sl_model *model;
    const struct sl_test *killed_by; // NULL: every test still passes
    size_t test_count;               // that could have noticed
    // Of one that survived: a row that only this rule rejects, as the source would give it. None:
    // no such row was found.
    const char **columns, **values;
    size_t column_count;
    bool is_stop; // the rule lets its step fail
    // And what it needs of the tables that its foreign keys lead to.
    struct sl_mutant_parent *parents;
    size_t parent_count;
};
// Keys that must be there, as the table has them: a value for each column, row after row.
struct sl_mutant_parent {
    const char *table; // "clean.customers"
    const struct sl_strs *columns;
    const char **values;
    size_t row_count; // 0: it must be empty
};
// All mutants of the project: the rules of contracts that keep rows or values out of clean, those
// of members and items too, and the checks of models. Rules that only warn change no table, so they
// are left out.
SL_MUST int sl_mutants_list(struct sl_world *world, struct sl_mutant **ret, size_t *ret_count,
                            struct sl_err *err);
// Runs the tests (which pass) on a mutant, and stops at the first that fails.
SL_MUST int sl_mutant_try(struct sl_world *world, struct sl_mutant *mutant,
                          const struct sl_test_case *const *cases, size_t count, int64_t threads,
                          struct sl_err *err);
// Fills columns and values of one that survived.
SL_MUST int sl_mutant_explain(struct sl_world *world, struct sl_mutant *mutant, struct sl_err *err);

#endif
