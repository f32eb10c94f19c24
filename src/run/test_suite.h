// What all tests of one call share. Not for other files than those that run tests.
#ifndef SL_RUN_TEST_SUITE_H
#define SL_RUN_TEST_SUITE_H

#include "run/testing.h"

// A catalogue of the engine in which it is that time.
struct sl_test_clock {
    int64_t clock_us;
    const char *catalogue;
};
struct sl_test_clocks {
    struct sl_test_clock *items;
    size_t count;
};

struct sl_test_bench {
    struct sl_world *world;
    struct sl_test_clocks clocks; // of all runs of the tests; made before, and dropped after
    struct sl_map *catalog;
    atomic_bool stop;
    int64_t shown_rows;
    const struct sl_mutant *mutant;
};
SL_MUST int sl_test_make_clocks(struct sl_test_bench *bench, struct sl_session *session,
                                const struct sl_test *test, struct sl_err *err);
// No session that uses them may be open.
SL_MUST int sl_test_drop_clocks(struct sl_test_bench *bench, struct sl_session *session,
                                struct sl_err *err);
// Runs one test in a folder that is there. Fails where the test could not be run to its end.
SL_MUST int sl_test_do(struct sl_test_bench *bench, struct sl_test_outcome *outcome,
                       const char *folder, struct sl_err *err);

#endif
