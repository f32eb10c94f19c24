// What each kind of rule refuses, and what it says then. One row of a table is one value under one
// rule.
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct rule_case {
    const char *raw;    // SQL literal
    const char *reason; // NULL: none
};

static void run_rule(void **state, struct sl_type type, struct sl_rule rule,
                     const struct rule_case *cases, size_t count)
{
    struct harness *harness = *state;
    for (size_t i = 0; i < count; i++) {
        struct one_column contract = {.column = harness_column("v", type)};
        struct outcome outcome;
        rule.column = "v";
        contract.column.rules = &rule;
        contract.column.rule_count = 1;
        harness_run_column(harness, &contract, cases[i].raw, &outcome);
        const char *reason = cases[i].reason ? cases[i].reason : "";
        if (harness->diags.count)
            fail_msg("%s", harness_diags(harness));
        if (!sl_str_equal(outcome.reasons, reason) || outcome.is_bad != (reason[0] != '\0'))
            fail_msg("%s: got '%s'%s, expected '%s'", cases[i].raw, outcome.reasons,
                     outcome.is_bad ? " (bad)" : "", reason);
        harness_reset(harness);
    }
}
#define RUN_RULE(state, type, rule, cases) \
    run_rule((state), (type), (rule), (cases), sizeof(cases) / sizeof *(cases))

static void a_range_of_numbers_includes_its_bounds(void **state)
{
    static const struct rule_case cases[] = {
        {"null", NULL},
        {"'0'", NULL},
        {"'10'", NULL},
        {"'-3'", "v.range: '-3' is below the minimum 0"},
        {"'11'", "v.range: '11' is above the maximum 10"},
        {"'x'", "v.type: 'x' is not an integer of 32 bits"},
    };
    struct sl_rule rule = {.kind = "range", .id = "v.range", .min = "0", .max = "10"};
    RUN_RULE(state, integer_type, rule, cases);
}

static void an_exclusive_bound_is_outside(void **state)
{
    static const struct rule_case cases[] = {
        {"'0'", "v.range: '0' is not above 0"},
        {"'0.01'", NULL},
        {"'9.99'", NULL},
        {"'10'", "v.range: '10' is not below 10"},
    };
    struct sl_rule rule = {.kind = "range",
                           .id = "v.range",
                           .min = "0",
                           .max = "10",
                           .is_min_exclusive = true,
                           .is_max_exclusive = true};
    RUN_RULE(state, decimal_type, rule, cases);
}

static void a_bound_keeps_digits_that_the_column_has_not(void **state)
{
    static const struct rule_case cases[] = {
        {"'0.01'", NULL}, {"'0.00'", "v.range: '0.00' is below the minimum 0.005"}};
    static const struct rule_case whole[] = {{"'3'", NULL},
                                             {"'2'", "v.range: '2' is below the minimum 2.5"}};
    static const struct rule_case wide[] = {{"'127'", NULL}};
    struct sl_rule rule = {.kind = "range", .id = "v.range", .min = "0.005"};
    struct sl_rule half = {.kind = "range", .id = "v.range", .min = "2.5"};
    struct sl_rule beyond = {.kind = "range", .id = "v.range", .max = "100000"};
    RUN_RULE(state, decimal_type, rule, cases);
    RUN_RULE(state, integer_type, half, whole);
    RUN_RULE(state, tiny_type, beyond, wide);
}

static void a_range_of_doubles_takes_exponents(void **state)
{
    static const struct rule_case cases[] = {{"'1e3'", NULL},
                                             {"'1e7'", "v.range: '1e7' is above the maximum 1e6"}};
    struct sl_rule rule = {.kind = "range", .id = "v.range", .max = "1e6"};
    RUN_RULE(state, double_type, rule, cases);
}

static void a_range_of_dates_and_times(void **state)
{
    static const struct rule_case dates[] = {
        {"'2025-01-01'", NULL},
        {"'2025-12-31'", NULL},
        {"'2024-12-31'", "v.range: '2024-12-31' is below the minimum 2025-01-01"},
        {"'2026-01-01'", "v.range: '2026-01-01' is above the maximum 2025-12-31"},
    };
    static const struct rule_case instants[] = {
        {"'2025-01-01T01:00:00+02:00'",
         "v.range: '2025-01-01T01:00:00+02:00' is below the minimum 2025-01-01"},
        {"'2025-01-01T00:00:00Z'", NULL},
    };
    static const struct rule_case times[] = {
        {"'08:00'", NULL},
        {"'18:00:00'", NULL},
        {"'18:00:00.5'", "v.range: '18:00:00.5' is above the maximum 18:00:00"},
    };
    struct sl_rule year = {
        .kind = "range", .id = "v.range", .min = "2025-01-01", .max = "2025-12-31"};
    struct sl_rule since = {.kind = "range", .id = "v.range", .min = "2025-01-01"};
    struct sl_rule day = {.kind = "range", .id = "v.range", .min = "08:00:00", .max = "18:00:00"};
    RUN_RULE(state, date_type, year, dates);
    RUN_RULE(state, timestamp_type, since, instants);
    RUN_RULE(state, time_type, day, times);
}

static void times_are_compared_however_they_are_written(void **state)
{
    static const struct rule_case open[] = {
        {"'09:00'", NULL},
        {"'17:00'", NULL},
        {"'17:00:00.0'", NULL},
        {"'08:59:59.9'", "v.range: '08:59:59.9' is below the minimum 09:00"},
        {"'17:00:00.000001'", "v.range: '17:00:00.000001' is above the maximum 17:00"},
    };
    static const struct rule_case shifts[] = {
        {"'06:00:00'", NULL},
        {"'14:00'", NULL},
        {"'22:00:00.5'", NULL},
        {"'06:01'", "v.enum: '06:01' is not one of '06:00', '14:00:00', '22:00:00.500'"},
    };
    const char *times[] = {"06:00", "14:00:00", "22:00:00.500"};
    struct sl_rule hours = {.kind = "range", .id = "v.range", .min = "09:00", .max = "17:00"};
    struct sl_rule listed = {.kind = "enum", .id = "v.enum", .values = {times, 3}};
    RUN_RULE(state, time_type, hours, open);
    RUN_RULE(state, time_type, listed, shifts);
}

static void an_enum_of_text_is_exact(void **state)
{
    static const struct rule_case cases[] = {
        {"null", NULL},
        {"'new'", NULL},
        {"'it''s'", NULL},
        {"'New'", "v.enum: 'New' is not one of 'new', 'paid', 'it's'"},
        {"'new '", "v.enum: 'new ' is not one of 'new', 'paid', 'it's'"},
    };
    struct harness *harness = *state;
    struct sl_rule rule = {.kind = "enum", .id = "v.enum"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rule.values = harness_strs(harness, "new", "paid", "it's", NULL);
        run_rule(state, text_type, rule, &cases[i], 1);
    }
}

static void an_enum_of_numbers_compares_values(void **state)
{
    static const struct rule_case cases[] = {
        {"'1.5'", NULL},
        {"'01.50'", NULL},
        {"'2'", NULL},
        {"'3'", "v.enum: '3' is not one of '1.50', '2'"},
        {"'x'", "v.type: 'x' is not a decimal(12,2)"},
    };
    struct sl_rule rule = {.kind = "enum", .id = "v.enum"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rule.values = harness_strs(*state, "1.50", "2", NULL);
        run_rule(state, decimal_type, rule, &cases[i], 1);
    }
}

static void a_long_enum_is_cut_in_the_message(void **state)
{
    static const struct rule_case cases[] = {
        {"'x'",
         "v.enum: 'x' is not one of '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' and 2 more"},
    };
    struct sl_rule rule = {.kind = "enum", .id = "v.enum"};
    rule.values =
        harness_strs(*state, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", NULL);
    RUN_RULE(state, text_type, rule, cases);
}

static void a_length_counts_characters(void **state)
{
    static const struct rule_case cases[] = {
        {"null", NULL},
        {"'éé'", NULL},
        {"'🤦🤦🤦'", NULL},
        {"'é'", "v.length: 'é' is shorter than 2 characters"},
        {"'abcd'", "v.length: 'abcd' is longer than 3 characters"},
    };
    static const struct rule_case most[] = {
        {"'a'", NULL}, {"'abcd'", "v.length: 'abcd' is longer than 3 characters"}};
    struct sl_rule both = {.kind = "length", .id = "v.length", .min = "2", .max = "3"};
    struct sl_rule max = {.kind = "length", .id = "v.length", .max = "3"};
    RUN_RULE(state, text_type, both, cases);
    RUN_RULE(state, text_type, max, most);
}

static void a_pattern_is_found_anywhere_unless_anchored(void **state)
{
    static const struct rule_case loose[] = {
        {"'xAB1x'", NULL}, {"'ab1'", "v.pattern: 'ab1' does not match the pattern [A-Z]+[0-9]"}};
    static const struct rule_case anchored[] = {
        {"'AB1'", NULL},
        {"'xAB1'", "v.pattern: 'xAB1' does not match the pattern ^[A-Z]+[0-9]$"},
        {"null", NULL},
    };
    static const struct rule_case quoted[] = {
        {"'it''s'", NULL}, {"'its'", "v.pattern: 'its' does not match the pattern '"}};
    struct sl_rule rule = {.kind = "pattern", .id = "v.pattern", .text = "[A-Z]+[0-9]"};
    struct sl_rule whole = {.kind = "pattern", .id = "v.pattern", .text = "^[A-Z]+[0-9]$"};
    struct sl_rule quote = {.kind = "pattern", .id = "v.pattern", .text = "'"};
    RUN_RULE(state, text_type, rule, loose);
    RUN_RULE(state, text_type, whole, anchored);
    RUN_RULE(state, text_type, quote, quoted);
}

static void a_pattern_still_applies_to_a_value_that_cannot_be_read(void **state)
{
    static const struct rule_case cases[] = {
        {"'12'", NULL},
        {"'x'", "v.type: 'x' is not an integer of 32 bits | v.pattern: 'x' does not match the "
                "pattern ^[0-9]+$"},
    };
    struct sl_rule rule = {.kind = "pattern", .id = "v.pattern", .text = "^[0-9]+$"};
    RUN_RULE(state, integer_type, rule, cases);
}

static void formats_know_good_from_bad(void **state)
{
    static const struct format_case {
        const char *format;
        const char *good[10], *bad[14];
    } cases[] = {
        {"email",
         {"a@b.co", "first.last+tag@sub.example.com", "o'brien@example.org", "jörg@müller.de",
          "x@xn--mller-kva.de", "a_b@a-b.io"},
         {"", " ", "a", "a@b", "@b.co", "a@", "a@.co", "a@b..co", "a b@c.de", "a@b.c", "a@@b.co",
          ".a@b.co", "a@-b.co", "a@b.co "}},
        {"uuid",
         {"123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000",
          "00000000-0000-0000-0000-000000000000"},
         {"123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400",
          "{123e4567-e89b-12d3-a456-426614174000}", "g23e4567-e89b-12d3-a456-426614174000"}},
        {"uri",
         {"https://example.com/a?b=c#d", "mailto:a@b.co", "urn:isbn:12345", "file:///etc/hosts",
          "ftp://x", "http://münchen.de"},
         {"example.com", "http://", "://x", "http://a b", "1http://x", "http:"}},
        {"date",
         {"2024-02-29", "0001-01-01"},
         {"2023-02-29", "2024-1-5", "2024-01-05T00:00:00", "10000-01-01", "0000-01-01", "x"}},
        {"country", {"DE", "US", "GB", "ZW"}, {"de", "XX", "DEU", "D", "EU", "UK", " DE"}},
        {"country3", {"DEU", "ZWE"}, {"DE", "deu", "XXX"}},
        {"language", {"de", "de-AT", "zh-Hant-TW", "es-419"}, {"DE", "xx", "deu", "de-at"}},
        {"timezone",
         {"Europe/Berlin", "UTC", "GMT", "America/Argentina/Buenos_Aires", "Etc/GMT+1"},
         {"Europe/Nowhere", "Berlin", "+02:00", "europe/berlin", "CEST", "Etc/GMTT1", "UTCUTC"}},
        {"time", {"23:59:59", "00:00:00.5"}, {"24:00:00", "12:00", "1:00:00"}},
        {"datetime",
         {"2024-02-29T12:00:00Z", "2024-02-29 12:00:00.5+02:00"},
         {"2023-02-29T12:00:00Z", "2024-02-29", "2024-02-29T12:00:00"}},
        {"hostname",
         {"a", "example.com", "xn--mller-kva.de", "a-1.b"},
         {"-a.de", "a-.de", "a..b", "a_b", "a b",
          "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.de"}},
        {"ipv4", {"0.0.0.0", "255.1.20.199"}, {"256.1.1.1", "1.1.1", "01.1.1.1", "1.1.1.1.1"}},
        {"ipv6",
         {"::", "::1", "2001:db8::8a2e:370:7334", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4",
          "fe80::", "1:2:3:4:5:6:1.2.3.4", "1::8"},
         {":", "1:2:3:4:5:6:7", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "g::", "::1.2.3",
          "1:2:3:4:5:6:7::8:9"}},
        {"mac",
         {"00:1a:2B:3c:4d:5e", "00-1A-2B-3C-4D-5E"},
         {"00:1a:2b:3c:4d", "00-1a:2b:3c:4d:5e"}},
        {"iban",
         {"DE89370400440532013000", "GB82WEST12345698765432", "FR1420041010050500013M02606"},
         {"DE89370400440532013001", "de89370400440532013000", "DE89 3704 0044 0532 0130 00",
          "XX89370400440532013000", "DE89"}},
        {"bic", {"DEUTDEFF", "DEUTDEFF500"}, {"DEUTXXFF", "deutdeff", "DEUTDEF"}},
        {"isin", {"US0378331005", "DE000BAY0017"}, {"US0378331006", "US037833100", "us0378331005"}},
        {"card",
         {"4111111111111111", "5500 0000 0000 0004", "3782-822463-10005"},
         {"4111111111111112", "4111", "4111  1111 1111 1111", "x"}},
        {"ean", {"4006381333931", "96385074"}, {"4006381333932", "123", "40063813339 31"}},
        {"e164", {"+49301234567"}, {"0301234567", "+0301234567", "+49 30 1234567", "+491"}},
        {"latitude", {"-90", "52.5"}, {"90.01", "52,5", "1e1"}},
        {"longitude", {"180", "-0.1"}, {"-180.5", ""}},
        {"md5", {"d41d8cd98f00b204e9800998ecf8427e"}, {"d41d8cd98f00b204e9800998ecf8427"}},
        {"sha256",
         {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
         {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85g", "e3"}},
        {"hex", {"00ff", "AB"}, {"f", "0x00", ""}},
        {"hex_color", {"#fff", "#FF8800", "#ff880080"}, {"fff", "#ff", "#ggg"}},
        {"base64", {"YQ==", "YWI=", "YWJj"}, {"YQ", "Y===", "YW J"}},
        {"semver",
         {"1.2.3", "1.0.0-alpha.1+build.5", "0.0.0"},
         {"1.2", "01.2.3", "v1.2.3", "1.2.3-", "1.2.3-01"}},
        {"currency", {"EUR", "USD", "CHF", "XXX"}, {"eur", "EURO", "ABC", "E", "DEM", "BTC"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_rule rule = {.kind = "format", .id = "v.format", .text = cases[i].format};
        struct sl_contract_column column = harness_column("v", text_type);
        column.null_values = (struct sl_strs){0};
        column.rules = &rule;
        column.rule_count = 1;
        const struct one_column contract = {.column = column};
        for (size_t side = 0; side < 2; side++) {
            const char *const *texts = side ? cases[i].bad : cases[i].good;
            size_t count = side ? sizeof cases[i].bad / sizeof *cases[i].bad
                                : sizeof cases[i].good / sizeof *cases[i].good;
            for (size_t t = 0; t < count && texts[t]; t++) {
                SL_AUTO(sl_buf_clear) struct sl_buf raw = SL_BUF_INIT;
                struct outcome outcome;
                sl_buf_add_sql_string(&raw, texts[t]);
                harness_run_column(*state, &contract, raw.text, &outcome);
                if (outcome.is_bad != (side == 1))
                    fail_msg("%s: '%s' was %s", cases[i].format, texts[t],
                             outcome.is_bad ? "refused" : "taken");
                harness_reset(*state);
            }
        }
    }
}

static void formats_say_what_they_wanted(void **state)
{
    static const struct {
        const char *format;
        struct rule_case text;
    } cases[] = {
        {"email", {"'x'", "v.format: 'x' is not an email address"}},
        {"uuid", {"'x'", "v.format: 'x' is not a UUID"}},
        {"uri", {"'x'", "v.format: 'x' is not a URI"}},
        {"date", {"'x'", "v.format: 'x' is not a date (YYYY-MM-DD)"}},
        {"country",
         {"'x'", "v.format: 'x' is not a country code of ISO 3166 (two capital letters)"}},
        {"currency",
         {"'x'", "v.format: 'x' is not a currency code of ISO 4217 (three capital letters)"}},
        {"date", {"null", NULL}},
        {"email", {"null", NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_rule rule = {.kind = "format", .id = "v.format", .text = cases[i].format};
        run_rule(state, text_type, rule, &cases[i].text, 1);
    }
}

static void an_expression_that_is_null_passes_and_one_that_fails_does_not(void **state)
{
    static const struct rule_case cases[] = {
        {"'5'", NULL},
        {"null", NULL},
        {"'0'", "positive: it cannot be computed whether case when v = 0 then cast(concat('x', v) "
                "as integer) = 1 else v > 0 end"}, // 'x0' is no integer
        {"'-5'", "positive: it does not hold that case when v = 0 then cast(concat('x', v) as "
                 "integer) = 1 else v > 0 end"},
    };
    struct sl_rule rule = {
        .kind = "expression",
        .id = "positive",
        .text = "case when v = 0 then cast(concat('x', v) as integer) = 1 else v > 0 end"};
    RUN_RULE(state, integer_type, rule, cases);
}

static void an_expression_may_end_in_a_comment(void **state)
{
    static const struct rule_case cases[] = {{"'5'", NULL}, {"'-5'", "v.sql: must be above zero"}};
    struct sl_rule rule = {.kind = "expression",
                           .id = "v.sql",
                           .text = "v > 0 -- see the handbook",
                           .message = "must be above zero"};
    RUN_RULE(state, integer_type, rule, cases);
}

static void every_rule_that_is_broken_gives_a_reason(void **state)
{
    struct sl_rule rules[] = {
        {.kind = "length", .id = "v.length", .min = "5"},
        {.kind = "pattern", .id = "v.pattern", .text = "^[a-z]+$"},
        {.kind = "format", .id = "v.format", .text = "email"},
        {.kind = "enum", .id = "v.enum"},
    };
    struct one_column contract = {.column = harness_column("v", text_type)};
    struct outcome outcome;
    rules[3].values = harness_strs(*state, "a@b.co", NULL);
    contract.column.rules = rules;
    contract.column.rule_count = 4;
    harness_run_column(*state, &contract, "'A1'", &outcome);
    assert_string_equal(
        outcome.reasons,
        "v.length: 'A1' is shorter than 5 characters | "
        "v.pattern: 'A1' does not match the pattern ^[a-z]+$ | "
        "v.format: 'A1' is not an email address | v.enum: 'A1' is not one of 'a@b.co'");
    harness_reset(*state);
}

static void a_rule_that_warns_does_not_make_the_row_bad(void **state)
{
    struct sl_rule rules[] = {
        {.kind = "range", .id = "v.range", .min = "0", .severity = SL_RULE_WARN},
        {.kind = "type", .id = "v.type", .severity = SL_RULE_WARN},
        {.kind = "required", .id = "v.required", .severity = SL_RULE_WARN},
    };
    static const struct {
        const char *raw, *value, *warnings;
    } cases[] = {
        {"'1'", "1", ""},
        {"'-1'", "-1", "v.range: '-1' is below the minimum 0"},
        {"'x'", NULL, "v.type: 'x' is not an integer of 32 bits"},
        {"null", NULL, "v.required: a value is required"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct one_column contract = {.column = harness_column("v", integer_type)};
        struct outcome outcome;
        contract.column.rules = rules;
        contract.column.rule_count = 3;
        harness_run_column(*state, &contract, cases[i].raw, &outcome);
        assert_false(outcome.is_bad);
        assert_string_equal(outcome.reasons, "");
        assert_string_equal(outcome.warnings, cases[i].warnings);
        assert_true(sl_str_equal(outcome.value, cases[i].value));
        harness_reset(*state);
    }
}

static void a_key_is_never_let_through_without_a_value(void **state)
{
    struct sl_rule rules[] = {
        {.kind = "type", .id = "v.type", .severity = SL_RULE_WARN},
        {.kind = "required",
         .id = "v.required",
         .severity = SL_RULE_WARN,
         .message = "which order?"},
    };
    static const struct rule_case cases[] = {
        {"'x'", "v.type: 'x' is not an integer of 32 bits"},
        {"null", "v.required: which order?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct one_column contract = {.column = harness_column("v", integer_type)};
        struct outcome outcome;
        contract.column.rules = rules;
        contract.column.rule_count = 2;
        contract.column.key_position = 1;
        harness_run_column(*state, &contract, cases[i].raw, &outcome);
        assert_true(outcome.is_bad);
        assert_string_equal(outcome.reasons, cases[i].reason);
        harness_reset(*state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_of_numbers_includes_its_bounds),
        cmocka_unit_test(an_exclusive_bound_is_outside),
        cmocka_unit_test(a_bound_keeps_digits_that_the_column_has_not),
        cmocka_unit_test(a_range_of_doubles_takes_exponents),
        cmocka_unit_test(a_range_of_dates_and_times),
        cmocka_unit_test(times_are_compared_however_they_are_written),
        cmocka_unit_test(an_enum_of_text_is_exact),
        cmocka_unit_test(an_enum_of_numbers_compares_values),
        cmocka_unit_test(a_long_enum_is_cut_in_the_message),
        cmocka_unit_test(a_length_counts_characters),
        cmocka_unit_test(a_pattern_is_found_anywhere_unless_anchored),
        cmocka_unit_test(a_pattern_still_applies_to_a_value_that_cannot_be_read),
        cmocka_unit_test(formats_know_good_from_bad),
        cmocka_unit_test(formats_say_what_they_wanted),
        cmocka_unit_test(an_expression_that_is_null_passes_and_one_that_fails_does_not),
        cmocka_unit_test(an_expression_may_end_in_a_comment),
        cmocka_unit_test(every_rule_that_is_broken_gives_a_reason),
        cmocka_unit_test(a_rule_that_warns_does_not_make_the_row_bad),
        cmocka_unit_test(a_key_is_never_let_through_without_a_value),
    };
    return cmocka_run_group_tests_name("contract: rules", tests, harness_setup, harness_teardown);
}
