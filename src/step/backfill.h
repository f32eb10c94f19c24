// Backfill of a model with `write: partition`: chosen partitions are computed anew from its inputs
// as they are now, chunk by chunk, each with a commit of its own. The position of the table, which
// says what the next run has to do, does not move; docs/architecture.md ("Backfill") says why no
// row is lost or doubled by that.
#ifndef SL_STEP_BACKFILL_H
#define SL_STEP_BACKFILL_H

#include "step/step.h"

struct sl_model_step;
struct sl_model_input;

// Which partitions.
struct sl_backfill_choice {
    struct sl_strs tables;     // of the whole backfill: "curated.daily_revenue"
    const char *from, *to;     // dates, both included; NULL: open
    struct sl_strs partitions; // "day=2026-01-01..2026-01-31,country=DE*", any of them; none: all
    bool is_stale;             // only what the next run would do
    bool may_empty;            // also those of which the inputs have no row any more
};
// As JSON, equal for equal choices; in the arena.
SL_MUST int sl_backfill_choice_print(const struct sl_backfill_choice *choice,
                                     struct sl_arena *arena, const char **ret, struct sl_err *err);
SL_MUST int sl_backfill_choice_parse(const char *json, struct sl_arena *arena,
                                     struct sl_backfill_choice *ret, struct sl_err *err);
// The choice as a condition over columns <prefix>0, <prefix>1, ... of these names and types, in the
// order of the partition: "true" if it is all. SL_E_BACKFILL_CHOICE names what does not fit.
// `relation` has the columns.
struct sl_backfill_columns {
    const struct sl_strs *names;
    const char **types; // of the engine
    const char *prefix; // "~p"
    const char *relation;
};
SL_MUST int sl_backfill_condition(struct sl_step_context *context,
                                  const struct sl_backfill_choice *choice,
                                  const struct sl_backfill_columns *columns, struct sl_buf *sql,
                                  struct sl_err *err);
// Whether each of "day=2026-01-01,country=DE" can be read and names these columns: all that is
// known without the engine.
SL_MUST int sl_backfill_check_partitions(const struct sl_strs *partitions,
                                         const struct sl_strs *columns, struct sl_arena *arena,
                                         struct sl_err *err);

// What there is to do, in the order in which it is to be done.
struct sl_backfill_found {
    const char *const *const *partitions; // values as the engine's texts
    int64_t *rows;       // of the input that decides of them, per partition; -1: not known
    int64_t rows_of_all; // of that input as a whole; -1: not known
    size_t count, width;
    int64_t rows_in, rows_out; // estimated; -1: not known
    size_t empty_count;        // chosen, but the inputs have no rows of them: left alone
    const char *empty_example;
    bool is_local;         // a chunk reads the rows of its partitions only
    const char *why_whole; // else: why it reads all
    int64_t version;       // of the table
    struct sl_table_versions inputs;
    int64_t done; // partitions that a backfill of this id has done before
};
struct sl_backfill_search {
    const struct sl_backfill_choice *choice;
    const char *id; // goes on with this one; NULL: a new one
    bool newest_first;
};
// SL_E_BACKFILL_POSITION if the next run would build the table anew as a whole, so that nothing of
// it can be done before.
SL_MUST int sl_step_backfill_find(struct sl_step_context *context, const struct sl_model *model,
                                  const struct sl_query *query, const char *fingerprint,
                                  const struct sl_backfill_search *search,
                                  struct sl_backfill_found *ret, struct sl_err *err);

// The newest commit of a table that is of a backfill.
struct sl_backfill_state {
    struct sl_backfill_mark mark; // id NULL: none was found
    bool is_newest;               // nothing else was committed since
    bool is_same_inputs;          // its inputs are as they were when it read them
};
// `id`: of this backfill, or of that which this run did a part of, or the beginning of one; NULL:
// of any, if it is the newest commit.
SL_MUST int sl_step_backfill_state(struct sl_step_context *context, const struct sl_model *model,
                                   const struct sl_query *query, const char *fingerprint,
                                   const char *id, struct sl_backfill_state *ret,
                                   struct sl_err *err);
// Every partition that commits of this backfill have done: texts of sl_backfill_key as keys. `map`
// is the caller's to clear. Looks no further back than version `since`.
SL_MUST int sl_backfill_done(const char *folder, const char *id, int64_t since,
                             struct sl_arena *arena, struct sl_map *map, struct sl_err *err);
SL_MUST int sl_backfill_key(const char *const *values, size_t width, struct sl_buf *text,
                            struct sl_err *err);

// What a run has committed of a backfill to a table.
struct sl_backfill_trace {
    char id[37]; // of the backfill; "": nothing was committed
    int64_t chunks, partitions;
};
// Adds to `trace` what `run_id` has committed to the table of this folder.
SL_MUST int sl_backfill_trace(const char *folder, const char *run_id, struct sl_arena *arena,
                              struct sl_backfill_trace *trace, struct sl_err *err);

struct sl_backfill_chunk {
    struct sl_backfill_mark mark; // `done`: of this backfill, before any chunk of this process
    int64_t since; // version from which on commits of it are looked for; -1: there can be none
};
// Does one chunk, unless a commit of this backfill has done it: then the outcome is NOTHING.
SL_MUST int sl_step_backfill(struct sl_step_context *context, const struct sl_model *model,
                             const struct sl_query *query, const char *fingerprint,
                             const struct sl_backfill_chunk *chunk, struct sl_step_result *ret,
                             struct sl_err *err);

// --- Between the files of this step ---
// SL_E_BACKFILL_POSITION if the table has no position that a chunk could leave as it is.
SL_MUST int sl_backfill_require(const struct sl_model_step *step, struct sl_err *err);
// The input whose rows of a partition are all that the partition's result needs; NULL: there is
// none, and *ret_why says why.
SL_MUST int sl_backfill_driving(const struct sl_model_step *step, const struct sl_model_input **ret,
                                const char **ret_why, struct sl_err *err);
// Types of the partition's columns: of the expressions over the driving table, or of the result.
SL_MUST int sl_backfill_types(struct sl_model_step *step, const struct sl_model_input *driving,
                              const char ***ret, struct sl_err *err);
// Puts the partitions of a chunk into the temporary table _touched.
SL_MUST int sl_backfill_touch(struct sl_model_step *step, const char **types, struct sl_err *err);
// The query, and of its result only the partitions of _touched.
SL_MUST int sl_backfill_filter(struct sl_model_step *step, const char **query, struct sl_err *err);

#endif
