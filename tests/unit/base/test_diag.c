#include "test.h"

#include "base/diag.h"

#include <stdio.h>

static struct sl_place place(const char *file, int line, int column)
{
    return (struct sl_place){.file = file, .line = line, .column = column};
}

static void diagnostics_keep_all_that_was_said(void **state)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;

    (void)state;
    sl_diag(&diags, SL_SEVERITY_ERROR, SL_E_KEY_UNKNOWN, place("a.yml", 3, 7), "try this",
            "key '%s'", "x");
    sl_diag(&diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, place(NULL, 9, 9), NULL, "unread");
    assert_int_equal(diags.count, 2);
    assert_int_equal(diags.error_count, 1);
    assert_int_equal(diags.warning_count, 1);
    assert_int_equal(diags.items[0].severity, SL_SEVERITY_ERROR);
    assert_int_equal(diags.items[0].err.code, SL_E_KEY_UNKNOWN);
    assert_string_equal(diags.items[0].err.file, "a.yml");
    assert_int_equal(diags.items[0].err.line, 3);
    assert_int_equal(diags.items[0].err.column, 7);
    assert_string_equal(diags.items[0].err.message, "key 'x'");
    assert_string_equal(diags.items[0].err.hint, "try this");
    assert_int_equal(diags.items[1].severity, SL_SEVERITY_WARNING);
    assert_string_equal(diags.items[1].err.file, "");
    assert_int_equal(diags.items[1].err.line, 0);
    assert_string_equal(diags.items[1].err.hint, "");
}

static void a_failure_becomes_a_diagnostic_with_its_own_place(void **state)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_err err;

    (void)state;
    (void)sl_fail(&err, SL_E_SQL_SYNTAX, "no");
    sl_diag_err(&diags, SL_SEVERITY_ERROR, &err, place("outer.sql", 1, 1));
    (void)sl_err_at(&err, "inner.sql", 5, 6);
    sl_diag_err(&diags, SL_SEVERITY_ERROR, &err, place("outer.sql", 1, 1));
    sl_diag_err(&diags, SL_SEVERITY_ERROR, &err, place(NULL, 0, 0));
    assert_string_equal(diags.items[0].err.file, "outer.sql");
    assert_string_equal(diags.items[1].err.file, "inner.sql");
    assert_int_equal(diags.items[2].err.line, 5);
}

static void only_a_thousand_are_kept_but_all_are_counted(void **state)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_err err;

    (void)state;
    (void)sl_fail(&err, SL_E_IO, "x");
    for (int i = 0; i < 1500; i++)
        sl_diag(&diags, SL_SEVERITY_ERROR, SL_E_KEY_UNKNOWN, place("a", 2000 - i, 1), NULL,
                "number %d", i);
    sl_diag_err(&diags, SL_SEVERITY_WARNING, &err, place("a", 1, 1));
    assert_int_equal(diags.count, 1000);
    assert_int_equal(diags.error_count, 1500);
    assert_int_equal(diags.warning_count, 1);
    sl_diags_sort(&diags);
    for (size_t i = 0; i < diags.count; i++) {
        char message[32];

        snprintf(message, sizeof message, "number %zu", 999 - i);
        assert_string_equal(diags.items[i].err.message, message);
    }
}

static void sorting_is_by_place_and_stable(void **state)
{
    static const struct {
        const char *file;
        int line;
        int column;
        const char *message;
    } given[] = {
        {"b", 1, 1, "6"}, {"a", 2, 5, "3"},  {"a", 2, 1, "1"}, {"a", 10, 1, "5"},
        {"a", 2, 1, "2"}, {NULL, 0, 0, "0"}, {"a", 2, 5, "4"},
    };
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;

    (void)state;
    sl_diags_sort(&diags);
    for (size_t i = 0; i < COUNT_OF(given); i++)
        sl_diag(&diags, SL_SEVERITY_ERROR, SL_E_IO,
                place(given[i].file, given[i].line, given[i].column), NULL, "%s", given[i].message);
    sl_diags_sort(&diags);
    for (size_t i = 0; i < diags.count; i++)
        assert_int_equal(atoi(diags.items[i].err.message), i);
}

static void near_misses_are_suggested(void **state)
{
    static const char *const known[] = {"path", "format"};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};

    (void)state;
    assert_string_equal(sl_did_you_mean(&arena, "pathh", known, 2), "did you mean 'path'?");
    assert_null(sl_did_you_mean(&arena, "zzzz", known, 2));
}

static void a_failure_is_the_first_error_whatever_warnings_stand_before_it(void **state)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_err err = {0};

    (void)state;
    sl_diag(&diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, place("a", 1, 1), NULL, "unread");
    sl_diag(&diags, SL_SEVERITY_ERROR, SL_E_RULE, place("b", 2, 3), "hint", "first");
    sl_diag(&diags, SL_SEVERITY_ERROR, SL_E_IO, place("c", 4, 5), NULL, "second");
    assert_int_equal(sl_diags_fail(&diags, &err), SL_E_RULE);
    assert_string_equal(err.message, "first");
    assert_string_equal(err.file, "b");
    assert_int_equal(sl_diags_fail(&diags, NULL), SL_E_RULE);
}

static void an_error_behind_a_thousand_warnings_still_fails(void **state)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_err err = {0};

    (void)state;
    for (int i = 0; i < 1001; i++)
        sl_diag(&diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD, place("a", i, 1), NULL, "w");
    sl_diag(&diags, SL_SEVERITY_ERROR, SL_E_RULE, place("b", 2, 3), NULL, "first");
    assert_int_equal(sl_diags_fail(&diags, &err), SL_E_PROJECT_INVALID);
    assert_string_equal(err.message, "1 errors, of which none could be kept");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diagnostics_keep_all_that_was_said),
        cmocka_unit_test(a_failure_becomes_a_diagnostic_with_its_own_place),
        cmocka_unit_test(only_a_thousand_are_kept_but_all_are_counted),
        cmocka_unit_test(sorting_is_by_place_and_stable),
        cmocka_unit_test(near_misses_are_suggested),
        cmocka_unit_test(a_failure_is_the_first_error_whatever_warnings_stand_before_it),
        cmocka_unit_test(an_error_behind_a_thousand_warnings_still_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
