#include "api/state.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

struct store {
    char folder[64];
    struct sl_arena arena;
    struct sl_state *state;
};

static int make(void **state)
{
    struct store *store = calloc(1, sizeof *store);
    struct sl_err err = {0};
    const char *note;
    assert_non_null(store);
    strcpy(store->folder, "/tmp/sluice-state-XXXXXX");
    assert_non_null(mkdtemp(store->folder));
    sl_arena_init(&store->arena, 0);
    assert_int_equal(sl_state_open(&(struct sl_state_place){.folder = store->folder}, &store->arena,
                                   &store->state, &note, &err),
                     SL_OK);
    assert_null(note);
    *state = store;
    return 0;
}

static int drop(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    sl_state_close(&store->state);
    assert_int_equal(sl_fs_remove_tree(store->folder, &err), SL_OK);
    sl_arena_clear(&store->arena);
    free(store);
    return 0;
}

static void add_run(struct store *store, const char *id, int64_t started_us, int64_t ended_us)
{
    struct sl_err err = {0};
    struct sl_run_row row = {
        .id = id, .command = "run", .status = "ok", .started_us = started_us, .ended_us = ended_us};
    assert_int_equal(sl_state_begin(store->state, &row, &err), SL_OK);
    assert_int_equal(sl_state_end(store->state, &row, &err), SL_OK);
}

static void add_step(struct store *store, const char *run_id, const char *name, const char *status)
{
    struct sl_err err = {0};
    struct sl_step_row row = {.run_id = run_id,
                              .name = name,
                              .label = name,
                              .status = status,
                              .rows_in = 7,
                              .has_balance = true};
    assert_int_equal(sl_state_add_step(store->state, &row, &err), SL_OK);
}

static void runs_come_newest_first_and_are_found_by_the_beginning_of_their_id(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    struct sl_run_row *runs;
    size_t count;
    add_run(store, "aa11", 100, 110);
    add_run(store, "ab22", 300, 310);
    add_run(store, "b_33", 200, 210);
    assert_int_equal(sl_state_runs(store->state, &(struct sl_run_filter){.id = NULL, .limit = 10},
                                   &store->arena, &runs, &count, &err),
                     SL_OK);
    assert_int_equal(count, 3);
    assert_string_equal(runs[0].id, "ab22");
    assert_string_equal(runs[2].id, "aa11");
    assert_int_equal(sl_state_runs(store->state, &(struct sl_run_filter){.id = "a", .limit = 10},
                                   &store->arena, &runs, &count, &err),
                     SL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(sl_state_runs(store->state, &(struct sl_run_filter){.id = "b_", .limit = 10},
                                   &store->arena, &runs, &count, &err),
                     SL_OK);
    assert_int_equal(count, 1);
    assert_int_equal(sl_state_runs(store->state, &(struct sl_run_filter){.id = "%", .limit = 10},
                                   &store->arena, &runs, &count, &err),
                     SL_OK);
    assert_int_equal(count, 0);
}

static void the_last_outcome_of_each_step_wins(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    struct sl_step_row *steps;
    size_t count;
    add_run(store, "r1", 1, 2);
    add_step(store, "r1", "clean.a", "error");
    add_step(store, "r1", "clean.b", "ok");
    add_run(store, "r2", 3, 4);
    add_step(store, "r2", "clean.a", "ok");
    assert_int_equal(sl_state_last(store->state, &store->arena, &steps, &count, &err), SL_OK);
    assert_int_equal(count, 2);
    assert_string_equal(steps[0].status, "ok");
    assert_string_equal(steps[0].run_id, "r2");
    assert_int_equal(steps[1].rows_in, 7);
    assert_int_equal(sl_state_steps(store->state, "r1", &store->arena, &steps, &count, &err),
                     SL_OK);
    assert_int_equal(count, 2);
}

static void old_runs_are_forgotten_with_their_steps(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    struct sl_run_row *runs;
    struct sl_step_row *steps;
    size_t count;
    add_run(store, "old", 1, 2);
    add_step(store, "old", "clean.a", "ok");
    add_run(store, "running", 1, 0);
    add_run(store, "new", 5, 6);
    assert_int_equal(sl_state_forget(store->state, 3, &err), SL_OK);
    assert_int_equal(sl_state_runs(store->state, &(struct sl_run_filter){.id = NULL, .limit = 10},
                                   &store->arena, &runs, &count, &err),
                     SL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(sl_state_steps(store->state, "old", &store->arena, &steps, &count, &err),
                     SL_OK);
    assert_int_equal(count, 0);
}

static void a_damaged_store_is_set_aside_and_begun_anew(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    const char *note, *path = sl_path_join(&store->arena, store->folder, "state.db");
    char garbage[8192];
    sl_state_close(&store->state);
    memset(garbage, 'x', sizeof garbage);
    assert_int_equal(sl_fs_write(path, garbage, sizeof garbage, &err), SL_OK);
    assert_int_equal(sl_state_open(&(struct sl_state_place){.folder = store->folder}, &store->arena,
                                   &store->state, &note, &err),
                     SL_OK);
    assert_non_null(note);
    add_run(store, "after", 1, 2);
}

static void a_store_of_a_later_version_is_refused_and_left_alone(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    const char *note, *path = sl_path_join(&store->arena, store->folder, "state.db");
    sqlite3 *db;
    sl_state_close(&store->state);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "pragma user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sl_state_open(&(struct sl_state_place){.folder = store->folder}, &store->arena,
                                   &store->state, &note, &err),
                     SL_E_STATE);
    assert_non_null(strstr(err.message, "later"));
    assert_null(store->state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            runs_come_newest_first_and_are_found_by_the_beginning_of_their_id, make, drop),
        cmocka_unit_test_setup_teardown(the_last_outcome_of_each_step_wins, make, drop),
        cmocka_unit_test_setup_teardown(old_runs_are_forgotten_with_their_steps, make, drop),
        cmocka_unit_test_setup_teardown(a_damaged_store_is_set_aside_and_begun_anew, make, drop),
        cmocka_unit_test_setup_teardown(a_store_of_a_later_version_is_refused_and_left_alone, make,
                                        drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
