// What the sides of a diff are called, how columns meet, and how profiles are drawn.
#include "../base/test.h"
#include "cli/diff.h"
#include "cli/profile.h"
#include "step/profile.h"

static void a_side_is_told_by_how_it_is_written(void **state)
{
    static const struct {
        const char *text;
        enum sl_diff_kind kind;
        const char *environment, *target, *name, *version, *at;
    } cases[] = {
        {"clean.orders", SL_DIFF_TABLE, NULL, NULL, "clean.orders", NULL, NULL},
        {"orders", SL_DIFF_TABLE, NULL, NULL, "orders", NULL, NULL},
        {"clean.orders@12", SL_DIFF_TABLE, NULL, NULL, "clean.orders", "12", NULL},
        {"clean.orders@2026-11-01", SL_DIFF_TABLE, NULL, NULL, "clean.orders", NULL, "2026-11-01"},
        {"prod:clean.orders", SL_DIFF_TABLE, "prod", NULL, "clean.orders", NULL, NULL},
        {"prod:clean.orders@2026-11-01T12:00:00Z", SL_DIFF_TABLE, "prod", NULL, "clean.orders",
         NULL, "2026-11-01T12:00:00Z"},
        {"clean.orders@2026-11-01T12:00:00Z", SL_DIFF_TABLE, NULL, NULL, "clean.orders", NULL,
         "2026-11-01T12:00:00Z"},
        {"target:warehouse/curated.daily", SL_DIFF_TARGET, NULL, "warehouse", "curated.daily", NULL,
         NULL},
        {"target:lake/a/b", SL_DIFF_TARGET, NULL, "lake", "a/b", NULL, NULL},
        {"orders.parquet", SL_DIFF_FILE, NULL, NULL, "orders.parquet", NULL, NULL},
        {"./orders", SL_DIFF_FILE, NULL, NULL, "./orders", NULL, NULL},
        {"lake/clean/orders@3", SL_DIFF_FILE, NULL, NULL, "lake/clean/orders", "3", NULL},
        {"me@home/orders.csv", SL_DIFF_FILE, NULL, NULL, "me@home/orders.csv", NULL, NULL},
        {"data/a@b.csv", SL_DIFF_FILE, NULL, NULL, "data/a@b.csv", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_diff_ref ref;
        struct sl_err err = {0};
        sl_arena_init(&arena, 0);
        assert_int_equal(sl_diff_ref_parse(cases[i].text, &arena, &ref, &err), SL_OK);
        const char *version = ref.as_of.versions.count ? ref.as_of.versions.items[0] : NULL;
        if (ref.kind != cases[i].kind || !sl_str_equal(ref.environment, cases[i].environment) ||
            !sl_str_equal(ref.target, cases[i].target) || !sl_str_equal(ref.name, cases[i].name) ||
            !sl_str_equal(version, cases[i].version) || !sl_str_equal(ref.as_of.at, cases[i].at))
            fail_msg("'%s': kind %d, environment %s, target %s, name %s, version %s, at %s",
                     cases[i].text, (int)ref.kind, ref.environment ? ref.environment : "-",
                     ref.target ? ref.target : "-", ref.name, version ? version : "-",
                     ref.as_of.at ? ref.as_of.at : "-");
    }
}

static void a_side_that_names_nothing_is_refused(void **state)
{
    static const char *const cases[] = {"",        "@3",      "orders@",        ":orders",
                                        "target:", "prod:@3", "target:nothing", "target:/orders",
                                        "prod:"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_diff_ref ref;
        struct sl_err err = {0};
        sl_arena_init(&arena, 0);
        if (sl_diff_ref_parse(cases[i], &arena, &ref, &err) != SL_E_USAGE)
            fail_msg("'%s' was taken", cases[i]);
    }
}

static void two_types_meet_in_one_that_holds_both(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_known; // else the engine is asked
        enum sl_compare_how how;
        const char *type;
    } cases[] = {
        {"BIGINT", "BIGINT", true, SL_COMPARE_AS_IS, "BIGINT"},
        {"VARCHAR", "JSON", true, SL_COMPARE_CAST, "VARCHAR"},
        {"VARCHAR", "DATE", true, SL_COMPARE_TEXT, "DATE"},
        {"STRUCT(a INTEGER)", "JSON", true, SL_COMPARE_TEXT, "STRUCT(a INTEGER)"},
        {"DECIMAL(12,2)", "DECIMAL(18,4)", true, SL_COMPARE_CAST, "DECIMAL(18,4)"},
        {"DECIMAL(18,4)", "DECIMAL(12,2)", true, SL_COMPARE_CAST, "DECIMAL(18,4)"},
        {"DECIMAL(12,2)", "DECIMAL(12,4)", true, SL_COMPARE_CAST, "DECIMAL(38,4)"},
        {"DECIMAL(38,0)", "DECIMAL(38,30)", true, SL_COMPARE_CAST, "DOUBLE"},
        {"BIGINT", "DOUBLE", false, SL_COMPARE_CAST, NULL},
        {"DECIMAL(12,2)", "DECIMAL(12,2)[]", false, SL_COMPARE_CAST, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_compared_column column = {0};
        bool is_known = sl_compare_know_how(cases[i].a, cases[i].b, &column);
        if (is_known != cases[i].is_known || column.how != cases[i].how ||
            !sl_str_equal(column.type, cases[i].type))
            fail_msg("%s and %s: %d in %s", cases[i].a, cases[i].b, (int)column.how,
                     column.type ? column.type : "-");
    }
}

static void bins_are_whole_where_values_are(void **state)
{
    static const struct {
        const char *type;
        double low, high, width;
        size_t count;
    } cases[] = {
        {"INTEGER", 1, 5, 1, 5},
        {"INTEGER", 1, 10, 1, 10},
        {"BIGINT", 1, 11, 2, 6},
        {"BIGINT", 0, 99, 10, 10},
        {"BIGINT", -5, 1000, 101, 10},
        {"DOUBLE", 0, 5, 0.5, 10},
        {"DECIMAL(12,2)", 0, 20, 2, 10},
        {"DATE", 0, 4 * 86400.0, 86400, 5},
        {"DATE", 0, 364 * 86400.0, 37 * 86400.0, 10},
        {"TIMESTAMP", 0, 100, 10, 10},
        {"DOUBLE", 3, 3, 0, 0},
        {"DOUBLE", -1.7e308, 1.7e308, 0, 0}, // their difference is no number
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_profile_column column = {.type = cases[i].type};
        sl_profile_plan_bins(&column, cases[i].low, cases[i].high);
        if (column.bin_count != cases[i].count ||
            (column.bin_count && column.width != cases[i].width))
            fail_msg("%s from %g to %g: %zu bins of %g", cases[i].type, cases[i].low, cases[i].high,
                     column.bin_count, column.width);
        assert_true(column.bin_count <= SL_PROFILE_BINS);
    }
}

static void a_bar_shows_its_share_and_never_hides_what_is_there(void **state)
{
    static const struct {
        int64_t count, greatest;
        bool is_utf8;
        const char *expected;
    } cases[] = {
        {4, 4, true, "████"}, {2, 4, true, "██"}, {1, 4, true, "█"},     {1, 8, true, "▌"},
        {1, 1000, true, "▏"}, {0, 4, true, ""},   {4, 4, false, "####"}, {1, 1000, false, "#"},
        {3, 8, false, "##"},  {0, 0, false, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        sl_profile_add_bar(cases[i].count, cases[i].greatest, 4, cases[i].is_utf8, &text);
        assert_string_equal(text.text, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_side_is_told_by_how_it_is_written),
        cmocka_unit_test(a_side_that_names_nothing_is_refused),
        cmocka_unit_test(two_types_meet_in_one_that_holds_both),
        cmocka_unit_test(bins_are_whole_where_values_are),
        cmocka_unit_test(a_bar_shows_its_share_and_never_hides_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
