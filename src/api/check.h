// Check: a claim about a table, as a query that gives what breaks it. A kind is a file in
// src/check/ and one line in its kinds.c.
#ifndef SL_API_CHECK_H
#define SL_API_CHECK_H

#include "api/quality.h"
#include "base/buf.h"
#include "base/opt.h"
#include "base/yaml.h"

// The relations that checks read: views made by whoever runs them.
#define SL_CHECKED "_checked"               // the table as it would be after the commit
#define SL_CHECKED_BEFORE "_checked_before" // as it stands; empty if it is not there
#define SL_CHECKED_VERSIONS \
    "_checked_versions"               // (version BIGINT, row_count BIGINT) as it stands
                                      // and before that, as far as the log tells
#define SL_CHECKED_RUN "_checked_run" // one row: (now_us BIGINT), the run's start
// One row, inside of sl_checks_together() alone: the check's `members` as columns.
#define SL_CHECKED_MEMBERS "_checked_members"

enum { SL_CHECK_VERSIONS_MAX = 100 }; // that SL_CHECKED_VERSIONS ever holds

struct sl_check {
    const char *kind;
    const char *name;          // the user's own; NULL: none
    const char *claim;         // "'day' is never null"
    const char *failing_sql;   // SELECT of what breaks it; no rows: it holds
    const char *reads;         // another table that it reads, "clean.orders"; NULL: none
    const char *where;         // SQL: it is about these rows alone; NULL: all
    const char *unique_column; // it says that no two rows have the same value in it; NULL: it is
                               // another claim
    bool reads_any;    // the user's own SQL may read any table, the checked one by its name as well
    bool reads_before; // SL_CHECKED_BEFORE
    int64_t reads_versions; // how many of SL_CHECKED_VERSIONS; 0: none
    bool is_per_row; // true if a row breaks it by itself: new rows alone need to be looked at
    // Of a claim about a number or a time: failing_sql is what is left of the one row of
    // `measured_sql` if `broken` is true. NULL for claims about rows.
    const char *measured_sql;
    const char *measure; // its column
    const char *broken;  // over its columns; null is false
    int64_t max_age_s;   // the measure is a time (UTC) that may not be older; 0: it is none
    // What one scan of SL_CHECKED can find beside other checks. Of a claim about rows: the
    // condition that breaks it. Of one about a number: aggregates as members of a struct, "x" :=
    // sum(a), and the query over SL_CHECKED_MEMBERS that gives the row of `measured_sql` (NULL:
    // they are it). Both NULL: it needs a scan of its own, for it groups, joins, or keeps values in
    // memory.
    const char *breaks_row, *members, *over;
    bool is_warning; // it reports; others keep the table from being published
    enum sl_dimension dimension;
    struct sl_place place;
};

// What a kind's compile() works with.
struct sl_check_input {
    const struct sl_yaml
        *arguments;     // the value behind the kind's name; a null node if there is none
    const char *column; // that it is about where the arguments name none; NULL: none
    struct sl_arena *arena;
    struct sl_diags *diags;
};
// What an argument says about how much a check lets pass; one that is not written is no claim of
// its own unless it says `otherwise`.
enum sl_check_sense {
    SL_CHECK_FIXED,    // what the claim is about: with another one it is another claim
    SL_CHECK_SET,      // the same, of names or values in any order
    SL_CHECK_BOUND,    // min, max, equals of the measure
    SL_CHECK_OPERATOR, // mustBe, ...: one row stands for all of them
    SL_CHECK_UNIT,     // FIXED; "percent" or "true": the measure is a share
    SL_CHECK_LESS,     // a lesser number, or duration, lets less pass
    SL_CHECK_FEWER,    // a list: without one of it less passes
    SL_CHECK_MORE,     // a list: with one more less passes
    SL_CHECK_FLAG,     // with it less passes
    SL_CHECK_SHARES,   // a map from values to the bounds of their shares
    SL_CHECK_GRAIN,    // hour, day, ...: the finer lets less pass
    // A number, or a list, that makes the measure greater as it grows, or less: which of them is
    // stricter is a matter of the bounds.
    SL_CHECK_RAISES,
    SL_CHECK_RAISES_BY_LIST,
    SL_CHECK_LOWERS_BY_LIST,
};
struct sl_check_term {
    const char *argument; // "max"; "equals.table": in a map of its own
    enum sl_check_sense sense;
    const char *otherwise; // what it is if it is not written; "=column": what that argument is
    const char *alias;     // another name of it
};
// The numbers that a measure can give.
enum sl_check_numbers {
    SL_CHECK_ANY_NUMBER,
    SL_CHECK_COUNT, // whole, not negative
    SL_CHECK_SHARE, // 0 to 1
    SL_CHECK_VALUE, // of the column's type: numbers, dates, texts
};

struct sl_check_kind {
    const char *name;
    const char *summary;
    const char *example; // YAML
    enum sl_dimension dimension;
    const struct sl_opt *options; // of the arguments as a map
    bool takes_mostly;            // its failing rows are counted against all rows
    // How two claims of this kind compare (sl_check_compare): each argument, ended by a NULL name.
    const struct sl_check_term *terms;
    const char *bare;              // the argument that may stand alone: "not_null: day"
    enum sl_check_numbers numbers; // of terms that are bounds
    bool holds_of_parts;           // what is true of all rows is true of any of them
    // Mistakes in the arguments are diagnostics; then ret->failing_sql stays NULL. Fails only when
    // memory is out.
    int (*compile)(const struct sl_check_input *input, struct sl_check *ret, struct sl_err *err);
};
extern const struct sl_check_kind *const sl_check_kinds[];        // ends with NULL
const struct sl_check_kind *sl_check_kind_find(const char *name); // NULL: there is none

// How a claim stands to one that was made before.
enum sl_check_order {
    SL_CHECK_AS_BEFORE, // the same tables pass
    SL_CHECK_STRICTER,  // whatever passes passed before
    SL_CHECK_WEAKER,    // the other way round
    SL_CHECK_ANOTHER,   // neither, or it cannot be told
};
// Compares two sound items of lists as sl_checks_compile() takes them; their names, severities and
// dimensions do not count. Where it cannot be told without the rows it is ANOTHER.
enum sl_check_order sl_check_compare(const struct sl_yaml *before, const struct sl_yaml *now);
// Whether both look at the same, and differ in how much they let pass, if at all.
bool sl_check_is_about_the_same(const struct sl_yaml *a, const struct sl_yaml *b);
// The columns that are never null where this item holds.
SL_MUST int sl_check_not_null_columns(const struct sl_yaml *item, struct sl_arena *arena,
                                      struct sl_strs *ret, struct sl_err *err);

// Compiles a list of checks: items are names, {kind: arguments}, or that with the keys that every
// check may have: name, severity, mostly, where, dimension, column. `list` may be NULL. What cannot
// be compiled is a diagnostic at its place and left out.
SL_MUST int sl_checks_compile(const struct sl_yaml *list, struct sl_arena *arena,
                              struct sl_diags *diags, struct sl_check **ret, size_t *ret_count,
                              struct sl_err *err);
// One statement for checks that each have `breaks_row` or `members`, over one SL_CHECKED: a row
// (number BIGINT, broken BIGINT, measure VARCHAR) for each, in no order. `number` counts `checks`
// from 0; `broken` is the number of rows that break a claim about rows, else 0 or 1. `where` is
// applied to claims about rows here, for the others by whoever makes SL_CHECKED.
void sl_checks_together(const struct sl_check *const *checks, size_t count, struct sl_buf *sql);

#endif
