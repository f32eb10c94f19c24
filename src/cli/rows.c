// Rows of a result as text, CSV and JSON.
#include "cli/lake.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *type_of(const struct sl_rows *rows, size_t column)
{
    return rows->columns ? rows->columns[column].type : sl_result_type(rows->result, column);
}

static int64_t count_of(const struct sl_rows *rows)
{
    int64_t count = sl_result_rows(rows->result);
    return rows->limit > 0 && count > rows->limit ? rows->limit : count;
}

static bool is_integer(const char *type)
{
    return strstr(type, "INT") && !strpbrk(type, "([") && !sl_str_equal(type, "INTERVAL");
}

static bool is_floating(const char *type)
{
    return sl_str_equal(type, "DOUBLE") || sl_str_equal(type, "FLOAT");
}

static bool is_number(const char *type)
{
    bool is_decimal = sl_str_starts(type, "DECIMAL(") && !strchr(type, '[');
    return is_integer(type) || is_floating(type) || is_decimal;
}

int sl_rows_print_text(const struct sl_rows *rows, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    int64_t count = count_of(rows);
    size_t columns = sl_result_columns(rows->result);
    uint64_t right = 0;
    struct sl_grid grid;
    char number[32];
    sl_arena_init(&arena, 0);
    const char **cells = SL_NEW_ARRAY(&arena, const char *, columns);
    SL_TRY_NEW(cells, err);
    for (size_t c = 0; c < columns; c++) {
        cells[c] = sl_result_name(rows->result, c);
        if (c < 64 && is_number(type_of(rows, c)))
            right |= (uint64_t)1 << c;
    }
    sl_grid_init(&grid, &arena, columns, right);
    SL_TRY(sl_grid_row(&grid, cells, err));
    for (int64_t r = 0; r < count; r++) {
        for (size_t c = 0; c < columns; c++)
            cells[c] = sl_result_text(rows->result, r, c);
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    SL_TRY(sl_grid_print(&grid, stdout, err));
    if (count < sl_result_rows(rows->result))
        printf("... only the first %s rows; --limit 0 shows all\n", sl_str_count(count, number));
    return SL_OK;
}

static void print_csv_cell(const char *text)
{
    if (!text)
        return;
    if (*text && !strpbrk(text, ",\"\r\n")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

void sl_rows_print_csv(const struct sl_rows *rows)
{
    size_t columns = sl_result_columns(rows->result);
    int64_t count = count_of(rows);
    for (int64_t r = -1; r < count; r++)
        for (size_t c = 0; c < columns; c++) {
            print_csv_cell(r < 0 ? sl_result_name(rows->result, c)
                                 : sl_result_text(rows->result, r, c));
            putchar(c + 1 < columns ? ',' : '\n');
        }
}

// "1.5", "1e+300", but not "inf" and "nan".
static bool is_json_number(const char *text)
{
    text += *text == '-';
    return isdigit((unsigned char)*text) && !text[strspn(text, "0123456789.eE+-")];
}

static bool is_json(const char *text)
{
    struct sl_err ignored = {0};
    SL_AUTO(sl_json_free) json_t *parsed = NULL;
    return sl_json_parse_data(text, strlen(text), "", &parsed, &ignored) == SL_OK;
}

// The engine's text of a number, a boolean or JSON is JSON already; so nothing is rounded on the
// way.
static void add_cell(const char *text, const char *type, struct sl_buf *json)
{
    bool is_verbatim = false;
    if (!text) {
        sl_buf_add(json, "null");
        return;
    }
    if (sl_str_equal(type, "BOOLEAN"))
        is_verbatim = sl_str_equal(text, "true") || sl_str_equal(text, "false");
    else if (is_integer(type) || is_floating(type))
        is_verbatim = is_json_number(text);
    else if (sl_str_equal(type, "JSON"))
        is_verbatim = is_json(text);
    if (is_verbatim)
        sl_buf_add(json, text);
    else
        sl_buf_add_json_string(json, text);
}

static void add_row(const struct sl_rows *rows, int64_t row, struct sl_buf *json)
{
    size_t columns = sl_result_columns(rows->result);
    sl_buf_add(json, rows->as_objects ? "{" : "[");
    for (size_t c = 0; c < columns; c++) {
        sl_buf_add(json, c ? "," : "");
        if (rows->as_objects) {
            sl_buf_add_json_string(json, sl_result_name(rows->result, c));
            sl_buf_add_char(json, ':');
        }
        // The result's own type tells how the cell is written.
        add_cell(sl_result_text(rows->result, row, c), sl_result_type(rows->result, c), json);
    }
    sl_buf_add(json, rows->as_objects ? "}" : "]");
}

static void add_columns(const struct sl_rows *rows, struct sl_buf *json)
{
    for (size_t c = 0; c < sl_result_columns(rows->result); c++) {
        sl_buf_add(json, c ? ",{\"name\":" : "{\"name\":");
        sl_buf_add_json_string(json, rows->columns ? rows->columns[c].name
                                                   : sl_result_name(rows->result, c));
        sl_buf_add(json, ",\"type\":");
        sl_buf_add_json_string(json, type_of(rows, c));
        sl_buf_add_char(json, '}');
    }
}

int sl_rows_print_json(const struct sl_rows *rows, const json_t *head, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    int64_t count = count_of(rows);
    char *text = NULL;
    SL_TRY(sl_json_print(head, &text, err));
    sl_buf_add_bytes(&json, text, strlen(text) - 1); // without its '}'
    free(text);
    sl_buf_add(&json, ",\"columns\":[");
    add_columns(rows, &json);
    sl_buf_add(&json, "],\"rows\":[");
    for (int64_t r = 0; r < count; r++) {
        sl_buf_add(&json, r ? "," : "");
        add_row(rows, r, &json);
    }
    sl_buf_addf(&json, "],\"is_cut\":%s}\n",
                count < sl_result_rows(rows->result) ? "true" : "false");
    SL_TRY(sl_buf_check(&json, err));
    sl_print_masked(json.text, stdout);
    return SL_OK;
}
