#include "test.h"

#include "base/json.h"
#include "opt_table.h"

static const struct sl_opt command_rows[] = {
    {.name = "force", .type = SL_OPT_BOOL, .summary = "Do it."},
    {.name = "color", .type = SL_OPT_BOOL, .otherwise = "true", .summary = "Plain text only."},
    {.name = "a_very_long_option_name",
     .type = SL_OPT_STRING,
     .summary = "Too long for its column."},
    {.name = "format",
     .type = SL_OPT_ENUM,
     .values = shapes,
     .otherwise = "round",
     .letter = 'f',
     .summary = "Form."},
    {.name = "words",
     .type = SL_OPT_INT,
     .placeholder = "N",
     .summary = "A summary of so many words that it does not fit into one line of the help and "
                "goes on in the next one."},
    {.name = "select",
     .type = SL_OPT_STRINGS,
     .flags = SL_OPT_WORDS,
     .placeholder = "STEP",
     .summary = "Steps."},
    {.name = "secret_door", .type = SL_OPT_BOOL, .flags = SL_OPT_HIDDEN, .summary = "Not shown."},
    {.name = "tables",
     .type = SL_OPT_STRINGS,
     .flags = SL_OPT_POSITIONAL,
     .placeholder = "TABLE",
     .summary = ".dots and back\\slashes"},
    {0},
};

static void help_has_two_columns(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    (void)state;
    sl_opt_help(command_rows, &text);
    assert_string_equal(text.text,
                        "  TABLE...                  .dots and back\\slashes\n"
                        "      --force               Do it.\n"
                        "      --no-color            Plain text only.\n"
                        "      --a-very-long-option-name A_VERY_LONG_OPTION_NAME\n"
                        "                            Too long for its column.\n"
                        "  -f, --format FORMAT       Form. One of round, square. Default: round.\n"
                        "      --words N             A summary of so many words that it does not "
                        "fit into one line\n"
                        "                            of the help and goes on in the next one.\n"
                        "      --select STEP...      Steps.\n");
}

static void odd_rows_are_written_too(void **state)
{
    static const struct sl_opt rows[] = {
        {.name = "one", .type = SL_OPT_STRING, .flags = SL_OPT_POSITIONAL, .summary = "'quoted'"},
        {.name = "off", .type = SL_OPT_BOOL, .otherwise = "false"},
        {.name = "none", .type = SL_OPT_STRING, .otherwise = ""},
        {0},
    };
    SL_AUTO(sl_buf_clear) struct sl_buf help = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf man = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf markdown = SL_BUF_INIT;

    (void)state;
    sl_opt_help(rows, &help);
    assert_string_equal(help.text, "  ONE                       'quoted'\n"
                                   "      --off\n"
                                   "      --none NONE\n");
    sl_opt_man(rows, &man);
    assert_memory_equal(man.text, ".TP\n.B ONE\n\\&'quoted'\n", 22);
    sl_opt_markdown(rows, 1, &markdown);
    assert_string_equal(markdown.text, "  - `one` (text): 'quoted'\n"
                                       "  - `off` (true/false). Default: `false`.\n"
                                       "  - `none` (text).\n");
}

static void a_page_beyond_the_limit_is_a_failure(void **state)
{
    static void (*const writers[])(const struct sl_opt *,
                                   struct sl_buf *) = {sl_opt_schema, sl_opt_help, sl_opt_man};
    struct sl_err err;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(writers) * 300; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

        text.max_bytes = i / COUNT_OF(writers);
        writers[i % COUNT_OF(writers)](command_rows, &text);
        assert_int_equal(sl_buf_check(&text, &err), SL_E_MEMORY);
        assert_true(text.length <= text.max_bytes);
    }
}

static void the_man_page_escapes_what_roff_would_take(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    (void)state;
    sl_opt_man(command_rows, &text);
    assert_non_null(
        strstr(text.text,
               ".TP\n.B \\-f, \\-\\-format FORMAT\nForm. One of round, square. Default: round.\n"));
    assert_non_null(strstr(text.text, ".TP\n.B TABLE...\n\\&.dots and back\\eslashes\n"));
    assert_non_null(strstr(text.text, ".TP\n.B \\-\\-select STEP...\nSteps.\n"));
    assert_null(strstr(text.text, "door"));
}

static void the_reference_lists_keys_with_their_children(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    (void)state;
    sl_opt_markdown(config_rows, 0, &text);
    assert_non_null(
        strstr(text.text, "- `path` (text, required): File to read. Example: `data/a.csv`.\n"));
    assert_non_null(
        strstr(text.text, "- `batch_rows` (whole number): Rows in a batch. Default: `1000`.\n"));
    assert_non_null(
        strstr(text.text, "- `shape` (choice). One of `round`, `square`. Default: `round`.\n"));
    assert_non_null(strstr(text.text, "- `csv` (map).\n  - `quote` (text). Default: `\"`.\n"));
    assert_non_null(strstr(text.text, "- `deliver` (list).\n  - `name` (text, required).\n"));
    assert_non_null(strstr(text.text, "- `places` (map of names).\n"));
    assert_null(strstr(text.text, "extra"));
    assert_null(strstr(text.text, "@place"));
}

static const json_t *property(const json_t *schema, const char *name)
{
    return json_object_get(json_object_get(schema, "properties"), name);
}

static void the_schema_says_what_the_reader_takes(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_json_free) json_t *schema = NULL;
    const json_t *places;
    struct sl_err err;

    (void)state;
    sl_opt_schema(config_rows, &text);
    assert_int_equal(sl_buf_check(&text, &err), SL_OK);
    assert_int_equal(sl_json_parse(text.text, text.length, "schema", &schema, &err), SL_OK);
    assert_string_equal(sl_json_text(schema, "type", ""), "object");
    assert_int_equal(json_object_size(json_object_get(schema, "properties")), 14);
    assert_null(property(schema, "@place"));
    assert_false(sl_json_bool(schema, "additionalProperties", true));
    assert_int_equal(json_array_size(json_object_get(schema, "required")), 1);
    assert_string_equal(sl_json_text(property(schema, "path"), "description", ""), "File to read.");
    assert_true(sl_json_bool(property(schema, "password"), "writeOnly", false));
    assert_int_equal(sl_json_int(property(schema, "batch_rows"), "default", 0), 1000);
    assert_string_equal(sl_json_text(property(schema, "batch_rows"), "pattern", ""), "\\$\\{");
    assert_string_equal(sl_json_text(property(schema, "keep"), "default", ""), "90d");
    assert_true(sl_json_bool(property(property(schema, "csv"), "header"), "default", false));
    assert_false(sl_json_bool(property(schema, "csv"), "additionalProperties", true));
    assert_true(sl_json_bool(property(schema, "open"), "additionalProperties", false));
    assert_int_equal(json_array_size(json_object_get(
                         json_object_get(property(schema, "deliver"), "items"), "required")),
                     2);
    // By name: the name is the key and neither required nor allowed inside.
    places = json_object_get(property(schema, "places"), "additionalProperties");
    assert_null(property(places, "name"));
    assert_non_null(property(places, "to"));
    assert_int_equal(json_array_size(json_object_get(places, "required")), 1);
}

static void choices_are_an_enum_in_the_schema(void **state)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    (void)state;
    sl_opt_schema(config_rows, &text);
    assert_non_null(strstr(
        text.text, "\"shape\":{\"anyOf\":[{\"enum\":[\"round\",\"square\"]},"
                   "{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}],\"default\":\"round\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_has_two_columns),
        cmocka_unit_test(odd_rows_are_written_too),
        cmocka_unit_test(a_page_beyond_the_limit_is_a_failure),
        cmocka_unit_test(the_man_page_escapes_what_roff_would_take),
        cmocka_unit_test(the_reference_lists_keys_with_their_children),
        cmocka_unit_test(the_schema_says_what_the_reader_takes),
        cmocka_unit_test(choices_are_an_enum_in_the_schema),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
