// sluice diff: what is compared, and what came of it.
#ifndef SL_CLI_DIFF_H
#define SL_CLI_DIFF_H

#include "cli/lake.h"
#include "step/compare.h"

// What the user calls a side: "clean.orders@12", "prod:clean.orders", "target:warehouse/orders",
// "old/orders.parquet".
enum sl_diff_kind { SL_DIFF_TABLE, SL_DIFF_TARGET, SL_DIFF_FILE };
struct sl_diff_ref {
    enum sl_diff_kind kind;
    const char *text;        // as it was written
    const char *environment; // of a table; NULL: the one that is chosen
    const char *target;      // its name
    const char *name;        // table or path
    struct sl_as_of as_of;
};
// A path is told by a '/' or by an ending of data files. SL_E_USAGE.
SL_MUST int sl_diff_ref_parse(const char *text, struct sl_arena *arena, struct sl_diff_ref *ret,
                              struct sl_err *err);

struct sl_diff_side {
    struct sl_diff_ref ref;
    const char *name; // with its version: "clean.orders@12"
    struct sl_lake *lake;
    struct sl_lake other; // of another environment, with the session of `lake`; else empty
    bool is_delta;
    struct sl_delta_snapshot snapshot;
    struct sl_scan scan;     // of a table
    struct sl_strs key;      // what tells its rows apart, as far as the project says
    struct sl_strs left_out; // columns that tell of the run which wrote a row
    const struct sl_target_kind *target;
    void *target_self;
    struct sl_compare_side side;
    size_t file_count; // of a table, of which so many have to be read
    size_t read_count;
};
void sl_diff_side_clear(struct sl_diff_side *side);
// Finds it, and what its columns are. `temp`: a name for rows that must be fetched first.
SL_MUST int sl_diff_side_open(struct sl_lake *lake, const struct sl_common *common,
                              const struct sl_diff_ref *ref, const char *temp,
                              struct sl_diff_side *ret, struct sl_err *err);
// Leaves out what both have: files of two versions of one table. Then fills what is to be read.
SL_MUST int sl_diff_sides_scan(struct sl_diff_side *a, struct sl_diff_side *b, const char *where,
                               struct sl_err *err);

SL_MUST int sl_diff_print_text(const struct sl_diff_side *sides, const struct sl_compare *compare,
                               int64_t limit, struct sl_err *err);
SL_MUST int sl_diff_print_json(const struct sl_diff_side *sides, const struct sl_compare *compare,
                               int64_t limit, struct sl_err *err);

#endif
