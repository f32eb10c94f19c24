#include "test.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <wchar.h>

static void a_failure_replaces_all_that_was_there(void **state)
{
    struct sl_err err = {.line = 3, .column = 4, .file = "a.yml", .hint = "old"};

    (void)state;
    assert_int_equal(sl_fail(&err, SL_E_TABLE_MISSING, "table '%s' is missing", "raw.x"),
                     SL_E_TABLE_MISSING);
    assert_int_equal(err.code, SL_E_TABLE_MISSING);
    assert_string_equal(err.message, "table 'raw.x' is missing");
    assert_string_equal(err.file, "");
    assert_string_equal(err.hint, "");
    assert_int_equal(err.line, 0);
    assert_int_equal(err.column, 0);
}

static void without_an_err_codes_still_come_through(void **state)
{
    (void)state;
    assert_int_equal(sl_fail(NULL, SL_E_IO, "x"), SL_E_IO);
    assert_int_equal(sl_fail_errno(NULL, ENOSPC, "x"), SL_E_NO_SPACE);
    assert_int_equal(sl_fail_memory(NULL), SL_E_MEMORY);
    assert_int_equal(sl_err_context(NULL, "x"), SL_E_INTERNAL);
    assert_int_equal(sl_err_at(NULL, "x", 1, 1), SL_E_INTERNAL);
    assert_int_equal(sl_err_hint(NULL, "x"), SL_E_INTERNAL);
    assert_int_equal(sl_err_fate(NULL), SL_FATE_BUG);
    sl_err_clear(NULL);
}

static void a_failure_may_quote_the_one_it_replaces(void **state)
{
    struct sl_err err;

    (void)state;
    (void)sl_fail(&err, SL_E_IO, "inner");
    (void)sl_fail(&err, SL_E_IO, "outer (%s)", err.message);
    assert_string_equal(err.message, "outer (inner)");
    (void)sl_err_context(&err, "after '%s'", err.message);
    assert_string_equal(err.message, "after 'outer (inner)': outer (inner)");
    (void)sl_err_hint(&err, "see: %s", err.message);
    assert_string_equal(err.hint, "see: after 'outer (inner)': outer (inner)");
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    struct sl_err err;
    char long_name[2000];

    (void)state;
    (void)sl_fail(&err, SL_E_IO, "'bad\xff\xc3.csv' of J\xc3\xbcrgen");
    assert_string_equal(err.message, "'bad\xEF\xBF\xBD\xEF\xBF\xBD.csv' of J\xc3\xbcrgen");
    memset(long_name, 0xff, sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    (void)sl_fail(&err, SL_E_IO, "%s", long_name);
    assert_int_equal(strlen(err.message), 1023); // 340 times U+FFFD, and the mark
    assert_string_equal(err.message + 1020, "...");
}

static void an_errno_chooses_its_code(void **state)
{
    static const struct {
        int errnum;
        enum sl_code code;
    } cases[] = {
        {ENOSPC, SL_E_NO_SPACE},     {EDQUOT, SL_E_NO_SPACE},     {EACCES, SL_E_NO_PERMISSION},
        {EPERM, SL_E_NO_PERMISSION}, {EROFS, SL_E_NO_PERMISSION}, {ENOENT, SL_E_FILE_MISSING},
        {EEXIST, SL_E_FILE_EXISTS},  {ENOMEM, SL_E_MEMORY},       {EIO, SL_E_IO},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_err err;

        assert_int_equal(sl_fail_errno(&err, cases[i].errnum, "cannot do '%s'", "it"),
                         cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        assert_memory_equal(err.message, "cannot do 'it': ", 16);
        assert_non_null(strstr(err.message, strerror(cases[i].errnum)));
    }
}

static void the_reason_of_an_errno_survives_a_long_name(void **state)
{
    char name[3000];
    struct sl_err err;

    (void)state;
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    (void)sl_fail_errno(&err, ENOENT, "cannot open '%s'", name);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
    assert_non_null(strstr(err.message, "...: No such file or directory"));
}

static void cut_texts_end_in_dots_and_in_whole_characters(void **state)
{
    char text[3001];
    struct sl_err err;

    (void)state;
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    text[3000] = '\0';
    (void)sl_fail(&err, SL_E_IO, "x%s", text);
    // 1 + 2 * 509 bytes and three dots: one more character would not fit.
    assert_int_equal(strlen(err.message), 1022);
    assert_string_equal(err.message + 1019, "...");
    assert_int_equal((unsigned char)err.message[1018], 0xA9);
    (void)sl_err_context(&err, "while doing");
    assert_memory_equal(err.message, "while doing: x", 14);
    assert_string_equal(err.message + strlen(err.message) - 3, "...");
    (void)sl_err_hint(&err, "%s", text);
    assert_true(strlen(err.hint) >= sizeof err.hint - 2);
    (void)sl_err_at(&err, text, 1, 2);
    assert_true(strlen(err.file) >= sizeof err.file - 2);
}

static void a_text_that_just_fits_is_not_cut(void **state)
{
    char text[1024];
    struct sl_err err;

    (void)state;
    memset(text, 'x', sizeof text);
    text[1023] = '\0';
    (void)sl_fail(&err, SL_E_IO, "%s", text);
    assert_string_equal(err.message, text);
}

static void a_message_that_cannot_be_formatted_shows_its_format(void **state)
{
    static const wchar_t no_character[] = {0x110000, 0};
    struct sl_err err;

    (void)state;
    (void)sl_fail(&err, SL_E_IO, "odd: %ls", no_character);
    assert_string_equal(err.message, "odd: %ls");
}

static void context_goes_before_the_message_and_keeps_the_rest(void **state)
{
    struct sl_err err;

    (void)state;
    (void)sl_fail(&err, SL_E_IO, "no disk");
    (void)sl_err_hint(&err, "buy %d", 1);
    assert_int_equal(sl_err_at(&err, "a.yml", 2, 5), SL_E_IO);
    assert_int_equal(sl_err_context(&err, "commit to table '%s'", "t"), SL_E_IO);
    assert_int_equal(sl_err_context(&err, "step"), SL_E_IO);
    assert_string_equal(err.message, "step: commit to table 't': no disk");
    assert_string_equal(err.hint, "buy 1");
    assert_string_equal(err.file, "a.yml");
}

static void the_first_place_stays(void **state)
{
    struct sl_err err;

    (void)state;
    (void)sl_fail(&err, SL_E_IO, "x");
    (void)sl_err_at(&err, "inner.yml", 2, 5);
    (void)sl_err_at(&err, "outer.yml", 9, 9);
    assert_string_equal(err.file, "inner.yml");
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 5);
    (void)sl_fail(&err, SL_E_IO, "x");
    (void)sl_err_at(&err, NULL, 7, 0);
    (void)sl_err_at(&err, "outer.yml", 9, 9);
    assert_string_equal(err.file, "");
    assert_int_equal(err.line, 7);
    sl_err_clear(&err);
    assert_int_equal(err.code, SL_OK);
    assert_int_equal(err.line, 0);
}

static void every_code_has_an_id_of_its_own_and_a_text(void **state)
{
    (void)state;
    for (int i = 1; i < SL_CODE_COUNT; i++) {
        const struct sl_code_info *info = sl_code_info((enum sl_code)i);

        assert_int_equal(strlen(info->id), 6);
        assert_true(strlen(info->title) > 0 && strlen(info->explanation) > 0);
        // Finds another one if two rows share an id.
        assert_int_equal(sl_code_find(info->id), i);
        assert_int_equal(sl_code_find(info->id + 2), i);
    }
}

static void unknown_ids_and_codes_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(sl_code_find("SL9999"), SL_OK);
    assert_int_equal(sl_code_find(""), SL_OK);
    assert_int_equal(sl_code_find(NULL), SL_OK);
    assert_int_equal(sl_code_find("sl0101"), SL_E_MEMORY);
    assert_ptr_equal(sl_code_info((enum sl_code)9999), sl_code_info(SL_E_INTERNAL));
}

static void the_fate_is_the_codes(void **state)
{
    struct sl_err err;

    (void)state;
    (void)sl_fail(&err, SL_E_LOCKED, "x");
    assert_int_equal(sl_err_fate(&err), SL_FATE_RETRY);
    (void)sl_fail(&err, SL_E_NO_SPACE, "x");
    assert_int_equal(sl_err_fate(&err), SL_FATE_INPUT);
    (void)sl_fail(&err, SL_E_BALANCE, "x");
    assert_int_equal(sl_err_fate(&err), SL_FATE_BUG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_replaces_all_that_was_there),
        cmocka_unit_test(without_an_err_codes_still_come_through),
        cmocka_unit_test(a_failure_may_quote_the_one_it_replaces),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(an_errno_chooses_its_code),
        cmocka_unit_test(the_reason_of_an_errno_survives_a_long_name),
        cmocka_unit_test(cut_texts_end_in_dots_and_in_whole_characters),
        cmocka_unit_test(a_text_that_just_fits_is_not_cut),
        cmocka_unit_test(a_message_that_cannot_be_formatted_shows_its_format),
        cmocka_unit_test(context_goes_before_the_message_and_keeps_the_rest),
        cmocka_unit_test(the_first_place_stays),
        cmocka_unit_test(every_code_has_an_id_of_its_own_and_a_text),
        cmocka_unit_test(unknown_ids_and_codes_are_told_apart),
        cmocka_unit_test(the_fate_is_the_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
