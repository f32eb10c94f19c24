#include "step/cast.h"

#include <stdio.h>
#include <string.h>

static const struct integer {
    const char *name;
    int bits; // without the sign's
    bool is_signed;
    int digits;
} integers[] = {
    {"TINYINT", 7, true, 3},      {"SMALLINT", 15, true, 5},   {"INTEGER", 31, true, 10},
    {"BIGINT", 63, true, 19},     {"HUGEINT", 127, true, 39},  {"UTINYINT", 8, false, 3},
    {"USMALLINT", 16, false, 5},  {"UINTEGER", 32, false, 10}, {"UBIGINT", 64, false, 20},
    {"UHUGEINT", 128, false, 39},
};

static const struct integer *find_integer(const char *type)
{
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        if (sl_str_equal(integers[i].name, type))
            return &integers[i];
    return NULL;
}

static bool read_decimal(const char *type, int *ret_digits, int *ret_scale)
{
    int width;

    if (sscanf(type, "DECIMAL(%d,%d)", &width, ret_scale) != 2)
        return false;
    *ret_digits = width - *ret_scale;
    return true;
}

static bool integer_widens(const struct integer *from, const char *to)
{
    const struct integer *other = find_integer(to);
    int digits;
    int scale;

    if (other)
        return other->bits >= from->bits && (other->is_signed || !from->is_signed);
    if (sl_str_equal(to, "DOUBLE"))
        return from->bits <= 53;
    if (sl_str_equal(to, "FLOAT"))
        return from->bits <= 24;
    return read_decimal(to, &digits, &scale) && digits >= from->digits;
}

static bool is_any(const char *type, const char *const *types)
{
    for (; *types; types++)
        if (sl_str_equal(*types, type))
            return true;
    return false;
}

bool sl_type_widens(const char *from, const char *to)
{
    static const char *const into_timestamp[] = {"DATE", "TIMESTAMP_S", "TIMESTAMP_MS", NULL};
    const struct integer *integer = find_integer(from);
    int digits;
    int scale;
    int to_digits;
    int to_scale;

    if (sl_str_equal(from, to) || sl_str_equal(from, "\"NULL\"") || sl_str_equal(to, "VARCHAR"))
        return true;
    if (integer)
        return integer_widens(integer, to);
    if (read_decimal(from, &digits, &scale) && read_decimal(to, &to_digits, &to_scale))
        return to_digits >= digits && to_scale >= scale;
    if (sl_str_equal(to, "TIMESTAMP"))
        return is_any(from, into_timestamp);
    return sl_str_equal(from, "FLOAT") && sl_str_equal(to, "DOUBLE");
}

static void add_cast(const char *function, const char *name, const char *to, struct sl_buf *sql)
{
    sl_buf_addf(sql, "%s(", function);
    sl_buf_add_sql_name(sql, name);
    sl_buf_addf(sql, " as %s)", to);
}

void sl_cast_exactly(const struct sl_column *column, const char *to, const char *what,
                     const char *advice, struct sl_buf *sql)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    if (sl_type_widens(column->type, to)) {
        add_cast("cast", column->name, to, sql);
        return;
    }
    sl_buf_add(sql, "case when try_cast(");
    add_cast("try_cast", column->name, to, sql);
    sl_buf_addf(sql, " as %s) is not distinct from ", column->type);
    sl_buf_add_sql_name(sql, column->name);
    sl_buf_add(sql, " then ");
    add_cast("try_cast", column->name, to, sql);
    sl_buf_addf(&text, "%s, which cannot hold ", what);
    sl_buf_add(sql, " else error(");
    sl_buf_add_sql_string(sql, text.text);
    sl_buf_add(sql, " || left(cast(");
    sl_buf_add_sql_name(sql, column->name);
    sl_buf_add(sql, " as varchar), 60) || ");
    sl_buf_reset(&text);
    sl_buf_addf(&text, " exactly%s", advice);
    sl_buf_add_sql_string(sql, text.text);
    sl_buf_add(sql, ") end");
    sql->has_failed |= text.has_failed;
}
