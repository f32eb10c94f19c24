#include "step/schema.h"

#include "step/cast.h"

#include <string.h>
#include <strings.h>

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

// A member may have that name: then a blank follows.
const char *sl_type_find_unknown(const char *type)
{
    const char *at = strstr(type, SL_UNKNOWN_TYPE);

    while (at && ((at > type && at[-1] == '"') || !strchr(",)[", at[strlen(SL_UNKNOWN_TYPE)])))
        at = strstr(at + 1, SL_UNKNOWN_TYPE);
    return at;
}

const char *sl_type_fill_unknown(const char *type, const char *leaf, struct sl_arena *arena)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *rest = type;

    for (const char *at; (at = sl_type_find_unknown(rest)); rest = at + strlen(SL_UNKNOWN_TYPE))
        sl_buf_addf(&text, "%.*s%s", (int)(at - rest), rest, leaf);
    if (rest == type)
        return type;
    sl_buf_add(&text, rest);
    return text.has_failed ? NULL : sl_arena_strdup(arena, text.text);
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
            SL_AUTO(sl_buf_clear) struct sl_buf what = SL_BUF_INIT;
            sl_buf_addf(&what, "column '%s' is %s and is stored as %s", columns[i].name,
                        columns[i].type, stored);
            sl_cast_exactly(&columns[i], stored, what.text, "", sql);
            sl_buf_add(sql, " as ");
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

static const struct sl_column *find(const struct sl_column *columns, size_t count, const char *name,
                                    size_t length)
{
    for (int no_case = 0; no_case < 2; no_case++)
        for (size_t i = 0; i < count; i++)
            if (strlen(columns[i].name) == length &&
                (no_case ? strncasecmp(columns[i].name, name, length)
                         : strncmp(columns[i].name, name, length)) == 0)
                return &columns[i];
    return NULL;
}

const struct sl_column *sl_column_find(const struct sl_column *columns, size_t count,
                                       const char *name)
{
    return find(columns, count, name, strlen(name));
}

const struct sl_column *sl_column_ordered(const struct sl_column *columns, size_t count,
                                          const char *entry, bool *ret_is_asc)
{
    const struct sl_column *found = sl_column_find(columns, count, entry);
    const char *direction = strrchr(entry, ' ');
    bool is_asc = direction && sl_str_equal_nocase(direction, " asc");
    size_t length = direction ? (size_t)(direction - entry) : 0;

    *ret_is_asc = !found && is_asc;
    if (found || !direction || !(is_asc || sl_str_equal_nocase(direction, " desc")))
        return found;
    while (length > 0 && entry[length - 1] == ' ')
        length--;
    return find(columns, count, entry, length);
}
