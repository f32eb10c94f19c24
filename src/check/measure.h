// Claims about one number of a table: what is measured, and between which bounds it must lie.
#ifndef SL_CHECK_MEASURE_H
#define SL_CHECK_MEASURE_H

#include "check/argument.h"

// As written in the arguments; NULL: open.
struct sl_check_bounds {
    const char *min, *max, *equals;
};
#define SL_CHECK_BOUND_ROWS(owner)                                                         \
    {.name = "min",                                                                        \
     .type = SL_OPT_STRING,                                                                \
     .offset = offsetof(owner, bounds.min),                                                \
     .summary = "It is not less."},                                                        \
        {.name = "max",                                                                    \
         .type = SL_OPT_STRING,                                                            \
         .offset = offsetof(owner, bounds.max),                                            \
         .summary = "It is not greater."},                                                 \
    {                                                                                      \
        .name = "equals", .type = SL_OPT_STRING, .offset = offsetof(owner, bounds.equals), \
        .summary = "It is just this."                                                      \
    }

// False, with a diagnostic at its place, if there is no bound, one of them is no such number, or no
// number lies between them.
bool sl_check_bounds_are_sound(const struct sl_check_input *input,
                               const struct sl_check_bounds *bounds, enum sl_check_numbers numbers);
// "at least 1 and at most 3"
void sl_check_say_bounds(const struct sl_check_bounds *bounds, struct sl_buf *text);

// {min, max, equals}, and with a column before them: how such claims compare.
#define SL_CHECK_BOUND_TERMS                          \
    {"min", SL_CHECK_BOUND}, {"max", SL_CHECK_BOUND}, \
    {                                                 \
        "equals", SL_CHECK_BOUND                      \
    }
extern const struct sl_check_term sl_check_aggregate_terms[], sl_check_columns_terms[];

struct sl_check_measure {
    const char *name; // of the measure, as failing_sql shows it: "null_share"
    const char *sql;  // expression that gives it
    const char *from; // relation it is over; NULL: SL_CHECKED
    const char *more; // further columns to show; NULL: none
    struct sl_check_bounds bounds;
    enum sl_check_numbers numbers;
    bool null_breaks;  // a measure that is not there breaks the claim
    bool keeps_values; // in memory: it is not counted beside others
};
// Fills claim (`what` and the bounds), measured_sql, measure, broken and failing_sql.
SL_MUST int sl_check_measured(const struct sl_check_input *input,
                              const struct sl_check_measure *measure, const char *what,
                              struct sl_check *ret, struct sl_err *err);
// The same with a condition of its own instead of bounds, over the columns of `select`.
SL_MUST int sl_check_judged(const struct sl_check_input *input, const char *select,
                            const char *measure, const char *broken, struct sl_check *ret,
                            struct sl_err *err);

// Fills failing_sql, and what else a claim about single rows has, out of the condition that breaks
// it; null does not.
SL_MUST int sl_check_of_rows(const struct sl_check_input *input, const struct sl_buf *condition,
                             struct sl_check *ret, struct sl_err *err);

// {column, min, max, equals}: an aggregate of one column, "avg(%s)" with the column's SQL name for
// %s.
struct sl_check_aggregate {
    const char *name, *sql;
    const char *what; // "the mean of"
    enum sl_check_numbers numbers;
    bool keeps_values; // in memory
};
extern const struct sl_opt sl_check_aggregate_rows[];
SL_MUST int sl_check_aggregate(const struct sl_check_input *input,
                               const struct sl_check_aggregate *aggregate, struct sl_check *ret,
                               struct sl_err *err);
// {columns, min, max, equals}: "count(distinct %s)" with a row of the columns for %s.
extern const struct sl_opt sl_check_columns_rows[];
SL_MUST int sl_check_aggregate_columns(const struct sl_check_input *input,
                                       const struct sl_check_aggregate *aggregate,
                                       struct sl_check *ret, struct sl_err *err);

#endif
