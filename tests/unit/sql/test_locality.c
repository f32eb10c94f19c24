// What must be recomputed: the cases of trees/locality.sql. The partition column is `day` in each.
#include "cases.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const by_day[] = {"day"};

static const char *expression_of_day(const struct sl_query *query)
{
    for (size_t i = 0; i < query->column_count; i++)
        if (sl_str_equal(query->columns[i].name, "day"))
            return query->columns[i].expression;
    return NULL;
}

static void describe(const struct sql_case *item, struct sl_arena *arena, struct sl_buf *buf)
{
    struct sl_query query;
    struct sl_err err = {0};
    bool is_local;
    const char *why;

    case_query(item, arena, &query);
    assert_int_equal(
        sl_query_is_partition_local(item->tree, &query, by_day, 1, arena, &is_local, &why, &err),
        SL_OK);
    assert_true(query.is_row_wise == (query.why_not_row_wise == NULL));
    assert_true(query.is_volatile == (query.why_volatile != NULL));
    assert_true(is_local == (why == NULL));
    sl_buf_addf(buf, "driving: %s\n", query.driving_table ? query.driving_table : "none");
    sl_buf_addf(buf, "row-wise: %s\n", query.is_row_wise ? "yes" : query.why_not_row_wise);
    sl_buf_addf(buf, "local: %s\n", is_local ? "yes" : why);
    if (is_local)
        sl_buf_addf(buf, "day: %s\n", expression_of_day(&query));
    if (query.is_volatile)
        sl_buf_addf(buf, "volatile: %s\n", query.why_volatile);
    if (query.why_every_run)
        sl_buf_addf(buf, "every run: %s\n", query.why_every_run);
}

static void check_cases(const char *name)
{
    struct sql_cases cases;
    bool has_failed = false;

    cases_load(&cases, name);
    assert_true(cases.count > 0);
    for (size_t i = 0; i < cases.count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;

        describe(&cases.items[i], &cases.arena, &buf);
        if (sl_str_equal(buf.text, cases.items[i].expected))
            continue;
        print_error("%s\n%sexpected:\n%sfound:\n%s\n", cases.items[i].name, cases.items[i].sql,
                    cases.items[i].expected, buf.text);
        has_failed = true;
    }
    cases_clear(&cases);
    assert_false(has_failed);
}

static void every_case_is_as_local_as_it_says(void **state)
{
    (void)state;
    check_cases("locality");
}

static void what_the_engine_does_not_know_is_not_local(void **state)
{
    (void)state;
    check_cases("unbound");
}

static const struct sql_case *find_case(const struct sql_cases *cases, const char *name)
{
    for (size_t i = 0; i < cases->count; i++)
        if (sl_str_equal(cases->items[i].name, name))
            return &cases->items[i];
    fail_msg("no case '%s'", name);
    return NULL;
}

static void nothing_is_local_before_its_columns_are_known(void **state)
{
    struct sql_cases cases;
    const struct sql_case *item;
    struct sl_query query;
    struct sl_err err = {0};
    struct sl_diags diags = SL_DIAGS_INIT;
    const char *why = NULL;
    bool is_local = true;

    (void)state;
    cases_load(&cases, "locality");
    item = find_case(&cases, "a projection is row-wise");
    assert_int_equal(
        sl_query_read(item->tree, item->sql, "m.sql", 1, 1, &cases.arena, &diags, &query, &err),
        SL_OK);
    assert_int_equal(sl_query_is_partition_local(item->tree, &query, by_day, 1, &cases.arena,
                                                 &is_local, &why, &err),
                     SL_OK);
    assert_false(is_local);
    assert_string_equal(why, "its columns were not looked at");
    cases_clear(&cases);
}

// Without columns nobody can tell whose the aggregate is; with them it is the subquery's.
static void an_aggregate_in_a_subquery_is_in_doubt_until_columns_are_known(void **state)
{
    struct sql_cases cases;
    const struct sql_case *item;
    struct sl_query query;
    struct sl_err err = {0};
    struct sl_diags diags = SL_DIAGS_INIT;

    (void)state;
    cases_load(&cases, "locality");
    item = find_case(&cases, "a correlated aggregate over another table is row-wise");
    assert_int_equal(
        sl_query_read(item->tree, item->sql, "m.sql", 1, 1, &cases.arena, &diags, &query, &err),
        SL_OK);
    assert_false(query.is_row_wise);
    assert_string_equal(query.why_not_row_wise, "it aggregates in a subquery");
    case_query(item, &cases.arena, &query);
    assert_true(query.is_row_wise);
    cases_clear(&cases);
}

static void no_partition_columns_are_never_local(void **state)
{
    struct sql_cases cases;
    const struct sql_case *item;
    struct sl_query query;
    struct sl_err err = {0};
    const char *why = NULL;
    bool is_local = true;

    (void)state;
    cases_load(&cases, "locality");
    item = find_case(&cases, "a projection is row-wise");
    case_query(item, &cases.arena, &query);
    assert_int_equal(sl_query_is_partition_local(item->tree, &query, NULL, 0, &cases.arena,
                                                 &is_local, &why, &err),
                     SL_OK);
    assert_false(is_local);
    cases_clear(&cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_is_as_local_as_it_says),
        cmocka_unit_test(what_the_engine_does_not_know_is_not_local),
        cmocka_unit_test(nothing_is_local_before_its_columns_are_known),
        cmocka_unit_test(an_aggregate_in_a_subquery_is_in_doubt_until_columns_are_known),
        cmocka_unit_test(no_partition_columns_are_never_local),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
