// Mutants: the project with one rule or check taken away. A test that fails then has noticed it.
#ifndef SL_RUN_MUTATE_H
#define SL_RUN_MUTATE_H

#include "base/json.h"
#include "run/generate.h"
#include "run/testing.h"

struct sl_mutant {
    const struct sl_node *node;
    const char *table;     // "clean.orders"
    const char *rule;      // that is gone: "amount.range"; of a check what it claims
    struct sl_place place; // where it stands
    const struct sl_contract_table *contract; // instead of the node's; NULL: it is a model
    const struct sl_model *model;
    bool is_check;                   // of the whole table: it lets the step fail
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
    // A whole test, as YAML in one line, that passes as it stands and that the mutant fails: both
    // were tried. NULL: none was found.
    const char *offer;
};
// Keys that must be there, as the table has them: a value for each column, row after row.
struct sl_mutant_parent {
    const char *table; // "clean.customers"
    const struct sl_strs *columns;
    const char **values;
    size_t row_count; // 0: it must be empty
};
// All mutants of the project: the rules of contracts that keep rows or values out of clean, those
// of members and items too, and the checks of contracts and models. What only warns changes no
// table and ends no step, so it is left out.
SL_MUST int sl_mutants_list(struct sl_world *world, struct sl_mutant **ret, size_t *ret_count,
                            struct sl_err *err);
// Runs the tests (which pass) on a mutant, and stops at the first that fails.
SL_MUST int sl_mutant_try(struct sl_world *world, struct sl_mutant *mutant,
                          const struct sl_test_case *const *cases, size_t count, int64_t threads,
                          struct sl_err *err);
// Fills columns and values of one that survived, if it is a rule.
SL_MUST int sl_mutant_explain(struct sl_world *world, struct sl_mutant *mutant, struct sl_err *err);
// Fills the offer of one that survived.
SL_MUST int sl_mutant_offer(struct sl_world *world, struct sl_mutant *mutant, int64_t threads,
                            struct sl_err *err);

// Rows for the source of a contract, in "~generated" of the session: `rows` good ones ("~t" < 0),
// and where the mutant is a rule one that only this breaks. False if there are none.
SL_MUST int sl_mutant_generate(struct sl_world *world, struct sl_session *session,
                               const struct sl_mutant *mutant, int64_t rows,
                               struct sl_generated *ret, bool *ret_is_made, struct sl_err *err);
// The keys that rows of "~generated" need elsewhere. `which` is a condition on them.
SL_MUST int sl_mutant_parents(struct sl_session *session, const struct sl_generated *made,
                              const char *which, struct sl_mutant *mutant, struct sl_arena *arena,
                              struct sl_err *err);
// The rows that each parent of the mutant must have, by its name; without those that stand twice.
SL_MUST int sl_mutant_parents_json(const struct sl_mutant *mutant, json_t **ret,
                                   struct sl_err *err);

#endif
