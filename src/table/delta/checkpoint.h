// Checkpoints: Parquet files with one action a row ("Checkpoint Schema"), read and written by the
// engine's SQL.
#ifndef SL_TABLE_DELTA_CHECKPOINT_H
#define SL_TABLE_DELTA_CHECKPOINT_H

#include "api/engine.h"
#include "table/delta/replay.h"

// Applies a checkpoint's rows to an empty state.
SL_MUST int sl_delta_checkpoint_read(const struct sl_delta_checkpoint_files *files,
                                     struct sl_session *session, struct sl_delta_state *state,
                                     struct sl_err *err);
// Applies one row as JSON: {"add": {...} or null, "remove": ..., ...}. What is null in it is as if
// it were not there.
SL_MUST int sl_delta_checkpoint_apply(struct sl_delta_state *state, const char *row,
                                      struct sl_arena *scratch, struct sl_err *err);
// Whether a commit of `version` should be followed by a checkpoint: delta.checkpointInterval
// versions after the last one.
bool sl_delta_checkpoint_is_due(const struct sl_delta_log *log, const json_t *metadata,
                                int64_t version);

#endif
