#include "test.h"

#include "base/json.h"
#include "base/yaml.h"

#include <stdio.h>

struct fixture {
    struct sl_arena arena;
    struct sl_diags diags;
    struct sl_yaml *root;
};

static void fixture_clear(struct fixture *fixture)
{
    sl_arena_clear(&fixture->arena);
    sl_diags_clear(&fixture->diags);
}

static void parse_bytes(struct fixture *fixture, const char *text, size_t length)
{
    struct sl_err err;

    fixture->root = (struct sl_yaml *)fixture; // must be set
    assert_int_equal(sl_yaml_parse(text, length, "a.yml", 1, 1, &fixture->arena, &fixture->diags,
                                   &fixture->root, &err),
                     SL_OK);
    assert_true(fixture->root || fixture->diags.error_count > 0);
}

static void parse(struct fixture *fixture, const char *text)
{
    parse_bytes(fixture, text, strlen(text));
}

#define AUTO_FIXTURE SL_AUTO(fixture_clear) struct fixture

static void assert_place(const struct sl_yaml *node, int line, int column)
{
    assert_string_equal(node->place.file, "a.yml");
    assert_int_equal(node->place.line, line);
    assert_int_equal(node->place.column, column);
}

static void nodes_know_their_kind_text_and_place(void **state)
{
    AUTO_FIXTURE f = {0};
    const struct sl_yaml *list;

    (void)state;
    parse(&f, "name: shop\n"
              "list:\n"
              "  - one\n"
              "  - 'two'\n"
              "map: {a: 1, \"b\": \"2\"}\n"
              "empty:\n");
    assert_int_equal(f.root->kind, SL_YAML_MAP);
    assert_int_equal(f.root->count, 4);
    assert_place(f.root, 1, 1);
    assert_string_equal(f.root->keys[0]->text, "name");
    assert_place(f.root->keys[3], 6, 1);
    assert_place(sl_yaml_get(f.root, "name"), 1, 7);
    list = sl_yaml_get(f.root, "list");
    assert_int_equal(list->kind, SL_YAML_LIST);
    assert_int_equal(list->count, 2);
    assert_place(list->items[0], 3, 5);
    assert_false(list->items[0]->is_quoted);
    assert_string_equal(list->items[1]->text, "two");
    assert_true(list->items[1]->is_quoted);
    assert_place(sl_yaml_get(sl_yaml_get(f.root, "map"), "b"), 5, 18);
    assert_int_equal(sl_yaml_get(f.root, "empty")->kind, SL_YAML_NULL);
    assert_string_equal(sl_yaml_get(f.root, "empty")->text, "");
    assert_int_equal(sl_yaml_get(f.root, "empty")->place.line, 6);
}

static void lookups_are_safe_on_anything(void **state)
{
    AUTO_FIXTURE f = {0};

    (void)state;
    parse(&f, "a: {b: 1}\nc: x\n");
    assert_null(sl_yaml_get(NULL, "a"));
    assert_null(sl_yaml_get(sl_yaml_get(f.root, "c"), "a"));
    assert_null(sl_yaml_get(f.root, "missing"));
    assert_int_equal(sl_yaml_place(f.root, "c").line, 2);
    assert_int_equal(sl_yaml_place(f.root, "c").column, 4);
    assert_int_equal(sl_yaml_place(f.root, "missing").line, 1);
    assert_null(sl_yaml_place(NULL, "x").file);
}

static void scalars_keep_what_was_written(void **state)
{
    static const struct {
        const char *yaml;
        const char *text;
        enum sl_yaml_kind kind;
        bool is_quoted;
        const char *description;
    } cases[] = {
        {"12", "12", SL_YAML_SCALAR, false, "a number"},
        {"0x1F", "0x1F", SL_YAML_SCALAR, false, "a number"},
        {"-1.5e3", "-1.5e3", SL_YAML_SCALAR, false, "a number"},
        {"\"12\"", "12", SL_YAML_SCALAR, true, "a text"},
        {"True", "True", SL_YAML_SCALAR, false, "true or false"},
        {"'true'", "true", SL_YAML_SCALAR, true, "a text"},
        {"yes", "yes", SL_YAML_SCALAR, false, "a text"},
        {"a b  c", "a b  c", SL_YAML_SCALAR, false, "a text"},
        {"2026-01-31", "2026-01-31", SL_YAML_SCALAR, false, "a text"},
        {"null", "", SL_YAML_NULL, false, "nothing"},
        {"~", "", SL_YAML_NULL, false, "nothing"},
        {"NULL", "", SL_YAML_NULL, false, "nothing"},
        {"\"\"", "", SL_YAML_SCALAR, true, "a text"},
        {"'null'", "null", SL_YAML_SCALAR, true, "a text"},
        {"|\n  one\n  two\n", "one\ntwo\n", SL_YAML_SCALAR, true, "a text"},
        {"|-\n  \ttab\n", "\ttab", SL_YAML_SCALAR, true, "a text"},
        {"|2\n    one\n  two\n", "  one\ntwo\n", SL_YAML_SCALAR, true, "a text"},
        {"|-2 # not > this\n   one\n\n\n", " one", SL_YAML_SCALAR, true, "a text"},
        {"|+\n\n  one\n \n\n", "\none\n\n\n", SL_YAML_SCALAR, true, "a text"},
        {"|\r\n  one\r\n  two\r\n", "one\ntwo\n", SL_YAML_SCALAR, true, "a text"},
        {"|\n  no line break", "no line break\n", SL_YAML_SCALAR, true, "a text"},
        {"|\n", "", SL_YAML_SCALAR, true, "a text"},
        {">+\n", "", SL_YAML_SCALAR, true, "a text"},
        {"|+\n\n\n", "\n\n", SL_YAML_SCALAR, true, "a text"},
        {"|\n\n\nnext: 1\n", "", SL_YAML_SCALAR, true, "a text"},
        {">-\n\n  one\n  two\n\n\n  three\n", "\none two\n\nthree", SL_YAML_SCALAR, true, "a text"},
        {">\n  one\n\n    in\n    in\n\n  two\n", "one\n\n  in\n  in\n\ntwo\n", SL_YAML_SCALAR,
         true, "a text"},
        {">\n  one\n  \tin\n  two\n", "one\n\tin\ntwo\n", SL_YAML_SCALAR, true, "a text"},
        {">+\n  one\n  # no comment\n\n", "one # no comment\n\n", SL_YAML_SCALAR, true, "a text"},
        {">\n  one\n  two\n", "one two\n", SL_YAML_SCALAR, true, "a text"},
        {"\"gr\xC3\xBC\\u00DF \\\"x\\\" \\n\"", "gr\xC3\xBC\xC3\x9F \"x\" \n", SL_YAML_SCALAR, true,
         "a text"},
        {"'it''s'", "it's", SL_YAML_SCALAR, true, "a text"},
        {"'nullif(a, '''')'", "nullif(a, '')", SL_YAML_SCALAR, true, "a text"},
        {"'''''x'''''", "''x''", SL_YAML_SCALAR, true, "a text"},
        {"'one  \n  two\n\n\n  three '", "one two\n\nthree ", SL_YAML_SCALAR, true, "a text"},
        {"'a\r\n  b'", "a b", SL_YAML_SCALAR, true, "a text"},
        {"\"a \\\n  \\ b\\\n\n  c\"", "a  b\nc", SL_YAML_SCALAR, true, "a text"},
        {"\"x\\t \n  y\"", "x\t y", SL_YAML_SCALAR, true, "a text"},
        {"\"\\\\\\\n  z\"", "\\z", SL_YAML_SCALAR, true, "a text"},
        {"\"\\a\\b\\e\\f\\n\\r\\t\\v\\\"\\/\\\\\\ \"", "\a\b\033\f\n\r\t\v\"/\\ ", SL_YAML_SCALAR,
         true, "a text"},
        {"\"\\N\\_\\L\\P\"", "\xC2\x85\xC2\xA0\xE2\x80\xA8\xE2\x80\xA9", SL_YAML_SCALAR, true,
         "a text"},
        {"\"\\x41\\u20AC\\U0001F41F\\uD83D\\uDC1F\"",
         "A\xE2\x82\xAC\xF0\x9F\x90\x9F\xF0\x9F\x90\x9F", SL_YAML_SCALAR, true, "a text"},
        {"[]", "", SL_YAML_LIST, false, "a list"},
        {"{}", "", SL_YAML_MAP, false, "a map"},
        {"${env:X}", "${env:X}", SL_YAML_SCALAR, false, "a text"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = {0};
        const struct sl_yaml *node;

        parse(&f, sl_arena_printf(&f.arena, "key: %s", cases[i].yaml));
        assert_non_null(f.root);
        node = sl_yaml_get(f.root, "key");
        assert_int_equal(node->kind, cases[i].kind);
        assert_string_equal(node->text, cases[i].text);
        assert_int_equal(node->is_quoted, cases[i].is_quoted);
        assert_string_equal(sl_yaml_describe(node), cases[i].description);
    }
    assert_string_equal(sl_yaml_describe(NULL), "nothing");
}

static void a_text_without_content_is_null(void **state)
{
    static const char *const cases[] = {"",      "\n",           "# only a comment\n",
                                        "---\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF# c"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = {0};

        parse(&f, cases[i]);
        assert_non_null(f.root);
        assert_int_equal(f.root->kind, SL_YAML_NULL);
        assert_int_equal(f.root->place.line, 1);
        assert_int_equal(f.root->place.column, 1);
    }
}

static void mistakes_are_told_with_their_place(void **state)
{
    static const struct {
        const char *yaml;
        int line;
        int column;
        const char *message; // a part of it
    } cases[] = {
        {"a: 1\nb: \"x\n", 2, 5, "closing quote"},
        {"a:\n\tb: 1\n", 2, 1, "tab"},
        {"a:\n  b: 1\n\tc: 2\n", 3, 2, "tab"},
        {"a: 1\n b: 2\n", 1, 4, "key"},
        {"a: [1, 2\n", 2, 1, "bracket"},
        {"a: 1\n- b\n", 2, 1, "expected key"},
        {"a: b: c\n", 1, 5, "mapping"},
        {"a: @x\n", 1, 4, "@"},
        {"a: *x\n", 1, 4, "aliases"},
        {"b: &x 1\na: *x\n", 2, 4, "aliases"},
        {"a: &x {b: 1}\nc:\n  <<: 1\n", 3, 3, "merge keys"},
        {"a: !!str 1\n", 1, 10, "tags"},
        {"a: !x [1]\n", 1, 7, "tags"},
        {"a: !x\n  b: 1\n", 2, 3, "tags"},
        {"? [a]\n: b\n", 1, 3, "key must be a plain text"},
        {"{a: 1}: b\n", 1, 1, "key must be a plain text"},
        {"~: b\n", 1, 1, "missing or null"},
        {"a: b\n---\nc\n", 2, 1, "one YAML document"},
        {"a: b\nc: \xFF\n", 2, 4, "UTF-8"},
        {"\xC3\xA9: \xC3\xA9\xC3(\n", 1, 5, "UTF-8"},
        {"a: \"x\\0y\"\n", 1, 4, "NUL"},
        {"a: \"\\q\"\n", 1, 5, "escape"},
        {"a: \"\\uD800\"\n", 1, 5, "escape"},
        {"a: \"\\uD800\\u0041\"\n", 1, 11, "surrogate"},
        {"a: \"\\U00110000\"\n", 1, 5, "escape"},
        {"a: \"\\xg0\"\n", 1, 5, "escape"},
        {"a:\n  b: |\n  c: 1\n", 3, 1, "deeper than its key"},
        {"a:\n  'b': >\n\n  c: 1\n", 3, 1, "deeper than its key"},
        {"- - |\n  x\n", 2, 1, "deeper than its key"},
        {"|\n  x\n", 2, 1, "cannot stand alone"},
        {" >\n :\n  \n  \n  x", 2, 1, "cannot stand alone"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = {0};
        const struct sl_err *err;

        parse(&f, cases[i].yaml);
        if (f.root || f.diags.count < 1)
            fail_msg("'%s' was accepted", cases[i].yaml);
        err = &f.diags.items[0].err;
        if (err->line != cases[i].line || err->column != cases[i].column ||
            !strstr(err->message, cases[i].message))
            fail_msg("'%s': %d:%d: %s", cases[i].yaml, err->line, err->column, err->message);
        assert_int_equal(err->code, SL_E_YAML_SYNTAX);
        assert_string_equal(err->file, "a.yml");
    }
}

static void a_key_that_stands_twice_is_told_and_its_first_value_counts(void **state)
{
    static const struct {
        const char *yaml;
        int line, column;
        const char *message;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\nc: 4\n", 3, 1, "key 'a' stands here twice, first in line 1"},
        {"b: 2\na: 1\na: {a: 3, b: [4]}\nc: 4\n", 3, 1, "key 'a' stands here twice"},
        {"{b: 2, a: 1, \"a\": [{x: 1}], c: 4}\n", 1, 14, "key 'a' stands here twice"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = {0};
        const struct sl_err *err;

        parse(&f, cases[i].yaml);
        assert_int_equal(f.diags.count, 1);
        err = &f.diags.items[0].err;
        assert_int_equal(err->line, cases[i].line);
        assert_int_equal(err->column, cases[i].column);
        assert_non_null(strstr(err->message, cases[i].message));
        assert_non_null(f.root);
        assert_int_equal(f.root->count, 3);
        assert_string_equal(sl_yaml_get(f.root, "a")->text, "1");
        assert_string_equal(sl_yaml_get(f.root, "c")->text, "4");
    }
}

static void a_nul_byte_is_told_with_its_place(void **state)
{
    AUTO_FIXTURE f = {0};

    (void)state;
    parse_bytes(&f, "a: 1\nb: \0x", 10);
    assert_int_equal(f.diags.items[0].err.line, 2);
    assert_int_equal(f.diags.items[0].err.column, 4);
}

static void all_mistakes_of_one_kind_are_told_in_one_pass(void **state)
{
    AUTO_FIXTURE f = {0};

    (void)state;
    parse(&f, "a: 1\na: 2\nb: *x\nc: {d: 1, d: 2, d: 3}\n");
    assert_int_equal(f.diags.error_count, 4);
}

static void places_begin_where_the_text_stands_in_its_file(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    static const char good[] = " a: 1\n b: 2\n";
    static const char bad[] = "x: 1\nx: 2\ny: \xFF";
    struct sl_yaml *root;
    struct sl_err err;

    (void)state;
    assert_int_equal(sl_yaml_parse(good, strlen(good), "m.sql", 10, 4, &arena, &diags, &root, &err),
                     SL_OK);
    assert_int_equal(sl_yaml_place(root, "a").line, 10);
    assert_int_equal(sl_yaml_place(root, "a").column, 8);
    assert_int_equal(sl_yaml_place(root, "b").line, 11);
    assert_int_equal(sl_yaml_place(root, "b").column, 5);
    assert_int_equal(
        sl_yaml_parse(bad, strlen(bad) - 4, "m.sql", 10, 4, &arena, &diags, &root, &err), SL_OK);
    assert_non_null(root);
    assert_int_equal(diags.items[0].err.line, 11);
    assert_int_equal(diags.items[0].err.column, 1);
    assert_int_equal(sl_yaml_parse("\xFF", 1, "m.sql", 10, 4, &arena, &diags, &root, &err), SL_OK);
    assert_int_equal(diags.items[1].err.line, 10);
    assert_int_equal(diags.items[1].err.column, 4);
}

// "[[[...]]]" or "a:\n a:\n  a: ...".
static char *nested(struct sl_arena *arena, size_t depth, bool is_flow)
{
    char *text = sl_arena_alloc(arena, depth * (depth + 4) + 10);
    char *at = text;

    for (size_t i = 0; i < depth; i++) {
        if (!is_flow) {
            memset(at, ' ', i);
            at += i;
        }
        at = stpcpy(at, is_flow ? "[" : "a:\n");
    }
    for (size_t i = 0; is_flow && i < depth; i++)
        *at++ = ']';
    return text;
}

static void depth_is_limited(void **state)
{
    static const struct {
        size_t depth;
        bool is_flow;
        bool is_fine;
    } cases[] = {
        {256, true, true},   {257, true, false},  {256, false, true},
        {257, false, false}, {5000, true, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = {0};

        parse(&f, nested(&f.arena, cases[i].depth, cases[i].is_flow));
        assert_int_equal(f.root != NULL, cases[i].is_fine);
        if (cases[i].is_fine)
            continue;
        assert_non_null(strstr(f.diags.items[0].err.message, "256 levels"));
        assert_int_equal(f.diags.items[0].err.line, cases[i].is_flow ? 1 : 257);
        assert_int_equal(f.diags.items[0].err.column, 257);
    }
}

static void size_is_limited_to_eight_mebibytes(void **state)
{
    size_t limit = (size_t)8 << 20;

    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        AUTO_FIXTURE f = {0};
        char *text = sl_arena_alloc(&f.arena, limit + 2);

        memset(text, 'x', limit + extra);
        parse_bytes(&f, text, limit + extra);
        assert_int_equal(f.root != NULL, extra == 0);
        if (extra)
            assert_int_equal(f.diags.items[0].err.code, SL_E_FILE_TOO_LARGE);
    }
}

static void wide_maps_are_read_in_reasonable_time(void **state)
{
    AUTO_FIXTURE f = {0};
    char *text = sl_arena_alloc(&f.arena, 1000000);
    char *at = text;
    size_t count = 20000;

    (void)state;
    for (size_t i = 0; i < count; i++)
        at += sprintf(at, "key%zu: %zu\n", i, i);
    parse(&f, text);
    assert_int_equal(f.root->count, count);
    assert_string_equal(sl_yaml_get(f.root, "key19999")->text, "19999");
}

static void nodes_turn_into_json(void **state)
{
    static const struct {
        const char *yaml;
        const char *json;
    } cases[] = {
        {"", "null"},
        {"{a: 1, b: -2.5, c: true, d: FALSE, e: ~, f: x, g: '1', h: [0x1F, 0o17, +3], i: {}}",
         "{\"a\":1,\"b\":-2.5,\"c\":true,\"d\":false,\"e\":null,\"f\":\"x\",\"g\":\"1\",\"h\":[31,"
         "15,3],\"i\":{}}"},
        {"[.inf, .nan, 1e999, 0x, 0xg, 0x11112222333344445, 1.2.3, yes]",
         "[\".inf\",\".nan\",\"1e999\",\"0x\",\"0xg\",\"0x11112222333344445\",\"1.2.3\",\"yes\"]"},
        {"[9223372036854775807, 9223372036854775808]",
         "[9223372036854775807,9.2233720368547758e18]"},
        {"'true'", "\"true\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = {0};
        SL_AUTO(sl_json_free) json_t *json = NULL;
        struct sl_err err;
        char *text;

        parse(&f, cases[i].yaml);
        assert_non_null(f.root);
        assert_int_equal(sl_yaml_to_json(f.root, &json, &err), SL_OK);
        assert_int_equal(sl_json_print(json, &text, &err), SL_OK);
        assert_string_equal(text, cases[i].json);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_know_their_kind_text_and_place),
        cmocka_unit_test(lookups_are_safe_on_anything),
        cmocka_unit_test(scalars_keep_what_was_written),
        cmocka_unit_test(a_text_without_content_is_null),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(a_key_that_stands_twice_is_told_and_its_first_value_counts),
        cmocka_unit_test(a_nul_byte_is_told_with_its_place),
        cmocka_unit_test(all_mistakes_of_one_kind_are_told_in_one_pass),
        cmocka_unit_test(places_begin_where_the_text_stands_in_its_file),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(size_is_limited_to_eight_mebibytes),
        cmocka_unit_test(wide_maps_are_read_in_reasonable_time),
        cmocka_unit_test(nodes_turn_into_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
