// Reading the engine's tree.
#include "sql/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void texts_are_unescaped(void **state)
{
    static const struct {
        const char *json, *text;
    } texts[] = {
        {"{\"x\":\"\"}", ""},
        {"{\"x\":\"a\\\"b\\\\c\\/d\"}", "a\"b\\c/d"},
        {"{\"x\":\"\\b\\f\\n\\r\\t\"}", "\b\f\n\r\t"},
        {"{\"x\":\"\\u00e9\\u20AC\"}", "\xC3\xA9\xE2\x82\xAC"},
        {"{\"x\":\"\\ud83d\\ude00\"}", "\xF0\x9F\x98\x80"},
        {"{\"x\":\"\\ud83d!\"}", "\xEF\xBF\xBD!"},
        {"{\"x\":\"\\ude00\"}", "\xEF\xBF\xBD"},
        {"{\"x\":\"a\\u0000b\"}", "a\xEF\xBF\xBD"
                                  "b"},
        {"{\"x\":\"ü\"}", "ü"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sl_arena arena = {0};
        struct sl_err err = {0};
        struct sl_ast *tree = NULL;

        assert_int_equal(sl_ast_parse(texts[i].json, &arena, &tree, &err), SL_OK);
        assert_string_equal(sl_ast_text(tree, "x"), texts[i].text);
        sl_arena_clear(&arena);
    }
}

static void members_are_found_by_name(void **state)
{
    static const char json[] =
        "\n{ \"t\": true, \"f\": false, \"n\": null, \"l\": [1, [], {}, -2.5e3],"
        " \"big\": 18446744073709551615, \"query_location\": 17 } ";
    struct sl_arena arena = {0};
    struct sl_err err = {0};
    struct sl_ast *tree = NULL;

    (void)state;
    assert_int_equal(sl_ast_parse(json, &arena, &tree, &err), SL_OK);
    assert_true(sl_ast_true(tree, "t"));
    assert_false(sl_ast_true(tree, "f"));
    assert_null(sl_ast_get(tree, "n"));
    assert_null(sl_ast_get(tree, "absent"));
    assert_null(sl_ast_get(sl_ast_get(tree, "l"), "x"));
    assert_int_equal(sl_ast_count(sl_ast_get(tree, "l")), 4);
    assert_string_equal(sl_ast_text(tree, "big"), "18446744073709551615");
    assert_string_equal(sl_ast_text(tree, "absent"), "");
    assert_int_equal(sl_ast_location(tree), 17);
    sl_arena_clear(&arena);
}

static void an_unknown_place_is_none(void **state)
{
    static const char *const texts[] = {"{\"query_location\":18446744073709551615}", "{}",
                                        "{\"query_location\":99999999999}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sl_arena arena = {0};
        struct sl_err err = {0};
        struct sl_ast *tree = NULL;

        assert_int_equal(sl_ast_parse(texts[i], &arena, &tree, &err), SL_OK);
        assert_true(sl_ast_location(tree) == SIZE_MAX);
        sl_arena_clear(&arena);
    }
}

static void what_is_no_tree_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[1",
                                        "[1,]",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{a:1}",
                                        "\"a",
                                        "\"\\x\"",
                                        "\"\\u12g4\"",
                                        "\"\\u12",
                                        "nul",
                                        "[1] 2",
                                        "{\"a\":1,}",
                                        "[1 2]",
                                        "}",
                                        "\"\\",
                                        "\"\\ud83d\\u",
                                        "{\"a\":1 \"b\":2}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sl_arena arena = {0};
        struct sl_err err = {0};
        struct sl_ast *tree = NULL;

        if (sl_ast_parse(texts[i], &arena, &tree, &err) != SL_E_JSON_SYNTAX)
            fail_msg("%s was taken", texts[i]);
        assert_null(tree);
        sl_arena_clear(&arena);
    }
}

static int parse_nested(size_t depth)
{
    struct sl_arena arena = {0};
    struct sl_err err = {0};
    struct sl_ast *tree = NULL;
    char *text = malloc(2 * depth + 1);
    int code;

    assert_non_null(text);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    code = sl_ast_parse(text, &arena, &tree, &err);
    free(text);
    sl_arena_clear(&arena);
    return code;
}

static void a_tree_nested_beyond_reason_is_refused(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(4000), SL_OK);
    assert_int_equal(parse_nested(4001), SL_E_LIMIT);
    assert_int_equal(parse_nested(1000000), SL_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_unescaped),
        cmocka_unit_test(members_are_found_by_name),
        cmocka_unit_test(an_unknown_place_is_none),
        cmocka_unit_test(what_is_no_tree_is_refused),
        cmocka_unit_test(a_tree_nested_beyond_reason_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
