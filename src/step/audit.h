// The audit of a table before it is published: its checks, over the table as it would be.
#ifndef SL_STEP_AUDIT_H
#define SL_STEP_AUDIT_H

#include "step/step.h"

struct sl_audit {
    struct sl_step_context *context;
    const char *table; // "clean.orders"
    const char *folder;
    const struct sl_yaml *checks; // list; may be NULL
    struct sl_strs aliases;       // what else the user's own SQL may call the table
    struct sl_strs views;         // tables of which the session has views, and whole
    int64_t version;              // of the table as it stands; -1: it is not there
    bool is_judged;               // by the same checks before
    int64_t now_us;
    // As it would be: the rows staged, and the files that stay.
    const struct sl_column *columns;
    size_t column_count;
    const char *const *partition_columns;
    size_t partition_count;
    const struct sl_staged *staged;
    const char *staged_relation; // instead: rows that are staged nowhere, for FROM; NULL: none
    const struct sl_delta_file *kept;
    size_t kept_count;
};
// Runs the checks; adds what they came to, and a note for each warning. SL_E_CHECK_FAILED names all
// that fail, each with examples, at the place of the first; with context->checks_only_tell none
// fails it.
SL_MUST int sl_audit(const struct sl_audit *audit, struct sl_step_result *result,
                     struct sl_err *err);

// What a scan shared with other checks has found.
struct sl_audit_found {
    bool is_known;
    int64_t broken;      // rows that break a claim about rows; else 1 if it is broken
    const char *measure; // of a claim about a number
};
// Rows that were judged by the same check before passed it, unless it only warns.
bool sl_audit_is_for_new_rows(const struct sl_audit *audit, const struct sl_check *check);
// Looks at all checks that need no scan of their own, in one scan for each set of rows that they
// are about. What cannot be found this way is left unknown: looked at alone, its error names its
// check.
SL_MUST int sl_audit_together(const struct sl_audit *audit, const struct sl_check *checks,
                              size_t count, struct sl_audit_found *found, struct sl_err *err);

// Whether SL_CHECKED is shown, at little cost, to have each value of the column once. False where
// this is not so, or cannot be told this way.
bool sl_audit_is_unique(const struct sl_audit *audit, const char *column);

// The table as it would be, or only the rows staged, as a relation; without `staged_relation`.
SL_MUST int sl_audit_scan(const struct sl_audit *audit, bool only_staged, struct sl_scan *ret,
                          struct sl_err *err);
// What checks read besides the table itself (audit_views.c).
SL_MUST int sl_audit_view(const struct sl_audit *audit, const struct sl_check *check,
                          bool only_staged, struct sl_err *err);
SL_MUST int sl_audit_view_reads(const struct sl_audit *audit, const struct sl_check *check,
                                struct sl_err *err);

#endif
