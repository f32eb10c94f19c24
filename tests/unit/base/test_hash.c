#include "test.h"

#include "base/hash.h"

static void hash_fields(const char *const *fields, size_t count, char hex[65])
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    struct sl_err err;

    assert_int_equal(sl_hash_new(&hash, &err), SL_OK);
    for (size_t i = 0; i < count; i++)
        sl_hash_add(hash, fields[i]);
    assert_int_equal(sl_hash_end(hash, hex, &err), SL_OK);
}

static void fields_do_not_run_into_each_other(void **state)
{
    static const char *const lists[][2] = {
        {"ab", "c"},   {"a", "bc"},   {"abc", ""},  {"", "abc"},
        {"abc", NULL}, {NULL, "abc"}, {NULL, NULL}, {"", ""},
    };
    char seen[COUNT_OF(lists) + 1][65];

    (void)state;
    hash_fields((const char *const[]){"abc"}, 1, seen[COUNT_OF(lists)]);
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        hash_fields(lists[i], 2, seen[i]);
    for (size_t i = 0; i < COUNT_OF(seen); i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
}

static void fingerprints_never_change(void **state)
{
    char hex[65];

    (void)state;
    // SHA-256 of the frames 1, 'a', 2, 'b', 'c', and 2^64-1, computed by another program.
    hash_fields((const char *const[]){"a", "bc", NULL}, 3, hex);
    assert_string_equal(hex, "3a193156d0a9bdfcfe760b1525729f3d068497c87eae6e379582a050b4084ab7");
}

static void an_ended_hash_takes_no_more(void **state)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    struct sl_err err;
    char hex[65] = "untouched";

    (void)state;
    assert_int_equal(sl_hash_new(&hash, &err), SL_OK);
    sl_hash_add_bytes(hash, "a\0b", 3);
    assert_int_equal(sl_hash_end(hash, (char[65]){0}, &err), SL_OK);
    assert_int_equal(sl_hash_end(hash, hex, &err), SL_E_INTERNAL);
    assert_string_equal(hex, "untouched");
    sl_hash_free(&hash);
    sl_hash_free(&hash);
    sl_hash_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_do_not_run_into_each_other),
        cmocka_unit_test(fingerprints_never_change),
        cmocka_unit_test(an_ended_hash_takes_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
