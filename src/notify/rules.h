// Which alerts there are: pure. What was seen of a step, a table or a run (a subject) is judged by
// the thresholds of sluice.yml, and each finding, beside the alert that may be open for it, becomes
// what is to be told: nothing, that something is wrong, that it still is, or that it is well again.
#ifndef SL_NOTIFY_RULES_H
#define SL_NOTIFY_RULES_H

#include "api/alerts.h"
#include "spec/alerts.h"

enum sl_seen { SL_SEEN_NOT, SL_SEEN_WELL, SL_SEEN_FAILED };

#define SL_LEAST_PAST 3 // runs, before a drop of rows can be told from chance
#define SL_MOST_PAST 10

struct sl_subject {
    const char *name;  // "clean.orders"; of a run, its pipeline
    const char *owner; // NULL: nobody
    bool is_run;
    enum sl_seen outcome; // NOT: it was not tried, or stopped before its end
    const char *code;     // of the error, "SL0711"; NULL: none
    const char *message;
    const char *said; // of one that failed, the whole sentence; NULL: "clean.orders failed: ..."
    enum sl_seen deadline; // of a run
    int64_t deadline_s;
    int64_t age_s, freshness_s; // of the table; -1: not known, none is asked for
    int64_t rows;               // that the step wrote this time; -1: it did not
    int64_t past[SL_MOST_PAST]; // what it wrote before, in any order
    size_t past_count;
    int64_t rows_in, rows_rejected; // of this time; -1: there are none
    const char *columns;            // "new tax (double), gone country"; NULL: as they were
    int64_t lag_s;                  // 0: it has taken all its inputs have; -1: not known
    const char *lags_behind;        // the input; NULL: none
};

struct sl_finding {
    enum sl_alert_kind kind;
    const char *subject, *owner; // owner "": nobody
    bool is_bad;
    bool is_event;       // it cannot become well again: told once
    bool has_left;       // the project knows the subject no more: nobody can say whether it is well
    const char *summary; // one sentence, also of what is well again
    const char *code;    // "": none
};
struct sl_findings {
    struct sl_finding *items;
    size_t count;
};
// Adds what can be said of the subject; of what is not known, nothing.
SL_MUST int sl_alerts_judge(const struct sl_alerts *alerts, const struct sl_subject *subject,
                            struct sl_arena *arena, struct sl_findings *ret, struct sl_err *err);

// Leaves one finding of each kind and subject, in the order of their first. What is bad stands
// before what is well, the first of them.
SL_MUST int sl_findings_settle(struct sl_findings *findings, struct sl_arena *arena,
                               struct sl_err *err);

enum sl_alert_event { SL_EVENT_NONE, SL_EVENT_RAISED, SL_EVENT_REPEATED, SL_EVENT_RESOLVED };
const char *sl_alert_event_name(enum sl_alert_event event); // "raised"

struct sl_decision {
    bool is_kept;              // the alert is to be put into the store
    struct sl_alert_row alert; // as it is now; id NULL: it is a new one
    enum sl_alert_event event; // that the channels are told
    struct sl_strs channels;
};
struct sl_circumstances {
    const struct sl_alerts *alerts;
    const struct sl_alert_silence *silences; // made by hand, those that hold
    size_t silence_count;
    int64_t now_us;
    const char *run_id; // "": none
    const char *environment;
};
// `open`: the alert of this kind and subject that is open; NULL: none.
SL_MUST int sl_alerts_decide(const struct sl_circumstances *circumstances,
                             const struct sl_finding *finding, const struct sl_alert_row *open,
                             struct sl_arena *arena, struct sl_decision *ret, struct sl_err *err);

#endif
