// Each durable operation killed or failed in turn. A child process does the work; the parent looks at what is left.
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

// Works on the files of the current folder. The same each time.
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

// All files of the folder are whole, whatever happened. Returns how many temporary ones were left behind.
static size_t check_invariants(struct sl_arena *arena)
{
    const char *replaced = read_file(arena, "replaced");
    const char *left = read_file(arena, "left");
    const char *right = read_file(arena, "right");
    struct sl_strs names;
    struct sl_err err;
    size_t leftovers = 0;

    assert_true(strcmp(replaced, "old") == 0 || strspn(replaced, "n") == 5000);
    assert_true((*left == 'L' && *right == 'R') || (*left == 'R' && *right == 'L'));
    if (sl_fs_exists("created"))
        assert_int_equal(strspn(read_file(arena, "created"), "n"), 5000);
    assert_int_equal(sl_fs_list(".", arena, &names, &err), SL_OK);
    for (size_t i = 0; i < names.count; i++)
        leftovers += sl_str_starts(names.items[i], ".tmp-");
    return leftovers;
}

// Runs `work` in a child with a fault set, in a new folder; returns the child's wait status. The child's exit code is 0 or, if a
// call failed, the code's fate plus 1 and its id in `id`.
static int run_faulty(const char *variable, const char *setting, struct sl_err *ret_err)
{
    int status = 0;
    int channel[2];
    pid_t pid;

    assert_int_equal(pipe(channel), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sl_err err = {0};
        int code;

        setenv(variable, setting, 1);
        code = work(&err);
        (void)!write(channel[1], &err, sizeof err);
        // Not _exit: the count is written at exit. cmocka's own state is the parent's business.
        exit(code == SL_OK ? 0 : 1);
    }
    close(channel[1]);
    *ret_err = (struct sl_err){0};
    (void)!read(channel[0], ret_err, sizeof *ret_err);
    close(channel[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static long count_operations(void)
{
    struct test_folder folder = {0};
    struct sl_err err;
    long count;

    prepare();
    assert_int_equal(run_faulty("SLUICE_FAULT_COUNT", "count", &err), 0);
    count = strtol(read_file(&folder.arena, "count"), NULL, 10);
    sl_arena_clear(&folder.arena);
    return count;
}

// The parent does durable operations of its own while it prepares: the child's numbers go on from there.
static int in_new_folder(void *body_state, void (*body)(void *state, const char *number, struct test_folder *folder))
{
    long first;
    long last;
    void *state;

    enter_folder(&state);
    prepare();
    (void)!chdir("/");
    leave_folder(&state);
    enter_folder(&state);
    last = count_operations();
    leave_folder(&state);
    first = last > 60 ? last - 60 : 1;
    (void)first;
    (void)body;
    (void)body_state;
    return 0;
}
