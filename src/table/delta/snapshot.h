// From actions to the structs of delta.h.
#ifndef SL_TABLE_DELTA_SNAPSHOT_H
#define SL_TABLE_DELTA_SNAPSHOT_H

#include "table/delta/delta.h"
#include "table/delta/replay.h"

// Partition columns of a table.
SL_MUST int sl_delta_partition_columns(const json_t *metadata, struct sl_arena *arena,
                                       const char *const **ret, size_t *ret_count,
                                       struct sl_err *err);
// A file from the body of its add action.
SL_MUST int sl_delta_file_read(const json_t *add, const char *const *partition_columns,
                               size_t partition_count, struct sl_arena *arena,
                               struct sl_delta_file *ret, struct sl_err *err);
// The whole state. `ret` is zeroed but for its folder.
SL_MUST int sl_delta_snapshot_read(const struct sl_delta_state *state, struct sl_arena *arena,
                                   struct sl_delta_snapshot *ret, struct sl_err *err);
// For qsort: by path.
int sl_delta_file_compare(const void *a, const void *b);
// SL_E_TABLE_MISSING or SL_E_TABLE_VERSION if the log has no such version; -1 becomes the newest.
SL_MUST int sl_delta_pick_version(const struct sl_delta_log *log, int64_t *version,
                                  struct sl_err *err);

#endif
