// Rows to try on a check that no test would miss: what the inputs of its table could hold.
#ifndef SL_RUN_MUTATE_VARIANT_H
#define SL_RUN_MUTATE_VARIANT_H

#include "run/mutate.h"

// A source or table that a test gives, with rows in a temporary table of the session.
struct sl_mutant_input {
    const char *name;          // "orders" of a source, else "clean.orders"
    const char *relation;      // all columns are texts
    const char *order;         // column of the relation that gives the order of its rows
    struct sl_column *columns; // with the type that the table has
    size_t count;
    bool is_source;
    const char *also; // a relation whose rows come behind the others as they are; NULL: none
};

enum sl_mutant_form {
    SL_MUTANT_ROWS,  // the first `rows` rows of all inputs
    SL_MUTANT_TWICE, // the first row twice
    // One column of one input otherwise:
    SL_MUTANT_NULL,
    SL_MUTANT_SAME, // as in the first row
    SL_MUTANT_SMALL,
    SL_MUTANT_BIG,
    SL_MUTANT_ZERO,
    SL_MUTANT_LEAST, // the rows with the least values
    SL_MUTANT_MOST,
    SL_MUTANT_FORMS // count
};
struct sl_mutant_variant {
    enum sl_mutant_form form;
    int64_t rows;
    size_t input, column; // of the forms that are about one
};

struct sl_mutant_inputs {
    struct sl_mutant_input *items;
    size_t count;              // 0: no rows can be made
    struct sl_generated *made; // of the source, which comes first; NULL for a model
};
// What the mutant's table is made of, but the tables that foreign keys lead to.
SL_MUST int sl_mutant_inputs(struct sl_world *world, struct sl_session *session,
                             const struct sl_mutant *mutant, int64_t threads,
                             struct sl_mutant_inputs *ret, struct sl_err *err);
// The source of the mutant's contract, with the columns that were made.
SL_MUST int sl_mutant_source(const struct sl_mutant *mutant, const struct sl_generated *made,
                             struct sl_arena *arena, struct sl_mutant_input *ret,
                             struct sl_err *err);
// Writes `[{column: value, ...}, ...]` as YAML in one line: of the index-th input.
SL_MUST int sl_mutant_add_rows(struct sl_session *session, const struct sl_mutant_inputs *inputs,
                               size_t index, const struct sl_mutant_variant *variant,
                               struct sl_buf *yaml, struct sl_err *err);
// A condition on the rows of "~generated" that is true for those that the variant takes.
void sl_mutant_add_which(const struct sl_mutant_variant *variant, struct sl_buf *sql);

#endif
