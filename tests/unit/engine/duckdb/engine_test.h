// For tests against the real library: one engine for each executable, and for each test a session
// of its own in a folder that vanishes with it.
#ifndef SL_TESTS_UNIT_ENGINE_TEST_H
#define SL_TESTS_UNIT_ENGINE_TEST_H

#include "../../base/test.h"

#include "engine/duckdb/duckdb_engine.h"

#include <stdio.h>

struct context {
    struct sl_engine *engine;
    struct sl_session *session;
    struct sl_arena arena;
    struct sl_err err;
    struct test_folder *folder;
};

// cmocka group setup and teardown.
int open_engine(void **state);
int open_engine_for_few_rows(void **state);
int close_engine(void **state);
// cmocka setup and teardown; *state is the struct context of the executable.
int open_session(void **state);
int close_session(void **state);

#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, open_session, close_session)

// Fails the test with the error's message if `code` is one.
void check_ok(struct context *context, int code);
void exec(struct context *context, const char *sql);
// The rows of a query as one text: cells divided by '|', rows by a newline, null as "NULL".
const char *query(struct context *context, const char *sql);

#endif
