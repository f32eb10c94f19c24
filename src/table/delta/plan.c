#include "table/delta/plan.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "table/delta/action.h"
#include "table/delta/path.h"
#include "table/delta/protocol.h"
#include "table/delta/schema.h"
#include "table/delta/snapshot.h"

#include <string.h>

struct planner {
    const struct sl_delta_state *state;
    const struct sl_delta_commit *commit;
    struct sl_arena *arena;
    struct sl_buf *lines; // all but the commitInfo
    struct sl_delta_partition_set partitions;
    int64_t now_ms;
    const char *table_id;
    size_t removed_count;
    struct sl_delta_restored restored;
    bool is_data_change;
};

static bool is_built_anew(const struct sl_delta_state *state, const struct sl_delta_commit *commit)
{
    return state->version < 0 || commit->mode == SL_DELTA_REPLACE ||
           commit->mode == SL_DELTA_RESTORE;
}

// --- partitions

static int find_type(const struct sl_column *columns, size_t count, struct sl_column *column,
                     struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(columns[i].name, column->name) == 0) {
            column->type = columns[i].type;
            return sl_delta_partition_check(column, err);
        }
    }
    return sl_fail(err, SL_E_TABLE_SCHEMA, "the table has no column '%s' to partition it by",
                   column->name);
}

static bool is_same_list(const struct sl_delta_commit *commit, const char *const *names,
                         size_t count)
{
    if (commit->partition_count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(commit->partition_columns[i], names[i]) != 0)
            return false;
    return true;
}

int sl_delta_plan_partitions(const struct sl_delta_state *state,
                             const struct sl_delta_commit *commit, struct sl_arena *arena,
                             struct sl_delta_partition_set *ret, struct sl_err *err)
{
    const char *const *names = commit->partition_columns;
    size_t count = commit->partition_count;
    struct sl_column *columns;

    if (!is_built_anew(state, commit)) {
        SL_TRY(sl_delta_partition_columns(state->metadata, arena, &names, &count, err));
        if (commit->partition_count > 0 && !is_same_list(commit, names, count))
            return sl_fail(err, SL_E_TABLE_SCHEMA, "the table is partitioned by other columns");
    }
    columns = SL_NEW_ARRAY(arena, struct sl_column, count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < count; i++) {
        columns[i].name = names[i];
        SL_TRY(find_type(commit->columns, commit->column_count, &columns[i], err));
    }
    ret->columns = columns;
    ret->column_count = count;
    for (size_t i = 0; i < commit->replaced_count; i++)
        SL_TRY(sl_delta_partition_set_add(ret, commit->replaced[i], err));
    return SL_OK;
}

// --- protocol and metaData

static json_t *list_names(const struct sl_delta_partition_set *partitions)
{
    json_t *names = json_array();

    for (size_t i = 0; i < partitions->column_count; i++)
        if (json_array_append_new(names, json_string(partitions->columns[i].name)) != 0) {
            json_decref(names);
            return NULL;
        }
    return names;
}

// The schema of a table that is new or built anew; NULL if it is the one that the table has.
static int plan_new_schema(struct planner *planner, const char **ret, bool *has_ntz,
                           struct sl_err *err)
{
    const struct sl_delta_commit *commit = planner->commit;
    const char *old = sl_json_text(planner->state->metadata, "schemaString", NULL);
    if (commit->mode == SL_DELTA_RESTORE) { // comments and nullability too
        if (!sl_str_equal(old, commit->restored->schema_json))
            *ret = commit->restored->schema_json;
        return SL_OK;
    }
    SL_AUTO(sl_buf_clear) struct sl_buf schema = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf before = SL_BUF_INIT;
    bool had_ntz = false;

    SL_TRY(sl_delta_schema_print(commit->columns, commit->column_count, &schema, has_ntz, err));
    if (old) {
        struct sl_column *columns;
        size_t count;

        // What the old one says besides (comments, nullability) is no reason to replace it.
        SL_TRY(sl_delta_schema_parse(old, planner->arena, &columns, &count, err));
        SL_TRY(sl_delta_schema_print(columns, count, &before, &had_ntz, err));
        if (strcmp(before.text, schema.text) == 0)
            return SL_OK;
    }
    *ret = sl_arena_strdup(planner->arena, schema.text);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static json_t *new_metadata(const struct planner *planner)
{
    char uuid[37];

    return json_pack("{s:s, s:{s:s, s:{}}, s:s, s:[], s:{}, s:I}", "id", sl_uuid(uuid), "format",
                     "provider", "parquet", "options", "schemaString", "", "partitionColumns",
                     "configuration", "createdTime", (json_int_t)planner->now_ms);
}

// The metaData action with a new schema (NULL: the old one), or nothing if all is as before.
static int plan_metadata(struct planner *planner, const char *schema, struct sl_err *err)
{
    const json_t *old = planner->state->metadata;
    // Whoever may read the table may not read the secrets of the project.
    const char *description = sl_log_mask(planner->commit->description, planner->arena);
    SL_AUTO(sl_json_free) json_t *names = list_names(&planner->partitions);
    SL_AUTO(sl_json_free) json_t *metadata = NULL;

    SL_TRY_NEW(names, err);
    planner->table_id = sl_json_text(old, "id", "");
    if (!schema && json_equal(names, json_object_get(old, "partitionColumns")) &&
        (!description || sl_str_equal(description, sl_json_text(old, "description", NULL))))
        return SL_OK;
    metadata = old ? json_deep_copy(old) : new_metadata(planner);
    SL_TRY_NEW(metadata, err);
    planner->table_id = sl_arena_strdup(planner->arena, sl_json_text(metadata, "id", ""));
    SL_TRY_NEW(planner->table_id, err);
    if ((schema && json_object_set_new(metadata, "schemaString", json_string(schema)) != 0) ||
        json_object_set(metadata, "partitionColumns", names) != 0 ||
        (description &&
         json_object_set_new(metadata, "description", json_string(description)) != 0))
        return sl_fail_memory(err);
    sl_buf_add_char(planner->lines, '{');
    SL_TRY(sl_delta_print_member(planner->lines, "metaData", metadata, err));
    sl_buf_add(planner->lines, "}\n");
    return SL_OK;
}

static int plan_schema(struct planner *planner, struct sl_err *err)
{
    const struct sl_delta_state *state = planner->state;
    const struct sl_delta_commit *commit = planner->commit;
    const char *schema = NULL;
    bool has_ntz = false;
    size_t length = planner->lines->length;

    if (is_built_anew(state, commit))
        SL_TRY(plan_new_schema(planner, &schema, &has_ntz, err));
    else
        SL_TRY(sl_delta_schema_extend(sl_json_text(state->metadata, "schemaString", ""),
                                      commit->columns, commit->column_count, planner->arena,
                                      &schema, &has_ntz, err));
    SL_TRY(sl_delta_protocol_print(state->protocol, has_ntz, planner->lines, err));
    if (planner->lines->length > length)
        sl_buf_add_char(planner->lines, '\n');
    return plan_metadata(planner, schema, err);
}

// --- files

static int remove_file(struct planner *planner, const json_t *add, struct sl_err *err)
{
    SL_TRY(
        sl_delta_print_remove(planner->lines, add, planner->is_data_change, planner->now_ms, err));
    sl_buf_add_char(planner->lines, '\n');
    planner->removed_count++;
    return SL_OK;
}

static int remove_listed(struct planner *planner, struct sl_err *err)
{
    for (size_t i = 0; i < planner->commit->removed_count; i++) {
        const char *path = planner->commit->removed[i];
        const json_t *add = sl_map_get(&planner->state->files, path);

        if (!add)
            return sl_fail(err, SL_E_TABLE_CONFLICT, "file '%s' to be removed is gone", path);
        SL_TRY(remove_file(planner, add, err));
    }
    return SL_OK;
}

static int remove_matching(struct planner *planner, struct sl_err *err)
{
    const struct sl_map_entry *it;

    for (it = sl_map_first(&planner->state->files); it; it = sl_map_next(it)) {
        const json_t *add = sl_map_value(it);
        bool is_replaced = planner->commit->mode == SL_DELTA_REPLACE;

        if (!is_replaced)
            SL_TRY(sl_delta_partition_set_has(
                &planner->partitions, json_object_get(add, "partitionValues"), &is_replaced, err));
        if (is_replaced)
            SL_TRY(remove_file(planner, add, err));
    }
    return SL_OK;
}

static int plan_removes(struct planner *planner, struct sl_err *err)
{
    switch (planner->commit->mode) {
    case SL_DELTA_APPEND:
        return SL_OK;
    case SL_DELTA_REWRITE:
        return remove_listed(planner, err);
    case SL_DELTA_RESTORE:
        return sl_delta_restore_print(planner->state, planner->commit->restored, planner->now_ms,
                                      planner->lines, &planner->restored, err);
    case SL_DELTA_REPLACE:
    case SL_DELTA_PARTITIONS:
        return remove_matching(planner, err);
    }
    return SL_OK;
}

static int add_partition_values(struct planner *planner, const struct sl_staged_file *file,
                                struct sl_err *err)
{
    sl_buf_add(planner->lines, ",\"partitionValues\":{");
    for (size_t i = 0; i < planner->partitions.column_count; i++) {
        const struct sl_column *column = &planner->partitions.columns[i];
        const char *value;

        SL_TRY(sl_delta_partition_value(column, file->partition[i], planner->arena, &value, err));
        sl_buf_add(planner->lines, i ? "," : "");
        sl_buf_add_json_string(planner->lines, column->name);
        sl_buf_add_char(planner->lines, ':');
        if (value)
            sl_buf_add_json_string(planner->lines, value);
        else
            sl_buf_add(planner->lines, "null");
    }
    sl_buf_add_char(planner->lines, '}');
    return SL_OK;
}

static int add_stats(struct planner *planner, const struct sl_staged_file *file, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf stats = SL_BUF_INIT;

    sl_delta_stats_print(file, planner->commit->columns, planner->commit->column_count,
                         &planner->partitions, &stats);
    SL_TRY(sl_buf_check(&stats, err));
    sl_buf_add(planner->lines, ",\"stats\":");
    sl_buf_add_json_string(planner->lines, stats.text);
    return SL_OK;
}

// Callers give JSON texts; a line must stay one line, and a damaged one would damage the log.
static int add_json(struct planner *planner, const char *key, const char *text, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *json = NULL;

    SL_TRY(sl_json_parse(text, strlen(text), key, &json, err));
    sl_buf_add_char(planner->lines, ',');
    return sl_delta_print_member(planner->lines, key, json, err);
}

// A partition that is not among those to be replaced would be doubled.
static int check_partition(struct planner *planner, const struct sl_staged_file *file,
                           struct sl_err *err)
{
    struct sl_delta_partition_set staged = {.columns = planner->partitions.columns,
                                            .column_count = planner->partitions.column_count};
    bool is_replaced = false;
    int code;

    if (planner->commit->mode != SL_DELTA_PARTITIONS)
        return SL_OK;
    code = sl_delta_partition_set_add(&staged, file->partition, err);
    if (code == SL_OK)
        is_replaced = sl_map_has(&planner->partitions.keys, sl_map_key(sl_map_first(&staged.keys)));
    sl_delta_partition_set_clear(&staged);
    SL_TRY(code);
    return is_replaced ? SL_OK
                       : sl_fail(err, SL_E_INTERNAL,
                                 "file '%s' is in a partition that is not replaced", file->path);
}

static int add_file(struct planner *planner, size_t index, struct sl_err *err)
{
    const struct sl_delta_commit *commit = planner->commit;
    const struct sl_staged_file *file = &commit->staged->files[index];
    const char *path = sl_path_join(planner->arena, commit->staged_folder, file->path);

    SL_TRY_NEW(path, err);
    if (planner->partitions.column_count > 0 && !file->partition)
        return sl_fail(err, SL_E_INTERNAL, "file '%s' has no partition", path);
    if (sl_map_has(&planner->state->files, path))
        return sl_fail(err, SL_E_INTERNAL, "file '%s' is in the table already", path);
    SL_TRY(check_partition(planner, file, err));
    sl_buf_add(planner->lines, "{\"add\":{\"path\":\"");
    sl_delta_path_encode(planner->lines, path);
    sl_buf_add_char(planner->lines, '"');
    SL_TRY(add_partition_values(planner, file, err));
    sl_buf_addf(planner->lines, ",\"size\":%lld,\"modificationTime\":%lld,\"dataChange\":%s",
                (long long)file->size_bytes, (long long)planner->now_ms,
                planner->is_data_change ? "true" : "false");
    SL_TRY(add_stats(planner, file, err));
    if (commit->tags_json && commit->tags_json[index])
        SL_TRY(add_json(planner, "tags", commit->tags_json[index], err));
    sl_buf_add(planner->lines, "}}\n");
    return sl_buf_check(planner->lines, err);
}

static int retag_file(struct planner *planner, size_t index, struct sl_err *err)
{
    const char *path = planner->commit->retagged[index];
    const char *tags = planner->commit->retags_json[index];
    const json_t *live = sl_map_get(&planner->state->files, path);
    SL_AUTO(sl_json_free) json_t *add = NULL;
    json_t *parsed = NULL;

    if (!live)
        return sl_fail(err, SL_E_TABLE_CONFLICT, "file '%s' to be described anew is gone", path);
    add = json_deep_copy(live);
    SL_TRY_NEW(add, err);
    SL_TRY(sl_json_parse(tags, strlen(tags), "tags", &parsed, err));
    if (json_object_set_new(add, "tags", parsed) != 0 ||
        json_object_set_new(add, "dataChange", json_false()) != 0)
        return sl_fail_memory(err);
    sl_buf_add_char(planner->lines, '{');
    SL_TRY(sl_delta_print_member(planner->lines, "add", add, err));
    sl_buf_add(planner->lines, "}\n");
    return SL_OK;
}

// --- all of it

static int plan_lines(struct planner *planner, struct sl_err *err)
{
    const struct sl_delta_commit *commit = planner->commit;
    const struct sl_delta_intent intent = {
        .removes_rows = commit->mode != SL_DELTA_APPEND && planner->is_data_change,
        .changes_rows = (commit->mode == SL_DELTA_PARTITIONS || commit->mode == SL_DELTA_REWRITE) &&
                        planner->is_data_change,
    };

    if (planner->state->version >= 0)
        SL_TRY(sl_delta_protocol_write_check(planner->state->protocol, planner->state->metadata,
                                             &intent, err));
    SL_TRY(plan_schema(planner, err));
    if (commit->app_id) {
        sl_delta_print_txn(planner->lines, commit->app_id, commit->app_version, planner->now_ms);
        sl_buf_add_char(planner->lines, '\n');
    }
    SL_TRY(plan_removes(planner, err));
    for (size_t i = 0; commit->staged && i < commit->staged->file_count; i++)
        SL_TRY(add_file(planner, i, err));
    for (size_t i = 0; i < commit->retagged_count; i++)
        SL_TRY(retag_file(planner, i, err));
    return SL_OK;
}

static int plan_info(struct planner *planner, struct sl_buf *text, struct sl_err *err)
{
    const struct sl_delta_commit *commit = planner->commit;
    SL_AUTO(sl_json_free) json_t *list = list_names(&planner->partitions);
    SL_AUTO(sl_json_free) json_t *record = NULL;
    struct sl_delta_commit_note note = {
        .timestamp_ms = planner->now_ms,
        .operation = commit->operation,
        .mode = commit->mode == SL_DELTA_APPEND ? "Append" : "Overwrite",
        .read_version = planner->state->version,
        .is_blind_append = commit->mode == SL_DELTA_APPEND && commit->retagged_count == 0,
        .removed_count = (int64_t)(planner->removed_count + planner->restored.removed_count),
        .file_count = planner->restored.file_count,
        .row_count = planner->restored.row_count,
        .size_bytes = planner->restored.size_bytes,
    };

    SL_TRY_NEW(list, err);
    SL_TRY(sl_delta_json_copy(list, planner->arena, &note.partition_by_json, err));
    if (commit->record_json) {
        SL_TRY(sl_json_parse(commit->record_json, strlen(commit->record_json), "record", &record,
                             err));
        if (json_object_set_new(record, "table_id", json_string(planner->table_id)) != 0)
            return sl_fail(err, SL_E_INTERNAL, "the record is no JSON object");
        SL_TRY(sl_delta_json_copy(record, planner->arena, &note.record_json, err));
    }
    for (size_t i = 0; commit->staged && i < commit->staged->file_count; i++) {
        note.file_count++;
        note.row_count += commit->staged->files[i].row_count;
        note.size_bytes += commit->staged->files[i].size_bytes;
    }
    sl_delta_print_commit_info(text, &note);
    sl_buf_add_char(text, '\n');
    return SL_OK;
}

static int plan(struct planner *planner, struct sl_buf *text, struct sl_err *err)
{
    SL_TRY(sl_delta_plan_partitions(planner->state, planner->commit, planner->arena,
                                    &planner->partitions, err));
    SL_TRY(plan_lines(planner, err));
    // First in the file, last to be known.
    SL_TRY(plan_info(planner, text, err));
    sl_buf_add_bytes(text, planner->lines->text, planner->lines->length);
    SL_TRY(sl_buf_check(planner->lines, err));
    return sl_buf_check(text, err);
}

int sl_delta_plan(const struct sl_delta_state *state, const struct sl_delta_commit *commit,
                  struct sl_arena *arena, struct sl_buf *text, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf lines = SL_BUF_INIT;
    struct planner planner = {
        .state = state,
        .commit = commit,
        .arena = arena,
        .lines = &lines,
        .now_ms = sl_clock_now_us() / 1000,
        // Compaction only moves rows (the name that other writers give it).
        .is_data_change = !sl_str_equal(commit->operation, "OPTIMIZE"),
    };
    int code = plan(&planner, text, err);

    sl_delta_partition_set_clear(&planner.partitions);
    return code;
}
