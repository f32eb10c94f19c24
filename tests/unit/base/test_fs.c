#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

static size_t count_entries(struct sl_arena *arena, const char *path)
{
    struct sl_strs names;
    struct sl_err err;

    assert_int_equal(sl_fs_list(path, arena, &names, &err), SL_OK);
    return names.count;
}

static void a_written_file_is_read_back_and_leaves_nothing_beside_it(void **state)
{
    struct test_folder *folder = *state;
    struct sl_err err;
    const char *text;
    size_t length;

    assert_int_equal(sl_fs_write("a", "one\0two", 7, &err), SL_OK);
    assert_int_equal(sl_fs_read("a", 100, &folder->arena, &text, &length, &err), SL_OK);
    assert_int_equal(length, 7);
    assert_memory_equal(text, "one\0two", 8);
    assert_int_equal(sl_fs_write("a", "", 0, &err), SL_OK);
    assert_string_equal(read_file(&folder->arena, "a"), "");
    assert_int_equal(count_entries(&folder->arena, "."), 1);
}

static void large_files_are_written_and_read_in_full(void **state)
{
    struct test_folder *folder = *state;
    size_t size = 300001;
    char *bytes = sl_arena_alloc(&folder->arena, size);
    const char *text;
    size_t length;
    struct sl_err err;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 31);
    assert_int_equal(sl_fs_write("big", bytes, size, &err), SL_OK);
    assert_int_equal(sl_fs_read("big", size, &folder->arena, &text, &length, &err), SL_OK);
    assert_int_equal(length, size);
    assert_memory_equal(text, bytes, size);
    text = "untouched";
    assert_int_equal(sl_fs_read("big", size - 1, &folder->arena, &text, &length, &err),
                     SL_E_FILE_TOO_LARGE);
    assert_string_equal(text, "untouched");
}

static void ranges_of_two_files_are_compared_by_their_bytes(void **state)
{
    static const struct {
        int64_t at_a, at_b, length;
        bool is_same;
    } cases[] = {{0, 1, 200000, true}, {0, 0, 2, false},         {0, 0, 0, true},
                 {5, 6, 199995, true}, {0, 1, 200001, false},    {200000, 200001, 1, false},
                 {0, 1, 150001, true}, {200000, 200001, 0, true}};
    struct test_folder *folder = *state;
    size_t size = 200000;
    char *bytes = sl_arena_alloc(&folder->arena, size + 1);
    struct sl_err err;
    bool is_same = false;

    for (size_t i = 0; i < size; i++)
        bytes[i + 1] = (char)(i * 31 + i / 7);
    bytes[0] = '!';
    assert_int_equal(sl_fs_write("a", bytes + 1, size, &err), SL_OK);
    assert_int_equal(sl_fs_write("b", bytes, size + 1, &err), SL_OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(sl_fs_same_bytes(&(struct sl_fs_range){"a", cases[i].at_a},
                                          &(struct sl_fs_range){"b", cases[i].at_b},
                                          cases[i].length, &is_same, &err),
                         SL_OK);
        assert_int_equal(is_same, cases[i].is_same);
    }
    bytes[150001] ^= 1;
    assert_int_equal(sl_fs_write("c", bytes, size + 1, &err), SL_OK);
    for (int64_t length = 150000; length <= 150002; length++) {
        assert_int_equal(sl_fs_same_bytes(&(struct sl_fs_range){"a", 0},
                                          &(struct sl_fs_range){"c", 1}, length, &is_same, &err),
                         SL_OK);
        assert_int_equal(is_same, length <= 150000);
    }
    assert_int_equal(sl_fs_same_bytes(&(struct sl_fs_range){"a", 0},
                                      &(struct sl_fs_range){"none", 0}, 1, &is_same, &err),
                     SL_E_FILE_MISSING);
}

static void create_refuses_an_existing_file(void **state)
{
    struct test_folder *folder = *state;
    struct sl_err err;

    assert_int_equal(sl_fs_create("a", "first", 5, &err), SL_OK);
    assert_int_equal(sl_fs_create("a", "second", 6, &err), SL_E_FILE_EXISTS);
    assert_string_equal(read_file(&folder->arena, "a"), "first");
    assert_int_equal(count_entries(&folder->arena, "."), 1);
}

static void of_several_writers_just_one_creates_the_file(void **state)
{
    struct test_folder *folder = *state;
    int winners = 0;
    int losers = 0;
    int go[2];

    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            char text[2] = {(char)('0' + i), '\0'};
            struct sl_err err;

            // All start when the parent closes its end.
            close(go[1]);
            (void)!read(go[0], text + 1, 1);
            _exit(sl_fs_create("commit", text, 1, &err) == SL_OK ? 0
                  : err.code == SL_E_FILE_EXISTS                 ? 1
                                                                 : 2);
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < 8; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status));
        winners += WEXITSTATUS(status) == 0;
        losers += WEXITSTATUS(status) == 1;
    }
    assert_int_equal(winners, 1);
    assert_int_equal(losers, 7);
    assert_int_equal(strlen(read_file(&folder->arena, "commit")), 1);
    assert_int_equal(count_entries(&folder->arena, "."), 1);
}

static void leftovers_of_a_process_with_the_same_id_are_no_obstacle(void **state)
{
    struct test_folder *folder = *state;
    char name[64];
    struct sl_err err;

    for (unsigned i = 0; i < 50; i++) {
        int fd;

        snprintf(name, sizeof name, ".tmp-%ld-%u", (long)getpid(), i);
        fd = open(name, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(sl_fs_write("a", "x", 1, &err), SL_OK);
    assert_string_equal(read_file(&folder->arena, "a"), "x");
    assert_int_equal(count_entries(&folder->arena, "."), 51);
}

static void what_is_missing_is_told(void **state)
{
    struct test_folder *folder = *state;
    struct sl_fs_stat stat;
    struct sl_strs names;
    struct sl_err err;
    const char *text;
    size_t length;
    char hex[65];

    write_file("file", "x");
    assert_int_equal(sl_fs_stat("no", &stat, &err), SL_E_FILE_MISSING);
    assert_int_equal(sl_fs_stat("file/below", &stat, &err), SL_E_FILE_MISSING);
    assert_int_equal(sl_fs_read("no", 10, &folder->arena, &text, &length, &err), SL_E_FILE_MISSING);
    assert_non_null(strstr(err.message, "'no'"));
    assert_int_equal(sl_fs_hash("no", hex, &err), SL_E_FILE_MISSING);
    assert_int_equal(sl_fs_write("no/a", "x", 1, &err), SL_E_FILE_MISSING);
    assert_int_equal(sl_fs_rename("no", "a", &err), SL_E_FILE_MISSING);
    assert_int_equal(sl_fs_exchange("no", "file", &err), SL_E_FILE_MISSING);
    assert_int_equal(sl_fs_sync_file("no", &err), SL_E_FILE_MISSING);
    assert_int_equal(sl_fs_sync_folder("no", &err), SL_E_FILE_MISSING);
    assert_int_equal(sl_fs_sync_folder("file", &err), SL_E_IO);
    assert_int_equal(sl_fs_list("file", &folder->arena, &names, &err), SL_E_IO);
    assert_int_equal(sl_fs_read(".", 10, &folder->arena, &text, &length, &err), SL_E_IO);
    assert_int_equal(sl_fs_hash(".", hex, &err), SL_E_IO);
    assert_int_equal(sl_fs_remove("no", &err), SL_OK);
    assert_int_equal(sl_fs_remove(".", &err), SL_E_IO);
    assert_int_equal(sl_fs_remove_tree("no", &err), SL_OK);
    assert_int_equal(sl_fs_list("no", &folder->arena, &names, &err), SL_OK);
    assert_int_equal(names.count, 0);
    assert_false(sl_fs_exists("no"));
}

static void stat_tells_size_kind_and_time(void **state)
{
    struct sl_fs_stat stat;
    struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1700000000, .tv_nsec = 123456789}};
    struct sl_err err;

    (void)state;
    write_file("a", "12345");
    assert_int_equal(utimensat(AT_FDCWD, "a", times, 0), 0);
    assert_int_equal(sl_fs_stat("a", &stat, &err), SL_OK);
    assert_int_equal(stat.size_bytes, 5);
    assert_int_equal(stat.mtime_us, 1700000000123456);
    assert_false(stat.is_folder);
    assert_int_equal(sl_fs_stat(".", &stat, &err), SL_OK);
    assert_true(stat.is_folder);
}

static void listings_are_sorted(void **state)
{
    static const char *const names[] = {".hidden", "B", "a", "b"};
    struct test_folder *folder = *state;
    struct sl_strs list;
    struct sl_err err;

    for (size_t i = COUNT_OF(names); i > 0; i--)
        write_file(names[i - 1], "");
    assert_int_equal(sl_fs_list(".", &folder->arena, &list, &err), SL_OK);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_string_equal(list.items[i], names[i]);
}

static void folders_are_made_with_their_parents(void **state)
{
    struct test_folder *folder = *state;
    struct sl_err err;

    assert_int_equal(sl_fs_mkdirs("a/b//c/", &err), SL_OK);
    assert_int_equal(sl_fs_mkdirs("a/b/c", &err), SL_OK);
    assert_int_equal(sl_fs_mkdirs(sl_path_join(&folder->arena, folder->path, "x/y"), &err), SL_OK);
    assert_true(sl_fs_exists("a/b/c") && sl_fs_exists("x/y"));
    assert_int_equal(sl_fs_mkdirs("/", &err), SL_OK);
    assert_int_equal(sl_fs_mkdirs("", &err), SL_E_FILE_MISSING);
    write_file("file", "");
    assert_int_equal(sl_fs_mkdirs("file", &err), SL_E_FILE_EXISTS);
    assert_int_equal(sl_fs_mkdirs("file/x", &err), SL_E_FILE_EXISTS);
}

static void trees_are_removed_but_not_what_links_lead_to(void **state)
{
    struct sl_err err;

    (void)state;
    assert_int_equal(sl_fs_mkdirs("tree/a/b", &err), SL_OK);
    assert_int_equal(sl_fs_mkdirs("outside", &err), SL_OK);
    write_file("tree/a/b/file", "x");
    write_file("outside/keep", "x");
    assert_int_equal(symlink("../outside", "tree/link"), 0);
    assert_int_equal(symlink("nowhere", "tree/dangling"), 0);
    assert_int_equal(sl_fs_remove_tree("tree", &err), SL_OK);
    assert_false(sl_fs_exists("tree"));
    assert_true(sl_fs_exists("outside/keep"));
    assert_int_equal(symlink("outside", "link"), 0);
    assert_int_equal(sl_fs_remove_tree("link", &err), SL_OK);
    assert_false(sl_fs_exists("link"));
    assert_true(sl_fs_exists("outside/keep"));
    assert_int_equal(sl_fs_remove_tree("outside/keep", &err), SL_OK);
    assert_false(sl_fs_exists("outside/keep"));
}

static void names_move_link_and_swap(void **state)
{
    struct test_folder *folder = *state;
    struct sl_err err;

    write_file("a", "A");
    write_file("b", "B");
    assert_int_equal(sl_fs_exchange("a", "b", &err), SL_OK);
    assert_string_equal(read_file(&folder->arena, "a"), "B");
    assert_string_equal(read_file(&folder->arena, "b"), "A");
    assert_int_equal(sl_fs_link("a", "c", &err), SL_OK);
    assert_int_equal(sl_fs_link("a", "c", &err), SL_E_FILE_EXISTS);
    assert_int_equal(sl_fs_rename("b", "c", &err), SL_OK);
    assert_string_equal(read_file(&folder->arena, "c"), "A");
    assert_false(sl_fs_exists("b"));
    assert_int_equal(sl_fs_sync_file("c", &err), SL_OK);
    assert_int_equal(sl_fs_sync_folder(".", &err), SL_OK);
}

static void the_hash_of_a_file_is_the_sum_that_other_tools_give(void **state)
{
    struct sl_err err;
    char hex[65];

    (void)state;
    write_file("a", "abc");
    write_file("empty", "");
    assert_int_equal(sl_fs_hash("a", hex, &err), SL_OK);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(sl_fs_hash("empty", hex, &err), SL_OK);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void a_lock_keeps_others_out_until_it_is_closed(void **state)
{
    struct sl_err err;
    int fd = -1;
    int second = -1;

    (void)state;
    assert_int_equal(sl_fs_lock("lock", false, &fd, &err), SL_OK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(sl_fs_lock("lock", false, &second, &err), SL_E_LOCKED);
    assert_int_equal(second, -1);
    sl_fd_close(&fd);
    assert_int_equal(fd, -1);
    sl_fd_close(&fd);
    sl_fd_close(NULL);
    assert_int_equal(sl_fs_lock("lock", true, &second, &err), SL_OK);
    sl_fd_close(&second);
    assert_int_equal(sl_fs_lock("no/lock", false, &second, &err), SL_E_FILE_MISSING);
}

static void a_waiting_process_gets_the_lock_when_its_holder_ends(void **state)
{
    struct sl_err err;
    int ready[2];
    int fd = -1;
    int status;
    char byte;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (sl_fs_lock("lock", false, &fd, &err) != SL_OK || write(ready[1], "x", 1) != 1)
            _exit(1);
        // A removed lock file is another file for those who come later: the waiting process must
        // notice.
        _exit(sl_fs_remove("lock", &err) == SL_OK ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(sl_fs_lock("lock", true, &fd, &err), SL_OK);
    assert_true(sl_fs_exists("lock"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    sl_fd_close(&fd);
    close(ready[0]);
    close(ready[1]);
}

static void paths_are_joined_and_split(void **state)
{
    static const struct {
        const char *folder;
        const char *name;
        const char *joined;
    } joins[] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"},
        {NULL, "b", "b"},  {"a", "/b", "/b"},  {"/", "b", "/b"},
    };
    static const char *const splits[][3] = {
        {"a/b", "a", "b"},     {"a", ".", "a"}, {"/a", "/", "a"},
        {"a/b/c", "a/b", "c"}, {"a/", "a", ""},
    };
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(joins); i++)
        assert_string_equal(sl_path_join(&arena, joins[i].folder, joins[i].name), joins[i].joined);
    for (size_t i = 0; i < COUNT_OF(splits); i++) {
        assert_string_equal(sl_path_folder(&arena, splits[i][0]), splits[i][1]);
        assert_string_equal(sl_path_name(splits[i][0]), splits[i][2]);
    }
}

static void paths_are_cleaned_but_not_across_links(void **state)
{
    static const char *const cleaned[][2] = {
        {"a/b", "a/b"},
        {"./a//b/", "a/b"},
        {"/a/./b/../c", "/a/c"},
        {"a/..", "."},
        {"../a", "../a"},
        {"a/../../b", "../b"},
        {"/..", "/"},
        {"/", "/"},
        {"//a", "/a"},
        {"", "."},
        {"...", "..."},
        {"a/.b", "a/.b"},
        {"link/../a", "link/../a"},
        {"dir/../a", "a"},
        {"../../a", "../../a"},
    };
    static const char *const relatives[][3] = {
        {"/p/shop", "/p/shop/data/a", "data/a"},
        {"/p/shop", "/p/in/a", "../in/a"},
        {"/p/shop", "/p/shopping/a", "../shopping/a"},
        {"/", "/a", "a"},
        {"/p/q/r", "/x", "../../../x"},
    };
    struct test_folder *folder = *state;
    const char *real;
    const char *other;
    struct sl_err err = {0};

    assert_int_equal(chdir(folder->path), 0);
    assert_int_equal(sl_fs_mkdirs("dir/deep", &err), SL_OK);
    assert_int_equal(symlink("dir/deep", "link"), 0);
    for (size_t i = 0; i < COUNT_OF(cleaned); i++)
        assert_string_equal(sl_path_clean(&folder->arena, cleaned[i][0]), cleaned[i][1]);
    for (size_t i = 0; i < COUNT_OF(relatives); i++)
        assert_string_equal(sl_path_relative(&folder->arena, relatives[i][0], relatives[i][1]),
                            relatives[i][2]);
    assert_int_equal(sl_path_real(&folder->arena, "link", &real, &err), SL_OK);
    assert_int_equal(sl_path_real(&folder->arena, "dir/deep", &other, &err), SL_OK);
    assert_string_equal(real, other);
    assert_int_equal(sl_path_real(&folder->arena, "./none", &real, &err), SL_OK);
    assert_string_equal(real, "none");
    assert_int_equal(chdir("/"), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        // First, while the numbers of temporary files begin at 0.
        IN_FOLDER(leftovers_of_a_process_with_the_same_id_are_no_obstacle),
        IN_FOLDER(a_written_file_is_read_back_and_leaves_nothing_beside_it),
        IN_FOLDER(large_files_are_written_and_read_in_full),
        IN_FOLDER(ranges_of_two_files_are_compared_by_their_bytes),
        IN_FOLDER(create_refuses_an_existing_file),
        IN_FOLDER(of_several_writers_just_one_creates_the_file),
        IN_FOLDER(what_is_missing_is_told),
        IN_FOLDER(stat_tells_size_kind_and_time),
        IN_FOLDER(listings_are_sorted),
        IN_FOLDER(folders_are_made_with_their_parents),
        IN_FOLDER(trees_are_removed_but_not_what_links_lead_to),
        IN_FOLDER(names_move_link_and_swap),
        IN_FOLDER(the_hash_of_a_file_is_the_sum_that_other_tools_give),
        IN_FOLDER(a_lock_keeps_others_out_until_it_is_closed),
        IN_FOLDER(a_waiting_process_gets_the_lock_when_its_holder_ends),
        cmocka_unit_test(paths_are_joined_and_split),
        IN_FOLDER(paths_are_cleaned_but_not_across_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
