// Verification of a publication: its tables built again from raw as it was published, with the code
// that was recorded, in a lake of its own, and compared row by row with what was published.
//
// The project's lake is only read, nothing is delivered. What makes a table is taken from the lake:
// of the project's own files only contracts are used, and only where they are those recorded.
#ifndef SL_RUN_VERIFY_H
#define SL_RUN_VERIFY_H

#include "run/run.h"

enum sl_verdict_of_table {
    SL_VERIFIED_EQUAL,
    SL_VERIFIED_DIFFERENT,
    SL_VERIFIED_UNREPEATABLE, // it differs, and reads the clock, chance or files
    SL_VERIFIED_IMPOSSIBLE,   // its code or its raw rows are not there any more
    SL_VERIFIED_FAILED,       // it could not be built or read
};
const char *sl_verified_name(enum sl_verdict_of_table verdict); // "equal"

struct sl_verified {
    const char *table;
    int64_t version;
    enum sl_verdict_of_table verdict;
    const char *why;        // NULL where it is equal
    int64_t rows, rebuilt;  // -1: not known
    int64_t missing, extra; // rows that only the published table has, only the rebuilt one
    int64_t differing;      // rows of one key
    struct sl_strs columns; // in which rows of one key differ
    struct sl_strs rounded; // columns whose floating numbers differ in their last digits only
    struct sl_strs
        examples; // rows that differ, as JSON: `_diff` (only_a, only_b, differs), key, values
    struct sl_strs not_judged; // "check 'enough rows' (passed then)", "quarantine budget"
    struct sl_balance balance; // of the step that built it again
    bool has_balance;
    int64_t took_us;
    // Inside
    const struct sl_published *published;
    const char *folder;
    const char *fingerprint; // of what it was built with
    bool is_asked;
};

struct sl_verify_options {
    const struct sl_publication *publication;
    struct sl_strs select, exclude; // of the project's graph; none: everything
    int64_t examples;
    bool keep; // the lake that is built stays
    const struct sl_listener *listener;
};
struct sl_verify {
    const char *folder; // that was made; gone afterwards unless it is to be kept
    struct sl_verified *tables;
    size_t count, raw_count; // raw tables are what all begins with
    bool was_interrupted;
};
// Returns SL_OK whatever the tables are like. `world` is the project's, and `session` the only one
// of it: it is closed before workers are forked. Everything in *ret is in
// its arena.
SL_MUST int sl_world_verify(struct sl_world *world, struct sl_session **session,
                            const struct sl_verify_options *options, struct sl_verify *ret,
                            struct sl_err *err);
bool sl_verify_holds(const struct sl_verify *verify);

// --- Inside (verify_rows.c) ---
// Compares a published table with the one that was built again: the key may be empty.
struct sl_verify_pair {
    struct sl_session *session;
    struct sl_arena *arena;
    const char *folder; // of what was built again
    struct sl_strs key, left_out;
    int64_t examples;
};
// The key of a node's table and the columns that tell of the run rather than of the row.
SL_MUST int sl_verify_pair_columns(const struct sl_node *node, enum sl_layer layer,
                                   struct sl_verify_pair *pair, struct sl_err *err);
SL_MUST int sl_verify_rows(const struct sl_verify_pair *pair, struct sl_verified *table,
                           struct sl_err *err);

#endif
