// Foreign keys of an SQL file, as they are written: the engine takes none to a table that it does
// not have yet, and none that is added later.
#include "contract/exchange/ddl_words.h"

#include <string.h>

// "(a, "b c")": *at is behind it. False: it is no list of names.
static int read_list(const char *sql, size_t *at, struct sl_arena *arena, struct sl_strs *ret,
                     bool *is_list, struct sl_err *err)
{
    *is_list = sql[*at] == '(';
    while (*is_list && sql[*at] != ')') {
        size_t end;
        *at = sl_ddl_skip_blanks(sql, *at + 1);
        char *name = sl_ddl_read_name(sql, *at, &end, arena);
        *at = sl_ddl_skip_blanks(sql, end);
        *is_list = name && (sql[*at] == ',' || sql[*at] == ')');
        if (*is_list)
            SL_TRY(sl_strs_add(ret, arena, name, err));
    }
    *at = *is_list ? sl_ddl_skip_blanks(sql, *at + 1) : *at;
    return SL_OK;
}

static bool skip_word(const char *sql, size_t *at, const char *word)
{
    if (!sl_ddl_is_word(sql, *at, word))
        return false;
    *at = sl_ddl_skip_blanks(sql, *at + strlen(word));
    return true;
}

// "references t [(c, d)]". Without a list of columns: the other table's key.
static int read_other(const char *sql, size_t at, struct sl_arena *arena,
                      struct sl_ddl_foreign_key *ret, struct sl_err *err)
{
    char *schema;
    bool is_list;
    if (!skip_word(sql, &at, "references"))
        return SL_OK;
    const char *other = sl_ddl_read_path(sql, at, &at, &schema, arena);
    if (sql[at] == '(')
        SL_TRY(read_list(sql, &at, arena, &ret->others, &is_list, err));
    if (!ret->others.count || ret->others.count == ret->columns.count)
        ret->other = other;
    return SL_OK;
}

int sl_ddl_foreign_key(const struct sl_ddl_statement *statement, struct sl_arena *arena,
                       struct sl_ddl_foreign_key *ret, struct sl_err *err)
{
    const char *sql = statement->sql;
    size_t at = 0;
    char *schema;
    bool is_list;
    *ret = (struct sl_ddl_foreign_key){0};
    if (!skip_word(sql, &at, "alter") || !skip_word(sql, &at, "table"))
        return SL_OK;
    (void)skip_word(sql, &at, "only");
    const char *table = sl_ddl_read_path(sql, at, &at, &schema, arena);
    if (!table || !skip_word(sql, &at, "add"))
        return SL_OK;
    if (skip_word(sql, &at, "constraint"))
        (void)sl_ddl_read_path(sql, at, &at, &schema, arena);
    if (!skip_word(sql, &at, "foreign") || !skip_word(sql, &at, "key"))
        return SL_OK;
    SL_TRY(read_list(sql, &at, arena, &ret->columns, &is_list, err));
    if (!is_list)
        return SL_OK;
    SL_TRY(read_other(sql, at, arena, ret, err));
    if (ret->other)
        ret->table = table;
    return SL_OK;
}

// Where "references" stands in the part that ends at `end`, outside of brackets and quotes.
static size_t find_references(const char *sql, size_t at, size_t end)
{
    while (at < end && !sl_ddl_is_word(sql, at, "references")) {
        size_t next = sl_ddl_skip_special(sql, at);
        if (next == at && sql[at] == '(')
            next = sl_ddl_part_end(sql, at + 1, ")") + 1;
        if (next == at)
            next = at + (sl_ddl_word_length(sql + at) ? sl_ddl_word_length(sql + at) : 1);
        at = next;
    }
    return at < end ? at : end;
}

// A column with a reference, or a foreign key of the table; ret->other is NULL if it is neither.
static int read_part(const struct sl_ddl_statement *statement, size_t at, size_t end,
                     struct sl_arena *arena, struct sl_ddl_foreign_key *ret, struct sl_err *err)
{
    const char *sql = statement->sql;
    size_t name_end;
    bool is_list;
    *ret = (struct sl_ddl_foreign_key){.line = statement->line + sl_ddl_line_at(sql, at) - 1};
    if (skip_word(sql, &at, "constraint")) {
        if (!sl_ddl_read_name(sql, at, &name_end, arena))
            return SL_OK;
        at = sl_ddl_skip_blanks(sql, name_end);
    }
    if (skip_word(sql, &at, "foreign")) {
        if (!skip_word(sql, &at, "key"))
            return SL_OK;
        SL_TRY(read_list(sql, &at, arena, &ret->columns, &is_list, err));
        return is_list ? read_other(sql, at, arena, ret, err) : SL_OK;
    }
    const char *name = sl_ddl_read_name(sql, at, &name_end, arena);
    size_t found = name ? find_references(sql, name_end, end) : end;
    if (found == end)
        return SL_OK;
    SL_TRY(sl_strs_add(&ret->columns, arena, name, err));
    return read_other(sql, found, arena, ret, err);
}

int sl_ddl_foreign_keys(const struct sl_ddl_statement *statement, struct sl_arena *arena,
                        struct sl_ddl_foreign_key **ret, size_t *ret_count, struct sl_err *err)
{
    const char *sql = statement->sql;
    size_t at = sl_ddl_skip_create_table(statement);
    char *schema;
    *ret = NULL;
    *ret_count = 0;
    const char *table = at ? sl_ddl_read_path(sql, at, &at, &schema, arena) : NULL;
    if (!table || sql[at] != '(')
        return SL_OK;
    for (at++; sql[at] && sql[at] != ')';) {
        struct sl_ddl_foreign_key key;
        at = sl_ddl_skip_blanks(sql, at);
        size_t end = sl_ddl_part_end(sql, at, ",)");
        SL_TRY(read_part(statement, at, end, arena, &key, err));
        key.table = table;
        if (key.other && !SL_PUSH(arena, *ret, *ret_count, key))
            return sl_fail_memory(err);
        at = end + (sql[end] == ',');
    }
    return SL_OK;
}
