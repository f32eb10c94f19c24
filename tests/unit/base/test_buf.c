#include "test.h"

#include "base/buf.h"

static void appends_add_up(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    struct sl_err err;

    (void)state;
    assert_string_equal(buf.text, "");
    for (int i = 0; i < 100; i++) {
        sl_buf_add(&buf, "ab");
        sl_buf_add_char(&buf, 'c');
        sl_buf_add_bytes(&buf, "d\0", 1);
        sl_buf_addf(&buf, "%02d", i);
    }
    assert_int_equal(buf.length, 600);
    assert_int_equal(strlen(buf.text), 600);
    assert_memory_equal(buf.text + 594, "abcd99", 6);
    assert_int_equal(sl_buf_check(&buf, &err), SL_OK);
    sl_buf_reset(&buf);
    assert_string_equal(buf.text, "");
    sl_buf_add_bytes(&buf, "", 0);
    assert_int_equal(buf.length, 0);
}

static void bytes_may_hold_nul(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;

    (void)state;
    sl_buf_add_bytes(&buf, "a\0b", 3);
    assert_int_equal(buf.length, 3);
    assert_memory_equal(buf.text, "a\0b", 4);
}

static void the_first_failure_sticks_until_reset(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    struct sl_err err;

    (void)state;
    buf.max_bytes = 5;
    sl_buf_add(&buf, "12345");
    assert_int_equal(sl_buf_check(&buf, &err), SL_OK);
    sl_buf_addf(&buf, "%d", 6);
    sl_buf_add_bytes(&buf, "", 0);
    assert_string_equal(buf.text, "12345");
    assert_int_equal(sl_buf_check(&buf, &err), SL_E_MEMORY);
    assert_null(sl_buf_take(&buf));
    assert_int_equal(sl_buf_check(&buf, &err), SL_OK);
    sl_buf_add(&buf, "123456");
    assert_int_equal(sl_buf_check(&buf, &err), SL_E_MEMORY);
    sl_buf_reset(&buf);
    sl_buf_add(&buf, "1");
    assert_string_equal(buf.text, "1");
}

static void a_taken_text_is_the_callers(void **state)
{
    struct sl_buf buf = SL_BUF_INIT;
    char *text;

    (void)state;
    sl_buf_add(&buf, "mine");
    text = sl_buf_take(&buf);
    assert_string_equal(text, "mine");
    assert_string_equal(buf.text, "");
    free(text);
    text = sl_buf_take(&buf);
    assert_string_equal(text, "");
    free(text);
    sl_buf_clear(&buf);
    sl_buf_clear(&buf);
    sl_buf_clear(NULL);
}

static void literals_are_quoted_for_sql(void **state)
{
    static const struct {
        const char *text;
        const char *string;
        const char *name;
    } cases[] = {
        {"", "''", "\"\""},
        {"it's", "'it''s'", "\"it's\""},
        {"order \"id\"", "'order \"id\"'", "\"order \"\"id\"\"\""},
        {"''", "''''''", "\"''\""},
        {"a\\'b", "'a\\''b'", "\"a\\'b\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf string = SL_BUF_INIT;
        SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;

        sl_buf_add_sql_string(&string, cases[i].text);
        sl_buf_add_sql_name(&name, cases[i].text);
        assert_string_equal(string.text, cases[i].string);
        assert_string_equal(name.text, cases[i].name);
    }
}

static void strings_are_escaped_for_json(void **state)
{
    static const struct {
        const char *text;
        const char *json;
    } cases[] = {
        {"", "\"\""},
        {"a\"\\/b", "\"a\\\"\\\\/b\""},
        {"\n\r\t\b\f\x01\x1F\x7F", "\"\\n\\r\\t\\b\\f\\u0001\\u001F\x7F\""},
        {"gr\xC3\xBC\xC3\x9F \xF0\x9F\x90\x9F", "\"gr\xC3\xBC\xC3\x9F \xF0\x9F\x90\x9F\""},
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"cut \xE2\x82", "\"cut \xEF\xBF\xBD\xEF\xBF\xBD\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;

        sl_buf_add_json_string(&json, cases[i].text);
        assert_string_equal(json.text, cases[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_add_up),
        cmocka_unit_test(bytes_may_hold_nul),
        cmocka_unit_test(the_first_failure_sticks_until_reset),
        cmocka_unit_test(a_taken_text_is_the_callers),
        cmocka_unit_test(literals_are_quoted_for_sql),
        cmocka_unit_test(strings_are_escaped_for_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
