#include "connect/file/reader.h"

#include "base/fs.h"

#include <string.h>

// The path as a pattern that matches it alone.
static int add_path(const char *path, struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf pattern = SL_BUF_INIT;

    for (; *path; path++)
        sl_buf_addf(&pattern, strchr("*?[", *path) ? "[%c]" : "%c", *path);
    SL_TRY(sl_buf_check(&pattern, err));
    sl_buf_add_sql_string(sql, pattern.text);
    return SL_OK;
}

// What the engine or the machine says of the file is what is wrong with the file.
static int blame_file(int code, struct sl_err *err)
{
    if (code != SL_E_ENGINE && code != SL_E_FILE_MISSING && code != SL_E_IO &&
        code != SL_E_NO_PERMISSION)
        return code;
    if (err)
        err->code = SL_E_SOURCE_FILE;
    return SL_E_SOURCE_FILE;
}

// A type in the engine's spelling, next to the schema's leaves that it comes from.
struct type_walk {
    const char *at;
    const struct sl_result *schema;
    int64_t row; // of the schema, behind the last leaf that was taken
    bool *is_found;
    struct sl_buf *text;
};

static void take_leaf(struct type_walk *walk, size_t length)
{
    while (walk->row < sl_result_rows(walk->schema) && sl_result_int(walk->schema, walk->row, 0))
        walk->row++;
    if (length == strlen("INTEGER") && strncmp(walk->at, "INTEGER", length) == 0 &&
        walk->row < sl_result_rows(walk->schema) &&
        sl_str_equal(sl_result_text(walk->schema, walk->row, 1), "true")) {
        sl_buf_add(walk->text, SL_UNKNOWN_TYPE);
        *walk->is_found = true;
    } else {
        sl_buf_addf(walk->text, "%.*s", (int)length, walk->at);
    }
    walk->row++;
    walk->at += length;
}

// Goes on by a name or word and what stands in quotes or brackets in it.
static size_t word_length(const char *at, const char *end)
{
    size_t length = 0;
    bool is_quoted = false;

    for (int depth = 0; at[length] && (is_quoted || depth > 0 || !strchr(end, at[length]));
         length++) {
        is_quoted ^= at[length] == '"';
        if (!is_quoted)
            depth += (at[length] == '(') - (at[length] == ')');
    }
    return length;
}

static void copy(struct type_walk *walk, size_t length)
{
    sl_buf_addf(walk->text, "%.*s", (int)length, walk->at);
    walk->at += length;
}

// Leaves in the order in which the schema has them. The type has as many levels as the engine took.
static void walk_type(struct type_walk *walk)
{
    bool is_struct = sl_str_starts(walk->at, "STRUCT(");

    if (is_struct || sl_str_starts(walk->at, "MAP(")) {
        copy(walk, is_struct ? strlen("STRUCT(") : strlen("MAP("));
        while (*walk->at && *walk->at != ')') {
            copy(walk, strspn(walk->at, ", "));
            if (is_struct)
                copy(walk, word_length(walk->at, " ") + 1);
            walk_type(walk); // NOLINT(misc-no-recursion): as deep as the engine's type
        }
        copy(walk, *walk->at == ')');
    } else {
        take_leaf(walk, word_length(walk->at, ",)["));
    }
    while (*walk->at == '[')
        copy(walk, strcspn(walk->at, "]") + 1);
}

static int mark_unknown(struct sl_file_reader *reader, struct sl_column *column,
                        const struct sl_result *schema, int64_t row, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf type = SL_BUF_INIT;
    bool is_found = false;
    struct type_walk walk = {column->type, schema, row, &is_found, &type};

    walk_type(&walk);
    SL_TRY(sl_buf_check(&type, err));
    if (!is_found)
        return SL_OK;
    column->type = sl_arena_strdup(reader->arena, type.text);
    SL_TRY_NEW(column->type, err);
    return SL_OK;
}

// Columns of the file, in the order of the engine's, that hold nothing but nulls by their type (an
// all-null column of Arrow), or members and items that do. The engine calls them INTEGER.
// Source: Parquet format, LogicalTypes, "UNKNOWN (always null)"; the schema is a tree in
// depth-first order.
static int find_unknown(struct sl_file_reader *reader, struct sl_column *columns, size_t count,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    bool may_be = false;

    for (size_t i = 0; i < count; i++)
        may_be |= strstr(columns[i].type, "INTEGER") != NULL;
    if (!may_be)
        return SL_OK;
    sl_buf_add(
        &sql, "select coalesce(num_children, 0), logical_type = 'NullType()' from parquet_schema(");
    SL_TRY(add_path(reader->part->path, &sql, err));
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(
        blame_file(reader->session->kind->query(reader->session, sql.text, 0, &result, err), err));
    int64_t row = 1;
    for (size_t i = 0; i < count && row < sl_result_rows(result); i++) {
        SL_TRY(mark_unknown(reader, &columns[i], result, row, err));
        for (int64_t open = 1; open > 0 && row < sl_result_rows(result); row++)
            open += sl_result_int(result, row, 0) - 1;
    }
    return SL_OK;
}

int sl_parquet_open(struct sl_file_reader *reader, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_session *session = reader->session;
    struct sl_column *columns;
    struct sl_strs names = {0};
    size_t count;

    sl_buf_add(&sql, "select * from read_parquet(");
    SL_TRY(add_path(reader->part->path, &sql, err));
    sl_buf_add(&sql, ", hive_partitioning = false)");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(blame_file(
        session->kind->describe(session, sql.text, reader->arena, &columns, &count, err), err));
    for (size_t i = 0; i < count; i++) {
        SL_TRY(sl_strs_add(&names, reader->arena, columns[i].name, err));
        // The engine's own column, which gives the position, would be hidden.
        if (sl_str_equal_nocase(columns[i].name, "file_row_number"))
            return sl_fail(err, SL_E_SOURCE_COLUMNS, "the column name '%s' is reserved",
                           columns[i].name);
    }
    SL_TRY(sl_split_check_names(&names, err));
    SL_TRY(find_unknown(reader, columns, count, err));
    reader->base.columns = columns;
    reader->base.column_count = count;
    return SL_OK;
}

int sl_parquet_start(struct sl_file_reader *reader, const char **ret_sql, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;

    sl_buf_add(&sql, "select ");
    for (size_t i = 0; i < reader->base.column_count; i++) {
        sl_buf_add_sql_name(&sql, reader->base.columns[i].name);
        sl_buf_add(&sql, ", ");
    }
    sl_buf_add(&sql, "file_row_number + 1 as _position, cast(null as blob) as _corrupt "
                     "from read_parquet(");
    SL_TRY(add_path(reader->part->path, &sql, err));
    sl_buf_add(&sql, ", hive_partitioning = false, file_row_number = true)");
    SL_TRY(sl_buf_check(&sql, err));
    *ret_sql = sl_arena_strdup(reader->arena, sql.text);
    SL_TRY_NEW(*ret_sql, err);
    return SL_OK;
}

// Rows as the file's footer says.
static int count_rows(struct sl_file_reader *reader, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    struct sl_session *session = reader->session;

    sl_buf_add(&sql, "select num_rows from parquet_file_metadata(");
    SL_TRY(add_path(reader->part->path, &sql, err));
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(blame_file(session->kind->query(session, sql.text, 0, &result, err), err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

int sl_parquet_finish(struct sl_file_reader *reader, struct sl_source_end *ret, struct sl_err *err)
{
    struct sl_source_end end = {0};
    uint64_t rows;

    SL_TRY(count_rows(reader, &end.records, err));
    SL_TRY(blame_file(sl_fs_hash(reader->part->path, end.sha256, err), err));
    rows = (uint64_t)end.records;
    end.position_sum = (int64_t)((rows % 2 == 0 ? rows / 2 * (rows + 1) : (rows + 1) / 2 * rows) &
                                 (uint64_t)INT64_MAX);
    if (reader->base.bytes_done)
        atomic_fetch_add(reader->base.bytes_done, reader->part->size_bytes);
    *ret = end;
    return SL_OK;
}
