// State store: the history of runs and steps, and (api/queue.h, api/leases.h) what a service was
// asked for. Tables know themselves how far they have come, so it may be deleted.
//
// Two kinds: SQLite, a file in the project's state folder, and PostgreSQL, which several machines
// share. All functions do the same on both. A handle is for one thread at a time and is not
// inherited over fork; other processes open their own. Each write is one transaction: killed
// anywhere, it is there as a whole or not at all.
#ifndef SL_API_STATE_H
#define SL_API_STATE_H

#include "base/arena.h"

#include <stdint.h>
#include <string.h>

struct sl_state;

// Where it is.
struct sl_state_place {
    const char *folder;  // of SQLite's file
    const char *url;     // "postgresql://user@host/database?schema=sluice"; it may hold a password.
                         // NULL: the folder. Without `schema` it is "sluice"
    const char *project; // its name: in PostgreSQL, several share tables. NULL is ""
    bool is_service;     // what it holds must outlast a power cut but for its last moments
    bool may_be_away;    // of a server: it was there before, and is asked for at the first use
};
// Whether a text is the URL of a store and no folder: it begins with postgresql:// or postgres://.
static inline bool sl_state_is_url(const char *text)
{
    return text &&
           (strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0);
}

struct sl_run_row {
    const char *id;
    const char *command;     // "run", "retry", "apply"
    const char *environment; // NULL: none
    // "queued", "running", "ok", "nothing", "partial", "error", "interrupted", "cancelled" (before
    // or after it began); of one that never began also "skipped"
    const char *status;
    int64_t started_us, ended_us; // ended 0: queued, running, or killed. Started, of a queued one:
                                  // when it was asked for
    int64_t pid;
    const char *host; // where the process is, set by the store; NULL: it has not begun, or nobody
                      // knows
    int64_t ok, warn, error, skipped, quarantined;
    const char *pipeline;     // NULL: of no pipeline
    const char *trigger;      // the trigger's key, "cron 0 3 * * *", or "by hand"; NULL: not said
    int64_t tick_us;          // the moment it was meant for; 0: none
    const char *who;          // asked for it; NULL: nobody (a trigger), or not said
    const char *options_json; // it was queued with; set by the store. NULL: it was not queued
    const char
        *cancelled_by;    // set by the store, of the audit log's first "cancel" of a run that is
    int64_t cancelled_us; // queued, running or cancelled; NULL and 0: nobody, or nobody knows
    bool is_unheld;       // set by the store: it has begun and not ended, and its owner
                          // (api/leases.h) has no lease any more. False where it has no owner
};

struct sl_step_row {
    const char *run_id;
    const char *name;   // "clean.orders"
    const char *label;  // "cleanse orders"
    const char *status; // "ok", "warn", "nothing", "partial", "error", "skipped"
    const char *why;
    const char *code, *message, *place; // of the error, NULL if none
    const char *details_json;           // reasons, notes, versions
    const char *machine; // that did it: the name of its host, or of a worker; NULL: none, not known
    int64_t started_us, ended_us;
    bool has_balance;
    int64_t rows_in, rows_out, quarantined, deduplicated, filtered;
    int64_t bytes_in, bytes_out;
};

// Opens or makes the store; one of an earlier version is migrated, in one transaction. A store of a
// later version is refused (SL_E_STATE). A damaged file is set aside under another name, with
// *ret_note (in the arena) saying so, and a new one is begun. SL_E_STATE_CONNECT, SL_E_STATE_LOGIN:
// PostgreSQL cannot be reached, or does not let us in. A connection that is lost later fails the
// call at work with SL_E_STATE_CONNECT, which may or may not have written; the next call connects
// again. No call waits for longer than some 15 s.
SL_MUST int sl_state_open(const struct sl_state_place *place, struct sl_arena *arena,
                          struct sl_state **ret, const char **ret_note, struct sl_err *err);
// For reading alone: writes nothing to the folder, so that it works on a full disk and in a folder
// that cannot be written. A store that is missing or damaged is an empty one; *ret_note (in the
// arena, or NULL) tells of damage.
SL_MUST int sl_state_read(const struct sl_state_place *place, struct sl_arena *arena,
                          struct sl_state **ret, const char **ret_note, struct sl_err *err);
// A store whose file turned out to be damaged (SL_E_STATE_DAMAGED) is set aside, and a new one
// begun in its place, under the same handle. *ret_note says where the old one is. After a failure
// all is as it was. Of PostgreSQL: SL_E_STATE.
SL_MUST int sl_state_begin_anew(struct sl_state *state, const struct sl_state_place *place,
                                struct sl_arena *arena, const char **ret_note, struct sl_err *err);
// SL_E_STATE_DAMAGED: its file was removed or set aside.
SL_MUST int sl_state_require_kept(struct sl_state *state, struct sl_err *err);
void sl_state_close(struct sl_state **state); // for SL_AUTO
// The version of stores that this program makes, and that an open one has.
int sl_state_version(void);
// A run that was queued (api/queue.h) is taken out of the queue in the same transaction.
SL_MUST int sl_state_begin(struct sl_state *state, const struct sl_run_row *run,
                           struct sl_err *err);
// All or none.
SL_MUST int sl_state_add_steps(struct sl_state *state, const struct sl_step_row *steps,
                               size_t count, struct sl_err *err);
// Whether the step of this run, name and start is there: for who has lost the connection at a
// write.
SL_MUST int sl_state_has_step(struct sl_state *state, const struct sl_step_row *step, bool *ret,
                              struct sl_err *err);
// What a person was asked for in this run, and has not said, is asked no longer.
SL_MUST int sl_state_end(struct sl_state *state, const struct sl_run_row *run, struct sl_err *err);

struct sl_run_filter {
    const char *id;       // the beginning of the id
    const char *pipeline; // the whole name
    const char *status;
    const char *environment; // "" is what runs without one
    const char *before;      // id of a run: what comes after it in the list. No such run: nothing
    const char *rest_of;     // id of a run: only those that were asked for to go on with it
    size_t limit;            // 0: all
    bool with_waiting;       // those that have not begun, too; so does `status` "queued"
    bool is_abandoned;       // only those that have begun and not ended, and whose owner
                             // (api/leases.h) has no lease any more, or that have none
};
// Newest first. Members that are NULL keep everything.
SL_MUST int sl_state_runs(struct sl_state *state, const struct sl_run_filter *filter,
                          struct sl_arena *arena, struct sl_run_row **ret, size_t *ret_count,
                          struct sl_err *err);
SL_MUST int sl_state_steps(struct sl_state *state, const char *run_id, struct sl_arena *arena,
                           struct sl_step_row **ret, size_t *ret_count, struct sl_err *err);
enum sl_outcomes {
    SL_OUTCOMES_ALL,
    SL_OUTCOMES_OWN,  // that say something of the step: it was not skipped, or stopped with its run
    SL_OUTCOMES_DONE, // that went well, whole, and did something: "ok", "warn"
};
// The newest outcome, of those kinds, of every step that was tried in this environment (NULL: the
// one without a name). Environments may share a store, and have steps of the same names.
SL_MUST int sl_state_last(struct sl_state *state, const char *environment, enum sl_outcomes kinds,
                          struct sl_arena *arena, struct sl_step_row **ret, size_t *ret_count,
                          struct sl_err *err);
// The newest executions of a step of this environment that went well and did something, newest
// first.
SL_MUST int sl_state_past(struct sl_state *state, const char *environment, const char *name,
                          size_t limit, struct sl_arena *arena, struct sl_step_row **ret,
                          size_t *ret_count, struct sl_err *err);
// The number of the lake (run/code.h) that this environment's history is of (NULL: the one without
// a name). *ret is NULL: nobody has said so yet.
SL_MUST int sl_state_lake(struct sl_state *state, const char *environment, struct sl_arena *arena,
                          const char **ret, struct sl_err *err);
// `is_first`: only if nobody has said so yet; else in the place of what is there.
SL_MUST int sl_state_keep_lake(struct sl_state *state, const char *environment, const char *number,
                               bool is_first, struct sl_err *err);
// In the place of what is there, with who says so in the audit log (api/queue.h): both or neither.
struct sl_audit_entry;
SL_MUST int sl_state_adopt_lake(struct sl_state *state, const char *environment, const char *number,
                                const struct sl_audit_entry *entry, struct sl_err *err);
// Deletes runs that ended before a time, with their steps and decisions, and older audit entries: a
// few thousand rows, for nobody else can write meanwhile. *ret_is_more: the rest is for the next
// call.
SL_MUST int sl_state_forget(struct sl_state *state, int64_t before_us, bool *ret_is_more,
                            struct sl_err *err);
// The same of runs of pipelines that ended before a time and found nothing to do: a tick a minute
// makes half a million of them a year.
SL_MUST int sl_state_forget_idle(struct sl_state *state, int64_t before_us, bool *ret_is_more,
                                 struct sl_err *err);

#endif
