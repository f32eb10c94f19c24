#include "fixture.h"

#include "table/delta/path.h"

#include <string.h>

static void paths_are_escaped_in_the_log_and_read_back(void **state)
{
    static const struct {
        const char *path, *uri;
    } cases[] = {
        {"part-1.parquet", "part-1.parquet"},
        {"day=2024-01-01/a_b~c.parquet", "day=2024-01-01/a_b~c.parquet"},
        {"a b", "a%20b"},
        {"a%20b", "a%2520b"}, // the engine escapes partition values in folder names
        {"a:b+c", "a%3Ab%2Bc"},
        {"\xC3\xA9", "%C3%A9"},
        {"q?#&", "q%3F%23%26"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf uri = SL_BUF_INIT;
        const char *path = NULL;

        sl_delta_path_encode(&uri, cases[i].path);
        assert_string_equal(uri.text, cases[i].uri);
        assert_ok(fixture, sl_delta_path_decode(uri.text, &fixture->arena, &path, &fixture->err));
        assert_string_equal(path, cases[i].path);
    }
}

static void paths_of_other_writers_are_read(void **state)
{
    static const struct {
        const char *uri, *path;
        bool is_absolute;
    } cases[] = {
        {"a%2fb%2Fc", "a/b/c", false},        {"\xC3\xA9 x", "\xC3\xA9 x", false},
        {"file:///x/a%20b", "/x/a b", true},  {"file:/x/a", "/x/a", true},
        {"s3://b/k%3D1", "s3://b/k=1", true}, {"/x", "/x", true},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = NULL;

        assert_ok(fixture,
                  sl_delta_path_decode(cases[i].uri, &fixture->arena, &path, &fixture->err));
        assert_string_equal(path, cases[i].path);
        assert_int_equal(sl_delta_path_is_absolute(path), cases[i].is_absolute);
    }
}

static void a_broken_escape_is_an_error_and_never_guessed(void **state)
{
    static const char *const cases[] = {"a%", "a%2", "a%2g", "a%g2", "a%00b", "100%"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = "untouched";

        assert_fails(fixture, SL_E_TABLE_LOG,
                     sl_delta_path_decode(cases[i], &fixture->arena, &path, &fixture->err));
        assert_says(fixture, cases[i]);
        assert_string_equal(path, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths_are_escaped_in_the_log_and_read_back),
        TEST(paths_of_other_writers_are_read),
        TEST(a_broken_escape_is_an_error_and_never_guessed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
