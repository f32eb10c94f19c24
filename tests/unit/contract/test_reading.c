// What text each type takes, and what becomes of it. One row of a table is one value.
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void run_text(void **state, struct sl_type type, const struct text_case *cases, size_t count)
{
    const struct one_column contract = {.column = harness_column("v", type)};
    for (size_t i = 0; i < count; i++)
        harness_run_case(*state, &contract, &cases[i]);
}
#define RUN_TEXT(state, type, cases) \
    run_text((state), (type), (cases), sizeof(cases) / sizeof *(cases))

static void an_integer_is_taken_if_it_is_whole(void **state)
{
    static const struct text_case cases[] = {
        {"null", NULL, NULL},
        {"''", NULL, NULL},
        {"'   '", NULL, NULL},
        {"'0'", "0", NULL},
        {"'-0'", "0", NULL},
        {"'7'", "7", NULL},
        {"' 7 '", "7", NULL},
        {"e'\\t7\\r\\n'", "7", NULL},
        {"chr(160) || '7'", "7", NULL},
        {"'007'", "7", NULL},
        {"'+5'", "5", NULL},
        {"'-5'", "-5", NULL},
        {"'3.0'", "3", NULL},
        {"'3.'", "3", NULL},
        {"'-3.000'", "-3", NULL},
        {"'2147483647'", "2147483647", NULL},
        {"'-2147483648'", "-2147483648", NULL},
        {"'0000000000000000000000000000000000000000042'", "42", NULL},
        {"'2147483648'", NULL,
         "v.type: '2147483648' is not an integer of 32 bits: too large, or not whole"},
        {"'99999999999999999999999999999999999999999999'", NULL,
         "v.type: '99999999999999999999999999999999999999999999' is not an integer of 32 bits: too "
         "large, or not whole"},
        {"'3.7'", NULL, "v.type: '3.7' is not an integer of 32 bits: too large, or not whole"},
        {"'.5'", NULL, "v.type: '.5' is not an integer of 32 bits"},
        {"'1e3'", NULL, "v.type: '1e3' is not an integer of 32 bits"},
        {"'1E2'", NULL, "v.type: '1E2' is not an integer of 32 bits"},
        {"'0x10'", NULL, "v.type: '0x10' is not an integer of 32 bits"},
        {"'0b11'", NULL, "v.type: '0b11' is not an integer of 32 bits"},
        {"'1_000'", NULL, "v.type: '1_000' is not an integer of 32 bits"},
        {"'- '", NULL, "v.type: '- ' is not an integer of 32 bits"},
        {"'+\t'", NULL, "v.type: '+\t' is not an integer of 32 bits"},
        {"'1,000'", NULL, "v.type: '1,000' is not an integer of 32 bits"},
        {"'1,5'", NULL, "v.type: '1,5' is not an integer of 32 bits"},
        {"'1 2'", NULL, "v.type: '1 2' is not an integer of 32 bits"},
        {"'--5'", NULL, "v.type: '--5' is not an integer of 32 bits"},
        {"'-'", NULL, "v.type: '-' is not an integer of 32 bits"},
        {"'NaN'", NULL, "v.type: 'NaN' is not an integer of 32 bits"},
        {"'inf'", NULL, "v.type: 'inf' is not an integer of 32 bits"},
        {"'true'", NULL, "v.type: 'true' is not an integer of 32 bits"},
        {"'５'", NULL, "v.type: '５' is not an integer of 32 bits"},
        {"'N/A'", NULL, "v.type: 'N/A' is not an integer of 32 bits"},
        {"' x '", NULL, "v.type: ' x ' is not an integer of 32 bits"},
    };
    RUN_TEXT(state, integer_type, cases);
}

static void small_and_large_integers_keep_their_bounds(void **state)
{
    static const struct text_case tiny[] = {
        {"'127'", "127", NULL},
        {"'128'", NULL, "v.type: '128' is not an integer of 8 bits: too large, or not whole"},
    };
    static const struct text_case big[] = {
        {"'9223372036854775807'", "9223372036854775807", NULL},
        {"'9007199254740993.0'", "9007199254740993", NULL},
        {"'9223372036854775808'", NULL,
         "v.type: '9223372036854775808' is not an integer of 64 bits: too large, or not whole"},
    };
    RUN_TEXT(state, tiny_type, tiny);
    RUN_TEXT(state, bigint_type, big);
}

static void a_decimal_is_never_rounded(void **state)
{
    static const struct text_case cases[] = {
        {"''", NULL, NULL},
        {"'12.50'", "12.50", NULL},
        {"'12.5'", "12.50", NULL},
        {"'12'", "12.00", NULL},
        {"'12.'", "12.00", NULL},
        {"'.5'", "0.50", NULL},
        {"'-.5'", "-0.50", NULL},
        {"'+5'", "5.00", NULL},
        {"'007.10'", "7.10", NULL},
        {"' 7 '", "7.00", NULL},
        {"'1.50000'", "1.50", NULL},
        {"'9999999999.99'", "9999999999.99", NULL},
        {"'-9999999999.99'", "-9999999999.99", NULL},
        {"'1.005'", NULL, "v.type: '1.005' is not a decimal(12,2): too many digits"},
        {"'1.001'", NULL, "v.type: '1.001' is not a decimal(12,2): too many digits"},
        {"'10000000000'", NULL, "v.type: '10000000000' is not a decimal(12,2): too many digits"},
        {"'1e3'", NULL, "v.type: '1e3' is not a decimal(12,2)"},
        {"'1,5'", NULL, "v.type: '1,5' is not a decimal(12,2)"},
        {"'1.234,50'", NULL, "v.type: '1.234,50' is not a decimal(12,2)"},
        {"'1_0'", NULL, "v.type: '1_0' is not a decimal(12,2)"},
        {"'0x10'", NULL, "v.type: '0x10' is not a decimal(12,2)"},
        {"'NaN'", NULL, "v.type: 'NaN' is not a decimal(12,2)"},
        {"'inf'", NULL, "v.type: 'inf' is not a decimal(12,2)"},
        {"'.'", NULL, "v.type: '.' is not a decimal(12,2)"},
        {"'12.50 EUR'", NULL, "v.type: '12.50 EUR' is not a decimal(12,2)"},
        {"'N/A'", NULL, "v.type: 'N/A' is not a decimal(12,2)"},
    };
    static const struct text_case whole[] = {
        {"'12.0'", "12", NULL},
        {"'12.5'", NULL, "v.type: '12.5' is not a decimal(10,0): too many digits"},
    };
    RUN_TEXT(state, decimal_type, cases);
    RUN_TEXT(state, decimal0_type, whole);
}

static void a_number_is_finite(void **state)
{
    static const struct text_case cases[] = {
        {"''", NULL, NULL},
        {"'1.5'", "1.5", NULL},
        {"'1e3'", "1000.0", NULL},
        {"'-1.5E-1'", "-0.15", NULL},
        {"'+5'", "5.0", NULL},
        {"' 7 '", "7.0", NULL},
        {"e'\\t7'", "7.0", NULL},
        {"'007'", "7.0", NULL},
        {"'.5'", "0.5", NULL},
        {"'99999999999999999999'", "1e+20", NULL},
        {"'1e400'", NULL, "v.type: '1e400' is not a number"},
        {"'NaN'", NULL, "v.type: 'NaN' is not a number"},
        {"'-nan'", NULL, "v.type: '-nan' is not a number"},
        {"'inf'", NULL, "v.type: 'inf' is not a number"},
        {"'-Infinity'", NULL, "v.type: '-Infinity' is not a number"},
        {"'1_000'", NULL, "v.type: '1_000' is not a number"},
        {"'+-1'", NULL, "v.type: '+-1' is not a number"},
        {"'- '", NULL, "v.type: '- ' is not a number"},
        {"'1.2.3'", NULL, "v.type: '1.2.3' is not a number"},
        {"'1,5'", NULL, "v.type: '1,5' is not a number"},
        {"'0x10'", NULL, "v.type: '0x10' is not a number"},
        {"'1e'", NULL, "v.type: '1e' is not a number"},
        {"'1.5f'", NULL, "v.type: '1.5f' is not a number"},
    };
    RUN_TEXT(state, double_type, cases);
}

static void a_boolean_has_ten_spellings_in_any_case(void **state)
{
    static const struct text_case cases[] = {
        {"''", NULL, NULL},
        {"'true'", "true", NULL},
        {"'TRUE'", "true", NULL},
        {"'True'", "true", NULL},
        {"'t'", "true", NULL},
        {"'yes'", "true", NULL},
        {"'Y'", "true", NULL},
        {"'1'", "true", NULL},
        {"' true '", "true", NULL},
        {"'false'", "false", NULL},
        {"'F'", "false", NULL},
        {"'no'", "false", NULL},
        {"'n'", "false", NULL},
        {"'0'", "false", NULL},
        {"'2'", NULL, "v.type: '2' is not a boolean"},
        {"'on'", NULL, "v.type: 'on' is not a boolean"},
        {"'truе'", NULL, "v.type: 'truе' is not a boolean"},
        {"'-'", NULL, "v.type: '-' is not a boolean"},
    };
    RUN_TEXT(state, boolean_type, cases);
}

static void a_date_is_iso_and_exists(void **state)
{
    static const struct text_case cases[] = {
        {"''", NULL, NULL},
        {"'2024-02-29'", "2024-02-29", NULL},
        {"' 2024-02-29 '", "2024-02-29", NULL},
        {"'0001-01-01'", "0001-01-01", NULL},
        {"'9999-12-31'", "9999-12-31", NULL},
        {"'2024-02-29 00:00:00'", "2024-02-29", NULL},
        {"'2024-02-29T00:00:00.000'", "2024-02-29", NULL},
        {"'2024-02-29 00:00:01'", NULL, "v.type: '2024-02-29 00:00:01' is not a date"},
        {"'2024-02-29T00:00:00Z'", NULL, "v.type: '2024-02-29T00:00:00Z' is not a date"},
        {"'2023-02-29'", NULL, "v.type: '2023-02-29' is not a date"},
        {"'2024-02-31'", NULL, "v.type: '2024-02-31' is not a date"},
        {"'2024-13-01'", NULL, "v.type: '2024-13-01' is not a date"},
        {"'2024-00-01'", NULL, "v.type: '2024-00-01' is not a date"},
        {"'0000-01-01'", NULL, "v.type: '0000-01-01' is not a date"},
        {"'10000-01-01'", NULL, "v.type: '10000-01-01' is not a date"},
        {"'-0001-01-01'", NULL, "v.type: '-0001-01-01' is not a date"},
        {"'0044-03-15 (BC)'", NULL, "v.type: '0044-03-15 (BC)' is not a date"},
        {"'2024-1-5'", NULL, "v.type: '2024-1-5' is not a date"},
        {"'2024/01/05'", NULL, "v.type: '2024/01/05' is not a date"},
        {"'20240105'", NULL, "v.type: '20240105' is not a date"},
        {"'05.01.2024'", NULL, "v.type: '05.01.2024' is not a date"},
        {"'infinity'", NULL, "v.type: 'infinity' is not a date"},
        {"'epoch'", NULL, "v.type: 'epoch' is not a date"},
        {"'2024-01-05z'", NULL, "v.type: '2024-01-05z' is not a date"},
        {"'today'", NULL, "v.type: 'today' is not a date"},
    };
    RUN_TEXT(state, date_type, cases);
}

static void a_timestamp_is_an_instant_in_utc(void **state)
{
    static const struct text_case cases[] = {
        {"''", NULL, NULL},
        {"'2024-01-05T10:00:00Z'", "2024-01-05 10:00:00+00", NULL},
        {"'2024-01-05T10:00:00.123Z'", "2024-01-05 10:00:00.123+00", NULL},
        {"'2024-01-05T10:00:00.123456Z'", "2024-01-05 10:00:00.123456+00", NULL},
        {"'2024-01-05T10:00:00.1234560Z'", "2024-01-05 10:00:00.123456+00", NULL},
        {"'2024-01-05 10:00:00'", "2024-01-05 10:00:00+00", NULL},
        {"'2024-01-05T10:00'", "2024-01-05 10:00:00+00", NULL},
        {"'2024-01-05T10:00Z'", "2024-01-05 10:00:00+00", NULL},
        {"'2024-01-05T10:00+02:00'", "2024-01-05 08:00:00+00", NULL},
        {"'2024-01-05'", "2024-01-05 00:00:00+00", NULL},
        {"'2024-01-05 10:00:00+02'", "2024-01-05 08:00:00+00", NULL},
        {"'2024-01-05T10:00:00+0200'", "2024-01-05 08:00:00+00", NULL},
        {"'2024-01-05T10:00:00-05:30'", "2024-01-05 15:30:00+00", NULL},
        {"'2024-01-05T10:00:00-14:00'", "2024-01-06 00:00:00+00", NULL},
        {"'2024-01-05 10:00:00 UTC'", "2024-01-05 10:00:00+00", NULL},
        {"' 2024-01-05T10:00:00Z '", "2024-01-05 10:00:00+00", NULL},
        {"'2024-01-05T10:24:00Z'", "2024-01-05 10:24:00+00", NULL},
        {"'9999-12-31T23:59:59Z'", "9999-12-31 23:59:59+00", NULL},
        {"'2024-01-05T24:00:00Z'", NULL, "v.type: '2024-01-05T24:00:00Z' is not a timestamp"},
        {"'2024-01-05 24:00:00'", NULL, "v.type: '2024-01-05 24:00:00' is not a timestamp"},
        {"'2024-01-05T10:00:60Z'", NULL, "v.type: '2024-01-05T10:00:60Z' is not a timestamp"},
        {"'2024-02-31T10:00:00Z'", NULL, "v.type: '2024-02-31T10:00:00Z' is not a timestamp"},
        {"'0000-01-01T00:00:00Z'", NULL, "v.type: '0000-01-01T00:00:00Z' is not a timestamp"},
        {"'10000-01-01T00:00:00Z'", NULL, "v.type: '10000-01-01T00:00:00Z' is not a timestamp"},
        {"'9999-12-31T23:59:59-01:00'", NULL,
         "v.type: '9999-12-31T23:59:59-01:00' is not a timestamp"},
        {"'2024-01-05T10:00:00+99:00'", NULL,
         "v.type: '2024-01-05T10:00:00+99:00' is not a timestamp"},
        {"'2024-01-05T10:00:00.1234567Z'", NULL,
         "v.type: '2024-01-05T10:00:00.1234567Z' is not a timestamp"},
        {"'2024-01-05 10:00:00 Europe/Berlin'", NULL,
         "v.type: '2024-01-05 10:00:00 Europe/Berlin' is not a timestamp"},
        {"'2024-01-05 9:05:03'", NULL, "v.type: '2024-01-05 9:05:03' is not a timestamp"},
        {"'2024-01-05T 1:00:00Z'", NULL, "v.type: '2024-01-05T 1:00:00Z' is not a timestamp"},
        {"'2024-01-05 10:00:00,5'", NULL, "v.type: '2024-01-05 10:00:00,5' is not a timestamp"},
        {"'infinity'", NULL, "v.type: 'infinity' is not a timestamp"},
        {"'1704448800'", NULL, "v.type: '1704448800' is not a timestamp"},
    };
    RUN_TEXT(state, timestamp_type, cases);
}

static void a_timestamp_without_zone_refuses_a_zone(void **state)
{
    static const struct text_case cases[] = {
        {"''", NULL, NULL},
        {"'2024-01-05 10:00:00'", "2024-01-05 10:00:00", NULL},
        {"'2024-01-05T10:00:00'", "2024-01-05 10:00:00", NULL},
        {"'2024-01-05T10:00:00.5'", "2024-01-05 10:00:00.5", NULL},
        {"'2024-01-05 10:00'", "2024-01-05 10:00:00", NULL},
        {"'2024-01-05'", "2024-01-05 00:00:00", NULL},
        {"'2024-01-05T10:00:00Z'", NULL,
         "v.type: '2024-01-05T10:00:00Z' is not a timestamp without time zone"},
        {"'2024-01-05 10:00:00+02'", NULL,
         "v.type: '2024-01-05 10:00:00+02' is not a timestamp without time zone"},
        {"'2024-01-05T24:00:00'", NULL,
         "v.type: '2024-01-05T24:00:00' is not a timestamp without time zone"},
        {"'2024-01-05T10:00:0Z'", NULL,
         "v.type: '2024-01-05T10:00:0Z' is not a timestamp without time zone"},
        {"'2024-01-05T10:00:0.'", NULL,
         "v.type: '2024-01-05T10:00:0.' is not a timestamp without time zone"},
        {"'2024/01/05 10:00:00'", NULL,
         "v.type: '2024/01/05 10:00:00' is not a timestamp without time zone"},
        {"'10000-01-01 00:00:00'", NULL,
         "v.type: '10000-01-01 00:00:00' is not a timestamp without time zone"},
        {"'0001-01-01 (BC) 00:00:00'", NULL,
         "v.type: '0001-01-01 (BC) 00:00:00' is not a timestamp without time zone"},
    };
    RUN_TEXT(state, ntz_type, cases);
}

static void a_time_of_day_is_kept_as_text_in_one_form(void **state)
{
    static const struct text_case cases[] = {
        {"''", NULL, NULL},
        {"'10:00'", "10:00:00", NULL},
        {"'10:00:30'", "10:00:30", NULL},
        {"'10:00:30.500'", "10:00:30.5", NULL},
        {"'23:59:59.999999'", "23:59:59.999999", NULL},
        {"'24:00'", NULL, "v.type: '24:00' is not a time of day"},
        {"'24:00:00'", NULL, "v.type: '24:00:00' is not a time of day"},
        {"'25:00'", NULL, "v.type: '25:00' is not a time of day"},
        {"'9:05'", NULL, "v.type: '9:05' is not a time of day"},
        {"'10:00:00Z'", NULL, "v.type: '10:00:00Z' is not a time of day"},
        {"'10:00:00.1234567'", NULL, "v.type: '10:00:00.1234567' is not a time of day"},
    };
    RUN_TEXT(state, time_type, cases);
}

static void json_is_an_object_or_array_as_received(void **state)
{
    static const struct text_case cases[] = {
        {"''", NULL, NULL},
        {"'{\"a\": 1.50}'", "{\"a\": 1.50}", NULL},
        {"'[1, 2]'", "[1, 2]", NULL},
        {"' {} '", "{}", NULL},
        {"'{\"a\": }'", NULL, "v.type: '{\"a\": }' is not a JSON object or array"},
        {"'5'", NULL, "v.type: '5' is not a JSON object or array"},
        {"'\"x\"'", NULL, "v.type: '\"x\"' is not a JSON object or array"},
    };
    RUN_TEXT(state, json_type, cases);
}

static void text_is_left_as_it_is_unless_trimming_is_asked_for(void **state)
{
    static const struct text_case cases[] = {
        {"null", NULL, NULL},   {"''", NULL, NULL},           {"' '", " ", NULL},
        {"' a '", " a ", NULL}, {"'é🤦'", "é🤦", NULL}, {"'it''s \"x\"'", "it's \"x\"", NULL},
    };
    static const struct text_case trimmed[] = {
        {"' '", NULL, NULL}, {"e'\\ta '", "a", NULL}, {"chr(160)||'a b'", "a b", NULL}};
    struct one_column contract = {.column = harness_column("v", text_type)};
    RUN_TEXT(state, text_type, cases);
    contract.column.is_trimmed = true;
    for (size_t i = 0; i < sizeof trimmed / sizeof *trimmed; i++)
        harness_run_case(*state, &contract, &trimmed[i]);
}

static void without_trimming_a_blank_is_part_of_the_value(void **state)
{
    const struct sl_type types[] = {integer_type, decimal_type, double_type, boolean_type,
                                    date_type};
    const char *raws[] = {"' 7 '", "' 7 '", "' 7 '", "' true '", "' 2024-01-05 '"};
    for (size_t i = 0; i < 5; i++) {
        struct outcome outcome;
        struct one_column contract = {.column = harness_column("v", types[i])};
        contract.column.is_trimmed = false;
        harness_run_column(*state, &contract, raws[i], &outcome);
        assert_null(outcome.value);
        assert_true(outcome.is_bad);
        harness_reset(*state);
    }
}

static void null_texts_come_before_the_default_and_the_default_before_required(void **state)
{
    struct harness *harness = *state;
    static const struct null_case {
        const char *title;
        const char *null_text, *otherwise;
        bool is_required;
        struct text_case text;
    } cases[] = {
        {"a null text is null", "N/A", NULL, false, {"'N/A'", NULL, NULL}},
        {"a null text is trimmed first", "N/A", NULL, false, {"' N/A '", NULL, NULL}},
        {"null texts are case-sensitive",
         "N/A",
         NULL,
         false,
         {"'n/a'", NULL, "v.type: 'n/a' is not an integer of 32 bits"}},
        {"only the listed texts are null",
         "N/A",
         NULL,
         false,
         {"''", NULL, "v.type: '' is not an integer of 32 bits"}},
        {"a null text may look like a value", "-1", NULL, false, {"'-1'", NULL, NULL}},
        {"other values are untouched by it", "-1", NULL, false, {"'-2'", "-2", NULL}},
        {"the default replaces a null", "", "5", false, {"null", "5", NULL}},
        {"the default replaces a null text", "-1", "5", true, {"'-1'", "5", NULL}},
        {"the default replaces no value", "", "5", false, {"'3'", "3", NULL}},
        {"a default satisfies required", "", "5", true, {"''", "5", NULL}},
        {"a default that is no value is a reject",
         "",
         "x",
         false,
         {"null", NULL, "v.type: 'x' is not an integer of 32 bits"}},
        {"a missing required value is a reject",
         "",
         NULL,
         true,
         {"null", NULL, "v.required: a value is required"}},
        {"an empty required value is a reject",
         "",
         NULL,
         true,
         {"'  '", NULL, "v.required: '  ' stands for no value, and a value is required"}},
        {"a null text is named",
         "N/A",
         NULL,
         true,
         {"'N/A'", NULL, "v.required: 'N/A' stands for no value, and a value is required"}},
        {"an unreadable value is not missing",
         "",
         NULL,
         true,
         {"'x'", NULL, "v.type: 'x' is not an integer of 32 bits"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct one_column contract = {.column = harness_column("v", integer_type)};
        contract.column.null_values = harness_strs(harness, cases[i].null_text, NULL);
        contract.column.otherwise = cases[i].otherwise;
        contract.column.is_required = cases[i].is_required;
        print_message("  %s\n", cases[i].title);
        harness_run_case(harness, &contract, &cases[i].text);
    }
}

static void a_null_text_that_is_a_value_is_null_in_every_type(void **state)
{
    struct harness *harness = *state;
    const struct null_word {
        struct sl_type type;
        const char *word, *raw;
    } cases[] = {
        {double_type, "-999", "' -999 '"},
        {double_type, "-999", "'-999'"},
        {boolean_type, "n", "'n'"},
        {date_type, "9999-12-31", "'9999-12-31'"},
        {decimal_type, "0", "'0'"},
        {timestamp_type, "1970-01-01T00:00:00Z", "'1970-01-01T00:00:00Z'"},
        {text_type, "-", "'-'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct one_column contract = {.column = harness_column("v", cases[i].type)};
        contract.column.null_values = harness_strs(harness, "", cases[i].word, NULL);
        struct text_case each = {cases[i].raw, NULL, NULL};
        harness_run_case(harness, &contract, &each);
    }
}

static void typed_values_are_converted_only_without_loss(void **state)
{
    const struct typed_case {
        const char *raw_type;
        struct sl_type type;
        struct text_case text;
    } cases[] = {
        {"BIGINT", integer_type, {"7", "7", NULL}},
        {"BIGINT",
         tiny_type,
         {"300", NULL, "v.type: '300' is not an integer of 8 bits: too large, or not whole"}},
        {"INTEGER", bigint_type, {"null", NULL, NULL}},
        {"BIGINT", decimal_type, {"7", "7.00", NULL}},
        {"HUGEINT",
         bigint_type,
         {"99999999999999999999", NULL,
          "v.type: '99999999999999999999' is not an integer of 64 bits: too large, or not whole"}},
        {"DOUBLE", integer_type, {"3.0", "3", NULL}},
        {"DOUBLE",
         integer_type,
         {"3.7", NULL, "v.type: '3.7' is not an integer of 32 bits: too large, or not whole"}},
        {"DOUBLE", decimal_type, {"0.1", "0.10", NULL}},
        {"DOUBLE",
         decimal_type,
         {"1.005", NULL, "v.type: '1.005' is not a decimal(12,2): too many digits"}},
        {"DOUBLE", double_type, {"0.1", "0.1", NULL}},
        {"DOUBLE", double_type, {"'NaN'", NULL, "v.type: 'nan' is not a number"}},
        {"DOUBLE", double_type, {"'inf'", NULL, "v.type: 'inf' is not a number"}},
        {"DECIMAL(10,1)", decimal_type, {"1.5", "1.50", NULL}},
        {"DECIMAL(10,3)", decimal_type, {"1.500", "1.50", NULL}},
        {"DECIMAL(10,3)",
         decimal_type,
         {"1.005", NULL, "v.type: '1.005' is not a decimal(12,2): too many digits"}},
        {"BOOLEAN", boolean_type, {"true", "true", NULL}},
        {"BOOLEAN", text_type, {"true", "true", NULL}},
        {"INTEGER", boolean_type, {"1", "true", NULL}},
        {"INTEGER", boolean_type, {"2", NULL, "v.type: '2' is not a boolean"}},
        {"BIGINT", text_type, {"7", "7", NULL}},
        {"DATE", date_type, {"'2024-01-05'", "2024-01-05", NULL}},
        {"DATE", date_type, {"'infinity'", NULL, "v.type: 'infinity' is not a date"}},
        {"DATE", date_type, {"'10000-01-01'", NULL, "v.type: '10000-01-01' is not a date"}},
        {"TIMESTAMP", date_type, {"'2024-01-05 00:00:00'", "2024-01-05", NULL}},
        {"TIMESTAMP",
         date_type,
         {"'2024-01-05 10:00:00'", NULL, "v.type: '2024-01-05 10:00:00' is not a date"}},
        {"TIMESTAMP", timestamp_type, {"'2024-01-05 10:00:00'", "2024-01-05 10:00:00+00", NULL}},
        {"TIMESTAMP", ntz_type, {"'2024-01-05 10:00:00'", "2024-01-05 10:00:00", NULL}},
        {"TIMESTAMP WITH TIME ZONE",
         timestamp_type,
         {"'2024-01-05 10:00:00+02'", "2024-01-05 08:00:00+00", NULL}},
        {"TIMESTAMP WITH TIME ZONE",
         ntz_type,
         {"'2024-01-05 10:00:00Z'", NULL,
          "v.type: '2024-01-05 10:00:00+00' is not a timestamp without time zone"}},
        {"TIMESTAMP_NS",
         ntz_type,
         {"'2024-01-05 10:00:00.123456'", "2024-01-05 10:00:00.123456", NULL}},
        {"TIMESTAMP_NS",
         ntz_type,
         {"'2024-01-05 10:00:00.123456789'", NULL,
          "v.type: '2024-01-05 10:00:00.123456789' is not a timestamp without time zone"}},
        {"DATE", timestamp_type, {"'2024-01-05'", "2024-01-05 00:00:00+00", NULL}},
        {"TIME", time_type, {"'10:30:00'", "10:30:00", NULL}},
        {"STRUCT(a INTEGER, b VARCHAR)",
         json_type,
         {"{'a': 1, 'b': 'x'}", "{\"a\":1,\"b\":\"x\"}", NULL}},
        {"INTEGER[]", json_type, {"[1, 2]", "[1,2]", NULL}},
        {"INTEGER[]",
         integer_type,
         {"[1, 2]", NULL, "v.type: '[1,2]' is not an integer of 32 bits"}},
        {"UUID",
         text_type,
         {"'00000000-0000-0000-0000-000000000001'", "00000000-0000-0000-0000-000000000001", NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct one_column contract = {.column = harness_column("v", cases[i].type),
                                      .raw_type = cases[i].raw_type};
        harness_run_case(*state, &contract, &cases[i].text);
    }
}

// What the source has as a value of the type is not read by the formats of texts; a default is.
static void a_long_offending_value_is_cut_in_the_message(void **state)
{
    const struct one_column contract = {.column = harness_column("v", integer_type)};
    struct outcome outcome;
    harness_run_column(*state, &contract, "repeat('é', 150)", &outcome);
    assert_int_equal(strlen(outcome.reasons),
                     strlen("v.type: '…' is not an integer of 32 bits") + 200);
    assert_non_null(strstr(outcome.reasons, "é…' is not"));
    harness_reset(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_integer_is_taken_if_it_is_whole),
        cmocka_unit_test(small_and_large_integers_keep_their_bounds),
        cmocka_unit_test(a_decimal_is_never_rounded),
        cmocka_unit_test(a_number_is_finite),
        cmocka_unit_test(a_boolean_has_ten_spellings_in_any_case),
        cmocka_unit_test(a_date_is_iso_and_exists),
        cmocka_unit_test(a_timestamp_is_an_instant_in_utc),
        cmocka_unit_test(a_timestamp_without_zone_refuses_a_zone),
        cmocka_unit_test(a_time_of_day_is_kept_as_text_in_one_form),
        cmocka_unit_test(json_is_an_object_or_array_as_received),
        cmocka_unit_test(text_is_left_as_it_is_unless_trimming_is_asked_for),
        cmocka_unit_test(without_trimming_a_blank_is_part_of_the_value),
        cmocka_unit_test(null_texts_come_before_the_default_and_the_default_before_required),
        cmocka_unit_test(a_null_text_that_is_a_value_is_null_in_every_type),
        cmocka_unit_test(typed_values_are_converted_only_without_loss),
        cmocka_unit_test(a_long_offending_value_is_cut_in_the_message),
    };
    return cmocka_run_group_tests_name("contract: reading values", tests, harness_setup,
                                       harness_teardown);
}
