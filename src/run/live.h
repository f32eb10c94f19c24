// A run of a service: planned, done and published by the workers of an executor, beside others.
#ifndef SL_RUN_LIVE_H
#define SL_RUN_LIVE_H

#include "run/executor.h"

struct sl_history;
struct sl_live;
struct sl_backfill;
struct sl_live_options {
    const char *id;                       // NULL: a new one
    const char *command;                  // "run", "retry"
    const char *pipeline, *trigger, *who; // of its history; NULL: not said
    int64_t tick_us;
    struct sl_strs select, exclude, may_break;
    struct sl_strs done;     // of struct sl_plan_request
    json_t *plan;            // that must still hold (SL_E_PLAN_CHANGED); NULL: any
    struct sl_strs approved; // see sl_gate_name: need not wait for a person
    bool full_refresh, fail_fast;
    const json_t *backfill; // sl_backfill_asked_json: it is one of that; NULL: a run
    struct sl_state *state; // for its history; shared by all runs; NULL: none is kept
    char *lake; // see sl_lake_require; the owner's, shared by all runs. NULL: it is not looked at
    const struct sl_listener *listener; // may be NULL; lives as long as the run
    // It is planned: there is something to do, and its history begins. May be NULL.
    void (*on_begin)(void *owner, struct sl_live *live);
    // A step waits for a person's approval: a table, or a target. NULL: such steps fail.
    void (*on_gate)(void *owner, struct sl_live *live, const char *name);
    // Its history could not be written now (sl_history_open's on_trouble). May be NULL.
    void (*on_trouble)(void *owner, const struct sl_err *err);
    // The run ends and its history is left to be written: the owner's from now on. NULL: it is
    // lost.
    void (*on_left)(void *owner, struct sl_history *history);
    // All of it has ended, and its history says so next; false: only later (on_left). NULL: nobody
    // asks.
    bool (*on_ending)(void *owner, struct sl_live *live);
    // It has ended, by itself or not; sl_live_free may be called then, or later.
    void (*on_end)(void *owner, struct sl_live *live);
    void *owner;
};
// Everything in `options` is copied but what says otherwise. on_end may come before this returns.
SL_MUST int sl_live_start(struct sl_executor *executor, const struct sl_live_options *options,
                          struct sl_live **ret, struct sl_err *err);
void sl_live_free(struct sl_live **live); // for SL_AUTO. It has ended.
// Once: no new step begins, those at work end after the file that they are at. Twice: they are
// interrupted, and killed if they do not listen. Three times: they are killed.
void sl_live_interrupt(struct sl_live *live, int times);
// What it is interrupted for: its state is "cancelled" then, not "interrupted".
void sl_live_cancelled(struct sl_live *live);

// Before a run: whether `who` may let all of these begin. SL_E_SERVE_MISSING: one of them is
// nothing that needs an approval; SL_E_SERVE_REFUSED: somebody else has to.
SL_MUST int sl_live_may_approve(const struct sl_graph *graph, const struct sl_strs *names,
                                const char *who, struct sl_err *err);
// *ret_name (as long as the run lives) is what waits under that name: a table, "task.fetch" or a
// target; also the step's label ("model total") or its full name, or a pattern for one of these, as
// `sluice logs RUN STEP` takes them. SL_E_SERVE_MISSING: nothing of that name waits, or more than
// one; SL_E_SERVE_REFUSED: `who` is not one of those who may say so.
SL_MUST int sl_live_may_decide(const struct sl_live *live, const char *step, const char *who,
                               const char **ret_name, struct sl_err *err);
void sl_live_decide(struct sl_live *live, const char *name, bool is_approved, const char *who,
                    const char *why);

// NULL: it is none, or is not planned yet.
const struct sl_backfill *sl_live_backfill(const struct sl_live *live);
const struct sl_run *sl_live_run(const struct sl_live *live);
// What went wrong with the run as such: it could not be planned, or not publish. No code: nothing.
const struct sl_err *sl_live_err(const struct sl_live *live);
bool sl_live_is_planned(const struct sl_live *live);
// It was planned, and every step was fresh.
bool sl_live_had_nothing(const struct sl_live *live);

#endif
