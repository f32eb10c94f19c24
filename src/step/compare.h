// Two relations compared by value: by key, or row for row where there is none.
//
// Copies of a table mostly have the same bytes in most column chunks: what these tell is taken out
// of both sides before (compare_aligned.c).
//
// Then a digest of both is taken in one scan each: rows fall into buckets by the hash of their
// key, and of every bucket the count of rows and the sum of the rows' hashes are kept. Only rows of
// buckets that differ are read again. Equal rows then cancel out, as often as both sides have them,
// and what is left is paired by key. Nothing of this is in this program's memory: the engine holds
// temporary tables, and spills them.
#ifndef SL_STEP_COMPARE_H
#define SL_STEP_COMPARE_H

#include "api/engine.h"

enum { SL_SIDE_A, SL_SIDE_B, SL_SIDE_COUNT };

struct sl_compare_side {
    const struct sl_column *columns;
    size_t column_count;
    const char *sql; // to stand in a FROM clause; may be scanned again
    // What `sql` reads, if it is data files whose columns have the names in the files. NULL: else.
    const struct sl_scan *scan;
    int64_t same_rows; // further rows, which the other side has alike: nobody needs to read them
    // Which rows these are: the files with their sizes. NULL: they may be others the next time, so
    // that their digest is worth nothing then.
    const char *identity;
    bool has_other_types; // those of another system: with the same value they are no difference
    bool blank_is_null;   // it cannot tell an empty text from null
};

struct sl_compare_options {
    struct sl_strs columns;  // only these, and the key; none: all but `left_out`
    struct sl_strs left_out; // of the run that wrote a row, not of the row
    struct sl_strs key;      // none: rows as wholes
    const char *where;       // only these rows of both; NULL: all
    double tolerance;        // numbers that are no further apart are equal
    bool is_relative;        // as a share of the greater of two
    const char *digests;     // folder to keep digests in; NULL: none are kept
    bool needs_rows;         // sl_compare_output_sql will be asked, even if nothing differs
    // It will not be asked: of rows of a key that differ, columns which do not need not be known.
    bool only_differing;
};

// How the values of a column of both sides are made comparable.
enum sl_compare_how {
    SL_COMPARE_AS_IS,
    SL_COMPARE_CAST, // both to `type`
    SL_COMPARE_TEXT, // what is a text on one side only: as the other side's type writes the value
};
struct sl_compared_column {
    const char *name;
    const char *types[SL_SIDE_COUNT]; // NULL: that side lacks it
    const char *names[SL_SIDE_COUNT]; // as each side writes it
    bool is_key;
    enum sl_compare_how how;
    const char *type;  // of the values compared
    int64_t differing; // rows of a key in which it differs
};

struct sl_compared_side {
    int64_t row_count;
    int64_t only;                         // rows that only this side has
    int64_t repeated_keys, repeated_rows; // keys of several rows, in buckets that differ
    int64_t null_keys;                    // rows without a whole key, among those
    bool was_cached;                      // its digest was kept from before
    size_t same_files;                    // of the scan: the other side has one with the same bytes
};
struct sl_compared {
    struct sl_compared_column *columns; // the key, then all others of A, then those of B alone
    size_t column_count;
    size_t key_count;
    struct sl_compared_side sides[SL_SIDE_COUNT];
    int64_t differing, equal;
    int64_t buckets, differing_buckets; // 0 buckets: nothing had to be read
    bool has_same_columns;              // and the same types, where they count
};

struct sl_compare {
    struct sl_session *session;
    struct sl_arena *arena;
    const struct sl_compare_side *sides[SL_SIDE_COUNT];
    const struct sl_compare_options *options;
    struct sl_compared result;
    // Inside: what sl_compare_leave_out leaves, and of what; NULL: it has left out nothing.
    struct sl_compare_side reduced[SL_SIDE_COUNT];
    const struct sl_compare_side *whole[SL_SIDE_COUNT];
    bool has_same_keys; // in the whole; the key's column of one side tells those of both
};

// Pairs the columns and says how they are compared; rows are not read. SL_E_USAGE: a key or column
// that is not there, or nothing in common.
SL_MUST int sl_compare_columns(struct sl_compare *compare, struct sl_err *err);
// Reads and counts. Leaves what differs in temporary tables of the session.
SL_MUST int sl_compare_rows(struct sl_compare *compare, struct sl_err *err);
bool sl_compare_is_equal(const struct sl_compared *result);

// Which of the differing rows.
enum sl_compare_kind { SL_COMPARE_ONLY_A, SL_COMPARE_ONLY_B, SL_COMPARE_DIFFERING };
// A SELECT of them, by key. Of rows that one side has: its columns, and without a key their number
// as the last one. Of differing rows: the key, then per column the values of A and B, and whether
// they differ. `limit` 0: all.
SL_MUST int sl_compare_examples_sql(const struct sl_compare *compare, enum sl_compare_kind kind,
                                    int64_t limit, struct sl_buf *sql, struct sl_err *err);
// A SELECT of all that differs, for a file: `_diff` (only_a, only_b, differs), the key, and per
// column NAME_a and NAME_b; without a key `_diff`, the columns and `_rows`.
SL_MUST int sl_compare_output_sql(const struct sl_compare *compare, struct sl_buf *sql,
                                  struct sl_err *err);

// --- Inside ---
// How two types are compared, without asking the engine; false: it must say which type both have.
bool sl_compare_know_how(const char *a, const char *b, struct sl_compared_column *column);
// Whether the column is compared at all: both have it.
bool sl_compared_has_both(const struct sl_compared_column *column);
// The value of a column on one side as it is compared.
void sl_compare_add_value(const struct sl_compare *compare, const struct sl_compared_column *column,
                          int side, struct sl_buf *sql);
// (select <values> as c0, c1, ... from <side>), with the options' `where`.
void sl_compare_add_relation(const struct sl_compare *compare, int side, struct sl_buf *sql);
// "c0, c1" of compared columns: of the key (or everything, if there is none); of all.
void sl_compare_add_key(const struct sl_compare *compare, const char *prefix, struct sl_buf *sql);
void sl_compare_add_all(const struct sl_compare *compare, const char *prefix, struct sl_buf *sql);
// Takes rows that both sides have out of them: those of files that have the same bytes in most of
// their columns, and at their places the same values in the others.
SL_MUST int sl_compare_leave_out(struct sl_compare *compare, struct sl_err *err);
// Makes _diff_a, _diff_b (bucket, n, h) and _diff_buckets (bucket) of those that differ.
SL_MUST int sl_compare_digests(struct sl_compare *compare, struct sl_err *err);
// The bucket of a row as an expression.
void sl_compare_add_bucket(const struct sl_compare *compare, struct sl_buf *sql);

#endif
