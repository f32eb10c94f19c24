#include "contract/certain.h"
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const char *const certain[] = {
    "i > 5",
    "i > n and n <= 5.5",
    "t = 'x' or t < 'y'",
    "d >= '2020-01-01'",
    "d >= date '2020-02-28'",
    "ts < timestamp '2020-01-01'",
    "not b",
    "b",
    "true",
    "i between 1 and 3",
    "i in (1, 2, 3)",
    "t not in ('a', 'b')",
    "I is null or \"T\" is not null",
    "t like 'a%' and t not ilike '%b'",
    "t || 'x' = lower(t)",
    "length(trim(t)) > 3",
    "starts_with(t, 'a') and contains(upper(t), 'B')",
    "case when i > 5 then i else n end > 3",
    "coalesce(try_cast(t as integer), 7) > 5",
    "coalesce(null, t) = 'x'",
    "try_cast(t as integer) is null",
    "try_cast(t as integer) is distinct from 5",
    "cast(i as varchar) = '7'",
    "(i > 5) = b",
};
static const char *const uncertain[] = {
    "try_cast(t as integer) > 5",
    "cast(t as integer) > 5",
    "t > 5",
    "i = 'abc'",
    "i + 1 > 5",
    "i / n > 1",
    "i // 2 > 1",
    "i % n = 0",
    "nullif(i, 5) > 3",
    "year(d) > 2000",
    "d >= '2020-02-30'",
    "d >= 'soon'",
    "d > ts",
    "i in (1, null)",
    "i > null",
    "case when i > 5 then i end > 3",
    "case when i > 5 then try_cast(t as integer) else 1 end > 3",
    "coalesce(try_cast(t as integer), null) > 5",
    "regexp_extract(t, 'a') = 'a'",
    "json_extract_string(t, 'a') = 'a'",
    "my_own(t) = 'a'",
    "t[1] = 'a'",
    "strptime(t, '%Y') > d",
    "i in (select 1)",
    "big > 1.55",
    "unknown > 5",
    "x.i > 5",
    "i",
    "sqrt(i) > 2",
    "to_base(i, 2) = '1'",
    "cast(i as tinyint) > 3",
    "'7' = i and true",
};

// Each of these of its type: values at which functions and casts fail, or give null.
static const char *const odd[][2] = {
    {"i", "(-2147483648), (-1), (0), (1), (7), (2147483647)"},
    {"n", "(-99999999.99), (0.00), (3.50), (99999999.99)"},
    {"t", "(''), (' '), ('a%'), ('7'), ('x'), ('-'), (chr(0)), ('Ünï'), ('2020-01-01')"},
    {"d", "('-infinity'::date), ('0001-01-01'), ('2020-01-01'), ('infinity')"},
    {"ts", "('-infinity'::timestamp), ('2020-01-01'), ('infinity')"},
    {"b", "(true), (false)"},
};

static struct sl_contract_table table_of(struct sl_contract_column columns[7])
{
    struct sl_type wide = decimal_type;
    wide.precision = 38;
    columns[0] = harness_column("i", integer_type);
    columns[1] = harness_column("n", decimal_type);
    columns[2] = harness_column("t", text_type);
    columns[3] = harness_column("d", date_type);
    columns[4] = harness_column("ts", ntz_type);
    columns[5] = harness_column("b", boolean_type);
    columns[6] = harness_column("big", wide);
    return (struct sl_contract_table){.columns = columns, .column_count = 7};
}

static bool ask(struct harness *harness, const char *condition)
{
    struct sl_contract_column columns[7];
    const struct sl_contract_table table = table_of(columns);
    const char *sql = sl_arena_printf(&harness->arena, "select (\n%s\n)", condition), *json;
    struct sl_ast *tree;
    assert_int_equal(harness->session->kind->parse(harness->session, &sql, 1, &harness->arena,
                                                   &json, &harness->err),
                     SL_OK);
    assert_int_equal(sl_ast_parse(json, &harness->arena, &tree, &harness->err), SL_OK);
    const struct sl_ast *statement = sl_ast_first(sl_ast_get(tree, "statements"));
    return sl_condition_is_certain(
        &table, sl_ast_first(sl_ast_get(sl_ast_get(statement, "node"), "select_list")));
}

// As rules are looked at: what cannot be computed is null.
static int64_t nulls_of(struct harness *harness, const char *condition)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    sl_buf_addf(&sql, "select count(*) from (select try(cast((%s) as boolean)) as v from ",
                condition);
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        sl_buf_addf(&sql, "%s(values %s) c%zu(%s)", i ? ", " : "", odd[i][1], i, odd[i][0]);
    sl_buf_add(&sql, ") where v is null");
    if (harness->session->kind->query(harness->session, sql.text, 0, &result, &harness->err) !=
        SL_OK)
        fail_msg("%s: %s", condition, harness->err.message);
    return sl_result_int(result, 0, 0);
}

static void conditions_that_always_have_a_value_are_known_and_have_one(void **state)
{
    struct harness *harness = *state;
    for (size_t i = 0; i < COUNT_OF(certain); i++) {
        harness_reset(harness);
        if (!ask(harness, certain[i]))
            fail_msg("not known: %s", certain[i]);
        if (nulls_of(harness, certain[i]) != 0)
            fail_msg("null for some rows: %s", certain[i]);
    }
}

static void others_are_not_taken_for_certain(void **state)
{
    struct harness *harness = *state;
    for (size_t i = 0; i < COUNT_OF(uncertain); i++) {
        harness_reset(harness);
        if (ask(harness, uncertain[i]))
            fail_msg("taken for certain: %s", uncertain[i]);
    }
}

static void a_condition_nested_too_deeply_is_not_certain(void **state)
{
    struct harness *harness = *state;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    for (int i = 0; i < 300; i++)
        sl_buf_add(&sql, "not (");
    sl_buf_add(&sql, "b");
    for (int i = 0; i < 300; i++)
        sl_buf_add(&sql, ")");
    harness_reset(harness);
    assert_false(ask(harness, sql.text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_that_always_have_a_value_are_known_and_have_one),
        cmocka_unit_test(others_are_not_taken_for_certain),
        cmocka_unit_test(a_condition_nested_too_deeply_is_not_certain),
    };
    return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
