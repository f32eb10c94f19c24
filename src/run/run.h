// One run: the selected steps of a world, in the order of the graph, several at a time.
#ifndef SL_RUN_RUN_H
#define SL_RUN_RUN_H

#include "run/code.h"
#include "run/publications.h"
#include "run/worker.h"

enum sl_status {
    SL_STATUS_WAITING,
    SL_STATUS_RUNNING,
    SL_STATUS_NOTHING,
    SL_STATUS_OK,
    SL_STATUS_WARN,
    SL_STATUS_PARTIAL,
    SL_STATUS_ERROR,
    SL_STATUS_SKIPPED
};
const char *sl_status_name(enum sl_status status);

// An attempt at a step that another one followed.
struct sl_retried {
    int attempt; // from 1 on
    enum sl_code code;
    const char *message;
    int64_t wait_ms; // before the next one
};

// What became of one node. Lives in the run's arena.
struct sl_outcome {
    const struct sl_node *node;
    enum sl_status status;
    struct sl_step_result result;
    int64_t rows_before;       // of its table, when the run began; -1: not known
    int64_t rows_read;         // see run/estimate.h; -1: not known
    int64_t peak_memory_bytes; // of the worker that took most, when the step ended; -1: not known
    // What reads it has to look: a view over a table that got a new version, a task or a delivery
    // that was done, or a step whose first worker died and may have committed.
    bool passes_on;
    int attempts; // at it: workers that it was given to
    int deaths;   // of these
    struct sl_retried *retried;
    size_t retried_count;
    int64_t first_us;             // monotonic, of its first attempt
    const struct sl_death *death; // of the last worker that died at it; NULL: none did
    struct sl_err err;            // ERROR: why; SKIPPED: which step failed before it
    int64_t started_us, ended_us;
    bool has_begin_line;        // of the run's log: see sl_history_begin
    struct sl_arena arena;      // of the step; kept until the run is freed
    const struct sl_seat *seat; // of its worker, while running
    bool has_begun;             // the last attempt: a worker had it
    const char *machine;        // of that worker, by its name (`sluice worker`); NULL: this one
};

// Told of everything that happens, by the thread that called sl_run.
struct sl_listener {
    void (*on_start)(void *self, const struct sl_outcome *outcome);
    void (*on_end)(void *self, const struct sl_outcome *outcome);
    // It failed, and is tried again after the wait of the last of outcome->retried.
    void (*on_again)(void *self, const struct sl_outcome *outcome);
    // About ten times a second while steps run.
    void (*on_tick)(void *self, const struct sl_outcome *const *running, size_t count);
    // Asked to stop: once to drain, twice to abort, three times to kill.
    void (*on_interrupt)(void *self, int times);
    void *self;
};

struct sl_backfill;
struct sl_run_options {
    const char *command; // "run", "retry", "apply"
    int64_t concurrency; // 0: the project's, else the number of cores
    bool full_refresh;
    bool loses_history;              // --yes
    const struct sl_strs *may_break; // versions that may break what they promised; may be NULL
    const struct sl_strs *approved;  // steps that a person has approved before; may be NULL
    bool fail_fast;                  // start nothing new after the first error
    bool refuses_leaks;              // see sl_world_refuse_leaks_of
    const struct sl_listener *listener;
    struct sl_backfill *backfill; // what is done instead of the world's graph, see run/backfill.h
    int *lock_fd; // the project's lock, taken if it is -1, and kept for the next run; may be NULL
};

struct sl_run {
    char id[37];
    struct sl_world *world;
    int64_t started_us, ended_us;
    // What it was planned to do: that of the world, or one of its own.
    const struct sl_graph *graph;
    struct sl_outcome *outcomes; // parallel to graph->nodes; of nodes not selected: WAITING
    size_t count;
    size_t more; // outcomes behind them: of chunks, when the run has ended
    size_t by_status[SL_STATUS_SKIPPED + 1]; // selected nodes
    int64_t quarantined, set_aside;          // rows; values of rows that were published
    bool was_interrupted;
    bool was_cancelled;                // it was interrupted because somebody asked for it
    bool was_late;                     // its deadline is over
    const char *state_note;            // NULL, or what happened to the state store
    struct sl_publication publication; // the newest at the run's end
    bool has_published;                // by this run
    struct sl_map pins;          // tables of the other environment, as they were when the run began
    char lake[SL_LAKE_ID_BYTES]; // its number when the run began; "": it is not known
    struct sl_arena arena;
};

// Runs every selected node that is stale or whose inputs change on the way. Facts and verdicts must
// be there (sl_plan_decide). Returns SL_OK whenever the run itself worked, whatever became of its
// steps. Ctrl-C drains once, twice interrupts. SL_E_LOCKED if another run is at work on this
// project.
SL_MUST int sl_run(struct sl_world *world, const struct sl_run_options *options, struct sl_run *ret,
                   struct sl_err *err);
void sl_run_clear(struct sl_run *run); // for SL_AUTO
// All that reads tables of the other environment reads them as the plan has seen them, until
// sl_run_clear. Its own part of sl_run.
SL_MUST int sl_run_pin_borrowed(struct sl_run *run, struct sl_err *err);
// Fills by_status, quarantined, set_aside once all steps have ended. One that was told to end, and
// yet has done all that there was, was not interrupted.
void sl_run_count(struct sl_run *run);
// "running", "interrupted", "cancelled", "ok", "nothing", "error", or "partial": something was
// done, and something failed, whichever exit code that has.
const char *sl_run_state(const struct sl_run *run);
// The exit code that README.md documents.
int sl_run_exit_code(const struct sl_run *run);
// The same of a run that is only told of: the status of it, and whether a step that is "error" has
// failed with a code of a kind that has an exit code of its own.
struct sl_run_faults {
    bool has_bug, has_broken_rule, has_failed_check;
};
void sl_run_add_fault(struct sl_run_faults *faults, const char *step_status, enum sl_code code);
int sl_run_exit_code_of(const char *status, const struct sl_run_faults *faults);
// {"code", "fate", "message", "hint", "file", "line", "column"}: null where there is none. NULL out
// of memory.
json_t *sl_err_json(const struct sl_err *err);
// {"schema":"sluice.run/1", ...}
SL_MUST int sl_run_print(const struct sl_run *run, json_t **ret, struct sl_err *err);

#endif
