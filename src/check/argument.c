#include "check/argument.h"

#include <string.h>

static int add_text(const struct sl_check_input *input, const struct sl_yaml *node,
                    const char *what, struct sl_strs *list, struct sl_err *err)
{
    if (node->kind == SL_YAML_SCALAR && (node->text[0] || node->is_quoted))
        return sl_strs_add(list, input->arena, node->text, err);
    sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
            "expected a %s, found %s", what, sl_yaml_describe(node));
    return SL_OK;
}

int sl_check_list(const struct sl_check_input *input, const struct sl_yaml *node, const char *what,
                  struct sl_strs *ret, struct sl_err *err)
{
    size_t errors = input->diags->error_count;
    struct sl_strs list = {0};
    if (!node || node->kind == SL_YAML_NULL || node->kind == SL_YAML_MAP ||
        (node->kind == SL_YAML_LIST && !node->count))
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE,
                node ? node->place : input->arguments->place, NULL,
                "expected a %s or a list of %ss, found %s", what, what,
                node ? sl_yaml_describe(node) : "nothing");
    else if (node->kind == SL_YAML_SCALAR)
        SL_TRY(add_text(input, node, what, &list, err));
    else
        for (size_t i = 0; i < node->count; i++)
            SL_TRY(add_text(input, node->items[i], what, &list, err));
    if (input->diags->error_count == errors)
        *ret = list;
    return SL_OK;
}

const char *sl_check_text(const struct sl_check_input *input, const char *key, bool is_required)
{
    const struct sl_yaml *node = sl_yaml_get(input->arguments, key);
    if (node && node->kind == SL_YAML_SCALAR)
        return node->text;
    if (!node && input->column && sl_str_equal(key, "column"))
        return input->column;
    if (node)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, node->place, NULL,
                "expected a value for '%s', found %s", key, sl_yaml_describe(node));
    else if (is_required)
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place, NULL,
                "'%s' is missing", key);
    return NULL;
}

bool sl_check_is_map(const struct sl_check_input *input, const char *const *known)
{
    const struct sl_yaml *map = input->arguments;
    size_t count = 0, errors = input->diags->error_count;
    while (known[count])
        count++;
    if (map->kind != SL_YAML_MAP) {
        sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, map->place, NULL,
                "expected a map, found %s", sl_yaml_describe(map));
        return false;
    }
    for (size_t i = 0; i < map->count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < count; k++)
            is_known |= sl_str_equal(map->keys[i]->text, known[k]);
        if (!is_known)
            sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_UNKNOWN, map->keys[i]->place,
                    sl_did_you_mean(input->arena, map->keys[i]->text, known, count),
                    "unknown key '%s'", map->keys[i]->text);
    }
    return input->diags->error_count == errors;
}

int sl_check_keep(const struct sl_check_input *input, const struct sl_buf *text, const char **ret,
                  struct sl_err *err)
{
    SL_TRY(sl_buf_check(text, err));
    *ret = sl_arena_strdup(input->arena, text->text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

void sl_check_say(const struct sl_strs *names, struct sl_buf *text)
{
    for (size_t i = 0; i < names->count; i++)
        sl_buf_addf(text, "%s'%s'", i ? ", " : "", names->items[i]);
}

int sl_check_read(const struct sl_check_input *input, const struct sl_opt *rows, void *into,
                  bool *ret_is_right, struct sl_err *err)
{
    static const struct sl_yaml empty = {.kind = SL_YAML_MAP, .text = ""};
    size_t errors = input->diags->error_count;
    struct sl_yaml map = empty;
    map.place = input->arguments->place;
    bool is_none = input->arguments->kind == SL_YAML_NULL;
    SL_TRY(sl_opt_read(rows, is_none ? &map : input->arguments, "the check", into, NULL,
                       input->arena, input->diags, err));
    *ret_is_right = input->diags->error_count == errors;
    return SL_OK;
}

static void miss(const struct sl_check_input *input, const char *key)
{
    sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, input->arguments->place, NULL,
            "'%s' is missing", key);
}

bool sl_check_has_column(const struct sl_check_input *input, const char **column)
{
    if (!*column)
        *column = input->column;
    if (sl_str_is_empty(*column))
        miss(input, "column");
    return !sl_str_is_empty(*column);
}

int sl_check_default_columns(const struct sl_check_input *input, struct sl_strs *columns,
                             struct sl_err *err)
{
    if (columns->count || !input->column)
        return SL_OK;
    return sl_strs_add(columns, input->arena, input->column, err);
}

bool sl_check_has_columns(const struct sl_check_input *input, const struct sl_strs *columns)
{
    if (!columns->count)
        miss(input, "columns");
    return columns->count > 0;
}

int sl_check_columns(const struct sl_check_input *input, struct sl_strs *ret, struct sl_err *err)
{
    static const char *const known[] = {"columns", NULL};
    const struct sl_yaml *node = input->arguments;
    if (input->column && node->kind == SL_YAML_NULL)
        return sl_strs_add(ret, input->arena, input->column, err);
    if (sl_yaml_get(node, "columns")) {
        if (!sl_check_is_map(input, known))
            return SL_OK;
        node = sl_yaml_get(node, "columns");
    }
    return sl_check_list(input, node, "column", ret, err);
}

void sl_check_add_names(const struct sl_strs *columns, struct sl_buf *sql)
{
    for (size_t i = 0; i < columns->count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, columns->items[i]);
    }
}

void sl_check_add_strings(const struct sl_strs *values, struct sl_buf *sql)
{
    for (size_t i = 0; i < values->count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_string(sql, values->items[i]);
    }
}

void sl_check_add_row(const struct sl_strs *columns, struct sl_buf *sql)
{
    if (columns->count == 1) {
        sl_buf_add_sql_name(sql, columns->items[0]);
        return;
    }
    sl_buf_add(sql, "case when ");
    for (size_t i = 0; i < columns->count; i++) {
        sl_buf_add(sql, i ? " and " : "");
        sl_buf_add_sql_name(sql, columns->items[i]);
        sl_buf_add(sql, " is not null");
    }
    sl_buf_add(sql, " then (");
    sl_check_add_names(columns, sql);
    sl_buf_add(sql, ") end");
}

bool sl_check_is_table(const struct sl_check_input *input, const char *key, const char *table)
{
    const char *dot = strchr(table, '.');
    if (dot && dot != table && dot[1] && !strchr(dot + 1, '.'))
        return true;
    sl_diag(input->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
            sl_yaml_place(input->arguments, key), NULL,
            "'%s' is not a table name: expected layer.table", table);
    return false;
}
