#include "engine_test.h"

#include "base/clock.h"
#include "base/json.h"

static void trees_come_in_order_and_errors_in_their_place(void **state)
{
    struct context *context = *state;
    static const struct {
        const char *sql, *begin;
    } cases[] = {
        {"select 1", "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"SELECT_NODE\""},
        {"selec 1", "{\"error\":true,\"error_type\":\"parser\""},
        {"", "{\"error\":false,\"statements\":[]"},
        {"drop table x", "{\"error\":true,\"error_type\":\"not implemented\""},
        {"select 'it''s ü' as \"a\nb\" from clean.orders",
         "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"SELECT_NODE\""},
        {"select 1 union select 2",
         "{\"error\":false,\"statements\":[{\"node\":{\"type\":\"SET_OPERATION_NODE\""},
    };
    const char *sql[COUNT_OF(cases)];
    const char *json[COUNT_OF(cases)];

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        sql[i] = cases[i].sql;
    check_ok(context, sl_engine_duckdb.parse(context->session, sql, COUNT_OF(cases),
                                             &context->arena, json, &context->err));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_json_free) json_t *tree = NULL;
        assert_memory_equal(json[i], cases[i].begin, strlen(cases[i].begin));
        check_ok(context, sl_json_parse(json[i], strlen(json[i]), "tree", &tree, &context->err));
    }
    assert_non_null(strstr(json[0], "\"where_clause\":null")); // nothing is skipped
    assert_non_null(strstr(json[0], "\"group_sets\":[]"));
}

static void no_text_gives_no_tree(void **state)
{
    struct context *context = *state;

    check_ok(context, sl_engine_duckdb.parse(context->session, NULL, 0, &context->arena, NULL,
                                             &context->err));
}

static void a_text_that_is_not_utf8_is_an_error(void **state)
{
    struct context *context = *state;
    const char *sql[] = {"select 1", "select '\xff'"};
    const char *json[2] = {NULL, NULL};

    assert_int_equal(
        sl_engine_duckdb.parse(context->session, sql, 2, &context->arena, json, &context->err),
        SL_E_ENGINE);
    assert_null(json[0]);
}

static void ten_thousand_texts_are_parsed_in_a_second(void **state)
{
    struct context *context = *state;
    enum { COUNT = 10000 };
    const char **sql = SL_NEW_ARRAY(&context->arena, const char *, COUNT);
    const char **json = SL_NEW_ARRAY(&context->arena, const char *, COUNT);
    int64_t begin;

    for (int i = 0; i < COUNT; i++)
        sql[i] = sl_arena_printf(
            &context->arena, "select a, sum(b) as b%d from clean.t where c > %d group by a", i, i);
    begin = sl_clock_monotonic_us();
    check_ok(context, sl_engine_duckdb.parse(context->session, sql, COUNT, &context->arena, json,
                                             &context->err));
    print_message("10,000 texts: %d ms\n", (int)((sl_clock_monotonic_us() - begin) / 1000));
    for (int i = 0; i < COUNT; i++)
        assert_non_null(strstr(json[i], sl_arena_printf(&context->arena, "\"alias\":\"b%d\"", i)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(trees_come_in_order_and_errors_in_their_place),
        SESSION_TEST(no_text_gives_no_tree),
        SESSION_TEST(a_text_that_is_not_utf8_is_an_error),
        SESSION_TEST(ten_thousand_texts_are_parsed_in_a_second),
    };

    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
