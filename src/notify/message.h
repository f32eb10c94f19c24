// What is said, and how each kind of channel wants it said. Pure.
#ifndef SL_NOTIFY_MESSAGE_H
#define SL_NOTIFY_MESSAGE_H

#include "api/alerts.h"
#include "base/json.h"
#include "notify/rules.h"

// The document of schema sluice.alert/1: what a webhook gets, and what all others are made of.
struct sl_event {
    const char *id; // of the event
    const char *project, *environment;
    enum sl_alert_event event; // NONE: a test
    const struct sl_alert_row *alert;
    int64_t at_us;
};
// Secrets are masked. free() it.
SL_MUST int sl_event_print(const struct sl_event *event, char **ret, struct sl_err *err);

// In the arena of whoever asks.
struct sl_letter {
    const char *url;        // secret
    struct sl_strs headers; // of HTTP, "Name: value"; secret
    const char *body;       // of HTTP, or a whole mail (RFC 5322)
    bool is_mail;
};
// `body`: a document as above.
SL_MUST int sl_letter_write(const struct sl_channel *channel, const char *body,
                            struct sl_arena *arena, struct sl_letter *ret, struct sl_err *err);

#endif
