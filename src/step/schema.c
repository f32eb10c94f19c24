#include "step/schema.h"

#include <string.h>

static const struct storage {
    const char *engine, *stored;
} storages[] = {
    {"HUGEINT", "BIGINT"},
    {"UHUGEINT", "DECIMAL(38,0)"},
    {"UBIGINT", "DECIMAL(20,0)"},
    {"UINTEGER", "BIGINT"},
    {"USMALLINT", "INTEGER"},
    {"UTINYINT", "SMALLINT"},
    {"TIME", "VARCHAR"},
    {"TIME WITH TIME ZONE", "VARCHAR"},
    {"UUID", "VARCHAR"},
    {"INTERVAL", "VARCHAR"},
    {"BIT", "VARCHAR"},
    {"JSON", "VARCHAR"},
    {"TIMESTAMP_S", "TIMESTAMP"},
    {"TIMESTAMP_MS", "TIMESTAMP"},
    {"TIMESTAMP_NS", "TIMESTAMP"},
    {"BIGNUM", "VARCHAR"},
    {"\"NULL\"", "INTEGER"},
    {"TIME_NS", "VARCHAR"},
};

const char *sl_storage_type(const char *type)
{
    for (size_t i = 0; i < sizeof storages / sizeof *storages; i++)
        if (sl_str_equal(storages[i].engine, type))
            return storages[i].stored;
    return sl_str_starts(type, "ENUM(") ? "VARCHAR" : type;
}

void sl_stored_select(const struct sl_column *columns, size_t count, const char *query,
                      struct sl_buf *sql)
{
    sl_buf_add(sql, "select ");
    for (size_t i = 0; i < count; i++) {
        const char *stored = sl_storage_type(columns[i].type);
        if (i)
            sl_buf_add(sql, ", ");
        if (stored != columns[i].type) {
            sl_buf_add(sql, "cast(");
            sl_buf_add_sql_name(sql, columns[i].name);
            sl_buf_addf(sql, " as %s) as ", stored);
        }
        sl_buf_add_sql_name(sql, columns[i].name);
    }
    // The query may end in a comment: the bracket stands on a line of its own.
    sl_buf_addf(sql, " from (%s\n)", query);
}

bool sl_columns_equal(const struct sl_column *a, size_t a_count, const struct sl_column *b,
                      size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!sl_str_equal(a[i].name, b[i].name) || !sl_str_equal(a[i].type, b[i].type))
            return false;
    return true;
}

bool sl_columns_have(const struct sl_column *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal_nocase(columns[i].name, name))
            return true;
    return false;
}
