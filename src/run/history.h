// What a run leaves behind besides tables: rows in the state store and JSON lines in
// <state>/logs/<run id>.jsonl.
#ifndef SL_RUN_HISTORY_H
#define SL_RUN_HISTORY_H

#include "plan/publication.h"
#include "run/run.h"

struct sl_history;
struct sl_history_options {
    const char *command;
    struct sl_state *state; // open, and shared with others; NULL: one of its own is opened
    // What started it, as in struct sl_run_row; NULL, 0: not said. They live as long as the run.
    const char *pipeline, *trigger, *who;
    int64_t tick_us;
    bool
        is_run; // by hand: of one of steps, refused where the lake is another one (SL_E_LAKE_OTHER)
    // It cannot be written now: what waits is tried again by each flush. May be NULL.
    void (*on_trouble)(void *owner, const struct sl_err *err);
    void *owner;
};
// History that cannot be kept (a store of a later version) is a warning. What cannot be written for
// the moment (a full disk) waits in memory, up to a limit.
SL_MUST int sl_history_open(struct sl_run *run, const struct sl_history_options *options,
                            struct sl_history **ret, struct sl_err *err);
// A line of the run's log: the step is at work. To be called where it takes longer than a moment,
// so that ten thousand short ones do not write as many lines more; the second time does nothing.
void sl_history_begin(struct sl_history *history, struct sl_outcome *outcome);
// The same: an attempt has failed, and another one follows.
void sl_history_again(struct sl_history *history, struct sl_outcome *outcome);
// A step has ended. History that cannot be written is reported once on the log and never fails a
// run. Each run writes its own, in transactions of its own.
void sl_history_add(struct sl_history *history, const struct sl_outcome *outcome);
// Lets others see the steps added so far. To be called some times a second.
void sl_history_flush(struct sl_history *history);
void sl_history_end(struct sl_history *history);
// Nothing says so until sl_history_try_again.
void sl_history_end_later(struct sl_history *history);
// The run has ended, and not all of it could be written: its owner keeps the history (the run may
// go) and tries again now and then.
bool sl_history_is_left(const struct sl_history *history);
// True: nothing is left to be written, or it is given up. False: `err` says why.
bool sl_history_try_again(struct sl_history *history, struct sl_err *err);
// It stays as it is written: the run has not ended there.
void sl_history_abandon(struct sl_history **history);
// What is left is tried once more.
void sl_history_close(struct sl_history **history); // for SL_AUTO
// Of what the run publishes (sl_world_publish), the tables that none of its steps has built.
SL_MUST int sl_history_add_rest(struct sl_history *history, const struct sl_rest *rest,
                                struct sl_err *err);
// The same by the texts of sl_rest_tables.
SL_MUST int sl_history_add_tables(struct sl_history *history, const struct sl_strs *tables,
                                  struct sl_err *err);
// A run of no step that published these tables all the same ("quarantine.orders", or with what was
// done to it, "quarantine.orders (rows given up)"), whole. The project's run lock is held.
SL_MUST int sl_history_published(struct sl_world *world, const struct sl_publication *publication,
                                 const struct sl_strs *tables, struct sl_err *err);
// The JSON object of one step, for --json, logs and state: {"step", "table", "status", "rows",
// ...}.
// The same with what every line of a log says: job_id, run_id, attempt, event ("end"),
// rows.rejected.
SL_MUST int sl_outcome_log(const struct sl_outcome *outcome, const struct sl_project *project,
                           const char *run_id, json_t **ret, struct sl_err *err);
SL_MUST int sl_outcome_print(const struct sl_outcome *outcome, json_t **ret, struct sl_err *err);

#endif
