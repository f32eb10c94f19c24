// What the tests of tables share: a folder of their own, commits written by hand, staged files, and
// an engine that keeps "Parquet" files as lines of JSON, so that checkpoints can be tested without
// one.
#ifndef SL_TESTS_UNIT_TABLE_DELTA_FIXTURE_H
#define SL_TESTS_UNIT_TABLE_DELTA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/fs.h"
#include "table/delta/delta.h"

struct fixture {
    struct sl_arena arena;
    struct sl_err err;
    const char *folder; // of the table "t", which does not exist yet, in a folder of this test
    const char *parent;
    struct sl_session *session; // the fake engine's
    int executed;               // statements of it
    const char *engine_error;   // if set, the fake engine fails with it
    // If set, called once, while the next checkpoint is read: after the log was listed.
    void (*during_load)(struct fixture *fixture);
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)
#define assert_ok(fixture, call)                               \
    do {                                                       \
        if ((call) != SL_OK)                                   \
            fail_msg("%s: %s", #call, (fixture)->err.message); \
    } while (0)
#define assert_fails(fixture, expected, call)              \
    do {                                                   \
        sl_err_clear(&(fixture)->err);                     \
        assert_int_equal((call), (expected));              \
        assert_int_equal((fixture)->err.code, (expected)); \
    } while (0)
#define assert_says(fixture, text)                                              \
    do {                                                                        \
        if (!strstr((fixture)->err.message, (text)))                            \
            fail_msg("'%s' does not say '%s'", (fixture)->err.message, (text)); \
    } while (0)

// Writes _delta_log/<version>.json with this text, as another writer would.
void write_commit(struct fixture *fixture, int64_t version, const char *text);
// protocol and metaData of a table with the column "id" (long), and "day" (date) as its partition
// if is_partitioned.
const char *first_commit(struct fixture *fixture, bool is_partitioned);
// One add action of `path` with `rows`; day NULL: not partitioned.
const char *add_action(struct fixture *fixture, const char *path, const char *day, int rows);
const char *read_commit(struct fixture *fixture, int64_t version);
const char *log_file(struct fixture *fixture, const char *name);

// A commit of one file with the column "id", partitioned by "day" if day is given, with these paths
// in the table's folder.
struct sl_delta_commit *new_commit(struct fixture *fixture, enum sl_delta_mode mode, int64_t base,
                                   const char *path, const char *day);
// Commits it and gives the version.
int64_t commit_ok(struct fixture *fixture, const struct sl_delta_commit *commit);
// Paths of the newest version's files, with blanks between.
const char *live_files(struct fixture *fixture);

#endif
