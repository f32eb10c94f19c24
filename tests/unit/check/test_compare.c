// How two checks of a kind compare, for all kinds and in both directions; and on the engine, that
// no table passes the stricter and not the weaker.
#include "api/check.h"
#include "base/str.h"
#include "check/must.h"
#include "engine/duckdb/duckdb_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STRICTER = SL_CHECK_STRICTER, SAME = SL_CHECK_AS_BEFORE, ANOTHER = SL_CHECK_ANOTHER };

static const struct {
    const char *before, *now;
    int order; // of `now`; turned round, STRICTER is weaker
} pairs[] = {
    {"accepted_values: {column: s, values: [x, y, z]}",
     "accepted_values: {column: s, values: [y, x]}", STRICTER},
    {"accepted_values: {column: s, values: [x, y]}", "accepted_values: {column: s, values: [y, z]}",
     ANOTHER},
    {"accepted_values: {column: s, values: [x, y]}", "accepted_values: {values: [y, x], column: s}",
     SAME},
    {"accepted_values: {column: s, values: x}", "accepted_values: {column: s, values: [x]}", SAME},
    {"accepted_values: {column: s, values: [x]}", "accepted_values: {column: a, values: [x]}",
     ANOTHER},
    {"distinct_count: {columns: s, max: 3}", "distinct_count: {columns: s, max: 2}", STRICTER},
    {"distinct_count: {columns: [s, a], max: 3}", "distinct_count: {columns: [a, s], max: 3}",
     SAME},
    {"distinct_count: {columns: [s, a], max: 3}", "distinct_count: {columns: s, max: 2}", ANOTHER},
    {"distinct_share: {columns: s, min: 0.2}", "distinct_share: {columns: s, min: 0.5}", STRICTER},
    {"distribution: {column: s, shares: {x: [0, 0.6]}}",
     "distribution: {column: s, shares: {x: [0.1, 0.6]}}", STRICTER},
    {"distribution: {column: s, shares: {x: [0, 0.6]}}",
     "distribution: {column: s, shares: {x: [0, 0.6], y: [0, 0.5]}}", STRICTER},
    {"distribution: {column: s, shares: {x: [0, 0.6]}}",
     "distribution: {column: s, shares: {x: [0, 0.6], y: [0, 1]}}", SAME},
    {"distribution: {column: s, shares: {x: [0, 0.6]}}",
     "distribution: {column: s, shares: {y: [0, 0.6]}}", ANOTHER},
    {"drift: {column: s, max: 0.5}", "drift: {column: s, max: 0.2}", STRICTER},
    {"drift: {column: s, max: 0.5}",
     "drift: {column: s, max: 0.5, method: total_variation, bins: 0}", SAME},
    {"drift: {column: s, max: 0.5}", "drift: {column: s, max: 0.2, method: psi}", ANOTHER},
    {"duplicate_count: {columns: s, max: 3}", "duplicate_count: {columns: s, max: 1}", STRICTER},
    {"duplicate_count: {columns: s, max: 3}", "duplicate_count: {columns: s, max: 3, min: 0}",
     SAME},
    {"duplicate_share: {columns: s, max: 0.5}", "duplicate_share: {columns: s, max: 0.25}",
     STRICTER},
    {"duplicate_share: {columns: s, max: 0.5}", "duplicate_share: {columns: s, max: 0.5, min: 0.0}",
     SAME},
    {"expression: a > 1", "expression: {expression: a > 1}", SAME},
    {"expression: a > 1", "expression: a > 2", ANOTHER},
    {"{expression: a > 1, where: b > 1}", "expression: a > 1", STRICTER},
    {"freshness: {column: d, max_age: 1000d}", "freshness: {column: d, max_age: 900d}", STRICTER},
    {"freshness: {column: d, max_age: 24h}", "freshness: {column: d, max_age: 1d}", SAME},
    {"functional_dependency: {from: [s, b], to: a}", "functional_dependency: {from: s, to: a}",
     STRICTER},
    {"functional_dependency: {from: s, to: a}", "functional_dependency: {from: s, to: [b, a]}",
     STRICTER},
    {"functional_dependency: {from: s, to: a}", "functional_dependency: {from: [s, b], to: [a, d]}",
     ANOTHER},
    {"max_value: {column: a, max: 4}", "max_value: {column: a, max: 3}", STRICTER},
    {"max_value: {column: d, max: 2024-01-05}", "max_value: {column: d, max: 2024-01-03}",
     STRICTER},
    {"max_value: {column: a, equals: 3}", "max_value: {column: a, min: 3, max: 3}", SAME},
    {"max_value: {column: a, max: 3}", "max_value: {column: a, max: 3.0}", SAME},
    {"max_value: {column: s, max: x}", "max_value: {column: s, max: y}", ANOTHER},
    {"max_value: {column: s, min: w, max: x}", "max_value: {column: s, max: x}", -STRICTER},
    {"max_value: {column: a, max: 90071992547409921}",
     "max_value: {column: a, max: 90071992547409922}", ANOTHER},
    {"mean: {column: a, min: 1}", "mean: {column: a, min: 2, max: 4}", STRICTER},
    {"metric: {metric: rowCount, mustBeGreaterThan: 10}",
     "metric: {metric: rowCount, mustBeGreaterOrEqualTo: 11}", SAME},
    {"metric: {metric: rowCount, mustBeGreaterThan: 3}",
     "metric: {metric: rowCount, mustBeGreaterThan: 3.5}", SAME},
    {"metric: {metric: rowCount, mustBeGreaterThan: 0}", "metric: {metric: rowCount, mustNotBe: 0}",
     SAME},
    {"metric: {metric: rowCount, mustNotBe: 5}",
     "metric: {metric: rowCount, mustNotBeBetween: [4, 6]}", SAME},
    {"metric: {metric: rowCount, mustNotBe: 5}", "metric: {metric: rowCount, mustBeLessThan: 5}",
     STRICTER},
    {"metric: {metric: rowCount, mustNotBe: 5}", "metric: {metric: rowCount, mustNotBe: 4}",
     ANOTHER},
    {"metric: {metric: rowCount, mustNotBeBetween: [2, 6]}",
     "metric: {metric: rowCount, mustNotBeBetween: [1, 7]}", STRICTER},
    {"metric: {metric: rowCount, mustBeBetween: [1, 9]}",
     "metric: {metric: rowCount, mustBeGreaterThan: 1, mustBeLessThan: 9}", SAME},
    {"{metric: {metric: nullValues, mustBeLessThan: 3}, column: a}",
     "{metric: {metric: nullValues, mustBe: 0}, column: a}", STRICTER},
    {"{metric: {rule: nullCheck, mustBe: 0}, column: a}",
     "{metric: {metric: nullValues, mustBeLessThan: 1, unit: rows}, column: a}", SAME},
    {"{metric: {metric: nullValues, mustBe: 0}, column: a}",
     "metric: {metric: nullValues, arguments: {properties: [a]}, mustBe: 0}", SAME},
    {"{metric: {metric: nullValues, mustBe: 0}, column: a}",
     "{metric: {metric: nullValues, mustBe: 0}, column: b}", ANOTHER},
    {"{metric: {metric: nullValues, mustBeLessThan: 50, unit: percent}, column: a}",
     "{metric: {metric: nullValues, mustBeLessThan: 20, unit: percent}, column: a}", STRICTER},
    {"{metric: {metric: nullValues, mustBeLessThan: 5, unit: percent}, column: a}",
     "{metric: {metric: nullValues, mustBeLessThan: 5}, column: a}", ANOTHER},
    {"{metric: {metric: missingValues, mustBeLessThan: 3}, column: s}",
     "{metric: {metric: missingValues, arguments: {missingValues: ['', x]}, mustBeLessThan: 3}, "
     "column: s}",
     STRICTER},
    {"{metric: {metric: missingValues, arguments: {missingValues: [x]}, mustBeGreaterThan: 1}, "
     "column: s}",
     "{metric: {metric: missingValues, arguments: {missingValues: [x, y]}, mustBeGreaterThan: 1}, "
     "column: s}",
     -STRICTER},
    {"{metric: {metric: invalidValues, arguments: {validValues: [x, y]}, mustBeLessThan: 3}, "
     "column: s}",
     "{metric: {metric: invalidValues, validValues: [x], mustBeLessThan: 2}, column: s}", STRICTER},
    {"{metric: {metric: invalidValues, arguments: {validValues: [x, y]}, mustBeBetween: [1, 5]}, "
     "column: s}",
     "{metric: {metric: invalidValues, arguments: {validValues: [x]}, mustBeBetween: [1, 5]}, "
     "column: s}",
     ANOTHER},
    {"{metric: {metric: invalidValues, arguments: {pattern: x}, mustBe: 0}, column: s}",
     "{metric: {metric: invalidValues, arguments: {pattern: y}, mustBe: 0}, column: s}", ANOTHER},
    {"metric: {metric: rowCount, mustBeLessThan: 9}",
     "metric: {metric: rowCount, arguments: {x: 1}, mustBeLessThan: 5}", ANOTHER},
    {"{metric: {metric: rowCount, mustBeLessThan: 9}, where: a > 1}",
     "metric: {metric: rowCount, mustBeLessThan: 9}", ANOTHER},
    {"min_value: {column: a, min: 0}", "min_value: {column: a, min: 1}", STRICTER},
    {"missing: {column: s}", "missing: {column: s, max: 0, share: false}", SAME},
    {"missing: {column: s, max: 3}", "missing: {column: s}", STRICTER},
    {"missing: {column: s, max: 3}", "missing: {column: s, values: [x], max: 3}", STRICTER},
    {"missing: {column: s, min: 1}", "missing: {column: s, values: [x], min: 1}", -STRICTER},
    {"missing: {column: s, max: 0.5, share: true}",
     "missing: {column: s, max: 0.5, min: 0, share: true}", SAME},
    {"missing: {column: s, max: 1, share: true}", "missing: {column: s, max: 1}", ANOTHER},
    {"monotonic: {column: d, order_by: b, within: s}", "monotonic: {column: d, order_by: b}",
     STRICTER},
    {"monotonic: {column: d, order_by: b}", "monotonic: {column: d, order_by: b, strict: true}",
     STRICTER},
    {"monotonic: {column: d, order_by: b}", "monotonic: {column: d, order_by: [b], strict: false}",
     SAME},
    {"monotonic: {column: d, order_by: [a, b]}", "monotonic: {column: d, order_by: [b, a]}",
     ANOTHER},
    {"no_gaps: {column: d, every: week}", "no_gaps: {column: d}", STRICTER},
    {"no_gaps: {column: d, every: month}", "no_gaps: {column: d, every: day}", STRICTER},
    {"no_gaps: {column: d, every: month}", "no_gaps: {column: d, every: week}", ANOTHER},
    {"no_gaps: {column: d, within: [a, s]}", "no_gaps: {column: d, every: day, within: [s, a]}",
     SAME},
    {"no_gaps: {column: d, within: s}", "no_gaps: {column: d}", ANOTHER},
    {"not_null: a", "not_null: [b, a]", STRICTER},
    {"not_null: [a, b]", "not_null: {columns: [b, a]}", SAME},
    {"{not_null: , column: a}", "not_null: a", SAME},
    {"not_null: a", "not_null: b", ANOTHER},
    {"{not_null: a, mostly: 0.5}", "{not_null: a, mostly: 0.9}", STRICTER},
    {"{not_null: a, mostly: 0.9}", "not_null: a", STRICTER},
    {"{not_null: a, mostly: 1}", "not_null: a", SAME},
    {"{not_null: a, where: b > 1}", "not_null: a", STRICTER},
    {"{not_null: a, where: b > 1}", "{not_null: a, where: b > 2}", ANOTHER},
    {"{not_null: a, where: b > 1, mostly: 0.5}", "{not_null: a, mostly: 0.5}", ANOTHER},
    {"{not_null: a, where: b > 1, mostly: 0.5}", "{not_null: a, where: b > 1, mostly: 0.6}",
     STRICTER},
    {"{not_null: a, severity: warn, name: x}", "{not_null: a, dimension: accuracy}", SAME},
    {"null_share: {column: a, max: 0.5}", "null_share: {column: a, max: 0.1}", STRICTER},
    {"null_share: {column: a, equals: 0}", "null_share: {column: a, max: 0}", SAME},
    {"pattern: {column: s, pattern: x}", "{pattern: {column: s, pattern: x}, where: b > 1}",
     -STRICTER},
    {"pattern: {column: s, pattern: x}", "pattern: {column: s, pattern: y}", ANOTHER},
    {"quantile: {column: a, q: 0.5, max: 4}", "quantile: {column: a, q: 0.5, max: 2}", STRICTER},
    {"quantile: {column: a, q: 0.5, max: 4}", "quantile: {column: a, q: 0.9, max: 4}", STRICTER},
    {"quantile: {column: a, q: 0.5, min: 1}", "quantile: {column: a, q: 0.9, min: 1}", -STRICTER},
    {"quantile: {column: a, q: 0.5, min: 1, max: 4}",
     "quantile: {column: a, q: 0.9, min: 1, max: 4}", ANOTHER},
    {"range: {column: a, min: 0}", "range: {column: a, min: 1}", STRICTER},
    {"range: {column: d, max: 2024-01-05}", "range: {column: d, min: 2024-01-01, max: 2024-01-05}",
     STRICTER},
    {"range: {column: s, min: \"1\"}", "range: {column: s, min: \"09\"}", ANOTHER},
    {"range: {column: a, min: 1}", "range: {column: a, min: 2024-01-01}", ANOTHER},
    {"reconcile: {expression: sum(a), equals: {table: clean.other, tolerance: 5}}",
     "reconcile: {expression: sum(a), equals: {table: clean.other}}", STRICTER},
    {"reconcile: {expression: sum(a), equals: {table: clean.other}}",
     "reconcile: {expression: sum(a), equals: {table: clean.other, expression: sum(a), tolerance: "
     "0, relative: false}}",
     SAME},
    {"reconcile: {expression: sum(a), equals: {table: clean.other, tolerance: 0.1, relative: "
     "true}}",
     "reconcile: {expression: sum(a), equals: {table: clean.other, tolerance: 0.01}}", ANOTHER},
    {"{relationships: {column: a, to: clean.other}, mostly: 0.5}",
     "relationships: {column: a, to: clean.other, field: a}", STRICTER},
    {"relationships: {column: a, to: clean.other}",
     "relationships: {column: b, to: clean.other, field: a}", ANOTHER},
    {"row_count: {min: 1}", "row_count: {min: 3}", STRICTER},
    {"row_count: {min: 1}", "row_count: {min: 3, max: 6}", STRICTER},
    {"row_count: {equals: 3}", "row_count: {min: 3, max: 3}", SAME},
    {"row_count: {max: 3}", "row_count: {min: 0, max: 3}", SAME},
    {"row_count: {min: 1}", "row_count: {max: 9}", ANOTHER},
    {"row_count_change: {max_drop: 0.5}", "row_count_change: {max_drop: 0.2}", STRICTER},
    {"row_count_change: {max_drop: 0.5}", "row_count_change: {max_drop: 0.5, max_growth: 0.1}",
     STRICTER},
    {"row_count_change: {max_drop: 0.5}", "row_count_change: {max_growth: 0.5}", ANOTHER},
    {"row_count_change: {max_drop: 0.5, versions: 1}", "row_count_change: {max_drop: 0.50}", SAME},
    {"row_count_change: {max_drop: 0.5}", "row_count_change: {max_drop: 0.2, versions: 7}",
     ANOTHER},
    {"sql: {query: 'select sum(a) from {table}', mustBeLessThan: 20}",
     "sql: {query: 'select sum(a) from {table}', mustBeLessThan: 9}", STRICTER},
    {"sql: {query: 'select sum(a) from {table}', mustBeGreaterThan: 10}",
     "sql: {query: 'select sum(a) from {table}', mustBeGreaterOrEqualTo: 11}",
     STRICTER}, // it may give 10.5
    {"sql: {query: 'select sum(a) from {table}', mustBe: 1}",
     "sql: {query: 'select sum(b) from {table}', mustBe: 1}", ANOTHER},
    {"stddev: {column: a, max: 3}", "stddev: {column: a, max: 1}", STRICTER},
    {"sum: {column: a, min: 1}", "sum: {column: a, min: 9}", STRICTER},
    {"sum: {column: a, min: 1}", "sum: {column: b, min: 9}", ANOTHER},
    {"unique: [a, b]", "unique: a", STRICTER},
    {"unique: [a, b]", "unique: [b, a]", SAME},
    {"unique: a", "unique: b", ANOTHER},
    {"{unique: a, where: b > 1}", "unique: a", STRICTER},
    {"not_null: a", "unique: a", ANOTHER},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static const struct sl_yaml *parse(const char *text, struct sl_arena *arena)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_yaml *node = NULL;
    struct sl_err err = {0};
    assert_int_equal(sl_yaml_parse(text, strlen(text), "a.yml", 1, 1, arena, &diags, &node, &err),
                     SL_OK);
    if (diags.error_count)
        fail_msg("%s: %s", text, diags.items[0].err.message);
    return node;
}

static int turned(int order)
{
    return order == SL_CHECK_STRICTER ? SL_CHECK_WEAKER
           : order == SL_CHECK_WEAKER ? SL_CHECK_STRICTER
                                      : order;
}

static int expected(size_t i)
{
    return pairs[i].order == -STRICTER ? SL_CHECK_WEAKER : pairs[i].order;
}

static void each_pair_compares_in_both_directions(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    (void)state;
    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < PAIRS; i++) {
        const struct sl_yaml *before = parse(pairs[i].before, &arena);
        const struct sl_yaml *now = parse(pairs[i].now, &arena);
        if ((int)sl_check_compare(before, now) != expected(i) ||
            (int)sl_check_compare(now, before) != turned(expected(i)))
            fail_msg("%s -> %s: %d and %d", pairs[i].before, pairs[i].now,
                     sl_check_compare(before, now), sl_check_compare(now, before));
        assert_int_equal(sl_check_compare(now, now), SL_CHECK_AS_BEFORE);
    }
}

static bool begins_with(const char *yaml, const char *kind)
{
    const char *at = yaml + (*yaml == '{');
    return sl_str_starts(at, kind) && at[strlen(kind)] == ':';
}

static bool is_a_term(const struct sl_check_kind *kind, const char *argument)
{
    for (const struct sl_check_term *term = kind->terms; term->argument; term++)
        if (sl_str_equal(term->argument, argument) ||
            (sl_str_starts(term->argument, argument) && term->argument[strlen(argument)] == '.'))
            return true;
    return false;
}

// A new kind, or a new option of one, must say how it compares, and have a pair here.
static void every_kind_says_of_all_arguments_how_they_compare(void **state)
{
    (void)state;
    for (size_t i = 0; sl_check_kinds[i]; i++) {
        const struct sl_check_kind *kind = sl_check_kinds[i];
        bool has_stricter = false;
        if (!kind->terms)
            fail_msg("check %s does not say how it compares", kind->name);
        for (const struct sl_opt *row = kind->options; row && row->name; row++)
            if (!is_a_term(kind, row->name))
                fail_msg("check %s does not say how '%s' compares", kind->name, row->name);
        for (size_t k = 0; k < PAIRS; k++)
            has_stricter |= begins_with(pairs[k].before, kind->name) &&
                            (pairs[k].order == STRICTER || pairs[k].order == -STRICTER);
        if (!has_stricter)
            fail_msg("no pair here has a stricter check %s", kind->name);
    }
}

// --- On the engine

// Small tables, so that the pairs are told apart by many of them.
static void make_tables(struct sl_session *session, int seed)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_err err = {0};
    static const char *const tables[] = {"_all_rows", "_checked_before", "clean.other"};
    sl_buf_add(&sql, "create schema if not exists clean;");
    for (int t = 0; t < 3; t++)
        sl_buf_addf(
            &sql,
            "create or replace table %s as select nullif(a, 6) as a, b, case s when 0 then "
            "'x' when 1 then 'y' when 2 then 'z' when 3 then '' end as s, date '2024-01-01' "
            "+ (d * %d)::int as d from (select hash(i, %d, 1) %% 7 as a, hash(i, %d, 2) %% "
            "5 as b, hash(i, %d, 3) %% 5 as s, hash(i, %d, 4) %% 6 as d from range(%d) "
            "r(i));",
            tables[t], seed % 3 == 0 ? 20 : 1, seed + t * 100, seed + t * 100, seed + t * 100,
            seed + t * 100, t == 2 && seed % 2 ? 5 : seed % 9);
    sl_buf_addf(&sql,
                "create or replace table _checked_versions as select 1::bigint as version, "
                "%d::bigint as row_count; create or replace table _checked_run as select "
                "epoch_us(timestamp '2026-08-01') as now_us;",
                seed % 5);
    if (session->kind->exec(session, sql.text, NULL, &err) != SL_OK)
        fail_msg("%s", err.message);
}

static bool passes(struct sl_session *session, const char *yaml, struct sl_arena *arena)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *list = sl_arena_printf(arena, "- %s\n", yaml);
    struct sl_check *checks;
    struct sl_err err = {0};
    size_t count = 0;
    assert_int_equal(sl_checks_compile(parse(list, arena), arena, &diags, &checks, &count, &err),
                     SL_OK);
    if (count != 1)
        fail_msg("%s: %s", yaml, diags.items[0].err.message);
    // As the audit does it: `where` takes the other rows away.
    sl_buf_addf(&sql, "create or replace view _checked as select * from _all_rows where %s",
                checks[0].where ? checks[0].where : "true");
    if (session->kind->exec(session, sql.text, NULL, &err) != SL_OK)
        fail_msg("%s", err.message);
    sl_buf_reset(&sql);
    sl_buf_addf(&sql, "select count(*) from (%s\n) f", checks[0].failing_sql);
    if (session->kind->query(session, sql.text, 0, &result, &err) != SL_OK)
        fail_msg("%s: %s", sql.text, err.message);
    return sl_result_int(result, 0, 0) == 0;
}

static void what_passes_the_stricter_passes_the_weaker(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    struct sl_engine *engine;
    struct sl_session *session;
    struct sl_engine_options options = {.threads = 1};
    struct sl_err err = {0};
    (void)state;
    bool is_told_apart[PAIRS] = {0};
    size_t told_apart = 0;
    sl_arena_init(&arena, 0);
    assert_int_equal(sl_engine_duckdb.open(&options, &engine, &err), SL_OK);
    assert_int_equal(sl_engine_duckdb.connect(engine, &session, &err), SL_OK);
    for (int seed = 1; seed <= 8; seed++) {
        make_tables(session, seed);
        for (size_t i = 0; i < PAIRS; i++) {
            if (expected(i) == ANOTHER)
                continue;
            bool is_before = passes(session, pairs[i].before, &arena);
            bool is_now = passes(session, pairs[i].now, &arena);
            bool is_right = expected(i) == SL_CHECK_STRICTER ? is_before || !is_now
                            : expected(i) == SL_CHECK_WEAKER ? is_now || !is_before
                                                             : is_now == is_before;
            told_apart += is_before != is_now && !is_told_apart[i];
            is_told_apart[i] |= is_before != is_now;
            if (!is_right)
                fail_msg("table %d: %s passes: %d, %s: %d", seed, pairs[i].before, is_before,
                         pairs[i].now, is_now);
        }
    }
    assert_true(told_apart >= 30); // else the tables say nothing
    sl_session_close(&session);
    sl_engine_close(&engine);
}

// --- Nulls

static void which_checks_say_that_a_column_is_never_null(void **state)
{
    static const struct {
        const char *yaml, *columns;
    } cases[] = {
        {"not_null: [a, b]", "a b"},
        {"{not_null: , column: a}", "a"},
        {"{not_null: a, mostly: 0.9}", ""},
        {"{not_null: a, where: b > 1}", ""},
        {"{metric: {metric: nullValues, mustBe: 0}, column: a}", "a"},
        {"{metric: {rule: nullCheck, mustBeLessThan: 1}, column: a}", "a"},
        {"{metric: {metric: nullValues, mustBeLessThan: 1, unit: percent}, column: a}", ""},
        {"{metric: {metric: nullValues, mustBeLessOrEqualTo: 0, unit: percent}, column: a}", "a"},
        {"metric: {metric: nullValues, arguments: {properties: [a, b]}, mustBe: 0}", "a b"},
        {"null_share: {column: a, max: 0}", "a"},
        {"null_share: {column: a, max: 0.1}", ""},
        {"missing: {column: a}", "a"},
        {"missing: {column: a, min: 0}", ""},
        {"unique: a", ""},
        {"sum: {column: a, max: 0}", ""},
    };
    SL_AUTO(sl_arena_clear) struct sl_arena arena;
    struct sl_err err = {0};
    (void)state;
    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_strs found = {0};
        assert_int_equal(
            sl_check_not_null_columns(parse(cases[i].yaml, &arena), &arena, &found, &err), SL_OK);
        char text[64] = "";
        for (size_t k = 0; k < found.count; k++) {
            strcat(text, k ? " " : "");
            strcat(text, found.items[k]);
        }
        if (strcmp(text, cases[i].columns) != 0)
            fail_msg("%s: '%s'", cases[i].yaml, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_compares_in_both_directions),
        cmocka_unit_test(every_kind_says_of_all_arguments_how_they_compare),
        cmocka_unit_test(what_passes_the_stricter_passes_the_weaker),
        cmocka_unit_test(which_checks_say_that_a_column_is_never_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
