// The kinds of check, on the engine: what each calls a mistake in rows, and in its own arguments.
#include "api/check.h"
#include "base/str.h"
#include "check/kinds.h"
#include "engine/duckdb/duckdb_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
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
    " t(id, customer, amount, status, day, delay, ok, n);"
    "create table _checked_before as select * replace ('new' as status, n * 10 as n) from _checked "
    "union all select * replace (n * 20 as n) from _checked;"
    "create table _checked_versions as select * from (values (3, 8), (2, 2), (1, 1)) "
    "t(version, row_count);"
    "create table _checked_run as select epoch_us(timestamp '2026-01-04 12:00:00') as now_us";

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

static const struct {
    const char *yaml, *claim, *reads;
    int64_t failing;
    bool is_per_row;
} claims[] = {
    {"not_null: id", "'id' never null", NULL, 0, true},
    {"not_null: [id, status, day]", "'id', 'status', 'day' never null", NULL, 1, true},
    {"unique: id", "'id' unique", NULL, 0, false},
    {"unique: [amount]", "'amount' unique", NULL, 1, false},
    {"unique: [amount, id]", "'amount', 'id' unique", NULL, 0, false},
    {"accepted_values: {column: status, values: [new, paid, \"it's\"]}",
     "'status' is one of 'new', 'paid', 'it's'", NULL, 0, true},
    {"accepted_values: {column: status, values: new}", "'status' is one of 'new'", NULL, 2, true},
    {"accepted_values: {column: amount, values: [1, 2.5]}", "'amount' is one of '1', '2.5'", NULL,
     0, true},
    {"accepted_values: {column: ok, values: [true]}", "'ok' is one of 'true'", NULL, 1, true},
    {"accepted_values: {column: day, values: [2026-01-01]}", "'day' is one of '2026-01-01'", NULL,
     2, true},
    {"accepted_values: {column: status, values: [\"\"]}", "'status' is one of ''", NULL, 3, true},
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
    {"row_count: {equals: 4}", "exactly 4 rows", NULL, 0, false},
    {"row_count: {equals: 5}", "exactly 5 rows", NULL, 1, false},
    {"null_share: {column: status, max: 0.25}", "the share of nulls in 'status' is at most 0.25",
     NULL, 0, false},
    {"null_share: {column: status, max: 0.2}", "the share of nulls in 'status' is at most 0.2",
     NULL, 1, false},
    {"distinct_count: {columns: amount, equals: 2}",
     "the number of different values of 'amount' is exactly 2", NULL, 0, false},
    {"distinct_count: {columns: [amount, ok], min: 4}",
     "the number of different values of 'amount', 'ok' is at least 4", NULL, 1, false},
    {"distinct_share: {columns: amount, min: 0.7}",
     "the share of different values among those of 'amount' is at least 0.7", NULL, 1, false},
    {"distinct_share: {columns: id, min: 1}",
     "the share of different values among those of 'id' is at least 1", NULL, 0, false},
    {"duplicate_count: {columns: amount, max: 0}",
     "the number of values that come again in 'amount' is at most 0", NULL, 1, false},
    {"duplicate_count: {columns: [amount, id], max: 0}",
     "the number of values that come again in 'amount', 'id' is at most 0", NULL, 0, false},
    {"duplicate_share: {columns: amount, max: 0.25}",
     "the share of rows whose value comes again in 'amount' is at most 0.25", NULL, 0, false},
    {"duplicate_share: {columns: amount, max: 0.2}",
     "the share of rows whose value comes again in 'amount' is at most 0.2", NULL, 1, false},
    {"sum: {column: amount, equals: 6.00}", "the sum of 'amount' is exactly 6.00", NULL, 0, false},
    {"sum: {column: n, min: 27}", "the sum of 'n' is at least 27", NULL, 1, false},
    {"mean: {column: n, min: 8.6, max: 8.7}", "the mean of 'n' is at least 8.6 and at most 8.7",
     NULL, 0, false},
    {"mean: {column: n, max: 8}", "the mean of 'n' is at most 8", NULL, 1, false},
    {"stddev: {column: n, max: 3.3}", "the standard deviation of 'n' is at most 3.3", NULL, 0,
     false},
    {"stddev: {column: n, max: 3}", "the standard deviation of 'n' is at most 3", NULL, 1, false},
    {"min_value: {column: day, min: 2026-01-01}", "the least 'day' is at least 2026-01-01", NULL, 0,
     false},
    {"min_value: {column: n, min: 6}", "the least 'n' is at least 6", NULL, 1, false},
    {"max_value: {column: day, max: 2026-01-02}", "the greatest 'day' is at most 2026-01-02", NULL,
     1, false},
    {"max_value: {column: n, min: 11, max: 11}", "the greatest 'n' is at least 11 and at most 11",
     NULL, 0, false},
    {"quantile: {column: n, q: 0.5, equals: 10}", "the 0.5 quantile of 'n' is exactly 10", NULL, 0,
     false},
    {"quantile: {column: n, q: 0.9, max: 10}", "the 0.9 quantile of 'n' is at most 10", NULL, 1,
     false},
    {"missing: {column: status}", "the number of rows without a value of 'status' is at most 0",
     NULL, 1, false},
    {"missing: {column: status, values: [new], max: 1}",
     "the number of rows without a value of 'status' is at most 1", NULL, 1, false},
    {"missing: {column: status, share: true, max: 0.25}",
     "the share of rows without a value of 'status' is at most 0.25", NULL, 0, false},
    {"pattern: {column: status, pattern: '^[a-z]+$'}", "'status' matches '^[a-z]+$'", NULL, 1,
     true},
    {"functional_dependency: {from: amount, to: ok}", "'amount' determine 'ok'", NULL, 1, false},
    {"functional_dependency: {from: id, to: [ok, n]}", "'id' determine 'ok', 'n'", NULL, 0, false},
    {"monotonic: {column: n, order_by: id}", "'n' never goes back in the order of 'id'", NULL, 0,
     false},
    {"monotonic: {column: amount, order_by: id, strict: true}",
     "'amount' always grows in the order of 'id'", NULL, 1, false},
    {"monotonic: {column: delay, order_by: id}", "'delay' never goes back in the order of 'id'",
     NULL, 1, false},
    {"no_gaps: {column: day}", "no day of 'day' is missing between the first and the last", NULL, 0,
     false},
    {"no_gaps: {column: n, every: integer}",
     "no integer of 'n' is missing between the first and the last", NULL, 1, false},
    {"no_gaps: {column: id, every: integer, within: amount}",
     "no integer of 'id' is missing between the first and the last", NULL, 0, false},
    {"no_gaps: {column: day, every: hour}",
     "no hour of 'day' is missing between the first and the last", NULL, 2, false},
    {"reconcile: {expression: count(*), equals: {table: clean.customers}}",
     "count(*) equals count(*) of clean.customers", "clean.customers", 1, false},
    {"reconcile: {expression: count(*), equals: {table: clean.customers, tolerance: 1}}",
     "count(*) equals count(*) of clean.customers", "clean.customers", 0, false},
    {"reconcile: {expression: sum(n), equals: {table: clean.customers, expression: sum(id), "
     "tolerance: 0.5, relative: true}}",
     "sum(n) equals sum(id) of clean.customers", "clean.customers", 1, false},
    {"distribution: {column: status, shares: {new: [0.2, 0.3], paid: [0.5, 1]}}",
     "the values of 'status' have their shares of the rows", NULL, 1, false},
    {"distribution: {column: ok, shares: {'true': [0.5, 0.5], gone: [0, 0]}}",
     "the values of 'ok' have their shares of the rows", NULL, 0, false},
    {"drift: {column: status, max: 0.38}",
     "the values of 'status' drift from the version before by at most 0.38 (total_variation)", NULL,
     0, false},
    {"drift: {column: status, max: 0.37}",
     "the values of 'status' drift from the version before by at most 0.37 (total_variation)", NULL,
     1, false},
    {"drift: {column: n, max: 0.1, bins: 2, method: psi}",
     "the values of 'n' drift from the version before by at most 0.1 (psi)", NULL, 1, false},
    {"row_count_change: {max_drop: 0.5}",
     "the number of rows drops by a share of at most 0.5 against the version before", NULL, 0,
     false},
    {"row_count_change: {max_drop: 0.49}",
     "the number of rows drops by a share of at most 0.49 against the version before", NULL, 1,
     false},
    {"row_count_change: {max_growth: 0.9, versions: 3}",
     "the number of rows grows by a share of at most 0.9 against the median of the last 3 "
     "versions",
     NULL, 1, false},
    {"row_count_change: {max_growth: 1, max_drop: 0, versions: 3}",
     "the number of rows drops by a share of at most 0 and grows by a share of at most 1 "
     "against the median of the last 3 versions",
     NULL, 0, false},
    {"freshness: {column: day, max_age: 2d}", "the newest 'day' is at most 2d old", NULL, 0, false},
    {"freshness: {column: day, max_age: 24h}", "the newest 'day' is at most 24h old", NULL, 1,
     false},
    {"metric: {metric: rowCount, mustBeBetween: [3, 5]}",
     "the number of rows is between 3 and 5, without these", NULL, 0, false},
    {"metric: {metric: rowCount, mustBeBetween: [4, 6]}",
     "the number of rows is between 4 and 6, without these", NULL, 1, false},
    {"metric: {metric: rowCount, mustNotBeBetween: [4, 5]}",
     "the number of rows is not between 4 and 5, except these", NULL, 0, false},
    {"metric: {metric: rowCount, mustNotBeBetween: [3, 5]}",
     "the number of rows is not between 3 and 5, except these", NULL, 1, false},
    {"{metric: {metric: nullValues, mustBeLessOrEqualTo: 25, unit: percent}, column: status}",
     "the number of nulls in 'status' is at most 25 percent of the rows", NULL, 0, false},
    {"{metric: {metric: missingValues, arguments: {missingValues: [null, new]}, mustBe: 1}, "
     "column: status}",
     "the number of missing values in 'status' is 1", NULL, 1, false},
    {"{metric: {metric: invalidValues, arguments: {validValues: [1.0]}, mustBeLessThan: 2}, "
     "column: amount}",
     "the number of invalid values in 'amount' is less than 2", NULL, 1, false},
    {"{metric: {metric: invalidValues, arguments: {pattern: '^[a-z]'}, mustNotBe: 1}, column: "
     "status}",
     "the number of invalid values in 'status' is not 1", NULL, 0, false},
    {"metric: {metric: duplicateValues, arguments: {properties: [amount]}, mustBeGreaterThan: "
     "0}",
     "the number of values that come again in 'amount' is greater than 0", NULL, 0, false},
    {"{metric: {rule: duplicateCount, mustBeGreaterOrEqualTo: 2}, column: amount}",
     "the number of values that come again in 'amount' is at least 2", NULL, 1, false},
    {"sql: {query: 'select count(*) from ${table} where n > 5;', mustBe: 2}",
     "what the query gives is 2", NULL, 0, false},
    {"sql: {query: 'select count(*) from {object} where n > 5', mustNotBe: 2}",
     "what the query gives is not 2", NULL, 1, false},
    {"{sql: {query: 'select max({property}) > 10 from {object}', mustBe: true}, column: n}",
     "what the query gives is true", NULL, 0, false},
    {"sql: {query: 'select null', mustBe: 1}", "what the query gives is 1", NULL, 1, false},
    {"{not_null: status, mostly: 0.75}", "'status' never null in a share of rows of at least 0.75",
     NULL, 0, false},
    {"{not_null: status, mostly: 0.8, severity: warn}",
     "'status' never null in a share of rows of at least 0.8", NULL, 1, false},
    {"{range: {column: n, max: 10}, mostly: 0.76, name: small}",
     "'n' is at most 10 in a share of rows of at least 0.76", NULL, 1, false},
    {"not_null: {columns: [id]}", "'id' never null", NULL, 0, true},
    {"unique: {columns: amount}", "'amount' unique", NULL, 1, false},
    {"expression: {expression: n > 5}", "n > 5", NULL, 1, true},
};

static void each_kind_finds_the_rows_that_break_it(void **state)
{
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        struct sl_arena arena = {0};
        struct sl_diags diags = SL_DIAGS_INIT;
        size_t count = 0;
        const char *yaml = sl_arena_printf(&arena, "- %s\n", claims[i].yaml);
        const struct sl_check *check = compile(yaml, &arena, &diags, &count);

        if (count != 1 || diags.count)
            fail_msg("%s: %s", claims[i].yaml,
                     diags.count ? diags.items[0].err.message : "nothing");
        if (count_failing(*state, check) != claims[i].failing)
            fail_msg("%s: %d rows", claims[i].yaml, (int)count_failing(*state, check));
        assert_string_equal(check->claim, claims[i].claim);
        if (claims[i].reads)
            assert_string_equal(check->reads, claims[i].reads);
        else
            assert_null(check->reads);
        assert_true(check->is_per_row == claims[i].is_per_row);
        assert_int_equal(check->place.line, 1);
        assert_true(sl_str_starts(claims[i].yaml + (claims[i].yaml[0] == '{'), check->kind));
        sl_diags_clear(&diags);
        sl_arena_clear(&arena);
    }
}

// All that one scan can find, of rows that `where` leaves, as text: "broken measure".
static char *find_alone(struct context *context, const struct sl_check *check, const char *rows)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    static char text[200];
    struct sl_err err = {0};

    sl_buf_addf(&sql, "with _checked as (select * from %s where %s) ", rows,
                check->where ? check->where : "true");
    if (check->measured_sql)
        sl_buf_addf(&sql, "select coalesce(%s, false)::int, \"%s\"::varchar from (%s\n) m",
                    check->broken, check->measure, check->measured_sql);
    else
        sl_buf_addf(&sql, "select count(*), null from (%s\n) f", check->failing_sql);
    if (context->session->kind->query(context->session, sql.text, 0, &result, &err) != SL_OK)
        fail_msg("%s: %s", sql.text, err.message);
    const char *measure = sl_result_text(result, 0, 1);
    (void)snprintf(text, sizeof text, "%d %s", (int)sl_result_int(result, 0, 0),
                   measure ? measure : "null");
    return text;
}

// Checks whose rows `where` limits to the same, or claims about rows, may stand together.
static void compare_together(struct context *context, const char *yaml, const char *rows,
                             size_t least)
{
    struct sl_arena arena = {0};
    struct sl_diags diags = SL_DIAGS_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf together = SL_BUF_INIT;
    struct sl_err err = {0};
    const struct sl_check *shared[100];
    size_t count = 0, shared_count = 0;
    const struct sl_check *checks = compile(yaml, &arena, &diags, &count);

    for (size_t i = 0; i < count; i++)
        if (checks[i].breaks_row || checks[i].members)
            shared[shared_count++] = &checks[i];
    assert_true(shared_count >= least);
    sl_checks_together(shared, shared_count, &together);
    const char *where = shared[0]->members ? shared[0]->where : NULL;
    const char *sql =
        sl_arena_printf(&arena, "with _checked as (select * from %s where %s) from (%s) order by 1",
                        rows, where ? where : "true", together.text);
    if (context->session->kind->query(context->session, sql, 0, &result, &err) != SL_OK)
        fail_msg("%s: %s", sql, err.message);
    assert_int_equal(sl_result_rows(result), shared_count);
    for (size_t i = 0; i < shared_count; i++) {
        const char *measure = sl_result_text(result, (int64_t)i, 2);
        const char *found = sl_arena_printf(
            &arena, "%d %s", (int)sl_result_int(result, (int64_t)i, 1), measure ? measure : "null");
        const char *alone = find_alone(context, shared[i], rows);

        assert_int_equal(sl_result_int(result, (int64_t)i, 0), i);
        if (!sl_str_equal(found, alone))
            fail_msg("%s: together %s, alone %s", shared[i]->claim, found, alone);
    }
    sl_diags_clear(&diags);
    sl_arena_clear(&arena);
}

static void checks_find_together_what_each_finds_alone(void **state)
{
    static const char *const rows[] = {"kept", "(from kept where false)"};
    SL_AUTO(sl_buf_clear) struct sl_buf all = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf filtered = SL_BUF_INIT;
    struct context *context = *state;
    struct sl_err err = {0};

    assert_int_equal(context->session->kind->exec(context->session,
                                                  "create or replace table kept as from _checked",
                                                  NULL, &err),
                     SL_OK);
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        sl_buf_addf(&all, "- %s\n", claims[i].yaml);
        if (claims[i].is_per_row && claims[i].yaml[0] != '{' && !strchr(claims[i].yaml, '"'))
            sl_buf_addf(&filtered, "- {%s, where: amount > 1 or n = 5}\n", claims[i].yaml);
    }
    for (size_t i = 0; i < 2; i++) {
        compare_together(context, all.text, rows[i], 45);
        compare_together(context, filtered.text, rows[i], 10);
        compare_together(context,
                         "- {mean: {column: n, min: 8}, where: amount > 1}\n"
                         "- {not_null: status, mostly: 0.9, where: amount > 1}\n"
                         "- {freshness: {column: day, max_age: 25h}, where: amount > 1}\n"
                         "- {row_count: {max: 1}, where: amount > 1}\n",
                         rows[i], 4);
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

static const struct {
    const char *yaml;
    enum sl_code code;
    int line, column;
    const char *message;
} mistakes[] = {
    {"- nut_null: day\n", SL_E_VALUE_INVALID, 1, 3, "there is no check 'nut_null'"},
    {"- nothing\n", SL_E_VALUE_INVALID, 1, 3, "there is no check 'nothing'"},
    {"- [unique]\n", SL_E_VALUE_TYPE, 1, 3,
     "expected one check as {kind: arguments}, found a list"},
    {"- unique\n", SL_E_VALUE_TYPE, 1, 3, "expected a column or a list of columns, found nothing"},
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
    {"- row_count: {}\n", SL_E_KEY_MISSING, 1, 14, "'min', 'max' or 'equals' is missing"},
    {"- row_count: {min: 2, max: 1}\n", SL_E_VALUE_INVALID, 1, 20,
     "'min' 2 is above 'max' 1, so that nothing can pass"},
    {"- expression: [a]\n", SL_E_VALUE_TYPE, 1, 15, "expected a SQL expression, found a list"},
    {"- expression: ''\n", SL_E_VALUE_INVALID, 1, 15, "the expression is empty"},
    {"- not_null: {columns: []}\n", SL_E_VALUE_TYPE, 1, 23,
     "expected a column or a list of columns, found a list"},
    {"- range: {column: a, min: 2, max: 1}\n", SL_E_VALUE_INVALID, 1, 27,
     "'min' 2 is above 'max' 1, so that nothing can pass"},
    {"- null_share: {column: a, max: 5}\n", SL_E_VALUE_TYPE, 1, 32,
     "expected a share between 0 and 1 for 'max', found '5'"},
    {"- mean: {column: a}\n", SL_E_KEY_MISSING, 1, 9, "'min', 'max' or 'equals' is missing"},
    {"- mean: {min: 1}\n", SL_E_KEY_MISSING, 1, 9, "'column' is missing"},
    {"- sum: {column: a, equals: 1, max: 2}\n", SL_E_VALUE_INVALID, 1, 28,
     "'equals' leaves nothing to 'min' and 'max'"},
    {"- distinct_count: {min: 1}\n", SL_E_KEY_MISSING, 1, 19, "'columns' is missing"},
    {"- quantile: {column: a, q: 95, max: 1}\n", SL_E_VALUE_INVALID, 1, 28,
     "'q' is '95', expected a number from 0 to 1"},
    {"- freshness: {column: a, max_age: soon}\n", SL_E_VALUE_INVALID, 1, 35,
     "'max_age' of the check is 'soon', expected a duration in whole seconds, such as 30s, 15m, "
     "24h, 90d, 2w"},
    {"- row_count_change: {versions: 3}\n", SL_E_KEY_MISSING, 1, 21,
     "'max_drop' or 'max_growth' is missing"},
    {"- row_count_change: {max_drop: 20%}\n", SL_E_VALUE_TYPE, 1, 32,
     "expected a share for 'max_drop', found '20%'"},
    {"- row_count_change: {max_drop: 0, versions: 0}\n", SL_E_VALUE_INVALID, 1, 45,
     "'versions' is 0, expected 1 to 100"},
    {"- distribution: {column: a, shares: {b: 1}}\n", SL_E_VALUE_INVALID, 1, 41,
     "the share of 'b' is a number, expected the least and the greatest share in a list"},
    {"- distribution: {column: a, shares: {b: [0.6, 1], c: [0.5, 1]}}\n", SL_E_VALUE_INVALID, 1, 37,
     "the least shares come to more than 1 together, so that nothing can pass"},
    {"- drift: {column: a, max: 0.1, bins: 1}\n", SL_E_VALUE_INVALID, 1, 38,
     "'bins' is 1, expected 2 to 1000, or 0"},
    {"- reconcile: {expression: sum(a), equals: {table: orders}}\n", SL_E_VALUE_INVALID, 1, 43,
     "'orders' is not a table name: expected layer.table"},
    {"- metric: {metric: rowCont, mustBe: 1}\n", SL_E_VALUE_INVALID, 1, 20,
     "there is no metric 'rowCont'"},
    {"- metric: {metric: rowCount}\n", SL_E_KEY_MISSING, 1, 11,
     "nothing says what the result must be"},
    {"- metric: {metric: nullValues, mustBe: 1}\n", SL_E_KEY_MISSING, 1, 11,
     "this metric is about a column, and none is named"},
    {"- metric: {metric: rowCount, mustBeBetween: [3, 3]}\n", SL_E_VALUE_INVALID, 1, 45,
     "'mustBeBetween': no number is between 3 and 3"},
    {"- metric: {metric: rowCount, mustBeGreaterThan: 3, mustBeLessOrEqualTo: 3}\n",
     SL_E_VALUE_INVALID, 1, 11, "the operators contradict each other, so that nothing can pass"},
    {"- metric: {metric: rowCount, mustBeBetween: [3, 1]}\n", SL_E_VALUE_INVALID, 1, 45,
     "'mustBeBetween': no number is between 3 and 1"},
    {"- metric: {metric: rowCount, mustBeLessThan: 1, mustBeGreaterThan: 2}\n", SL_E_VALUE_INVALID,
     1, 11, "the operators contradict each other, so that nothing can pass"},
    {"- metric: {metric: rowCount, mustBeLessThan: 0}\n", SL_E_VALUE_INVALID, 1, 46,
     "what is counted is a whole number from 0 on, so that nothing can pass"},
    {"- metric: {metric: rowCount, mustBeBetween: [5, 6]}\n", SL_E_VALUE_INVALID, 1, 45,
     "what is counted is a whole number from 0 on, so that nothing can pass"},
    {"- metric: {metric: rowCount, mustBe: 2.5}\n", SL_E_VALUE_INVALID, 1, 38,
     "what is counted is a whole number from 0 on, so that nothing can pass"},
    {"- {metric: {metric: nullValues, mustBeGreaterThan: 101, unit: percent}, column: a}\n",
     SL_E_VALUE_INVALID, 1, 52,
     "what is measured is a number from 0 to 100, so that nothing can pass"},
    {"- metric: {metric: rowCount, mustBe: many}\n", SL_E_VALUE_TYPE, 1, 38,
     "'mustBe' is many, expected a number"},
    {"- sql: {query: 'select max({property}) from {object}', mustBe: 1}\n", SL_E_VALUE_INVALID, 1,
     16, "the query has {property}, but is about no column"},
    {"- sql: {mustBe: 1}\n", SL_E_KEY_MISSING, 1, 8, "'query' is missing"},
    {"- {unique: a, mostly: 0.9}\n", SL_E_VALUE_INVALID, 1, 23,
     "'mostly' has no meaning for check unique"},
    {"- {not_null: a, mostly: 90}\n", SL_E_VALUE_INVALID, 1, 25,
     "'mostly' is '90', expected a share above 0 and at most 1"},
    {"- {not_null: a, severity: error}\n", SL_E_VALUE_INVALID, 1, 27,
     "severity is 'error', expected fail or warn"},
    {"- {not_null: a, dimension: beauty}\n", SL_E_VALUE_INVALID, 1, 28,
     "there is no dimension 'beauty'"},
    {"- {not_null: a, unique: a}\n", SL_E_VALUE_INVALID, 1, 17,
     "one check has the keys 'not_null' and 'unique'"},
    {"- relationships: {column: a}\n", SL_E_KEY_MISSING, 1, 18, "'to' is missing"},
    {"- relationships: {column: a, to: customers}\n", SL_E_VALUE_INVALID, 1, 34,
     "'customers' is not a table name: expected layer.table"},
    {"- relationships: {column: a, to: a.b.c}\n", SL_E_VALUE_INVALID, 1, 34,
     "'a.b.c' is not a table name: expected layer.table"},
};

static void mistakes_in_arguments_are_told_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct sl_arena arena = {0};
        struct sl_diags diags = SL_DIAGS_INIT;
        size_t count = 9;

        (void)compile(mistakes[i].yaml, &arena, &diags, &count);
        if (count != 0 || diags.count != 1)
            fail_msg("%s: %d checks, %d diagnostics", mistakes[i].yaml, (int)count,
                     (int)diags.count);
        if (strcmp(diags.items[0].err.message, mistakes[i].message) != 0)
            fail_msg("%s: %s", mistakes[i].yaml, diags.items[0].err.message);
        if (diags.items[0].err.code != mistakes[i].code)
            fail_msg("%s: %s", mistakes[i].yaml, sl_code_info(diags.items[0].err.code)->id);
        assert_int_equal(diags.items[0].err.line, mistakes[i].line);
        if (diags.items[0].err.column != mistakes[i].column)
            fail_msg("%s: column %d", mistakes[i].yaml, diags.items[0].err.column);
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
        cmocka_unit_test(checks_find_together_what_each_finds_alone),
        cmocka_unit_test(a_check_per_row_can_be_made_in_parts),
        cmocka_unit_test(mistakes_in_arguments_are_told_with_their_place),
        cmocka_unit_test(a_mistake_leaves_the_other_checks),
        cmocka_unit_test(no_list_is_no_checks),
        cmocka_unit_test(every_kind_has_an_example_that_compiles),
    };

    return cmocka_run_group_tests(tests, open_context, close_context);
}
