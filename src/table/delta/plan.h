// The text of the next version: what a commit does to the state it lands on. No I/O.
#ifndef SL_TABLE_DELTA_PLAN_H
#define SL_TABLE_DELTA_PLAN_H

#include "table/delta/delta.h"
#include "table/delta/partition.h"
#include "table/delta/replay.h"

// Appends every action of version state->version + 1. Checks that the table may be written, that
// the schema only grows (but for REPLACE), that what is to be removed is there
// (SL_E_TABLE_CONFLICT).
SL_MUST int sl_delta_plan(const struct sl_delta_state *state, const struct sl_delta_commit *commit,
                          struct sl_arena *arena, struct sl_buf *text, struct sl_err *err);

// What a commit of mode RESTORE removes and adds: what is live and was not, what was live and is
// not (or is described otherwise).
struct sl_delta_restored {
    size_t removed_count;
    int64_t file_count, row_count, size_bytes; // added
};
SL_MUST int sl_delta_restore_print(const struct sl_delta_state *state,
                                   const struct sl_delta_snapshot *restored, int64_t now_ms,
                                   struct sl_buf *lines, struct sl_delta_restored *ret,
                                   struct sl_err *err);

// Whether what other writers committed in versions `from` to `to`, after `commit` read the table,
// rules it out: SL_E_TABLE_CONFLICT. `state` is the table's at `to`.
SL_MUST int sl_delta_conflict_check(const struct sl_delta_state *state,
                                    const struct sl_delta_commit *commit,
                                    const struct sl_delta_log *log, int64_t from, int64_t to,
                                    struct sl_err *err);

// Partition columns that the commit will have, with their types, and the partitions it replaces.
// The set's memory is the caller's to clear, its columns are in the arena.
SL_MUST int sl_delta_plan_partitions(const struct sl_delta_state *state,
                                     const struct sl_delta_commit *commit, struct sl_arena *arena,
                                     struct sl_delta_partition_set *ret, struct sl_err *err);

#endif
