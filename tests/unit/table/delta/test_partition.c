#include "fixture.h"

#include "table/delta/partition.h"

#include <string.h>

static void partition_values_take_the_form_of_the_protocol(void **state)
{
    static const struct {
        const char *type, *text, *value;
    } cases[] = {
        {"VARCHAR", "a b", "a b"},
        {"VARCHAR", NULL, NULL},
        {"BIGINT", "-12", "-12"},
        {"DECIMAL(10,2)", "12.30", "12.30"},
        {"BOOLEAN", "true", "true"},
        {"DATE", "2024-02-29", "2024-02-29"},
        {"TIMESTAMP", "2024-01-01 10:00:00", "2024-01-01 10:00:00"},
        {"TIMESTAMP", "2024-01-01 10:00:00.5", "2024-01-01 10:00:00.500000"},
        {"TIMESTAMP WITH TIME ZONE", "2024-01-01 10:00:00+02", "2024-01-01T08:00:00.000000Z"},
        {"TIMESTAMP WITH TIME ZONE", "2024-01-01T08:00:00.000000Z", "2024-01-01T08:00:00.000000Z"},
        {"DOUBLE", "1.5", "1.5"},
        {"DOUBLE", "nan", "NaN"},
        {"FLOAT", "inf", "Infinity"},
        {"DOUBLE", "-inf", "-Infinity"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sl_column column = {"c", cases[i].type};
        const char *value = "untouched";

        assert_ok(fixture, sl_delta_partition_value(&column, cases[i].text, &fixture->arena, &value,
                                                    &fixture->err));
        assert_true(sl_str_equal(value, cases[i].value));
    }
}

static void a_value_that_delta_cannot_keep_is_refused(void **state)
{
    static const struct {
        const char *type, *text, *says;
    } cases[] = {
        {"VARCHAR", "", "column 'c' has an empty text"},
        {"DATE", "0044-03-15 (BC)", "'0044-03-15 (BC)' in column 'c'"},
        {"TIMESTAMP", "infinity", "'infinity' in column 'c'"},
        {"TIMESTAMP WITH TIME ZONE", "10000-01-01 00:00:00+00", "column 'c'"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sl_column column = {"c", cases[i].type};
        const char *value;

        assert_fails(fixture, SL_E_TABLE_SCHEMA,
                     sl_delta_partition_value(&column, cases[i].text, &fixture->arena, &value,
                                              &fixture->err));
        assert_says(fixture, cases[i].says);
    }
}

static void columns_that_cannot_partition_are_refused(void **state)
{
    static const char *const bad[] = {"BLOB", "INTEGER[]", "STRUCT(a DATE)", "MAP(DATE, DATE)"};
    struct fixture *fixture = *state;
    const struct sl_column good = {"c", "DECIMAL(3,1)"};

    assert_ok(fixture, sl_delta_partition_check(&good, &fixture->err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct sl_column column = {"c", bad[i]};

        assert_fails(fixture, SL_E_TABLE_SCHEMA, sl_delta_partition_check(&column, &fixture->err));
    }
}

static bool set_has(struct fixture *fixture, const struct sl_delta_partition_set *set,
                    const char *json)
{
    SL_AUTO(sl_json_free) json_t *values = json_loads(json, 0, NULL);
    bool has = false;

    assert_non_null(values);
    assert_ok(fixture, sl_delta_partition_set_has(set, values, &has, &fixture->err));
    return has;
}

static void partitions_are_found_however_they_are_spelled(void **state)
{
    static const struct sl_column columns[] = {{"t", "TIMESTAMP WITH TIME ZONE"}, {"s", "VARCHAR"}};
    const char *const first[] = {"2024-01-01 02:00:00+02", "a;1:b"};
    const char *const second[] = {NULL, "x"};
    struct fixture *fixture = *state;
    SL_AUTO(sl_delta_partition_set_clear)
    struct sl_delta_partition_set set = {.columns = columns, .column_count = 2};

    assert_ok(fixture, sl_delta_partition_set_add(&set, first, &fixture->err));
    assert_ok(fixture, sl_delta_partition_set_add(&set, second, &fixture->err));
    assert_true(set_has(fixture, &set, "{\"t\":\"2024-01-01 00:00:00\",\"s\":\"a;1:b\"}"));
    assert_true(set_has(fixture, &set, "{\"t\":\"2024-01-01T00:00:00.000000Z\",\"s\":\"a;1:b\"}"));
    assert_false(set_has(fixture, &set, "{\"t\":\"2024-01-01 00:00:01\",\"s\":\"a;1:b\"}"));
    assert_true(set_has(fixture, &set, "{\"t\":null,\"s\":\"x\"}"));
    assert_true(set_has(fixture, &set, "{\"t\":\"\",\"s\":\"x\"}"));
    assert_true(set_has(fixture, &set, "{\"s\":\"x\"}"));
    assert_false(set_has(fixture, &set, "{\"t\":\"odd\",\"s\":\"x\"}"));
    assert_false(set_has(fixture, &set, "{}"));
}

// The stats of a file with one column `c` of this type and these bounds.
static const char *print_stats(struct fixture *fixture, const char *type,
                               const struct sl_column_stats *stats)
{
    const struct sl_column column = {"c", type};
    const struct sl_delta_partition_set partitions = {0};
    struct sl_column_stats copy = *stats;
    const struct sl_staged_file file = {.row_count = 5, .stats = &copy, .stats_count = 1};
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    SL_AUTO(sl_json_free) json_t *root = NULL;

    copy.name = "c";
    sl_delta_stats_print(&file, &column, 1, &partitions, &json);
    assert_ok(fixture, sl_json_parse(json.text, json.length, "stats", &root, &fixture->err));
    return sl_arena_strdup(&fixture->arena, json.text);
}

#define E32 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
#define E "\xC3\xA9"
#define LONG E32 E32 E32 E32
#define TOP "\xF4\x8F\xBF\xBF"

static void statistics_take_the_form_of_the_protocol(void **state)
{
    static const struct {
        const char *type, *min, *max, *json;
    } cases[] = {
        {"BIGINT", "-3", "9007199254740993",
         "\"minValues\":{\"c\":-3},\"maxValues\":{\"c\":9007199254740993}"},
        {"DECIMAL(38,2)", "0.10", "123456789012345678901234567890.12",
         "\"minValues\":{\"c\":0.10},\"maxValues\":{\"c\":123456789012345678901234567890.12}"},
        {"DOUBLE", "1e-05", "1e+300", "\"minValues\":{\"c\":1e-05},\"maxValues\":{\"c\":1e+300}"},
        {"DOUBLE", "-inf", "2.5", "\"minValues\":{},\"maxValues\":{\"c\":2.5}"},
        {"FLOAT", "0.1", "nan", "\"minValues\":{\"c\":0.1},\"maxValues\":{}"},
        {"INTEGER", "01", "1.", "\"minValues\":{},\"maxValues\":{}"},
        {"INTEGER", "1e", "", "\"minValues\":{},\"maxValues\":{}"},
        {"DATE", "2024-01-01", "2024-12-31",
         "\"minValues\":{\"c\":\"2024-01-01\"},\"maxValues\":{\"c\":\"2024-12-31\"}"},
        {"DATE", "0044-03-15 (BC)", "infinity", "\"minValues\":{},\"maxValues\":{}"},
        {"TIMESTAMP", "2024-01-01 00:00:00", "2024-01-01 00:00:00.123456",
         "\"minValues\":{\"c\":\"2024-01-01T00:00:00.000000\"},\"maxValues\":{\"c\":"
         "\"2024-01-01T00:00:00.123456\"}"},
        {"TIMESTAMP WITH TIME ZONE", "2024-01-01 02:00:00+02", "infinity",
         "\"minValues\":{\"c\":\"2024-01-01T00:00:00.000000Z\"},\"maxValues\":{}"},
        {"VARCHAR", "", "a\"b", "\"minValues\":{\"c\":\"\"},\"maxValues\":{\"c\":\"a\\\"b\"}"},
        {"VARCHAR", LONG, LONG,
         "\"minValues\":{\"c\":\"" LONG "\"},\"maxValues\":{\"c\":\"" LONG "\"}"},
        {"VARCHAR", LONG "a", LONG E,
         "\"minValues\":{\"c\":\"" LONG "\"},\"maxValues\":{\"c\":\"" LONG TOP "\"}"},
        // Nothing is greater than what was cut.
        {"VARCHAR", LONG TOP, LONG TOP, "\"minValues\":{\"c\":\"" LONG "\"},\"maxValues\":{}"},
        {"BOOLEAN", "0", "1", "\"minValues\":{},\"maxValues\":{}"},
        {"BLOB", "00", "FF", "\"minValues\":{},\"maxValues\":{}"},
        {"DECIMAL(3,1)[]", "1.0", "2.0", "\"minValues\":{},\"maxValues\":{}"},
        {"BIGINT", NULL, NULL, "\"minValues\":{},\"maxValues\":{}"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct sl_column_stats stats = {
            .min = cases[i].min, .max = cases[i].max, .null_count = 2};
        const char *expected = sl_arena_printf(
            &fixture->arena, "{\"numRecords\":5,%s,\"nullCount\":{\"c\":2}}", cases[i].json);

        assert_string_equal(print_stats(fixture, cases[i].type, &stats), expected);
    }
}

static void bounds_beside_a_nan_are_left_out(void **state)
{
    const struct sl_column_stats stats = {
        .min = "1.0", .max = "2.0", .null_count = -1, .has_nan = true};

    assert_string_equal(print_stats(*state, "DOUBLE", &stats),
                        "{\"numRecords\":5,\"minValues\":{},\"maxValues\":{},\"nullCount\":{}}");
}

static void an_overlong_character_drops_the_bound(void **state)
{
    char text[512];
    const struct sl_column_stats stats = {.min = text, .max = text, .null_count = 0};

    // Continuation bytes only: no text of an engine, but no reason to overrun anything.
    memset(text, '\x80', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_string_equal(
        print_stats(*state, "VARCHAR", &stats),
        "{\"numRecords\":5,\"minValues\":{},\"maxValues\":{},\"nullCount\":{\"c\":0}}");
}

static void the_first_32_columns_that_are_no_partition_get_statistics(void **state)
{
    struct fixture *fixture = *state;
    struct sl_column columns[40];
    struct sl_column_stats stats[40];
    const struct sl_delta_partition_set partitions = {.columns = &columns[1], .column_count = 1};
    const struct sl_staged_file file = {.row_count = 1, .stats = stats, .stats_count = 40};
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    SL_AUTO(sl_json_free) json_t *root = NULL;
    const json_t *counts;

    for (int i = 0; i < 40; i++) {
        columns[i] = (struct sl_column){sl_arena_printf(&fixture->arena, "c%d", i), "BIGINT"};
        stats[i] = (struct sl_column_stats){.name = columns[i].name, .min = "1", .max = "2"};
    }
    // Statistics of what is inside of a nested column are no column's.
    stats[0].name = "\"c0\".\"x\"";
    sl_delta_stats_print(&file, columns, 40, &partitions, &json);
    assert_ok(fixture, sl_json_parse(json.text, json.length, "stats", &root, &fixture->err));
    counts = json_object_get(root, "nullCount");
    assert_null(json_object_get(counts, "c0"));
    assert_null(json_object_get(counts, "c1"));
    assert_non_null(json_object_get(counts, "c2"));
    assert_non_null(json_object_get(counts, "c32"));
    assert_null(json_object_get(counts, "c33"));
    assert_int_equal(json_object_size(json_object_get(root, "minValues")), 31);
    assert_int_equal(json_object_size(json_object_get(root, "maxValues")), 31);
}

static void a_text_without_room_fails_without_harm(void **state)
{
    const struct sl_column column = {"c", "BIGINT"};
    const struct sl_delta_partition_set partitions = {0};
    const struct sl_column_stats stats = {.name = "c", .min = "1", .max = "2"};
    const struct sl_staged_file file = {.row_count = 5, .stats = &stats, .stats_count = 1};

    (void)state;
    for (size_t max_bytes = 0; max_bytes < 40; max_bytes++) {
        SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;

        json.max_bytes = max_bytes;
        sl_delta_stats_print(&file, &column, 1, &partitions, &json);
        assert_true(json.has_failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(partition_values_take_the_form_of_the_protocol),
        TEST(a_value_that_delta_cannot_keep_is_refused),
        TEST(columns_that_cannot_partition_are_refused),
        TEST(partitions_are_found_however_they_are_spelled),
        TEST(statistics_take_the_form_of_the_protocol),
        TEST(bounds_beside_a_nan_are_left_out),
        TEST(an_overlong_character_drops_the_bound),
        TEST(the_first_32_columns_that_are_no_partition_get_statistics),
        TEST(a_text_without_room_fails_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
