// What became of tests, for people and machines.
#ifndef SL_CLI_TEST_VIEW_H
#define SL_CLI_TEST_VIEW_H

#include "cli/cli.h"
#include "run/testing.h"

// One line of a test, and what was not as expected of it.
SL_MUST int sl_test_print(const struct sl_test_outcome *outcome, bool is_quiet, struct sl_err *err);
// {"name", "title", "file", "tables", "status", "elapsed_ms", "findings": [...]}
SL_MUST int sl_test_json(const struct sl_test_outcome *outcome, json_t **ret, struct sl_err *err);
// JUnit's XML of all tests, as CI servers read it.
SL_MUST int sl_test_junit(const struct sl_test_outcome *outcomes, size_t count, const char *project,
                          struct sl_buf *xml, struct sl_err *err);
const char *sl_test_status_name(enum sl_test_status status);

#endif
