// Every fallible call with each of its allocations failing in turn: it must report SL_E_MEMORY,
// leave its outputs untouched and leak nothing (the leak sanitizer watches).
#include "test.h"

#include "alloc_fault.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "opt_table.h"

#include <fcntl.h>

// Runs `call` with failure 0, 1, 2, ... until it gets through. Returns how many failures there
// were.
static long fail_each(int (*call)(struct sl_err *err))
{
    for (long n = 0;; n++) {
        struct sl_err err = {0};
        int code;
        bool has_failed;

        alloc_fault_arm(n);
        code = call(&err);
        has_failed = alloc_fault_disarm();
        if (!has_failed) {
            assert_int_equal(code, SL_OK);
            return n;
        }
        if (code != SL_E_MEMORY || err.code != SL_E_MEMORY)
            fail_msg("allocation %ld failed and the call gave %d (%s)", n, code, err.message);
        assert_true(strlen(err.message) > 0);
    }
}

static int call_buf(struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    char *text;

    for (int i = 0; i < 200; i++)
        sl_buf_addf(&buf, "%d,", i);
    SL_TRY(sl_buf_check(&buf, err));
    text = sl_buf_take(&buf);
    free(text);
    text = sl_buf_take(&buf);
    SL_TRY_NEW(text, err);
    free(text);
    return SL_OK;
}

static int call_map(struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map map = {0};
    char key[3] = {0};

    for (int i = 0; i < 200; i++) {
        size_t count = sl_map_count(&map);
        int code;

        key[0] = (char)('a' + i / 20);
        key[1] = (char)('a' + i % 20);
        code = sl_map_set(&map, key, &map, err);
        if (code != SL_OK) {
            assert_int_equal(sl_map_count(&map), count);
            assert_false(sl_map_has(&map, key));
            return code;
        }
        assert_ptr_equal(sl_map_get(&map, key), &map);
    }
    return SL_OK;
}

static int call_hash(struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];
    int code = sl_hash_new(&hash, err);

    if (code != SL_OK) {
        assert_null(hash);
        return code;
    }
    sl_hash_add(hash, "x");
    return sl_hash_end(hash, hex, err);
}

static int call_json(struct sl_err *err)
{
    static const char text[] =
        "{\"a\": [1, 2.5, \"x\", null, 18446744073709551615], \"b\": {\"c\": true}}";
    SL_AUTO(sl_json_free) json_t *json = NULL;
    char *printed = NULL;
    int code = sl_json_parse(text, strlen(text), "x", &json, err);

    if (code != SL_OK) {
        assert_null(json);
        return code;
    }
    code = sl_json_print(json, &printed, err);
    assert_int_equal(printed == NULL, code != SL_OK);
    free(printed);
    return code;
}

static int call_yaml(struct sl_err *err)
{
    static const char text[] = "a: 1\nlist: [x, 'y', 2.5, {d: }]\nmap: {e: {f: [g]}}\n";
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_yaml *root = NULL;
    int code = sl_yaml_parse(text, strlen(text), "x", 1, 1, &arena, &diags, &root, err);

    assert_int_equal(root == NULL, code != SL_OK);
    assert_int_equal(diags.error_count, 0);
    SL_TRY(code);
    code = sl_yaml_to_json(root, &json, err);
    assert_int_equal(json == NULL, code != SL_OK);
    return code;
}

static int resolve(void *self, const char *text, struct sl_arena *arena, const char **ret,
                   struct sl_err *err)
{
    (void)self;
    (void)text;
    *ret = sl_arena_strdup(arena, "word");
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int call_opt_read(struct sl_err *err)
{
    static const char text[] =
        "path: ${x}\npassword: pw-in-faults\nzzz: 1\ntags: [a, '${x}']\ncsv: {quote: q, pth: 1}\n"
        "deliver: [{name: a, to: b, zz: 1}]\nplaces: {home: {to: c}}\nshape: sqare\n";
    const struct sl_opt_resolver resolver = {.resolve = resolve};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct config config = {0};
    struct sl_yaml *root;
    int code;

    SL_TRY(sl_yaml_parse(text, strlen(text), "x", 1, 1, &arena, &diags, &root, err));
    code = sl_opt_read(config_rows, root, "x", &config, &resolver, &arena, &diags, err);
    if (code == SL_OK)
        assert_int_equal(diags.error_count, 4);
    return code;
}

static int call_opt_parse(struct sl_err *err)
{
    static const struct sl_opt rows[] = {
        {.name = "tags", .type = SL_OPT_STRINGS, .otherwise = "a,b"},
        {.name = "path",
         .type = SL_OPT_STRING,
         .offset = sizeof(struct sl_strs),
         .flags = SL_OPT_POSITIONAL},
        {0},
    };
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char *argv[] = {(char *)"--tags=x", (char *)"file", (char *)"--tags", (char *)"y"};
    struct {
        struct sl_strs tags;
        const char *path;
    } args = {0};

    return sl_opt_parse(rows, 4, argv, &args, &arena, err);
}

static int call_opt_docs(struct sl_err *err)
{
    static void (*const writers[])(const struct sl_opt *,
                                   struct sl_buf *) = {sl_opt_schema, sl_opt_help, sl_opt_man};

    for (size_t i = 0; i < COUNT_OF(writers); i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

        writers[i](config_rows, &text);
        SL_TRY(sl_buf_check(&text, err));
    }
    return SL_OK;
}

static int call_files(struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs names = {0};
    const char *text = NULL;
    size_t length = 7;
    char hex[65] = "untouched";
    int code;

    SL_TRY(sl_fs_mkdirs("a/b", err));
    SL_TRY(sl_fs_write("a/b/file", "x", 1, err));
    SL_TRY(sl_fs_write("a/b/other", "y", 1, err));
    SL_TRY(sl_fs_remove("created", err));
    SL_TRY(sl_fs_create("created", "x", 1, err));
    code = sl_fs_read("a/b/file", 10, &arena, &text, &length, err);
    assert_int_equal(text == NULL, code != SL_OK);
    assert_int_equal(length, code == SL_OK ? 1 : 7);
    SL_TRY(code);
    code = sl_fs_glob("a/**/*", &arena, &names, err);
    assert_int_equal(names.count, code == SL_OK ? 2 : 0);
    SL_TRY(code);
    names.count = 0;
    code = sl_fs_list("a/b", &arena, &names, err);
    assert_int_equal(names.count, code == SL_OK ? 2 : 0);
    SL_TRY(code);
    code = sl_fs_hash("created", hex, err);
    assert_int_equal(strlen(hex), code == SL_OK ? 64 : 9);
    return code;
}

static void calls_report_each_failed_allocation(void **state)
{
    static int (*const calls[])(struct sl_err *) = {
        call_buf,  call_map,       call_hash,     call_json,
        call_yaml, call_opt_parse, call_opt_docs, call_files,
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(calls); i++)
        assert_true(fail_each(calls[i]) > 0);
}

static void a_diagnostic_that_cannot_be_kept_is_counted(void **state)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_err err;

    (void)state;
    (void)sl_fail(&err, SL_E_IO, "x");
    alloc_fault_arm(0);
    sl_diag(&diags, SL_SEVERITY_ERROR, SL_E_IO, (struct sl_place){0}, NULL, "lost");
    assert_true(alloc_fault_disarm());
    assert_int_equal(diags.count, 0);
    assert_int_equal(diags.error_count, 1);
    alloc_fault_arm(0);
    sl_diag_err(&diags, SL_SEVERITY_WARNING, &err, (struct sl_place){0});
    assert_true(alloc_fault_disarm());
    assert_int_equal(diags.count, 0);
    assert_int_equal(diags.warning_count, 1);
    sl_diag(&diags, SL_SEVERITY_ERROR, SL_E_IO, (struct sl_place){0}, NULL, "kept");
    assert_int_equal(diags.count, 1);
}

static int parse_mistakes(struct sl_err *err)
{
    static const struct sl_opt rows[] = {
        {.name = "path_a", .type = SL_OPT_INT},
        {.name = "verbose", .type = SL_OPT_BOOL, .letter = 'v', .offset = 8},
        {0}};
    static char *const lines[][2] = {{(char *)"-v", (char *)"--pth-a=1"},
                                     {(char *)"-v", (char *)"--path-a=x"}};

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        char *argv[] = {lines[i][0], lines[i][1]};
        int64_t args[2] = {0};
        int code = sl_opt_parse(rows, 2, argv, args, &arena, err);

        if (code != SL_E_USAGE)
            return code;
    }
    return SL_OK;
}

// A message that names an option may fall back to a shorter name, so a failure need not show.
static void mistakes_on_a_command_line_report_each_failed_allocation(void **state)
{
    bool has_failed = true;

    (void)state;
    for (long n = 0; has_failed; n++) {
        struct sl_err err = {0};
        int code;

        alloc_fault_arm(n);
        code = parse_mistakes(&err);
        has_failed = alloc_fault_disarm();
        assert_true(code == SL_OK ||
                    (has_failed && code == SL_E_MEMORY && err.code == SL_E_MEMORY));
    }
}

// Diagnostics may be lost to a failure, so here only the end matters: OK or SL_E_MEMORY, and the
// last try is perfect.
static void options_report_each_failed_allocation(void **state)
{
    (void)state;
    sl_log_hide(
        "warm up: secrets are kept for good, so the first run hides more than the later ones");
    for (long n = 0;; n++) {
        struct sl_err err = {0};
        int code;

        // A diagnostic that is not kept is no failure of the call (diag.h).
        alloc_fault_arm(n);
        code = call_opt_read(&err);
        if (!alloc_fault_disarm()) {
            assert_int_equal(code, SL_OK);
            break;
        }
        assert_true(code == SL_OK || (code == SL_E_MEMORY && err.code == SL_E_MEMORY));
    }
}

static const char *read_log_line(struct sl_arena *arena, int fd)
{
    char *text = sl_arena_alloc(arena, 4096);

    assert_true(pread(fd, text, 4095, 0) >= 0);
    return text;
}

static void a_log_line_without_memory_is_replaced_by_a_notice(void **state)
{
    struct test_folder *folder = *state;
    SL_AUTO(sl_json_free) json_t *fields = json_pack("{s:s, s:i}", "step", "raw.x", "rows", 5);
    int fd = open("log", O_RDWR | O_CREAT, 0600);
    bool has_failed = true;

    sl_log_open(fd, SL_LOG_JSON, SL_LOG_DEBUG);
    for (long n = 0; has_failed; n++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        alloc_fault_arm(n);
        sl_log(SL_LOG_INFO, fields, "a message");
        has_failed = alloc_fault_disarm();
        assert_non_null(
            strstr(read_log_line(&folder->arena, fd), has_failed ? "log line lost" : "a message"));
    }
    sl_log_open(-1, SL_LOG_TEXT, SL_LOG_OFF);
    close(fd);
}

static void masking_without_memory_shows_nothing(void **state)
{
    struct test_folder *folder = *state;
    bool has_failed = true;

    sl_log_hide("masked-secret");
    for (long n = 0; has_failed; n++) {
        const char *masked;

        alloc_fault_arm(n);
        masked = sl_log_mask("x masked-secret", &folder->arena);
        has_failed = alloc_fault_disarm();
        assert_string_equal(masked, has_failed ? "***" : "x ***");
    }
}

// The last test: what it does cannot be undone.
static void a_secret_that_cannot_be_kept_silences_the_log(void **state)
{
    struct test_folder *folder = *state;

    alloc_fault_arm(0);
    sl_log_hide("unkept-secret");
    assert_true(alloc_fault_disarm());
    assert_string_equal(sl_log_mask("an unkept-secret", &folder->arena), "***");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(calls_report_each_failed_allocation),
        cmocka_unit_test(a_diagnostic_that_cannot_be_kept_is_counted),
        IN_FOLDER(a_log_line_without_memory_is_replaced_by_a_notice),
        IN_FOLDER(masking_without_memory_shows_nothing),
        cmocka_unit_test(mistakes_on_a_command_line_report_each_failed_allocation),
        cmocka_unit_test(options_report_each_failed_allocation),
        IN_FOLDER(a_secret_that_cannot_be_kept_silences_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
