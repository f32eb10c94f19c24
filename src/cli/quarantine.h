// What the commands of `sluice quarantine` share: which rows are meant.
#ifndef SL_CLI_QUARANTINE_H
#define SL_CLI_QUARANTINE_H

#include "cli/lake.h"

struct sl_quarantine_filter {
    const char *rule, *source, *run;
    const char *since, *until; // of the time of rejection
    struct sl_strs positions;
};
#define SL_QUARANTINE_FILTER_ROWS(type)                                                         \
    {"rule",                                                                                    \
     SL_OPT_STRING,                                                                             \
     offsetof(type, filter.rule),                                                               \
     NULL,                                                                                      \
     "Only rows that break this rule.",                                                         \
     0,                                                                                         \
     .placeholder = "RULE"},                                                                    \
        {"source",                                                                              \
         SL_OPT_STRING,                                                                         \
         offsetof(type, filter.source),                                                         \
         NULL,                                                                                  \
         "Only rows from this file: its path, or its name (orders-3.csv), or the path from a "  \
         "folder on.",                                                                          \
         0,                                                                                     \
         .placeholder = "FILE"},                                                                \
        {"position",                                                                            \
         SL_OPT_STRINGS,                                                                        \
         offsetof(type, filter.positions),                                                      \
         NULL,                                                                                  \
         "Only the rows at these positions of their files.",                                    \
         0,                                                                                     \
         .placeholder = "N"},                                                                   \
        {"run",                                                                                 \
         SL_OPT_STRING,                                                                         \
         offsetof(type, filter.run),                                                            \
         NULL,                                                                                  \
         "Only rows rejected by this run, by its id or how that begins.",                       \
         0,                                                                                     \
         .placeholder = "RUN"},                                                                 \
        {"since",                                                                               \
         SL_OPT_STRING,                                                                         \
         offsetof(type, filter.since),                                                          \
         NULL,                                                                                  \
         "Only rows rejected at this time or later, in UTC: 2026-01-31, 2026-01-31T12:00:00Z.", \
         0,                                                                                     \
         .placeholder = "TIME"},                                                                \
    {                                                                                           \
        "until", SL_OPT_STRING, offsetof(type, filter.until), NULL,                             \
            "Only rows rejected before this time.", 0, .placeholder = "TIME"                    \
    }
// A condition over the columns of a quarantine table. SL_E_USAGE for a position that is no
// number and a time that is none.
SL_MUST int sl_quarantine_condition(const struct sl_quarantine_filter *filter, struct sl_buf *sql,
                                    struct sl_err *err);
// Of a filter that no row of the view quarantine.NAME has come through: fails if the rule, file or
// run that it names is not known at all.
SL_MUST int sl_quarantine_require_known(struct sl_lake *lake, const char *name,
                                        const struct sl_quarantine_filter *filter,
                                        struct sl_err *err);
bool sl_quarantine_filter_is_empty(const struct sl_quarantine_filter *filter);
// The view quarantine.NAME, of any name that the table is called by; *ret_name is the bare one.
SL_MUST int sl_quarantine_view(struct sl_lake *lake, const char *table,
                               const struct sl_as_of *as_of, const char **ret_name,
                               struct sl_err *err);
// The rows as `show` and `export` give them: source, position, reasons (JSON), payload (JSON), at,
// run_id, discarded_at, discarded_by, discard_reason, waits_for, set_aside (JSON).
SL_MUST int sl_quarantine_rows_sql(const struct sl_quarantine_filter *filter, const char *name,
                                   struct sl_buf *sql, struct sl_err *err);

#endif
