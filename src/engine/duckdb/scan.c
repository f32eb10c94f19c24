// A set of Parquet files as a SELECT. The declared columns go to read_parquet's `schema`, by name,
// so that each file is mapped, cast and filled up on its own by the reader, no other file need be
// opened to know the columns, and filters and projections reach the row groups.
//
// But a schema makes DuckDB read a single file on one thread, as it does not know how many row
// groups there are. A single file that is large is looked into, and read as it is where it has the
// declared types; columns that it lacks are null.
//
// A partition column is computed from the file's path where the paths have it as `name=value`:
// DuckDB evaluates a filter over the path once for each file, and leaves files out. Else it is
// looked up by the file's number, which filters rows only. Never both in one scan, nor the path and
// the origin: when files are left out, DuckDB numbers those that remain.
#include "engine/duckdb/query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Rows of a row group: smaller files are read by one thread anyhow.
#define ROW_GROUP_ROWS 122880

// How the values of a partition column come about.
struct partition {
    size_t index; // into the values
    const char *name;
    const char *type;
    bool is_constant; // the same in all files
    bool is_in_path;  // in all files
    bool has_null;
    bool has_escapes; // %20
};

static bool is_simple_name(const char *name)
{
    return *name && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_")] == '\0';
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;

    return at ? (int)(at - digits) : -1;
}

// Whether `value` is what the path segment [segment, end) decodes to, as url_decode does it.
static bool is_decoded(const char *segment, const char *end, const char *value)
{
    while (segment < end) {
        char c = *segment;
        int high = c == '%' && segment + 2 < end ? hex_digit(segment[1]) : -1;
        int low = high >= 0 ? hex_digit(segment[2]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            segment += 2;
        }
        if (*value++ != c || c == '\0')
            return false;
        segment++;
    }
    return *value == '\0';
}

// The value's segment, after the one and only "/name=" of a path; NULL if there is none.
static const char *find_segment(const char *path, const char *name, const char **ret_end)
{
    size_t length = strlen(name);
    const char *found = NULL;

    for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
        const char *end = strchr(at + 1, '/');
        if (strncmp(at + 1, name, length) != 0 || at[1 + length] != '=' || !end)
            continue;
        if (found)
            return NULL;
        found = at + 2 + length;
        *ret_end = end;
    }
    return found;
}

static void look_at_file(const struct sl_scan_file *file, struct partition *partition)
{
    const char *value = file->partition[partition->index];
    const char *end = NULL;
    const char *segment = find_segment(file->path, partition->name, &end);
    bool is_null = segment && (size_t)(end - segment) == strlen(SL_DUCKDB_HIVE_NULL) &&
                   strncmp(segment, SL_DUCKDB_HIVE_NULL, strlen(SL_DUCKDB_HIVE_NULL)) == 0;

    if (!segment || is_null != (value == NULL) || (value && !is_decoded(segment, end, value))) {
        partition->is_in_path = false;
        return;
    }
    partition->has_null = partition->has_null || is_null;
    partition->has_escapes =
        partition->has_escapes || memchr(segment, '%', (size_t)(end - segment)) != NULL;
}

static struct partition look_at_files(const struct sl_scan *scan, size_t index)
{
    struct partition partition = {.index = index,
                                  .name = scan->partition_columns[index],
                                  .is_constant = true,
                                  .is_in_path = is_simple_name(scan->partition_columns[index])};

    for (size_t i = 0; i < scan->file_count; i++) {
        partition.is_constant =
            partition.is_constant &&
            sl_str_equal(scan->files[i].partition[index], scan->files[0].partition[index]);
        if (partition.is_in_path)
            look_at_file(&scan->files[i], &partition);
    }
    return partition;
}

static void add_value(struct sl_buf *sql, const char *value)
{
    if (value)
        sl_buf_add_sql_string(sql, value);
    else
        sl_buf_add(sql, "null");
}

static void add_partition(struct sl_buf *sql, const struct sl_scan *scan,
                          const struct partition *partition)
{
    if (partition->is_constant) {
        sl_buf_add(sql, "cast(");
        add_value(sql, scan->files[0].partition[partition->index]);
        sl_buf_addf(sql, " as %s)", partition->type);
        return;
    }
    if (partition->is_in_path) {
        sl_buf_addf(sql, "cast(%s%sregexp_extract(filename, '/%s=([^/]*)/', 1)%s%s as %s)",
                    partition->has_null ? "nullif(" : "",
                    partition->has_escapes ? "url_decode(" : "", partition->name,
                    partition->has_escapes ? ")" : "",
                    partition->has_null ? ", '" SL_DUCKDB_HIVE_NULL "')" : "", partition->type);
        return;
    }
    sl_buf_add(sql, "list_extract(cast([");
    for (size_t i = 0; i < scan->file_count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        add_value(sql, scan->files[i].partition[partition->index]);
    }
    sl_buf_addf(sql, "] as %s[]), cast(file_index as bigint) + 1)", partition->type);
}

// Index into partition_columns, or -1.
static int64_t partition_index(const struct sl_scan *scan, const char *name)
{
    for (size_t i = 0; i < scan->partition_count; i++)
        if (sl_str_equal_nocase(scan->partition_columns[i], name))
            return (int64_t)i;
    return -1;
}

// read_parquet has columns of its own, which a column of that name would hide: those get another
// name below the SELECT.
static void add_inner_name(struct sl_buf *name, const struct sl_scan *scan, size_t index)
{
    static const char *const taken[] = {"file_index", "file_row_number", "filename"};
    const char *wanted = scan->columns[index].name;
    bool is_taken = strncmp(wanted, "_sl_", 4) == 0 || strncmp(wanted, "_SL_", 4) == 0;

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        is_taken = is_taken || sl_str_equal_nocase(wanted, taken[i]);
    if (is_taken)
        sl_buf_addf(name, "_sl_%zu", index);
    else
        sl_buf_add(name, wanted);
}

static bool has_varying(const struct partition *partitions, size_t count, bool is_in_path)
{
    for (size_t i = 0; i < count; i++)
        if (!partitions[i].is_constant && partitions[i].is_in_path == is_in_path)
            return true;
    return false;
}

// What a single file has; no columns: the declared ones go to the reader's schema.
struct own_columns {
    const struct sl_column *columns;
    size_t count;
};

static const struct sl_column *find_own(const struct own_columns *own, const char *name)
{
    for (size_t i = 0; i < own->count; i++)
        if (sl_str_equal_nocase(own->columns[i].name, name))
            return &own->columns[i];
    return NULL;
}

static int add_columns(const struct sl_scan *scan, const struct own_columns *own,
                       struct partition *partitions, bool *ret_needs_path, struct sl_buf *sql,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf inner = SL_BUF_INIT;
    bool needs_number = scan->with_origin || has_varying(partitions, scan->partition_count, false);

    *ret_needs_path = !needs_number && has_varying(partitions, scan->partition_count, true);
    for (size_t i = 0; i < scan->column_count; i++) {
        int64_t index = partition_index(scan, scan->columns[i].name);
        sl_buf_add(sql, i ? ", " : "");
        if (index >= 0) {
            partitions[index].type = scan->columns[i].type;
            partitions[index].is_in_path = *ret_needs_path;
            add_partition(sql, scan, &partitions[index]);
        } else if (own->count > 0 && !find_own(own, scan->columns[i].name)) {
            sl_buf_addf(sql, "cast(null as %s)", scan->columns[i].type);
        } else {
            sl_buf_reset(&inner);
            add_inner_name(&inner, scan, i);
            SL_TRY(sl_buf_check(&inner, err));
            sl_buf_add_sql_name(sql, inner.text);
        }
        sl_buf_add(sql, " as ");
        sl_buf_add_sql_name(sql, scan->columns[i].name);
    }
    if (scan->with_origin)
        sl_buf_addf(sql, "%scast(file_index as bigint) as \"~file\", file_row_number as \"~row\"",
                    scan->column_count ? ", " : "");
    return SL_OK;
}

// A pattern that matches the path alone: read_parquet takes paths for globs.
static int add_path(const char *path, struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf pattern = SL_BUF_INIT;

    if (!strpbrk(path, "*?[")) {
        sl_buf_add_sql_string(sql, path);
        return SL_OK;
    }
    for (; *path; path++)
        sl_buf_addf(&pattern, strchr("*?[", *path) ? "[%c]" : "%c", *path);
    SL_TRY(sl_buf_check(&pattern, err));
    sl_buf_add_sql_string(sql, pattern.text);
    return SL_OK;
}

static int add_files(const struct sl_scan *scan, struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add(sql, " from read_parquet([");
    for (size_t i = 0; i < scan->file_count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        SL_TRY(add_path(scan->files[i].path, sql, err));
    }
    sl_buf_add(sql, "], hive_partitioning = false");
    return SL_OK;
}

static int add_schema(const struct sl_scan *scan, struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf inner = SL_BUF_INIT;
    const char *separator = ", schema = map {";

    for (size_t i = 0; i < scan->column_count; i++) {
        if (partition_index(scan, scan->columns[i].name) >= 0)
            continue;
        sl_buf_reset(&inner);
        add_inner_name(&inner, scan, i);
        SL_TRY(sl_buf_check(&inner, err));
        sl_buf_add(sql, separator);
        sl_buf_add_sql_string(sql, scan->columns[i].name);
        sl_buf_add(sql, ": {'name': ");
        sl_buf_add_sql_string(sql, inner.text);
        sl_buf_add(sql, ", 'type': ");
        sl_buf_add_sql_string(sql, scan->columns[i].type);
        sl_buf_add(sql, ", 'default_value': null}");
        separator = ", ";
    }
    if (separator[2] == '\0')
        sl_buf_add(sql, "}");
    return SL_OK;
}

static void add_empty(const struct sl_scan *scan, struct sl_buf *sql)
{
    sl_buf_add(sql, "(select ");
    for (size_t i = 0; i < scan->column_count; i++) {
        sl_buf_addf(sql, "%scast(null as %s) as ", i ? ", " : "", scan->columns[i].type);
        sl_buf_add_sql_name(sql, scan->columns[i].name);
    }
    if (scan->with_origin)
        sl_buf_addf(sql, "%scast(null as bigint) as \"~file\", cast(null as bigint) as \"~row\"",
                    scan->column_count ? ", " : "");
    sl_buf_add(sql, " where false)");
}

static bool has_plain_names(const struct sl_scan *scan)
{
    for (size_t i = 0; i < scan->column_count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf inner = SL_BUF_INIT;
        add_inner_name(&inner, scan, i);
        if (!sl_str_equal(inner.text, scan->columns[i].name))
            return false;
    }
    return true;
}

// Leaves *ret empty where the reader's schema is needed, or does no harm.
static int look_into_file(struct sl_session *session, const struct sl_scan *scan,
                          struct sl_arena *arena, struct own_columns *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct own_columns own;
    struct sl_column *columns;

    if (scan->file_count != 1 || scan->row_count <= ROW_GROUP_ROWS || !has_plain_names(scan))
        return SL_OK;
    sl_buf_add(&sql, "select *");
    SL_TRY(add_files(scan, &sql, err));
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_duckdb_describe(session, sql.text, arena, &columns, &own.count, err));
    own.columns = columns;
    if (find_own(&own, "file_index") || find_own(&own, "file_row_number"))
        return SL_OK; // would hide the reader's own
    for (size_t i = 0; i < scan->column_count; i++) {
        const struct sl_column *found = find_own(&own, scan->columns[i].name);
        if (found && !sl_str_equal(found->type, scan->columns[i].type))
            return SL_OK;
    }
    *ret = own;
    return SL_OK;
}

int sl_duckdb_scan_sql(struct sl_session *session, const struct sl_scan *scan, struct sl_buf *sql,
                       struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct partition *partitions;
    struct own_columns own = {0};
    bool needs_path;
    int code;

    if (scan->column_count == 0 && !scan->with_origin)
        return sl_fail(err, SL_E_INTERNAL, "a scan without columns");
    for (size_t i = 0; scan->with_origin && i < scan->column_count; i++)
        if (sl_is_origin_name(scan->columns[i].name))
            return sl_fail(err, SL_E_TABLE_SCHEMA, "the column name '%s' is reserved",
                           scan->columns[i].name);
    if (scan->file_count == 0) {
        add_empty(scan, sql);
        return sl_buf_check(sql, err);
    }
    SL_TRY(look_into_file(session, scan, &arena, &own, err));
    partitions = calloc(scan->partition_count + 1, sizeof *partitions);
    SL_TRY_NEW(partitions, err);
    for (size_t i = 0; i < scan->partition_count; i++)
        partitions[i] = look_at_files(scan, i);
    sl_buf_add(sql, "(select ");
    code = add_columns(scan, &own, partitions, &needs_path, sql, err);
    free(partitions);
    SL_TRY(code);
    SL_TRY(add_files(scan, sql, err));
    // Files are left out by filters only if it is a real column, and has just this name.
    sl_buf_add(sql, needs_path ? ", filename = true" : "");
    if (own.count == 0)
        SL_TRY(add_schema(scan, sql, err));
    // With a schema given, the reader looks into no file beforehand and would guess that there are
    // no rows.
    if (scan->row_count > 0)
        sl_buf_addf(sql, ", explicit_cardinality = %" PRId64, scan->row_count);
    sl_buf_add(sql, "))");
    return sl_buf_check(sql, err);
}
