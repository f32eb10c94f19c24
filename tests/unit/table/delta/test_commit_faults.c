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

// Prepares, or works and is killed at operation `kill` (0: never), in a child: each has a count of
// its own, from 0, as long as this process made no operation itself. Returns the wait status.
static int in_child(struct fixture *fixture, const struct scenario *scenario, bool is_preparing,
                    int kill)
{
    int status = -1;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int64_t version;
        bool is_skipped;
        int code = SL_OK;

        if (kill > 0)
            setenv("SLUICE_FAULT_KILL", sl_arena_printf(&fixture->arena, "%d", kill), 1);
        if (is_preparing)
            prepare(fixture, scenario);
        else
            code = work(fixture, scenario, &fixture->arena, &version, &is_skipped, &fixture->err);
        _exit(code == SL_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

// Works in this process; operation `number` of it fails, on odd numbers for lack of space.
static int work_and_fail(struct fixture *fixture, const struct scenario *scenario, int number)
{
    static int start = 0; // of the count; brought there by operations that do nothing
    int64_t version = -7;
    bool is_skipped = false;
    char setting[32];
    int code;

    start += MOST_OPERATIONS * 10;
    (void)snprintf(setting, sizeof setting, "%d", start);
    setenv("SLUICE_FAULT_FAIL", setting, 1);
    while (sl_fault_point("nothing", NULL) == SL_OK)
        ;
    (void)snprintf(setting, sizeof setting, "%d%s", start + number, number % 2 ? ":ENOSPC" : "");
    setenv("SLUICE_FAULT_FAIL", setting, 1);
    sl_err_clear(&fixture->err);
    code = work(fixture, scenario, &fixture->arena, &version, &is_skipped, &fixture->err);
    unsetenv("SLUICE_FAULT_FAIL");
    if (code != SL_OK) {
        assert_int_equal(code, number % 2 ? SL_E_NO_SPACE : SL_E_IO);
        assert_says(fixture, "injected failure");
        assert_true(scenario->with_checkpoint || (version == -7 && !is_skipped));
    }
    return code;
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

    assert_int_equal(in_child(fixture, scenario, false, 0), 0);
    check_whole(fixture, scenario, true);
    assert_ok(fixture, sl_delta_load(fixture->folder, -1, fixture->session, &fixture->arena,
                                     &snapshot, &fixture->err));
    assert_int_equal(snapshot.version, scenario->base + 1);
    assert_int_equal(sl_delta_txn_find(&snapshot, "step")->version, 1);
}

// Kills or fails at operation 1, 2, ... until the work gets through.
static void run_faults(struct fixture *fixture, const struct scenario *scenario, bool is_kill)
{
    bool is_through = false;
    int number;

    for (number = 1; !is_through && number < MOST_OPERATIONS; number++) {
        assert_int_equal(in_child(fixture, scenario, true, 0), 0);
        if (is_kill) {
            int status = in_child(fixture, scenario, false, number);

            is_through = status == 0;
            assert_true(is_through || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
        } else {
            is_through = work_and_fail(fixture, scenario, number) == SL_OK;
        }
        check_whole(fixture, scenario, is_through);
        check_redone(fixture, scenario);
        assert_int_equal(system(sl_arena_printf(&fixture->arena, "rm -r %s", fixture->folder)), 0);
    }
    if (number < 9 || !is_through)
        fail_msg("%s: %d operations", scenario->name, number);
}

// First of the tests, while this process has made no operation.
static void a_kill_at_any_operation_leaves_a_whole_table(void **state)
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        run_faults(*state, &scenarios[i], true);
}

static void a_failure_of_any_operation_leaves_a_whole_table(void **state)
{
    for (size_t i = 0; i < SCENARIO_COUNT; i++)
        run_faults(*state, &scenarios[i], false);
}

static void a_commit_found_done_is_synced_or_reported(void **state)
{
    struct fixture *fixture = *state;
    const struct scenario *scenario = &scenarios[0];

    assert_int_equal(in_child(fixture, scenario, true, 0), 0);
    assert_int_equal(in_child(fixture, scenario, false, 0), 0);
    assert_int_equal(work_and_fail(fixture, scenario, 1), SL_E_NO_SPACE);
    assert_int_equal(work_and_fail(fixture, scenario, 2), SL_OK);
    check_whole(fixture, scenario, true);
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

        assert_int_equal(in_child(fixture, &scenarios[i], true, 0), 0);
        while (fail_allocation(fixture, &scenarios[i], n))
            n++;
        if (n < 30)
            fail_msg("%s: %ld allocations", scenarios[i].name, n);
        assert_int_equal(system(sl_arena_printf(&fixture->arena, "rm -r %s", fixture->folder)), 0);
    }
}

static int read_head(struct fixture *fixture, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_delta_head head;

    SL_TRY(sl_delta_head(fixture->folder, arena, &head, err));
    assert_int_equal(head.version, 3);
    assert_int_equal(head.record_version, 3);
    return SL_OK;
}

static int read_snapshot(struct fixture *fixture, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;
    struct sl_scan scan;

    SL_TRY(sl_delta_load(fixture->folder, -1, NULL, arena, &snapshot, err));
    SL_TRY(sl_delta_scan(&snapshot, arena, &scan, err));
    assert_int_equal(scan.file_count, 3);
    assert_int_equal(snapshot.row_count, 7);
    assert_int_equal(snapshot.txn_count, 1);
    return SL_OK;
}

static int read_by_checkpoint(struct fixture *fixture, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;

    SL_TRY(sl_delta_load(fixture->folder, 2, fixture->session, arena, &snapshot, err));
    assert_int_equal(snapshot.file_count, 3);
    return SL_OK;
}

static int read_changes(struct fixture *fixture, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_delta_changes changes;

    SL_TRY(sl_delta_changes(fixture->folder, 1, 3, NULL, arena, &changes, err));
    assert_int_equal(changes.added_count, 2);
    assert_int_equal(changes.removed_count, 1);
    SL_TRY(sl_delta_changes(fixture->folder, -1, 3, NULL, arena, &changes, err));
    assert_int_equal(changes.added_count, 3);
    return SL_OK;
}

static int read_history(struct fixture *fixture, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_delta_commit_info *infos;
    size_t count;
    int64_t version;
    bool needs;

    SL_TRY(sl_delta_history(fixture->folder, 0, arena, &infos, &count, err));
    assert_int_equal(count, 4);
    SL_TRY(sl_delta_version_at(fixture->folder, INT64_MAX, &version, err));
    assert_int_equal(version, 3);
    SL_TRY(sl_delta_needs_session(fixture->folder, &needs, err));
    assert_false(needs);
    return SL_OK;
}

static int clean_up(struct fixture *fixture, struct sl_arena *arena, struct sl_err *err)
{
    int64_t count;

    (void)arena;
    return sl_delta_clean_staged(fixture->folder, -3600000, fixture->session, &count, err);
}

static void a_lack_of_memory_while_reading_gives_no_wrong_answer(void **state)
{
    static int (*const readers[])(struct fixture *, struct sl_arena *, struct sl_err *) = {
        read_head, read_snapshot, read_by_checkpoint, read_changes, read_history, clean_up,
    };
    static const struct scenario rewrite = {"rewrite", SL_DELTA_REWRITE, 2, false, "", ""};
    struct fixture *fixture = *state;
    struct sl_arena arena = {0};
    int64_t version;
    bool is_skipped;

    json_set_alloc_funcs(__real_malloc, free);
    prepare(fixture, &rewrite);
    (void)commit_ok(fixture, new_commit(fixture, SL_DELTA_APPEND, 1, "c", "2024-01-03"));
    assert_ok(fixture, sl_delta_checkpoint(fixture->folder, 2, fixture->session, &fixture->err));
    assert_ok(fixture, work(fixture, &rewrite, &arena, &version, &is_skipped, &fixture->err));
    sl_arena_clear(&arena);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        bool has_failed = true;

        for (long n = 0; has_failed; n++) {
            int code;

            sl_err_clear(&fixture->err);
            alloc_fault_arm(n);
            code = readers[i](fixture, &arena, &fixture->err);
            has_failed = alloc_fault_disarm();
            sl_arena_clear(&arena);
            if (code != (has_failed ? SL_E_MEMORY : SL_OK))
                fail_msg("reader %zu, allocation %ld: %s", i, n, fixture->err.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kill_at_any_operation_leaves_a_whole_table),
        TEST(a_failure_of_any_operation_leaves_a_whole_table),
        TEST(a_commit_found_done_is_synced_or_reported),
        TEST(a_lack_of_memory_anywhere_changes_nothing_or_all),
        TEST(a_lack_of_memory_while_reading_gives_no_wrong_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
