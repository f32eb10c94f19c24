// Tests of a project, run: the real steps in a lake of their own, at a time that the test says.
// Nothing of the project's lake, state or targets is read or written.
#ifndef SL_RUN_TESTING_H
#define SL_RUN_TESTING_H

#include "run/world.h"
#include "spec/test.h"

struct sl_mutant;

// A test with the steps it takes.
struct sl_test_case {
    const struct sl_test *test;
    size_t *nodes; // of the graph, in its order
    size_t node_count;
    struct sl_strs tables;   // that it expects something of
    const char *fingerprint; // of the test, its files and the code of its steps
};
// Finds the steps of a test. What the test cannot mean (unknown tables, a source that is needed and
// not given) becomes diagnostics of the project; then *ret_is_usable is false.
SL_MUST int sl_test_plan(struct sl_world *world, const struct sl_test *test,
                         struct sl_test_case *ret, bool *ret_is_usable, struct sl_err *err);
// Reads all tests and plans them; tests with mistakes are left out, and the diagnostics say why.
// In the world's arena.
struct sl_test_suite {
    struct sl_tests tests;
    struct sl_test_case *cases;
    size_t count;
};
SL_MUST int sl_test_suite_load(struct sl_world *world, struct sl_test_suite *ret,
                               struct sl_err *err);

enum sl_test_difference { SL_TEST_MISSING, SL_TEST_UNEXPECTED, SL_TEST_DIFFERS };
struct sl_test_row {
    enum sl_test_difference kind;
    struct sl_place place; // of the row that was expected; without a line for one that was not
    const char *const *expected, *const *actual; // per column as text, NULL for null; or no row
    const bool *is_same;                         // per column
};
// One thing that was not as expected.
struct sl_test_finding {
    struct sl_err err; // what, with its place
    size_t run;        // 0-based
    const char *table; // NULL: a step failed
    const char *const *columns;
    size_t column_count;
    struct sl_test_row *rows; // the first of them
    size_t row_count;
    int64_t total;
};
enum sl_test_status { SL_TEST_SKIPPED, SL_TEST_PASSED, SL_TEST_FAILED };
struct sl_test_outcome {
    const struct sl_test_case *test;
    enum sl_test_status status;
    struct sl_test_finding *findings;
    size_t finding_count;
    int64_t elapsed_us;
    const char *folder; // that was kept, or NULL
    struct sl_arena arena;
};

struct sl_test_options {
    int64_t threads;    // 0: as many as cores
    int64_t shown_rows; // kept of those that differ; 0: 50
    bool fail_fast, keep;
    const struct sl_mutant *mutant; // tested instead of the project (run/mutate.h); NULL: none
    // Told of each test that has ended, one call at a time. May be NULL.
    void (*on_end)(void *self, const struct sl_test_outcome *outcome);
    void *self;
};
// Runs `count` tests; `outcomes` are parallel to them and cleared by the caller.
SL_MUST int sl_test_run(struct sl_world *world, const struct sl_test_case *const *cases,
                        size_t count, const struct sl_test_options *options,
                        struct sl_test_outcome *outcomes, struct sl_err *err);

#endif
