// Values in the formats that a column declares.
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct format_case {
    struct sl_type type;
    const char *first, *second;
    struct text_case text;
};

static void try_formats(struct harness *harness, const struct format_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct one_column contract = {.column = harness_column("v", cases[i].type)};
        contract.column.formats = harness_strs(harness, cases[i].first, cases[i].second, NULL);
        harness_run_case(harness, &contract, &cases[i].text);
    }
}

static void declared_formats_are_tried_in_order(void **state)
{
    const struct format_case cases[] = {
        {date_type, "%d.%m.%Y", "%Y-%m-%d", {"'05.01.2024'", "2024-01-05", NULL}},
        {date_type, "%d.%m.%Y", "%Y-%m-%d", {"' 2024-01-05 '", "2024-01-05", NULL}},
        {date_type, "%d/%m/%Y", "%m/%d/%Y", {"'03/04/2024'", "2024-04-03", NULL}},
        {date_type, "%d/%m/%Y", "%m/%d/%Y", {"'03/14/2024'", "2024-03-14", NULL}},
        {date_type,
         "%d.%m.%Y",
         NULL,
         {"'31.02.2024'", NULL, "v.type: '31.02.2024' is not a date in the format %d.%m.%Y"}},
        {date_type,
         "%d.%m.%Y",
         "%Y-%m-%d",
         {"'x'", NULL, "v.type: 'x' is not a date in any of the formats %d.%m.%Y, %Y-%m-%d"}},
        {date_type,
         "%d.%m.%Y",
         NULL,
         {"'2024-01-05'", NULL, "v.type: '2024-01-05' is not a date in the format %d.%m.%Y"}},
        {date_type,
         "%d.%m.%Y",
         NULL,
         {"'05.01.24'", NULL, "v.type: '05.01.24' is not a date in the format %d.%m.%Y"}},
        {date_type, "%d.%m.%y", NULL, {"'05.01.24'", "2024-01-05", NULL}},
        {date_type,
         "%d.%m.%Y",
         NULL,
         {"'infinity'", NULL, "v.type: 'infinity' is not a date in the format %d.%m.%Y"}},
        {date_type,
         "%d.%m.%Y",
         NULL,
         {"'epoch'", NULL, "v.type: 'epoch' is not a date in the format %d.%m.%Y"}},
        {date_type,
         "%d.%m.%Y",
         NULL,
         {"'01.01.0000'", NULL, "v.type: '01.01.0000' is not a date in the format %d.%m.%Y"}},
        {date_type, "%d.%m.%Y", NULL, {"''", NULL, NULL}},
        {timestamp_type,
         "%d.%m.%Y %H:%M",
         NULL,
         {"'05.01.2024 10:30'", "2024-01-05 10:30:00+00", NULL}},
        {timestamp_type,
         "%Y-%m-%d %H:%M:%S %z",
         NULL,
         {"'2024-01-05 10:00:00 +0200'", "2024-01-05 08:00:00+00", NULL}},
        {ntz_type, "%d.%m.%Y %H:%M", NULL, {"'05.01.2024 10:30'", "2024-01-05 10:30:00", NULL}},
        {ntz_type,
         "%Y-%m-%d %H:%M:%S %z",
         NULL,
         {"'2024-01-05 10:00:00 +0200'", "2024-01-05 08:00:00", NULL}},
        {ntz_type,
         "%Y-%m-%d %H:%M:%S.%n",
         NULL,
         {"'2024-01-05 10:00:00.123456789'", "2024-01-05 10:00:00.123456", NULL}},
        {time_type, "%I:%M %p", NULL, {"'10:30 PM'", "22:30:00", NULL}},
        {time_type,
         "%I:%M %p",
         NULL,
         {"'22:30'", NULL, "v.type: '22:30' is not a time of day in the format %I:%M %p"}},
    };
    try_formats(*state, cases, sizeof cases / sizeof *cases);
}

static void numbers_and_booleans_have_formats(void **state)
{
    const struct format_case cases[] = {
        {decimal_type, "1.234,56", NULL, {"'-1.234,56'", "-1234.56", NULL}},
        {decimal_type, "1.234,56", NULL, {"'1234,5'", "1234.50", NULL}},
        {decimal_type, "1.234,56", NULL, {"' ,50 '", "0.50", NULL}},
        {decimal_type, "1.234,56", NULL, {"'1.234'", "1234.00", NULL}},
        {decimal_type, "1.234,56", NULL, {"'1.234.567,10000'", "1234567.10", NULL}},
        {decimal_type,
         "1.234,56",
         NULL,
         {"'1234.56'", NULL, "v.type: '1234.56' is not a decimal(12,2) in the format 1.234,56"}},
        {decimal_type,
         "1.234,56",
         NULL,
         {"'12.34,56'", NULL, "v.type: '12.34,56' is not a decimal(12,2) in the format 1.234,56"}},
        {decimal_type,
         "1.234,56",
         NULL,
         {"'0,125'", NULL, "v.type: '0,125' is not a decimal(12,2) in the format 1.234,56"}},
        {decimal_type,
         "1.234,56",
         NULL,
         {"'99.999.999.999,00'", NULL,
          "v.type: '99.999.999.999,00' is not a decimal(12,2) in the format 1.234,56"}},
        {decimal_type,
         "1.234,56",
         NULL,
         {"'0.123'", NULL, "v.type: '0.123' is not a decimal(12,2) in the format 1.234,56"}},
        {decimal_type,
         "1.234,56",
         NULL,
         {"'000.123'", NULL, "v.type: '000.123' is not a decimal(12,2) in the format 1.234,56"}},
        {decimal_type, "1.234,56", NULL, {"'0012,5'", "12.50", NULL}},
        {decimal_type, "1.234,56", NULL, {"'0,5'", "0.50", NULL}},
        {decimal_type, "12.50", "1.234,56", {"'1.234,56'", "1234.56", NULL}},
        {decimal_type, "12.50", "1.234,56", {"'1.25'", "1.25", NULL}},
        {decimal_type,
         "12.50",
         "1.234,56",
         {"'1,2.5'", NULL,
          "v.type: '1,2.5' is not a decimal(12,2) in any of the formats 12.50, 1.234,56"}},
        {decimal_type,
         "1 234,56",
         NULL,
         {"'1\xC2\xA0"
          "234\xE2\x80\xAF"
          "567,5'",
          "1234567.50", NULL}},
        {decimal_type, "1'234.50", NULL, {"'1''234.5'", "1234.50", NULL}},
        {decimal_type,
         "1'234.50",
         NULL,
         {"'-1\xE2\x80\x99"
          "234'",
          "-1234.00", NULL}},
        {decimal_type, "(12.50)", NULL, {"'(12.5)'", "-12.50", NULL}},
        {decimal_type, "(12.50)", NULL, {"'-12.5'", "-12.50", NULL}},
        {decimal_type,
         "(12.50)",
         NULL,
         {"'(-12.5)'", NULL, "v.type: '(-12.5)' is not a decimal(12,2) in the format (12.50)"}},
        {decimal_type, "1.234,56-", NULL, {"'1.234,56-'", "-1234.56", NULL}},
        {decimal_type, "1.234,56-", NULL, {"'-1.234,56'", "-1234.56", NULL}},
        {decimal_type, "1.234,56-", NULL, {"'5+'", "5.00", NULL}},
        {decimal_type,
         "1.234,56-",
         NULL,
         {"'-5-'", NULL, "v.type: '-5-' is not a decimal(12,2) in the format 1.234,56-"}},
        {decimal_type, "1.234,56 EUR", NULL, {"'-1.234,56EUR'", "-1234.56", NULL}},
        {decimal_type, "$1,234.56", NULL, {"'$-1,234.56'", "-1234.56", NULL}},
        {decimal_type, "($1,234.56)", NULL, {"'($.5)'", "-0.50", NULL}},
        {decimal_type,
         "1.234,56 EUR",
         NULL,
         {"'1,5'", NULL, "v.type: '1,5' is not a decimal(12,2) in the format 1.234,56 EUR"}},
        {double_type, "1.234,5", NULL, {"'1.234,123456'", "1234.123456", NULL}},
        {double_type,
         "1.234,5",
         NULL,
         {"'1e5'", NULL, "v.type: '1e5' is not a number in the format 1.234,5"}},
        {double_type, "1.5", NULL, {"'1e5'", "100000.0", NULL}},
        {boolean_type, "ja/nein", NULL, {"'Ja'", "true", NULL}},
        {boolean_type, "ja/nein", "J/N", {"'n'", "false", NULL}},
        {boolean_type,
         "ja/nein",
         NULL,
         {"'true'", NULL, "v.type: 'true' is not a boolean in the format ja/nein"}},
    };
    try_formats(*state, cases, sizeof cases / sizeof *cases);
}

static void typed_values_have_no_format(void **state)
{
    static const struct typed_case {
        const char *raw_type;
        const struct sl_type *type;
        const char *format, *null_word, *otherwise;
        struct text_case text;
    } cases[] = {
        {"DOUBLE", &decimal_type, "1.234,56", NULL, NULL, {"1.5", "1.50", NULL}},
        {"DOUBLE",
         &decimal_type,
         "1.234,56",
         NULL,
         NULL,
         {"1.234", NULL, "v.type: '1.234' is not a decimal(12,2) in the format 1.234,56"}},
        {"DECIMAL(12,3)", &decimal_type, "1.234,56", NULL, "1.000", {"1.000", "1.00", NULL}},
        {"DECIMAL(12,3)", &decimal_type, "1.234,56", NULL, "1.000", {"null", "1000.00", NULL}},
        {"DOUBLE", &decimal_type, "1.234,56", "-1.0", "1,5", {"-1", "1.50", NULL}},
        {"BOOLEAN", &boolean_type, "ja/nein", "N/A", NULL, {"true", "true", NULL}},
        {"BOOLEAN", &boolean_type, "ja/nein", "N/A", "nein", {"null", "false", NULL}},
        {"INTEGER", &boolean_type, "1/2", NULL, NULL, {"2", "false", NULL}},
        {"DATE", &date_type, "%Y-%d-%m", "N/A", NULL, {"'2024-01-02'", "2024-01-02", NULL}},
        {"INTEGER", &date_type, "%Y%m%d", NULL, NULL, {"20240102", "2024-01-02", NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct typed_case *each = &cases[i];
        struct one_column contract = {.column = harness_column("v", *each->type),
                                      .raw_type = each->raw_type};
        contract.column.formats = harness_strs(*state, each->format, NULL);
        if (each->null_word)
            contract.column.null_values = harness_strs(*state, "", each->null_word, NULL);
        contract.column.otherwise = each->otherwise;
        harness_run_case(*state, &contract, &each->text);
    }
}

static void run_leaf(struct harness *harness, struct sl_contract_column *leaf, bool is_array,
                     const char *raw_type, const struct text_case *text)
{
    const struct sl_type type = {.kind = is_array ? SL_TYPE_ARRAY : SL_TYPE_OBJECT};
    struct one_column contract = {.column = harness_column("v", type), .raw_type = raw_type};
    contract.column.fields = leaf;
    contract.column.field_count = 1;
    harness_run_case(harness, &contract, text);
}

static void nor_have_those_in_objects_and_arrays(void **state)
{
    static const struct leaf_case {
        bool is_array;
        const char *raw_type, *format, *otherwise;
        struct text_case text;
    } cases[] = {
        {true, "DOUBLE[]", "1.234,56", NULL, {"[1.25, null]", "[1.25, NULL]", NULL}},
        {true, "DECIMAL(9,3)[]", "1.234,56", "1.000", {"[1.000, null]", "[1.00, 1000.00]", NULL}},
        {true, "VARCHAR[]", "1.234,56", NULL, {"['1.234', '7,5']", "[1234.00, 7.50]", NULL}},
        {true, NULL, "1.234,56", NULL, {"'[1.250, \"1.250\"]'", "[1.25, 1250.00]", NULL}},
        {false,
         "STRUCT(amount DECIMAL(9,3))",
         "1.234,56",
         NULL,
         {"{'amount': 1.250}", "{'amount': 1.25}", NULL}},
        {false,
         "STRUCT(amount VARCHAR)",
         "1.234,56",
         NULL,
         {"{'amount': '1.250'}", "{'amount': 1250.00}", NULL}},
        {false, NULL, "1.234,56", "1.000", {"'{\"amount\": 1.250}'", "{'amount': 1.25}", NULL}},
        {false, NULL, "1.234,56", "1.000", {"'{\"amount\": null}'", "{'amount': 1000.00}", NULL}},
        {false,
         "MAP(VARCHAR, DOUBLE)",
         "1.234,56",
         NULL,
         {"map {'amount': 1.25}", "{'amount': 1.25}", NULL}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct leaf_case *each = &cases[i];
        struct sl_contract_column leaf =
            harness_column(each->is_array ? "" : "amount", decimal_type);
        leaf.path = each->is_array ? "v[]" : "v.amount";
        leaf.formats = harness_strs(*state, each->format, NULL);
        leaf.otherwise = each->otherwise;
        run_leaf(*state, &leaf, each->is_array, each->raw_type, &each->text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_formats_are_tried_in_order),
        cmocka_unit_test(numbers_and_booleans_have_formats),
        cmocka_unit_test(typed_values_have_no_format),
        cmocka_unit_test(nor_have_those_in_objects_and_arrays),
    };
    return cmocka_run_group_tests_name("contract: formats of values", tests, harness_setup,
                                       harness_teardown);
}
