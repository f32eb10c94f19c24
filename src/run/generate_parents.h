// The rows that foreign keys of generated rows point to.
#ifndef SL_RUN_GENERATE_PARENTS_H
#define SL_RUN_GENERATE_PARENTS_H

#include "contract/sample.h"
#include "run/generate.h"

struct sl_generate_parents {
    struct sl_session *session;
    const struct sl_generate_options *options;
    const struct sl_pass *pass;
    struct sl_arena *arena;
    struct sl_sample *samples; // changed: values of foreign keys come from the parents
    bool *is_followed;         // per column: it does already
    bool has_lake;             // a parent was taken from there
};

// Every parent's relation, without a row.
SL_MUST int sl_generate_no_parents(struct sl_generate_parents *parents, struct sl_err *err);
// The parent is the table of the lake; *ret is false if there is none, or none with rows.
SL_MUST int sl_generate_parent_of_lake(struct sl_generate_parents *parents, size_t index, bool *ret,
                                       struct sl_err *err);
// The parent has the keys of the good rows of "~candidates"; of half of them if some are to be
// orphans.
SL_MUST int sl_generate_parent_of_rows(struct sl_generate_parents *parents, size_t index,
                                       struct sl_err *err);
// Whether the rows would have to point to each other. They point nowhere then.
bool sl_generate_is_own_parent(const struct sl_generate_parents *parents, size_t index);
SL_MUST int sl_generate_without_parent(struct sl_generate_parents *parents, size_t index,
                                       struct sl_err *err);

#endif
