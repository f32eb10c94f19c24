// The JSON Schema of each file kind, made of the same rows that read the files.
#include "spec_test.h"

#include "base/json.h"

static void every_object_refuses_other_keys(const json_t *schema)
{
    const char *key;
    json_t *value;

    // A key of a file may be named "type" too; then it is no text.
    if (strcmp(sl_json_text(schema, "type", ""), "object") == 0) {
        json_t *other = json_object_get(schema, "additionalProperties");

        assert_non_null(other);
        assert_false(json_is_true(other));
    }
    json_object_foreach ((json_t *)(uintptr_t)schema, key, value)
        if (json_is_object(value))
            every_object_refuses_other_keys(value);
}

static void every_file_kind_has_a_strict_schema(void **state)
{
    static const char *const names[] = {"project", "source", "contract", "model",
                                        "target",  "task",   "pipeline", "test"};
    size_t count = 0;

    (void)state;
    for (; sl_file_kinds[count].name; count++) {
        const struct sl_file_kind *kind = &sl_file_kinds[count];
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        SL_AUTO(sl_json_free) json_t *schema = NULL;
        struct sl_err err = {0};

        assert_true(count < COUNT_OF(names));
        assert_string_equal(kind->name, names[count]);
        assert_false(sl_str_is_empty(kind->pattern) || sl_str_is_empty(kind->summary));
        sl_file_kind_schema(kind, &text);
        assert_int_equal(sl_json_parse(text.text, text.length, kind->name, &schema, &err), SL_OK);
        assert_true(sl_str_starts(sl_json_text(schema, "$id", ""), "urn:sluice:"));
        assert_true(sl_str_ends(sl_json_text(schema, "$id", ""), ":1"));
        assert_non_null(json_object_get(schema, "$schema"));
        assert_string_equal(sl_json_text(schema, "type", ""), "object");
        every_object_refuses_other_keys(schema);
    }
    assert_int_equal(count, COUNT_OF(names));
}

static void every_row_says_what_it_is_for(const struct sl_opt *rows, const char *kind)
{
    for (; rows->name; rows++) {
        if (rows->name[0] != '@' && sl_str_is_empty(rows->summary))
            fail_msg("%s: '%s' has no summary", kind, rows->name);
        if (rows->rows)
            every_row_says_what_it_is_for(rows->rows, kind);
    }
}

static void every_key_is_documented(void **state)
{
    (void)state;
    for (const struct sl_file_kind *kind = sl_file_kinds; kind->name; kind++)
        every_row_says_what_it_is_for(kind->rows, kind->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_kind_has_a_strict_schema),
        cmocka_unit_test(every_key_is_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
