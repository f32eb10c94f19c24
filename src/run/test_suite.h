// What all tests of one call share. Not for other files than those that run tests.
#ifndef SL_RUN_TEST_SUITE_H
#define SL_RUN_TEST_SUITE_H

#include "run/testing.h"

struct sl_test_bench {
    struct sl_world *world;
    struct sl_map *catalog;
    atomic_bool stop;
    int64_t shown_rows;
    const struct sl_mutant *mutant;
};
// Runs one test in a folder that is there. Fails where the test could not be run to its end.
SL_MUST int sl_test_do(struct sl_test_bench *bench, struct sl_test_outcome *outcome,
                       const char *folder, struct sl_err *err);

#endif
