// Rules over texts that exclude each other are found, and none is said to that have a text in
// common.
#include "base/automaton.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct sl_automaton *of_pattern(const char *pattern, struct sl_arena *arena)
{
    struct sl_automaton *texts;
    struct sl_err err = {0};
    assert_int_equal(sl_automaton_of_pattern(pattern, SL_REACH_ANYWHERE, arena, &texts, &err),
                     SL_OK);
    if (!texts)
        fail_msg("%s was not taken", pattern);
    return texts;
}

static bool exclude(const struct sl_automaton *a, const struct sl_automaton *b,
                    struct sl_arena *arena)
{
    struct sl_err err = {0};
    bool there, back;
    assert_int_equal(sl_automata_exclude(a, b, arena, &there, &err), SL_OK);
    assert_int_equal(sl_automata_exclude(b, a, arena, &back, &err), SL_OK);
    assert_int_equal(there, back);
    return there;
}

static void patterns_exclude_each_other_or_do_not(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_excluded;
    } cases[] = {
        {"^[a-c]+$", "^[d-f]+$", true},
        {"^[a-d]+$", "^[d-f]+$", false},
        {"^a*$", "^b*$", false}, // the empty text
        {"^a+$", "^b*$", true},
        {"a", "b", false}, // each anywhere
        {"^a", "^b", true},
        {"a$", "b$", true},
        {"^a", "b$", false},
        {"^(a|b)c", "^bc$", false},
        {"^(a|b)c", "^cc$", true},
        {"^\\d{3}$", "^[0-9]{2,4}$", false},
        {"^\\d{3}$", "^[0-9]{4,}$", true},
        {"^\\w$", "^[^a-zA-Z0-9]$", false},
        {"^\\w$", "^[^a-zA-Z0-9_]$", true},
        {"(?i)^AB$", "^aB$", false},
        {"^AB$", "^aB$", true},
        {"^ä$", "^[a-z]$", true},
        {"^ä$", "^ö$", false}, // not known: all letters beyond ASCII are one
        {"^.$", "^ä$", false},
        {"a^b", ".*", true},
        {"a$b", ".*", true},
        {"^^a$$", ".*", false},
        {"(^a|b)$", "^b$", false},
        {"(^)*a", "^xa$", false},
        {"^$", "^a?$", false},
        {"^(a*)*$", "^(aa)+$", false},
        {"^(a+)+b$", "^a+$", true},
        {"^a{2,3}?$", "^a{4}$", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        if (exclude(of_pattern(cases[i].a, &arena), of_pattern(cases[i].b, &arena), &arena) !=
            cases[i].is_excluded)
            fail_msg("%s and %s", cases[i].a, cases[i].b);
    }
}

static void lengths_and_lists_are_texts_too(void **state)
{
    static const char *items[] = {"ab", "xyz", "ä"};
    const struct sl_strs texts = {.items = items, .count = 3};
    static const struct {
        enum sl_automaton_reach reach;
        const char *pattern;
        bool is_excluded;
    } cases[] = {
        {SL_REACH_WHOLE, "^a.$", false},   {SL_REACH_WHOLE, "^abc", true},
        {SL_REACH_FRONT, "^abc", false},   {SL_REACH_FRONT, "^b", true},
        {SL_REACH_BACK, "cab$", false},    {SL_REACH_BACK, "c$", true},
        {SL_REACH_ANYWHERE, "^c*$", true}, {SL_REACH_ANYWHERE, "^c*abc*$", false},
    };
    (void)state;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_automaton *list, *length;
    struct sl_err err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(sl_automaton_of_texts(&texts, cases[i].reach, &arena, &list, &err), SL_OK);
        if (exclude(list, of_pattern(cases[i].pattern, &arena), &arena) != cases[i].is_excluded)
            fail_msg("%s", cases[i].pattern);
    }
    assert_int_equal(sl_automaton_of_length(3, 5, &arena, &length, &err), SL_OK);
    assert_true(exclude(length, of_pattern("^..?$", &arena), &arena));
    assert_true(exclude(length, of_pattern("^.{6}", &arena), &arena));
    assert_false(exclude(length, of_pattern("^.{5}$", &arena), &arena));
    assert_false(exclude(length, of_pattern("^äöü$", &arena), &arena)); // characters, not bytes
    assert_int_equal(sl_automaton_of_length(2, SL_PATTERN_ENDLESS, &arena, &length, &err), SL_OK);
    assert_true(exclude(length, of_pattern("^.?$", &arena), &arena));
}

static struct sl_automaton *meet(const struct sl_automaton *a, const struct sl_automaton *b,
                                 struct sl_arena *arena)
{
    struct sl_err err = {0};
    struct sl_automaton *both;
    assert_int_equal(sl_automata_meet(a, b, arena, &both, &err), SL_OK);
    assert_non_null(both);
    return both;
}

static void three_patterns_exclude_each_other_together_or_do_not(void **state)
{
    static const struct {
        const char *a, *b, *c;
        bool is_excluded;
    } cases[] = {
        {"^ab", "bc$", "^.{3}$", false}, // abc
        {"^ab", "cd$", "^.{3}$", true},
        {"^(a|b)", "(b|c)$", "^.$", false}, // b
        {"^(a|b)", "(c|d)$", "^.$", true},
        {"^a*$", "^(aa)*$", "^(aaa)*$", false}, // the empty text
        {"^a+$", "^(aa)*$", "^.{1,3}$", false}, // aa
        {"^(aa)+$", "^(aaa)+$", "^.{1,5}$", true},
        {"^(aa)+$", "^(aaa)+$", "^.{1,6}$", false},
        {"a", "b", "^[^c]*c$", false},
        {"a", "b", "^.$", true},
        {"^x", "$", "^$", true},
        {"(^a|b)", "(a|b)$", "^b?$", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_automaton *a = of_pattern(cases[i].a, &arena),
                            *b = of_pattern(cases[i].b, &arena),
                            *c = of_pattern(cases[i].c, &arena);
        bool is_excluded = cases[i].is_excluded;
        if (exclude(meet(a, b, &arena), c, &arena) != is_excluded ||
            exclude(a, meet(b, c, &arena), &arena) != is_excluded ||
            exclude(meet(meet(c, a, &arena), b, &arena), of_pattern("", &arena), &arena) !=
                is_excluded)
            fail_msg("%s, %s and %s", cases[i].a, cases[i].b, cases[i].c);
    }
}

static void what_is_too_large_is_not_judged(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_automaton *texts;
    struct sl_err err = {0};
    (void)state;
    assert_int_equal(
        sl_automaton_of_pattern("((a{1000}){1000}){1000}", SL_REACH_WHOLE, &arena, &texts, &err),
        SL_OK);
    assert_null(texts);
    assert_int_equal(sl_automaton_of_length(100000, 100001, &arena, &texts, &err), SL_OK);
    assert_null(texts);
    struct sl_automaton *a = of_pattern("^a{900}b{900}$", &arena),
                        *b = of_pattern("^c{900}d{900}$", &arena);
    assert_false(exclude(a, b, &arena)); // too many pairs: nothing is said
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_exclude_each_other_or_do_not),
        cmocka_unit_test(lengths_and_lists_are_texts_too),
        cmocka_unit_test(three_patterns_exclude_each_other_together_or_do_not),
        cmocka_unit_test(what_is_too_large_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
