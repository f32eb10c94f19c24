#ifndef SL_CLI_TEST_MUTATE_H
#define SL_CLI_TEST_MUTATE_H

#include "cli/cli.h"
#include "run/mutate.h"

struct sl_test_mutation {
    const struct sl_common *common;
    struct sl_world *world;
    const struct sl_test_case *const *cases; // all of which pass
    size_t count;
    int64_t threads;
};
// Takes one rule after the other away, runs the tests, and prints which of them noticed.
SL_MUST int sl_test_mutate(const struct sl_test_mutation *mutation, struct sl_err *err);

#endif
