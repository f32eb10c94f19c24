// What a query reads, and what is no model: the cases of trees/tables.sql.
#include "cases.h"

#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void describe(const struct sl_query *query, const struct sl_diags *diags, struct sl_buf *buf)
{
    for (size_t i = 0; i < query->table_count; i++) {
        const struct sl_table_ref *table = &query->tables[i];

        sl_buf_addf(buf, "%s %s at %d:%d, %zu\n", table->layer ? table->layer : "-", table->name,
                    table->line, table->column, table->times);
    }
    for (size_t i = 0; i < query->files.count; i++)
        sl_buf_addf(buf, "file '%s'\n", query->files.items[i]);
    for (size_t i = 0; i < diags->count; i++)
        sl_buf_addf(buf, "%s %d:%d %s\n", sl_code_info(diags->items[i].err.code)->id,
                    diags->items[i].err.line, diags->items[i].err.column,
                    diags->items[i].err.message);
}

static void every_case_reads_what_it_says(void **state)
{
    struct sql_cases cases;
    bool has_failed = false;

    (void)state;
    cases_load(&cases, "tables");
    assert_true(cases.count > 25);
    for (size_t i = 0; i < cases.count; i++) {
        const struct sql_case *item = &cases.items[i];
        SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
        SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
        struct sl_query query;
        struct sl_err err = {0};

        assert_int_equal(
            sl_query_read(item->tree, item->sql, "m.sql", 1, 1, &cases.arena, &diags, &query, &err),
            SL_OK);
        describe(&query, &diags, &buf);
        if (sl_str_equal(buf.text, item->expected))
            continue;
        print_error("%s\n%sexpected:\n%sfound:\n%s\n", item->name, item->sql, item->expected,
                    buf.text);
        has_failed = true;
    }
    cases_clear(&cases);
    assert_false(has_failed);
}

// The SQL of a model begins behind its settings.
static void places_begin_where_the_sql_does(void **state)
{
    static const char tree[] = "{\"error\":true,\"error_type\":\"parser\",\"error_message\":\"no\","
                               "\"error_subtype\":\"SYNTAX_ERROR\",\"position\":\"%d\"}";
    static const struct {
        int position, line, column;
    } places[] = {{0, 7, 4}, {3, 7, 7}, {5, 8, 1}, {8, 8, 4}, {999, 8, 9}};

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct sl_arena arena = {0};
        SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
        struct sl_query query;
        struct sl_err err = {0};
        const char *json = sl_arena_printf(&arena, tree, places[i].position);

        assert_int_equal(sl_query_read(json, "abäd\nselect 1", "models/m.sql", 7, 4, &arena, &diags,
                                       &query, &err),
                         SL_OK);
        assert_int_equal(diags.error_count, 1);
        assert_string_equal(diags.items[0].err.file, "models/m.sql");
        assert_int_equal(diags.items[0].err.line, places[i].line);
        assert_int_equal(diags.items[0].err.column, places[i].column);
        sl_arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_reads_what_it_says),
        cmocka_unit_test(places_begin_where_the_sql_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
