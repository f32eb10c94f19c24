#include "test.h"

#include "base/json.h"

static void values_of_all_kinds_are_parsed(void **state)
{
    static const char *const cases[] = {
        "1", "\"x\"", "null", "true", "[1,2]", "{\"b\":1,\"a\":[{}]}", "-1.5"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_json_free) json_t *json = NULL;
        struct sl_err err;
        char *text = NULL;

        assert_int_equal(sl_json_parse(cases[i], strlen(cases[i]), "x", &json, &err), SL_OK);
        assert_int_equal(sl_json_print(json, &text, &err), SL_OK);
        assert_string_equal(text, cases[i]);
        free(text);
    }
}

static void mistakes_have_a_place(void **state)
{
    static const struct {
        const char *text;
        int line;
        int column;
    } cases[] = {
        {"{\n  \"a\": x}", 2, 8}, {"", 1, 0}, {"[1,", 1, 3}, {"{} {}", 1, 4}, {"\"\xFF\"", 1, 1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        json_t *json = NULL;
        struct sl_err err;

        assert_int_equal(
            sl_json_parse(cases[i].text, strlen(cases[i].text), "log/0.json", &json, &err),
            SL_E_JSON_SYNTAX);
        assert_null(json);
        assert_string_equal(err.file, "log/0.json");
        assert_int_equal(err.line, cases[i].line);
        assert_int_equal(err.column, cases[i].column);
    }
}

static void oversized_integers_saturate_where_they_stand(void **state)
{
    static const char text[] =
        "{\"99999999999999999999\": 1, \"a\": 18446744073709551615, \"b\": [-9999999999999999999, "
        "9223372036854775807], \"c\": 1e5, \"d\": \"\\\"99999999999999999999\", \"e\": 123}";
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_err err;
    char *printed = NULL;

    (void)state;
    assert_int_equal(sl_json_parse(text, strlen(text), "x", &json, &err), SL_OK);
    assert_int_equal(sl_json_print(json, &printed, &err), SL_OK);
    assert_string_equal(printed, "{\"99999999999999999999\":1,\"a\":9223372036854775807,"
                                 "\"b\":[-9223372036854775808,9223372036854775807],\"c\":100000.0,"
                                 "\"d\":\"\\\"99999999999999999999\",\"e\":123}");
    free(printed);
}

static void a_mistake_behind_an_oversized_integer_is_found_at_its_place(void **state)
{
    static const char text[] = "[18446744073709551615,\n 1e999, x]";
    json_t *json = NULL;
    struct sl_err err;

    (void)state;
    assert_int_equal(sl_json_parse(text, strlen(text), "x", &json, &err), SL_E_JSON_SYNTAX);
    assert_null(json);
    assert_int_equal(err.line, 2);
}

static void members_of_another_type_give_the_default(void **state)
{
    static const char text[] = "{\"t\": \"x\", \"i\": 7, \"b\": true, \"r\": 1.5, \"n\": null}";
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_err err;

    (void)state;
    assert_int_equal(sl_json_parse(text, strlen(text), "x", &json, &err), SL_OK);
    assert_string_equal(sl_json_text(json, "t", "other"), "x");
    assert_string_equal(sl_json_text(json, "i", "other"), "other");
    assert_null(sl_json_text(json, "n", NULL));
    assert_int_equal(sl_json_int(json, "i", -1), 7);
    assert_int_equal(sl_json_int(json, "r", -1), -1);
    assert_int_equal(sl_json_int(json, "missing", -1), -1);
    assert_true(sl_json_bool(json, "b", false));
    assert_true(sl_json_bool(json, "i", true));
    assert_int_equal(sl_json_int(NULL, "i", -1), -1);
    assert_int_equal(sl_json_int(json_object_get(json, "t"), "i", -1), -1);
}

static void freeing_is_fine_for_null_and_twice(void **state)
{
    json_t *json = json_integer(1);

    (void)state;
    sl_json_free(&json);
    assert_null(json);
    sl_json_free(&json);
    sl_json_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_kinds_are_parsed),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(oversized_integers_saturate_where_they_stand),
        cmocka_unit_test(a_mistake_behind_an_oversized_integer_is_found_at_its_place),
        cmocka_unit_test(members_of_another_type_give_the_default),
        cmocka_unit_test(freeing_is_fine_for_null_and_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
