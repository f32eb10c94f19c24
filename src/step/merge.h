// Merge by key: new rows against the rows of a table, the first in a given order wins. Everything
// happens in the engine; the table's files that hold a losing row are named, and a query gives what
// must be written in their place.
#ifndef SL_STEP_MERGE_H
#define SL_STEP_MERGE_H

#include "step/step.h"

struct sl_merge {
    struct sl_session *session;
    struct sl_arena *arena;
    const struct sl_delta_snapshot *table; // as it stands
    const struct sl_column *columns;       // of the new rows: the table's, maybe more
    size_t column_count;
    const char *const *key;
    size_t key_count;
    const char *order; // "\"updated_at\" desc nulls last, ...": total over rows of one key, so that
                       // the result does not depend on arrival
    const char *rows;  // relation of the new rows, at most one per key; a temporary table
    // Results.
    const char *sql;            // what to stage
    const char *const *removed; // paths of files to be replaced
    size_t removed_count;
    int64_t won;      // new rows that are in the table afterwards
    int64_t replaced; // old rows that are not
    int64_t kept; // rows of the files to be replaced that stay; -1 if the log does not count them
};
SL_MUST int sl_merge_prepare(struct sl_merge *merge, struct sl_err *err);

#endif
