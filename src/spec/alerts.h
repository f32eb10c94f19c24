// `alerts` of sluice.yml: whom to tell of what. All in the project's arena.
#ifndef SL_SPEC_ALERTS_H
#define SL_SPEC_ALERTS_H

#include "base/opt.h"

// Kinds, their names, and what stands before each in a list of them.
#define SL_ALERT_KIND_TABLE(X)                                                           \
    X(FAILURE, "failure", "")               /* a step or a run failed */                 \
    X(SLA, "sla", ", ")                     /* a run is late, or a table too old */      \
    X(ROW_DROP, "row_drop", ", ")           /* far fewer rows were written than usual */ \
    X(QUARANTINE, "quarantine_share", ", ") /* too large a share of rows was rejected */ \
    X(SCHEMA_CHANGE, "schema_change", ", ") /* a table got, lost or changed columns */   \
    X(LAG, "lag", ", ")                     /* for too long an input has had more rows */
#define SL_ALERT_KIND_ID(id, name, before) SL_ALERT_##id,
#define SL_ALERT_KIND_LISTED(id, name, before) before name
#define SL_ALERT_KIND_NAMES SL_ALERT_KIND_TABLE(SL_ALERT_KIND_LISTED) // "failure, sla, ..."
enum sl_alert_kind { SL_ALERT_KIND_TABLE(SL_ALERT_KIND_ID) SL_ALERT_KINDS };
#define SL_ALERT_LAKE "project.lake"                     // what an alert of the lake is about
const char *sl_alert_kind_name(enum sl_alert_kind kind); // "failure", "row_drop"
bool sl_alert_kind_find(const char *name, enum sl_alert_kind *ret);

enum sl_channel_type {
    SL_CHANNEL_SLACK,
    SL_CHANNEL_EMAIL,
    SL_CHANNEL_PAGERDUTY,
    SL_CHANNEL_WEBHOOK
};

struct sl_email {
    struct sl_strs to;
    const char *from;
    const char *smtp; // smtps://HOST:465, smtp://HOST:587
    const char *user, *password;
};

struct sl_channel {
    const char *name;
    int type;              // enum sl_channel_type
    const char *slack;     // URL of an incoming webhook; secret
    const char *pagerduty; // integration key; secret
    const char *webhook;   // URL; secret
    struct sl_email email;
    const char *url; // pagerduty: another place than its own
    const struct sl_yaml *headers_node;
    struct sl_strs headers; // webhook: "Name: value"; secret
    const char *secret;     // webhook: of the signature; NULL: none
    const char *ca_file;    // absolute; NULL: the machine's certificates
    const struct sl_yaml *node;
};

struct sl_alert_route {
    struct sl_strs on;      // kinds; empty: all
    struct sl_strs owner;   // patterns; empty: all
    struct sl_strs subject; // the same
    struct sl_strs to;      // channels
    bool goes_on;           // routes after it are looked at, too
    const struct sl_yaml *node;
};

// No alert that it fits is told while it holds.
struct sl_silence {
    const char *match; // a kind, or a pattern of subjects; or both: "failure raw.*"
    const char *until; // as written
    const char *why;
    int64_t until_us;
    const struct sl_yaml *node;
};

// Where an alert begins. Of a share -1: off; as the file has it: the text.
struct sl_thresholds {
    const char *table; // pattern: of `tables`; NULL: of `when`
    const char *row_drop_text, *quarantine_text;
    double row_drop, quarantine_share; // 0.5
    int64_t lag_s;                     // 0: off
    bool has_schema_change;
    const struct sl_yaml *node;
};

struct sl_alerts {
    struct sl_opt_list channels; // struct sl_channel
    struct sl_opt_list routes;   // struct sl_alert_route
    int64_t repeat_after_s;
    int64_t give_up_after_s;
    struct sl_opt_list silences; // struct sl_silence
    struct sl_thresholds when;
    struct sl_opt_list tables; // struct sl_thresholds; of a key, the first that fits and has it
};

const struct sl_channel *sl_alerts_channel(const struct sl_alerts *alerts, const char *name);
// What holds for a table: of `tables` what the first says that fits, else of `when`.
struct sl_thresholds sl_alerts_thresholds(const struct sl_alerts *alerts, const char *table);
// Whether `match` of a silence is for such an alert.
bool sl_alerts_match(const char *match, enum sl_alert_kind kind, const char *subject);
// Why `match` can be for nothing; NULL: it can.
const char *sl_alerts_match_trouble(const char *match);
// Of a URL: whether its host is this machine, so that what goes there needs no TLS.
bool sl_url_is_local(const char *url);

#endif
