// Each durable operation killed or failed in turn. This program runs itself with the argument
// "work" to do them; then it looks at what is left.
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static int work(struct sl_err *err)
{
    char text[5000];

    memset(text, 'n', sizeof text);
    SL_TRY(sl_fs_mkdirs("deep/er", err));
    SL_TRY(sl_fs_write("replaced", text, sizeof text, err));
    SL_TRY(sl_fs_create("created", text, sizeof text, err));
    SL_TRY(sl_fs_exchange("left", "right", err));
    SL_TRY(sl_fs_sync_folder(".", err));
    SL_TRY(sl_fs_remove_tree("tree", err));
    return sl_fs_remove("removed", err);
}

static void prepare(void)
{
    struct sl_err err;

    assert_int_equal(sl_fs_mkdirs("tree/branch", &err), SL_OK);
    write_file("tree/branch/leaf", "x");
    write_file("replaced", "old");
    write_file("left", "L");
    write_file("right", "R");
    write_file("removed", "x");
}

// Does the work in a process of its own with one variable set. Returns its wait status; it exits
// with the code of the failure.
static int run_work(const char *variable, const char *setting)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        setenv(variable, setting, 1);
        execl("/proc/self/exe", "file_faults", "work", (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

// Every file is old or new, never something between. Returns how many temporary files were left
// behind.
static size_t check_files(struct sl_arena *arena)
{
    const char *replaced = read_file(arena, "replaced");
    char left = *read_file(arena, "left");
    char right = *read_file(arena, "right");
    struct sl_strs names;
    struct sl_err err;
    size_t leftovers = 0;

    assert_true(strcmp(replaced, "old") == 0 || strspn(replaced, "n") == 5000);
    assert_true((left == 'L' && right == 'R') || (left == 'R' && right == 'L'));
    if (sl_fs_exists("created"))
        assert_int_equal(strspn(read_file(arena, "created"), "n"), 5000);
    assert_int_equal(sl_fs_list(".", arena, &names, &err), SL_OK);
    for (size_t i = 0; i < names.count; i++)
        leftovers += sl_str_starts(names.items[i], ".tmp-");
    return leftovers;
}

// The work can always be done again on what an interrupted one left, but for the file that then
// exists.
static void check_repeat(void)
{
    int status;

    (void)unlink("created");
    status = run_work("SLUICE_FAULT_NONE", "");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static long count_operations(void)
{
    void *state;
    long count;

    enter_folder(&state);
    prepare();
    assert_int_equal(run_work("SLUICE_FAULT_COUNT", "count"), 0);
    count = strtol(read_file(&((struct test_folder *)state)->arena, "count"), NULL, 10);
    leave_folder(&state);
    return count;
}

static void a_kill_at_any_operation_leaves_whole_files(void **state)
{
    long count = count_operations();

    (void)state;
    // At least: 2 mkdir and syncs, twice create, 5 writes, sync, name, sync; exchange, sync, 4
    // removals.
    assert_true(count >= 26);
    for (long n = 1; n <= count; n++) {
        void *folder;
        char setting[24];
        int status;

        enter_folder(&folder);
        prepare();
        snprintf(setting, sizeof setting, "%ld", n);
        status = run_work("SLUICE_FAULT_KILL", setting);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_true(check_files(&((struct test_folder *)folder)->arena) <= 1);
        check_repeat();
        leave_folder(&folder);
    }
}

static void a_failure_of_any_operation_is_reported_and_cleaned_up(void **state)
{
    static const struct {
        const char *suffix;
        enum sl_code code;
    } faults[] = {
        {"", SL_E_IO},
        {":EIO", SL_E_IO},
        {":ENOSPC", SL_E_NO_SPACE},
        {":EACCES", SL_E_NO_PERMISSION},
    };
    long count = count_operations();

    (void)state;
    for (long n = 1; n <= count; n++) {
        void *folder;
        char setting[24];
        int status;

        enter_folder(&folder);
        prepare();
        snprintf(setting, sizeof setting, "%ld%s", n, faults[n % 4].suffix);
        status = run_work("SLUICE_FAULT_FAIL", setting);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), faults[n % 4].code);
        assert_int_equal(check_files(&((struct test_folder *)folder)->arena), 0);
        check_repeat();
        leave_folder(&folder);
    }
}

static void a_fault_beyond_the_last_operation_does_nothing(void **state)
{
    char setting[24];
    void *folder;

    (void)state;
    snprintf(setting, sizeof setting, "%ld", count_operations() + 1);
    enter_folder(&folder);
    prepare();
    assert_int_equal(run_work("SLUICE_FAULT_KILL", setting), 0);
    assert_false(sl_fs_exists("removed"));
    assert_false(sl_fs_exists("tree"));
    leave_folder(&folder);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_at_any_operation_leaves_whole_files),
        cmocka_unit_test(a_failure_of_any_operation_is_reported_and_cleaned_up),
        cmocka_unit_test(a_fault_beyond_the_last_operation_does_nothing),
    };
    struct sl_err err;

    if (argc == 2 && strcmp(argv[1], "work") == 0) {
        sl_fault_arm();
        return work(&err);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
