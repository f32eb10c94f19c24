#include "connect/folder/target.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "connect/folder/leftovers.h"
#include "connect/folder/position.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POSITION_FILE "_sluice.json"
#define POSITION_MAX_BYTES ((size_t)256 << 20) // it names every file
#define HIVE_NULL "__HIVE_DEFAULT_PARTITION__"

struct format {
    const char *extension;
    const char *copy_options;
    bool has_partitions; // the engine can write it into folders `column=value`
    bool has_no_nested;  // a nested value is written as its JSON
    bool has_no_nan;     // NaN and infinities are written as texts
    bool has_row_count;  // in the files, to be compared
};
static const struct format parquet = {"parquet", "format parquet, compression zstd",
                                      .has_partitions = true, .has_row_count = true};
static const struct format csv = {"csv", "format csv, header true", .has_partitions = true,
                                  .has_no_nested = true};
static const struct format jsonl = {"jsonl", "format json", .has_no_nan = true};

struct folder_target {
    const struct format *format;
    const char *path;
    struct sl_session *session;
    struct sl_arena *arena;
};

static bool can(enum sl_load_mode mode)
{
    return mode == SL_LOAD_REPLACE || mode == SL_LOAD_APPEND;
}

static int open_as(const struct format *format, const struct sl_target_options *options,
                   struct sl_session *session, struct sl_arena *arena, void **ret_self,
                   struct sl_err *err)
{
    struct folder_target *target = SL_NEW(arena, struct folder_target);
    SL_TRY_NEW(target, err);
    *target = (struct folder_target){
        .format = format, .path = options->path, .session = session, .arena = arena};
    *ret_self = target;
    return SL_OK;
}

static int open_parquet(const struct sl_target_options *options, struct sl_session *session,
                        struct sl_arena *arena, void **ret_self, struct sl_err *err)
{
    return open_as(&parquet, options, session, arena, ret_self, err);
}

static int open_csv(const struct sl_target_options *options, struct sl_session *session,
                    struct sl_arena *arena, void **ret_self, struct sl_err *err)
{
    return open_as(&csv, options, session, arena, ret_self, err);
}

static int open_jsonl(const struct sl_target_options *options, struct sl_session *session,
                      struct sl_arena *arena, void **ret_self, struct sl_err *err)
{
    return open_as(&jsonl, options, session, arena, ret_self, err);
}

// What is not there as it was written, if anything; a name is that of a file of the delivery. What
// somebody took away or changed is delivered again.
static int check_files(const struct folder_target *target, const char *to, json_t *files,
                       const char **ret_lost, struct sl_err *err)
{
    const char *name;
    json_t *size;
    *ret_lost = NULL;
    json_object_foreach (files, name, size) {
        struct sl_fs_stat stat;
        const char *path = sl_arena_printf(target->arena, "%s/%s/%s", target->path, to, name);
        SL_TRY_NEW(path, err);
        int code = sl_fs_stat(path, &stat, err);
        if (code != SL_OK && code != SL_E_FILE_MISSING)
            return code;
        if (code != SL_OK || stat.size_bytes != json_integer_value(size)) {
            sl_err_clear(err);
            *ret_lost = sl_arena_printf(target->arena, "'%s' of it %s", name,
                                        code != SL_OK ? "is gone" : "was changed");
            return *ret_lost ? SL_OK : sl_fail_memory(err);
        }
    }
    return SL_OK;
}

// `ret_rows`: of all its files; -1 if that is not known.
static int read_position(const struct folder_target *target, const char *to,
                         struct sl_target_position *ret, int64_t *ret_rows, struct sl_err *err)
{
    SL_AUTO(sl_folder_position_clear) struct sl_folder_position found = {0};
    const char *text;
    size_t length;
    *ret = (struct sl_target_position){.version = -1};
    *ret_rows = -1;
    const char *path = sl_arena_printf(target->arena, "%s/%s/" POSITION_FILE, target->path, to);
    SL_TRY_NEW(path, err);
    if (!sl_fs_exists(path))
        return SL_OK;
    SL_TRY(sl_fs_read(path, POSITION_MAX_BYTES, target->arena, &text, &length, err));
    int code = sl_folder_position_parse(text, length, path, target->arena, &found, err);
    if (code == SL_E_JSON_SYNTAX) {
        sl_err_clear(err); // damaged: delivered anew
        ret->lost = "'" POSITION_FILE "' of it was changed";
        return SL_OK;
    }
    SL_TRY(code);
    SL_TRY(check_files(target, to, found.files, &ret->lost, err));
    if (ret->lost)
        return SL_OK;
    *ret_rows = found.all_rows;
    *ret = found.target;
    return SL_OK;
}

static int position(void *self, const char *table, const char *to, struct sl_target_position *ret,
                    struct sl_err *err)
{
    int64_t rows;
    (void)table;
    return read_position(self, to, ret, &rows, err);
}

// Path below the delivery's folder -> size, of every file in it.
static int list_files(struct sl_arena *arena, const char *folder, const char *below, json_t *files,
                      struct sl_err *err)
{
    struct sl_strs names = {0};
    SL_TRY(sl_fs_list(folder, arena, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_path_join(arena, folder, names.items[i]);
        const char *name = sl_arena_printf(arena, "%s%s", below, names.items[i]);
        struct sl_fs_stat stat;
        SL_TRY_NEW(path, err);
        SL_TRY_NEW(name, err);
        SL_TRY(sl_fs_stat(path, &stat, err));
        if (stat.is_folder) {
            const char *inner = sl_arena_printf(arena, "%s/", name);
            SL_TRY_NEW(inner, err);
            SL_TRY(list_files(arena, path, inner, files, err));
        } else if (json_object_set_new(files, name, json_integer(stat.size_bytes)) != 0) {
            return sl_fail_memory(err);
        }
    }
    return SL_OK;
}

// Before _sluice.json is written: it is not in the list. `all_rows`: -1 if that is not known.
static int write_position(const struct sl_load *load, const char *folder, json_t *files,
                          int64_t rows, int64_t all_rows, struct sl_err *err)
{
    char time[32];
    char *text = NULL;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const struct sl_folder_position position = {
        .target = {.version = load->to_version,
                   .fingerprint = load->fingerprint,
                   .table_id = load->table_id},
        .table = load->table,
        .at = sl_clock_format(sl_clock_now_us(), time),
        .rows = rows,
        .all_rows = all_rows,
        .files = files,
    };
    const char *path = sl_path_join(&arena, folder, POSITION_FILE);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_folder_position_print(&position, &text, err));
    int code = sl_fs_write(path, text, strlen(text), err);
    free(text);
    return code;
}

// Files of the delivery so far, taken over by hard links: an append costs what it adds.
static int link_files(const struct folder_target *target, const char *from, const char *into,
                      struct sl_err *err)
{
    struct sl_strs names = {0};
    SL_TRY(sl_fs_list(from, target->arena, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *old = sl_path_join(target->arena, from, names.items[i]);
        const char *new = sl_path_join(target->arena, into, names.items[i]);
        struct sl_fs_stat stat;
        SL_TRY_NEW(old, err);
        SL_TRY_NEW(new, err);
        if (sl_str_equal(names.items[i], POSITION_FILE))
            continue;
        SL_TRY(sl_fs_stat(old, &stat, err));
        if (stat.is_folder) {
            SL_TRY(sl_fs_mkdirs(new, err));
            SL_TRY(link_files(target, old, new, err));
        } else {
            SL_TRY(sl_fs_link(old, new, err));
        }
    }
    return SL_OK;
}

static void add_value(const struct folder_target *target, const struct sl_column *column,
                      size_t index, struct sl_buf *sql)
{
    bool is_json = (target->format->has_no_nested && sl_type_is_nested(column->type)) ||
                   (target->format->has_no_nan && sl_type_has_floats(column->type));
    sl_buf_add(sql, index ? ", " : "");
    if (!is_json) {
        sl_buf_add_sql_name(sql, column->name);
        return;
    }
    sl_target_add_json(column, sql);
    sl_buf_add(sql, " as ");
    sl_buf_add_sql_name(sql, column->name);
}

// The engine writes null into the folder of this text: one file would replace the other.
static int refuse_hive_null(const struct folder_target *target, const struct sl_load *load,
                            struct sl_err *err)
{
    size_t count = target->format->has_partitions ? load->partition_count : 0;
    for (size_t i = 0; i < count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        SL_AUTO(sl_result_free) struct sl_result *result = NULL;
        sl_buf_addf(&sql, "select 1 from (%s\n) where ", load->rows_sql);
        sl_buf_add_sql_name(&sql, load->partition_by[i]);
        sl_buf_add(&sql, "::varchar = '" HIVE_NULL "' limit 1");
        SL_TRY(sl_buf_check(&sql, err));
        SL_TRY(target->session->kind->query(target->session, sql.text, 1, &result, err));
        if (sl_result_rows(result) > 0)
            return sl_fail(err, SL_E_TARGET_REFUSED,
                           "partition column '%s' holds the text '" HIVE_NULL
                           "', which means null in the name of a folder",
                           load->partition_by[i]);
    }
    return SL_OK;
}

// Rows by the footers of the files that are new: what replaced another would be missing.
static int count_rows(const struct folder_target *target, const struct sl_load *load,
                      const char *folder, const json_t *files, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    size_t count = 0;
    const char *name;
    json_t *size;
    const char *prefix =
        sl_arena_printf(target->arena, "%s-%lld", load->to, (long long)load->to_version);
    SL_TRY_NEW(prefix, err);
    sl_buf_add(&sql, "select coalesce(sum(num_rows), 0)::bigint from parquet_file_metadata([");
    json_object_foreach ((json_t *)files, name, size) {
        const char *path = sl_path_join(target->arena, folder, name);
        SL_TRY_NEW(path, err);
        size_t length = strlen(prefix);
        const char *rest = sl_path_name(name) + length;
        if (strncmp(sl_path_name(name), prefix, length) != 0 || (*rest != '.' && *rest != '-'))
            continue; // of an append before
        sl_buf_add(&sql, count++ ? ", " : "");
        sl_buf_add_sql_string(&sql, path);
    }
    sl_buf_add(&sql, "])");
    SL_TRY(sl_buf_check(&sql, err));
    *ret = 0;
    if (!count)
        return SL_OK;
    SL_TRY(target->session->kind->query(target->session, sql.text, 1, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

static int copy_rows(const struct folder_target *target, const struct sl_load *load,
                     const char *folder, int64_t *ret_rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *name =
        sl_arena_printf(target->arena, "%s-%lld", load->to, (long long)load->to_version);
    SL_TRY_NEW(name, err);
    sl_buf_add(&sql, "copy (select ");
    for (size_t i = 0; i < load->column_count; i++)
        add_value(target, &load->columns[i], i, &sql);
    sl_buf_addf(&sql, " from (%s\n)) to ", load->rows_sql);
    size_t partition_count = target->format->has_partitions ? load->partition_count : 0;
    const char *file = partition_count ? sl_arena_strdup(target->arena, folder)
                                       : sl_arena_printf(target->arena, "%s/%s.%s", folder, name,
                                                         target->format->extension);
    SL_TRY_NEW(file, err);
    sl_buf_add_sql_string(&sql, file);
    sl_buf_addf(&sql, " (%s", target->format->copy_options);
    if (partition_count) {
        const char *pattern = sl_arena_printf(target->arena, "%s-{i}", name);
        SL_TRY_NEW(pattern, err);
        sl_buf_add(&sql, ", overwrite_or_ignore true, filename_pattern ");
        sl_buf_add_sql_string(&sql, pattern);
        sl_buf_add(&sql, ", partition_by (");
        sl_target_add_names(load->partition_by, partition_count, &sql);
        sl_buf_add(&sql, ")");
    }
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_fault_point("copy", err));
    return target->session->kind->exec(target->session, sql.text, ret_rows, err);
}

static int sync_tree(struct sl_arena *arena, const char *folder, struct sl_err *err)
{
    struct sl_strs names = {0};
    SL_TRY(sl_fs_list(folder, arena, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_path_join(arena, folder, names.items[i]);
        struct sl_fs_stat stat;
        SL_TRY_NEW(path, err);
        SL_TRY(sl_fs_stat(path, &stat, err));
        SL_TRY(stat.is_folder ? sync_tree(arena, path, err) : sl_fs_sync_file(path, err));
    }
    return sl_fs_sync_folder(folder, err);
}

static int refuse_foreign(const struct folder_target *target, const char *final, struct sl_err *err)
{
    const char *mark = sl_path_join(target->arena, final, POSITION_FILE);
    struct sl_strs names = {0};
    SL_TRY_NEW(mark, err);
    if (!sl_fs_exists(final) || sl_fs_exists(mark))
        return SL_OK;
    SL_TRY(sl_fs_list(final, target->arena, &names, err));
    if (!names.count)
        return SL_OK;
    (void)sl_fail(err, SL_E_TARGET_FOREIGN, "'%s' is there and was not written by Sluice", final);
    return sl_err_hint(err, "choose another `to`, or move it away");
}

static int check_count(const struct sl_load *load, int64_t wanted, int64_t rows, const char *final,
                       struct sl_err *err)
{
    if (wanted < 0 || rows == wanted)
        return SL_OK;
    return sl_fail(err, SL_E_BALANCE, "'%s' has %lld rows, %lld were written to '%s'", load->table,
                   (long long)wanted, (long long)rows, final);
}

// `rows_before`: of what stands there; -1 if that is not known.
static int fill(const struct folder_target *target, const struct sl_load *load, const char *fresh,
                const char *final, int64_t rows_before, int64_t *ret_rows, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *files = json_object();
    int64_t rows = 0;
    int64_t found;
    SL_TRY_NEW(files, err);
    SL_TRY(sl_fs_mkdirs(fresh, err));
    SL_TRY(refuse_hive_null(target, load, err));
    if (load->mode == SL_LOAD_APPEND)
        SL_TRY(link_files(target, final, fresh, err));
    SL_TRY(copy_rows(target, load, fresh, &rows, err));
    SL_TRY(check_count(load, load->expected_rows, rows, final, err));
    SL_TRY(list_files(target->arena, fresh, "", files, err));
    if (target->format->has_row_count) {
        SL_TRY(count_rows(target, load, fresh, files, &found, err));
        SL_TRY(check_count(load, rows, found, final, err));
    }
    *ret_rows = rows;
    int64_t all_rows = load->mode != SL_LOAD_APPEND ? rows
                       : rows_before < 0            ? -1
                                                    : rows_before + rows;
    return write_position(load, fresh, files, rows, all_rows, err);
}

// After this the new files are there, whole and durable, or the old ones are.
static int take_place(const struct folder_target *target, const char *fresh, const char *final,
                      struct sl_err *err)
{
    SL_TRY(sync_tree(target->arena, fresh, err));
    return sl_fs_exists(final) ? sl_fs_exchange(fresh, final, err)
                               : sl_fs_rename(fresh, final, err);
}

// Until it has taken its place, the new folder can go; then it is the old one, and goes when the
// exchange is durable.
static int deliver(const struct folder_target *target, const struct sl_load *load,
                   const char *fresh, const char *final, int64_t rows_before, int64_t *ret_rows,
                   struct sl_err *err)
{
    int code = fill(target, load, fresh, final, rows_before, ret_rows, err);
    if (code == SL_OK)
        code = take_place(target, fresh, final, err);
    if (code != SL_OK) {
        struct sl_err ignored = {0};
        (void)!sl_fs_remove_tree(fresh, &ignored);
        return code;
    }
    SL_TRY(sl_fs_sync_folder(target->path, err));
    return sl_fs_remove_tree(fresh, err);
}

static int64_t replaced(const struct sl_load *load, bool is_there, int64_t rows_before)
{
    return load->mode == SL_LOAD_REPLACE && is_there ? rows_before : 0;
}

// Two runs that deliver the same would remove each other's new folder, or append twice.
static int load_rows(void *self, const struct sl_load *load, struct sl_loaded *ret,
                     struct sl_err *err)
{
    struct folder_target *target = self;
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    struct sl_target_position now;
    char uuid[37];
    int64_t rows, rows_before;
    const char *final = sl_path_join(target->arena, target->path, load->to);
    const char *lock = sl_arena_printf(target->arena, "%s/.%s.lock", target->path, load->to);
    const char *fresh =
        sl_arena_printf(target->arena, "%s/.%s.new-%s", target->path, load->to, sl_uuid(uuid));
    SL_TRY_NEW(final, err);
    SL_TRY_NEW(lock, err);
    SL_TRY_NEW(fresh, err);
    SL_TRY(refuse_foreign(target, final, err));
    SL_TRY(sl_fs_mkdirs(target->path, err));
    SL_TRY(sl_fs_lock(lock, true, &lock_fd, err));
    SL_TRY(read_position(target, load->to, &now, &rows_before, err));
    SL_TRY(sl_target_check_begin(load, &now, err));
    SL_TRY(sl_folder_remove_leftovers(target->path, load->to, target->arena, err));
    bool is_there = sl_fs_exists(final);
    SL_TRY(deliver(target, load, fresh, final, rows_before, &rows, err));
    *ret = (struct sl_loaded){.rows = rows, .replaced = replaced(load, is_there, rows_before)};
    return SL_OK;
}

static void close_target(void *self)
{
    (void)self; // all in the arena
}

// Of Parquet alone: other formats do not say which types their values have.
static int read_folder(void *self, const char *to, const char *temp, const char **ret_sql,
                       struct sl_err *err)
{
    struct folder_target *target = self;
    struct sl_target_position position;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_strs names = {0};
    bool has_partitions = false;
    int64_t rows;
    const char *folder = sl_path_join(target->arena, target->path, to);
    const char *files = sl_arena_printf(target->arena, "%s/%s/**/*.parquet", target->path, to);
    (void)temp;
    SL_TRY_NEW(folder, err);
    SL_TRY_NEW(files, err);
    SL_TRY(read_position(target, to, &position, &rows, err));
    if (position.version < 0)
        return sl_fail(err, SL_E_TABLE_MISSING, "'%s/%s' holds no whole delivery", target->path,
                       to);
    sl_buf_add(&sql, "read_parquet(");
    sl_buf_add_sql_string(&sql, files);
    SL_TRY(sl_fs_list(folder, target->arena, &names, err));
    for (size_t i = 0; i < names.count; i++)
        has_partitions = has_partitions || strchr(names.items[i], '=');
    sl_buf_addf(&sql, ", hive_partitioning = %s)",
                has_partitions ? "true, hive_types_autocast = false" : "false");
    SL_TRY(sl_buf_check(&sql, err));
    *ret_sql = sl_arena_strdup(target->arena, sql.text);
    SL_TRY_NEW(*ret_sql, err);
    return SL_OK;
}

// The records of text files; the engine need not know their types for that.
static int count_records(void *self, const char *to, int64_t *ret, struct sl_err *err)
{
    const struct folder_target *target = self;
    struct sl_session *session = target->session;
    struct sl_target_position position;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    bool is_csv = target->format == &csv;
    int64_t rows;
    const char *files = sl_arena_printf(target->arena, "%s/%s/**/*.%s", target->path, to,
                                        target->format->extension);
    SL_TRY_NEW(files, err);
    SL_TRY(read_position(target, to, &position, &rows, err));
    if (position.version < 0)
        return sl_fail(err, SL_E_TABLE_MISSING, "'%s/%s' holds no whole delivery", target->path,
                       to);
    sl_buf_addf(&sql, "select count(*) from %s(", is_csv ? "read_csv" : "read_json_objects");
    sl_buf_add_sql_string(&sql, files);
    sl_buf_add(&sql, is_csv ? ", all_varchar = true, header = true, delim = ',', quote = '\"', "
                              "escape = '\"', hive_partitioning = false)"
                            : ", format = 'newline_delimited')");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    *ret = sl_result_int(result, 0, 0);
    return SL_OK;
}

const struct sl_target_kind sl_target_parquet = {
    .name = "parquet",
    .summary = "A folder of Parquet files per table.",
    .can = can,
    .open = open_parquet,
    .position = position,
    .load = load_rows,
    .read = read_folder,
    .close = close_target,
};
const struct sl_target_kind sl_target_csv = {
    .name = "csv",
    .summary = "A folder of CSV files with a header per table.",
    .can = can,
    .open = open_csv,
    .position = position,
    .load = load_rows,
    .count = count_records,
    .close = close_target,
};
const struct sl_target_kind sl_target_jsonl = {
    .name = "jsonl",
    .summary = "A folder of JSON lines files per table.",
    .can = can,
    .open = open_jsonl,
    .position = position,
    .load = load_rows,
    .count = count_records,
    .close = close_target,
};
