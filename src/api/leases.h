// Several processes over one state store (api/state.h): who leads, and which step is whose.
//
// Times are those of the store's clock, PostgreSQL's or, with SQLite, this machine's, so that a
// machine whose clock is wrong harms nobody. A ttl is how long it holds from the moment of the
// call.
#ifndef SL_API_LEASES_H
#define SL_API_LEASES_H

#include "api/state.h"

struct sl_lease {
    bool is_mine;
    int64_t token;      // grows with each change of hands; what is written is told by it
    const char *holder; // who has it, maybe another
    int64_t until_us;   // by the store's clock
    int64_t left_ms;    // the same, from now
};
// Takes a lease that is free or has run out, or keeps one that `holder` has, for ttl_ms from now.
// `holder` must be of this process alone (host, pid and a random part). A lease that ran out gets a
// new token even if it is the same holder that takes it.
SL_MUST int sl_state_lease(struct sl_state *state, const char *name, const char *holder,
                           int64_t ttl_ms, struct sl_arena *arena, struct sl_lease *ret,
                           struct sl_err *err);
// Who has it, without asking for it. left_ms 0 or less: nobody has, or it was never taken.
SL_MUST int sl_state_lease_look(struct sl_state *state, const char *name, struct sl_arena *arena,
                                struct sl_lease *ret, struct sl_err *err);
// Only if it is the holder's: others may take it at once.
SL_MUST int sl_state_release(struct sl_state *state, const char *name, const char *holder,
                             struct sl_err *err);

// From now on each write through this handle is made only if `token` is still the newest of the
// lease, in the same transaction: else SL_E_STATE_FENCED, and nothing is written. name NULL: no
// longer. (Leases themselves, and what workers do below, are not fenced.)
SL_MUST int sl_state_fence(struct sl_state *state, const char *name, int64_t token,
                           struct sl_err *err);

// Runs that are begun through this handle from now on are `holder`'s. As long as that has a lease,
// whatever its name, nobody takes them for killed (struct sl_run_filter). NULL: nobody's.
SL_MUST int sl_state_own(struct sl_state *state, const char *holder, struct sl_err *err);
// Whether processes of other machines may be at work on the store.
bool sl_state_is_shared(const struct sl_state *state);

// A step's attempt that any worker process may do.
struct sl_job {
    const char *id; // unique in the project
    const char *run_id;
    const char *step;
    int64_t attempt;
    int64_t priority;         // higher ones first, then first come
    const char *request_json; // for the worker
    int64_t token;            // of the claim: grows each time the job is claimed
    const char *holder;       // of the claim; NULL: none
    const char *reply_json;   // NULL: it is not done
};
// All or none, in one statement. Ids that are there already stay as they are.
SL_MUST int sl_state_put_jobs(struct sl_state *state, const struct sl_job *jobs, size_t count,
                              struct sl_err *err);
// Up to `limit` jobs that nobody has, for ttl_ms; of several that ask at once each gets others, and
// none waits for another.
struct sl_claim {
    const char *holder;
    int64_t ttl_ms;
    size_t limit;
    const char *prefix; // with which their ids begin; NULL: all
};
SL_MUST int sl_state_claim(struct sl_state *state, const struct sl_claim *claim,
                           struct sl_arena *arena, struct sl_job **ret, size_t *ret_count,
                           struct sl_err *err);
// Keeps claims, each told by id and token, for ttl_ms from now; 0 gives them back (one that was
// pressed goes to nobody else, and is taken away when it is pressed again). ret_is_lost[i]
// (`count` of them) is true of those that are another's by now, or gone: nothing may be done for
// them any longer. ret_asked (of `count`, may be NULL) is what sl_state_press has asked for: 0 is
// nothing.
SL_MUST int sl_state_beat(struct sl_state *state, const struct sl_job *jobs, size_t count,
                          int64_t ttl_ms, bool *ret_is_lost, int *ret_asked, struct sl_err *err);
// Hands in replies of claims, told by id and token. ret_is_lost as above: those are refused, and
// the reply was of no effect.
SL_MUST int sl_state_complete(struct sl_state *state, const struct sl_job *jobs, size_t count,
                              bool *ret_is_lost, struct sl_err *err);
// Jobs that are done, in the order in which they were, up to `limit`. They are listed until they
// are dropped, so that a leader that dies before it has used a reply leaves it to the next one.
SL_MUST int sl_state_replies(struct sl_state *state, size_t limit, struct sl_arena *arena,
                             struct sl_job **ret, size_t *ret_count, struct sl_err *err);
// Takes away, up to `limit`, jobs whose ids begin with the prefix and that are done, or of which
// the claim has run out: these have no reply, and whoever had them finds them lost.
SL_MUST int sl_state_collect(struct sl_state *state, const char *prefix, size_t limit,
                             struct sl_arena *arena, struct sl_job **ret, size_t *ret_count,
                             struct sl_err *err);
// Those whose ids begin with the prefix and that are not done, without their requests; holder NULL:
// nobody has it.
SL_MUST int sl_state_open_jobs(struct sl_state *state, const char *prefix, struct sl_arena *arena,
                               struct sl_job **ret, size_t *ret_count, struct sl_err *err);
// Takes away those that nobody has claimed yet.
SL_MUST int sl_state_take_back(struct sl_state *state, const char *prefix, struct sl_arena *arena,
                               struct sl_job **ret, size_t *ret_count, struct sl_err *err);
// Asks whoever has the jobs to drain them (times 1) or to interrupt them (2), which the next
// sl_state_beat tells; those that nobody has are taken away, and with 3 all. ret_is_gone[i]: that
// one was, or had been before.
SL_MUST int sl_state_press(struct sl_state *state, const char *const *ids, size_t count, int times,
                           bool *ret_is_gone, struct sl_err *err);
// What a leader before this one has left: takes away jobs that nobody has, and asks whoever has the
// others to kill them (what sl_state_beat tells is 3 then), so that they are handed in soon, and
// gone. *ret_open is how many of these there still are; with is_last those are taken away, too.
SL_MUST int sl_state_clear_jobs(struct sl_state *state, const char *prefix, bool is_last,
                                int64_t *ret_open, struct sl_err *err);
// Jobs of whatever state; the worker that has one finds it lost.
SL_MUST int sl_state_drop_jobs(struct sl_state *state, const char *const *ids, size_t count,
                               struct sl_err *err);
SL_MUST int sl_state_drop_run(struct sl_state *state, const char *run_id, struct sl_err *err);
// Claims that have run out: anybody may claim these again. They are told with who had them.
SL_MUST int sl_state_expire(struct sl_state *state, struct sl_arena *arena, struct sl_job **ret,
                            size_t *ret_count, struct sl_err *err);
// How many wait and how many are claimed.
SL_MUST int sl_state_count_jobs(struct sl_state *state, int64_t *ret_ready, int64_t *ret_claimed,
                                struct sl_err *err);

// A process that takes jobs, or that hands them out: it is known for ttl_ms from each time that it
// says so.
struct sl_present {
    const char *name;    // of this process alone; "worker ..." or "leader ..."
    const char *details; // JSON
    int64_t left_ms;     // from now
};
SL_MUST int sl_state_appear(struct sl_state *state, const struct sl_present *self, int64_t ttl_ms,
                            struct sl_err *err);
SL_MUST int sl_state_vanish(struct sl_state *state, const char *name, struct sl_err *err);
// All whose names begin so and who were heard of in time, by name.
SL_MUST int sl_state_present(struct sl_state *state, const char *prefix, struct sl_arena *arena,
                             struct sl_present **ret, size_t *ret_count, struct sl_err *err);

// What has changed since one last looked, by this process or another.
enum sl_wake {
    SL_WAKE_JOBS = 1,      // put, expired or given back
    SL_WAKE_REPLIES = 2,   // a job was completed
    SL_WAKE_QUEUE = 4,     // enqueued or dequeued
    SL_WAKE_DECISIONS = 8, // a person decided, paused or resumed
    SL_WAKE_LEASES = 16,   // a lease was released
    SL_WAKE_ASKED = 32,    // jobs were pressed or taken away
    SL_WAKE_PRESENT = 64,  // a process appeared, vanished, or says something else of itself
    SL_WAKE_CLAIMS = 128,  // jobs were claimed
    SL_WAKE_ALL = 255,
};
// Begins to listen; *ret_fd becomes readable when something has changed (poll it, read nothing). It
// is the state's: closed with it, and again another after SL_E_STATE_CONNECT of sl_state_woken.
SL_MUST int sl_state_listen(struct sl_state *state, int *ret_fd, struct sl_err *err);
// Which of enum sl_wake; more than what has changed is possible (with SQLite all of them), less is
// not. Does not wait.
SL_MUST int sl_state_woken(struct sl_state *state, int *ret_wakes, struct sl_err *err);

#endif
