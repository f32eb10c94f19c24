#include "table/delta/checkpoint.h"

#include "base/clock.h"
#include "base/fs.h"
#include "table/delta/action.h"
#include "table/delta/delta.h"
#include "table/delta/protocol.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_INTERVAL 10
#define DEFAULT_RETENTION_MS ((int64_t)7 * 24 * 3600 * 1000)
// The engine reads lines up to this long unless told otherwise.
#define LINE_BYTES ((size_t)16 << 20)

#define TEXTS "MAP(VARCHAR, VARCHAR)"
#define ADD                                                                                   \
    "\"path\" VARCHAR, \"partitionValues\" " TEXTS ", \"size\" BIGINT, \"modificationTime\" " \
    "BIGINT, \"dataChange\" BOOLEAN, \"stats\" VARCHAR, \"tags\" " TEXTS
#define REMOVE                                                                 \
    "\"path\" VARCHAR, \"deletionTimestamp\" BIGINT, \"dataChange\" BOOLEAN, " \
    "\"extendedFileMetadata\" BOOLEAN, \"partitionValues\" " TEXTS ", \"size\" BIGINT"
#define VECTOR                                                                                   \
    "\"deletionVector\" STRUCT(\"storageType\" VARCHAR, \"pathOrInlineDv\" VARCHAR, \"offset\" " \
    "INTEGER, \"sizeInBytes\" INTEGER, \"cardinality\" BIGINT)"

// "Checkpoint Schema". What tables with other features need besides is read, so that it is noticed,
// but never written: such tables are not written here at all.
struct column {
    const char *name;
    const char *key; // member that is never null in the action
    const char *members;
    const char *members_read; // further ones
};
static const struct column columns[] = {
    {"txn", "appId", "\"appId\" VARCHAR, \"version\" BIGINT, \"lastUpdated\" BIGINT", ""},
    {"add", "path", ADD,
     ", " VECTOR ", \"baseRowId\" BIGINT, \"defaultRowCommitVersion\" BIGINT, "
     "\"clusteringProvider\" VARCHAR"},
    {"remove", "path", REMOVE, ", " VECTOR},
    {"metaData", "id",
     "\"id\" VARCHAR, \"name\" VARCHAR, \"description\" VARCHAR, \"format\" STRUCT(\"provider\" "
     "VARCHAR, \"options\" " TEXTS "), \"schemaString\" VARCHAR, \"partitionColumns\" VARCHAR[], "
     "\"configuration\" " TEXTS ", \"createdTime\" BIGINT",
     ""},
    {"protocol", "minReaderVersion",
     "\"minReaderVersion\" INTEGER, \"minWriterVersion\" INTEGER, \"readerFeatures\" VARCHAR[], "
     "\"writerFeatures\" VARCHAR[]",
     ""},
    {"domainMetadata", "domain",
     "\"domain\" VARCHAR, \"configuration\" VARCHAR, \"removed\" BOOLEAN", ""},
};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)

// --- reading

static void add_files(struct sl_buf *sql, const struct sl_strs *paths)
{
    sl_buf_add(sql, "read_parquet([");
    for (size_t i = 0; i < paths->count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_string(sql, paths->items[i]);
    }
    sl_buf_add(sql, "], union_by_name = true, hive_partitioning = false)");
}

static bool has_column(const struct sl_column *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return true;
    return false;
}

static bool is_of_files(const struct column *column)
{
    return strcmp(column->name, "add") == 0 || strcmp(column->name, "remove") == 0;
}

// Statistics as structs are left out by the cast: they may hold what JSON cannot (NaN), and the
// text says the same.
static void print_actions(const struct sl_delta_checkpoint_files *files,
                          const struct sl_column *found, size_t count, bool with_files,
                          struct sl_buf *sql)
{
    sl_buf_add(sql, "select to_json({");
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        const struct column *column = &columns[i];

        if (is_of_files(column) && !with_files)
            continue;
        if (has_column(found, count, column->name))
            sl_buf_addf(sql,
                        "'%s': case when c.\"%s\".\"%s\" is not null then c.\"%s\"::STRUCT(%s%s) "
                        "end, ",
                        column->name, column->name, column->key, column->name, column->members,
                        column->members_read);
    }
    sl_buf_add(sql, "'end': null}) from ");
    add_files(sql, &files->paths);
    sl_buf_add(sql, " c");
}

// Rows with any other action than those of files.
static void print_others(const struct sl_column *found, size_t count, struct sl_buf *sql)
{
    sl_buf_add(sql, " where (false");
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (!is_of_files(&columns[i]) && has_column(found, count, columns[i].name))
            sl_buf_addf(sql, " or c.\"%s\".\"%s\" is not null", columns[i].name, columns[i].key);
    sl_buf_add(sql, ")");
}

// The few rows with other actions are looked for in a scan of their keys alone; of their other
// members only the row groups are read that the numbers of these rows lead to.
static void print_few(const struct sl_delta_checkpoint_files *files, const struct sl_column *found,
                      size_t count, struct sl_buf *sql)
{
    print_actions(files, found, count, false, sql);
    print_others(found, count, sql);
    sl_buf_add(sql, " and file_row_number in (select file_row_number from ");
    add_files(sql, &files->paths);
    sl_buf_add(sql, " c");
    print_others(found, count, sql);
    sl_buf_add(sql, ")");
}

static int print_query(const struct sl_delta_checkpoint_files *files, struct sl_session *session,
                       const struct sl_delta_state *state, struct sl_buf *sql, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf from = SL_BUF_INIT;
    struct sl_column *found = NULL;
    size_t count = 0;

    sl_buf_add(&from, "select * from ");
    add_files(&from, &files->paths);
    SL_TRY(sl_buf_check(&from, err));
    SL_TRY(session->kind->describe(session, from.text, &arena, &found, &count, err));
    if (state->only)
        print_few(files, found, count, sql);
    else
        print_actions(files, found, count, true, sql);
    return sl_buf_check(sql, err);
}

static void add_list(struct sl_buf *sql, const struct sl_strs *list)
{
    for (size_t i = 0; i < list->count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_string(sql, list->items[i]);
    }
}

// Paths may be escaped by one writer otherwise than by another.
static void add_is_wanted(const struct sl_delta_state *state, const char *path, struct sl_buf *sql)
{
    sl_buf_addf(sql, "case when %s in (", path);
    add_list(sql, state->only);
    sl_buf_addf(sql, ") then true when contains(%s, '%%') then url_decode(%s) in (", path, path);
    add_list(sql, state->only);
    sl_buf_add(sql, ") else false end");
}

// How many adds there are, and between which rows those are that are asked for. Only this one
// column is read of all rows.
static void print_range(const struct sl_delta_checkpoint_files *files,
                        const struct sl_delta_state *state, struct sl_buf *sql)
{
    sl_buf_add(sql, "select count(p), min(n) filter (where is_wanted), max(n) filter (where "
                    "is_wanted) from (select p, n, ");
    add_is_wanted(state, "p", sql);
    sl_buf_add(sql,
               " as is_wanted from (select c.\"add\".\"path\" as p, file_row_number as n from ");
    add_files(sql, &files->paths);
    sl_buf_add(sql, " c))");
}

// Row groups outside the range are left out.
static void print_adds(const struct sl_delta_checkpoint_files *files,
                       const struct sl_delta_state *state, int64_t first, int64_t last,
                       struct sl_buf *sql)
{
    sl_buf_addf(sql, "select to_json({'add': c.\"add\"::STRUCT(%s), 'end': null}) from ", ADD);
    add_files(sql, &files->paths);
    sl_buf_addf(sql, " c where file_row_number between %" PRId64 " and %" PRId64 " and ", first,
                last);
    add_is_wanted(state, "c.\"add\".\"path\"", sql);
}

static void drop_nulls(json_t *object)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(object, next, key, value)
    {
        if (json_is_null(value))
            json_object_del(object, key);
    }
}

int sl_delta_checkpoint_apply(struct sl_delta_state *state, const char *row,
                              struct sl_arena *scratch, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *action = NULL;
    struct sl_err cause = {0};
    const char *key;
    json_t *body;
    int code = sl_json_parse(row, strlen(row), "row", &action, &cause);

    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        return sl_fail(err, SL_E_TABLE_LOG, "a row is damaged: %s", cause.message);
    json_object_foreach (action, key, body) {
        drop_nulls(body);
    }
    return sl_delta_state_apply(state, action, scratch, err);
}

static int apply_query(struct sl_session *session, const struct sl_buf *sql,
                       struct sl_delta_state *state, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;

    SL_TRY(sl_buf_check(sql, err));
    SL_TRY(session->kind->query(session, sql->text, 0, &result, err));
    for (int64_t i = 0; i < sl_result_rows(result); i++)
        SL_TRY(sl_delta_checkpoint_apply(state, sl_result_text(result, i, 0), &scratch, err));
    return SL_OK;
}

// Only what is asked for, and how much that leaves out.
static int apply_some(const struct sl_delta_checkpoint_files *files, struct sl_session *session,
                      struct sl_delta_state *state, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;

    if (!state->only->count)
        return SL_OK;
    print_range(files, state, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(session->kind->query(session, sql.text, 0, &result, err));
    if (sl_result_text(result, 0, 1)) {
        sl_buf_reset(&sql);
        print_adds(files, state, sl_result_int(result, 0, 1), sl_result_int(result, 0, 2), &sql);
        SL_TRY(apply_query(session, &sql, state, err));
    }
    state->unread_count = sl_result_int(result, 0, 0) - (int64_t)sl_map_count(&state->files);
    return SL_OK;
}

static int apply_rows(const struct sl_delta_checkpoint_files *files, struct sl_session *session,
                      struct sl_delta_state *state, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;

    SL_TRY(print_query(files, session, state, &sql, err));
    SL_TRY(apply_query(session, &sql, state, err));
    return state->only ? apply_some(files, session, state, err) : SL_OK;
}

int sl_delta_checkpoint_read(const struct sl_delta_checkpoint_files *files,
                             struct sl_session *session, struct sl_delta_state *state,
                             struct sl_err *err)
{
    struct sl_err cause = {0};
    int code = apply_rows(files, session, state, &cause);

    if (code == SL_E_ENGINE)
        return sl_fail(err, SL_E_TABLE_LOG, "checkpoint '%s' cannot be read: %s",
                       files->paths.items[0], cause.message);
    if (code == SL_OK)
        return SL_OK;
    if (err)
        *err = cause;
    return sl_err_context(err, "read checkpoint '%s'", files->paths.items[0]);
}

// --- writing

bool sl_delta_checkpoint_is_due(const struct sl_delta_log *log, const json_t *metadata,
                                int64_t version)
{
    const char *setting = sl_delta_setting(metadata, "delta.checkpointInterval");
    const struct sl_delta_checkpoint_files *last = sl_delta_log_checkpoint(log, version);
    int64_t interval = DEFAULT_INTERVAL;

    if (setting && (!sl_str_to_int64(setting, &interval) || interval < 1))
        interval = DEFAULT_INTERVAL;
    return version - (last ? last->version : 0) >= interval;
}

// "interval 1 week", "interval 30 days": how long tombstones are kept
// (delta.deletedFileRetentionDuration).
static int64_t retention_ms(const json_t *metadata)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"week", 604800000}, {"day", 86400000}, {"hour", 3600000},
                 {"minute", 60000},   {"second", 1000},  {"millisecond", 1}};
    const char *text = sl_delta_setting(metadata, "delta.deletedFileRetentionDuration");
    char *unit = NULL;
    int64_t count;

    if (!text || !sl_str_starts(text, "interval "))
        return DEFAULT_RETENTION_MS;
    count = strtoll(text + strlen("interval "), &unit, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (count >= 0 && count < 100000 && *unit == ' ' && sl_str_starts(unit + 1, units[i].name))
            return count * units[i].ms;
    return DEFAULT_RETENTION_MS;
}

// The lines of a checkpoint while they are collected.
struct lines {
    struct sl_buf text;
    size_t longest;
    size_t count;
    size_t add_count;
};

static void lines_clear(struct lines *lines)
{
    sl_buf_clear(&lines->text);
}

static int add_line(struct lines *lines, const char *kind, const json_t *body, struct sl_err *err)
{
    size_t start = lines->text.length;

    sl_buf_add_char(&lines->text, '{');
    SL_TRY(sl_delta_print_member(&lines->text, kind, body, err));
    sl_buf_add(&lines->text, "}\n");
    if (lines->text.length - start > lines->longest)
        lines->longest = lines->text.length - start;
    lines->count++;
    return sl_buf_check(&lines->text, err);
}

static int add_map(struct lines *lines, const char *kind, const struct sl_map *map,
                   struct sl_err *err)
{
    for (const struct sl_map_entry *it = sl_map_first(map); it; it = sl_map_next(it))
        SL_TRY(add_line(lines, kind, sl_map_value(it), err));
    return SL_OK;
}

static int collect(struct lines *lines, struct sl_delta_state *state, struct sl_err *err)
{
    int64_t keep_from_ms = sl_clock_now_us() / 1000 - retention_ms(state->metadata);

    SL_TRY(add_line(lines, "protocol", state->protocol, err));
    SL_TRY(add_line(lines, "metaData", state->metadata, err));
    SL_TRY(add_map(lines, "txn", &state->txns, err));
    SL_TRY(add_map(lines, "domainMetadata", &state->domains, err));
    for (const struct sl_map_entry *it = sl_map_first(&state->removed); it; it = sl_map_next(it))
        if (sl_json_int(sl_map_value(it), "deletionTimestamp", 0) > keep_from_ms)
            SL_TRY(add_line(lines, "remove", sl_map_value(it), err));
    lines->add_count = sl_map_count(&state->files);
    for (const struct sl_map_entry *it = sl_map_first(&state->files); it; it = sl_map_next(it)) {
        // A checkpoint changes nothing.
        if (json_object_set_new(sl_map_value(it), "dataChange", json_false()) != 0)
            return sl_fail_memory(err);
        SL_TRY(add_line(lines, "add", sl_map_value(it), err));
    }
    return SL_OK;
}

static int print_copy(const struct lines *lines, const char *from, const char *to,
                      struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add(sql, "copy (select * from read_json(");
    sl_buf_add_sql_string(sql, from);
    sl_buf_addf(sql,
                ", format = 'newline_delimited', compression = 'uncompressed', auto_detect = "
                "false, hive_partitioning = false, maximum_object_size = %zu, columns = {",
                lines->longest > LINE_BYTES ? lines->longest + 1 : LINE_BYTES);
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        sl_buf_addf(sql, "%s\"%s\": 'STRUCT(%s)'", i ? ", " : "", columns[i].name,
                    columns[i].members);
    sl_buf_add(sql, "})) to ");
    sl_buf_add_sql_string(sql, to);
    sl_buf_add(sql, " (format parquet)");
    return sl_buf_check(sql, err);
}

// Leftovers are harmless (hidden names) and swept by sl_delta_clean_staged.
static void remove_temporary(const char **path)
{
    if (*path)
        (void)!sl_fs_remove(*path, NULL);
}

static int write_parquet(const struct lines *lines, const char *from, const char *to,
                         struct sl_session *session, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;

    SL_TRY(sl_fs_write(from, lines->text.text, lines->text.length, err));
    SL_TRY(print_copy(lines, from, to, &sql, err));
    SL_TRY(sl_fault_point("checkpoint", err));
    SL_TRY(session->kind->exec(session, sql.text, NULL, err));
    return sl_fs_sync_file(to, err);
}

// "Last Checkpoint File Schema"
static int write_pointer(const struct sl_delta_log *log, int64_t version, const struct lines *lines,
                         const char *checkpoint, struct sl_arena *arena, struct sl_err *err)
{
    const char *path = sl_path_join(arena, log->log_folder, "_last_checkpoint");
    struct sl_fs_stat stat;
    char *text;

    SL_TRY(sl_fs_stat(checkpoint, &stat, err));
    text = sl_arena_printf(arena,
                           "{\"version\":%lld,\"size\":%zu,\"sizeInBytes\":%lld,"
                           "\"numOfAddFiles\":%zu}\n",
                           (long long)version, lines->count, (long long)stat.size_bytes,
                           lines->add_count);
    SL_TRY_NEW(path, err);
    SL_TRY_NEW(text, err);
    return sl_fs_write(path, text, strlen(text), err);
}

static int publish(const struct sl_delta_log *log, int64_t version, const struct lines *lines,
                   struct sl_session *session, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(remove_temporary) const char *from = NULL;
    SL_AUTO(remove_temporary) const char *to = NULL;
    const char *path;
    char uuid[37];

    sl_uuid(uuid);
    from = sl_arena_printf(&arena, "%s/.tmp-%s.json", log->log_folder, uuid);
    to = sl_arena_printf(&arena, "%s/.tmp-%s.parquet", log->log_folder, uuid);
    path = sl_arena_printf(&arena, "%s/%020lld.checkpoint.parquet", log->log_folder,
                           (long long)version);
    SL_TRY_NEW(from, err);
    SL_TRY_NEW(to, err);
    SL_TRY_NEW(path, err);
    SL_TRY(write_parquet(lines, from, to, session, err));
    // Whole before it has its name; the pointer comes last, as readers follow it at once.
    SL_TRY(sl_fs_rename(to, path, err));
    SL_TRY(sl_fs_sync_folder(log->log_folder, err));
    return write_pointer(log, version, lines, path, &arena, err);
}

// Other writers asked for statistics in another form ("Checkpoints"): theirs to write.
static int check_settings(const json_t *metadata, struct sl_err *err)
{
    const char *as_struct = sl_delta_setting(metadata, "delta.checkpoint.writeStatsAsStruct");
    const char *as_json = sl_delta_setting(metadata, "delta.checkpoint.writeStatsAsJson");

    if (sl_str_equal(as_struct, "true") || sl_str_equal(as_json, "false"))
        return sl_fail(err, SL_E_TABLE_FEATURE,
                       "the table wants checkpoints with statistics as structs");
    return SL_OK;
}

static int write_checkpoint(const char *folder, int64_t version, struct sl_session *session,
                            struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    SL_AUTO(lines_clear) struct lines lines = {.text = SL_BUF_INIT};
    const struct sl_delta_intent intent = {0};
    struct sl_delta_log log;

    state.keeps_removed = true;
    SL_TRY(sl_delta_log_open(folder, &arena, &log, err));
    if (version < 0 || version > log.newest)
        return sl_fail(err, SL_E_TABLE_VERSION, "it has no version %lld", (long long)version);
    SL_TRY(sl_delta_state_load(&state, &log, version, session, err));
    SL_TRY(sl_delta_protocol_write_check(state.protocol, state.metadata, &intent, err));
    SL_TRY(check_settings(state.metadata, err));
    SL_TRY(collect(&lines, &state, err));
    return publish(&log, version, &lines, session, err);
}

int sl_delta_checkpoint(const char *folder, int64_t version, struct sl_session *session,
                        struct sl_err *err)
{
    if (write_checkpoint(folder, version, session, err) != SL_OK)
        return sl_err_context(err, "write a checkpoint of '%s'", folder);
    return SL_OK;
}
