// COPY ... (RETURN_STATS): a row for each file, of filename, count, file_size_bytes,
// footer_size_bytes, column_statistics (map of quoted name to map of statistic to text) and
// partition_keys (map of name to text).
#include "base/fs.h"
#include "engine/duckdb/query.h"

#include <inttypes.h>
#include <string.h>

struct staging {
    const struct sl_duckdb_library *library;
    const struct sl_stage_options *options;
    const struct sl_column *columns; // of the query
    size_t column_count;
    struct sl_arena *arena;
    struct sl_staged staged;
};

// DuckDB writes these as DOUBLE, inside other types too, and says nothing.
static int check_column(const struct sl_column *column, struct sl_err *err)
{
    if (!strstr(column->type, "HUGEINT"))
        return SL_OK;
    (void)sl_fail(err, SL_E_ENGINE, "column '%s' of type %s would lose digits in Parquet",
                  column->name, column->type);
    return sl_err_hint(err, "cast it to decimal(38, 0) or bigint");
}

static bool has_one_file(const struct sl_stage_options *options)
{
    return options->partition_count == 0 && options->file_size_bytes == 0;
}

static void add_target(const struct sl_stage_options *options, struct sl_buf *path)
{
    size_t length = strlen(options->folder);

    while (length > 1 && options->folder[length - 1] == '/')
        length--;
    sl_buf_add_bytes(path, options->folder, length);
    if (has_one_file(options))
        sl_buf_addf(path, "/%s-0.parquet", options->file_prefix);
}

// What follows the query in brackets.
static int add_options(const struct sl_stage_options *options, struct sl_buf *sql,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    sl_buf_add(sql, "\n) to ");
    add_target(options, &text);
    SL_TRY(sl_buf_check(&text, err));
    sl_buf_add_sql_string(sql, text.text);
    sl_buf_add(sql, " (format parquet, compression zstd, compression_level 1, return_stats");
    if (options->partition_count == 0) // partitions without rows are none
        sl_buf_add(sql, ", write_empty_file false");
    if (has_one_file(options)) {
        // The folder is ours alone: a temporary name would only cost a rename.
        sl_buf_add(sql, ", use_tmp_file false");
    } else {
        sl_buf_reset(&text);
        sl_buf_addf(&text, "%s-{i}", options->file_prefix);
        SL_TRY(sl_buf_check(&text, err));
        sl_buf_add(sql, ", overwrite_or_ignore, filename_pattern ");
        sl_buf_add_sql_string(sql, text.text);
    }
    for (size_t i = 0; i < options->partition_count; i++) {
        sl_buf_add(sql, i ? ", " : ", partition_by (");
        sl_buf_add_sql_name(sql, options->partition_columns[i]);
    }
    if (options->partition_count > 0)
        sl_buf_add(sql, ")");
    else if (options->file_size_bytes > 0)
        sl_buf_addf(sql, ", file_size_bytes %" PRId64, options->file_size_bytes);
    sl_buf_add(sql, ")");
    return sl_buf_check(sql, err);
}

static int copy_text(const struct staging *staging, duckdb_vector vector, idx_t row,
                     const char **ret, struct sl_err *err)
{
    const char *text;
    size_t length;

    *ret = NULL;
    if (!sl_duckdb_text(staging->library, vector, row, &text, &length))
        return SL_OK;
    *ret = sl_arena_strndup(staging->arena, text, length);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

// A text that holds a NUL cannot be handed on: cut there, it would be another value.
static bool has_nul(const struct staging *staging, duckdb_vector vector, idx_t row)
{
    const char *text;
    size_t length;

    return sl_duckdb_text(staging->library, vector, row, &text, &length) &&
           memchr(text, '\0', length) != NULL;
}

// A map's value at a row: where its keys and values stand.
struct map {
    duckdb_vector keys, values;
    uint64_t offset, length;
};

static struct map map_at(const struct sl_duckdb_library *library, duckdb_vector vector, idx_t row)
{
    const duckdb_list_entry *entries = library->vector_get_data(vector);
    duckdb_vector child = library->list_vector_get_child(vector);
    struct map map = {.keys = library->struct_vector_get_child(child, 0),
                      .values = library->struct_vector_get_child(child, 1)};

    if (sl_duckdb_is_valid(library->vector_get_validity(vector), row)) {
        map.offset = entries[row].offset;
        map.length = entries[row].length;
    }
    return map;
}

// Undoes the quotes of `"a ""b"""`, in place. False for a field of a nested column: `"a"."b"`.
static bool unquote(char *name)
{
    char *to = name;
    char *from = name;

    if (*from++ != '"')
        return false;
    for (; *from; from++) {
        if (*from == '"' && from[1] != '"')
            break;
        from += *from == '"';
        *to++ = *from;
    }
    if (*from != '"' || from[1] != '\0')
        return false;
    *to = '\0';
    return true;
}

// Boundaries are DuckDB's text but for two types.
static const char *fix_boundary(const char *text, const char *type)
{
    if (text && sl_str_equal(type, "BOOLEAN"))
        return text[0] == '1' ? "true" : "false";
    return sl_str_equal(type, "BLOB") ? NULL : text;
}

static int read_column_stats(const struct staging *staging, struct map map, const char *type,
                             struct sl_column_stats *stats, struct sl_err *err)
{
    for (uint64_t i = map.offset; i < map.offset + map.length; i++) {
        const char *key;
        const char *value;
        SL_TRY(copy_text(staging, map.keys, i, &key, err));
        SL_TRY(copy_text(staging, map.values, i, &value, err));
        if (has_nul(staging, map.values, i))
            continue; // unknown, rather than a bound that leaves rows out
        if (sl_str_equal(key, "min"))
            stats->min = fix_boundary(value, type);
        else if (sl_str_equal(key, "max"))
            stats->max = fix_boundary(value, type);
        else if (sl_str_equal(key, "has_nan"))
            stats->has_nan = sl_str_equal(value, "true");
        else if (sl_str_equal(key, "null_count") &&
                 (!value || !sl_str_to_int64(value, &stats->null_count)))
            stats->null_count = -1;
    }
    return SL_OK;
}

static int read_stats(const struct staging *staging, duckdb_vector vector, idx_t row,
                      struct sl_staged_file *file, struct sl_err *err)
{
    struct map map = map_at(staging->library, vector, row);
    struct sl_column_stats *stats =
        SL_NEW_ARRAY(staging->arena, struct sl_column_stats, map.length);

    SL_TRY_NEW(stats, err);
    file->stats = stats;
    for (uint64_t i = map.offset; i < map.offset + map.length; i++) {
        const char *quoted;
        SL_TRY(copy_text(staging, map.keys, i, &quoted, err));
        char *name = sl_arena_strdup(staging->arena, quoted ? quoted : "");
        SL_TRY_NEW(name, err);
        if (!unquote(name))
            continue;
        for (size_t c = 0; c < staging->column_count; c++) {
            if (!sl_str_equal(staging->columns[c].name, name))
                continue;
            stats[file->stats_count] = (struct sl_column_stats){.name = name, .null_count = -1};
            SL_TRY(read_column_stats(staging, map_at(staging->library, map.values, i),
                                     staging->columns[c].type, &stats[file->stats_count], err));
            file->stats_count++;
            break;
        }
    }
    return SL_OK;
}

static int read_partition(const struct staging *staging, duckdb_vector vector, idx_t row,
                          struct sl_staged_file *file, struct sl_err *err)
{
    struct map map = map_at(staging->library, vector, row);
    size_t count = staging->options->partition_count;
    const char **values = SL_NEW_ARRAY(staging->arena, const char *, count);

    SL_TRY_NEW(values, err);
    file->partition = values;
    for (uint64_t i = map.offset; i < map.offset + map.length; i++) {
        const char *key;
        SL_TRY(copy_text(staging, map.keys, i, &key, err));
        for (size_t c = 0; c < count; c++)
            if (key && sl_str_equal_nocase(key, staging->options->partition_columns[c])) {
                if (has_nul(staging, map.values, i))
                    return sl_fail(err, SL_E_ENGINE,
                                   "partition column '%s' holds a text with a NUL character",
                                   staging->options->partition_columns[c]);
                SL_TRY(copy_text(staging, map.values, i, &values[c], err));
            }
    }
    // Its folder is that of null, so that one file may have replaced the other.
    for (size_t c = 0; c < count; c++)
        if (sl_str_equal(values[c], SL_DUCKDB_HIVE_NULL))
            return sl_fail(err, SL_E_ENGINE,
                           "partition column '%s' holds the text '" SL_DUCKDB_HIVE_NULL
                           "', which means null in the name of a folder",
                           staging->options->partition_columns[c]);
    return SL_OK;
}

static int read_file(void *self, duckdb_data_chunk chunk, idx_t row, struct sl_err *err)
{
    struct staging *staging = self;
    const struct sl_duckdb_library *library = staging->library;
    struct sl_staged_file file = {0};
    const char *path;
    size_t folder = strlen(staging->options->folder);
    duckdb_vector vectors[6];

    for (idx_t i = 0; i < 6; i++)
        vectors[i] = library->data_chunk_get_vector(chunk, i);
    SL_TRY(copy_text(staging, vectors[0], row, &path, err));
    while (folder > 1 && staging->options->folder[folder - 1] == '/')
        folder--;
    if (!path || strncmp(path, staging->options->folder, folder) != 0 || path[folder] != '/')
        return sl_fail(err, SL_E_INTERNAL, "a file was staged at '%s'", path ? path : "");
    file.path = path + folder + 1;
    file.row_count = (int64_t)((const uint64_t *)library->vector_get_data(vectors[1]))[row];
    file.size_bytes = (int64_t)((const uint64_t *)library->vector_get_data(vectors[2]))[row];
    SL_TRY(read_stats(staging, vectors[4], row, &file, err));
    SL_TRY(read_partition(staging, vectors[5], row, &file, err));
    if (!SL_PUSH(staging->arena, staging->staged.files, staging->staged.file_count, file))
        return sl_fail_memory(err);
    staging->staged.row_count += file.row_count;
    return SL_OK;
}

static int copy(struct sl_duckdb_session *session, const char *sql, struct staging *staging,
                struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf after = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);
    struct sl_duckdb_sql whole;

    SL_TRY(add_options(staging->options, &after, err));
    SL_TRY(sl_duckdb_wrap("copy (", sql, after.text, &text, &whole, err));
    SL_TRY(sl_duckdb_run_whole(session, &whole, &answer, err));
    return sl_duckdb_each_row(&answer, &whole, read_file, staging, err);
}

int sl_duckdb_stage(struct sl_session *base, const char *sql,
                    const struct sl_stage_options *options, struct sl_arena *arena,
                    struct sl_staged *ret, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    struct staging staging = {.library = session->library,
                              .options = options,
                              .columns = options->columns,
                              .column_count = options->column_count,
                              .arena = arena};
    struct sl_column *columns;

    if (!options->columns) {
        SL_TRY(sl_duckdb_describe(base, sql, arena, &columns, &staging.column_count, err));
        staging.columns = columns;
    }
    for (size_t i = 0; i < staging.column_count; i++)
        SL_TRY(check_column(&staging.columns[i], err));
    SL_TRY(sl_fault_point("stage", err));
    SL_TRY(copy(session, sql, &staging, err));
    SL_TRY(sl_fault_point("stage", err));
    *ret = staging.staged;
    return SL_OK;
}
