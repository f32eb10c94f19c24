// Texts as they are shown: tables that fit, and nothing that could steer a terminal.
#include "../base/test.h"
#include "cli/cli.h"

static void text_is_shown_on_one_line_and_without_control_characters(void **state)
{
    static const struct {
        const char *text;
        size_t width;
        const char *expected;
    } cases[] = {
        {"plain", 99, "plain"},
        {"", 99, ""},
        {"two\nlines\r\tand a tab", 99, "two lines  and a tab"},
        {"\033[31mred\033[0m \a\x7f", 99, "?[31mred?[0m ??"},
        {"csi \xc2\x9b"
         "31m",
         99, "csi ?31m"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9f", 99,
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9f"},
        {"gr\xc3\xbc\xc3\x9f", 3, "gr\xc3\xbc"},
        {"no utf-8: \xff\xfe", 99, "no utf-8: ??"},
        {"cut \xe2\x82", 99, "cut ??"},
        {"abc", 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        sl_add_plain(&text, cases[i].text, cases[i].width);
        assert_string_equal(text.text, cases[i].expected);
    }
}

static void width_is_counted_in_characters(void **state)
{
    (void)state;
    assert_int_equal(sl_text_width(""), 0);
    assert_int_equal(sl_text_width("abc"), 3);
    assert_int_equal(sl_text_width("gr\xc3\xbc\xc3\x9f \xe2\x82\xac"), 6);
}

static void counts_have_their_thousands_and_their_plural(void **state)
{
    static const struct {
        int64_t count;
        const char *expected;
    } cases[] = {{0, "0 files"}, {1, "1 file"}, {2, "2 files"}, {1234567, "1,234,567 files"}};
    char text[64];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(sl_count_of(cases[i].count, "file", text), cases[i].expected);
}

// A table of three columns, the second to the right.
static const char *grid_text(const char *const (*rows)[3], size_t count, size_t width,
                             struct sl_arena *arena, struct sl_buf *text)
{
    struct sl_grid grid;
    struct sl_err err = {0};

    sl_grid_init(&grid, arena, 3, 1 << 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sl_grid_row(&grid, rows[i], &err), SL_OK);
    assert_int_equal(sl_grid_is_empty(&grid), count <= 1);
    assert_int_equal(sl_grid_text(&grid, width, text, &err), SL_OK);
    return text->text;
}

static void tables_align_their_columns_and_are_cut_where_they_are_widest(void **state)
{
    static const char *const head[][3] = {{"name", "rows", "why"}};
    static const char *const rows[][3] = {
        {"name", "rows", "why"}, {"a", "12,345", "new"}, {"gr\xc3\xbc\xc3\x9f", NULL, ""}};
    static const char *const wide[][3] = {
        {"name", "rows", "why"},
        {"clean.orders", "7", "a cause that is far too long for the line"}};
    static const struct {
        const char *const (*rows)[3];
        size_t count, width;
        const char *expected;
    } cases[] = {
        {head, 1, 0, "name  rows  why\n"},
        {rows, 3, 0,
         "name    rows  why\n"
         "a     12,345  new\n"
         "gr\xc3\xbc\xc3\x9f          \n"},
        {wide, 2, 0,
         "name          rows  why\n"
         "clean.orders     7  a cause that is far too long for the line\n"},
        {wide, 2, 40,
         "name          rows  why\n"
         "clean.orders     7  a cause that is far\xe2\x80\xa6\n"},
        {wide, 2, 24,
         "name      rows  why\n"
         "clean.o\xe2\x80\xa6     7  a cause\xe2\x80\xa6\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        sl_arena_init(&arena, 0);
        assert_string_equal(grid_text(cases[i].rows, cases[i].count, cases[i].width, &arena, &text),
                            cases[i].expected);
    }
}

static void tables_show_no_secret(void **state)
{
    static const char *const rows[][3] = {{"name", "rows", "why"},
                                          {"owner", "1", "a word to be hidden, twice"}};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    (void)state;
    sl_arena_init(&arena, 0);
    sl_log_hide("to be hidden");
    assert_null(strstr(grid_text(rows, 2, 0, &arena, &text), "hidden"));
    assert_non_null(strstr(text.text, "a word ***, twice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_shown_on_one_line_and_without_control_characters),
        cmocka_unit_test(width_is_counted_in_characters),
        cmocka_unit_test(counts_have_their_thousands_and_their_plural),
        cmocka_unit_test(tables_align_their_columns_and_are_cut_where_they_are_widest),
        cmocka_unit_test(tables_show_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
