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
    int64_t chunk, concurrency; // that were asked for; 0: nothing was said
    struct sl_backfill_choice choice;
    const char *choice_json;
    struct sl_backfill_table *tables; // in the order of the graph
    size_t count;
};
enum sl_backfill_order { SL_BACKFILL_AUTO, SL_BACKFILL_OLDEST, SL_BACKFILL_NEWEST };
// What is left open is as it began where one goes on, else the oldest first.
struct sl_backfill_options {
    struct sl_backfill_choice choice; // tables: as they were named
    const char *resume;               // id, or its beginning; NULL: none
    const char *id;                   // of a new one, or of one that may have begun; NULL: any
    int64_t chunk;                    // 0: by the number of rows
    int64_t concurrency;              // 0: as many as the project lets steps run
    enum sl_backfill_order order;
    bool asks_no_history; // so there are no estimates of time
};
// Finds what there is to do: with `resume` what is missing of that backfill, else what is missing
// of one that was asked for in the same way, did not end and read the same inputs; else all. In the
// world's arena. Facts must have been gathered.
SL_MUST int sl_world_backfill_plan(struct sl_world *world, struct sl_session *session,
                                   const struct sl_backfill_options *options,
                                   struct sl_backfill_plan *ret, struct sl_err *err);

// --- One that runs: a run whose steps are its chunks, under the executor as any other's.

// A node of its graph. First come the tables: such a node is done when all of its chunks have
// ended, and is what the history tells. Behind them come the chunks.
struct sl_backfill_part {
    size_t table;       // of the plan
    size_t from, count; // partitions of found; count 0: it is the table itself
};
struct sl_backfill_progress {
    size_t chunk_count, ended, running, failed; // chunks
    int64_t partitions_done, partitions_total;  // of this run
    int64_t rows_in, rows_out;                  // of chunks that were committed
    int64_t started_us;                         // monotonic
};
struct sl_backfill {
    const struct sl_backfill_plan *plan;
    struct sl_run *run;
    struct sl_graph graph;
    struct sl_backfill_part *parts; // parallel to the graph's nodes, as the run's outcomes
    struct sl_backfill_progress progress;
};
#define SL_BACKFILL_CHUNKS 100000 // at most
// Makes the graph, and gives it to the run, in the arena of which all of it is.
// SL_E_BACKFILL_CHUNK: there are too many.
SL_MUST int sl_backfill_begin(const struct sl_backfill_plan *plan, struct sl_run *run,
                              struct sl_backfill *ret, struct sl_err *err);
bool sl_backfill_is_chunk(const struct sl_backfill *backfill, size_t index);
// What a worker is told of a chunk besides the order: it needs nothing else of the plan.
// {"id", "choice", "partitions": [[...]], "width", "done", "total", "newest_first", "chunk",
// "concurrency", "since"}. NULL: out of memory.
json_t *sl_backfill_chunk_json(const struct sl_backfill *backfill, size_t index, bool is_again);
SL_MUST int sl_backfill_chunk_parse(const json_t *json, struct sl_arena *arena,
                                    struct sl_backfill_chunk *ret, struct sl_err *err);
// A chunk's outcome stands.
void sl_backfill_ended(struct sl_backfill *backfill, const struct sl_outcome *outcome);
// All chunks of a table have ended: what came of them becomes the outcome of the table. Without
// memory it has failed.
void sl_backfill_sum_up(struct sl_backfill *backfill, size_t index);
// The run has ended: from now on it is one of tables. Chunks' outcomes live as long as the run.
void sl_backfill_end(struct sl_backfill *backfill);

// Does the plan as `sluice run` would: `ret` is a run of the history with an outcome for each
// table. SL_OK whenever the backfill itself worked, whatever became of chunks. No engine may be
// open. SL_E_LOCKED if another run is at work on this project; SL_E_PLAN_CHANGED if one was since
// the plan was made. The listener is told of chunks: their outcomes are those of `backfill`.
SL_MUST int sl_world_backfill(struct sl_world *world, const struct sl_backfill_plan *plan,
                              const struct sl_run_options *options, struct sl_backfill *backfill,
                              struct sl_run *ret, struct sl_err *err);
// SL_E_PLAN_CHANGED if a table got another version since: whoever has committed it may have done a
// part of the plan.
SL_MUST int sl_backfill_require_unchanged(const struct sl_world *world,
                                          const struct sl_backfill_plan *plan,
                                          struct sl_arena *arena, struct sl_err *err);

// --- From a worker that has planned to the service
json_t *sl_backfill_plan_pack(const struct sl_backfill_plan *plan);
SL_MUST int sl_backfill_plan_unpack(const json_t *json, const struct sl_graph *graph,
                                    struct sl_arena *arena, struct sl_backfill_plan *ret,
                                    struct sl_err *err);

// What was asked for, as JSON and back: {"tables", "from", "to", "partitions", "stale",
// "allow_empty", "resume", "id", "chunk", "order", "concurrency", "downstream"}, each may be
// missing.
struct sl_backfill_asked {
    struct sl_backfill_options options;
    bool downstream; // a run of what reads the tables follows
};
json_t *sl_backfill_asked_json(const struct sl_backfill_asked *asked);
SL_MUST int sl_backfill_asked_parse(const json_t *json, struct sl_arena *arena,
                                    struct sl_backfill_asked *ret, struct sl_err *err);
// What is wrong with it before anything is looked at (SL_E_USAGE; SL_E_BACKFILL_CHOICE: it ends
// before it begins).
SL_MUST int sl_backfill_asked_check(const struct sl_backfill_asked *asked, struct sl_err *err);
// Whether the project has such tables, and they such partition columns (SL_E_BACKFILL_TABLE,
// SL_E_BACKFILL_CHOICE). No table is looked at.
SL_MUST int sl_backfill_asked_require(const struct sl_graph *graph,
                                      const struct sl_backfill_choice *choice,
                                      struct sl_arena *arena, struct sl_err *err);

// "day=2026-01-01 to day=2026-01-31", or one of them, of a chunk or of all; in the arena.
SL_MUST int sl_backfill_span(const struct sl_backfill_table *table, size_t from, size_t count,
                             struct sl_arena *arena, const char **ret, struct sl_err *err);

#endif
