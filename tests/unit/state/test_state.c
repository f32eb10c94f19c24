#include "api/queue.h"
#include "api/state.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

// SQLite asks these.
static int syncs;

int fdatasync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    syncs++;
    return (int)syscall(SYS_fsync, fd);
}

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
    assert_int_equal(sl_state_add_steps(store->state, &row, 1, &err), SL_OK);
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
    assert_int_equal(
        sl_state_last(store->state, NULL, SL_OUTCOMES_ALL, &store->arena, &steps, &count, &err),
        SL_OK);
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
    assert_int_equal(sl_state_forget(store->state, 3, &(bool){false}, &err), SL_OK);
    assert_int_equal(sl_state_runs(store->state, &(struct sl_run_filter){.id = NULL, .limit = 10},
                                   &store->arena, &runs, &count, &err),
                     SL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(sl_state_steps(store->state, "old", &store->arena, &steps, &count, &err),
                     SL_OK);
    assert_int_equal(count, 0);
}

static void a_large_run_is_forgotten_by_slices_its_steps_first(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    struct sl_run_row *runs;
    size_t slices = 0, count;
    bool is_more = true;
    enum { STEPS = 4500 };
    struct sl_step_row *steps = SL_NEW_ARRAY(&store->arena, struct sl_step_row, STEPS);
    assert_non_null(steps);
    for (size_t i = 0; i < STEPS; i++)
        steps[i] =
            (struct sl_step_row){.run_id = "large", .name = "n", .label = "n", .status = "ok"};
    add_run(store, "large", 1, 2);
    add_run(store, "new", 5, 6);
    assert_int_equal(sl_state_add_steps(store->state, steps, STEPS, &err), SL_OK);
    for (; is_more; slices++) {
        assert_int_equal(sl_state_forget(store->state, 3, &is_more, &err), SL_OK);
        assert_int_equal(sl_state_runs(store->state, &(struct sl_run_filter){0}, &store->arena,
                                       &runs, &count, &err),
                         SL_OK);
        assert_int_equal(count, is_more ? 2 : 1);
    }
    assert_int_equal(slices, 3);
    assert_string_equal(runs[0].id, "new");
    assert_int_equal(sl_state_steps(store->state, "large", &store->arena, &steps, &count, &err),
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
    assert_non_null(strstr(err.hint, "mv '"));
    assert_null(store->state);
}

// As Sluice 0.1 made it.
static const char version_1[] =
    "create table runs (id text primary key, command text not null, environment text, status text "
    "not null, started_us integer not null, ended_us integer not null, pid integer not null, ok "
    "integer not null, warn integer not null, error integer not null, skipped integer not null, "
    "quarantined integer not null) without rowid;"
    "create index runs_started on runs (started_us desc);"
    "create table steps (seq integer primary key, run_id text not null, name text not null, label "
    "text not null, status text not null, why text, code text, message text, place text, details "
    "text, started_us integer not null, ended_us integer not null, has_balance integer not null, "
    "rows_in integer not null, rows_out integer not null, quarantined integer not null, "
    "deduplicated integer not null, filtered integer not null, bytes_in integer not null, "
    "bytes_out integer not null);"
    "create index steps_run on steps (run_id, seq);"
    "create index steps_name on steps (name, seq desc);"
    "insert into runs values ('old1', 'run', null, 'ok', 100, 110, 1, 2, 0, 0, 0, 3),"
    "('old2', 'retry', 'prod', 'error', 200, 0, 1, 2, 0, 0, 0, 3);"
    "insert into steps values (null, 'old1', 'clean.a', 'cleanse a', 'ok', null, null, null, null, "
    "'{}', 100, 105, 1, 9, 8, 1, 0, 0, 10, 20);"
    "pragma user_version = 1";

static void make_version_1(struct store *store, bool with_log)
{
    const char *path = sl_path_join(&store->arena, store->folder, "state.db");
    struct sl_err err = {0};
    sqlite3 *db;
    sl_state_close(&store->state);
    assert_int_equal(sl_fs_remove(path, &err), SL_OK);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (with_log)
        assert_int_equal(sqlite3_exec(db, "pragma journal_mode = wal", NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void check_history(struct store *store)
{
    struct sl_err err = {0};
    struct sl_run_row *runs;
    struct sl_step_row *steps;
    size_t count;
    assert_int_equal(
        sl_state_runs(store->state, &(struct sl_run_filter){0}, &store->arena, &runs, &count, &err),
        SL_OK);
    assert_int_equal(count, 2);
    assert_string_equal(runs[0].id, "old2");
    assert_string_equal(runs[0].environment, "prod");
    assert_int_equal(runs[1].quarantined, 3);
    assert_null(runs[1].pipeline);
    assert_int_equal(
        sl_state_last(store->state, NULL, SL_OUTCOMES_ALL, &store->arena, &steps, &count, &err),
        SL_OK);
    assert_int_equal(count, 1);
    assert_int_equal(steps[0].rows_in, 9);
    assert_int_equal(steps[0].bytes_out, 20);
}

static void a_store_of_version_1_is_migrated_and_keeps_its_history(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    const char *note;
    for (int with_log = 0; with_log < 2; with_log++) {
        make_version_1(store, with_log);
        for (int times = 0; times < 2; times++) {
            sl_state_close(&store->state);
            assert_int_equal(sl_state_open(&(struct sl_state_place){.folder = store->folder},
                                           &store->arena, &store->state, &note, &err),
                             SL_OK);
            check_history(store);
        }
        add_run(store, "new", 300, 310);
    }
}

static void a_store_of_version_1_is_read_without_being_changed(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    char before[65], after[65];
    const char *note, *path = sl_path_join(&store->arena, store->folder, "state.db");
    for (int with_log = 0; with_log < 2; with_log++) {
        make_version_1(store, with_log);
        assert_int_equal(sl_fs_hash(path, before, &err), SL_OK);
        assert_int_equal(sl_state_read(&(struct sl_state_place){.folder = store->folder},
                                       &store->arena, &store->state, &note, &err),
                         SL_OK);
        check_history(store);
        assert_int_equal(sl_fs_hash(path, after, &err), SL_OK);
        assert_string_equal(before, after);
    }
}

// Many at once: one migrates, the others wait and find it done.
static void several_processes_may_open_an_old_store_at_once(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    const char *note;
    for (int round = 0; round < 10; round++) {
        pid_t children[6];
        make_version_1(store, round % 2);
        for (int i = 0; i < 6; i++)
            if ((children[i] = fork()) == 0) {
                int code = sl_state_open(&(struct sl_state_place){.folder = store->folder},
                                         &store->arena, &store->state, &note, &err);
                _exit(code != SL_OK || note);
            }
        for (int i = 0; i < 6; i++) {
            int status;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        assert_int_equal(sl_state_open(&(struct sl_state_place){.folder = store->folder},
                                       &store->arena, &store->state, &note, &err),
                         SL_OK);
        check_history(store);
    }
}

static int syncs_of_enqueue(struct sl_state *state, const char *id, int64_t tick_us,
                            const char *who)
{
    struct sl_err err = {0};
    bool is_new;
    int before = syncs;
    const struct sl_queued queued = {
        .run_id = id, .pipeline = "daily", .trigger = "cron", .tick_us = tick_us, .who = who};
    assert_int_equal(sl_state_enqueue(state, &queued, &is_new, &err), SL_OK);
    return syncs - before;
}

static void a_service_waits_for_the_disk_where_somebody_asked_and_where_a_run_ends(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    const char *note;
    struct sl_state *service;
    const struct sl_state_place place = {.folder = store->folder, .is_service = true};
    assert_int_equal(sl_state_open(&place, &store->arena, &service, &note, &err), SL_OK);
    assert_int_equal(syncs_of_enqueue(service, "a", 1, NULL), 0);
    assert_true(syncs_of_enqueue(service, "b", 0, "anna") > 0);
    assert_true(syncs_of_enqueue(service, "d", 0, NULL) > 0);
    assert_int_equal(syncs_of_enqueue(service, "c", 2, NULL), 0);
    struct sl_run_row row = {.id = "c", .command = "run", .status = "running", .started_us = 3};
    struct sl_step_row step = {.run_id = "c", .name = "raw.a", .label = "a", .status = "ok"};
    int before = syncs;
    assert_int_equal(sl_state_begin(service, &row, &err), SL_OK);
    assert_int_equal(sl_state_add_steps(service, &step, 1, &err), SL_OK);
    assert_int_equal(syncs, before);
    row.status = "ok";
    row.ended_us = 4;
    assert_int_equal(sl_state_end(service, &row, &err), SL_OK);
    assert_true(syncs > before);
    sl_state_close(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_store_of_version_1_is_migrated_and_keeps_its_history,
                                        make, drop),
        cmocka_unit_test_setup_teardown(a_store_of_version_1_is_read_without_being_changed, make,
                                        drop),
        cmocka_unit_test_setup_teardown(several_processes_may_open_an_old_store_at_once, make,
                                        drop),
        cmocka_unit_test_setup_teardown(
            runs_come_newest_first_and_are_found_by_the_beginning_of_their_id, make, drop),
        cmocka_unit_test_setup_teardown(the_last_outcome_of_each_step_wins, make, drop),
        cmocka_unit_test_setup_teardown(old_runs_are_forgotten_with_their_steps, make, drop),
        cmocka_unit_test_setup_teardown(a_large_run_is_forgotten_by_slices_its_steps_first, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_damaged_store_is_set_aside_and_begun_anew, make, drop),
        cmocka_unit_test_setup_teardown(
            a_service_waits_for_the_disk_where_somebody_asked_and_where_a_run_ends, make, drop),
        cmocka_unit_test_setup_teardown(a_store_of_a_later_version_is_refused_and_left_alone, make,
                                        drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
