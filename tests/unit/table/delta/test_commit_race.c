// Eight processes commit to one table at once. Whatever wins: no row is lost, none is doubled,
// versions are dense.
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS 8
#define COMMITS 12
// Lost races and conflicts are bounded by what the others commit.
#define MOST_TRIES (WRITERS * COMMITS * 4)

// A file's name is "<row>.<version of it>": a rewrite keeps the row and makes it newer.
static const char *next_name(struct fixture *fixture, const char *path)
{
    const char *dot = strrchr(path, '.');

    return sl_arena_printf(&fixture->arena, "%.*s.%d-%ld", (int)(dot - path), path,
                           atoi(dot + 1) + 1, (long)getpid());
}

static int try_commit(struct fixture *fixture, struct sl_delta_commit *commit, bool *ret_skipped)
{
    int64_t version;

    sl_err_clear(&fixture->err);
    return sl_delta_commit(fixture->folder, commit, NULL, &fixture->arena, &version, ret_skipped,
                           &fixture->err);
}

// One commit of a writer: based on the newest version, again as long as it is a conflict.
static void commit_once(struct fixture *fixture, int writer, int number, bool is_append)
{
    const char *app_id = sl_arena_printf(&fixture->arena, "writer %d", writer);

    for (int tries = 0; tries < MOST_TRIES; tries++) {
        struct sl_delta_snapshot snapshot;
        struct sl_delta_commit *commit;
        const char *removed[1];
        bool is_skipped = true;
        int code;

        assert_ok(fixture, sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &snapshot,
                                         &fixture->err));
        if (is_append || snapshot.file_count == 0) {
            commit =
                new_commit(fixture, SL_DELTA_APPEND, snapshot.version,
                           sl_arena_printf(&fixture->arena, "row-%d-%d.0", writer, number), NULL);
        } else {
            removed[0] = snapshot.files[(size_t)(writer * 7 + number) % snapshot.file_count].path;
            commit = new_commit(fixture, SL_DELTA_REWRITE, snapshot.version,
                                next_name(fixture, removed[0]), NULL);
            commit->removed = removed;
            commit->removed_count = 1;
        }
        commit->app_id = app_id;
        commit->app_version = number;
        code = try_commit(fixture, commit, &is_skipped);
        if (code == SL_E_TABLE_CONFLICT)
            continue;
        assert_int_equal(code, SL_OK);
        assert_false(is_skipped);
        // As after a kill between the commit and its report.
        assert_int_equal(try_commit(fixture, commit, &is_skipped), SL_OK);
        assert_true(is_skipped);
        return;
    }
    fail_msg("writer %d never got through", writer);
}

static void run_writer(struct fixture *fixture, int writer)
{
    for (int number = 0; number < COMMITS; number++)
        commit_once(fixture, writer, number, writer % 2 == 0);
}

static int count_rows_of(const struct sl_delta_snapshot *snapshot, const char *row)
{
    int count = 0;

    for (size_t i = 0; i < snapshot->file_count; i++)
        count += sl_str_starts(snapshot->files[i].path, row);
    return count;
}

static void check_table(struct fixture *fixture)
{
    struct sl_delta_snapshot snapshot;
    size_t rows = 0;

    assert_ok(fixture,
              sl_delta_load(fixture->folder, -1, NULL, &fixture->arena, &snapshot, &fixture->err));
    // Version 0 made the table; a gap would have been an error.
    assert_int_equal(snapshot.version, WRITERS * COMMITS);
    for (int writer = 0; writer < WRITERS; writer += 2) {
        for (int number = 0; number < COMMITS; number++, rows++) {
            const char *row = sl_arena_printf(&fixture->arena, "row-%d-%d.", writer, number);

            assert_int_equal(count_rows_of(&snapshot, row), 1);
        }
    }
    assert_int_equal(snapshot.file_count, rows + 1);
    assert_int_equal(snapshot.txn_count, WRITERS);
}

static void eight_writers_lose_and_double_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct sl_delta_commit *first = new_commit(fixture, SL_DELTA_APPEND, -1, "first.0", NULL);
    pid_t writers[WRITERS];

    assert_int_equal(commit_ok(fixture, first), 0);
    for (int writer = 0; writer < WRITERS; writer++) {
        writers[writer] = fork();
        assert_true(writers[writer] >= 0);
        if (writers[writer] == 0) {
            run_writer(fixture, writer); // an assertion that fails ends the process by a signal
            _exit(0);
        }
    }
    for (int writer = 0; writer < WRITERS; writer++) {
        int status = -1;

        assert_int_equal(waitpid(writers[writer], &status, 0), writers[writer]);
        assert_int_equal(status, 0);
    }
    check_table(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(eight_writers_lose_and_double_nothing),
    };

    // In a child, too, a failed assertion must end the process, not go on with the tests.
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
