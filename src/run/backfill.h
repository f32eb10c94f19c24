// Backfills: chosen partitions of models are computed anew, in chunks, several at a time, each with
// a commit that is the checkpoint.
#ifndef SL_RUN_BACKFILL_H
#define SL_RUN_BACKFILL_H

#include "run/run.h"
#include "step/backfill.h"

struct sl_backfill_table {
    const struct sl_node *node;
    struct sl_backfill_found found;
    int64_t total;      // partitions that were chosen; found.done of them are done
    size_t chunk;       // partitions in one
    int64_t elapsed_ms; // estimated, of all chunks; -1: not known
};
struct sl_backfill_plan {
    char id[37];
    bool is_resumed;     // an unfinished one goes on
    bool has_new_inputs; // of that: inputs have changed since
    bool newest_first;
    struct sl_backfill_choice choice;
    const char *choice_json;
    struct sl_backfill_table *tables; // in the order of the graph
    size_t count;
};
struct sl_backfill_options {
    struct sl_backfill_choice choice; // tables: as they were named
    const char *resume;               // id, or its beginning; NULL: none
    int64_t chunk;                    // 0: by the number of rows
    bool newest_first;
};
// Finds what there is to do: with `resume` what is missing of that backfill, else what is missing
// of one that was asked for in the same way, did not end and read the same inputs; else all. In the
// world's arena. Facts must have been gathered.
SL_MUST int sl_world_backfill_plan(struct sl_world *world, struct sl_session *session,
                                   const struct sl_backfill_options *options,
                                   struct sl_backfill_plan *ret, struct sl_err *err);

enum sl_chunk_state {
    SL_CHUNK_WAITING,
    SL_CHUNK_RUNNING,
    SL_CHUNK_DONE,
    SL_CHUNK_FAILED,
    SL_CHUNK_LEFT, // a table before failed, or the backfill was interrupted
};
struct sl_backfill_chunk_run {
    size_t table;       // of the plan
    size_t from, count; // partitions of found
    enum sl_chunk_state state;
    int deaths;
    struct sl_balance balance;
    int64_t version; // committed; -1: none was, it had been done
    struct sl_err err;
    int64_t started_us, ended_us;
    const struct sl_seat *seat; // while it is running
};
struct sl_backfill_progress {
    const struct sl_backfill_plan *plan;
    const struct sl_backfill_chunk_run *chunks;
    size_t chunk_count;
    size_t running;
    int64_t partitions_done, partitions_total; // of this process
    int64_t rows_in, rows_out;                 // of chunks that were committed
    size_t failed;                             // chunks
    int64_t started_us;                        // monotonic
};
// Told by the thread that called.
struct sl_backfill_listener {
    void (*on_chunk)(void *self, const struct sl_backfill_progress *progress,
                     const struct sl_backfill_chunk_run *chunk);
    void (*on_tick)(void *self, const struct sl_backfill_progress *progress);
    void (*on_interrupt)(void *self, int times);
    void *self;
};
// Does the plan: `ret` is a run of the history with an outcome for each table. SL_OK whenever the
// backfill itself worked, whatever became of chunks. No engine may be open. SL_E_LOCKED if another
// run is at work on this project; SL_E_PLAN_CHANGED if one was since the plan was made.
SL_MUST int sl_world_backfill(struct sl_world *world, const struct sl_backfill_plan *plan,
                              int64_t concurrency, const struct sl_backfill_listener *listener,
                              struct sl_run *ret, struct sl_err *err);
// "day=2026-01-01 to day=2026-01-31", or one of them, of a chunk or of all; in the arena.
SL_MUST int sl_backfill_span(const struct sl_backfill_table *table, size_t from, size_t count,
                             struct sl_arena *arena, const char **ret, struct sl_err *err);

#endif
