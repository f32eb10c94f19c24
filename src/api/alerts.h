// Alerts store: what is wrong now, what was wrong, and the messages that wait to be sent. It is a
// file in the state folder, or, where the state is in PostgreSQL, tables there, so that whichever
// machine leads knows them. It may be deleted: what is still wrong is then told once more. One
// store serves all environments that share a state.
#ifndef SL_API_ALERTS_H
#define SL_API_ALERTS_H

#include "api/state.h"

struct sl_alert_store;

struct sl_alert_row {
    const char *id;          // a UUID; the same until the alert is closed
    const char *environment; // "": none
    const char *kind;        // "failure"
    const char *subject;     // "curated.revenue"
    const char *owner;       // "": nobody
    const char *summary;     // one sentence
    const char *code;        // of an error: "SL0711"; "": none
    const char *run_id;      // in which it was seen last; "": in none
    const char *channels;    // that were told, with spaces between; "": none
    int64_t opened_us, seen_us;
    int64_t told_us;   // last; 0: never, because it was silenced or goes to nobody
    int64_t closed_us; // 0: it is open
    int64_t times;     // that it was seen
};

struct sl_alert_message {
    int64_t seq;         // set by the store
    const char *id;      // of the event, the same for every channel: receivers know it again by it
    const char *alert;   // id of the alert
    const char *event;   // "raised", "repeated", "resolved"
    const char *channel; // name
    const char *environment; // whose service sends it; a file does not keep it
    const char *body;        // a document of schema sluice.alert/1
    int64_t created_us, next_us;
    int64_t sent_us, dead_us; // 0: not
    int64_t attempts;
    const char *error; // of the last attempt; "": none
};

struct sl_alert_silence {
    int64_t seq; // set by the store
    const char *match;
    const char *why, *by;
    int64_t made_us, until_us;
};

// Opens or makes the store. SL_E_ALERTS, also for a file of a later version; of PostgreSQL the
// codes of sl_state_open. A file that is there from before the state was moved to PostgreSQL is
// taken over and renamed to alerts.db.moved.
SL_MUST int sl_alert_store_open(const struct sl_state_place *place, struct sl_alert_store **ret,
                                struct sl_err *err);
// Only if it is there already: NULL in *ret if not.
SL_MUST int sl_alert_store_find(const struct sl_state_place *place, struct sl_alert_store **ret,
                                struct sl_err *err);
// Whether other machines may send out of it.
bool sl_alert_store_is_shared(const struct sl_alert_store *store);
void sl_alert_store_close(struct sl_alert_store **store); // for SL_AUTO

// Between begin and end nobody else writes, so that what was read stays true. Without an end, all
// that was written in between is undone by sl_alert_store_undo, by closing, and by a kill.
SL_MUST int sl_alert_store_begin(struct sl_alert_store *store, struct sl_err *err);
SL_MUST int sl_alert_store_end(struct sl_alert_store *store, struct sl_err *err);
void sl_alert_store_undo(struct sl_alert_store *store); // nothing to undo is fine

// Open ones, the newest first; with `all` also closed ones. `limit` 0: no limit. `environment`
// NULL: of all.
struct sl_alert_query {
    const char *environment;
    bool all;
    size_t limit;
};
SL_MUST int sl_alert_store_list(struct sl_alert_store *store, const struct sl_alert_query *query,
                                struct sl_arena *arena, struct sl_alert_row **ret,
                                size_t *ret_count, struct sl_err *err);
// Inserts them, or replaces those with their ids, which differ; in one statement.
SL_MUST int sl_alert_store_put(struct sl_alert_store *store, const struct sl_alert_row *alerts,
                               size_t count, struct sl_err *err);
// In one statement; what has the id of one that is there for the channel is left out.
SL_MUST int sl_alert_store_post(struct sl_alert_store *store,
                                const struct sl_alert_message *messages, size_t count,
                                struct sl_err *err);

// What may be sent at a time: not sent, not given up, and no message of the same alert to the same
// channel waits before it. Oldest first. Out of a shared store they are claimed: nobody else gets
// them for ttl_ms, or before they are marked.
struct sl_alert_due {
    const char *environment; // of a shared store: only its messages. NULL is ""
    int64_t by_us;           // those due by then; INT64_MAX: all
    int64_t ttl_ms;
    size_t limit;
};
SL_MUST int sl_alert_store_due(struct sl_alert_store *store, const struct sl_alert_due *due,
                               struct sl_arena *arena, struct sl_alert_message **ret,
                               size_t *ret_count, struct sl_err *err);
// When the next message that may be sent is due, or its claim runs out; 0: there is none.
SL_MUST int sl_alert_store_next(struct sl_alert_store *store, const char *environment,
                                int64_t *ret_us, struct sl_err *err);
// All that is not sent, given up or not, oldest first.
SL_MUST int sl_alert_store_unsent(struct sl_alert_store *store, struct sl_arena *arena,
                                  struct sl_alert_message **ret, size_t *ret_count,
                                  struct sl_err *err);
// After an attempt: next_us, sent_us, dead_us, attempts and error of the message with its seq. Its
// claim ends; if that was another's by then, nothing is written.
SL_MUST int sl_alert_store_mark(struct sl_alert_store *store,
                                const struct sl_alert_message *message, struct sl_err *err);
// What was given up is tried again.
SL_MUST int sl_alert_store_revive(struct sl_alert_store *store, int64_t now_us, struct sl_err *err);

SL_MUST int sl_alert_store_silence(struct sl_alert_store *store,
                                   const struct sl_alert_silence *silence, struct sl_err *err);
// Ends those with this match. *ret_count: how many there were.
SL_MUST int sl_alert_store_unsilence(struct sl_alert_store *store, const char *match,
                                     int64_t now_us, size_t *ret_count, struct sl_err *err);
// Those that hold at a time.
SL_MUST int sl_alert_store_silences(struct sl_alert_store *store, int64_t at_us,
                                    struct sl_arena *arena, struct sl_alert_silence **ret,
                                    size_t *ret_count, struct sl_err *err);

struct sl_alert_counts {
    int64_t open, pending, failed, dead, sent;
};
SL_MUST int sl_alert_store_count(struct sl_alert_store *store, struct sl_alert_counts *ret,
                                 struct sl_err *err);
// Deletes alerts that were closed, messages that were sent or given up, and silences that ended,
// before a time.
SL_MUST int sl_alert_store_forget(struct sl_alert_store *store, int64_t before_us,
                                  struct sl_err *err);

#endif
