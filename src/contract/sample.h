// Values for rows that a contract accepts or rejects: as SQL over the number of a row. What they
// are worth is for the compiled pass to say; these are candidates.
#ifndef SL_CONTRACT_SAMPLE_H
#define SL_CONTRACT_SAMPLE_H

#include "api/engine.h"
#include "base/buf.h"
#include "spec/contract.h"

// Of one column; VARCHAR over "~i" BIGINT, the number of the row. The same seed gives the same
// values.
struct sl_sample {
    const char *good;  // meant to break nothing
    const char *value; // of a column without members: what both are made of
    const char *odd;   // null, ends of ranges and what lies beyond, other words, ...
};
// Values of one column or member that the pass has judged: "~g3" VARCHAR[], those that keep all of
// its rules. The number is that of sl_sample_leaf. In rows that are to break something, "~la" is
// the number of a leaf, or null, and "~va" the value for it that breaks just what is asked for; so
// are "~lb" and "~vb".
struct sl_sample_pool {
    int64_t count; // of "~g3"; 0: good values are made as before
    bool has_null; // null keeps all rules as well
    bool has_odd;
};
struct sl_sample_options {
    const struct sl_contract_table *table;
    struct sl_session *session; // reads the SQL of rules
    uint64_t seed;
    int64_t rows; // that are wanted
    // Adds boolean SQL: the row is to break a rule of the column at this path ("address.zip"), or
    // of one inside of it. NULL: never.
    void (*add_touches)(const void *self, const char *path, struct sl_buf *sql);
    const void *self;
    const struct sl_sample_pool *pools; // by leaf; NULL: none
    int64_t ingested_us;                // when the rows are taken in
};
// `notes` says which patterns no texts can be made of, and why.
SL_MUST int sl_contract_samples(const struct sl_sample_options *options, struct sl_arena *arena,
                                struct sl_sample **ret, struct sl_strs *notes, struct sl_err *err);

// Every column and every member of columns, each behind the one that it is in.
struct sl_sample_leaf {
    const struct sl_contract_column *column;
    // NULL: it has members itself. `odd` is over "~w3" (3 is the number), which is `value`.
    const char *good, *value, *odd;
    bool is_distinct;
};
// ret_shapes: VARCHAR SQL for each column of the table, over the values of the leaves, "~v0",
// "~v1",
// ...: no object is null, and an array has one item.
SL_MUST int sl_contract_leaves(const struct sl_sample_options *options, struct sl_arena *arena,
                               struct sl_sample_leaf **ret, size_t *ret_count,
                               const char *const **ret_shapes, struct sl_strs *notes,
                               struct sl_err *err);

// Texts that a regular expression (a part of RE2's syntax: characters, classes, groups, |, and
// repeats) matches as a whole. *ret_why says what it cannot do; then nothing was added. Texts may
// repeat.
SL_MUST int sl_pattern_samples(const char *pattern, uint64_t seed, size_t count,
                               struct sl_arena *arena, struct sl_strs *ret, const char **ret_why,
                               struct sl_err *err);

#endif
