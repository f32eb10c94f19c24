#include "test.h"

#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

static int log_fd = -1;

static int open_log(void **state)
{
    enter_folder(state);
    log_fd = open("log", O_RDWR | O_CREAT | O_APPEND, 0600);
    return log_fd >= 0 ? 0 : -1;
}

static int close_log(void **state)
{
    sl_log_open(-1, SL_LOG_TEXT, SL_LOG_OFF);
    close(log_fd);
    return leave_folder(state);
}

static const char *read_log(void **state)
{
    struct test_folder *folder = *state;

    return read_file(&folder->arena, "log");
}

static json_t *parse_line(const char *line)
{
    json_t *json = NULL;
    struct sl_err err;

    assert_int_equal(sl_json_parse(line, strlen(line), "log", &json, &err), SL_OK);
    return json;
}

static void nothing_is_written_before_the_log_is_open(void **state)
{
    sl_log(SL_LOG_ERROR, NULL, "lost");
    sl_log_open(log_fd, SL_LOG_TEXT, SL_LOG_OFF);
    sl_log(SL_LOG_OFF, NULL, "lost");
    assert_string_equal(read_log(state), "");
}

static void lines_below_the_least_level_are_left_out(void **state)
{
    sl_log_open(log_fd, SL_LOG_TEXT, SL_LOG_WARN);
    sl_log(SL_LOG_DEBUG, NULL, "one");
    sl_log(SL_LOG_INFO, NULL, "two");
    sl_log(SL_LOG_WARN, NULL, "three %d", 3);
    sl_log(SL_LOG_ERROR, NULL, "four");
    assert_null(strstr(read_log(state), "one"));
    assert_null(strstr(read_log(state), "two"));
    assert_non_null(strstr(read_log(state), " warn  three 3\n"));
    assert_non_null(strstr(read_log(state), " error four\n"));
    assert_int_equal(sl_log_format(), SL_LOG_TEXT);
}

static void an_entry_is_one_line_of_text(void **state)
{
    const char *text;

    sl_log_open(log_fd, SL_LOG_TEXT, SL_LOG_DEBUG);
    sl_log(SL_LOG_INFO, NULL, "a\nb\rc\033[31m");
    text = read_log(state);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_non_null(strstr(text, "a b c [31m"));
}

static void a_json_line_carries_its_fields(void **state)
{
    SL_AUTO(sl_json_free)
    json_t *fields =
        json_pack("{s:s, s:i, s:n, s:[i,i]}", "step", "raw.x", "rows", 5, "table", "l", 1, 2);
    SL_AUTO(sl_json_free) json_t *line = NULL;

    assert_int_equal(setenv("SLUICE_CLOCK", "2026-01-31T00:00:00Z", 1), 0);
    sl_log_open(log_fd, SL_LOG_JSON, SL_LOG_DEBUG);
    sl_log(SL_LOG_INFO, fields, "said \"%s\"\n", "hi");
    assert_int_equal(unsetenv("SLUICE_CLOCK"), 0);
    assert_int_equal(sl_log_format(), SL_LOG_JSON);
    line = parse_line(read_log(state));
    assert_memory_equal(sl_json_text(line, "time", ""), "2026-01-31T00:00:00.", 20);
    assert_string_equal(sl_json_text(line, "level", ""), "info");
    assert_string_equal(sl_json_text(line, "message", ""), "said \"hi\"\n");
    assert_string_equal(sl_json_text(line, "step", ""), "raw.x");
    assert_int_equal(sl_json_int(line, "rows", 0), 5);
    assert_true(json_is_null(json_object_get(line, "table")));
    assert_int_equal(json_array_size(json_object_get(line, "l")), 2);
}

// Secrets below are unlike each other and unlike anything else here, since what is hidden once
// stays hidden.
static void hidden_texts_are_masked_however_they_are_printed(void **state)
{
    static const struct {
        const char *secret;
        const char *text;
        const char *masked;
    } cases[] = {
        {"hunter22", "pw hunter22, again hunter22hunter22", "pw ***, again ******"},
        {"hunter22", "hunter2 is no secret", "hunter2 is no secret"},
        {"\n  file-secret-1 \n", "it is file-secret-1.", "it is ***."},
        {"qu\"ote\\d", "raw qu\"ote\\d, json qu\\\"ote\\\\d", "raw ***, json ***"},
        {"apo's-trophe", "raw apo's-trophe, sql apo''s-trophe", "raw ***, sql ***"},
        {"two\nlines", "raw two\nlines, json two\\nlines", "raw ***, json ***"},
        {"overABCD", "overABCDEFGH", "***EFGH"},
        {"ABCDEFGH", "overABCDEFGH ABCDEFGH", "*** ***"}, // overlaps the one before
        {"pre-fix-long-one", "cut pre-fix-l... and pre-fix-l", "cut ***... and pre-fix-l"},
        {"p%40ss%2Fword", "given p%40ss%2Fword, decoded p@ss/word", "given ***, decoded ***"},
        {"50%off%zz%4", "50%off%zz%4", "***"}, // no codes
        {"%61%62%00cd", "ab%00cd", "***"},     // no NUL
        {"postgresql://ann:p%40sz%2Fwyrd@db:1/x", "for \"p@sz/wyrd\": p%40sz%2Fwyrd, db ann",
         "for \"***\": ***, db ann"},
        {"postgresql://ann:q%22uo%27te@db/x", "sql 'q\"uo''te', json q\\\"uo'te",
         "sql '***', json ***"},
        {"postgresql://bob:bare@hostpiece/rest@db/x", "name \"hostpiece\", rest, db",
         "name \"***\", ***, db"},
        {"postgresql://flo:what?ever@db/x", "ever, what?ever", "***, ***"},
        {"postgresql://cleo:abc@db/x", "abc is too short, cleo:abc is not",
         "abc is too short, *** is not"},
        {"postgresql://dora@db/x?password=opt%2Bion&a=b", "dora@db opt+ion opt%2Bion a=b",
         "dora@db *** *** a=b"},
        {"postgresql://eva:first/x@db/x?note=a@b", "a@b first note=a", "a@b *** note=a"},
        {"abc", "abc is too short", "abc is too short"},
        {"", "empty", "empty"},
        {NULL, "nothing", "nothing"},
        {"  \n ", "   ", "   "},
    };
    struct test_folder *folder = *state;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        sl_log_hide(cases[i].secret);
        sl_log_hide(cases[i].secret);
        assert_string_equal(sl_log_mask(cases[i].text, &folder->arena), cases[i].masked);
    }
    assert_null(sl_log_mask(NULL, &folder->arena));
}

static void a_text_without_secrets_is_not_copied(void **state)
{
    static const char text[] = "nothing to hide here";
    struct test_folder *folder = *state;

    assert_ptr_equal(sl_log_mask(text, &folder->arena), text);
}

static void no_line_shows_a_secret(void **state)
{
    static const char *const secrets[] = {"s3cr3t-text", "json\"s3cr3t\\", "line\ns3cr3t",
                                          "98765432", "s3cr3t-k\xC3\xA9y"};

    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        SL_AUTO(sl_json_free)
        json_t *fields =
            json_pack("{s:s, s:i, s:[s], s:{s:s}, s:f}", "error", secrets[i], "rows", 98765432,
                      "list", secrets[i], "map", "in", secrets[i], "share", 0.5);

        sl_log_hide(secrets[i]);
        assert_int_equal(json_object_set_new(fields, secrets[i], json_true()), 0);
        sl_log_open(log_fd, SL_LOG_JSON, SL_LOG_DEBUG);
        sl_log(SL_LOG_INFO, fields, "connect with '%s'", secrets[i]);
        sl_log_open(log_fd, SL_LOG_TEXT, SL_LOG_DEBUG);
        sl_log(SL_LOG_INFO, fields, "connect with '%s'", secrets[i]);
    }
    assert_null(strstr(read_log(state), "s3cr3t"));
    for (const char *line = read_log(state); *line; line = strchr(line, '\n') + 1) {
        assert_non_null(strstr(line, "connect with '***'"));
        if (*line == '{') {
            struct test_folder *folder = *state;
            json_t *json = parse_line(sl_arena_strndup(&folder->arena, line, strcspn(line, "\n")));

            assert_string_equal(sl_json_text(json, "error", ""), "***");
            assert_string_equal(sl_json_text(json_object_get(json, "map"), "in", ""), "***");
            assert_true(json_is_array(json_object_get(json, "list")));
            sl_json_free(&json);
        }
    }
    // The number is a secret from the fourth on.
    assert_non_null(strstr(read_log(state), "\"rows\":98765432"));
    assert_non_null(strstr(read_log(state), "\"rows\":\"***\""));
}

static void *write_lines(void *text)
{
    for (int i = 0; i < 200; i++)
        sl_log(SL_LOG_INFO, NULL, "%s", (const char *)text);
    return NULL;
}

static void lines_of_several_threads_stay_whole(void **state)
{
    static const char *const texts[] = {"aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb",
                                        "cccccccccccccccccccc"};
    pthread_t threads[COUNT_OF(texts)];
    size_t lines = 0;

    sl_log_open(log_fd, SL_LOG_TEXT, SL_LOG_DEBUG);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, (void *)texts[i]), 0);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (const char *line = read_log(state); *line; line = strchr(line, '\n') + 1, lines++) {
        const char *text = strstr(line, "info  ") + 6;

        assert_int_equal(strspn(text, "a") + strspn(text, "b") + strspn(text, "c"),
                         strcspn(text, "\n"));
    }
    assert_int_equal(lines, 600);
}

static void a_log_that_cannot_be_written_stops_nobody(void **state)
{
    int read_only = open("log", O_RDONLY);

    sl_log_open(read_only, SL_LOG_TEXT, SL_LOG_DEBUG);
    sl_log(SL_LOG_INFO, NULL, "lost");
    sl_log_open(log_fd, SL_LOG_TEXT, SL_LOG_DEBUG);
    sl_log(SL_LOG_INFO, NULL, "found");
    assert_non_null(strstr(read_log(state), "found"));
    close(read_only);
}

// The last test: what it does cannot be undone.
static void more_secrets_than_can_be_kept_silence_the_log(void **state)
{
    struct test_folder *folder = *state;
    char secret[32];

    for (int i = 0; i < 4100; i++) {
        snprintf(secret, sizeof secret, "many-secrets-%d-", i);
        sl_log_hide(secret);
    }
    sl_log_open(log_fd, SL_LOG_TEXT, SL_LOG_DEBUG);
    sl_log(SL_LOG_INFO, NULL, "many-secrets-4099-");
    assert_non_null(strstr(read_log(state), "***"));
    assert_null(strstr(read_log(state), "many"));
    assert_string_equal(sl_log_mask("anything", &folder->arena), "***");
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, open_log, close_log)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOG(nothing_is_written_before_the_log_is_open),
        WITH_LOG(lines_below_the_least_level_are_left_out),
        WITH_LOG(an_entry_is_one_line_of_text),
        WITH_LOG(a_json_line_carries_its_fields),
        WITH_LOG(a_text_without_secrets_is_not_copied),
        WITH_LOG(hidden_texts_are_masked_however_they_are_printed),
        WITH_LOG(no_line_shows_a_secret),
        WITH_LOG(lines_of_several_threads_stay_whole),
        WITH_LOG(a_log_that_cannot_be_written_stops_nobody),
        WITH_LOG(more_secrets_than_can_be_kept_silence_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
