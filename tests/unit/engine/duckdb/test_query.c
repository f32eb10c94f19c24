#include "engine_test.h"

static const struct {
    const char *expression, *text, *type;
} values[] = {
    {"1", "1", "INTEGER"},
    {"null", NULL, "INTEGER"},
    {"'-9223372036854775808'::bigint", "-9223372036854775808", "BIGINT"},
    {"18446744073709551615::ubigint", "18446744073709551615", "UBIGINT"},
    {"'-128'::tinyint", "-128", "TINYINT"},
    {"65535::usmallint", "65535", "USMALLINT"},
    {"170141183460469231731687303715884105727::hugeint", "170141183460469231731687303715884105727",
     "HUGEINT"},
    {"'-170141183460469231731687303715884105728'::hugeint",
     "-170141183460469231731687303715884105728", "HUGEINT"},
    {"'-18446744073709551616'::hugeint", "-18446744073709551616", "HUGEINT"},
    {"count_if(true)", "1", "HUGEINT"},
    {"sum(0)", "0", "HUGEINT"},
    {"340282366920938463463374607431768211455::uhugeint", "340282366920938463463374607431768211455",
     "UHUGEINT"},
    {"true", "true", "BOOLEAN"},
    {"-0.05::decimal(4,2)", "-0.05", "DECIMAL(4,2)"},
    {"12345678901234567890123456789012345.678::decimal(38,3)",
     "12345678901234567890123456789012345.678", "DECIMAL(38,3)"},
    {"0.1::double", "0.1", "DOUBLE"},
    {"1e300", "1e+300", "DOUBLE"},
    {"'nan'::float", "nan", "FLOAT"},
    {"date '0044-03-15 (BC)'", "0044-03-15 (BC)", "DATE"},
    {"time '12:34:56.789'", "12:34:56.789", "TIME"},
    {"timestamp '2024-02-29 12:00:00.000001'", "2024-02-29 12:00:00.000001", "TIMESTAMP"},
    {"timestamptz '2024-02-29 12:00:00+02'", "2024-02-29 10:00:00+00", "TIMESTAMP WITH TIME ZONE"},
    {"timestamp_ns '2024-02-29 12:00:00.123456789'", "2024-02-29 12:00:00.123456789",
     "TIMESTAMP_NS"},
    {"interval '1 month 2 days'", "1 month 2 days", "INTERVAL"},
    {"'a''b|ü'", "a'b|ü", "VARCHAR"},
    {"''", "", "VARCHAR"},
    {"repeat('x', 20)", "xxxxxxxxxxxxxxxxxxxx", "VARCHAR"},
    {"'\\xAA\\x00b'::blob", "\\xAA\\x00b", "BLOB"},
    {"uuid '00000000-0000-4000-8000-000000000001'", "00000000-0000-4000-8000-000000000001", "UUID"},
    {"'0101'::bit", "0101", "BIT"},
    {"'{\"a\": 1}'::json", "{\"a\": 1}", "JSON"},
    {"'b'::enum('a', 'b')", "b", "ENUM('a', 'b')"},
    {"[1, null, 3]", "[1, NULL, 3]", "INTEGER[]"},
    {"[1, 2]::integer[2]", "[1, 2]", "INTEGER[2]"},
    {"{'a': 1, 'b c': [date '2024-01-01']}", "{'a': 1, 'b c': [2024-01-01]}",
     "STRUCT(a INTEGER, \"b c\" DATE[])"},
    {"map {'k': {'v': 1.5}}", "{k={'v': 1.5}}", "MAP(VARCHAR, STRUCT(v DECIMAL(2,1)))"},
    {"union_value(n := 1)", "1", "UNION(n INTEGER)"},
};

static void every_type_has_its_own_text_and_name(void **state)
{
    struct context *context = *state;

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        SL_AUTO(sl_result_free) struct sl_result *result = NULL;
        char sql[256];
        const char *text;
        (void)snprintf(sql, sizeof sql, "select %s as value, 7::bigint", values[i].expression);
        check_ok(context, sl_engine_duckdb.query(context->session, sql, 0, &result, &context->err));
        text = sl_result_text(result, 0, 0);
        if (values[i].text)
            assert_string_equal(text, values[i].text);
        else
            assert_null(text);
        assert_string_equal(sl_result_type(result, 0), values[i].type);
        assert_string_equal(sl_result_name(result, 0), "value");
        assert_int_equal(sl_result_int(result, 0, 1), 7);
    }
}

static void describe_names_every_type_as_query_does(void **state)
{
    struct context *context = *state;

    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct sl_column *columns;
        size_t count;
        char sql[256];
        (void)snprintf(sql, sizeof sql, "select %s as value, 7 as \"b c\"; -- end",
                       values[i].expression);
        check_ok(context, sl_engine_duckdb.describe(context->session, sql, &context->arena,
                                                    &columns, &count, &context->err));
        assert_int_equal(count, 2);
        assert_string_equal(columns[0].name, "value");
        assert_string_equal(columns[0].type, values[i].type);
        assert_string_equal(columns[1].name, "b c");
    }
}

static void rows_keep_their_order_and_nulls_across_chunks(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;

    check_ok(context,
             sl_engine_duckdb.query(context->session,
                                    "select case when i % 3 > 0 then i end as a, i / 2 as b "
                                    "from range(10000) r(i) order by i desc",
                                    0, &result, &context->err));
    assert_int_equal(sl_result_rows(result), 10000);
    for (int64_t row = 0; row < 10000; row++) {
        char expected[32];
        int64_t i = 9999 - row;
        (void)snprintf(expected, sizeof expected, "%d.%d", (int)(i / 2), i % 2 ? 5 : 0);
        if (i % 3)
            assert_int_equal(sl_result_int(result, row, 0), i);
        else
            assert_null(sl_result_text(result, row, 0));
        assert_string_equal(sl_result_text(result, row, 1), expected);
    }
}

static void at_most_max_rows_are_fetched_and_no_more_computed(void **state)
{
    struct context *context = *state;
    static const struct {
        const char *sql;
        int64_t max_rows, rows;
    } cases[] = {
        {"select i, i * 0.5 from range(1000000000000) r(i)", 3, 3},
        {"select i from range(1000000000000) r(i)", 5000, 5000},
        {"select 1 where false", 3, 0},
        {"select constant, i from (select 'c' as constant, unnest([1, 2, 3]) as i)", 2, 2},
        {"select i from range(10) r(i)", 0, 10},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_result_free) struct sl_result *result = NULL;
        check_ok(context, sl_engine_duckdb.query(context->session, cases[i].sql, cases[i].max_rows,
                                                 &result, &context->err));
        assert_int_equal(sl_result_rows(result), cases[i].rows);
        assert_string_equal(query(context, "select 'next'"), "next");
    }
}

static void statements_other_than_select_give_rows_too(void **state)
{
    struct context *context = *state;
    static const struct {
        const char *sql, *text;
    } cases[] = {
        {"show tables", "t"},
        {"describe t", "a|BIGINT|YES|NULL|NULL|NULL"},
        {"from (describe t) select column_name", "a"},
        {"with x as (from t) select count(*) from x", "3"},
        {"values (1, 2.5), (2, 3.5)", "1|2.5\n2|3.5"},
        {"insert into t values (7) returning a", "7"},
        {"delete from t where a = 7", "1"},
        {"pivot (select 1 as k, 2.5 as v) on k in (1) using sum(v)", "2.5"},
        {"select 1 as a, 1.5 as a -- two of a name", "1|1.5"},
        {"/* first */ select date '2024-01-01';", "2024-01-01"},
        {"pragma table_info('t')", "0|a|BIGINT|false|NULL|false"},
        {"explain select 1 where false", NULL},
    };

    exec(context, "create table t as select range as a from range(3)");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *text = query(context, cases[i].sql);
        if (cases[i].text)
            assert_string_equal(text, cases[i].text);
        else
            assert_true(strlen(text) > 0);
    }
}

static void rows_that_no_select_gives_must_be_plain(void **state)
{
    struct context *context = *state;
    static const char *const cases[] = {"1.5", "[1]", "{'a': 1}", "date '2024-01-01'"};

    exec(context, "create table t (a integer)");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_result_free) struct sl_result *result = NULL;
        const char *sql =
            sl_arena_printf(&context->arena, "insert into t values (1) returning %s", cases[i]);
        assert_int_equal(sl_engine_duckdb.query(context->session, sql, 0, &result, &context->err),
                         SL_E_ENGINE);
        assert_non_null(strstr(context->err.hint, "to varchar"));
        assert_null(result);
    }
    assert_string_equal(query(context, "select count(*) from t"), "0");
    assert_string_equal(query(context, "insert into t values (1) returning '{}'::json"), "{}");
}

static void what_is_not_one_select_cannot_be_described(void **state)
{
    struct context *context = *state;
    static const char *const cases[] = {
        "insert into t values (1)",    "select 1; select 2", "drop table t", "t", "select ?", "",
        "select 1) to 'x'; (select 1",
    };

    exec(context, "create table t (a integer)");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_column *columns = NULL;
        size_t count = 99;
        assert_int_equal(sl_engine_duckdb.describe(context->session, cases[i], &context->arena,
                                                   &columns, &count, &context->err),
                         SL_E_ENGINE);
        assert_null(columns);
        assert_int_equal(count, 99);
    }
    assert_string_equal(query(context, "select count(*) from t"), "0");
}

static void exec_runs_all_statements_and_counts_the_last(void **state)
{
    struct context *context = *state;
    static const struct {
        const char *sql;
        int64_t affected;
    } cases[] = {
        {"create table t as select * from range(10) r(i)", 10},
        {"insert into t values (1); insert into t values (2), (3);", 2},
        {"update t set i = 0 where i < 5", 8},
        {"delete from t; insert into t from range(4)", 4},
        {"copy t to 't.csv'", 4},
        {"create table u as select i::double from t", 4},
        {"create table v (a integer)", 0},
        {"select 5::bigint", 0},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t affected = -1;
        check_ok(context,
                 sl_engine_duckdb.exec(context->session, cases[i].sql, &affected, &context->err));
        assert_int_equal(affected, cases[i].affected);
    }
}

static void views_are_made_with_their_schema_and_replaced(void **state)
{
    struct context *context = *state;
    static const char *const cases[][2] = {
        {"select 1 as a", "1"},
        {"select 2 as a, 'x' as b; -- done", "2|x"},
        {"(select 3 as a)", "3"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_ok(context, sl_engine_duckdb.create_view(context->session, "raw", "order",
                                                       cases[i][0], &context->err));
        assert_string_equal(query(context, "select * from raw.\"order\""), cases[i][1]);
    }
    assert_int_equal(
        sl_engine_duckdb.create_view(context->session, "räw", "x", "select\n a b c", &context->err),
        SL_E_ENGINE);
    assert_int_equal(context->err.line, 2);
    assert_int_equal(context->err.column, 6);
}

// The engine joins the two only where it looks for a good plan.
#define EXPLAIN "explain select * from range(9) a(i), range(5) b(k) where i = k"

// Such that are planned once only.
static void long_statements_count_rows_and_fail_as_short_ones_do(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t affected = -1;

    sl_buf_add(&sql, "create table wide as select i");
    for (size_t i = 0; i < 6000; i++)
        sl_buf_addf(&sql, ", i + %zu as c%zu", i, i);
    sl_buf_add(&sql, " from range(3) r(i);");
    check_ok(context, sl_engine_duckdb.exec(context->session, sql.text, &affected, &context->err));
    assert_int_equal(affected, 3);

    assert_int_not_equal(sl_engine_duckdb.exec(context->session, sql.text, NULL, &context->err),
                         SL_OK); // it is there already
    context->err = (struct sl_err){0};
    assert_string_equal(query(context, "select count(*), sum(c5999) from wide"), "3|18000");
}

static void a_long_query_is_described_and_the_session_is_as_before(void **state)
{
    struct context *context = *state;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_column *columns;
    size_t count;

    sl_buf_add(&sql, "select i");
    for (size_t i = 0; i < 6000; i++)
        sl_buf_addf(&sql, ", i + %zu as c%zu", i, i);
    sl_buf_add(&sql, " from range(3) r(i)");
    check_ok(context, sl_engine_duckdb.describe(context->session, sql.text, &context->arena,
                                                &columns, &count, &context->err));
    assert_int_equal(count, 6001);
    assert_string_equal(columns[6000].name, "c5999");
    assert_non_null(strstr(query(context, EXPLAIN), "HASH_JOIN"));
}

static void a_session_hurries_until_it_is_told_as_often_not_to(void **state)
{
    struct context *context = *state;

    for (int i = 0; i < 2; i++)
        check_ok(context, sl_engine_duckdb.hurry(context->session, true, &context->err));
    check_ok(context, sl_engine_duckdb.hurry(context->session, false, &context->err));
    assert_non_null(strstr(query(context, EXPLAIN), "CROSS_PRODUCT"));
    check_ok(context, sl_engine_duckdb.hurry(context->session, false, &context->err));
    assert_non_null(strstr(query(context, EXPLAIN), "HASH_JOIN"));
}

static void a_copy_to_a_pipe_streams(void **state)
{
    struct context *context = *state;
    char sql[128];
    char text[16] = "";
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    (void)snprintf(sql, sizeof sql, "copy (select 1 as a, 'x' as b) to '/dev/fd/%d' (format csv)",
                   fds[1]);
    exec(context, sql);
    assert_int_equal(close(fds[1]), 0);
    assert_int_equal(read(fds[0], text, sizeof text - 1), 8);
    assert_string_equal(text, "a,b\n1,x\n");
    assert_int_equal(close(fds[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SESSION_TEST(every_type_has_its_own_text_and_name),
        SESSION_TEST(describe_names_every_type_as_query_does),
        SESSION_TEST(rows_keep_their_order_and_nulls_across_chunks),
        SESSION_TEST(at_most_max_rows_are_fetched_and_no_more_computed),
        SESSION_TEST(statements_other_than_select_give_rows_too),
        SESSION_TEST(rows_that_no_select_gives_must_be_plain),
        SESSION_TEST(what_is_not_one_select_cannot_be_described),
        SESSION_TEST(exec_runs_all_statements_and_counts_the_last),
        SESSION_TEST(views_are_made_with_their_schema_and_replaced),
        SESSION_TEST(long_statements_count_rows_and_fail_as_short_ones_do),
        SESSION_TEST(a_long_query_is_described_and_the_session_is_as_before),
        SESSION_TEST(a_session_hurries_until_it_is_told_as_often_not_to),
        SESSION_TEST(a_copy_to_a_pipe_streams),
    };

    // An engine for few rows does without preparing its statements.
    int failed = cmocka_run_group_tests(tests, open_engine, close_engine);
    return failed + cmocka_run_group_tests(tests, open_engine_for_few_rows, close_engine);
}
