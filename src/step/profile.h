// The profile of a relation: per column how many values, which, and how they are spread. One query
// over all columns, and a second one for what needs the first one's bounds.
#ifndef SL_STEP_PROFILE_H
#define SL_STEP_PROFILE_H

#include "step/step.h"

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
// Where a bin begins, as its column writes it.
void sl_profile_bin_label(const struct sl_profile_column *column, size_t bin, char label[40]);
// {"name", "type", "kind", ...} of every column. NULL out of memory.
json_t *sl_profile_columns_json(const struct sl_profile *profile);
// A profile out of {"rows", "is_exact", "columns"}. SL_E_JSON_SYNTAX if it is none.
SL_MUST int sl_profile_from_json(const json_t *json, struct sl_arena *arena, struct sl_profile *ret,
                                 struct sl_err *err);

// Profiles that runs have taken of what they published, kept as
// <lake>/_profiles/<table>/<version>.json. They may be deleted at any time.
struct sl_kept_profile {
    bool is_there;
    struct sl_profile profile;
    int64_t version; // that it was taken of; it has the rows of the version asked for
    const char *at;  // when the run began that took it
    const char *run_id;
};
// What such a file says. SL_E_JSON_SYNTAX if it is none, was changed, or is of another table than
// `table_id` (NULL: any); `name` is the file's.
SL_MUST int sl_profile_parse(const char *text, size_t length, const char *name,
                             const char *table_id, struct sl_arena *arena,
                             struct sl_kept_profile *ret, struct sl_err *err);
#define SL_PROFILES_KEPT 20 // of a table
// `folder`: of the table. What is damaged, or belongs to another table of that name, is not there.
SL_MUST int sl_profile_find(const char *folder, const char *table_id, int64_t version,
                            struct sl_arena *arena, struct sl_kept_profile *ret,
                            struct sl_err *err);

#endif
