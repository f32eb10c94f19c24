#include "base/clock.h"
#include "base/fs.h"
#include "step/step.h"
#include "step/view.h"

#include <string.h>

static const char *step_of(enum sl_layer layer)
{
    switch (layer) {
    case SL_LAYER_RAW:
        return "ingest";
    case SL_LAYER_CLEAN:
    case SL_LAYER_QUARANTINE:
        return "cleanse";
    case SL_LAYER_CURATED:
        return "model";
    }
    return "";
}

static int read_position(const char *folder, int64_t version, const char *app_id,
                         struct sl_session *session, struct sl_arena *arena,
                         struct sl_delta_head *ret_head, struct sl_record *ret_record,
                         struct sl_err *err)
{
    struct sl_delta_head head = {.foreign_version = -1};
    struct sl_record record = {0};
    SL_TRY(sl_delta_head_at(folder, version, arena, &head, err));
    if (head.record_json)
        SL_TRY(sl_record_parse(head.record_json, arena, &record, err));
    else if (head.version >= 0 && session)
        SL_TRY(sl_delta_head_recover(folder, app_id, session, arena, &head, &record.sequence, err));
    *ret_head = head;
    *ret_record = record;
    return SL_OK;
}

int sl_step_position(const struct sl_project *project, enum sl_layer layer, const char *name,
                     struct sl_session *session, struct sl_arena *arena, const char **ret_folder,
                     struct sl_delta_head *ret_head, struct sl_record *ret_record,
                     struct sl_err *err)
{
    const char *app_id = sl_arena_printf(arena, "%s %s", step_of(layer), name);
    *ret_folder = sl_table_folder(project, layer, name, arena);
    SL_TRY_NEW(*ret_folder, err);
    SL_TRY_NEW(app_id, err);
    return read_position(*ret_folder, -1, app_id, session, arena, ret_head, ret_record, err);
}

int sl_step_input(const struct sl_project *project, enum sl_layer layer, const char *name,
                  struct sl_session *session, struct sl_arena *arena, const char **ret_folder,
                  struct sl_delta_head *ret_head, struct sl_record *ret_record,
                  bool *ret_is_borrowed, struct sl_err *err)
{
    const char *app_id = sl_arena_printf(arena, "%s %s", step_of(layer), name);
    *ret_folder = sl_table_source(project, layer, name, arena, ret_is_borrowed);
    SL_TRY_NEW(*ret_folder, err);
    SL_TRY_NEW(app_id, err);
    const struct sl_pin *pin = sl_table_pin(project, layer, name);
    return read_position(*ret_folder, pin && *ret_is_borrowed ? pin->version : -1, app_id, session,
                         arena, ret_head, ret_record, err);
}

int64_t sl_step_rows_since(const struct sl_delta_head *head, const struct sl_record *record)
{
    bool is_known = record->has_same_rows && head->record_version == head->version &&
                    record->same_as + 1 == head->version;

    return is_known ? record->same_since : head->version;
}

int sl_step_changed_by(const struct sl_delta_head *head, const char *table, struct sl_arena *arena,
                       const char **ret, struct sl_err *err)
{
    const char *operation = head->foreign_operation;
    *ret = NULL;
    if (head->version < 0 || head->foreign_version < 0)
        return SL_OK;
    *ret = sl_arena_printf(arena, "another program changed rows of %s (version %lld%s%s)", table,
                           (long long)head->foreign_version, operation && operation[0] ? ", " : "",
                           operation ? operation : "");
    return *ret ? SL_OK : sl_fail_memory(err);
}

static bool are_there(const struct sl_delta_changes *changes, const char *folder,
                      struct sl_arena *arena)
{
    for (size_t i = 0; i < changes->removed_count; i++) {
        const char *path = sl_path_join(arena, folder, changes->removed[i].path);
        if (!path || !sl_fs_exists(path))
            return false;
    }
    return true;
}

int sl_step_changes(struct sl_step_context *context, const struct sl_step_range *range,
                    struct sl_delta_changes *ret, const char **ret_why, struct sl_err *err)
{
    struct sl_arena *arena = context->arena;
    struct sl_err refusal = {0};
    *ret_why = NULL;
    int code = sl_delta_changes(range->folder, range->from, range->to, context->session, arena, ret,
                                &refusal);
    if (code == SL_E_TABLE_VERSION) {
        *ret = (struct sl_delta_changes){0};
        *ret_why = sl_arena_printf(arena, "the log of %s no longer reaches back to version %lld",
                                   range->table, (long long)range->from);
        SL_TRY_NEW(*ret_why, err);
        return SL_OK;
    }
    if (code != SL_OK) {
        if (err)
            *err = refusal;
        return code;
    }
    if (range->needs_removed && !are_there(ret, range->folder, arena)) {
        *ret_why = sl_arena_printf(arena, "files that %s had were vacuumed", range->table);
        SL_TRY_NEW(*ret_why, err);
    }
    return SL_OK;
}

static void forget_staging(struct sl_step_context *context, const char *folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < context->staging.count; i += 2) {
        if (sl_str_equal(context->staging.items[i], folder))
            continue;
        context->staging.items[kept] = context->staging.items[i];
        context->staging.items[kept + 1] = context->staging.items[i + 1];
        kept += 2;
    }
    context->staging.count = kept;
}

int sl_step_try_commit(struct sl_step_context *context, const char *folder,
                       const struct sl_delta_commit *commit, int64_t *ret_version,
                       bool *ret_skipped, struct sl_err *err)
{
    *ret_skipped = false;
    int code = sl_delta_commit(folder, commit, context->session, context->arena, ret_version,
                               ret_skipped, err);
    // What was refused left no trace of this commit. After any other failure it may stand in the
    // log.
    bool is_refused = code == SL_E_TABLE_CONFLICT || code == SL_E_TABLE_SCHEMA ||
                      code == SL_E_TABLE_FEATURE || *ret_skipped;
    if (!is_refused)
        forget_staging(context, folder);
    return code;
}

int sl_step_commit(struct sl_step_context *context, const char *folder,
                   const struct sl_delta_commit *commit, int64_t *ret_version, struct sl_err *err)
{
    bool was_skipped;
    int code = sl_step_try_commit(context, folder, commit, ret_version, &was_skipped, err);
    if (code != SL_OK || !was_skipped)
        return code;
    (void)sl_fail(err, SL_E_TABLE_CONFLICT, "another run did '%s' at the same time",
                  commit->app_id);
    return sl_err_hint(err, "nothing of this run was committed here; run again");
}

int sl_step_staging(struct sl_step_context *context, const char *table_folder,
                    const char **ret_prefix, struct sl_err *err)
{
    char uuid[37];
    *ret_prefix = sl_arena_printf(context->arena, "part-%s", sl_uuid(uuid));
    SL_TRY_NEW(*ret_prefix, err);
    SL_TRY(sl_strs_add(&context->staging, context->arena, table_folder, err));
    if (sl_strs_add(&context->staging, context->arena, *ret_prefix, err) != SL_OK) {
        context->staging.count--;
        return err->code;
    }
    return sl_fs_mkdirs(table_folder, err);
}

// "part-<uuid>-00001" is not the beginning of "part-<uuid>-000010".
static bool is_staged_as(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 && !(name[length] >= '0' && name[length] <= '9');
}

// Partitions are folders below; the log is in one that begins with '_'.
void sl_step_unstage(const char *table_folder, const char *prefix)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs names = {0};
    struct sl_err ignored = {0};
    sl_arena_init(&arena, 0);
    if (sl_fs_list(table_folder, &arena, &names, &ignored) != SL_OK)
        return;
    for (size_t i = 0; i < names.count; i++) {
        const char *path = sl_path_join(&arena, table_folder, names.items[i]);
        struct sl_fs_stat stat;
        if (!path || names.items[i][0] == '_' || names.items[i][0] == '.' ||
            sl_fs_stat(path, &stat, &ignored) != SL_OK)
            continue;
        if (stat.is_folder)
            sl_step_unstage(path, prefix);
        else if (is_staged_as(names.items[i], prefix))
            (void)!sl_fs_remove(path, &ignored);
    }
}

void sl_step_unstage_all(struct sl_step_context *context)
{
    for (size_t i = 0; i + 1 < context->staging.count; i += 2)
        sl_step_unstage(context->staging.items[i], context->staging.items[i + 1]);
    context->staging.count = 0;
}

int sl_file_index(const struct sl_result *result, int64_t row, size_t count, size_t *ret,
                  struct sl_err *err)
{
    const char *text = sl_result_text(result, row, 0);
    int64_t index;
    if (!text || !sl_str_to_int64(text, &index) || index < 0 || (uint64_t)index >= count)
        return sl_fail(err, SL_E_INTERNAL, "a row of file %s, of %zu", text ? text : "null", count);
    *ret = (size_t)index;
    return SL_OK;
}

int sl_step_name_partition(const struct sl_strs *columns, const char *const *values,
                           struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    for (size_t i = 0; i < columns->count; i++)
        sl_buf_addf(&name, "%s%s=%s", i ? ", " : "", columns->items[i],
                    values[i] ? values[i] : "null");
    SL_TRY(sl_buf_check(&name, err));
    const char *text = sl_arena_strdup(arena, name.text);
    SL_TRY_NEW(text, err);
    return sl_strs_add(ret, arena, text, err);
}

int sl_step_count(struct sl_step_context *context, const char *folder, int64_t version,
                  int64_t *ret, struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;
    *ret = 0;
    if (version < 0)
        return SL_OK;
    SL_TRY(sl_delta_load(folder, version, context->session, context->arena, &snapshot, err));
    *ret = snapshot.row_count;
    return SL_OK;
}

static int view_of_view(struct sl_step_context *context, const struct sl_view *view,
                        struct sl_err *err)
{
    for (size_t i = 0; i < view->bases.count; i++) {
        enum sl_layer layer;
        const char *name;
        if (!sl_table_parse(view->bases.items[i], &layer, &name))
            return sl_fail(err, SL_E_SQL_TABLE, "'%s' is not a table name", view->bases.items[i]);
        SL_TRY(sl_step_view(context, layer, name, -1, NULL, err));
    }
    return sl_step_create_view(context, view, err);
}

static const struct sl_table_version *find_version(const struct sl_table_versions *versions,
                                                   const char *table)
{
    for (size_t i = 0; versions && i < versions->count; i++)
        if (sl_str_equal(versions->items[i].table, table))
            return &versions->items[i];
    return NULL;
}

bool sl_step_has_files(const struct sl_delta_snapshot *snapshot, struct sl_arena *arena)
{
    for (size_t i = 0; i < snapshot->file_count; i++) {
        const char *path = sl_path_join(arena, snapshot->folder, snapshot->files[i].path);
        if (!path || !sl_fs_exists(path))
            return false;
    }
    return true;
}

// The version that was taken before, and the wanted one if it is there whole; else the newest.
static int load_wanted(const struct sl_step_context *context, const char *table, const char *folder,
                       struct sl_delta_snapshot *ret, struct sl_err *err)
{
    const struct sl_table_version *wanted = find_version(context->wanted, table);
    const struct sl_table_version *taken = find_version(context->taken, table);
    struct sl_err refusal = {0};
    if (taken)
        return sl_delta_load(folder, taken->version, context->session, context->arena, ret, err);
    if (wanted &&
        sl_delta_load(folder, wanted->version, context->session, context->arena, ret, &refusal) ==
            SL_OK &&
        sl_str_equal(ret->table_id, wanted->id) && sl_step_has_files(ret, context->arena))
        return SL_OK;
    return sl_delta_load(folder, -1, context->session, context->arena, ret, err);
}

static int load_viewed(struct sl_step_context *context, enum sl_layer layer, const char *name,
                       int64_t version, struct sl_delta_snapshot *ret, struct sl_err *err)
{
    bool is_borrowed;
    const char *folder =
        sl_table_source(context->project, layer, name, context->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    const struct sl_pin *pin = sl_table_pin(context->project, layer, name);
    if (pin && is_borrowed && version < 0)
        version = pin->version;
    if (version >= 0 || (!context->wanted && !context->taken))
        return sl_delta_load(folder, version, context->session, context->arena, ret, err);
    const char *table = sl_arena_printf(context->arena, "%s.%s", sl_layer_name(layer), name);
    SL_TRY_NEW(table, err);
    SL_TRY(load_wanted(context, table, folder, ret, err));
    if (!context->taken || ret->version < 0 || find_version(context->taken, table))
        return SL_OK;
    struct sl_table_version taken = {table, ret->version, ret->table_id};
    return SL_PUSH(context->arena, context->taken->items, context->taken->count, taken)
               ? SL_OK
               : sl_fail_memory(err);
}

int sl_step_view(struct sl_step_context *context, enum sl_layer layer, const char *name,
                 int64_t version, int64_t *ret_version, struct sl_err *err)
{
    const struct sl_view *view = sl_view_find(context->views, sl_layer_name(layer), name);
    if (view)
        return view_of_view(context, view, err);
    struct sl_delta_snapshot snapshot = {0};
    SL_TRY(load_viewed(context, layer, name, version, &snapshot, err));
    if (snapshot.version < 0)
        return sl_fail(err, SL_E_TABLE_MISSING, "table '%s.%s' does not exist yet",
                       sl_layer_name(layer), name);
    struct sl_scan scan = {0};
    SL_TRY(sl_delta_scan(&snapshot, context->arena, &scan, err));
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_engine_kind *engine = context->session->kind;
    sl_buf_add(&sql, "select * from ");
    SL_TRY(engine->scan_sql(context->session, &scan, &sql, err));
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(engine->create_view(context->session, sl_layer_name(layer), name, sql.text, err));
    if (ret_version)
        *ret_version = snapshot.version;
    return SL_OK;
}
