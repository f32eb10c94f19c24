// Tests made of what the lake holds.
#ifndef SL_CLI_TEST_RECORD_H
#define SL_CLI_TEST_RECORD_H

#include "cli/test_record_personal.h"
#include "run/testing.h"

struct sl_test_recording {
    struct sl_world *world; // without errors
    const char *name;
    struct sl_strs tables; // that are tested
    int64_t rows;          // of each input
    bool overwrites;
    // What was written.
    const char *file;
    int64_t given, expected;
    struct sl_record_tables unprotected; // columns with personal values as they came
};
// Writes tests/NAME.yml: a sample of the inputs of the tables, and what the code makes of it now.
// The test has passed once when this returns.
SL_MUST int sl_test_record(struct sl_test_recording *recording, struct sl_err *err);

#endif
