// Pairs of data files that hold the same rows in the same order, but for few columns: what is left
// of two copies of a table is found in them without reading the rest.
//
// A file of one side and one of the other make a pair if their schemas, writers, partitions and row
// groups are the same, and most of their column chunks have the same bytes. The same bytes under
// the same schema are the same values.
#ifndef SL_STEP_COMPARE_FILES_H
#define SL_STEP_COMPARE_FILES_H

#include "step/compare.h"

// Rows of a file, by their numbers; the end is not among them.
struct sl_row_range {
    int64_t begin, end;
};

struct sl_file_pair {
    size_t files[SL_SIDE_COUNT]; // indices into the sides' scans
    int64_t row_count;
    // Where compared columns differ, in order: elsewhere all have the same bytes. Several, for
    // several threads.
    struct sl_row_range *ranges;
    size_t range_count;
    bool *differs; // per compared column: its bytes are not the same
    size_t differing_count;
    int64_t moved_count; // rows in which they differ, once it was read
    bool is_dropped;     // its files are read like any others
};

// Nothing that can be paired is no error. `ret` lives in the arena.
SL_MUST int sl_compare_pair_files(const struct sl_compare *compare, struct sl_file_pair **ret,
                                  size_t *ret_count, struct sl_err *err);

#endif
