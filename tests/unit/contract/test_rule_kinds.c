// More kinds of rules, over one column and over several: what they refuse, and what they say then.
#include "harness.h"

#include "contract/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { VALUES = 6, CASES = 16 };

// One rule over the column `v`, of type decimal(12,2) where nothing is said, and texts with the
// reasons that they get; "" none. The row was taken in at 2026-01-01 00:00 UTC.
static const struct column_case {
    const char *kind;
    const struct sl_type *type;
    const char *min, *max, *text;
    const char *values[VALUES];
    const char *where;
    struct {
        const char *raw, *reason;
    } rows[CASES];
} column_cases[] = {
    {.kind = "not_in",
     .type = &text_type,
     .values = {"test", "dummy"},
     .rows = {{"'real'", ""}, {"null", ""}, {"'test'", "'test' is not allowed"}, {"'Test'", ""}}},
    {.kind = "not_in",
     .values = {"0", "1.50"},
     .rows = {{"'1'", ""}, {"'0.00'", "'0.00' is not allowed"}, {"'1.5'", "'1.5' is not allowed"}}},
    {.kind = "not_pattern",
     .type = &text_type,
     .text = "[0-9]",
     .rows = {{"'abc'", ""}, {"null", ""}, {"'a1'", "'a1' matches the pattern [0-9]"}}},
    {.kind = "prefix",
     .type = &text_type,
     .values = {"DE-", "AT-"},
     .rows = {{"'DE-1'", ""}, {"null", ""}, {"'CH-1'", "'CH-1' does not begin with 'DE-', 'AT-'"}}},
    {.kind = "suffix",
     .type = &text_type,
     .values = {".com"},
     .rows = {{"'a.com'", ""}, {"'a.org'", "'a.org' does not end in '.com'"}}},
    {.kind = "contains",
     .type = &text_type,
     .values = {"@", "it's"},
     .rows = {{"'a@b'", ""}, {"'it''s'", ""}, {"'ab'", "'ab' does not contain '@', 'it's'"}}},
    {.kind = "case",
     .type = &text_type,
     .text = "upper",
     .rows = {{"'ÄB1'", ""}, {"'Ab'", "'Ab' has lower-case letters"}}},
    {.kind = "case",
     .type = &text_type,
     .text = "lower",
     .rows = {{"'äb'", ""}, {"'aB'", "'aB' has upper-case letters"}}},
    {.kind = "trimmed",
     .type = &text_type,
     .rows = {{"'a b'", ""},
              {"' a'", "' a' has blanks around it"},
              {"'a' || chr(160)", "'a\u00a0' has blanks around it"}}},
    {.kind = "printable",
     .type = &text_type,
     .rows = {{"'aé🤦'", ""}, {"'a' || chr(7)", "'a\a' has control characters"}}},
    {.kind = "digits",
     .type = &text_type,
     .min = "3",
     .max = "3",
     .rows = {{"'012'", ""},
              {"'12'", "'12' does not consist of 3 digits"},
              {"'1234'", "'1234' does not consist of 3 digits"},
              {"'12a'", "'12a' does not consist of 3 digits"}}},
    {.kind = "digits",
     .type = &bigint_type,
     .min = "2",
     .max = "4",
     .rows = {{"'-1234'", ""},
              {"'12'", ""},
              {"'7'", "'7' does not consist of 2 to 4 digits"},
              {"'-9223372036854775808'",
               "'-9223372036854775808' does not consist of 2 to 4 digits"}}},
    {.kind = "digits",
     .type = &text_type,
     .rows = {{"'7'", ""}, {"'x'", "'x' does not consist of 1 or more digits"}}},
    {.kind = "multiple_of",
     .text = "0.05",
     .rows = {{"'1.15'", ""}, {"'-0.10'", ""}, {"'1.16'", "'1.16' is not a multiple of 0.05"}}},
    {.kind = "multiple_of",
     .type = &bigint_type,
     .text = "5",
     .rows = {{"'9223372036854775805'", ""}, {"'0'", ""}, {"'7'", "'7' is not a multiple of 5"}}},
    {.kind = "multiple_of",
     .type = &double_type,
     .text = "0.1",
     .rows = {{"'0.3'", ""}, {"'0.35'", "'0.35' is not a multiple of 0.1"}}},
    {.kind = "decimal_places",
     .max = "1",
     .rows = {{"'1.50'", ""}, {"'7'", ""}, {"'1.55'", "'1.55' has more than 1 decimal places"}}},
    {.kind = "decimal_places",
     .type = &double_type,
     .max = "2",
     .rows = {{"'1.25'", ""},
              {"'0.1'", ""},
              {"'1.255'", "'1.255' has more than 2 decimal places"}}},
    {.kind = "past",
     .type = &date_type,
     .rows = {{"'2026-01-01'", ""},
              {"'2026-01-02'", "'2026-01-02' lies after the time at which the row was taken in"}}},
    {.kind = "past",
     .type = &timestamp_type,
     .rows = {{"'2026-01-01T00:30:00+01:00'", ""},
              {"'2026-01-01T00:00:01Z'",
               "'2026-01-01T00:00:01Z' lies after the time at which the row was taken in"}}},
    {.kind = "future",
     .type = &ntz_type,
     .rows = {{"'2026-01-01T00:00:00'", ""},
              {"'2025-12-31T23:59:59'",
               "'2025-12-31T23:59:59' lies before the time at which the row was taken in"}}},
    {.kind = "age",
     .type = &date_type,
     .min = "86400",
     .max = "864000",
     .rows = {{"'2025-12-31'", ""},
              {"'2025-12-22'", ""},
              {"'2025-12-21'", "'2025-12-21' was older than 10 days when the row was taken in"},
              {"'2026-01-01'", "'2026-01-01' was not 1 day old when the row was taken in"}}},
    {.kind = "age",
     .type = &timestamp_type,
     .max = "5400",
     .rows = {{"'2025-12-31T22:30:00Z'", ""},
              {"'2025-12-31T22:29:59Z'",
               "'2025-12-31T22:29:59Z' was older than 90 minutes when the row was taken in"}}},
    {.kind = "weekday",
     .type = &date_type,
     .values = {"Monday", "friday"},
     .rows = {{"'2025-12-29'", ""}, {"'2025-12-28'", "'2025-12-28' is a sunday"}}},
    {.kind = "json_valid",
     .type = &text_type,
     .rows = {{"'{\"a\": 1}'", ""}, {"'1'", ""}, {"'{a}'", "'{a}' is not JSON"}}},
    {.kind = "json_keys",
     .type = &text_type,
     .values = {"id", "it's"},
     .rows = {{"'{\"id\": null, \"it''s\": 2}'", ""},
              {"'{\"id\": 1}'", "'{\"id\": 1}' is not a JSON object with 'id', 'it's'"},
              {"'[1]'", "'[1]' is not a JSON object with 'id', 'it's'"},
              {"'x'", "'x' is not a JSON object with 'id', 'it's'"}}},
    {.kind = "json_keys",
     .type = &json_type,
     .values = {"id"},
     .rows = {{"'{\"id\": 1}'", ""}, {"'{}'", "'{}' is not a JSON object with 'id'"}}},
    {.kind = "item_count",
     .type = &json_type,
     .min = "1",
     .max = "2",
     .rows = {{"'[1]'", ""},
              {"'[null, 2]'", ""},
              {"null", ""},
              {"'[]'", "'[]' has 0 items, fewer than 1"},
              {"'[1,2,3]'", "'[1,2,3]' has 3 items, more than 2"},
              {"'{\"a\": 1}'", "v.type: '{\"a\": 1}' is not a JSON array"}}},
    {.kind = "item_count",
     .type = &json_type,
     .max = "0",
     .rows = {{"'[]'", ""}, {"'[0]'", "'[0]' has 1 item, more than 0"}}},
    {.kind = "unique_items",
     .type = &json_type,
     .rows = {{"'[1, \"1\", null, [1], {\"a\": 1}]'", ""},
              {"'[]'", ""},
              {"null", ""},
              {"'[1, 2, 1]'", "'[1, 2, 1]' has '1' 2 times"},
              {"'[[1], [ 1 ]]'", "'[[1], [ 1 ]]' has '[1]' 2 times"},
              {"'[null, null, null]'", "'[null, null, null]' has null 3 times"},
              {"'{}'", "v.type: '{}' is not a JSON array"}}},
    {.kind = "member_count",
     .type = &json_type,
     .min = "1",
     .max = "2",
     .rows = {{"'{\"a\": 1}'", ""},
              {"'{\"a\": 1, \"b\": null, \"c\": 0}'", ""},
              {"null", ""},
              {"'{\"a\": null}'", "'{\"a\": null}' has 0 members with a value, fewer than 1"},
              {"'{\"a\":1,\"b\":2,\"c\":3}'",
               "'{\"a\":1,\"b\":2,\"c\":3}' has 3 members with a value, more than 2"},
              {"'[]'", "v.type: '[]' is not a JSON object"}}},
    {.kind = "required_members",
     .type = &json_type,
     .values = {"id", "it's"},
     .rows = {{"'{\"id\": 0, \"it''s\": [null]}'", ""},
              {"null", ""},
              {"'{\"id\": 1, \"it''s\": null}'",
               "'{\"id\": 1, \"it's\": null}' has no value for 'it's'"},
              {"'{}'", "'{}' has no value for 'id', 'it's'"},
              {"'[]'", "v.type: '[]' is not a JSON object"}}},
    {.kind = "range",
     .min = "10",
     .where = "v < 100",
     .rows = {{"'10'", ""}, {"'9'", "'9' is below the minimum 10"}, {"null", ""}}},
    {.kind = "range",
     .max = "10",
     .where = "cast('x' || v as INTEGER) > 1 -- never computed",
     .rows = {{"'11'", ""}}},
    {.kind = "item_count", // only in some rows it must be an array
     .type = &json_type,
     .min = "1",
     .where = "contains(v, 'a')",
     .rows = {{"'{\"a\": 1}'", "'{\"a\": 1}' is not a JSON array"}, {"'{\"b\": 1}'", ""}}},
    {.kind = "enum",
     .type = &text_type,
     .values = {"a"},
     .where = "strlen(v) = 1",
     .rows = {{"'bb'", ""}, {"'b'", "'b' is not one of 'a'"}}},
};

static struct sl_strs list(struct harness *harness, const char *const *values, size_t most)
{
    struct sl_strs strs = {0};
    for (size_t i = 0; i < most && values[i]; i++)
        assert_int_equal(sl_strs_add(&strs, &harness->arena, values[i], NULL), SL_OK);
    return strs;
}

static void a_rule_over_a_column_refuses_just_what_it_says(void **state)
{
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof column_cases / sizeof *column_cases; i++) {
        const struct column_case *wanted = &column_cases[i];
        for (size_t k = 0; k < CASES && wanted->rows[k].raw; k++) {
            const struct sl_type *type = wanted->type ? wanted->type : &decimal_type;
            struct one_column contract = {.column = harness_column("v", *type)};
            struct sl_rule rule = {.kind = wanted->kind,
                                   .column = "v",
                                   .id = "v.x",
                                   .min = wanted->min,
                                   .max = wanted->max,
                                   .text = wanted->text,
                                   .where = wanted->where,
                                   .values = list(harness, wanted->values, VALUES)};
            const char *reason = wanted->rows[k].reason;
            struct outcome outcome;
            contract.column.rules = &rule;
            contract.column.rule_count = 1;
            harness_run_column(harness, &contract, wanted->rows[k].raw, &outcome);
            if (harness->diags.count)
                fail_msg("%s: %s", wanted->kind, harness_diags(harness));
            const char *got =
                strncmp(outcome.reasons, "v.x: ", 5) ? outcome.reasons : outcome.reasons + 5;
            if (!sl_str_equal(got, reason) || outcome.is_bad != (reason[0] != '\0'))
                fail_msg("%s of %s: got '%s', expected '%s'", wanted->kind, wanted->rows[k].raw,
                         got, reason);
            harness_reset(harness);
        }
    }
}

// --- over several columns

// The columns of the rows: a, b, c of type decimal(12,2), x, y of text, d a date, t a timestamp,
// f a double.
static const char *const names[] = {"a", "b", "c", "x", "y", "d", "t", "f"};
enum { COLUMNS = sizeof names / sizeof *names };

static const struct row_case {
    const char *kind;
    const char *columns[VALUES];
    const char *operation, *tolerance, *text, *where;
    struct {
        const char *raw; // "a, b, ...": SQL of the columns' texts that are not null
        const char *reason;
    } rows[CASES];
} row_cases[] = {
    {.kind = "compare",
     .columns = {"a", "b"},
     .operation = ">=",
     .rows = {{"'2' as a, '2' as b", ""},
              {"'1' as a", ""},
              {"'1' as a, '2' as b", "a '1.00' is not >= b '2.00'"}}},
    {.kind = "compare",
     .columns = {"a", "f"},
     .operation = "=",
     .rows = {{"'0.5' as a, '0.5' as f", ""},
              {"'0.5' as a, '1' as f", "a '0.50' is not = f '1.0'"}}},
    {.kind = "compare",
     .columns = {"t", "d"},
     .operation = "<",
     .rows = {{"'2025-01-01T23:59:59Z' as t, '2025-01-02' as d", ""},
              {"'2025-01-01T23:30:00-01:00' as t, '2025-01-02' as d",
               "t '2025-01-02 00:30:00' is not < d '2025-01-02'"}}},
    {.kind = "required_if",
     .columns = {"x"},
     .text = "a > 10 -- many",
     .rows = {{"'11' as a, 'v' as x", ""},
              {"'10' as a", ""},
              {"'1' as b", ""},
              {"'11' as a", "a value of x is required where a > 10 -- many"}}},
    {.kind = "absent_if",
     .columns = {"x"},
     .text = "y = 'draft'",
     .rows = {{"'draft' as y", ""},
              {"'done' as y, 'v' as x", ""},
              {"'draft' as y, 'v' as x",
               "there is a value of x, and none is allowed where y = 'draft'"}}},
    {.kind = "sum_of",
     .columns = {"a", "b", "c"},
     .rows = {{"'3' as a, '1' as b, '2' as c", ""},
              {"'1' as a, '1' as b", ""},
              {"'1' as b", ""},
              {"'3' as a, '1' as b, '1.99' as c", "a '3.00' is not the sum of b '1.00', c '1.99'"},
              {"'1' as a", "a '1.00' is not the sum of b (no value), c (no value)"}}},
    {.kind = "sum_of",
     .columns = {"a", "b"},
     .tolerance = "0.01",
     .rows = {{"'3' as a, '3.01' as b", ""},
              {"'3' as a, '3.02' as b", "a '3.00' is not the sum of b '3.02'"}}},
    {.kind = "sum_of",
     .columns = {"f", "a", "b"},
     .rows = {{"'0.3' as f, '0.1' as a, '0.2' as b", ""},
              {"'0.4' as f, '0.1' as a, '0.2' as b",
               "f '0.4' is not the sum of a '0.10', b '0.20'"}}},
    {.kind = "product_of",
     .columns = {"a", "b", "c"},
     .tolerance = "0.005",
     .rows = {{"'2.51' as a, '1.25' as b, '2.01' as c", ""},
              {"'2.5' as a, '1.25' as b", ""},
              {"'2.5' as a, '1.25' as b, '3' as c",
               "a '2.50' is not the product of b '1.25', c '3.00'"}}},
    // What its type cannot hold is none.
    {.kind = "product_of",
     .columns = {"a", "b", "c"},
     .rows = {{"'5' as a, '9999999999' as b, '9999999999' as c",
               "a '5.00' is not the product of b '9999999999.00', c '9999999999.00'"},
              {"'5' as a, '9999999999' as b", ""}}},
    {.kind = "in_order",
     .columns = {"a", "b", "c"},
     .rows = {{"'1' as a, '1' as b, '2' as c", ""},
              {"'2' as a", ""},
              {"'2' as a, '1' as c", "a '2.00', b (no value), c '1.00' are not in this order"}}},
    {.kind = "in_order",
     .columns = {"a", "b"},
     .operation = "exactly",
     .rows = {{"'1' as a, '2' as b", ""},
              {"'1' as a, '1' as b", "a '1.00', b '1.00' are not in this order"}}},
    {.kind = "different",
     .columns = {"x", "y"},
     .rows = {{"'a' as x, 'b' as y", ""},
              {"'1' as a", ""},
              {"'a' as x, 'a' as y", "x 'a', y 'a' are not all different"}}},
    {.kind = "one_of_columns",
     .columns = {"x", "d"},
     .rows = {{"'a' as x", ""},
              {"'a' as x, '2025-01-01' as d", ""},
              {"'1' as a", "none of 'x', 'd' has a value, and one must"}}},
    {.kind = "one_of_columns",
     .columns = {"x", "y"},
     .operation = "exactly",
     .rows = {{"'a' as x", ""},
              {"'a' as x, 'b' as y", "2 of 'x', 'y' has a value, and exactly one must"}}},
    {.kind = "not_both",
     .columns = {"x", "y"},
     .rows = {{"'1' as a", ""},
              {"'a' as y", ""},
              {"'a' as x, 'b' as y", "2 of 'x', 'y' have a value, and at most one may"}}},
    {.kind = "all_or_none",
     .columns = {"x", "y", "a"},
     .rows = {{"'1' as b", ""},
              {"'a' as x, 'b' as y, '1' as a", ""},
              {"'a' as x, '1' as a", "2 of 'x', 'y', 'a' have a value, and all must or none"}}},
    {.kind = "not_both",
     .columns = {"x", "y"},
     .where = "a = 1",
     .rows = {{"'2' as a, 'a' as x, 'b' as y", ""},
              {"'1' as a, 'a' as x, 'b' as y", "2 of 'x', 'y' have a value, and at most one may"}}},
};

struct row_table {
    struct sl_contract_column columns[COLUMNS];
    struct sl_column raw[COLUMNS];
    struct sl_contract_table table;
};

static void init_table(struct row_table *fixture, struct sl_rule *rule)
{
    const struct sl_type types[] = {decimal_type, decimal_type, decimal_type,   text_type,
                                    text_type,    date_type,    timestamp_type, double_type};
    for (size_t i = 0; i < COLUMNS; i++) {
        fixture->columns[i] = harness_column(names[i], types[i]);
        fixture->raw[i] = (struct sl_column){names[i], "VARCHAR"};
    }
    fixture->table = (struct sl_contract_table){.name = "t",
                                                .columns = fixture->columns,
                                                .column_count = COLUMNS,
                                                .rules = rule,
                                                .rule_count = 1};
}

static void run_row(struct harness *harness, const struct row_case *wanted, const char *raw,
                    const char *reason)
{
    struct row_table fixture;
    struct sl_pass pass;
    struct sl_rule rule = {.kind = wanted->kind,
                           .id = "rule",
                           .columns = list(harness, wanted->columns, VALUES),
                           .operation = wanted->operation,
                           .tolerance = wanted->tolerance,
                           .text = wanted->text,
                           .where = wanted->where};
    init_table(&fixture, &rule);
    harness_compile(harness, &fixture.table, fixture.raw, COLUMNS, &pass);
    if (harness->diags.count)
        fail_msg("%s: %s", wanted->kind, harness_diags(harness));
    const char *sql = sl_arena_printf(
        &harness->arena,
        "(select * from (select null::varchar as a, null::varchar as b, null::varchar as c, "
        "null::varchar as x, null::varchar as y, null::varchar as d, null::varchar as t, "
        "null::varchar as f where false) union all by name select %s, " RAW_TAIL ")",
        raw);
    const char *got = harness_select(
        harness, &pass, sql,
        sl_arena_printf(&harness->arena,
                        "coalesce(list_aggregate(list_transform(%s, lambda z: z.message), "
                        "'string_agg', ' | '), '')",
                        pass.reasons),
        "");
    if (!sl_str_equal(got, reason))
        fail_msg("%s of %s: got '%s', expected '%s'", wanted->kind, raw, got, reason);
    const char *flag = harness_select(harness, &pass, sql, pass.is_bad, "");
    assert_string_equal(flag, reason[0] ? "true" : "false");
}

static void a_rule_over_several_columns_refuses_just_what_it_says(void **state)
{
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof row_cases / sizeof *row_cases; i++)
        for (size_t k = 0; k < CASES && row_cases[i].rows[k].raw; k++) {
            run_row(harness, &row_cases[i], row_cases[i].rows[k].raw, row_cases[i].rows[k].reason);
            harness_reset(harness);
        }
}

// --- rules that cannot be

static const struct refusal {
    struct sl_rule rule;
    const char *columns[VALUES];
    const char *message;
} refusals[] = {
    {{.kind = "compare", .operation = "<"},
     {"a", "nowhere"},
     "rule 'r': 'nowhere' is no column of 't'"},
    {{.kind = "compare", .operation = "<"},
     {"a", "x"},
     "rule 'r': 'a' (DECIMAL(12,2)) and 'x' (VARCHAR) cannot be compared"},
    {{.kind = "compare", .operation = "<"}, {"a", "A"}, "rule 'r': column 'A' stands in it twice"},
    {{.kind = "sum_of"}, {"x", "y"}, "rule 'r': column 'x' is no number"},
    {{.kind = "sum_of"}, {"a"}, "rule 'r': it needs columns to be added up"},
    {{.kind = "sum_of", .tolerance = "-1"},
     {"a", "b"},
     "rule 'r': the tolerance '-1' is not a number from 0 on"},
    {{.kind = "not_both"}, {"x"}, "rule 'r': it needs two columns or more"},
    {{.kind = "in_order"}, {"x"}, "rule 'r': it needs two columns or more"},
    {{.kind = "required_if", .text = "true"}, {"z"}, "rule 'r': 'z' is no column of 't'"},
};

static void a_rule_that_fits_no_columns_is_refused(void **state)
{
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct row_table fixture;
        struct sl_pass pass;
        struct sl_rule rule = refusals[i].rule;
        rule.id = "r";
        rule.columns = list(harness, refusals[i].columns, VALUES);
        init_table(&fixture, &rule);
        harness_compile(harness, &fixture.table, fixture.raw, COLUMNS, &pass);
        assert_int_equal(harness->diags.error_count, 1);
        assert_string_equal(harness->diags.items[0].err.message, refusals[i].message);
        assert_int_equal(pass.rule_count, COLUMNS - 2); // the types
        harness_reset(harness);
    }
}

// --- the list of kinds

static void every_kind_has_a_form_and_every_form_a_kind(void **state)
{
    (void)state;
    size_t forms = 0, kinds = 0;
    for (; sl_rule_forms[forms].name; forms++)
        if (strcmp(sl_rule_forms[forms].name, "unique") != 0) // it is over the whole table
            assert_non_null(sl_rule_kind_find(sl_rule_forms[forms].name));
    for (; sl_rule_kinds[kinds]; kinds++) {
        const struct sl_rule_kind *kind = sl_rule_kinds[kinds];
        assert_non_null(sl_rule_form_find(kind->name));
        assert_non_null(kind->summary);
        assert_non_null(kind->example);
    }
    assert_int_equal(kinds, forms - 1);
}

static void every_format_is_known_to_the_rule(void **state)
{
    struct harness *harness = *state;
    for (size_t i = 0; sl_format_names[i]; i++) {
        struct sl_rule rule = {
            .kind = "format", .id = "v.format", .column = "v", .text = sl_format_names[i]};
        struct one_column contract = {.column = harness_column("v", text_type)};
        struct outcome outcome;
        contract.column.rules = &rule;
        contract.column.rule_count = 1;
        harness_run_column(harness, &contract, "'§'", &outcome);
        assert_int_equal(harness->diags.count, 0);
        assert_true(outcome.is_bad);
        harness_reset(harness);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_over_a_column_refuses_just_what_it_says),
        cmocka_unit_test(a_rule_over_several_columns_refuses_just_what_it_says),
        cmocka_unit_test(a_rule_that_fits_no_columns_is_refused),
        cmocka_unit_test(every_kind_has_a_form_and_every_form_a_kind),
        cmocka_unit_test(every_format_is_known_to_the_rule),
    };
    return cmocka_run_group_tests_name("contract: kinds of rules", tests, harness_setup,
                                       harness_teardown);
}
