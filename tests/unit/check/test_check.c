// The kinds of check, on the engine: what each calls a mistake in rows, and in its own arguments.
#include "api/check.h"
#include "base/str.h"
#include "check/kinds.h"
#include "engine/duckdb/duckdb_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct context {
    struct sl_engine *engine;
    struct sl_session *session;
};

static const char data[] =
    "create schema clean;"
    "create table clean.customers as select * from (values (1), (2), (null)) t(id);"
    "create table _checked as select * from (values "
    "(1, 1, 1.00::decimal(12,2), 'new', date '2026-01-01', 1.5::double, true, 5),"
    "(2, 2, 2.50, 'paid', date '2026-01-02', -2, true, 10),"
    "(3, 9, 2.50, 'it''s', date '2026-01-03', 'nan', false, 11),"
    "(4, null, null, null, null, null, null, null))"
    " t(id, customer, amount, status, day, delay, ok, n)";

static int open_context(void **state)
{
    static struct context context;
    struct sl_engine_options options = {.threads = 1};
    struct sl_err err = {0};

    if (sl_engine_duckdb.open(&options, &context.engine, &err) != SL_OK ||
        sl_engine_duckdb.connect(context.engine, &context.session, &err) != SL_OK ||
        context.session->kind->exec(context.session, data, NULL, &err) != SL_OK) {
        print_error("%s\n", err.message);
        return 1;
    }
    *state = &context;
    return 0;
}

static int close_context(void **state)
{
    struct context *context = *state;

    sl_session_close(&context->session);
    sl_engine_close(&context->engine);
    return 0;
}

static struct sl_check *compile(const char *yaml, struct sl_arena *arena, struct sl_diags *diags,
                                size_t *ret_count)
{
    struct sl_yaml *list = NULL;
    struct sl_check *checks = NULL;
    struct sl_err err = {0};

    assert_int_equal(sl_yaml_parse(yaml, strlen(yaml), "m.sql", 1, 1, arena, diags, &list, &err),
                     SL_OK);
    assert_int_equal(sl_checks_compile(list, arena, diags, &checks, ret_count, &err), SL_OK);
    return checks;
}

static int64_t count_failing(struct context *context, const struct sl_check *check)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_err err = {0};

    sl_buf_addf(&sql, "select count(*) from (%s\n) f", check->failing_sql);
    if (context->session->kind->query(context->session, sql.text, 0, &result, &err) != SL_OK)
        fail_msg("%s: %s", sql.text, err.message);
    return sl_result_int(result, 0, 0);
}

static void each_kind_finds_the_rows_that_break_it(void **state)
{
    static const struct {
        const char *yaml, *claim, *reads;
        int64_t failing;
        bool is_per_row;
    } cases[] = {
        {"not_null: id", "'id' never null", NULL, 0, true},
        {"not_null: [id, status, day]", "'id', 'status', 'day' never null", NULL, 1, true},
        {"unique: id", "'id' unique", NULL, 0, false},
        {"unique: [amount]", "'amount' unique", NULL, 1, false},
        {"unique: [amount, id]", "'amount', 'id' unique", NULL, 0, false},
        {"accepted_values: {column: status, values: [new, paid, \"it's\"]}",
         "'status' is one of 'new', 'paid', 'it's'", NULL, 0, true},
        {"accepted_values: {column: status, values: new}", "'status' is one of 'new'", NULL, 2,
         true},
        {"accepted_values: {column: amount, values: [1, 2.5]}", "'amount' is one of '1', '2.5'",
         NULL, 0, true},
        {"accepted_values: {column: ok, values: [true]}", "'ok' is one of 'true'", NULL, 1, true},
        {"accepted_values: {column: day, values: [2026-01-01]}", "'day' is one of '2026-01-01'",
         NULL, 2, true},
        {"accepted_values: {column: status, values: [\"\"]}", "'status' is one of ''", NULL, 3,
         true},
        {"expression: amount > 1", "amount > 1", NULL, 1, true},
        {"expression: amount > 1 -- in EUR", "amount > 1 -- in EUR", NULL, 1, true},
        {"expression: \"status <> 'new' or amount = 1\"", "status <> 'new' or amount = 1", NULL, 0,
         true},
        {"range: {column: n, min: 5, max: 11}", "'n' is between 5 and 11", NULL, 0, true},
        {"range: {column: n, min: 10}", "'n' is at least 10", NULL, 1, true},
        {"range: {column: n, min: 10.4}", "'n' is at least 10.4", NULL, 2, true},
        {"range: {column: n, max: 10.6}", "'n' is at most 10.6", NULL, 1, true},
        {"range: {column: n, max: 1e1}", "'n' is at most 1e1", NULL, 1, true},
        {"range: {column: amount, min: 2.495}", "'amount' is at least 2.495", NULL, 1, true},
        {"range: {column: delay, min: -1.5}", "'delay' is at least -1.5", NULL, 1, true},
        {"range: {column: day, min: 2026-01-02, max: 2026-01-02}",
         "'day' is between 2026-01-02 and 2026-01-02", NULL, 2, true},
        {"range: {column: status, min: \"k\"}", "'status' is at least k", NULL, 1, true},
        {"row_count: {min: 1}", "at least 1 rows", NULL, 0, false},
        {"row_count: {min: 5}", "at least 5 rows", NULL, 1, false},
        {"row_count: {max: 3}", "at most 3 rows", NULL, 1, false},
        {"row_count: {min: 4, max: 4}", "at least 4 and at most 4 rows", NULL, 0, false},
        {"relationships: {column: customer, to: clean.customers, field: id}",
         "'customer' is in clean.customers.id", "clean.customers", 1, false},
        {"relationships: {column: id, to: clean.customers}", "'id' is in clean.customers.id",
         "clean.customers", 2, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_arena arena = {0};
        struct sl_diags diags = SL_DIAGS_INIT;
        size_t count = 0;
        const char *yaml = sl_arena_printf(&arena, "- %s\n", cases[i].yaml);
        const struct sl_check *check = compile(yaml, &arena, &diags, &count);

        if (count != 1 || diags.count)
            fail_msg("%s: %s", cases[i].yaml, diags.count ? diags.items[0].err.message : "nothing");
        if (count_failing(*state, check) != cases[i].failing)
            fail_msg("%s: %d rows", cases[i].yaml, (int)count_failing(*state, check));
        assert_string_equal(check->claim, cases[i].claim);
        if (cases[i].reads)
            assert_string_equal(check->reads, cases[i].reads);
        else
            assert_null(check->reads);
        assert_true(check->is_per_row == cases[i].is_per_row);
        assert_int_equal(check->place.line, 1);
        assert_true(sl_str_starts(cases[i].yaml, check->kind));
        sl_diags_clear(&diags);
        sl_arena_clear(&arena);
    }
}

// A kind that breaks a row by itself gives the sum of what it gives for parts of the rows.
static void a_check_per_row_can_be_made_in_parts(void **state)
{
    static const char *const texts[] = {"- not_null: [status]\n", "- range: {column: n, min: 10}\n",
                                        "- expression: amount > 1\n",
                                        "- accepted_values: {column: status, values: new}\n"};
    struct context *context = *state;
    struct sl_err err = {0};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        static const char halves[] =
            "create or replace table kept as from _checked;"
            "create or replace table _checked as from kept where id %% 2 = %d";
        struct sl_arena arena = {0};
        struct sl_diags diags = SL_DIAGS_INIT;
        size_t count = 0;
        const struct sl_check *check = compile(texts[i], &arena, &diags, &count);
        int64_t whole = count_failing(context, check), parts = 0;

        for (int half = 0; half < 2; half++) {
            const char *sql = sl_arena_printf(&arena, halves, half);

            assert_int_equal(context->session->kind->exec(context->session, sql, NULL, &err),
                             SL_OK);
            parts += count_failing(context, check);
            assert_int_equal(
                context->session->kind->exec(
                    context->session, "create or replace table _checked as from kept", NULL, &err),
                SL_OK);
        }
        assert_true(check->is_per_row);
        assert_int_equal(whole, parts);
        sl_arena_clear(&arena);
    }
}

static void mistakes_in_arguments_are_told_with_their_place(void **state)
{
    static const struct {
        const char *yaml;
        enum sl_code code;
        int line, column;
        const char *message;
    } cases[] = {
        {"- nut_null: day\n", SL_E_VALUE_INVALID, 1, 3, "there is no check 'nut_null'"},
        {"- nothing\n", SL_E_VALUE_INVALID, 1, 3, "there is no check 'nothing'"},
        {"- [unique]\n", SL_E_VALUE_TYPE, 1, 3,
         "expected one check as {kind: arguments}, found a list"},
        {"- unique\n", SL_E_VALUE_TYPE, 1, 3,
         "expected a column or a list of columns, found nothing"},
        {"- unique: []\n", SL_E_VALUE_TYPE, 1, 11,
         "expected a column or a list of columns, found a list"},
        {"- not_null: [a, {b: c}]\n", SL_E_VALUE_TYPE, 1, 17, "expected a column, found a map"},
        {"- not_null: {b: c}\n", SL_E_VALUE_TYPE, 1, 13,
         "expected a column or a list of columns, found a map"},
        {"- accepted_values: {column: a}\n", SL_E_VALUE_TYPE, 1, 20,
         "expected a value or a list of values, found nothing"},
        {"- accepted_values: {values: [a]}\n", SL_E_KEY_MISSING, 1, 20, "'column' is missing"},
        {"- accepted_values: {column: a, values: [b, null]}\n", SL_E_VALUE_TYPE, 1, 44,
         "expected a value, found nothing"},
        {"- accepted_values: a\n", SL_E_VALUE_TYPE, 1, 20, "expected a map, found a text"},
        {"- range:\n    column: a\n    minn: 1\n", SL_E_KEY_UNKNOWN, 3, 5, "unknown key 'minn'"},
        {"- range: {column: a}\n", SL_E_KEY_MISSING, 1, 10, "'min' or 'max' is missing"},
        {"- range: {column: [a], min: 1}\n", SL_E_VALUE_TYPE, 1, 19,
         "expected a value for 'column', found a list"},
        {"- range: {min: 1}\n", SL_E_KEY_MISSING, 1, 10, "'column' is missing"},
        {"- row_count: {min: many}\n", SL_E_VALUE_TYPE, 1, 20,
         "expected a whole number for 'min', found 'many'"},
        {"- row_count: {max: 1.5}\n", SL_E_VALUE_TYPE, 1, 20,
         "expected a whole number for 'max', found '1.5'"},
        {"- row_count: {}\n", SL_E_VALUE_INVALID, 1, 14,
         "'row_count' needs 'min' or 'max', and min may not be above max"},
        {"- row_count: {min: 2, max: 1}\n", SL_E_VALUE_INVALID, 1, 14,
         "'row_count' needs 'min' or 'max', and min may not be above max"},
        {"- expression: [a]\n", SL_E_VALUE_TYPE, 1, 15, "expected a SQL expression, found a list"},
        {"- expression: ''\n", SL_E_VALUE_INVALID, 1, 15, "the expression is empty"},
        {"- relationships: {column: a}\n", SL_E_KEY_MISSING, 1, 18, "'to' is missing"},
        {"- relationships: {column: a, to: customers}\n", SL_E_VALUE_INVALID, 1, 34,
         "'customers' is not a table name: expected layer.table"},
        {"- relationships: {column: a, to: a.b.c}\n", SL_E_VALUE_INVALID, 1, 34,
         "'a.b.c' is not a table name: expected layer.table"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_arena arena = {0};
        struct sl_diags diags = SL_DIAGS_INIT;
        size_t count = 9;

        (void)compile(cases[i].yaml, &arena, &diags, &count);
        if (count != 0 || diags.count != 1)
            fail_msg("%s: %d checks, %d diagnostics", cases[i].yaml, (int)count, (int)diags.count);
        if (strcmp(diags.items[0].err.message, cases[i].message) != 0)
            fail_msg("%s: %s", cases[i].yaml, diags.items[0].err.message);
        assert_int_equal(diags.items[0].err.code, cases[i].code);
        assert_int_equal(diags.items[0].err.line, cases[i].line);
        if (diags.items[0].err.column != cases[i].column)
            fail_msg("%s: column %d", cases[i].yaml, diags.items[0].err.column);
        sl_diags_clear(&diags);
        sl_arena_clear(&arena);
    }
}

static void a_mistake_leaves_the_other_checks(void **state)
{
    struct sl_arena arena = {0};
    struct sl_diags diags = SL_DIAGS_INIT;
    size_t count = 0;
    const struct sl_check *checks =
        compile("- not_null: id\n- row_count: {min: x}\n- unique: id\n", &arena, &diags, &count);

    (void)state;
    assert_int_equal(count, 2);
    assert_string_equal(checks[0].kind, "not_null");
    assert_string_equal(checks[1].kind, "unique");
    assert_int_equal(checks[1].place.line, 3);
    assert_int_equal(diags.error_count, 1);
    sl_diags_clear(&diags);
    sl_arena_clear(&arena);
}

static void no_list_is_no_checks(void **state)
{
    struct sl_arena arena = {0};
    struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_err err = {0};
    struct sl_check *checks = NULL;
    size_t count = 9;

    (void)state;
    assert_int_equal(sl_checks_compile(NULL, &arena, &diags, &checks, &count, &err), SL_OK);
    assert_int_equal(count, 0);
    sl_arena_clear(&arena);
}

// The examples end up in the docs.
static void every_kind_has_an_example_that_compiles(void **state)
{
    (void)state;
    for (size_t i = 0; sl_check_kinds[i]; i++) {
        struct sl_arena arena = {0};
        struct sl_diags diags = SL_DIAGS_INIT;
        size_t count = 0;
        const char *yaml = sl_arena_printf(&arena, "- %s\n", sl_check_kinds[i]->example);

        (void)compile(yaml, &arena, &diags, &count);
        assert_int_equal(count, 1);
        assert_int_equal(diags.count, 0);
        assert_true(sl_str_starts(sl_check_kinds[i]->example, sl_check_kinds[i]->name));
        assert_true(strlen(sl_check_kinds[i]->summary) > 0);
        sl_arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_finds_the_rows_that_break_it),
        cmocka_unit_test(a_check_per_row_can_be_made_in_parts),
        cmocka_unit_test(mistakes_in_arguments_are_told_with_their_place),
        cmocka_unit_test(a_mistake_leaves_the_other_checks),
        cmocka_unit_test(no_list_is_no_checks),
        cmocka_unit_test(every_kind_has_an_example_that_compiles),
    };

    return cmocka_run_group_tests(tests, open_context, close_context);
}
