// A column that has an old name: which value a row has, whatever types raw has under both.
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DAY_US ((int64_t)86400 * 1000000)

struct alias_case {
    const struct sl_type *type;
    const char *raw_type, *raw, *old_type, *old;
    const char *value; // NULL: null
    bool differs;
    const char *format; // NULL: none
};

static const struct alias_case cases[] = {
    {&text_type, "VARCHAR", "'a'", "VARCHAR", "null", "a", false},
    {&text_type, "VARCHAR", "null", "VARCHAR", "'b'", "b", false},
    {&text_type, "VARCHAR", "''", "VARCHAR", "'b'", "b", false},
    {&text_type, "VARCHAR", "null", "VARCHAR", "''", NULL, false},
    {&text_type, "VARCHAR", "'a'", "VARCHAR", "'a '", "a", true},
    {&text_type, "VARCHAR", "'1'", "BIGINT", "1", "1", false},
    {&text_type, "BIGINT", "null", "VARCHAR", "'x'", "x", false},
    {&integer_type, "BIGINT", "7", "BIGINT", "7", "7", false},
    {&integer_type, "BIGINT", "7", "BIGINT", "8", "7", true},
    {&integer_type, "BIGINT", "null", "VARCHAR", "' 8 '", "8", false},
    {&integer_type, "VARCHAR", "'7.0'", "BIGINT", "7", "7", false},
    {&integer_type, "VARCHAR", "'x'", "BIGINT", "7", NULL, true},
    {&integer_type, "VARCHAR", "'7'", "VARCHAR", "'x'", "7", true},
    {&integer_type, "VARCHAR", "'x'", "VARCHAR", "' x'", NULL, false},
    {&decimal_type, "VARCHAR", "'1.5'", "DOUBLE", "1.5", "1.50", false},
    {&decimal_type, "DECIMAL(9,3)", "1.510", "VARCHAR", "'1.5'", "1.51", true},
    {&double_type, "DOUBLE", "0.1", "VARCHAR", "'0.10'", "0.1", false},
    {&boolean_type, "BOOLEAN", "true", "VARCHAR", "'yes'", "true", false},
    {&boolean_type, "BOOLEAN", "true", "VARCHAR", "'no'", "true", true},
    {&date_type, "DATE", "'2026-01-02'", "VARCHAR", "'2026-01-02'", "2026-01-02", false},
    {&date_type, "VARCHAR", "''", "TIMESTAMP", "'2026-01-02'", "2026-01-02", false},
    {&ntz_type, "VARCHAR", "'2026-01-02T03:04:05'", "TIMESTAMP", "'2026-01-02 03:04:05'",
     "2026-01-02 03:04:05", false},
    {&time_type, "VARCHAR", "'17:00'", "VARCHAR", "'17:00:00'", "17:00:00", false},
    {&json_type, "VARCHAR", "null", "STRUCT(a BIGINT)", "{'a': 1}", "{\"a\":1}", false},
    // Formats are of the texts among them.
    {&decimal_type, "DOUBLE", "1.25", "VARCHAR", "null", "1.25", false, "1.234,56"},
    {&decimal_type, "DOUBLE", "1.234", "VARCHAR", "null", NULL, false, "1.234,56"},
    {&decimal_type, "DOUBLE", "null", "VARCHAR", "'1.234'", "1234.00", false, "1.234,56"},
    {&decimal_type, "VARCHAR", "''", "DECIMAL(9,3)", "1.250", "1.25", false, "1.234,56"},
    {&decimal_type, "DECIMAL(9,3)", "1.250", "VARCHAR", "'1,25'", "1.25", false, "1.234,56"},
    {&boolean_type, "BOOLEAN", "true", "VARCHAR", "'ja'", "true", false, "ja/nein"},
};

static void run(struct harness *harness, const struct alias_case *one,
                const struct sl_contract_alias *alias, struct outcome *ret)
{
    struct sl_contract_alias copy = *alias;
    struct sl_rule rule = {.kind = "alias", .id = "v.alias", .column = "v"};
    struct one_column contract = {.column = harness_column("v", *one->type),
                                  .raw_type = one->raw_type,
                                  .old_type = one->old_type,
                                  .old = one->old};
    if (copy.until)
        assert_true(sl_contract_alias_read_until(&copy));
    if (one->format)
        contract.column.formats = harness_strs(harness, one->format, NULL);
    contract.column.aliases = &copy;
    contract.column.alias_count = 1;
    contract.column.rules = &rule;
    contract.column.rule_count = 1;
    harness_run_column(harness, &contract, one->raw, ret);
}

static void a_value_comes_from_the_new_name_or_else_from_the_old(void **state)
{
    const struct sl_contract_alias alias = {.name = "OLD"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct alias_case *one = &cases[i];
        struct outcome outcome;
        run(*state, one, &alias, &outcome);
        if (!sl_str_equal(outcome.value, one->value) ||
            (strstr(outcome.reasons, "v.alias: v '") != NULL) != one->differs)
            fail_msg("%s and %s: %s, '%s'", one->raw, one->old,
                     outcome.value ? outcome.value : "null", outcome.reasons);
        harness_reset(*state);
    }
}

// The rows were taken in on 2026-01-01.
static void the_old_name_counts_to_the_end_of_its_last_day(void **state)
{
    const struct alias_case one = {&text_type, "VARCHAR", "null", "VARCHAR", "'b'", "b", false};
    const struct alias_case both = {&text_type, "VARCHAR", "'a'", "VARCHAR", "'b'", "a", false};
    static const struct {
        const char *until;
        bool is_read;
    } days[] = {{NULL, true},
                {"2026-01-01", true},
                {"9999-12-31", true},
                {"2025-12-31", false},
                {"0001-01-01", false}};
    for (size_t i = 0; i < sizeof days / sizeof *days; i++) {
        const struct sl_contract_alias alias = {.name = "old", .until = days[i].until};
        struct outcome outcome;
        run(*state, &one, &alias, &outcome);
        assert_true(sl_str_equal(outcome.value, days[i].is_read ? "b" : NULL));
        run(*state, &both, &alias, &outcome);
        assert_string_equal(outcome.value, "a");
        assert_string_equal(outcome.reasons,
                            days[i].is_read ? "v.alias: v 'a', old 'b' differ" : "");
        harness_reset(*state);
    }
}

static void a_last_day_is_a_date_and_nothing_else(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",           "2026",        "2026-1-01",
                                        "2026-02-29", "2026-01-01 ", "2026-01-01T00:00:00Z",
                                        "today",      "20260101"};
    struct sl_contract_alias alias = {.until = "1970-01-01"};
    assert_true(sl_contract_alias_read_until(&alias));
    assert_int_equal(alias.end_us, DAY_US);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        alias.until = wrong[i];
        assert_false(sl_contract_alias_read_until(&alias));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_comes_from_the_new_name_or_else_from_the_old),
        cmocka_unit_test(the_old_name_counts_to_the_end_of_its_last_day),
        cmocka_unit_test(a_last_day_is_a_date_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, harness_setup, harness_teardown);
}
