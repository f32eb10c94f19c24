// `alerts` of sluice.yml: its rows.
#include "spec/load.h"

static const struct sl_opt email_rows[] = {
    {.name = "to",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_email, to),
     .summary = "Addresses that get the mail.",
     .example = "[data@shop.example]"},
    {.name = "from",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_email, from),
     .summary = "Address that the mail comes from.",
     .example = "sluice@shop.example"},
    {.name = "smtp",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_email, smtp),
     .summary = "Mail server: smtps:// is TLS from the first byte, smtp:// is STARTTLS, which the "
                "server must offer unless it is this machine.",
     .example = "smtps://mail.shop.example:465"},
    {.name = "user",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_email, user),
     .summary = "User at the mail server.",
     .example = "sluice"},
    {.name = "password",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_email, password),
     .flags = SL_OPT_SECRET,
     .summary = "Password of that user.",
     .example = "${env:SMTP_PASSWORD}"},
    {0},
};

static const struct sl_opt channel_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct sl_channel, node)},
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_channel, name),
     .flags = SL_OPT_PLAIN,
     .summary = "Name of the channel, for `to` of a route and `sluice alerts test`."},
    {.name = "slack",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_channel, slack),
     .flags = SL_OPT_SECRET,
     .summary = "URL of an incoming webhook of Slack.",
     .example = "${env:SLACK_URL}"},
    {.name = "email",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct sl_channel, email),
     .summary = "Mail over SMTP.",
     .rows = email_rows},
    {.name = "pagerduty",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_channel, pagerduty),
     .flags = SL_OPT_SECRET,
     .summary = "Integration key of a PagerDuty service (Events API v2).",
     .example = "${env:PAGERDUTY_KEY}"},
    {.name = "webhook",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_channel, webhook),
     .flags = SL_OPT_SECRET,
     .summary = "URL that gets each message as a POST of JSON, schema sluice.alert/1.",
     .example = "https://hooks.shop.example/sluice"},
    {.name = "url",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_channel, url),
     .summary = "With `pagerduty`: where events go, if not to events.pagerduty.com.",
     .example = "https://events.eu.pagerduty.com/v2/enqueue"},
    {.name = "headers",
     .type = SL_OPT_NODE,
     .offset = offsetof(struct sl_channel, headers_node),
     .summary = "With `webhook`: headers to send along.",
     .example = "{Authorization: \"Bearer ${env:HOOK_TOKEN}\"}"},
    {.name = "secret",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_channel, secret),
     .flags = SL_OPT_SECRET,
     .summary = "With `webhook`: each body is signed with it, in the header X-Sluice-Signature-256 "
                "(sha256=, and the HMAC-SHA-256 in hexadecimal digits).",
     .example = "${env:HOOK_SECRET}"},
    {.name = "ca_file",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_channel, ca_file),
     .summary =
         "PEM file of the certificates that the server's is checked against, in the place of "
         "the machine's.",
     .example = "certificates/company-ca.pem"},
    {0},
};

static const struct sl_opt route_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct sl_alert_route, node)},
    {.name = "on",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_alert_route, on),
     .summary = "Kinds of alerts: " SL_ALERT_KIND_NAMES "; all if nothing is said.",
     .example = "[failure, sla]"},
    {.name = "owner",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_alert_route, owner),
     .summary = "Owners of the table or step, as patterns with * and ?; all if nothing is said.",
     .example = "finance-*"},
    {.name = "subject",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_alert_route, subject),
     .summary = "Tables, targets and pipelines that it is about, as patterns; all if nothing is "
                "said.",
     .example = "curated.*"},
    {.name = "to",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct sl_alert_route, to),
     .flags = SL_OPT_REQUIRED,
     .summary = "Channels that are told; [] for none.",
     .example = "[ops]"},
    {.name = "continue",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct sl_alert_route, goes_on),
     .otherwise = "false",
     .summary = "Whether routes after this one are looked at, too."},
    {0},
};

static const struct sl_opt silence_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct sl_silence, node)},
    {.name = "match",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_silence, match),
     .flags = SL_OPT_REQUIRED | SL_OPT_PLAIN,
     .summary = "What is not told: a kind, a pattern of subjects, or both.",
     .example = "row_drop raw.*"},
    {.name = "until",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_silence, until),
     .flags = SL_OPT_REQUIRED | SL_OPT_PLAIN,
     .summary = "Until when: a date or timestamp, in UTC if it names no zone.",
     .example = "2026-12-01"},
    {.name = "why",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_silence, why),
     .flags = SL_OPT_REQUIRED | SL_OPT_PLAIN,
     .summary = "Why it need not be told.",
     .example = "the shop is closed for stocktaking"},
    {0},
};

#define THRESHOLD_ROWS                                                                            \
    {.name = "row_drop",                                                                          \
     .type = SL_OPT_STRING,                                                                       \
     .offset = offsetof(struct sl_thresholds, row_drop_text),                                     \
     .flags = SL_OPT_PLAIN,                                                                       \
     .summary =                                                                                   \
         "A step wrote fewer rows than it used to, by this share of the median of its last "      \
         "runs, at least 3 and at most 10; off if nothing is said.",                              \
     .example = "50%"},                                                                           \
        {.name = "quarantine_share",                                                              \
         .type = SL_OPT_STRING,                                                                   \
         .offset = offsetof(struct sl_thresholds, quarantine_text),                               \
         .flags = SL_OPT_PLAIN,                                                                   \
         .summary = "A larger share of the rows that a run read was rejected; off if nothing is " \
                    "said.",                                                                      \
         .example = "5%"},                                                                        \
        {.name = "lag",                                                                           \
         .type = SL_OPT_DURATION,                                                                 \
         .offset = offsetof(struct sl_thresholds, lag_s),                                         \
         .summary = "An input has had a newer version for so long, and the table was not built "  \
                    "from it; off if nothing is said.",                                           \
         .example = "10m"},                                                                       \
    {                                                                                             \
        .name = "schema_change", .type = SL_OPT_BOOL,                                             \
        .offset = offsetof(struct sl_thresholds, has_schema_change),                              \
        .summary = "A table got, lost or changed columns; true if nothing is said."               \
    }

static const struct sl_opt when_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct sl_thresholds, node)},
    THRESHOLD_ROWS,
    {0},
};
static const struct sl_opt table_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct sl_thresholds, node)},
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_thresholds, table),
     .flags = SL_OPT_PLAIN,
     .summary = "Table, or pattern of tables."},
    THRESHOLD_ROWS,
    {0},
};

const struct sl_opt sl_alert_rows[] = {
    {.name = "channels",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct sl_alerts, channels),
     .flags = SL_OPT_BY_NAME,
     .summary = "Where messages go: each has one of slack, email, pagerduty, webhook.",
     .rows = channel_rows,
     .item_bytes = sizeof(struct sl_channel)},
    {.name = "routes",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct sl_alerts, routes),
     .summary = "Who is told of what: the first that fits, and those after it where it says "
                "`continue`. All channels are told of everything if there are none.",
     .rows = route_rows,
     .item_bytes = sizeof(struct sl_alert_route)},
    {.name = "repeat_after",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_alerts, repeat_after_s),
     .otherwise = "4h",
     .summary = "What is still wrong is told again after this time; 0s for never.",
     .example = "12h"},
    {.name = "give_up_after",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_alerts, give_up_after_s),
     .otherwise = "3d",
     .summary = "How long it is tried to send a message.",
     .example = "1d"},
    {.name = "silences",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct sl_alerts, silences),
     .summary = "What need not be told for a while; `sluice alerts silence` does it by hand.",
     .rows = silence_rows,
     .item_bytes = sizeof(struct sl_silence)},
    {.name = "when",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct sl_alerts, when),
     .summary = "Where alerts begin other than those of failures and SLAs, for all tables.",
     .rows = when_rows},
    {.name = "tables",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct sl_alerts, tables),
     .flags = SL_OPT_BY_NAME,
     .summary = "The same for single tables, or patterns of them.",
     .rows = table_rows,
     .item_bytes = sizeof(struct sl_thresholds)},
    {0},
};
