#include "test.h"

#include "base/str.h"

static void texts_compare_and_null_equals_only_null(void **state)
{
    (void)state;
    assert_true(sl_str_equal("a", "a"));
    assert_false(sl_str_equal("a", "A"));
    assert_true(sl_str_equal(NULL, NULL));
    assert_false(sl_str_equal(NULL, ""));
    assert_false(sl_str_equal("", NULL));
    assert_true(sl_str_equal_nocase("aB", "Ab"));
    assert_false(sl_str_equal_nocase("a", NULL));
    assert_true(sl_str_equal_nocase(NULL, NULL));
    assert_true(sl_str_starts("abc", "ab") && sl_str_starts("abc", ""));
    assert_false(sl_str_starts("a", "ab") || sl_str_starts(NULL, ""));
    assert_true(sl_str_ends("abc", "bc") && sl_str_ends("abc", ""));
    assert_false(sl_str_ends("c", "bc") || sl_str_ends(NULL, "") || sl_str_ends("abd", "bc"));
    assert_true(sl_str_is_empty(NULL) && sl_str_is_empty(""));
    assert_false(sl_str_is_empty(" "));
}

static void the_nearest_word_is_at_most_a_third_away(void **state)
{
    static const char *const words[] = {"format", "path", "contract", "freshness", "path"};
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        {"fromat", "format"}, // two letters swapped
        {"pth", "path"},      // one left out
        {"pathh", "path"},    // one too many
        {"parh", "path"},     // one wrong
        {"PATH", "path"},     // case does not count
        {"freshnes", "freshness"},
        {"frsehnss", "freshness"},
        {"pots", NULL}, // two of four
        {"pa", NULL},
        {"", NULL},
        {"xxxxxxxx", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *nearest = sl_str_nearest(cases[i].word, words, COUNT_OF(words));

        assert_true(sl_str_equal(nearest, cases[i].nearest));
    }
    assert_null(sl_str_nearest("path", words, 0));
}

static void overlong_words_have_no_neighbours(void **state)
{
    char word[200];
    const char *candidates[] = {word};

    (void)state;
    memset(word, 'x', sizeof word);
    word[65] = '\0';
    assert_null(sl_str_nearest(word, candidates, 1));
    assert_null(sl_str_nearest("xxx", candidates, 1));
    word[64] = '\0';
    assert_ptr_equal(sl_str_nearest(word, candidates, 1), word);
}

static void globs_match_the_whole_text(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool is_match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"*", "", true},
        {"*", "a/b", true},
        {"a*c", "abbc", true},
        {"a*c", "abcd", false},
        {"*a*b*", "xxaxxbxx", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"?", "", false},
        {"**", "x", true},
        {"[abc]", "b", true},
        {"[abc]", "d", false},
        {"[!abc]", "d", true},
        {"[!abc]", "a", false},
        {"[^abc]", "d", true},
        {"[a-c]", "b", true},
        {"[a-c]", "d", false},
        {"[a-]", "-", true},
        {"[]]", "]", true},
        {"[!]]", "]", false},
        {"[", "[", true},
        {"[ab", "[ab", true},
        {"[ab", "a", false},
        {"x[0-9]*.csv", "x7-b.csv", true},
        {"*.csv", "a.csv.gz", false},
        {"a*b*c", "aXbYbZc", true},
        {"orders-*", "orders", false},
        {"[\xC3-\xC4]\xA9", "\xC3\xA9", true},
        {"*aaaaaaaab", "aaaaaaaaaaaaaaaaaaaaab", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (sl_str_glob(cases[i].pattern, cases[i].text) != cases[i].is_match)
            fail_msg("glob '%s' on '%s'", cases[i].pattern, cases[i].text);
}

static void globs_meet_where_a_text_matches_both(void **state)
{
    static const struct {
        const char *pattern;
        const char *texts;
        bool do_meet;
    } cases[] = {
        {"", "", true},
        {"", "*", true},
        {"", "a", false},
        {"a", "", false},
        {"*.csv", "m-*.csv", true},
        {"*.csv", "m-*.parquet", false},
        {"m-7.csv", "m-*.csv", true},
        {"n-7.csv", "m-*.csv", false},
        {"m-[0-9]*", "m-*.csv", true},
        {"m-?.csv", "m-*.csv", true},
        {"day=2026-*", "day=*", true},
        {"month=*", "day=*", false},
        {"*x*", "m-*.csv", true},
        {"m", "m-*", false},
        {"[a-c]*", "day=*", false},
        {"[a-d]*", "day=*", true},
        {"*", "*", true},
        {"?", "*", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (sl_str_globs_meet(cases[i].pattern, cases[i].texts) != cases[i].do_meet)
            fail_msg("glob '%s' and '%s'", cases[i].pattern, cases[i].texts);
}

static void slugs_are_lower_case_words(void **state)
{
    static const char *const cases[][2] = {
        {"Order ID", "order_id"},
        {"__a--b__", "a_b"},
        {"", "_"},
        {"???", "_"},
        {"2nd Name!", "2nd_name"},
        {"Gr\xC3\xB6\xC3\x9F"
         "e",
         "gr_e"},
        {"a", "a"},
    };
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(sl_str_slug(&arena, cases[i][0]), cases[i][1]);
}

static void whole_numbers_are_read_whole(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
        bool is_number;
    } cases[] = {
        {"0", 0, true},
        {"-12", -12, true},
        {"+7", 7, true},
        {"007", 7, true},
        {"9223372036854775807", INT64_MAX, true},
        {"-9223372036854775808", INT64_MIN, true},
        {"9223372036854775808", 0, false},
        {"-9223372036854775809", 0, false},
        {"", 0, false},
        {"-", 0, false},
        {" 1", 0, false},
        {"1 ", 0, false},
        {"1.0", 0, false},
        {"0x10", 0, false},
        {"--1", 0, false},
        {NULL, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = 42;

        assert_int_equal(sl_str_to_int64(cases[i].text, &value), cases[i].is_number);
        assert_int_equal(value, cases[i].is_number ? cases[i].value : 42);
    }
}

static void decimal_numbers_are_read_whole(void **state)
{
    static const struct {
        const char *text;
        double value;
        bool is_number;
    } cases[] = {
        {"0", 0, true},      {"-1.5", -1.5, true},   {"+.25", 0.25, true}, {"2.", 2, true},
        {"1e3", 1000, true}, {"1.5E-1", 0.15, true}, {"", 0, false},       {".", 0, false},
        {"-", 0, false},     {"1e", 0, false},       {"e5", 0, false},     {"inf", 0, false},
        {"nan", 0, false},   {"0x1p3", 0, false},    {" 1", 0, false},     {"1 ", 0, false},
        {"1e999", 0, false}, {"1,5", 0, false},      {NULL, 0, false},     {"1e+", 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double value = 42;

        assert_int_equal(sl_str_to_double(cases[i].text, &value), cases[i].is_number);
        assert_true(value == (cases[i].is_number ? cases[i].value : 42));
    }
}

static void durations_need_a_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
        bool is_duration;
    } cases[] = {
        {"30s", 30, true},
        {"15m", 900, true},
        {"24h", 86400, true},
        {"90d", 7776000, true},
        {"2w", 1209600, true},
        {"0s", 0, true},
        {"30", 0, false},
        {"s", 0, false},
        {"", 0, false},
        {"-1d", 0, false},
        {"1.5h", 0, false},
        {"1 d", 0, false},
        {"1dd", 0, false},
        {"1y", 0, false},
        {"99999999999999999999s", 0, false},
        {"9223372036854775807w", 0, false},
        {NULL, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t seconds = 42;

        assert_int_equal(sl_str_to_duration(cases[i].text, &seconds), cases[i].is_duration);
        if (cases[i].is_duration)
            assert_int_equal(seconds, cases[i].seconds);
    }
}

static void sizes_know_both_kinds_of_units(void **state)
{
    static const struct {
        const char *text;
        int64_t size_bytes;
        bool is_size;
    } cases[] = {
        {"1000", 1000, true},
        {"0", 0, true},
        {"4GB", 4000000000, true},
        {"512MB", 512000000, true},
        {"1GiB", 1 << 30, true},
        {"1.5KiB", 1536, true},
        {"2k", 2000, true},
        {"3Ti", 3298534883328, true},
        {"10B", 10, true},
        {"1tb", 1000000000000, true},
        {"", 0, false},
        {"GB", 0, false},
        {"-1GB", 0, false},
        {"1PB", 0, false},
        {"1 GB", 0, false},
        {"1GBx", 0, false},
        {"99999999999GB", 0, false},
        {"1iB", 0, false},
        {NULL, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t size_bytes = 42;

        assert_int_equal(sl_str_to_bytes(cases[i].text, &size_bytes), cases[i].is_size);
        assert_int_equal(size_bytes, cases[i].is_size ? cases[i].size_bytes : 42);
    }
}

static void numbers_are_shown_for_people(void **state)
{
    char buffer[32];

    (void)state;
    assert_string_equal(sl_str_count(0, buffer), "0");
    assert_string_equal(sl_str_count(999, buffer), "999");
    assert_string_equal(sl_str_count(1234567, buffer), "1,234,567");
    assert_string_equal(sl_str_count(-1000, buffer), "-1,000");
    assert_string_equal(sl_str_count(INT64_MIN, buffer), "-9,223,372,036,854,775,808");
    assert_string_equal(sl_str_size(999, buffer), "999 B");
    assert_string_equal(sl_str_size(1000, buffer), "1.0 KB");
    assert_string_equal(sl_str_size(1536000, buffer), "1.5 MB");
    assert_string_equal(sl_str_size(999950, buffer), "1.0 MB");
    assert_string_equal(sl_str_size(INT64_MAX, buffer), "9.2 EB");
    assert_string_equal(sl_str_elapsed(0, buffer), "0 ms");
    assert_string_equal(sl_str_elapsed(1250, buffer), "1.25 s");
    assert_string_equal(sl_str_elapsed(59999, buffer), "59.99 s");
    assert_string_equal(sl_str_elapsed(83000, buffer), "1 m 23 s");
    assert_string_equal(sl_str_elapsed(3600000 * 49 + 60000, buffer), "49 h 1 m");
}

static void lists_of_texts_grow_sort_and_search(void **state)
{
    static const char *const texts[] = {"b", "a", "C", "", "a"};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs list = {0};
    struct sl_err err;

    (void)state;
    sl_strs_sort(&list);
    assert_false(sl_strs_has(&list, ""));
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(sl_strs_add(&list, &arena, texts[i], &err), SL_OK);
    sl_strs_sort(&list);
    assert_int_equal(list.count, 5);
    assert_string_equal(list.items[0], "");
    assert_string_equal(list.items[1], "C");
    assert_string_equal(list.items[2], "a");
    assert_string_equal(list.items[4], "b");
    assert_true(sl_strs_has(&list, "C"));
    assert_false(sl_strs_has(&list, "c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_compare_and_null_equals_only_null),
        cmocka_unit_test(the_nearest_word_is_at_most_a_third_away),
        cmocka_unit_test(overlong_words_have_no_neighbours),
        cmocka_unit_test(globs_match_the_whole_text),
        cmocka_unit_test(globs_meet_where_a_text_matches_both),
        cmocka_unit_test(slugs_are_lower_case_words),
        cmocka_unit_test(whole_numbers_are_read_whole),
        cmocka_unit_test(decimal_numbers_are_read_whole),
        cmocka_unit_test(durations_need_a_unit),
        cmocka_unit_test(sizes_know_both_kinds_of_units),
        cmocka_unit_test(numbers_are_shown_for_people),
        cmocka_unit_test(lists_of_texts_grow_sort_and_search),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
