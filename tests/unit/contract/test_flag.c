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

static void braces_within_brackets_are_characters_of_a_joined_pattern(void **state)
{
    static const struct flag_case cases[] = {
        {"'a{b'", true}, {"'a}b'", true}, {"'plain'", false}, {"' a'", true},
        {"'x{'", true},  {"'aaa'", true}, {"'aa'", false},    {"']'", true},
    };
    struct sl_rule rules[] = {
        {.kind = "not_pattern", .id = "a", .column = "v", .text = "[<>{}]"},
        {.kind = "not_pattern", .id = "b", .column = "v", .text = "[]{]|\\{"},
        {.kind = "not_pattern", .id = "c", .column = "v", .text = "a{3}"},
        {.kind = "trimmed", .id = "d", .column = "v"},
    };
    RUN(state, text_type, rules, cases);
}

// What no value of the list breaks is left out; what one breaks is looked at all the same.
static void a_list_answers_for_the_other_rules_of_its_column(void **state)
{
    static const struct flag_case cases[] = {
        {"'EUR'", false}, {"'USD'", false}, {"'usd'", true},  {"'XX'", true},
        {"' EUR'", true}, {"'TEST'", true}, {"'e\"r'", true}, {"'it''s'", false},
        {"''", false},    {"null", false},  {"'Ö'", true},    {"'EUR '", true},
    };
    static const char *values[] = {"EUR", "USD", "usd", "TEST", "e\"r", "it's"};
    static const char *taboo[] = {"e\"r", "other"};
    struct sl_rule rules[] = {
        {.kind = "length", .id = "a", .column = "v", .min = "1", .max = "4"},
        {.kind = "enum", .id = "b", .column = "v", .values = {.items = values, .count = 6}},
        {.kind = "not_pattern", .id = "c", .column = "v", .text = "^TE"},
        {.kind = "not_pattern", .id = "d", .column = "v", .text = "s+d"},
        {.kind = "trimmed", .id = "e", .column = "v"},
        {.kind = "printable", .id = "f", .column = "v"},
        {.kind = "not_in", .id = "g", .column = "v", .values = {.items = taboo, .count = 2}},
        {.kind = "case", .id = "h", .column = "v", .text = "upper", .where = "false"},
        {.kind = "not_pattern", .id = "i", .column = "v", .text = "EUR", .severity = SL_RULE_WARN},
    };
    RUN(state, text_type, rules, cases);
}

// With a condition, or as a warning, it lets values pass that are not of it.
static void a_list_that_lets_others_pass_answers_for_nothing(void **state)
{
    static const struct flag_case cases[] = {{"'EUR'", false}, {"'other'", true}, {"'U'", false}};
    static const char *values[] = {"EUR"};
    struct sl_rule rules[] = {
        {.kind = "enum",
         .id = "a",
         .column = "v",
         .where = "v = 'EUR'",
         .values = {.items = values, .count = 1}},
        {.kind = "enum",
         .id = "b",
         .column = "v",
         .severity = SL_RULE_WARN,
         .values = {.items = values, .count = 1}},
        {.kind = "length", .id = "c", .column = "v", .max = "3"},
    };
    RUN(state, text_type, rules, cases);
}

static void a_long_list_answers_for_nothing_and_flags_the_same(void **state)
{
    static const struct flag_case cases[] = {{"'v0'", false}, {"'v20'", true}, {"'v21'", true}};
    static const char *values[] = {"v0",  "v1",  "v2",  "v3",  "v4",  "v5",  "v6",
                                   "v7",  "v8",  "v9",  "v10", "v11", "v12", "v13",
                                   "v14", "v15", "v16", "v17", "v18", "v19", "v20"};
    struct sl_rule rules[] = {
        {.kind = "enum", .id = "a", .column = "v", .values = {.items = values, .count = 21}},
        {.kind = "length", .id = "b", .column = "v", .max = "2"},
    };
    RUN(state, text_type, rules, cases);
}

// Which one of the values it is decides, also where a default or blanks stand between.
static void a_list_answers_for_trimmed_texts_too(void **state)
{
    static const struct flag_case cases[] = {{"' EUR '", false}, {"'EURO'", true}, {"'XX'", true}};
    static const char *values[] = {"EUR", "XX"};
    struct sl_rule rules[] = {
        {.kind = "enum", .id = "a", .column = "v", .values = {.items = values, .count = 2}},
        {.kind = "length", .id = "b", .column = "v", .min = "3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct one_column contract = {.column = harness_column("v", text_type)};
        struct outcome outcome;
        contract.column.is_trimmed = true;
        contract.column.rules = rules;
        contract.column.rule_count = 2;
        harness_run_column(*state, &contract, cases[i].raw, &outcome);
        assert_true(outcome.is_bad == cases[i].is_bad);
        harness_reset(*state);
    }
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
        cmocka_unit_test(braces_within_brackets_are_characters_of_a_joined_pattern),
        cmocka_unit_test(a_list_answers_for_the_other_rules_of_its_column),
        cmocka_unit_test(a_list_that_lets_others_pass_answers_for_nothing),
        cmocka_unit_test(a_list_answers_for_trimmed_texts_too),
        cmocka_unit_test(a_long_list_answers_for_nothing_and_flags_the_same),
        cmocka_unit_test(a_multiple_that_every_value_is_refuses_none),
    };
    return cmocka_run_group_tests_name("contract: flag", tests, harness_setup, harness_teardown);
}
