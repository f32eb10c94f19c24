#include "test.h"

static const char *const files[] = {
    "a.csv",      "b.csv",        "b.txt",          ".hidden.csv",        "data/1.csv",
    "data/2.csv", "data/x/3.csv", "data/x/y/4.csv", "data/.secret/5.csv", "other/1.csv",
    "[odd].csv",
};

static int make_files(void **state)
{
    struct test_folder *folder;
    struct sl_err err;

    enter_folder(state);
    folder = *state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        assert_int_equal(sl_fs_mkdirs(sl_path_folder(&folder->arena, files[i]), &err), SL_OK);
        write_file(files[i], "x");
    }
    // A folder whose name looks like a file, a link to a folder, and a link in a circle.
    assert_int_equal(sl_fs_mkdirs("c.csv", &err), SL_OK);
    assert_int_equal(symlink("data", "alias"), 0);
    assert_int_equal(symlink("..", "data/x/up"), 0);
    return 0;
}

static void patterns_find_files(void **state)
{
    static const struct {
        const char *pattern;
        const char *found; // separated by blanks
    } cases[] = {
        {"*.csv", "[odd].csv a.csv b.csv"},
        {"./*.csv", "./[odd].csv ./a.csv ./b.csv"},
        {"?.*", "a.csv b.csv b.txt"},
        {"[ab].csv", "a.csv b.csv"},
        {"[!a].csv", "b.csv"},
        {".*.csv", ".hidden.csv"},
        {"a.csv", "a.csv"},
        {"nothing.csv", ""},
        {"c.csv", ""},
        {"*/1.csv", "alias/1.csv data/1.csv other/1.csv"},
        {"data/*.csv", "data/1.csv data/2.csv"},
        {"data/**/*.csv", "data/1.csv data/2.csv data/x/3.csv data/x/y/4.csv"},
        {"data/**", "data/1.csv data/2.csv data/x/3.csv data/x/y/4.csv"},
        {"data/**/**/4.csv", "data/x/y/4.csv"},
        {"**/1.csv", "data/1.csv other/1.csv"},
        {"**/x/**/*.csv", "data/x/3.csv data/x/y/4.csv"},
        {"**/y/**/../3.csv", "data/x/y/../3.csv"},
        {"data/.secret/*.csv", "data/.secret/5.csv"},
        {"data/x/../1.csv", "data/x/../1.csv"},
        {"alias/*.csv", "alias/1.csv alias/2.csv"},
        {"none/*.csv", ""},
        {"none/**/*.csv", ""},
        {"a.csv/*", ""},
        {"", ""},
    };
    struct test_folder *folder = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_strs found;
        struct sl_err err;
        const char *text = "";

        assert_int_equal(sl_fs_glob(cases[i].pattern, &arena, &found, &err), SL_OK);
        for (size_t at = 0; at < found.count; at++)
            text = sl_arena_printf(&folder->arena, "%s%s%s", text, at ? " " : "", found.items[at]);
        if (strcmp(text, cases[i].found) != 0)
            fail_msg("'%s' found '%s', not '%s'", cases[i].pattern, text, cases[i].found);
    }
}

static void absolute_patterns_give_absolute_paths(void **state)
{
    struct test_folder *folder = *state;
    struct sl_strs found;
    struct sl_err err;

    assert_int_equal(sl_fs_glob(sl_path_join(&folder->arena, folder->path, "**/4.csv"),
                                &folder->arena, &found, &err),
                     SL_OK);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0],
                        sl_path_join(&folder->arena, folder->path, "data/x/y/4.csv"));
}

static void a_pattern_of_too_many_parts_is_refused(void **state)
{
    struct test_folder *folder = *state;
    const char *pattern = "x.csv";
    struct sl_strs found;
    struct sl_err err;

    for (int i = 0; i < 120; i++)
        pattern = sl_arena_printf(&folder->arena, "./%s", pattern);
    assert_int_equal(sl_fs_glob(pattern, &folder->arena, &found, &err), SL_E_LIMIT);
}

static void patterns_meet_the_paths_that_they_could_find(void **state)
{
    static const struct {
        const char *pattern;
        const char *path;
        bool do_meet;
    } cases[] = {
        {"/p/*.csv", "/p/m-*.csv", true},
        {"/p/*.csv", "/p/out/m-*.csv", false},
        {"/p/**/*.csv", "/p/m-*.csv", true},
        {"/p/**/*.csv", "/p/out/m/day=*/m-*.csv", true},
        {"/p/**/*.csv", "/q/m-*.csv", false},
        {"/p/**/*.csv", "/p/.out/m-*.csv", false},
        {"/p/**", "/p/out/m-*.csv", true},
        {"/p/**/**/m-*", "/p/m-*.csv", true},
        {"/p/**/out/*", "/p/a/b/out/m-*.csv", true},
        {"/p/**/out/*", "/p/a/out/b/m-*.csv", false},
        {"/p/*/day=1/*", "/p/m/day=*/m-*.csv", true},
        {"/p/shop.db", "/p/shop.db", true},
        {"/p/shop.d", "/p/shop.db", false},
        {"/p/shop.db/*", "/p/shop.db", false},
    };
    struct sl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool do_meet;

        assert_int_equal(sl_fs_glob_meets(cases[i].pattern, cases[i].path, &do_meet, &err), SL_OK);
        if (do_meet != cases[i].do_meet)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].path);
    }
}

static void globs_may_meet_in_both_directions(void **state)
{
    static const struct {
        const char *one;
        const char *other;
        bool do_meet;
    } cases[] = {
        {"/p/a.csv", "/p/a.csv", true},
        {"/p/a.csv", "/p/b.csv", false},
        {"/p/data/*.csv", "/p/**/a.csv", true},
        {"/p/**/*.csv", "/p/**/x/a.*", true},
        {"/p/**/*.csv", "/p/**/x/a.txt", false},
        {"/p/lake/raw/t/**/*", "/p/**", true},
        {"/p/lake/raw/t/**/*", "/p/*/raw/t/*.parquet", true},
        {"/p/lake/raw/t/**/*", "/p/*/raw/u/*.parquet", false},
        {"/p/lake/raw/t/**/*", "/p/lake/raw/t/day=1/f", true},
        {"/p/.lake/raw/t/**/*", "/p/*/raw/t/.f", true},
        {"/p/**/a", "/p/.q/a", true},
        {"/p/[a]/x", "/p/a/x", true},
        {"/p/data/a", "/p/d?ta/a", true},
        {"/p/data/a", "/p/d[!b]ta/a", true},
        {"/p/data/a", "/p/d[", false},
        {"/p/data/[]x]", "/p/data/[]x]", true},
        {"/p/**/**/a", "/p/**/**/b", false},
        {"s3://b/x/*", "s3://b/x/a", true},
    };
    struct sl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bool do_meet;

        assert_int_equal(sl_fs_globs_may_meet(cases[i].one, cases[i].other, &do_meet, &err), SL_OK);
        if (do_meet != cases[i].do_meet)
            fail_msg("'%s' and '%s'", cases[i].one, cases[i].other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_find_files),
        cmocka_unit_test(absolute_patterns_give_absolute_paths),
        cmocka_unit_test(a_pattern_of_too_many_parts_is_refused),
        cmocka_unit_test(patterns_meet_the_paths_that_they_could_find),
        cmocka_unit_test(globs_may_meet_in_both_directions),
    };

    return cmocka_run_group_tests(tests, make_files, leave_folder);
}
