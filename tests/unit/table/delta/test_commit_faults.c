// Every durable operation and every allocation of a commit fails in turn, or is the last before a
// kill. Afterwards the table is at the old or the new version, whole, and the commit done again
// gives what it would have given at once.
#include "fixture.h"

#include "../../base/alloc_fault.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_OPERATIONS 500

// A commit on a table with files "a" (2024-01-01) and "b" (2024-01-02), or on no table.
struct scenario {
    const char *name;
    enum sl_delta_mode mode;
    int64_t base;               // -1: no table
    bool with_checkpoint;       // the commit is followed by one
    const char *before, *after; // live files
};
static const struct scenario scenarios[] = {
    {"first commit", SL_DELTA_APPEND, -1, false, "", "data/n"},
    {"append", SL_DELTA_APPEND, 1, false, "a b", "a b data/n"},
    {"append and checkpoint", SL_DELTA_APPEND, 1, true, "a b", "a b data/n"},
    {"replace", SL_DELTA_REPLACE, 1, false, "a b", "data/n"},
    {"partitions", SL_DELTA_PARTITIONS, 1, false, "a b", "b data/n"},
    {"rewrite", SL_DELTA_REWRITE, 1, true, "a b", "b data/n"},
};
#define SCENARIO_COUNT (sizeof scenarios / sizeof *scenarios)

static void prepare(struct fixture *fixture, const struct scenario *scenario)
{
    (void)new_commit(fixture, scenario->mode, scenario->base, "data/n", "2024-01-01");
    if (scenario->base < 0)
        return;
    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_APPEND, -1, "a", "2024-01-01"));
    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_APPEND, 0, "b", "2024-01-02"));
}

// What the step does: the staged file is there already.
static int work(struct fixture *fixture, const struct scenario *scenario, struct sl_arena *arena,
                int64_t *version, bool *is_skipped, struct sl_err *err)
{
    static const struct sl_column columns[] = {{"id", "BIGINT"}, {"day", "DATE"}};
    static const char *const partition_columns[] = {"day"};
    static const char *const values[] = {"2024-01-01"};
    static const char *const *const replaced[] = {values};
    static const char *const removed[] = {"a"};
    static const char *const tags[] = {"{\"source\":\"s\"}"};
    static const struct sl_column_stats stats[] = {{"id", "1", "2", 0, false}};
    struct sl_staged_file file = {.path = "n",
                                  .partition = values,
                                  .row_count = 1,
                                  .size_bytes = 4,
                                  .stats = stats,
                                  .stats_count = 1};
    const struct sl_staged staged = {.files = &file, .file_count = 1, .row_count = 1};
    const struct sl_delta_commit commit = {
        .mode = scenario->mode,
        .base_version = scenario->base,
        .columns = columns,
        .column_count = 2,
        .partition_columns = partition_columns,
        .partition_count = 1,
        .staged = &staged,
        .staged_folder = "data",
        .tags_json = tags,
        .removed = removed,
        .removed_count = scenario->mode == SL_DELTA_REWRITE,
        .replaced = replaced,
        .replaced_count = scenario->mode == SL_DELTA_PARTITIONS,
        .app_id = "step",
        .app_version = 1,
        .operation = "WRITE",
        .record_json = "{\"sequence\":1}",
        .description = "A table",
    };

    SL_TRY(sl_delta_commit(fixture->folder, &commit, NULL, arena, version, is_skipped, err));
    return scenario->with_checkpoint
               ? sl_delta_checkpoint(fixture->folder, *version, fixture->session, err)
               : SL_OK;
}

// Runs `body` in a child with this in its environment; returns its wait status.
static int in_child(struct fixture *fixture, const struct scenario *scenario, const char *variable,
                    int number, bool is_preparing)
{
    char setting[32];
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int64_t version = -7;
        bool is_skipped;
        int code = SL_OK;

        (void)snprintf(setting, sizeof setting, number % 2 ? "%d" : "%d:ENOSPC", number);
        if (variable)
            setenv(variable, setting, 1);
        if (is_preparing)
            prepare(fixture, scenario);
        else
            code = work(fixture, scenario, &fixture->arena, &version, &is_skipped, &fixture->err);
        if (code != SL_OK && code != SL_E_IO && code != SL_E_NO_SPACE)
            fprintf(stderr, "%s\n", fixture->err.message);
        _exit(code == SL_OK ? 0 : code == SL_E_IO || code == SL_E_NO_SPACE ? 1 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void check_whole(struct fixture *fixture, const struct scenario *scenario, bool must_be_new)
{
    const char *files = live_files(fixture);

    if (strcmp(files, scenario->after) != 0 &&
        (must_be_new || strcmp(files, scenario->before) != 0))
        fail_msg("%s: the table has '%s'", scenario->name, files);
}

static void check_redone(struct fixture *fixture, const struct scenario *scenario)
{
    struct sl_delta_snapshot snapshot;

    assert_int_equal(in_child(fixture, scenario, NULL, 1, false), 0);
    check_whole(fixture, scenario, true);
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    assert_int_equal(snapshot.version, scenario->base + 1);
    assert_int_equal(sl_delta_txn_find(&snapshot, "step")->version, 1);
}

// Faults at operation 1, 2, ... until the work gets through. The counter is a process's own, so
// that all is done in children.
static void run_faults(struct fixture *fixture, const struct scenario *scenario,
                       const char *variable)
{
    bool is_kill = strcmp(variable, "SLUICE_FAULT_KILL") == 0;
    int number;

    for (number = 1; number < MOST_OPERATIONS; number++) {
        int status;

        assert_int_equal(in_child(fixture, scenario, NULL, 1, true), 0);
        status = in_child(fixture, scenario, variable, number, false);
        check_whole(fixture, scenario, status == 0);
        check_redone(fixture, scenario);
        assert_int_equal(system(sl_arena_printf(&fixture->arena, "rm -r %s", fixture->folder)), 0);
        if (status == 0)
            break;
        if (is_kill)
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        else
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    }
    if (number < 8 || number >= MOST_OPERATIONS)
        fail_msg("%s: %d operations", scenario->name, number);
}

static void a_kill_at_any_operation_leaves_a_whole_table(void **state)
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        run_faults(*state, &scenarios[i], "SLUICE_FAULT_KILL");
}

static void a_failure_of_any_operation_leaves_a_whole_table(void **state)
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        run_faults(*state, &scenarios[i], "SLUICE_FAULT_FAIL");
}

void *__real_malloc(size_t size);

// As if the commit had not been made.
static void undo(struct fixture *fixture, const struct scenario *scenario)
{
    const int64_t version = scenario->base + 1;

    unlink(log_file(fixture, sl_arena_printf(&fixture->arena, "%020lld.json", (long long)version)));
    unlink(log_file(fixture, sl_arena_printf(&fixture->arena, "%020lld.checkpoint.parquet",
                                             (long long)version)));
}

// Fails allocation `n` of the work; false if it needs fewer.
static bool fail_allocation(struct fixture *fixture, const struct scenario *scenario, long n)
{
    struct sl_arena arena = {0};
    int64_t version = -7;
    bool is_skipped = false;
    bool has_failed;
    int code;

    sl_err_clear(&fixture->err);
    alloc_fault_arm(n);
    code = work(fixture, scenario, &arena, &version, &is_skipped, &fixture->err);
    has_failed = alloc_fault_disarm();
    sl_arena_clear(&arena);
    if (code != SL_OK && (code != SL_E_MEMORY || !has_failed))
        fail_msg("%s, allocation %ld: %s", scenario->name, n, fixture->err.message);
    if (code != SL_OK && !scenario->with_checkpoint)
        assert_true(version == -7 && !is_skipped);
    check_whole(fixture, scenario, code == SL_OK);
    undo(fixture, scenario);
    return has_failed;
}

static void a_lack_of_memory_anywhere_changes_nothing_or_all(void **state)
{
    struct fixture *fixture = *state;

    // Not jansson's own: it ends the process when there is none left while it parses.
    json_set_alloc_funcs(__real_malloc, free);
    for (size_t i = 0; i < SCENARIO_COUNT; i++) {
        long n = 0;

        assert_int_equal(in_child(fixture, &scenarios[i], NULL, 1, true), 0);
        while (fail_allocation(fixture, &scenarios[i], n))
            n++;
        if (n < 30)
            fail_msg("%s: %ld allocations", scenarios[i].name, n);
        assert_int_equal(system(sl_arena_printf(&fixture->arena, "rm -r %s", fixture->folder)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kill_at_any_operation_leaves_a_whole_table),
        TEST(a_failure_of_any_operation_leaves_a_whole_table),
        TEST(a_lack_of_memory_anywhere_changes_nothing_or_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
