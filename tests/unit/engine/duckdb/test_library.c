// Built without a compiled-in home: where the library is found depends on the environment alone.
// argv: two false libraries (of another version; of the right one, but without functions) and the
// home of the true one.
#include "../../base/test.h"

#include "engine/duckdb/library.h"

struct homes {
    const char *other_version, *no_functions; // files
    const char *real;
};

static int open_with(const char *home, struct sl_duckdb_library *library, struct sl_err *err)
{
    if (home)
        setenv("DUCKDB_HOME", home, 1);
    else
        unsetenv("DUCKDB_HOME");
    return sl_duckdb_library_open(library, err);
}

// Opens a false library as libduckdb.so of the working folder.
static void open_false(const char *file, struct sl_err *err)
{
    struct sl_duckdb_library library;
    void *folder;

    assert_int_equal(enter_folder(&folder), 0);
    assert_int_equal(symlink(file, "libduckdb.so"), 0);
    // By its whole path: the loader gives what it has once loaded under a name.
    assert_int_equal(open_with(((struct test_folder *)folder)->path, &library, err),
                     SL_E_ENGINE_MISSING);
    assert_null(library.handle);
    assert_int_equal(leave_folder(&folder), 0);
}

static void the_library_is_found_below_its_home(void **state)
{
    const struct homes *homes = *state;
    SL_AUTO(sl_duckdb_library_close) struct sl_duckdb_library library = {0};
    struct sl_err err;
    struct sl_arena arena;

    sl_arena_init(&arena, 0);
    assert_int_equal(open_with(homes->real, &library, &err), SL_OK);
    assert_non_null(library.open_ext);
    assert_string_equal(library.extension_folder, sl_path_join(&arena, homes->real, "extensions"));
    sl_arena_clear(&arena);
}

static void the_library_is_found_right_in_its_home(void **state)
{
    const struct homes *homes = *state;
    SL_AUTO(sl_duckdb_library_close) struct sl_duckdb_library library = {0};
    struct sl_arena arena;
    struct sl_err err;

    sl_arena_init(&arena, 0);
    assert_int_equal(open_with(sl_path_join(&arena, homes->real, "lib"), &library, &err), SL_OK);
    sl_arena_clear(&arena);
}

static void a_library_of_another_version_is_refused(void **state)
{
    const struct homes *homes = *state;
    struct sl_err err = {0};

    open_false(homes->other_version, &err);
    assert_non_null(
        strstr(err.message, "/libduckdb.so' is DuckDB v9.9.9, and Sluice needs v1.5.5"));
    assert_non_null(strstr(err.hint, "make deps"));
}

static void a_library_without_our_functions_is_refused(void **state)
{
    const struct homes *homes = *state;
    struct sl_err err = {0};

    open_false(homes->no_functions, &err);
    assert_non_null(strstr(err.message, "has no function 'duckdb_"));
}

static void a_file_that_is_no_library_is_refused(void **state)
{
    struct sl_duckdb_library library;
    struct sl_err err = {0};
    void *folder;

    (void)state;
    assert_int_equal(enter_folder(&folder), 0);
    write_file("libduckdb.so", "text");
    assert_int_equal(open_with(((struct test_folder *)folder)->path, &library, &err),
                     SL_E_ENGINE_MISSING);
    assert_non_null(strstr(err.message, "/libduckdb.so' cannot be loaded"));
    assert_int_equal(leave_folder(&folder), 0);
}

static void without_a_library_the_error_says_what_to_do(void **state)
{
    struct sl_duckdb_library library;
    static const char *const homes[] = {NULL, "", "/nowhere"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(homes); i++) {
        struct sl_err err = {0};
        assert_int_equal(open_with(homes[i], &library, &err), SL_E_ENGINE_MISSING);
        assert_non_null(strstr(err.hint, "make deps"));
    }
}

static void a_home_longer_than_any_path_is_not_there(void **state)
{
    struct sl_duckdb_library library;
    struct sl_err err = {0};
    char home[3 * PATH_MAX];

    (void)state;
    memset(home, 'x', sizeof home - 1);
    home[0] = '/';
    home[sizeof home - 1] = '\0';
    assert_int_equal(open_with(home, &library, &err), SL_E_ENGINE_MISSING);
}

int main(int argc, char **argv)
{
    struct homes homes = {0};
    const struct CMUnitTest tests[] = {
        // First those that must not find it: once loaded, the system's loader knows its name.
        cmocka_unit_test_prestate(without_a_library_the_error_says_what_to_do, &homes),
        cmocka_unit_test_prestate(a_home_longer_than_any_path_is_not_there, &homes),
        cmocka_unit_test_prestate(a_library_of_another_version_is_refused, &homes),
        cmocka_unit_test_prestate(a_library_without_our_functions_is_refused, &homes),
        cmocka_unit_test_prestate(a_file_that_is_no_library_is_refused, &homes),
        cmocka_unit_test_prestate(the_library_is_found_below_its_home, &homes),
        cmocka_unit_test_prestate(the_library_is_found_right_in_its_home, &homes),
    };

    if (argc != 4)
        return 1;
    // Tests change the working folder.
    homes = (struct homes){realpath(argv[1], NULL), realpath(argv[2], NULL), argv[3]};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free((void *)(uintptr_t)homes.other_version);
    free((void *)(uintptr_t)homes.no_functions);
    return failed;
}
