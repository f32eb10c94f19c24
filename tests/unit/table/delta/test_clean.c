#include "fixture.h"

#include <string.h>
#include <unistd.h>

static void touch(struct fixture *fixture, const char *name)
{
    const char *path = sl_path_join(&fixture->arena, fixture->folder, name);

    assert_ok(fixture, sl_fs_mkdirs(sl_path_folder(&fixture->arena, path), &fixture->err));
    assert_ok(fixture, sl_fs_write(path, "x", 1, &fixture->err));
}

static bool is_there(struct fixture *fixture, const char *name)
{
    return sl_fs_exists(sl_path_join(&fixture->arena, fixture->folder, name));
}

// As if an hour had passed since everything was written.
static int64_t clean(struct fixture *fixture)
{
    int64_t count = -1;

    assert_ok(fixture, sl_delta_clean_staged(fixture->folder, -3600000, fixture->session, &count,
                                             &fixture->err));
    return count;
}

static void leftovers_go_and_all_else_stays(void **state)
{
    static const char *const kept[] = {
        "data/live.parquet", "data/was live.parquet",  "README.md",
        "_hidden/x.parquet", ".secret/x.parquet",      "_delta_log/00000000000000000000.json",
        "data/.tmp-1",       "_change_data/c.parquet", "_delta_log/_sidecars/s.parquet",
    };
    static const char *const gone[] = {"data/left.parquet", "root.parquet",
                                       "data/run/p=1/y.parquet", "_delta_log/.tmp-1-2", "data/run"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        touch(fixture, kept[i]);
    for (size_t i = 0; i < 4; i++)
        touch(fixture, gone[i]);
    write_commit(fixture, 0,
                 sl_arena_printf(&fixture->arena, "%s%s%s", first_commit(fixture, false),
                                 add_action(fixture, "data/live.parquet", NULL, 1),
                                 add_action(fixture, "data/was%20live.parquet", NULL, 1)));
    write_commit(fixture, 1, "{\"remove\":{\"path\":\"data/was%20live.parquet\"}}");
    assert_int_equal(clean(fixture), 4);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (!is_there(fixture, kept[i]))
            fail_msg("%s is gone", kept[i]);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        if (is_there(fixture, gone[i]))
            fail_msg("%s is there", gone[i]);
    assert_int_equal(clean(fixture), 0);
}

static void young_files_may_be_a_running_steps(void **state)
{
    struct fixture *fixture = *state;
    int64_t count = -1;

    touch(fixture, "data/run/x.parquet");
    write_commit(fixture, 0, first_commit(fixture, false));
    assert_ok(fixture,
              sl_delta_clean_staged(fixture->folder, 3600000, NULL, &count, &fixture->err));
    assert_int_equal(count, 0);
    assert_true(is_there(fixture, "data/run/x.parquet"));
}

static void files_that_only_a_checkpoint_names_stay(void **state)
{
    struct fixture *fixture = *state;

    touch(fixture, "a.parquet");
    touch(fixture, "b.parquet");
    touch(fixture, "c.parquet");
    write_commit(fixture, 0,
                 sl_arena_printf(&fixture->arena, "%s%s%s", first_commit(fixture, false),
                                 add_action(fixture, "a.parquet", NULL, 1),
                                 add_action(fixture, "b.parquet", NULL, 1)));
    write_commit(fixture, 1,
                 "{\"remove\":{\"path\":\"b.parquet\",\"deletionTimestamp\":9999999999999}}");
    assert_ok(fixture, sl_delta_checkpoint(fixture->folder, 1, fixture->session, &fixture->err));
    assert_ok(fixture, sl_fs_remove(log_file(fixture, "00000000000000000000.json"), &fixture->err));
    assert_ok(fixture, sl_fs_remove(log_file(fixture, "00000000000000000001.json"), &fixture->err));
    assert_int_equal(clean(fixture), 1);
    assert_true(is_there(fixture, "a.parquet"));
    assert_true(is_there(fixture, "b.parquet"));
    assert_false(is_there(fixture, "c.parquet"));
}

static void a_folder_without_a_table_is_swept_whole(void **state)
{
    struct fixture *fixture = *state;

    touch(fixture, "data/run/x.parquet");
    assert_ok(fixture, sl_fs_mkdirs(log_file(fixture, ""), &fixture->err));
    assert_int_equal(clean(fixture), 1);
    assert_false(is_there(fixture, "data"));
    assert_true(is_there(fixture, "_delta_log"));
}

static void links_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    const char *outside = sl_path_join(&fixture->arena, fixture->parent, "outside");
    const char *file = sl_path_join(&fixture->arena, outside, "x.parquet");

    assert_ok(fixture, sl_fs_mkdirs(outside, &fixture->err));
    assert_ok(fixture, sl_fs_write(file, "x", 1, &fixture->err));
    write_commit(fixture, 0, first_commit(fixture, false));
    assert_int_equal(symlink(outside, sl_path_join(&fixture->arena, fixture->folder, "data")), 0);
    assert_int_equal(clean(fixture), 0);
    assert_true(sl_fs_exists(file));
}

static void a_table_that_cannot_be_understood_is_not_cleaned(void **state)
{
    static const char *const commits[] = {
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":9}}",
        "{\"protocol\":{\"minReaderVersion\":9,\"minWriterVersion\":9}}",
        "{\"torn",
        "{\"remove\":{\"path\":\"%\"}}",
    };
    struct fixture *fixture = *state;
    int64_t count = -1;

    touch(fixture, "x.parquet");
    for (size_t i = 0; i < sizeof commits / sizeof *commits; i++) {
        write_commit(fixture, 0, first_commit(fixture, false));
        write_commit(fixture, 1, commits[i]);
        sl_err_clear(&fixture->err);
        assert_true(sl_delta_clean_staged(fixture->folder, -3600000, NULL, &count, &fixture->err) !=
                    SL_OK);
        assert_says(fixture, "clean the folder of table");
        assert_int_equal(count, -1);
        assert_true(is_there(fixture, "x.parquet"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(leftovers_go_and_all_else_stays),
        TEST(young_files_may_be_a_running_steps),
        TEST(files_that_only_a_checkpoint_names_stay),
        TEST(a_folder_without_a_table_is_swept_whole),
        TEST(links_are_not_followed),
        TEST(a_table_that_cannot_be_understood_is_not_cleaned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
