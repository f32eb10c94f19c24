// The flag with several rules on one column: parts that others cover are left out of it, and it
// says what the reasons say all the same.
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct flag_case {
    const char *raw; // SQL literal
    bool is_bad;
};

static void run_cases(void **state, struct sl_type type, struct sl_rule *rules, size_t rule_count,
                      const struct flag_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct one_column contract = {.column = harness_column("v", type)};
        struct outcome outcome;
        contract.column.rules = rules;
        contract.column.rule_count = rule_count;
        harness_run_column(*state, &contract, cases[i].raw, &outcome); // compares the forms
        if (outcome.is_bad != cases[i].is_bad)
            fail_msg("%s is %s", cases[i].raw, outcome.is_bad ? "bad" : "good");
        harness_reset(*state);
    }
}
#define RUN(state, type, rules, cases)                                            \
    run_cases((state), (type), (rules), sizeof(rules) / sizeof *(rules), (cases), \
              sizeof(cases) / sizeof *(cases))

static void the_tightest_bounds_of_several_ranges_hold(void **state)
{
    static const struct flag_case cases[] = {
        {"'5'", false},    {"'-1'", true},  {"'0'", true},   {"'10'", false},
        {"'10.01'", true}, {"'200'", true}, {"null", false}, {"'x'", true},
    };
    struct sl_rule rules[] = {
        {.kind = "range", .id = "a", .column = "v", .min = "-1000", .max = "1000"},
        {.kind = "range", .id = "b", .column = "v", .min = "0"},
        {.kind = "range", .id = "c", .column = "v", .min = "0", .is_min_exclusive = true},
        {.kind = "range", .id = "d", .column = "v", .max = "10"},
        {.kind = "range", .id = "e", .column = "v", .min = "-5", .max = "100"},
    };
    RUN(state, decimal_type, rules, cases);
}

// It is above the other's minimum, and yet says nothing of rows that its condition leaves out.
static void a_range_under_a_condition_or_that_warns_covers_no_other(void **state)
{
    static const struct flag_case cases[] = {{"'5'", true}, {"'15'", false}, {"'40'", false}};
    struct sl_rule rules[] = {
        {.kind = "range", .id = "a", .column = "v", .min = "10"},
        {.kind = "range", .id = "b", .column = "v", .min = "20", .where = "v > 1000"},
        {.kind = "range", .id = "c", .column = "v", .min = "30", .severity = SL_RULE_WARN},
    };
    RUN(state, integer_type, rules, cases);
}

static void a_required_value_and_its_type_are_one_look(void **state)
{
    static const struct flag_case cases[] = {
        {"'1'", false}, {"' 1 '", false}, {"'1.0'", false}, {"'x'", true},
        {"null", true}, {"''", true},     {"' '", true},
    };
    struct sl_rule rules[] = {{.kind = "required", .id = "a", .column = "v"}};
    RUN(state, integer_type, rules, cases);
}

static void patterns_that_a_text_must_not_have_are_one_pattern(void **state)
{
    static const struct flag_case cases[] = {
        {"'plain'", false},        {"'TEST me'", true}, {"'a test'", false},
        {"'a<b'", true},           {"e'a\\tb'", true},  {"' a'", true},
        {"'a' || chr(160)", true}, {"'a b'", false},    {"'A|B'", false},
        {"'(?i)'", false},         {"''", false},       {"null", false},
    };
    struct sl_rule rules[] = {
        {.kind = "not_pattern", .id = "a", .column = "v", .text = "(?i)^test"},
        {.kind = "not_pattern", .id = "b", .column = "v", .text = "[<>]|x$"},
        {.kind = "printable", .id = "c", .column = "v"},
        {.kind = "trimmed", .id = "d", .column = "v"},
        {.kind = "not_pattern", .id = "e", .column = "v", .text = "\\Qa.b"},
    };
    RUN(state, text_type, rules, cases);
}

static void a_multiple_that_every_value_is_refuses_none(void **state)
{
    static const struct flag_case cases[] = {{"'1.25'", false}, {"'-0.01'", false}, {"'7'", false}};
    static const struct flag_case tenths[] = {{"'1.2'", false}, {"'1.25'", true}};
    struct sl_rule every[] = {{.kind = "multiple_of", .id = "a", .column = "v", .text = "0.01"}};
    struct sl_rule some[] = {{.kind = "multiple_of", .id = "a", .column = "v", .text = "0.1"}};
    RUN(state, decimal_type, every, cases);
    RUN(state, decimal_type, some, tenths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tightest_bounds_of_several_ranges_hold),
        cmocka_unit_test(a_range_under_a_condition_or_that_warns_covers_no_other),
        cmocka_unit_test(a_required_value_and_its_type_are_one_look),
        cmocka_unit_test(patterns_that_a_text_must_not_have_are_one_pattern),
        cmocka_unit_test(a_multiple_that_every_value_is_refuses_none),
    };
    return cmocka_run_group_tests_name("contract: flag", tests, harness_setup, harness_teardown);
}
