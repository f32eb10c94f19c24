#include "test.h"

#include "base/log.h"
#include "opt_table.h"

struct fixture {
    struct sl_arena arena;
    struct sl_diags diags;
    struct sl_yaml *root;
    struct config config;
};

static void fixture_clear(struct fixture *fixture)
{
    sl_arena_clear(&fixture->arena);
    sl_diags_clear(&fixture->diags);
}

#define AUTO_FIXTURE SL_AUTO(fixture_clear) struct fixture

// Knows ${env:WORD}, ${env:NUMBER} and ${env:PART}; everything else is missing.
static int resolve(void *self, const char *text, struct sl_arena *arena, const char **ret,
                   struct sl_err *err)
{
    int *calls = self;

    (*calls)++;
    if (strcmp(text, "long text around ${SHORT}") == 0)
        *ret = "brief";
    else if (strstr(text, "${unclosed"))
        *ret = "unclosed-reference";
    else if (strstr(text, "${env:WORD}"))
        *ret = "resolved-word";
    else if (strstr(text, "${env:NUMBER}"))
        *ret = "123456";
    else if (strstr(text, "${env:PART}"))
        *ret = sl_arena_printf(arena, "user:%s@host", "resolved-part");
    else if (strstr(text, "${env:MEMORY}"))
        return sl_fail_memory(err);
    else
        return sl_fail(err, SL_E_SECRET_MISSING, "'%s' is not set", text);
    return SL_OK;
}

static int read_with(struct fixture *f, const char *yaml, const struct sl_opt_resolver *resolver,
                     struct sl_err *err)
{
    assert_int_equal(
        sl_yaml_parse(yaml, strlen(yaml), "s.yml", 1, 1, &f->arena, &f->diags, &f->root, err),
        SL_OK);
    assert_non_null(f->root);
    return sl_opt_read(config_rows, f->root, "source 'x'", &f->config, resolver, &f->arena,
                       &f->diags, err);
}

static void read_config(struct fixture *f, const char *yaml)
{
    struct sl_err err;

    assert_int_equal(read_with(f, yaml, NULL, &err), SL_OK);
}

static void every_type_is_read(void **state)
{
    AUTO_FIXTURE f = {0};
    const struct item *items;

    (void)state;
    read_config(&f, "path: a.csv\n"
                    "batch_rows: 7\n"
                    "share: 0.5\n"
                    "strict: true\n"
                    "keep: 2w\n"
                    "memory: 1KiB\n"
                    "shape: square\n"
                    "tags: [x, 2, 'y']\n"
                    "csv: {quote: \"'\", header: false}\n"
                    "open: {other: 1, quote: q}\n"
                    "deliver:\n"
                    "  - {name: n1, to: t1}\n"
                    "  - {name: n2, to: t2, size: 9}\n"
                    "places:\n"
                    "  home: {to: t3}\n"
                    "  work: {to: t4, size: 1}\n"
                    "extra: {any: [thing]}\n");
    assert_int_equal(f.diags.count, 0);
    assert_string_equal(f.config.path, "a.csv");
    assert_int_equal(f.config.batch_rows, 7);
    assert_true(f.config.share == 0.5);
    assert_true(f.config.is_strict);
    assert_int_equal(f.config.keep_seconds, 1209600);
    assert_int_equal(f.config.memory_bytes, 1024);
    assert_int_equal(f.config.shape, SHAPE_SQUARE);
    assert_int_equal(f.config.tags.count, 3);
    assert_string_equal(f.config.tags.items[1], "2");
    assert_string_equal(f.config.csv.quote, "'");
    assert_false(f.config.csv.header);
    assert_string_equal(f.config.open.quote, "q");
    assert_true(f.config.open.header);
    assert_int_equal(f.config.deliver.count, 2);
    items = f.config.deliver.items;
    assert_string_equal(items[0].name, "n1");
    assert_int_equal(items[0].size, 5);
    assert_int_equal(items[1].size, 9);
    assert_int_equal(items[1].place->place.line, 13);
    assert_int_equal(f.config.places.count, 2);
    items = f.config.places.items;
    assert_string_equal(items[0].name, "home");
    assert_string_equal(items[0].to, "t3");
    assert_string_equal(items[1].name, "work");
    assert_ptr_equal(f.config.extra, sl_yaml_get(f.root, "extra"));
    assert_ptr_equal(f.config.place, f.root);
}

static void what_is_not_said_has_its_default(void **state)
{
    AUTO_FIXTURE f = {0};

    (void)state;
    read_config(&f, "path: a.csv\nbatch_rows:\ntags: ~\ncsv:\ndeliver: null\n");
    assert_int_equal(f.diags.count, 0);
    assert_int_equal(f.config.batch_rows, 1000);
    assert_true(f.config.share == 0.25);
    assert_false(f.config.is_strict);
    assert_int_equal(f.config.keep_seconds, 7776000);
    assert_int_equal(f.config.memory_bytes, 4000000000);
    assert_int_equal(f.config.shape, SHAPE_ROUND);
    assert_int_equal(f.config.tags.count, 2);
    assert_string_equal(f.config.tags.items[1], "b");
    assert_string_equal(f.config.csv.quote, "\"");
    assert_true(f.config.csv.header);
    assert_int_equal(f.config.deliver.count, 0);
    assert_null(f.config.extra);
    assert_null(f.config.password);
}

static void a_scalar_is_a_list_of_one(void **state)
{
    AUTO_FIXTURE f = {0};

    (void)state;
    read_config(&f, "path: p\ntags: only\n");
    assert_int_equal(f.config.tags.count, 1);
    assert_string_equal(f.config.tags.items[0], "only");
}

static void an_empty_list_replaces_the_default(void **state)
{
    AUTO_FIXTURE f = {0};

    (void)state;
    read_config(&f, "path: p\ntags: []\ndeliver: []\nplaces: {}\n");
    assert_int_equal(f.diags.count, 0);
    assert_int_equal(f.config.tags.count, 0);
    assert_int_equal(f.config.deliver.count, 0);
}

static void mistakes_are_told_with_place_and_hint(void **state)
{
    static const struct {
        const char *yaml;
        enum sl_code code;
        int line;
        int column;
        const char *message;
        const char *hint;
    } cases[] = {
        {"path: p\npth: x", SL_E_KEY_UNKNOWN, 2, 1, "unknown key 'pth' in source 'x'",
         "did you mean 'path'?"},
        {"path: p\nzzz: x", SL_E_KEY_UNKNOWN, 2, 1, "unknown key 'zzz' in source 'x'", ""},
        {"path: p\n\"@place\": x", SL_E_KEY_UNKNOWN, 2, 1, "unknown key '@place' in source 'x'",
         "did you mean 'places'?"},
        {"path: p\ncsv: {qote: x}", SL_E_KEY_UNKNOWN, 2, 7,
         "unknown key 'qote' in 'csv' of source 'x'", "did you mean 'quote'?"},
        {"tags: x", SL_E_KEY_MISSING, 1, 1, "key 'path' is missing in source 'x'", ""},
        {"path:", SL_E_KEY_MISSING, 1, 1, "key 'path' is missing in source 'x'", ""},
        {"path: p\ndeliver: [{name: n, to: t}, {name: n}]", SL_E_KEY_MISSING, 2, 29,
         "key 'to' is missing in 'deliver' 2 of source 'x'", ""},
        {"path: p\nplaces: {home: }", SL_E_KEY_MISSING, 2, 10,
         "key 'to' is missing in places 'home' of source 'x'", ""},
        {"path: p\nplaces: {home: {to: t, name: n}}", SL_E_KEY_UNKNOWN, 2, 24,
         "unknown key 'name' in places 'home' of source 'x'", ""},
        {"path: [p]", SL_E_VALUE_TYPE, 1, 7, "'path' of source 'x' is a list, expected a text", ""},
        {"path: {p: 1}", SL_E_VALUE_TYPE, 1, 7, "'path' of source 'x' is a map, expected a text",
         ""},
        {"path: p\nbatch_rows: many", SL_E_VALUE_TYPE, 2, 13,
         "'batch_rows' of source 'x' is a text, expected a whole number", ""},
        {"path: p\nbatch_rows: 1.5", SL_E_VALUE_TYPE, 2, 13,
         "'batch_rows' of source 'x' is 1.5, expected a whole number", ""},
        {"path: p\nbatch_rows: 99999999999999999999", SL_E_VALUE_TYPE, 2, 13,
         "'batch_rows' of source 'x' is 99999999999999999999, expected a whole number",
         "it is too large: whole numbers are of 64 bits"},
        {"path: p\nbatch_rows: '7'", SL_E_VALUE_TYPE, 2, 13,
         "'batch_rows' of source 'x' is a text, expected a whole number", "leave out the quotes"},
        {"path: p\nshare: x", SL_E_VALUE_TYPE, 2, 8,
         "'share' of source 'x' is a text, expected a number", ""},
        {"path: p\nstrict: yes", SL_E_VALUE_TYPE, 2, 9,
         "'strict' of source 'x' is a text, expected true or false", "write true or false"},
        {"path: p\nstrict: NO", SL_E_VALUE_TYPE, 2, 9,
         "'strict' of source 'x' is a text, expected true or false", "write true or false"},
        {"path: p\nstrict: on", SL_E_VALUE_TYPE, 2, 9,
         "'strict' of source 'x' is a text, expected true or false", "write true or false"},
        {"path: p\nstrict: off", SL_E_VALUE_TYPE, 2, 9,
         "'strict' of source 'x' is a text, expected true or false", "write true or false"},
        {"path: p\nstrict: maybe", SL_E_VALUE_TYPE, 2, 9,
         "'strict' of source 'x' is a text, expected true or false", ""},
        {"path: p\nstrict: [on]", SL_E_VALUE_TYPE, 2, 9,
         "'strict' of source 'x' is a list, expected true or false", ""},
        {"path: p\nstrict: 1", SL_E_VALUE_TYPE, 2, 9,
         "'strict' of source 'x' is a number, expected true or false", ""},
        {"path: p\nkeep: 90", SL_E_VALUE_INVALID, 2, 7,
         "'keep' of source 'x' is '90', expected a duration in whole seconds, such as 30s, 15m, "
         "24h, 90d, 2w",
         ""},
        {"path: p\nmemory: lots", SL_E_VALUE_INVALID, 2, 9,
         "'memory' of source 'x' is 'lots', expected a size such as 512MB, 4GB, 1GiB", ""},
        {"path: p\nshape: sqare", SL_E_VALUE_INVALID, 2, 8,
         "'shape' of source 'x' is 'sqare', expected one of round, square",
         "did you mean 'square'?"},
        {"path: p\nshape: []", SL_E_VALUE_TYPE, 2, 8,
         "'shape' of source 'x' is a list, expected one of round, square", ""},
        {"path: p\ntags: [a, [b]]", SL_E_VALUE_TYPE, 2, 11,
         "'tags' of source 'x' is a list, expected a text or a list of texts", ""},
        {"path: p\ntags: {a: b}", SL_E_VALUE_TYPE, 2, 7,
         "'tags' of source 'x' is a map, expected a text or a list of texts", ""},
        {"path: p\ncsv: no", SL_E_VALUE_TYPE, 2, 6, "'csv' of source 'x' is a text, expected a map",
         ""},
        {"path: p\ndeliver: {a: b}", SL_E_VALUE_TYPE, 2, 10,
         "'deliver' of source 'x' is a map, expected a list", ""},
        {"path: p\ndeliver: [x]", SL_E_VALUE_TYPE, 2, 11,
         "'deliver' 1 of source 'x' is a text, expected a map", ""},
        {"path: p\nplaces: [x]", SL_E_VALUE_TYPE, 2, 9,
         "'places' of source 'x' is a list, expected a map of names", ""},
        {"- a", SL_E_VALUE_TYPE, 1, 1, "source 'x' is a list, expected a map", ""},
        {"text", SL_E_VALUE_TYPE, 1, 1, "source 'x' is a text, expected a map", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_FIXTURE f = {0};
        const struct sl_err *err;

        read_config(&f, cases[i].yaml);
        if (f.diags.count != 1)
            fail_msg("%zu diagnostics for '%s'", f.diags.count, cases[i].yaml);
        err = &f.diags.items[0].err;
        assert_string_equal(err->message, cases[i].message);
        assert_string_equal(err->hint, cases[i].hint);
        assert_int_equal(err->code, cases[i].code);
        assert_string_equal(err->file, "s.yml");
        assert_int_equal(err->line, cases[i].line);
        assert_int_equal(err->column, cases[i].column);
    }
}

static void a_wrong_value_leaves_the_default_and_the_rest_is_read(void **state)
{
    AUTO_FIXTURE f = {0};

    (void)state;
    read_config(&f, "batch_rows: many\nshape: oval\nzzz: 1\nshare: 0.75\n");
    assert_int_equal(f.diags.error_count, 4);
    assert_int_equal(f.config.batch_rows, 1000);
    assert_int_equal(f.config.shape, SHAPE_ROUND);
    assert_true(f.config.share == 0.75);
}

static void nothing_at_all_gives_the_defaults(void **state)
{
    AUTO_FIXTURE f = {0};
    struct sl_err err;

    (void)state;
    assert_int_equal(
        sl_opt_read(config_rows, NULL, "project", &f.config, NULL, &f.arena, &f.diags, &err),
        SL_OK);
    assert_int_equal(f.config.batch_rows, 1000);
    assert_int_equal(f.diags.count, 1);
    assert_string_equal(f.diags.items[0].err.message, "key 'path' is missing in project");
    f.config = (struct config){0};
    assert_int_equal(sl_opt_defaults(config_rows, &f.config, &f.arena, &err), SL_OK);
    assert_int_equal(f.config.memory_bytes, 4000000000);
    assert_true(f.config.csv.header);
}

static void a_default_that_does_not_fit_is_our_mistake(void **state)
{
    static const struct sl_opt rows[] = {{.name = "n", .type = SL_OPT_INT, .otherwise = "many"},
                                         {0}};
    static const struct sl_opt lists[] = {{.name = "n", .type = SL_OPT_NODE, .otherwise = "x"},
                                          {0}};
    AUTO_FIXTURE f = {0};
    struct sl_err err;
    int64_t number = 0;

    (void)state;
    assert_int_equal(sl_opt_defaults(rows, &number, &f.arena, &err), SL_E_INTERNAL);
    assert_int_equal(sl_opt_defaults(lists, &number, &f.arena, &err), SL_E_INTERNAL);
    assert_int_equal(sl_opt_read(rows, NULL, "x", &number, NULL, &f.arena, &f.diags, &err),
                     SL_E_INTERNAL);
}

static void references_are_resolved_and_hidden(void **state)
{
    AUTO_FIXTURE f = {0};
    int calls = 0;
    struct sl_opt_resolver resolver = {.resolve = resolve, .self = &calls};
    struct sl_err err;

    (void)state;
    assert_int_equal(read_with(&f,
                               "path: ${env:WORD}\n"
                               "batch_rows: \"${env:NUMBER}\"\n"
                               "tags: ['user:${env:PART}@host', plain]\n"
                               "extra: ${env:NOBODY_READS_IT}\n"
                               "csv: {quote: 'long text around ${SHORT}'}\n"
                               "open: {quote: '${unclosed'}\n",
                               &resolver, &err),
                     SL_OK);
    assert_int_equal(f.diags.count, 0);
    assert_int_equal(calls, 5);
    assert_string_equal(f.config.path, "resolved-word");
    assert_int_equal(f.config.batch_rows, 123456);
    assert_string_equal(f.config.tags.items[0], "user:resolved-part@host");
    assert_string_equal(sl_log_mask("see resolved-word, 123456, resolved-part", &f.arena),
                        "see ***, ***, ***");
}

static void a_type_that_nobody_knows_is_never_read(void **state)
{
    static const struct sl_opt rows[] = {{.name = "n", .type = (enum sl_opt_type)99}, {0}};
    static const struct sl_opt lists[] = {
        {.name = "n", .type = (enum sl_opt_type)99, .otherwise = "1"}, {0}};
    static const char text[] = "n: 1";
    AUTO_FIXTURE f = {0};
    int64_t number = 42;
    struct sl_err err;

    (void)state;
    assert_int_equal(
        sl_yaml_parse(text, strlen(text), "s.yml", 1, 1, &f.arena, &f.diags, &f.root, &err), SL_OK);
    assert_int_equal(sl_opt_read(rows, f.root, "x", &number, NULL, &f.arena, &f.diags, &err),
                     SL_OK);
    assert_int_equal(sl_opt_defaults(lists, &number, &f.arena, &err), SL_E_INTERNAL);
    assert_int_equal(number, 42);
}

static void references_stay_without_a_resolver(void **state)
{
    AUTO_FIXTURE f = {0};

    (void)state;
    read_config(&f, "path: ${env:WORD}\n");
    assert_string_equal(f.config.path, "${env:WORD}");
}

static void a_reference_that_cannot_be_resolved_is_a_diagnostic(void **state)
{
    AUTO_FIXTURE f = {0};
    int calls = 0;
    struct sl_opt_resolver resolver = {.resolve = resolve, .self = &calls};
    struct sl_err err;

    (void)state;
    assert_int_equal(read_with(&f,
                               "path: ${env:NO}\ntags: [a, '${env:NO}']\nbatch_rows: ${env:WORD}\n",
                               &resolver, &err),
                     SL_OK);
    assert_int_equal(f.diags.count, 3);
    assert_int_equal(f.diags.items[0].err.code, SL_E_SECRET_MISSING);
    assert_int_equal(f.diags.items[0].err.line, 1);
    assert_int_equal(f.diags.items[0].err.column, 7);
    assert_int_equal(f.diags.items[1].err.line, 2);
    assert_int_equal(f.diags.items[2].err.code, SL_E_VALUE_INVALID);
    assert_int_equal(f.config.tags.count, 1);
    assert_int_equal(read_with(&f, "path: ${env:MEMORY}\n", &resolver, &err), SL_E_MEMORY);
}

static void secrets_are_hidden_and_never_quoted(void **state)
{
    static const struct sl_opt rows[] = {
        {.name = "pin", .type = SL_OPT_ENUM, .flags = SL_OPT_SECRET, .values = shapes}, {0}};
    AUTO_FIXTURE f = {0};
    struct sl_err err;
    int pin = 0;

    (void)state;
    read_config(&f, "path: p\npassword: open sesame\n");
    assert_string_equal(f.config.password, "open sesame");
    assert_string_equal(sl_log_mask("pw open sesame", &f.arena), "pw ***");
    assert_int_equal(
        sl_yaml_parse("pin: topsecret", 14, "s.yml", 1, 1, &f.arena, &f.diags, &f.root, &err),
        SL_OK);
    assert_int_equal(sl_opt_read(rows, f.root, "x", &pin, NULL, &f.arena, &f.diags, &err), SL_OK);
    assert_int_equal(f.diags.count, 1);
    assert_string_equal(f.diags.items[0].err.message,
                        "'pin' of x is '***', expected one of round, square");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(a_scalar_is_a_list_of_one),
        cmocka_unit_test(an_empty_list_replaces_the_default),
        cmocka_unit_test(mistakes_are_told_with_place_and_hint),
        cmocka_unit_test(a_wrong_value_leaves_the_default_and_the_rest_is_read),
        cmocka_unit_test(nothing_at_all_gives_the_defaults),
        cmocka_unit_test(a_default_that_does_not_fit_is_our_mistake),
        cmocka_unit_test(references_are_resolved_and_hidden),
        cmocka_unit_test(a_type_that_nobody_knows_is_never_read),
        cmocka_unit_test(references_stay_without_a_resolver),
        cmocka_unit_test(a_reference_that_cannot_be_resolved_is_a_diagnostic),
        cmocka_unit_test(secrets_are_hidden_and_never_quoted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
