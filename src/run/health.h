// How a project is: whether data gets in (sources), gets built (tables) and gets out (targets), and
// what that means for each pipeline. Looking changes nothing but caches.
#ifndef SL_RUN_HEALTH_H
#define SL_RUN_HEALTH_H

#include "base/fields.h"
#include "run/known_lake.h"
#include "run/world.h"

enum sl_health_state {
    SL_HEALTH_OK,
    SL_HEALTH_WAITS, // there is something for the next run, and no limit of the project is missed
    SL_HEALTH_WRONG,
};
const char *sl_health_name(enum sl_health_state state); // "ok", "waits", "wrong"

// What there is to say of a thing: its worst fact.
struct sl_health_said {
    enum sl_health_state state;
    const char *text; // "2 files (1.2 MB) wait, the oldest for 4 min"
    const char *hint; // what to do; NULL: nothing
};
struct sl_health_source {
    const char *name;  // "orders"
    const char *table; // "raw.orders"
    const char *owner;
    struct sl_health_said said;
    bool is_reachable; // it could be listed
    int64_t files;
    const char *newest_file; // by time; NULL: none
    int64_t newest_us;
    int64_t gone_files; // that raw has and it has no more
    int64_t
        empty_since_us; // since then, at the latest, it has had none; 0: it has some, or never had
    struct sl_strs gone_named; // of the gone ones, those that a path names, without a wildcard
    int64_t waiting_files, waiting_bytes; // new and changed ones, that raw has not; -1: not known
    int64_t lag_s;                        // age of the oldest of them; 0: none; -1: not known
};
struct sl_health_table {
    const char *name, *owner;
    struct sl_health_said said;
    int64_t version;            // -1: never built
    int64_t committed_us;       // when that was; 0: not known
    int64_t age_s, freshness_s; // since then, and how old it may become; -1: not known, not said
    bool is_late;               // it is older than that
    enum sl_verdict verdict;    // of the plan
    const char *why;            // the first cause; NULL: it is fresh
    struct sl_strs stale_partitions;
    bool knows_partitions;
    int64_t lag_s;                  // since an input has had rows that it has not; -1: not known
    const char *behind;             // that input
    int64_t rows_in, rows_rejected; // of the newest commit that took rows; -1: no such
    int64_t bytes;                  // -1: not asked
};
struct sl_health_target {
    const char *name; // "target.warehouse.revenue"
    const char *table, *owner;
    struct sl_health_said said;
    bool is_reachable;
    const char *lost;         // what of a delivery is not as it was left; NULL: nothing is known
    int64_t delivered_us;     // when it was last done, as the history has it; 0: it has not
    int64_t version;          // of the table, that stands there; -1: none
    int64_t table_version;    // the newest; -1: none
    int64_t lag_s;            // since that is behind; -1: not known
    int64_t rows, table_rows; // there, and in the version that stands there; -1: not counted
};
struct sl_health_task {
    const char *name; // "task.fetch"
    const char *owner;
    struct sl_health_said said;
    int64_t runs;            // that ended well; -1: none
    const char *last;        // "ok", "failed"; NULL: it was never run
    int64_t last_us;         // when that ended; 0: not known
    int64_t age_s;           // since then; -1: not known
    bool is_always;          // it is run in every run
    enum sl_verdict verdict; // of the plan
    const char *why;         // the first cause; NULL: nothing that it comes after has changed
    int64_t lag_s;           // since a table that it comes after has had other rows; -1: not known
    const char *behind;      // that table
};
// The worst of its things of one kind; no subject: it has none. Of tables that a pipeline reads and
// does not build is said under `in`.
struct sl_health_part {
    const char *subject;
    struct sl_health_said said;
    int64_t others; // that are as bad
};
struct sl_health_pipeline {
    const char *name, *owner;
    enum sl_health_state state;
    struct sl_health_part in, built, out;
    struct sl_strs sources, tables, tasks, targets; // names of its things
    struct sl_strs reads;                           // tables that it reads and does not build
};
struct sl_health {
    int64_t at_us, elapsed_ms;
    enum sl_health_state state; // the worst
    struct sl_health_said lake; // text NULL: it is the right one. Else nothing is known but it, and
                                // which sources can be reached
    const char *lake_code;      // of the error
    struct sl_health_source *sources;
    size_t source_count;
    struct sl_health_table *tables;
    size_t table_count;
    struct sl_health_task *tasks; // those with a program
    size_t task_count;
    struct sl_health_target *targets;
    size_t target_count;
    struct sl_health_pipeline *pipelines;
    size_t pipeline_count;
};

// What the history says of a step. An execution that was skipped, or stopped with its run, says
// nothing of it.
struct sl_health_past {
    const char *name; // "clean.orders"
    bool has_failed;  // its last execution did not end well
    const char *code, *message;
    int64_t failed_us; // when that ended; 0: not known
    int64_t done_us;   // a delivery: when it was last done; 0: it was not, or nobody knows
};
struct sl_health_request {
    struct sl_strs pipelines;       // only these; none: all
    struct sl_strs select, exclude; // only these of their steps
    bool counts;                    // rows at targets, which a target may take long for
    bool sizes;                     // of tables, where all is looked at
    struct sl_lake_memory lake;     // which one is the right one
    struct sl_health_past *past;
    size_t past_count;
};
extern const struct sl_field sl_health_request_fields[], sl_health_fields[];
// Fills the request's `past`; strings are in the arena.
SL_MUST int sl_health_recall(struct sl_state *state, const char *environment,
                             struct sl_arena *arena, struct sl_health_request *request,
                             struct sl_err *err);

// Gathers the world's facts anew and judges them; *ret is in the world's arena. What cannot be
// looked at is wrong, and no failure of this. May open the engine.
SL_MUST int sl_health_look(struct sl_world *world, const struct sl_health_request *request,
                           struct sl_health *ret, struct sl_err *err);
// The parts of it that need no disk: what is said of a thing, from its numbers. `most_lag_s` 0,
// `most_share` < 0: no limit. For tests.
struct sl_health_limits {
    int64_t lag_s;
    double quarantine_share;
};
SL_MUST int sl_health_judge_source(struct sl_health_source *source,
                                   const struct sl_health_limits *limits, int64_t now_us,
                                   struct sl_arena *arena, struct sl_err *err);
SL_MUST int sl_health_judge_table(struct sl_health_table *table,
                                  const struct sl_health_limits *limits, struct sl_arena *arena,
                                  struct sl_err *err);
SL_MUST int sl_health_judge_task(struct sl_health_task *task, const struct sl_health_limits *limits,
                                 struct sl_arena *arena, struct sl_err *err);
SL_MUST int sl_health_judge_target(struct sl_health_target *target,
                                   const struct sl_health_limits *limits, struct sl_arena *arena,
                                   struct sl_err *err);
// Fills `pipelines`, whose lists of names are there, and the state of the whole.
SL_MUST int sl_health_sum_up(struct sl_health *health, struct sl_err *err);

// {"schema": "sluice.health/1", "at", "state", "lake", "pipelines", "sources", "tables", "tasks",
// "targets"}. NULL out of memory.
json_t *sl_health_json(const struct sl_health *health);

#endif
