#include "api/target.h"

#include <string.h>

bool sl_type_is_nested(const char *type)
{
    return sl_str_ends(type, "]") || sl_str_starts(type, "STRUCT(") ||
           sl_str_starts(type, "MAP(") || sl_str_starts(type, "UNION(");
}

bool sl_type_is_number(const char *type)
{
    static const char *const names[] = {"DOUBLE",    "FLOAT",    "TINYINT", "SMALLINT",
                                        "INTEGER",   "BIGINT",   "HUGEINT", "UTINYINT",
                                        "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_equal(type, names[i]))
            return true;
    return sl_str_starts(type, "DECIMAL(") && !sl_type_is_nested(type);
}

bool sl_type_has_floats(const char *type)
{
    return strstr(type, "FLOAT") || strstr(type, "DOUBLE");
}

static void add_json_text(const struct sl_column *column, struct sl_buf *sql)
{
    sl_buf_add(sql, "to_json(");
    sl_buf_add_sql_name(sql, column->name);
    sl_buf_add(sql, ")::varchar");
}

void sl_target_add_json(const struct sl_column *column, struct sl_buf *sql)
{
    sl_buf_add(sql, "case when ");
    sl_buf_add_sql_name(sql, column->name);
    sl_buf_add(sql, " is null then null ");
    if (sl_type_has_floats(column->type)) {
        // Cut into texts and what is between them, so that no text is touched.
        sl_buf_add(sql, "when regexp_matches(");
        add_json_text(column, sql);
        sl_buf_add(sql, ", 'NaN|Infinity') then array_to_string(list_transform("
                        "regexp_extract_all(");
        add_json_text(column, sql);
        sl_buf_add(sql, ", '\"(?:[^\"\\\\]|\\\\.)*\"|[^\"]+'), lambda _t: case when _t[1] = '\"' "
                        "then _t else regexp_replace(_t, '-?(?:NaN|Infinity)', '\"\\0\"', 'g') "
                        "end), '')::json ");
    }
    sl_buf_add(sql, "else to_json(");
    sl_buf_add_sql_name(sql, column->name);
    sl_buf_add(sql, ") end");
}

void sl_target_add_columns(const struct sl_column *columns, size_t count, struct sl_buf *sql)
{
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, columns[i].name);
    }
}

void sl_target_add_names(const char *const *names, size_t count, struct sl_buf *sql)
{
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, names[i]);
    }
}

int sl_target_check_begin(const struct sl_load *load, const struct sl_target_position *now,
                          struct sl_err *err)
{
    if (load->mode == SL_LOAD_REPLACE)
        return SL_OK;
    if (now->version == load->from_version && sl_str_equal(now->fingerprint, load->fingerprint) &&
        sl_str_equal(now->table_id, load->from_table_id))
        return SL_OK;
    return sl_fail(err, SL_E_TABLE_CONFLICT, "another delivery came first: '%s' is at version %lld",
                   load->to, (long long)now->version);
}
