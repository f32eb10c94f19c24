// What a service keeps in the state store (api/state.h): ticks that were handled, pauses, runs that
// wait, decisions of people, and who did what.
#ifndef SL_API_QUEUE_H
#define SL_API_QUEUE_H

#include "api/state.h"

// The last tick of a pipeline's trigger that was handled: started, queued or skipped.
struct sl_tick {
    const char *pipeline;
    const char *trigger; // its key, stable over restarts: "cron 0 3 * * MON-FRI Europe/Berlin"
    int64_t tick_us;
};
// All of them, by pipeline and trigger.
SL_MUST int sl_state_ticks(struct sl_state *state, struct sl_arena *arena, struct sl_tick **ret,
                           size_t *ret_count, struct sl_err *err);
// All or none. A trigger's tick may also be set back.
SL_MUST int sl_state_set_ticks(struct sl_state *state, const struct sl_tick *ticks, size_t count,
                               struct sl_err *err);

struct sl_pause {
    const char *pipeline;
    const char *who; // NULL: not said
    const char *why; // NULL: not said
    int64_t at_us;
};
// Takes the place of the pause before it; *ret_is_new (may be NULL): there was none.
SL_MUST int sl_state_pause(struct sl_state *state, const struct sl_pause *pause, bool *ret_is_new,
                           struct sl_err *err);
// *ret_was_paused may be NULL.
SL_MUST int sl_state_resume(struct sl_state *state, const char *pipeline, bool *ret_was_paused,
                            struct sl_err *err);
// By pipeline.
SL_MUST int sl_state_pauses(struct sl_state *state, struct sl_arena *arena, struct sl_pause **ret,
                            size_t *ret_count, struct sl_err *err);

// A run that was asked for and has not begun. In the history it is a run of status "queued".
struct sl_queued {
    const char *run_id;
    const char *command;     // of the run's row; NULL is "run"
    const char *environment; // NULL: none
    const char *pipeline;    // NULL: none
    const char *trigger;     // its key, or "by hand"
    int64_t tick_us;         // 0: none
    const char *who;         // NULL: nobody
    int64_t asked_us;
    const char *options_json; // what sl_state_queue gives back; NULL is "{}"
    const char *row_json;     // what its row in the history keeps of that; NULL: all
    bool is_cancelled;        // set by sl_state_queue: the audit log has a "cancel" of it
};
// Keeps a run that was asked for, and in the same transaction its tick as handled (unless a later
// one was). The same run id, or the same pipeline, trigger and tick (not 0), is kept only once,
// also when it has begun or ended: *ret_is_new is false then and nothing is written. Who starts at
// once enqueues too, and begins then.
SL_MUST int sl_state_enqueue(struct sl_state *state, const struct sl_queued *queued,
                             bool *ret_is_new, struct sl_err *err);
// Those that wait, first come first.
SL_MUST int sl_state_queue(struct sl_state *state, struct sl_arena *arena, struct sl_queued **ret,
                           size_t *ret_count, struct sl_err *err);
// Takes one out that will not begin; it stays in the history with `status` ("cancelled",
// "skipped"), ended at `at_us`. *ret_was_queued is false if it has begun or was never asked for.
// (Who begins it calls sl_state_begin.)
SL_MUST int sl_state_dequeue(struct sl_state *state, const char *run_id, const char *status,
                             int64_t at_us, bool *ret_was_queued, struct sl_err *err);

// A step that waits, or waited, for a person.
struct sl_approval {
    const char *run_id;
    const char *step; // "load warehouse"
    int64_t asked_us;
    int64_t decided_us; // 0: open
    bool is_yes;
    const char *who, *why; // of the decision; NULL: not said
};
// Asking twice changes nothing.
SL_MUST int sl_state_ask(struct sl_state *state, const struct sl_approval *approval,
                         struct sl_err *err);
// The first decision stands. `standing` (in the arena) is the one that stands; its run_id is NULL
// if nobody asked. *ret_is_first: it is this one.
SL_MUST int sl_state_decide(struct sl_state *state, const struct sl_approval *decision,
                            struct sl_arena *arena, struct sl_approval *standing,
                            bool *ret_is_first, struct sl_err *err);
// Of a run: open and decided. run_id NULL: all open ones. As they were asked.
SL_MUST int sl_state_approvals(struct sl_state *state, const char *run_id, struct sl_arena *arena,
                               struct sl_approval **ret, size_t *ret_count, struct sl_err *err);

struct sl_audit_entry {
    int64_t seq; // given by the store; grows
    int64_t at_us;
    const char *who;          // "anna", "uid 1000"
    const char *what;         // "trigger", "cancel", "approve"
    const char *subject;      // "nightly", a run's id; NULL: none
    const char *details_json; // NULL: none
};
// Entries are never changed.
SL_MUST int sl_state_add_audit(struct sl_state *state, const struct sl_audit_entry *entry,
                               struct sl_err *err);
struct sl_audit_filter {
    const char *subject; // NULL: all
    int64_t before_seq;  // only what is older than this entry; 0: from the newest
    size_t limit;        // 0: all
};
// Newest first.
SL_MUST int sl_state_audit(struct sl_state *state, const struct sl_audit_filter *filter,
                           struct sl_arena *arena, struct sl_audit_entry **ret, size_t *ret_count,
                           struct sl_err *err);

#endif
