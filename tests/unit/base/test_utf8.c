#include "test.h"

#include "base/utf8.h"

static void only_well_formed_characters_have_a_length(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"a", 1},
        {"\x7F", 1},
        {"\x80", 0},     // a continuation without a start
        {"\xC1\xBF", 0}, // overlong
        {"\xC2\x80", 2},
        {"\xDF\xBF", 2},
        {"\xC3z", 0},
        {"\xC3", 0},
        {"\xE0\x9F\xBF", 0}, // overlong
        {"\xE0\xA0\x80", 3},
        {"\xED\x9F\xBF", 3},
        {"\xED\xA0\x80", 0}, // surrogate
        {"\xEF\xBF\xBF", 3},
        {"\xE2\x82", 0},
        {"\xE2\x82z", 0},
        {"\xF0\x8F\xBF\xBF", 0}, // overlong
        {"\xF0\x90\x80\x80", 4},
        {"\xF4\x8F\xBF\xBF", 4},
        {"\xF4\x90\x80\x80", 0}, // beyond U+10FFFF
        {"\xF5\x80\x80\x80", 0},
        {"\xFF", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(sl_utf8_length(cases[i].bytes, strlen(cases[i].bytes)), cases[i].length);
}

static void a_cut_never_splits_a_character(void **state)
{
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cuts); i++)
        assert_int_equal(sl_utf8_cut("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x9F", i), cuts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_well_formed_characters_have_a_length),
        cmocka_unit_test(a_cut_never_splits_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
