// Where columns come from: the cases of trees/lineage.sql.
#include "cases.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// "total <- clean.orders.amount direct, clean.orders.day filter"
static void describe_column(const struct sl_query_column *column, struct sl_buf *buf)
{
    sl_buf_addf(buf, "%s <-", *column->name ? column->name : "?");
    for (size_t i = 0; i < column->origin_count; i++) {
        const struct sl_origin *origin = &column->origins[i];

        sl_buf_addf(buf, "%s %s.%s%s%s", i ? "," : "", origin->table, origin->column,
                    origin->is_direct ? " direct" : "", origin->is_filter ? " filter" : "");
    }
    sl_buf_add(buf, "\n");
}

static void describe(const struct sl_query *query, struct sl_buf *buf)
{
    for (size_t i = 0; i < query->column_count; i++)
        describe_column(&query->columns[i], buf);
    if (query->has_unknown_columns)
        sl_buf_add(buf, "and unknown columns\n");
}

static void every_case_has_the_lineage_it_says(void **state)
{
    struct sql_cases cases;
    bool has_failed = false;

    (void)state;
    cases_load(&cases, "lineage");
    assert_true(cases.count > 80);
    for (size_t i = 0; i < cases.count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
        struct sl_query query;

        case_query(&cases.items[i], &cases.arena, &query);
        describe(&query, &buf);
        if (sl_str_equal(buf.text, cases.items[i].expected))
            continue;
        print_error("%s\n%sexpected:\n%sfound:\n%s\n", cases.items[i].name, cases.items[i].sql,
                    cases.items[i].expected, buf.text);
        has_failed = true;
    }
    cases_clear(&cases);
    assert_false(has_failed);
}

static void nothing_is_known_without_the_columns_of_tables(void **state)
{
    static const char tree[] =
        "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"SELECT_NODE\",\"select_list\":["
        "{\"class\":\"STAR\",\"type\":\"STAR\"}],\"from_table\":{\"type\":\"BASE_TABLE\","
        "\"schema_name\":\"clean\",\"table_name\":\"orders\"}}}]}";
    struct sl_arena arena = {0};
    struct sl_query query = {0};
    struct sl_err err = {0};

    (void)state;
    assert_int_equal(sl_query_lineage(tree, "", NULL, NULL, &arena, &query, &err), SL_OK);
    assert_int_equal(query.column_count, 0);
    assert_true(query.has_unknown_columns);
    sl_arena_clear(&arena);
}

static void a_tree_without_a_select_is_refused(void **state)
{
    struct sl_arena arena = {0};
    struct sl_query query = {0};
    struct sl_err err = {0};

    (void)state;
    assert_int_equal(sl_query_lineage("{\"error\":true}", "", NULL, NULL, &arena, &query, &err),
                     SL_E_SQL_KIND);
    sl_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_has_the_lineage_it_says),
        cmocka_unit_test(nothing_is_known_without_the_columns_of_tables),
        cmocka_unit_test(a_tree_without_a_select_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
