// JSON lines and arrays: every value as it is written, everything else corrupt or refused.
#include "splitting.h"

#include <stdlib.h>
#include <string.h>

struct json_case {
    const char *text, *names, *records;
};

static const struct json_case lines[] = {
    {"{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"a\":2}\n", "a,b", "1: [1] [x]\n2: [2] [y]\n"},
    {"{\"a\":1.10,\"b\":12345678901234567890123}\n{\"a\":-0,\"b\":1E+5}", "a,b",
     "1: [1.10] [12345678901234567890123]\n2: [-0] [1E+5]\n"},
    {"{\"a\":null,\"b\":true}\r\n{\"b\":false}\r\n{}\r\n", "a,b",
     "1: - [true]\n2: - [false]\n3: - -\n"},
    {"{\"a\":\"\",\"b\":\" x\"}", "a,b", "1: [] [ x]\n"},
    {"{\"a\":{\"b\": [1, {}]},\"c\":[ ]}", "a,c", "1: [{\"b\": [1, {}]}] [[ ]]\n"},
    {"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"}", "a",
     "1: [\"\\\\/\\x08\\x0C\\n\\r\\tA\\xC3\\xA9\\xE2\\x82\\xAC\\xF0\\x9F\\x98\\x80]\n"},
    {"{\"a\\u0062\":1}\n{\"ab\":2}", "ab", "1: [1]\n2: [2]\n"},
    {"{\"a b\":1,\"c\\\"d\":2,\"\\u00e9\":3}", "a b,c\"d,\xC3\xA9", "1: [1] [2] [3]\n"},
    {"\n \t{ \"a\" : 1 , \"b\" : [ ] } \n\n\r\n{\"a\":2}\n", "a,b", "2: [1] [[ ]]\n5: [2] -\n"},
    {"\xEF\xBB\xBF{\"a\":1}\n", "a", "1: [1]\n"},
    {"", "", ""},
    {"\n \n", "", ""},
    {"{}\n", "", "1:\n"},
    // what is no object
    {"[1]\n{\"a\":1}\n5\n\"x\"\nnull\n", "a", "1! [1]\n2: [1]\n3! 5\n4! \"x\"\n5! null\n"},
    {"{\"a\":1\n{\"a\":2}\n", "a", "1! {\"a\":1\n2: [2]\n"},
    {"{\"a\":1}}\n{\"a\":2},\n {\"a\":3} x\n", "",
     "1! {\"a\":1}}\n2! {\"a\":2},\n3!  {\"a\":3} x\n"},
    {"{\"a\":1,\"a\":2}\n{\"a\":1,\"\\u0061\":2}\n", "a",
     "1! {\"a\":1,\"a\":2}\n2! {\"a\":1,\"\\\\u0061\":2}\n"},
    {"{\"a\":01}\n{\"a\":1.}\n{\"a\":.5}\n{\"a\":+1}\n{\"a\":1e}\n{\"a\":-}\n", "",
     "1! {\"a\":01}\n2! {\"a\":1.}\n3! {\"a\":.5}\n4! {\"a\":+1}\n5! {\"a\":1e}\n6! {\"a\":-}\n"},
    {"{\"a\":NaN}\n{\"a\":nul}\n{\"a\":True}\n{a:1}\n{'a':1}\n", "",
     "1! {\"a\":NaN}\n2! {\"a\":nul}\n3! {\"a\":True}\n4! {a:1}\n5! {'a':1}\n"},
    {"{\"a\":1,}\n{,}\n{\"a\"}\n{\"a\":}\n{\"a\":[1,]}\n{\"a\":[1 2]}\n{\"a\" 1}\n", "",
     "1! {\"a\":1,}\n2! {,}\n3! {\"a\"}\n4! {\"a\":}\n5! {\"a\":[1,]}\n6! {\"a\":[1 2]}\n7! {\"a\" "
     "1}\n"},
    {"{\"a\":\"\t\"}\n{\"a\":\"\\x\"}\n{\"a\":\"\\u00g0\"}\n{\"a\":\"\\", "",
     "1! {\"a\":\"\\t\"}\n2! {\"a\":\"\\\\x\"}\n3! {\"a\":\"\\\\u00g0\"}\n4! {\"a\":\"\\\\\n"},
    {"{\"a\":\"\\u0000\"}\n{\"a\":\"\\ud83d\"}\n{\"a\":\"\\ud83dxxxxxx\"}\n{\"a\":\"\\ude00\"}\n{"
     "\"a\":\"\\ud83d\\u0041\"}\n",
     "",
     "1! {\"a\":\"\\\\u0000\"}\n2! {\"a\":\"\\\\ud83d\"}\n3! {\"a\":\"\\\\ud83dxxxxxx\"}\n4! "
     "{\"a\":\"\\\\ude00\"}\n"
     "5! {\"a\":\"\\\\ud83d\\\\u0041\"}\n"},
    {"{\"a\":\"\xFF\"}\n{\"a\":\"\xC3\xA9\"}\n", "a", "1! {\"a\":\"\\xFF\"}\n2: [\\xC3\\xA9]\n"},
    {"// x\n{\"a\":1}\n", "a", "1! // x\n2: [1]\n"},
};

static const struct json_case arrays[] = {
    {"[{\"a\":1},{\"a\":\"x\",\"b\":[1,\n 2]}]", "a,b", "1: [1] -\n2: [x] [[1,\\n 2]]\n"},
    {" \n[\n {\"a\" : 1} ,\r\n {\n\"b\":\n2} ]\n ", "a,b", "1: [1] -\n2: - [2]\n"},
    {"[]", "", ""},
    {" [ ] ", "", ""},
    {"[5,{\"a\":1},[{\"a\":2}],null,\"x,]\",{\"a\":1,\"a\":2}]", "a",
     "1! 5\n2: [1]\n3! [{\"a\":2}]\n4! null\n5! \"x,]\"\n6! {\"a\":1,\"a\":2}\n"},
    {"\xEF\xBB\xBF[{\"a\":\"\xFF\"},{\"a\":\"]\"}]", "a", "1! {\"a\":\"\\xFF\"}\n2: []]\n"},
    {"[12,34]", "", "1! 12\n2! 34\n"},
};

static void check(struct splitting *splitting, const struct json_case *test)
{
    splitting_write(splitting, test->text, strlen(test->text));
    for (size_t chunk = 0; chunk <= strlen(test->text); chunk++) {
        if (splitting_run(splitting, chunk) != SL_OK)
            fail_msg("%s (%zu bytes at once): %s", test->text, chunk, splitting->err.message);
        if (strcmp(splitting->names.text, test->names) != 0 ||
            strcmp(splitting->records.text, test->records) != 0)
            fail_msg("%s (%zu bytes at once):\n%s\n%s", test->text, chunk, splitting->names.text,
                     splitting->records.text);
    }
}

static void a_line_is_an_object_or_corrupt(void **state)
{
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    splitting.format = SL_SPLIT_LINES;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        check(&splitting, &lines[i]);
    splitting_clear(&splitting);
}

static void an_element_is_an_object_or_corrupt(void **state)
{
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    splitting.format = SL_SPLIT_ARRAY;
    for (size_t i = 0; i < COUNT_OF(arrays); i++)
        check(&splitting, &arrays[i]);
    splitting_clear(&splitting);
}

static void what_is_no_array_fails(void **state)
{
    static const struct {
        const char *text, *message;
        int64_t max_record_bytes;
    } tests[] = {
        {"", "line 1: the file does not begin with an array", 0},
        {"\n {\"a\":1}\n", "line 2: the file does not begin with an array", 0},
        {"[{\"a\":1}", "line 1: the array ends too early", 0},
        {"[{\"a\":1},", "line 1: the array ends too early", 0},
        {"[", "line 1: the array ends too early", 0},
        {"[{\"a\":1},]", "line 1: element 2, byte 1: found ']', expected an object: {...}", 0},
        {"[,]", "line 1: element 1, byte 1: found ',', expected an object: {...}", 0},
        {"[{\"a\":1}\n{\"a\":2}]", "line 2: a comma or ']' is missing", 0},
        {"[{\"a\":1},\n{\n\"a\":x}]", "line 3: element 2, byte 7: found 'x', expected a value", 0},
        {"[{\"a\":\"x", "line 1: the array ends too early", 0},
        {"[{\"a\":1}] []", "line 1: more follows after the array", 0},
        {"[{\"a\":\"0123456789\"}]", "line 1: an element is larger than a record may be", 12},
    };
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    splitting.format = SL_SPLIT_ARRAY;
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        splitting.options.max_record_bytes = tests[i].max_record_bytes;
        splitting_write(&splitting, tests[i].text, strlen(tests[i].text));
        for (size_t chunk = 0; chunk <= strlen(tests[i].text); chunk++) {
            if (splitting_run(&splitting, chunk) != SL_E_SOURCE_FILE ||
                strcmp(splitting.err.message, tests[i].message) != 0)
                fail_msg("%s (%zu bytes at once): %s", tests[i].text, chunk, splitting.err.message);
        }
    }
    splitting_clear(&splitting);
}

static void names_that_cannot_be_columns_fail(void **state)
{
    static const char *const tests[] = {"{\"a\":1,\"A\":2}\n", "{\"\":1}\n", "{\"_corrupt\":1}\n"};
    struct splitting splitting;
    struct sl_buf many = SL_BUF_INIT;

    (void)state;
    splitting_init(&splitting);
    splitting.format = SL_SPLIT_LINES;
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        splitting_write(&splitting, tests[i], strlen(tests[i]));
        assert_int_equal(splitting_run(&splitting, 0), SL_E_SOURCE_COLUMNS);
    }
    for (int i = 0; i < 10001; i++)
        sl_buf_addf(&many, "{\"n%d\":1}\n", i);
    splitting_write(&splitting, many.text, many.length);
    assert_int_equal(splitting_run(&splitting, 0), SL_E_SOURCE_COLUMNS);
    sl_buf_clear(&many);
    splitting_clear(&splitting);
}

static void a_record_with_names_that_cannot_be_columns_is_corrupt(void **state)
{
    static const struct {
        const char *text, *names, *records;
    } tests[] = {
        {"{\"a\":1}\n{\"a\":2,\"A\":3}\n{\"A\":4}\n", "a",
         "1: [1]\n2! {\"a\":2,\"A\":3}\n3: [4]\n"},
        {"{\"x\":1,\"_Corrupt\":2}\n{\"a\":1}\n", "a", "1! {\"x\":1,\"_Corrupt\":2}\n2: [1]\n"},
        {"{\"a\":1}\n{\"a\":1,\"b\":2,\"\":3}\n{\"b\":4}\n", "a,b",
         "1: [1] -\n2! {\"a\":1,\"b\":2,\"\":3}\n3: - [4]\n"},
        {"{\"a\":1,\"b\":1,\"\\u0061\":2}\n{\"c\":1}\n", "a,b,c",
         "1! {\"a\":1,\"b\":1,\"\\\\u0061\":2}\n2: - - [1]\n"},
    };
    struct splitting splitting;

    (void)state;
    splitting_init(&splitting);
    splitting.format = SL_SPLIT_LINES;
    for (size_t i = 0; i < COUNT_OF(tests); i++) {
        splitting_write(&splitting, tests[i].text, strlen(tests[i].text));
        assert_int_equal(splitting_run(&splitting, 0), SL_OK);
        assert_string_equal(splitting.names.text, tests[i].names);
        assert_string_equal(splitting.records.text, tests[i].records);
    }
    splitting_clear(&splitting);
}

static void nesting_has_an_end(void **state)
{
    struct splitting splitting;
    struct sl_buf text = SL_BUF_INIT;

    (void)state;
    splitting_init(&splitting);
    splitting.format = SL_SPLIT_LINES;
    for (int depth = 100; depth <= 1000000; depth *= 100) {
        sl_buf_reset(&text);
        sl_buf_add(&text, "{\"a\":");
        for (int i = 0; i < depth; i++)
            sl_buf_add_char(&text, '[');
        for (int i = 0; i < depth; i++)
            sl_buf_add_char(&text, ']');
        sl_buf_add(&text, "}\n");
        splitting_write(&splitting, text.text, text.length);
        assert_int_equal(splitting_run(&splitting, 0), SL_OK);
        assert_int_equal(splitting.lane.records, 1);
        assert_int_equal(splitting.lane.corrupt, depth == 100 ? 0 : 1);
    }
    sl_buf_clear(&text);
    splitting_clear(&splitting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_an_object_or_corrupt),
        cmocka_unit_test(an_element_is_an_object_or_corrupt),
        cmocka_unit_test(what_is_no_array_fails),
        cmocka_unit_test(names_that_cannot_be_columns_fail),
        cmocka_unit_test(a_record_with_names_that_cannot_be_columns_is_corrupt),
        cmocka_unit_test(nesting_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
