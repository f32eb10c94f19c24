// The profile of a relation: per column how many values, which, and how they are spread. One query
// over all columns, and a second one for what needs the first one's bounds.
#ifndef SL_STEP_PROFILE_H
#define SL_STEP_PROFILE_H

#include "api/engine.h"

#define SL_PROFILE_QUANTILES 5 // 5, 25, 50, 75, 95 %
#define SL_PROFILE_TOPS 5
#define SL_PROFILE_BINS 10
#define SL_PROFILE_TEXT 100 // characters of a value that are looked at for the most frequent ones
// Up to so many rows everything is exact; above, distinct counts and quantiles are estimates, and
// the most frequent values are looked for by one (their counts are exact).
#define SL_PROFILE_EXACT_ROWS 100000

enum sl_profile_kind {
    SL_PROFILE_NUMBER,
    SL_PROFILE_MOMENT, // dates and times of day with a date
    SL_PROFILE_WORDS,
    SL_PROFILE_FLAG,
    SL_PROFILE_OTHER // nested values, bytes: counted only
};
struct sl_profile_top {
    const char *value;
    int64_t count;
};
struct sl_profile_column {
    const char *name, *type;
    enum sl_profile_kind kind;
    int64_t values, distinct;     // values: those that are not null
    const char *min, *max;        // as text; of texts the beginning. NULL: there are none
    const char *mean, *deviation; // NUMBER, over finite values; mean also of MOMENT
    const char *quantiles[SL_PROFILE_QUANTILES]; // NUMBER, MOMENT
    int64_t shortest, longest;                   // WORDS, in characters
    const char *mean_length;
    struct sl_profile_top *tops; // most frequent first; none if no value comes twice
    size_t top_count;
    // NUMBER, MOMENT: bins of one width from `low` on, over finite values; in seconds since 1970
    // for a MOMENT.
    double low, width;
    int64_t bins[SL_PROFILE_BINS];
    size_t bin_count;
};
struct sl_profile {
    int64_t row_count;
    bool is_exact;
    struct sl_profile_column *columns;
    size_t column_count;
};

// `from` stands in a FROM clause and is read twice; it has these columns, and `rows` rows (-1:
// unknown). `ret` lives in the arena.
struct sl_profile_input {
    const char *from;
    const struct sl_column *columns;
    size_t column_count;
    int64_t rows;
};
SL_MUST int sl_profile_read(struct sl_session *session, const struct sl_profile_input *input,
                            struct sl_arena *arena, struct sl_profile *ret, struct sl_err *err);
// How many bins, and how wide: those of whole numbers and days are whole.
void sl_profile_plan_bins(struct sl_profile_column *column, double low, double high);

#endif
