#include "base/fields.h"
#include "base/str.h"
#include "test.h"

enum colour { RED, GREEN };
struct inner {
    const char *name;
    int64_t number;
};
struct outer {
    bool is_set;
    int64_t number;
    enum colour colour;
    size_t size;
    const char *text, *no_text;
    char chars[8];
    struct sl_strs texts;
    int64_t numbers[3];
    struct inner inner;
    struct inner *items;
    size_t item_count;
};

static const struct sl_field inner_fields[] = {
    SL_FIELD(struct inner, name, SL_FIELD_TEXT),
    SL_FIELD(struct inner, number, SL_FIELD_INT),
    {0},
};
static const struct sl_field outer_fields[] = {
    SL_FIELD(struct outer, is_set, SL_FIELD_BOOL),
    SL_FIELD(struct outer, number, SL_FIELD_INT),
    SL_FIELD(struct outer, colour, SL_FIELD_ENUM),
    SL_FIELD(struct outer, size, SL_FIELD_SIZE),
    SL_FIELD(struct outer, text, SL_FIELD_TEXT),
    SL_FIELD(struct outer, no_text, SL_FIELD_TEXT),
    SL_FIELD_CHARS_OF(struct outer, chars),
    SL_FIELD(struct outer, texts, SL_FIELD_TEXTS),
    {"numbers", SL_FIELD_INTS, offsetof(struct outer, numbers), .count = 3},
    SL_FIELD_OF(struct outer, inner, inner_fields),
    SL_FIELD_MANY(struct outer, items, item_count, inner_fields),
    {0},
};

static int read_text(const char *text, struct sl_arena *arena, struct outer *ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *object = NULL;
    assert_int_equal(sl_json_parse(text, strlen(text), "text", &object, err), SL_OK);
    return sl_fields_unpack(outer_fields, object, arena, ret, err);
}

static void what_is_packed_is_unpacked_as_it_was(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *texts[] = {"one", "", "\xc3\xa4"};
    struct inner items[] = {{"first", 1}, {NULL, INT64_MIN}};
    struct outer from = {.is_set = true,
                         .number = INT64_MAX,
                         .colour = GREEN,
                         .size = 7,
                         .text = "a \"quoted\" text\n",
                         .chars = "1234567",
                         .texts = {texts, 3},
                         .numbers = {1, -2, 3},
                         .inner = {"inner", 5},
                         .items = items,
                         .item_count = 2};
    struct outer into = {.text = "before", .no_text = "before"};
    struct sl_err err = {0};
    char *text;

    (void)state;
    sl_arena_init(&arena, 0);
    SL_AUTO(sl_json_free) json_t *object = sl_fields_pack(outer_fields, &from);
    assert_non_null(object);
    assert_int_equal(sl_json_print(object, &text, &err), SL_OK);
    assert_int_equal(read_text(text, &arena, &into, &err), SL_OK);
    free(text);
    assert_true(into.is_set);
    assert_int_equal(into.number, INT64_MAX);
    assert_int_equal(into.colour, GREEN);
    assert_int_equal(into.size, 7);
    assert_string_equal(into.text, from.text);
    assert_string_equal(into.no_text, "before"); // NULL does not travel
    assert_string_equal(into.chars, "1234567");
    assert_int_equal(into.texts.count, 3);
    assert_string_equal(into.texts.items[2], "\xc3\xa4");
    assert_int_equal(into.numbers[1], -2);
    assert_string_equal(into.inner.name, "inner");
    assert_int_equal(into.item_count, 2);
    assert_null(into.items[1].name);
    assert_int_equal(into.items[1].number, INT64_MIN);
}

static void a_text_that_is_no_utf8_arrives_readable(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct outer from = {.text = "a\xff"}, into = {0};
    struct sl_err err = {0};

    (void)state;
    sl_arena_init(&arena, 0);
    SL_AUTO(sl_json_free) json_t *object = sl_fields_pack(outer_fields, &from);
    assert_non_null(object);
    assert_int_equal(sl_fields_unpack(outer_fields, object, &arena, &into, &err), SL_OK);
    assert_string_equal(into.text, "a\xef\xbf\xbd");
}

static void members_of_another_type_are_refused_and_missing_ones_left(void **state)
{
    static const char *const wrong[] = {"{\"is_set\": 1}",
                                        "{\"number\": \"1\"}",
                                        "{\"colour\": true}",
                                        "{\"text\": 1}",
                                        "{\"chars\": []}",
                                        "{\"texts\": {}}",
                                        "{\"numbers\": [1,2]}",
                                        "{\"inner\": []}",
                                        "{\"items\": {}}",
                                        "{\"size\": 1.5}",
                                        "{\"items\": [{\"number\": \"x\"}]}"};
    struct sl_err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct outer into = {0};
        sl_arena_init(&arena, 0);
        assert_int_equal(read_text(wrong[i], &arena, &into, &err), SL_E_JSON_SYNTAX);
        sl_err_clear(&err);
    }
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct outer into = {.number = 5, .chars = "old"};
    sl_arena_init(&arena, 0);
    assert_int_equal(read_text("{\"chars\": \"longer than it\"}", &arena, &into, &err), SL_OK);
    assert_string_equal(into.chars, "longer ");
    assert_int_equal(into.number, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_is_unpacked_as_it_was),
        cmocka_unit_test(a_text_that_is_no_utf8_arrives_readable),
        cmocka_unit_test(members_of_another_type_are_refused_and_missing_ones_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
