#include "../base/test.h"

#include "api/target.h"

static void a_type_tells_whether_it_is_nested_and_has_floats(void **state)
{
    static const struct {
        const char *type;
        bool is_nested, has_floats;
    } cases[] = {
        {"INTEGER", false, false},
        {"DOUBLE", false, true},
        {"FLOAT", false, true},
        {"DECIMAL(12,2)", false, false},
        {"INTEGER[]", true, false},
        {"DOUBLE[3]", true, true},
        {"STRUCT(a INTEGER, b FLOAT[])", true, true},
        {"MAP(VARCHAR, INTEGER)", true, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(sl_type_is_nested(cases[i].type), cases[i].is_nested);
        assert_int_equal(sl_type_has_floats(cases[i].type), cases[i].has_floats);
    }
}

static void a_delivery_begins_only_where_the_target_stands(void **state)
{
    struct sl_load load = {.mode = SL_LOAD_APPEND,
                           .to = "m",
                           .from_version = 3,
                           .to_version = 4,
                           .fingerprint = "f",
                           .table_id = "of this environment",
                           .from_table_id = "t"};
    const struct sl_target_position others[] = {
        {.version = 4, .fingerprint = "f", .table_id = "t"},
        {.version = 3, .fingerprint = "g", .table_id = "t"},
        {.version = 3, .fingerprint = "f", .table_id = "u"},
        {.version = -1},
    };
    const struct sl_target_position same = {.version = 3, .fingerprint = "f", .table_id = "t"};
    struct sl_err err = {0};
    (void)state;
    assert_int_equal(sl_target_check_begin(&load, &same, &err), SL_OK);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        load.mode = SL_LOAD_MERGE;
        assert_int_equal(sl_target_check_begin(&load, &others[i], &err), SL_E_TABLE_CONFLICT);
        load.mode = SL_LOAD_REPLACE;
        assert_int_equal(sl_target_check_begin(&load, &others[i], &err), SL_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_tells_whether_it_is_nested_and_has_floats),
        cmocka_unit_test(a_delivery_begins_only_where_the_target_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
