#include "table/delta/snapshot.h"

#include "base/fs.h"
#include "table/delta/action.h"
#include "table/delta/path.h"
#include "table/delta/schema.h"

#include <stdlib.h>
#include <string.h>

int sl_delta_partition_columns(const json_t *metadata, struct sl_arena *arena,
                               const char *const **ret, size_t *ret_count, struct sl_err *err)
{
    const json_t *names = json_object_get(metadata, "partitionColumns");
    size_t count = json_array_size(names);
    const char **copies = SL_NEW_ARRAY(arena, const char *, count);

    SL_TRY_NEW(copies, err);
    for (size_t i = 0; i < count; i++) {
        copies[i] = sl_arena_strdup(arena, json_string_value(json_array_get(names, i)));
        SL_TRY_NEW(copies[i], err);
    }
    *ret = copies;
    *ret_count = count;
    return SL_OK;
}

// The digits behind {"numRecords": at the beginning, where most writers put it; -1 if it is not
// there. A table has many files: the rest is not parsed then.
static int64_t first_number(const char *stats)
{
    static const char start[] = "{\"numRecords\":";
    char *end;
    long long count;

    if (!sl_str_starts(stats, start))
        return -1;
    count = strtoll(stats + strlen(start), &end, 10);
    return end > stats + strlen(start) && (*end == ',' || *end == '}') ? count : -1;
}

// numRecords of a file's statistics; -1 if there is none.
static int count_rows(const char *stats, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;
    struct sl_err cause = {0};

    *ret = stats ? first_number(stats) : -1;
    if (!stats || *ret >= 0)
        return SL_OK;
    // Statistics that cannot be read are none.
    if (sl_json_parse(stats, strlen(stats), "stats", &json, &cause) == SL_E_MEMORY)
        return sl_fail_memory(err);
    *ret = sl_json_int(json, "numRecords", -1);
    if (*ret < 0)
        *ret = -1;
    return SL_OK;
}

// "An empty string for any type translates to a null partition value."
static int read_partition(const json_t *add, const char *const *columns, size_t count,
                          struct sl_arena *arena, const char *const **ret, struct sl_err *err)
{
    const json_t *map = json_object_get(add, "partitionValues");
    const char **values = SL_NEW_ARRAY(arena, const char *, count);

    SL_TRY_NEW(values, err);
    for (size_t i = 0; i < count; i++) {
        const char *value = sl_json_text(map, columns[i], "");

        if (*value == '\0')
            continue;
        values[i] = sl_arena_strdup(arena, value);
        SL_TRY_NEW(values[i], err);
    }
    *ret = values;
    return SL_OK;
}

int sl_delta_file_read(const json_t *add, const char *const *partition_columns,
                       size_t partition_count, struct sl_arena *arena, struct sl_delta_file *ret,
                       struct sl_err *err)
{
    const json_t *tags = json_object_get(add, "tags");
    const char *stats = sl_json_text(add, "stats", NULL);
    struct sl_delta_file file = {
        .size_bytes = sl_json_int(add, "size", 0),
        .modified_ms = sl_json_int(add, "modificationTime", 0),
        .stats_json = sl_arena_strdup(arena, stats),
        .has_deletion_vector = json_is_object(json_object_get(add, "deletionVector")),
    };
    const char *body = NULL;

    if (stats)
        SL_TRY_NEW(file.stats_json, err);
    SL_TRY(count_rows(stats, &file.row_count, err));
    SL_TRY(sl_delta_path_decode(sl_json_text(add, "path", ""), arena, &file.path, err));
    SL_TRY(read_partition(add, partition_columns, partition_count, arena, &file.partition, err));
    if (json_is_object(tags))
        SL_TRY(sl_delta_json_copy(tags, arena, &file.tags_json, err));
    SL_TRY(sl_delta_json_copy(add, arena, &body, err));
    file.add_json = sl_arena_printf(arena, "{\"add\":%s}", body);
    SL_TRY_NEW(file.add_json, err);
    *ret = file;
    return SL_OK;
}

int sl_delta_file_compare(const void *a, const void *b)
{
    return strcmp(((const struct sl_delta_file *)a)->path, ((const struct sl_delta_file *)b)->path);
}

int sl_delta_pick_version(const struct sl_delta_log *log, int64_t *version, struct sl_err *err)
{
    if (log->newest < 0)
        return sl_fail(err, SL_E_TABLE_MISSING, "there is no table in '%s'", log->folder);
    if (*version < 0)
        *version = log->newest;
    if (*version > log->newest)
        return sl_fail(err, SL_E_TABLE_VERSION,
                       "table '%s' has no version %lld: the newest is %lld", log->folder,
                       (long long)*version, (long long)log->newest);
    return SL_OK;
}

static int read_files(const struct sl_delta_state *state, struct sl_arena *arena,
                      struct sl_delta_snapshot *ret, struct sl_err *err)
{
    size_t i = 0;

    ret->files = SL_NEW_ARRAY(arena, struct sl_delta_file, sl_map_count(&state->files));
    SL_TRY_NEW(ret->files, err);
    for (const struct sl_map_entry *it = sl_map_first(&state->files); it; it = sl_map_next(it)) {
        struct sl_delta_file *file = &ret->files[i++];

        SL_TRY(sl_delta_file_read(sl_map_value(it), ret->partition_columns, ret->partition_count,
                                  arena, file, err));
        ret->size_bytes += file->size_bytes;
        ret->row_count =
            file->row_count < 0 || ret->row_count < 0 ? -1 : ret->row_count + file->row_count;
    }
    ret->file_count = i;
    qsort(ret->files, i, sizeof *ret->files, sl_delta_file_compare);
    return SL_OK;
}

static int read_txns(const struct sl_delta_state *state, struct sl_arena *arena,
                     struct sl_delta_snapshot *ret, struct sl_err *err)
{
    ret->txns = SL_NEW_ARRAY(arena, struct sl_delta_txn, sl_map_count(&state->txns));
    SL_TRY_NEW(ret->txns, err);
    for (const struct sl_map_entry *it = sl_map_first(&state->txns); it; it = sl_map_next(it)) {
        struct sl_delta_txn *txn = &ret->txns[ret->txn_count++];

        txn->app_id = sl_arena_strdup(arena, sl_map_key(it));
        txn->version = sl_json_int(sl_map_value(it), "version", 0);
        SL_TRY_NEW(txn->app_id, err);
    }
    return SL_OK;
}

static int read_metadata(const struct sl_delta_state *state, struct sl_arena *arena,
                         struct sl_delta_snapshot *ret, struct sl_err *err)
{
    const json_t *configuration = json_object_get(state->metadata, "configuration");

    ret->min_reader = (int)sl_json_int(state->protocol, "minReaderVersion", 0);
    ret->min_writer = (int)sl_json_int(state->protocol, "minWriterVersion", 0);
    ret->table_id = sl_arena_strdup(arena, sl_json_text(state->metadata, "id", ""));
    ret->schema_json = sl_arena_strdup(arena, sl_json_text(state->metadata, "schemaString", ""));
    ret->configuration_json = "{}";
    SL_TRY_NEW(ret->table_id, err);
    SL_TRY_NEW(ret->schema_json, err);
    if (json_is_object(configuration))
        SL_TRY(sl_delta_json_copy(configuration, arena, &ret->configuration_json, err));
    SL_TRY(sl_delta_schema_parse(ret->schema_json, arena, &ret->columns, &ret->column_count, err));
    return sl_delta_partition_columns(state->metadata, arena, &ret->partition_columns,
                                      &ret->partition_count, err);
}

static int schema_read(const struct sl_delta_state *state, struct sl_arena *arena,
                       struct sl_delta_snapshot *ret, struct sl_err *err)
{
    ret->version = state->version;
    ret->timestamp_ms = state->timestamp_ms;
    ret->row_count = ret->size_bytes = -1;
    return read_metadata(state, arena, ret, err);
}

int sl_delta_snapshot_read(const struct sl_delta_state *state, struct sl_arena *arena,
                           struct sl_delta_snapshot *ret, struct sl_err *err)
{
    ret->version = state->version;
    ret->timestamp_ms = state->timestamp_ms;
    SL_TRY(read_metadata(state, arena, ret, err));
    SL_TRY(read_txns(state, arena, ret, err));
    return read_files(state, arena, ret, err);
}

static int load(const char *folder, int64_t version, bool only_schema, struct sl_session *session,
                struct sl_arena *arena, struct sl_delta_snapshot *ret, struct sl_err *err)
{
    static const struct sl_strs no_files;
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    struct sl_delta_snapshot snapshot = {.version = -1, .configuration_json = "{}"};
    struct sl_delta_log log;

    snapshot.folder = sl_arena_strdup(arena, folder);
    SL_TRY_NEW(snapshot.folder, err);
    SL_TRY(sl_delta_log_open(folder, arena, &log, err));
    if (log.newest >= 0 || version >= 0) {
        state.only = only_schema ? &no_files : NULL;
        SL_TRY(sl_delta_pick_version(&log, &version, err));
        SL_TRY(sl_delta_state_load(&state, &log, version, session, err));
        if ((only_schema ? schema_read(&state, arena, &snapshot, err)
                         : sl_delta_snapshot_read(&state, arena, &snapshot, err)) != SL_OK)
            return sl_err_context(err, "read table '%s'", folder);
    }
    *ret = snapshot;
    return SL_OK;
}

int sl_delta_load(const char *folder, int64_t version, struct sl_session *session,
                  struct sl_arena *arena, struct sl_delta_snapshot *ret, struct sl_err *err)
{
    return load(folder, version, false, session, arena, ret, err);
}

int sl_delta_load_schema(const char *folder, int64_t version, struct sl_session *session,
                         struct sl_arena *arena, struct sl_delta_snapshot *ret, struct sl_err *err)
{
    return load(folder, version, true, session, arena, ret, err);
}

int sl_delta_needs_session(const char *folder, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_delta_log log;

    SL_TRY(sl_delta_log_open(folder, &arena, &log, err));
    *ret = log.newest >= 0 && log.first_commit != 0;
    return SL_OK;
}

const struct sl_delta_txn *sl_delta_txn_find(const struct sl_delta_snapshot *snapshot,
                                             const char *app_id)
{
    for (size_t i = 0; i < snapshot->txn_count; i++)
        if (strcmp(snapshot->txns[i].app_id, app_id) == 0)
            return &snapshot->txns[i];
    return NULL;
}

int sl_delta_scan_files(const struct sl_delta_snapshot *snapshot, const struct sl_delta_file *files,
                        size_t file_count, struct sl_arena *arena, struct sl_scan *ret,
                        struct sl_err *err)
{
    struct sl_scan_file *scanned = SL_NEW_ARRAY(arena, struct sl_scan_file, file_count);
    int64_t row_count = 0;

    SL_TRY_NEW(scanned, err);
    for (size_t i = 0; i < file_count; i++) {
        row_count += files[i].row_count > 0 ? files[i].row_count : 0;
        if (files[i].has_deletion_vector)
            return sl_fail(err, SL_E_TABLE_FEATURE, "file '%s' of '%s' has a deletion vector",
                           files[i].path, snapshot->folder);
        scanned[i].partition = files[i].partition;
        scanned[i].path = sl_delta_path_is_absolute(files[i].path)
                              ? files[i].path
                              : sl_path_join(arena, snapshot->folder, files[i].path);
        SL_TRY_NEW(scanned[i].path, err);
    }
    *ret = (struct sl_scan){
        .columns = snapshot->columns,
        .column_count = snapshot->column_count,
        .partition_columns = snapshot->partition_columns,
        .partition_count = snapshot->partition_count,
        .files = scanned,
        .file_count = file_count,
        .row_count = row_count,
    };
    return SL_OK;
}

int sl_delta_scan(const struct sl_delta_snapshot *snapshot, struct sl_arena *arena,
                  struct sl_scan *ret, struct sl_err *err)
{
    return sl_delta_scan_files(snapshot, snapshot->files, snapshot->file_count, arena, ret, err);
}
