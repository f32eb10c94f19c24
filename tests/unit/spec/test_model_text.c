#include "spec_test.h"

#include "spec/load.h"

struct row {
    const char *label, *text, *settings, *sql;
    int settings_line, settings_column, sql_line, sql_column;
};

static const struct row rows[] = {
    {"no comment", "select 1", NULL, "select 1", 0, 0, 1, 1},
    {"nothing at all", "", NULL, "", 0, 0, 1, 1},
    {"blanks first", "\n\n  select 1", NULL, "select 1", 0, 0, 3, 3},
    {"settings on lines of their own", "/* sluice\nwrite: full\n*/\nselect 1", "\nwrite: full\n",
     "select 1", 1, 10, 4, 1},
    {"settings on one line", "/* sluice write: full */ select 1", " write: full ", "select 1", 1,
     10, 1, 26},
    {"no blank before the word", "/*sluice\nwrite: full*/select 1", "\nwrite: full", "select 1", 1,
     9, 2, 14},
    {"the word on the second line", "/*\n  sluice\n  write: full\n*/\nselect 1",
     "\n  write: full\n", "select 1", 2, 9, 5, 1},
    {"empty settings", "/* sluice */select 1", " ", "select 1", 1, 10, 1, 13},
    {"dashes first", "-- by Eva\n--/* sluice\n/* sluice a: 1 */\n\nselect 1", " a: 1 ", "select 1",
     3, 10, 5, 1},
    {"another comment first", "/* (c) shop */ /* sluice a: 1 */ select 1", " a: 1 ", "select 1", 1,
     25, 1, 34},
    {"another comment only", "/* slug */\nselect 1", NULL, "/* slug */\nselect 1", 0, 0, 1, 1},
    {"a longer word", "/* sluicegate: 1 */ select 1", NULL, "/* sluicegate: 1 */ select 1", 0, 0, 1,
     1},
    {"characters of several bytes count once", "/* \xC3\xA9 */ /* sluice a: 1 */select 1", " a: 1 ",
     "select 1", 1, 18, 1, 26},
    {"a byte order mark", "\xEF\xBB\xBF/* sluice a: 1 */\nselect 1", " a: 1 ", "select 1", 1, 10, 2,
     1},
    {"line ends of Windows", "/* sluice\r\na: 1\r\n*/\r\nselect 1", "\r\na: 1\r\n", "select 1", 1,
     10, 4, 1},
    {"settings in a text are SQL", "select '/* sluice a: 1 */'", NULL, "select '/* sluice a: 1 */'",
     0, 0, 1, 1},
};

static void settings_and_sql_keep_their_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *row = &rows[i];
        struct sl_model_text text;
        char settings[64] = "";

        sl_model_split(row->text, &text);
        memcpy(settings, text.settings ? text.settings : "", text.settings_length);
        if (!text.sql || strcmp(text.sql, row->sql) != 0 || !text.settings != !row->settings ||
            (row->settings && strcmp(settings, row->settings) != 0))
            fail_msg("%s: settings '%s', SQL '%s'", row->label, settings, text.sql);
        if (text.settings_line != row->settings_line ||
            text.settings_column != row->settings_column || text.sql_line != row->sql_line ||
            text.sql_column != row->sql_column)
            fail_msg("%s: settings at %d:%d, SQL at %d:%d", row->label, text.settings_line,
                     text.settings_column, text.sql_line, text.sql_column);
        assert_false(text.is_open);
        assert_int_equal(text.stray_line, 0);
    }
}

static void an_open_comment_is_told_with_its_place(void **state)
{
    struct sl_model_text text;

    (void)state;
    sl_model_split("-- x\n  /* sluice\nwrite: full\nselect 1", &text);
    assert_true(text.is_open);
    assert_int_equal(text.comment_line, 2);
    assert_int_equal(text.comment_column, 3);
    assert_string_equal(text.sql, "");
}

static void a_comment_behind_the_sql_is_told_with_its_line(void **state)
{
    struct sl_model_text text;

    (void)state;
    sl_model_split("select 1\n\n\t/* sluice\nwrite: full */", &text);
    assert_int_equal(text.stray_line, 3);
    sl_model_split("/* sluice a: 1 */\nselect 1\n/*sluice*/", &text);
    assert_int_equal(text.stray_line, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_and_sql_keep_their_places),
        cmocka_unit_test(an_open_comment_is_told_with_its_place),
        cmocka_unit_test(a_comment_behind_the_sql_is_told_with_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
