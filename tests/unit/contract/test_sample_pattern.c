// Texts out of regular expressions: each matches (as the C library sees it), and what cannot be
// made is refused with a reason, however the pattern ends.
#include "contract/sample.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_text_matches_its_pattern(void **state)
{
    static const char *const patterns[] = {
        "^[A-Z]{2}[0-9]{4}$",
        "^(ab|cd)+x?$",
        "^[^a-z]{3}$",
        "^a.b*c\\.d$",
        "^([a-f]|[0-9]){1,3}(-[xyz])*$",
        "^$",
        "^[]a-]+$",
        "^a{0,2}$",
        "^a||b$",
        "^[a\\]]{2,}$",
    };
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_strs texts = {0};
        struct sl_err err = {0};
        const char *why;
        regex_t regex;
        assert_int_equal(sl_pattern_samples(patterns[i], 7, 100, &arena, &texts, &why, &err),
                         SL_OK);
        if (why)
            fail_msg("%s: %s", patterns[i], why);
        assert_int_equal(texts.count, 100);
        if (strchr(patterns[i], ']') && strstr(patterns[i], "\\]"))
            continue; // POSIX has no escapes in classes
        assert_int_equal(regcomp(&regex, patterns[i], REG_EXTENDED | REG_NOSUB), 0);
        for (size_t k = 0; k < texts.count; k++)
            if (regexec(&regex, texts.items[k], 0, NULL, 0) != 0)
                fail_msg("'%s' does not match %s", texts.items[k], patterns[i]);
        regfree(&regex);
    }
}

static void what_cannot_be_made_is_refused(void **state)
{
    static const char *const patterns[] = {
        "[",      "[a",    "[\\",         "\\",   "(",   "(a", "a)",  "*a", "a{",       "a{2",
        "a{3,1}", "(?m)a", "[[:alpha:]]", "\\bx", "[a-", "[^", "[ä]", "(?", "a{99999}", "\\pZ"};
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_strs texts = {0};
        struct sl_err err = {0};
        const char *why;
        assert_int_equal(sl_pattern_samples(patterns[i], 7, 10, &arena, &texts, &why, &err), SL_OK);
        if (!why || texts.count)
            fail_msg("%s was taken", patterns[i]);
    }
}

static void nesting_and_length_have_ends(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs texts = {0};
    struct sl_err err = {0};
    const char *why;
    char deep[2001];
    (void)state;
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(sl_pattern_samples(deep, 1, 10, &arena, &texts, &why, &err), SL_OK);
    assert_non_null(why);
    assert_int_equal(
        sl_pattern_samples("((a{1000}){1000}){1000}", 1, 2, &arena, &texts, &why, &err), SL_OK);
    assert_non_null(why); // the engine refuses it, too
    assert_int_equal(
        sl_pattern_samples("a{1000}b{1000}c{1000}d{1000}e{1000}", 1, 2, &arena, &texts, &why, &err),
        SL_OK);
    assert_null(why);
    assert_true(strlen(texts.items[0]) <= 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_matches_its_pattern),
        cmocka_unit_test(what_cannot_be_made_is_refused),
        cmocka_unit_test(nesting_and_length_have_ends),
    };
    return cmocka_run_group_tests_name("contract: texts out of patterns", tests, NULL, NULL);
}
