#include "test.h"

#include "base/log.h"
#include "base/opt.h"

struct args {
    const char *table;
    struct sl_strs files;
    const char *env;
    int64_t max_rows;
    double share;
    bool is_verbose;
    bool is_quiet;
    bool has_color;
    int64_t wait_seconds;
    int64_t memory_bytes;
    int format;
    struct sl_strs select;
    struct sl_strs words;
    const char *password;
};

static const char *const formats[] = {"text", "json", NULL};

static const struct sl_opt rows[] = {
    {.name = "table",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct args, table),
     .placeholder = "TABLE",
     .flags = SL_OPT_POSITIONAL | SL_OPT_REQUIRED,
     .example = "raw.orders"},
    {.name = "files",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct args, files),
     .flags = SL_OPT_POSITIONAL},
    {.name = "env",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct args, env),
     .letter = 'e',
     .placeholder = "NAME"},
    {.name = "max_rows",
     .type = SL_OPT_INT,
     .offset = offsetof(struct args, max_rows),
     .otherwise = "20",
     .letter = 'n',
     .example = "100"},
    {.name = "share", .type = SL_OPT_DOUBLE, .offset = offsetof(struct args, share)},
    {.name = "verbose",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct args, is_verbose),
     .letter = 'v'},
    {.name = "quiet",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct args, is_quiet),
     .letter = 'q'},
    {.name = "color",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct args, has_color),
     .otherwise = "true"},
    {.name = "wait", .type = SL_OPT_DURATION, .offset = offsetof(struct args, wait_seconds)},
    {.name = "memory", .type = SL_OPT_BYTES, .offset = offsetof(struct args, memory_bytes)},
    {.name = "format",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct args, format),
     .values = formats},
    {.name = "select",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct args, select),
     .letter = 's',
     .otherwise = "all"},
    {.name = "words",
     .type = SL_OPT_STRINGS,
     .offset = offsetof(struct args, words),
     .letter = 'w',
     .flags = SL_OPT_WORDS},
    {.name = "password",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct args, password),
     .flags = SL_OPT_SECRET},
    {.name = "pin",
     .type = SL_OPT_INT,
     .offset = offsetof(struct args, max_rows),
     .flags = SL_OPT_SECRET},
    {.name = "hidden",
     .type = SL_OPT_INT,
     .offset = offsetof(struct args, max_rows),
     .flags = SL_OPT_HIDDEN},
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct args, env)},
    {0},
};

// Splits `line` at blanks and parses it.
static int parse(const char *line, struct args *args, struct sl_arena *arena, struct sl_err *err)
{
    char *text = sl_arena_strdup(arena, line);
    char *argv[16];
    int argc = 0;

    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    *args = (struct args){0};
    return sl_opt_parse(rows, argc, argv, args, arena, err);
}

static void flags_may_stand_anywhere_and_in_every_form(void **state)
{
    static const char *const lines[] = {
        "raw.x a b --env prod --max-rows 7 --verbose --no-color --format json -s one --select two",
        "--env=prod --max-rows=7 -v --no-color --format=json -s one -s two raw.x a b",
        "-vn7 -eprod raw.x --color=false -sone a --format json -stwo b",
        "-v -n 7 raw.x --no-color --select=one --select=two --env prod --format=json -- a b",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct args args;
        struct sl_err err = {0};

        if (parse(lines[i], &args, &arena, &err) != SL_OK)
            fail_msg("'%s': %s", lines[i], err.message);
        assert_string_equal(args.table, "raw.x");
        assert_int_equal(args.files.count, 2);
        assert_string_equal(args.files.items[1], "b");
        assert_string_equal(args.env, "prod");
        assert_int_equal(args.max_rows, 7);
        assert_true(args.is_verbose);
        assert_false(args.is_quiet);
        assert_false(args.has_color);
        assert_int_equal(args.format, 1);
        assert_int_equal(args.select.count, 2);
        assert_string_equal(args.select.items[0], "one");
    }
}

static void a_list_of_words_ends_at_the_next_option(void **state)
{
    static const struct {
        const char *line;
        size_t words, files;
        const char *last;
    } cases[] = {
        {"t --words a b - c", 4, 0, "c"},     {"--words a b -v t", 2, 0, "b"},
        {"-w a b --env prod t x", 2, 1, "b"}, {"-vw a b -w c -- t x", 3, 1, "c"},
        {"--words=a t b", 1, 1, "a"},         {"-wa t b", 1, 1, "a"},
        {"--words=-a -w b -- t", 2, 0, "b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct args args;
        struct sl_err err = {0};

        if (parse(cases[i].line, &args, &arena, &err) != SL_OK)
            fail_msg("'%s': %s", cases[i].line, err.message);
        assert_string_equal(args.table, "t");
        assert_int_equal(args.words.count, cases[i].words);
        assert_string_equal(args.words.items[args.words.count - 1], cases[i].last);
        assert_int_equal(args.files.count, cases[i].files);
    }
}

static void what_is_not_said_has_its_default(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct args args;
    struct sl_err err;

    (void)state;
    assert_int_equal(parse("t", &args, &arena, &err), SL_OK);
    assert_int_equal(args.max_rows, 20);
    assert_true(args.has_color);
    assert_int_equal(args.select.count, 1);
    assert_string_equal(args.select.items[0], "all");
    assert_null(args.env);
}

static void values_may_look_like_anything(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct args args;
    struct sl_err err;

    (void)state;
    assert_int_equal(
        parse("- --env=--verbose --max-rows -5 --share 1e-3 --wait 5m --memory 1KiB -- --env -v",
              &args, &arena, &err),
        SL_OK);
    assert_string_equal(args.table, "-");
    assert_string_equal(args.env, "--verbose");
    assert_int_equal(args.max_rows, -5);
    assert_true(args.share == 1e-3);
    assert_int_equal(args.wait_seconds, 300);
    assert_int_equal(args.memory_bytes, 1024);
    assert_int_equal(args.files.count, 2);
    assert_false(args.is_verbose);
    assert_int_equal(parse("t --env= --env= -n 1 -n 2", &args, &arena, &err), SL_OK);
    assert_string_equal(args.env, "");
    assert_int_equal(args.max_rows, 2);
}

static void mistakes_are_told_with_a_hint(void **state)
{
    static const struct {
        const char *line;
        const char *message;
        const char *hint;
    } cases[] = {
        {"", "TABLE is missing", "for example: raw.orders"},
        {"t --evn prod", "unknown option '--evn'", "did you mean '--env'?"},
        {"t --max_rows=7", "unknown option '--max_rows'", "did you mean '--max-rows'?"},
        {"t --zzzzzz", "unknown option '--zzzzzz'", "--help lists the options"},
        {"t --no-zzz", "unknown option '--no-zzz'", "--help lists the options"},
        {"t --secret-door x", "unknown option '--secret-door'", "--help lists the options"},
        {"t --hiden=1", "unknown option '--hiden'", "--help lists the options"},
        {"t --pin 12e4", "--pin is '***', expected a whole number", ""},
        {"t --no-env", "unknown option '--no-env'", "--help lists the options"},
        {"t --@place x", "unknown option '--@place'", "--help lists the options"},
        {"t --table x", "unknown option '--table'", "--help lists the options"},
        {"t -vz", "unknown option '-z'", "--help lists the options"},
        {"t --env", "--env needs a value", "--env=NAME"},
        {"t --env --verbose", "--env needs a value", "--env=NAME"},
        {"t --words", "--words needs a value", "--words=VALUE"},
        {"t --words -v", "--words needs a value", "--words=VALUE"},
        {"t -w a -w -- b", "--words needs a value", "--words=VALUE"},
        {"t -n", "--max-rows needs a value", "--max-rows=VALUE"},
        {"t --max-rows many", "--max-rows is 'many', expected a whole number", "for example: 100"},
        {"t --max-rows 99999999999999999999",
         "--max-rows is '99999999999999999999', which is too large",
         "whole numbers are of 64 bits: at most 9223372036854775807"},
        {"t --max-rows -9223372036854775809",
         "--max-rows is '-9223372036854775809', which is too large",
         "whole numbers are of 64 bits: at most 9223372036854775807"},
        {"t --share x", "--share is 'x', expected a number", ""},
        {"t --verbose=maybe", "--verbose is 'maybe', expected true or false", ""},
        {"t --wait 5",
         "--wait is '5', expected a duration in whole seconds, such as 30s, 15m, 24h, 90d, 2w", ""},
        {"t --format jsn", "--format is 'jsn', expected one of text, json", "did you mean 'json'?"},
        {"t --format xxxxxxxx", "--format is 'xxxxxxxx', expected one of text, json", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct args args;
        struct sl_err err;

        assert_int_equal(parse(cases[i].line, &args, &arena, &err), SL_E_USAGE);
        assert_string_equal(err.message, cases[i].message);
        assert_string_equal(err.hint, cases[i].hint);
    }
}

static void an_empty_argument_is_refused_and_an_empty_value_is_not(void **state)
{
    static char *empty[] = {""}, *others[] = {"t", "", "--env="};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct args args = {0};
    struct sl_err err;

    (void)state;
    assert_int_equal(sl_opt_parse(rows, 1, empty, &args, &arena, &err), SL_E_USAGE);
    assert_string_equal(err.message, "TABLE is an empty text");
    assert_non_null(strstr(err.hint, "a variable of the shell"));
    // The words of a list may be empty: what is completed is one.
    assert_int_equal(sl_opt_parse(rows, 3, others, &args, &arena, &err), SL_OK);
    assert_string_equal(args.files.items[0], "");
    assert_string_equal(args.env, "");
}

static void arguments_too_many_are_refused(void **state)
{
    static const struct sl_opt one[] = {
        {.name = "a", .type = SL_OPT_STRING, .flags = SL_OPT_POSITIONAL},
        {.name = "b", .type = SL_OPT_STRING, .flags = SL_OPT_REQUIRED, .offset = sizeof(char *)},
        {0},
    };
    char *argv[] = {(char *)"x", (char *)"y"};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *values[2] = {NULL, NULL};
    struct sl_err err;

    (void)state;
    assert_int_equal(sl_opt_parse(one, 2, argv, values, &arena, &err), SL_E_USAGE);
    assert_string_equal(err.message, "unexpected argument 'y'");
    assert_int_equal(sl_opt_parse(one, 1, argv, values, &arena, &err), SL_E_USAGE);
    assert_string_equal(err.message, "--b is missing");
    assert_string_equal(err.hint, "--help shows how the command is used");
}

static void a_command_without_options_takes_none(void **state)
{
    static const struct sl_opt none[] = {{0}};
    char *argv[] = {(char *)"-v"};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err err;

    (void)state;
    assert_int_equal(sl_opt_parse(none, 0, argv, NULL, &arena, &err), SL_OK);
    assert_int_equal(sl_opt_parse(none, 1, argv, NULL, &arena, &err), SL_E_USAGE);
}

static void a_list_of_choices_too_long_for_a_message_is_cut(void **state)
{
    static char long_name[600];
    static const char *const names[] = {"short", long_name, "last", NULL};
    static const struct sl_opt choices[] = {{.name = "c", .type = SL_OPT_ENUM, .values = names},
                                            {0}};
    char *argv[] = {(char *)"--c=x"};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err err;
    int choice = 0;

    (void)state;
    memset(long_name, 'y', sizeof long_name - 1);
    assert_int_equal(sl_opt_parse(choices, 1, argv, &choice, &arena, &err), SL_E_USAGE);
    assert_memory_equal(err.message, "--c is 'x', expected one of short, yyy", 38);
    assert_null(strstr(err.message, "last"));
}

static void a_type_that_nobody_knows_takes_no_value(void **state)
{
    static const struct sl_opt odd[] = {
        {.name = "n", .type = (enum sl_opt_type)99}, {.name = "node", .type = SL_OPT_NODE}, {0}};
    char *argv[] = {(char *)"--n=1"};
    char *node_argv[] = {(char *)"--node=1"};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf schema = SL_BUF_INIT;
    struct sl_err err;
    int64_t number = 42;

    (void)state;
    assert_int_equal(sl_opt_parse(odd, 1, argv, &number, &arena, &err), SL_E_USAGE);
    assert_string_equal(err.message, "--n is '1', expected ");
    assert_int_equal(sl_opt_parse(odd, 1, node_argv, &number, &arena, &err), SL_E_USAGE);
    assert_string_equal(err.message, "--node is '1', expected anything");
    assert_int_equal(number, 42);
    sl_opt_schema(odd, &schema);
    assert_non_null(strstr(schema.text, "\"n\":{}"));
}

static void secrets_are_hidden(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct args args;
    struct sl_err err;

    (void)state;
    assert_int_equal(parse("t --password cmdline-secret", &args, &arena, &err), SL_OK);
    assert_string_equal(args.password, "cmdline-secret");
    assert_string_equal(sl_log_mask("cmdline-secret", &arena), "***");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_may_stand_anywhere_and_in_every_form),
        cmocka_unit_test(a_list_of_words_ends_at_the_next_option),
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(values_may_look_like_anything),
        cmocka_unit_test(mistakes_are_told_with_a_hint),
        cmocka_unit_test(an_empty_argument_is_refused_and_an_empty_value_is_not),
        cmocka_unit_test(arguments_too_many_are_refused),
        cmocka_unit_test(a_command_without_options_takes_none),
        cmocka_unit_test(a_list_of_choices_too_long_for_a_message_is_cut),
        cmocka_unit_test(a_type_that_nobody_knows_takes_no_value),
        cmocka_unit_test(secrets_are_hidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
