// Rows of a test -> a relation of texts, which the engine reads from a file.
#include "base/clock.h"
#include "base/fs.h"
#include "run/test_lake.h"
#include "step/schema.h"

#include <ctype.h>
#include <string.h>

#define MAX_TEXT_BYTES ((size_t)64 << 20)

const struct sl_yaml *sl_test_value(const struct sl_yaml *row, const char *column)
{
    for (size_t i = 0; i < row->count; i++)
        if (sl_str_equal_nocase(row->keys[i]->text, column))
            return row->items[i];
    return NULL;
}

int sl_test_columns(const struct sl_yaml *rows, struct sl_arena *arena, struct sl_strs *ret,
                    struct sl_err *err)
{
    for (size_t i = 0; i < rows->count; i++)
        for (size_t k = 0; k < rows->items[i]->count; k++) {
            const char *name = rows->items[i]->keys[k]->text;
            bool is_known = false;
            for (size_t c = 0; c < ret->count && !is_known; c++)
                is_known = sl_str_equal_nocase(ret->items[c], name);
            if (!is_known)
                SL_TRY(sl_strs_add(ret, arena, name, err));
        }
    return SL_OK;
}

// Whether a text is a number as JSON writes it.
static bool is_json_number(const char *text)
{
    const char *at = text + (*text == '-');
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || (digits > 1 && *at == '0'))
        return false;
    at += digits;
    if (*at == '.') {
        digits = strspn(++at, "0123456789");
        at += digits;
        if (digits == 0)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        at += 1 + (at[1] == '-' || at[1] == '+');
        digits = strspn(at, "0123456789");
        at += digits;
        if (digits == 0)
            return false;
    }
    return *at == '\0';
}

static void add_scalar(const struct sl_yaml *node, struct sl_buf *json)
{
    bool is_word = sl_str_equal(node->text, "true") || sl_str_equal(node->text, "false");
    if (!node->is_quoted && (is_word || is_json_number(node->text)))
        sl_buf_add(json, node->text);
    else
        sl_buf_add_json_string(json, node->text);
}

void sl_test_add_json(const struct sl_yaml *node, struct sl_buf *json)
{
    bool is_map = node->kind == SL_YAML_MAP;
    switch (node->kind) {
    case SL_YAML_NULL:
        sl_buf_add(json, "null");
        return;
    case SL_YAML_SCALAR:
        add_scalar(node, json);
        return;
    case SL_YAML_LIST:
    case SL_YAML_MAP:
        break;
    }
    sl_buf_add_char(json, is_map ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        if (i)
            sl_buf_add_char(json, ',');
        if (is_map) {
            sl_buf_add_json_string(json, node->keys[i]->text);
            sl_buf_add_char(json, ':');
        }
        sl_test_add_json(node->items[i], json);
    }
    sl_buf_add_char(json, is_map ? '}' : ']');
}

// A value as the text that the engine casts: lists and maps as JSON.
static int add_text(const struct sl_yaml *node, struct sl_buf *json, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf nested = SL_BUF_INIT;
    if (!node || node->kind == SL_YAML_NULL) {
        sl_buf_add(json, "null");
    } else if (node->kind == SL_YAML_SCALAR) {
        sl_buf_add_json_string(json, node->text);
    } else {
        sl_test_add_json(node, &nested);
        SL_TRY(sl_buf_check(&nested, err));
        sl_buf_add_json_string(json, nested.text);
    }
    return SL_OK;
}

static int scratch_path(struct sl_test_lake *lake, const char *ending, const char **ret,
                        struct sl_err *err)
{
    char uuid[37];
    *ret = sl_arena_printf(lake->arena, "%s/%s%s", lake->folder, sl_uuid(uuid), ending);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int write_lines(struct sl_test_lake *lake, const struct sl_yaml *rows,
                       const struct sl_strs *columns, const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf json = SL_BUF_INIT;
    for (size_t i = 0; i < rows->count; i++) {
        sl_buf_addf(&json, "{\"~ord\":%zu", i + 1);
        for (size_t k = 0; k < columns->count; k++) {
            sl_buf_add_char(&json, ',');
            sl_buf_add_json_string(&json, columns->items[k]);
            sl_buf_add_char(&json, ':');
            SL_TRY(add_text(sl_test_value(rows->items[i], columns->items[k]), &json, err));
        }
        sl_buf_add(&json, "}\n");
    }
    SL_TRY(sl_buf_check(&json, err));
    SL_TRY(scratch_path(lake, ".jsonl", ret, err));
    return sl_fs_write(*ret, json.text, json.length, err);
}

static int keep_sql(struct sl_test_lake *lake, const struct sl_buf *sql,
                    struct sl_test_relation *ret, struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    ret->sql = sl_arena_strdup(lake->arena, sql->text);
    SL_TRY_NEW(ret->sql, err);
    return SL_OK;
}

static int inline_relation(struct sl_test_lake *lake, const struct sl_test_table *table,
                           struct sl_test_relation *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_strs columns = {0};
    const char *path;
    SL_TRY(sl_test_columns(table->rows, lake->arena, &columns, err));
    ret->columns = columns.items;
    ret->count = columns.count;
    ret->row_count = (int64_t)table->rows->count;
    if (columns.count == 0)
        return SL_OK;
    SL_TRY(write_lines(lake, table->rows, &columns, &path, err));
    sl_buf_add(&sql, "read_json(");
    sl_buf_add_sql_string(&sql, path);
    sl_buf_addf(&sql, ", format = 'newline_delimited', maximum_object_size = %zu, columns = {",
                MAX_TEXT_BYTES);
    sl_buf_add(&sql, "'~ord': 'BIGINT'");
    for (size_t i = 0; i < columns.count; i++) {
        sl_buf_add(&sql, ", ");
        sl_buf_add_sql_string(&sql, columns.items[i]);
        sl_buf_add(&sql, ": 'VARCHAR'");
    }
    sl_buf_add(&sql, "})");
    return keep_sql(lake, &sql, ret, err);
}

static int csv_relation(struct sl_test_lake *lake, struct sl_session *session, const char *path,
                        struct sl_test_relation *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_column *columns;
    size_t count;
    sl_buf_add(&sql, "(select row_number() over () as \"~ord\", * from read_csv(");
    sl_buf_add_sql_string(&sql, path);
    sl_buf_add(&sql, ", delim = ',', quote = '\"', escape = '\"', header = true, all_varchar = true"
                     ", allow_quoted_nulls = false, parallel = false, auto_detect = false"
                     ", skip = 0, columns = ");
    // Names alone are asked of the header, so that nothing is guessed.
    SL_AUTO(sl_buf_clear) struct sl_buf head = SL_BUF_INIT;
    sl_buf_add(&head, "from read_csv(");
    sl_buf_add_sql_string(&head, path);
    sl_buf_add(&head, ", delim = ',', quote = '\"', escape = '\"', header = true"
                      ", all_varchar = true, sample_size = 1)");
    SL_TRY(sl_buf_check(&head, err));
    SL_TRY(session->kind->describe(session, head.text, lake->arena, &columns, &count, err));
    ret->columns = SL_NEW_ARRAY(lake->arena, const char *, count);
    SL_TRY_NEW(ret->columns, err);
    for (size_t i = 0; i < count; i++) {
        ret->columns[ret->count++] = columns[i].name;
        sl_buf_add(&sql, i ? ", " : "{");
        sl_buf_add_sql_string(&sql, columns[i].name);
        sl_buf_add(&sql, ": 'VARCHAR'");
    }
    sl_buf_add(&sql, "}))");
    ret->row_count = -1;
    return keep_sql(lake, &sql, ret, err);
}

int sl_test_relation(struct sl_test_lake *lake, struct sl_session *session,
                     const struct sl_test_table *table, struct sl_test_relation *ret,
                     struct sl_err *err)
{
    const char *path;
    *ret = (struct sl_test_relation){0};
    if (table->rows)
        return inline_relation(lake, table, ret, err);
    if (table->file) {
        path = sl_path_join(lake->arena, lake->project_folder, table->file);
        SL_TRY_NEW(path, err);
    } else {
        SL_TRY(scratch_path(lake, ".csv", &path, err));
        SL_TRY(sl_fs_write(path, table->text, strlen(table->text), err));
    }
    return csv_relation(lake, session, path, ret, err);
}

struct sl_place sl_test_row_place(const struct sl_test_table *table, int64_t ord,
                                  const char *column)
{
    if (ord < 1)
        return table->place;
    if (!table->rows)
        return (struct sl_place){table->file ? table->file : table->place.file,
                                 (table->file ? 1 : table->text_line) + (int)ord, 1};
    if ((size_t)ord > table->rows->count)
        return table->place;
    const struct sl_yaml *row = table->rows->items[ord - 1];
    const struct sl_yaml *value = column ? sl_test_value(row, column) : NULL;
    return value ? value->place : row->place;
}

bool sl_test_is_nested(const char *type)
{
    return sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT") || sl_str_starts(type, "MAP");
}

void sl_test_cast(const char *text_sql, const char *type, struct sl_buf *sql)
{
    if (sl_test_is_nested(type))
        sl_buf_addf(sql, "try_cast(try_cast(%s as JSON) as %s)", text_sql, type);
    else
        sl_buf_addf(sql, "try_cast(%s as %s)", text_sql, type);
}

void sl_test_is_inexact(const char *text_sql, const char *value_sql, const char *type,
                        struct sl_buf *sql)
{
    int precision = 0, scale = 0;
    bool is_decimal = sscanf(type, "DECIMAL(%d,%d)", &precision, &scale) == 2;
    sl_buf_addf(sql, "(%s is not null and (%s is null", text_sql, value_sql);
    if (is_decimal || sl_str_ends(type, "INT") || sl_str_ends(type, "INTEGER"))
        sl_buf_addf(sql,
                    " or length(rtrim(regexp_extract(%s, '\\.([0-9]+)', 1), '0')) > %d or "
                    "contains(lower(%s), 'e')",
                    text_sql, scale, text_sql);
    sl_buf_add(sql, "))");
}
