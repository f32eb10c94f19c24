#include "fixture.h"

#include "table/delta/schema.h"

#include <string.h>

static const char *print_type(struct fixture *fixture, const char *type, bool *has_ntz)
{
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;

    assert_ok(fixture, sl_delta_type_print("c", type, &json, has_ntz, &fixture->err));
    return sl_arena_strdup(&fixture->arena, json.text);
}

static const char *parse_type(struct fixture *fixture, const char *json)
{
    SL_AUTO(sl_buf_clear) struct sl_buf type = SL_BUF_INIT;
    SL_AUTO(sl_json_free) json_t *root = NULL;

    assert_ok(fixture, sl_json_parse(json, strlen(json), "type", &root, &fixture->err));
    assert_ok(fixture, sl_delta_type_parse("c", root, &type, &fixture->err));
    return sl_arena_strdup(&fixture->arena, type.text);
}

static void types_go_to_delta_and_back(void **state)
{
    static const struct {
        const char *type, *json;
    } cases[] = {
        {"BOOLEAN", "\"boolean\""},
        {"TINYINT", "\"byte\""},
        {"SMALLINT", "\"short\""},
        {"INTEGER", "\"integer\""},
        {"BIGINT", "\"long\""},
        {"FLOAT", "\"float\""},
        {"DOUBLE", "\"double\""},
        {"DECIMAL(38,10)", "\"decimal(38,10)\""},
        {"VARCHAR", "\"string\""},
        {"BLOB", "\"binary\""},
        {"DATE", "\"date\""},
        {"TIMESTAMP", "\"timestamp_ntz\""},
        {"TIMESTAMP WITH TIME ZONE", "\"timestamp\""},
        {"INTEGER[]", "{\"type\":\"array\",\"elementType\":\"integer\",\"containsNull\":true}"},
        {"DECIMAL(4,2)[][]",
         "{\"type\":\"array\",\"elementType\":{\"type\":\"array\",\"elementType\":\"decimal(4,2)\","
         "\"containsNull\":true},\"containsNull\":true}"},
        {"MAP(VARCHAR, INTEGER[])",
         "{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":{\"type\":\"array\","
         "\"elementType\":\"integer\",\"containsNull\":true},\"valueContainsNull\":true}"},
        {"STRUCT(a INTEGER, \"my \"\"col\"\"\" STRUCT(\"name\" VARCHAR))[]",
         "{\"type\":\"array\",\"elementType\":{\"type\":\"struct\",\"fields\":[{\"name\":\"a\","
         "\"type\":\"integer\",\"nullable\":true,\"metadata\":{}},{\"name\":\"my \\\"col\\\"\","
         "\"type\":{\"type\":\"struct\",\"fields\":[{\"name\":\"name\",\"type\":\"string\","
         "\"nullable\":true,\"metadata\":{}}]},\"nullable\":true,\"metadata\":{}}]},"
         "\"containsNull\":true}"},
        {"STRUCT(\"1a\" DATE, \"aB$\" DATE, \"\xC3\xBC\" DATE, A_1 DATE, \"SELECT\" DATE)", NULL},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool has_ntz = false;
        const char *json = print_type(fixture, cases[i].type, &has_ntz);

        if (cases[i].json)
            assert_string_equal(json, cases[i].json);
        assert_string_equal(parse_type(fixture, json), cases[i].type);
        assert_int_equal(has_ntz, strcmp(cases[i].type, "TIMESTAMP") == 0);
    }
}

static void a_timestamp_without_zone_is_seen_however_deep(void **state)
{
    struct fixture *fixture = *state;
    bool has_ntz = false;

    (void)print_type(fixture, "MAP(VARCHAR, STRUCT(t TIMESTAMP WITH TIME ZONE)[])", &has_ntz);
    assert_false(has_ntz);
    (void)print_type(fixture, "MAP(VARCHAR, STRUCT(t TIMESTAMP)[])", &has_ntz);
    assert_true(has_ntz);
}

static void types_that_delta_lacks_are_refused_with_a_cast(void **state)
{
    static const struct {
        const char *type, *hint;
    } cases[] = {
        {"HUGEINT", "cast(total as DECIMAL(38,0))"},
        {"UHUGEINT", "DECIMAL(38,0)"},
        {"UTINYINT", "SMALLINT"},
        {"USMALLINT", "INTEGER"},
        {"UINTEGER", "BIGINT"},
        {"UBIGINT", "DECIMAL(20,0)"},
        {"TIME", "VARCHAR"},
        {"TIME WITH TIME ZONE", "VARCHAR"},
        {"UUID", "VARCHAR"},
        {"INTERVAL", "VARCHAR"},
        {"JSON", "VARCHAR"},
        {"BIT", "VARCHAR"},
        {"ENUM('a', 'b')", "VARCHAR"},
        {"UNION(a INTEGER, b DECIMAL(3,1))[]", "cast(total as VARCHAR[])"},
        {"TIMESTAMP_NS", "TIMESTAMP"},
        {"TIMESTAMP_S", "TIMESTAMP"},
        {"\"NULL\"", "cast(total as INTEGER)"},
        {"INTEGER[3]", "cast(total as INTEGER[])"},
        {"STRUCT(a UBIGINT, b INTEGER)", "cast(total as STRUCT(a DECIMAL(20,0), b INTEGER))"},
        {"UUID[]", "cast(total as VARCHAR[])"},
        {"MAP(VARCHAR, TIME WITH TIME ZONE)", "cast(total as MAP(VARCHAR, VARCHAR))"},
        {"STRUCT(INTEGER, VARCHAR)", "{'a': 1, 'b': 2}"},
        {"", "VARCHAR"},
        {"INTEGER x", "VARCHAR"},
        {"STRUCT(a INTEGER", "VARCHAR"},
        {"STRUCT(\"a INTEGER)", "names"},
        {"STRUCT( INTEGER)", "names"},
        {"STRUCT(a)", "names"},
        {"MAP(INTEGER)", "VARCHAR"},
        {"MAP(INTEGER, DATE", "VARCHAR"},
        {"DECIMAL(99999,1)", "VARCHAR"},
        {"INTEGER[][", "cast(total as INTEGER[][])"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
        bool has_ntz = false;

        assert_fails(fixture, SL_E_TABLE_SCHEMA,
                     sl_delta_type_print("total", cases[i].type, &json, &has_ntz, &fixture->err));
        assert_says(fixture, "column 'total'");
        if (!strstr(fixture->err.hint, cases[i].hint))
            fail_msg("%s: hint '%s'", cases[i].type, fixture->err.hint);
    }
}

static void a_type_too_deep_is_refused_in_both_directions(void **state)
{
    struct fixture *fixture = *state;
    SL_AUTO(sl_buf_clear) struct sl_buf type = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf out = SL_BUF_INIT;
    SL_AUTO(sl_json_free) json_t *json = json_string("long");
    bool has_ntz = false;

    for (int i = 0; i < 200; i++) {
        sl_buf_add(&type, "STRUCT(a ");
        json = json_pack("{s:s, s:o}", "type", "array", "elementType", json);
    }
    assert_fails(fixture, SL_E_TABLE_SCHEMA,
                 sl_delta_type_print("c", type.text, &out, &has_ntz, &fixture->err));
    assert_says(fixture, "too deeply");
    assert_fails(fixture, SL_E_TABLE_FEATURE, sl_delta_type_parse("c", json, &out, &fixture->err));
    assert_says(fixture, "too deeply");
}

static void types_of_later_protocols_are_refused(void **state)
{
    static const char *const cases[] = {
        "\"variant\"",
        "\"void\"",
        "\"decimal(39,0)\"",
        "\"decimal(3,4)\"",
        "\"decimal(0,0)\"",
        "{\"type\":\"struct\",\"fields\":[]}",
        "{\"type\":\"struct\",\"fields\":[{\"type\":\"long\"}]}",
        "{\"type\":\"map\",\"keyType\":\"long\"}",
        "{\"type\":\"map\"}",
        "{\"type\":\"array\"}",
        "{\"type\":\"odd\"}",
        "7",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf type = SL_BUF_INIT;
        SL_AUTO(sl_json_free) json_t *json = json_loads(cases[i], JSON_DECODE_ANY, NULL);

        assert_fails(fixture, SL_E_TABLE_FEATURE,
                     sl_delta_type_parse("c", json, &type, &fixture->err));
        assert_says(fixture, "column 'c'");
    }
}

static void a_schema_that_cannot_be_a_table_is_refused(void **state)
{
    static const struct {
        struct sl_column columns[2];
        size_t count;
        const char *says;
    } cases[] = {
        {{{"a", "DATE"}, {"A", "DATE"}}, 2, "two columns are named 'A'"},
        {{{"a", "DATE"}, {"a", "DATE"}}, 2, "two columns are named 'a'"},
        {{{"", "DATE"}}, 1, "a column has no name"},
        {{{"a", "UUID"}}, 1, "column 'a' has type UUID"},
        {{{"a", "DATE"}}, 0, "needs a column"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
        bool has_ntz = false;

        assert_fails(fixture, SL_E_TABLE_SCHEMA,
                     sl_delta_schema_print(cases[i].columns, cases[i].count, &json, &has_ntz,
                                           &fixture->err));
        assert_says(fixture, cases[i].says);
    }
}

static void a_damaged_schema_is_an_error_of_the_log(void **state)
{
    static const char *const cases[] = {"",
                                        "{",
                                        "{}",
                                        "[]",
                                        "{\"fields\":1}",
                                        "{\"fields\":[{\"type\":\"long\"}]}",
                                        "{\"fields\":[{\"name\":7,\"type\":\"long\"}]}"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_column *columns = NULL;
        size_t count = 99;

        assert_fails(
            fixture, SL_E_TABLE_LOG,
            sl_delta_schema_parse(cases[i], &fixture->arena, &columns, &count, &fixture->err));
        assert_int_equal(count, 99);
    }
}

#define OLD                                                                                  \
    "{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"long\",\"nullable\":false," \
    "\"metadata\":{\"comment\":\"kept\"}},{\"name\":\"s\",\"type\":{\"type\":\"struct\","    \
    "\"fields\":[{\"name\":\"x\",\"type\":\"date\",\"nullable\":false,\"metadata\":{}}]},"   \
    "\"nullable\":true,\"metadata\":{}}]}"

static void new_columns_go_behind_and_old_ones_keep_what_they_say(void **state)
{
    const struct sl_column columns[] = {
        {"new", "TIMESTAMP"}, {"s", "STRUCT(x DATE)"}, {"a", "BIGINT"}};
    struct fixture *fixture = *state;
    const char *schema = NULL;
    bool has_ntz = false;

    assert_ok(fixture, sl_delta_schema_extend(OLD, columns, 3, &fixture->arena, &schema, &has_ntz,
                                              &fixture->err));
    assert_true(has_ntz);
    assert_non_null(strstr(schema, "\"metadata\":{\"comment\":\"kept\"}},{\"name\":\"s\""));
    assert_true(strstr(schema, "\"timestamp_ntz\"") > strstr(schema, "\"name\":\"s\""));
}

static void the_same_columns_in_any_order_change_nothing(void **state)
{
    const struct sl_column columns[] = {{"s", "STRUCT(\"x\" DATE)"}, {"a", "BIGINT"}};
    struct fixture *fixture = *state;
    const char *schema = "untouched";
    bool has_ntz = false;

    assert_ok(fixture, sl_delta_schema_extend(OLD, columns, 2, &fixture->arena, &schema, &has_ntz,
                                              &fixture->err));
    assert_null(schema);
    assert_false(has_ntz);
}

static void a_change_that_is_not_additive_is_refused(void **state)
{
    static const struct {
        struct sl_column columns[3];
        size_t count;
        const char *says;
    } cases[] = {
        {{{"a", "BIGINT"}}, 1, "column 's' of the table is missing"},
        {{{"a", "DOUBLE"}, {"s", "STRUCT(x DATE)"}},
         2,
         "column 'a' has type BIGINT in the table and DOUBLE now"},
        {{{"a", "BIGINT"}, {"s", "STRUCT(x DATE, y DATE)"}}, 2, "column 's' has type"},
        {{{"a", "BIGINT"}, {"s", "STRUCT(x DATE)"}, {"A", "DATE"}}, 3, "two columns are named 'A'"},
        {{{"a", "BIGINT"}, {"s", "STRUCT(x DATE)"}, {"b", "UUID"}}, 3, "column 'b' has type UUID"},
        {{{"a", "UUID"}, {"s", "STRUCT(x DATE)"}}, 2, "column 'a' has type UUID"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *schema = NULL;
        bool has_ntz = false;

        assert_fails(fixture, SL_E_TABLE_SCHEMA,
                     sl_delta_schema_extend(OLD, cases[i].columns, cases[i].count, &fixture->arena,
                                            &schema, &has_ntz, &fixture->err));
        assert_says(fixture, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(types_go_to_delta_and_back),
        TEST(a_timestamp_without_zone_is_seen_however_deep),
        TEST(types_that_delta_lacks_are_refused_with_a_cast),
        TEST(a_type_too_deep_is_refused_in_both_directions),
        TEST(types_of_later_protocols_are_refused),
        TEST(a_schema_that_cannot_be_a_table_is_refused),
        TEST(a_damaged_schema_is_an_error_of_the_log),
        TEST(new_columns_go_behind_and_old_ones_keep_what_they_say),
        TEST(the_same_columns_in_any_order_change_nothing),
        TEST(a_change_that_is_not_additive_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
