// Tests of a project, as read: tests/*.yml. Each gives rows to sources or tables, run after run,
// and says what the final tables must hold.
#ifndef SL_SPEC_TEST_H
#define SL_SPEC_TEST_H

#include "spec/project.h"

// Rows of one source or table; exactly one of rows, text and file is there.
struct sl_test_table {
    const char *table;          // given: "orders" for a source, else "clean.customers"
    struct sl_place place;      // of the table's name
    const struct sl_yaml *rows; // list of maps
    const char *text;           // CSV with a header; of a source, as its files are
    int text_line;              // of its first line
    const char *file;           // from the project's folder
    // given
    const char *name; // of a source's file; NULL: one for each run
    bool replaces;    // a table: what it held before goes
    // expect
    bool is_whole;   // all columns are compared, not just those that are named
    bool is_ordered; // rows must come in this order
    struct sl_strs key;
};

// A table whose step must fail.
struct sl_test_failure {
    const char *table;
    struct sl_place place;
    const char *text; // that the error must hold: its code, or a part of what it says
};

struct sl_test_run {
    struct sl_place place;
    int64_t clock_us;
    struct sl_test_table *given;
    size_t given_count;
    struct sl_test_table *expected;
    size_t expected_count;
    struct sl_test_failure *failures;
    size_t failure_count;
};

struct sl_test {
    const char *name;  // file stem
    const char *title; // for people; the name if nothing is said
    const char *file;  // "tests/late_order.yml"
    struct sl_strs tags;
    struct sl_test_run *runs; // NULL: the file cannot be used, and the diagnostics say why
    size_t run_count;
};

struct sl_tests {
    struct sl_test *items; // by file
    size_t count;
};

// Reads the tests of a project. Mistakes are diagnostics of the project. What is read lives in its
// arena.
SL_MUST int sl_tests_load(struct sl_project *project, struct sl_tests *ret, struct sl_err *err);

// The same of one file that was parsed to a map. `test` has its name and file.
SL_MUST int sl_test_read(const struct sl_yaml *node, struct sl_project *project,
                         struct sl_test *test, struct sl_err *err);

extern const struct sl_opt sl_test_rows[]; // for JSON Schema and docs

#endif
