// State store: the history of runs and steps. Only history: tables know themselves how far they
// have come, so it may be deleted.
#ifndef SL_API_STATE_H
#define SL_API_STATE_H

#include "base/arena.h"

#include <stdint.h>

struct sl_state;

struct sl_run_row {
    const char *id;
    const char *command;          // "run", "retry", "apply"
    const char *environment;      // NULL: none
    const char *status;           // "running", "ok", "nothing", "partial", "error", "interrupted"
    int64_t started_us, ended_us; // ended 0: running, or killed
    int64_t pid;
    int64_t ok, warn, error, skipped, quarantined;
};

struct sl_step_row {
    const char *run_id;
    const char *name;   // "clean.orders"
    const char *label;  // "cleanse orders"
    const char *status; // "ok", "warn", "nothing", "partial", "error", "skipped"
    const char *why;
    const char *code, *message, *place; // of the error, NULL if none
    const char *details_json;           // reasons, notes, versions
    int64_t started_us, ended_us;
    bool has_balance;
    int64_t rows_in, rows_out, quarantined, deduplicated, filtered;
    int64_t bytes_in, bytes_out;
};

// Opens or makes the store in a folder. A store of a later version is refused (SL_E_STATE); a
// damaged one is set aside under another name, with *ret_note (in the arena) saying so, and a new
// one is begun.
SL_MUST int sl_state_open(const char *folder, struct sl_arena *arena, struct sl_state **ret,
                          const char **ret_note, struct sl_err *err);
// For reading alone: writes nothing to the folder, so that it works on a full disk and in a folder
// that cannot be written. A store that is missing or damaged is an empty one; *ret_note (in the
// arena, or NULL) tells of damage.
SL_MUST int sl_state_read(const char *folder, struct sl_arena *arena, struct sl_state **ret,
                          const char **ret_note, struct sl_err *err);
void sl_state_close(struct sl_state **state); // for SL_AUTO
SL_MUST int sl_state_begin(struct sl_state *state, const struct sl_run_row *run,
                           struct sl_err *err);
// Others see the step after the next flush at the latest; until then no other process can write.
SL_MUST int sl_state_add_step(struct sl_state *state, const struct sl_step_row *step,
                              struct sl_err *err);
SL_MUST int sl_state_flush(struct sl_state *state, struct sl_err *err); // end and close do it too
SL_MUST int sl_state_end(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err);
// Newest first. `id` (may be NULL) keeps runs whose id begins so.
SL_MUST int sl_state_runs(struct sl_state *state, const char *id, size_t limit,
                          struct sl_arena *arena, struct sl_run_row **ret, size_t *ret_count,
                          struct sl_err *err);
SL_MUST int sl_state_steps(struct sl_state *state, const char *run_id, struct sl_arena *arena,
                           struct sl_step_row **ret, size_t *ret_count, struct sl_err *err);
// The newest outcome of every step that was ever tried.
SL_MUST int sl_state_last(struct sl_state *state, struct sl_arena *arena, struct sl_step_row **ret,
                          size_t *ret_count, struct sl_err *err);
// The newest executions of a step that went well and did something, newest first.
SL_MUST int sl_state_past(struct sl_state *state, const char *name, size_t limit,
                          struct sl_arena *arena, struct sl_step_row **ret, size_t *ret_count,
                          struct sl_err *err);
// Deletes runs that ended before a time, with their steps.
SL_MUST int sl_state_forget(struct sl_state *state, int64_t before_us, struct sl_err *err);

#endif
