// The model step: chooses how much must be recomputed, stages it, audits it, commits it.
#include "step/model.h"

#include "step/backfill.h"
#include "step/model_columns.h"
#include "step/promise.h"
#include "step/schema.h"
#include "step/snapshot.h"
#include "step/view.h"

#include <string.h>

static int read_inputs(struct sl_model_step *step, struct sl_err *err)
{
    struct sl_step_context *context = step->context;
    const struct sl_query *query = step->query;
    step->inputs = SL_NEW_ARRAY(context->arena, struct sl_model_input, query->table_count);
    SL_TRY_NEW(step->inputs, err);
    for (size_t i = 0; i < query->table_count; i++) {
        struct sl_model_input *input = &step->inputs[step->input_count++];
        input->table =
            sl_arena_printf(context->arena, "%s.%s", query->tables[i].layer, query->tables[i].name);
        SL_TRY_NEW(input->table, err);
        if (!sl_table_parse(input->table, &input->layer, &input->name))
            return sl_fail(err, SL_E_SQL_TABLE, "'%s' is not a table name", input->table);
        struct sl_delta_head head;
        struct sl_record record;
        bool is_borrowed;
        SL_TRY(sl_step_input(context->project, input->layer, input->name, context->session,
                             context->arena, &input->folder, &head, &record, &is_borrowed, err));
        if (head.version < 0)
            return sl_fail(err, SL_E_TABLE_MISSING, "table '%s' does not exist yet", input->table);
        input->version = head.version;
        input->id = head.table_id;
        input->built_from = sl_record_input(&step->record, input->table, head.table_id);
        if (input->built_from >= sl_step_rows_since(&head, &record) &&
            input->built_from < head.version)
            input->built_from = head.version; // the same rows
        input->is_driving = sl_str_equal(input->table, query->driving_table);
    }
    return SL_OK;
}

static bool is_up_to_date(const struct sl_model_step *step)
{
    if (step->head.version < 0 || step->context->full_refresh || step->query->why_every_run ||
        step->changed_by || !sl_str_equal(step->record.fingerprint, step->fingerprint) ||
        step->record.input_count != step->input_count)
        return false;
    for (size_t i = 0; i < step->input_count; i++)
        if (step->inputs[i].version != step->inputs[i].built_from)
            return false;
    return true;
}

static int create_views(struct sl_model_step *step, struct sl_err *err)
{
    for (size_t i = 0; i < step->input_count; i++) {
        const struct sl_model_input *input = &step->inputs[i];
        if (!sl_model_reads_all(step) && input->is_driving)
            continue; // narrowed to what changed
        SL_TRY(sl_step_view(step->context, input->layer, input->name, input->version, NULL, err));
    }
    for (size_t i = 0; i < step->query->views.count; i++) {
        const struct sl_view *view = sl_view_find(
            step->context->views, sl_layer_name(SL_LAYER_CURATED), step->query->views.items[i]);
        SL_TRY(sl_step_create_view(step->context, view, err));
    }
    return SL_OK;
}

// The engine's position in the bare SQL -> the user's file.
static int at_model(struct sl_model_step *step, struct sl_err *err)
{
    const struct sl_model *model = step->model;
    int line = err->line ? err->line : 1;
    int column = err->line ? err->column : 1;
    if (line == 1)
        column += model->sql_column - 1;
    err->line = err->column = 0;
    return sl_err_at(err, model->file, model->sql_line + line - 1, column);
}

// Columns that settings may name.
struct columns {
    const struct sl_column *items;
    size_t count;
};

// `ret_is_asc`: NULL for names without a direction.
static int find_columns(struct sl_model_step *step, const struct sl_strs *names, const char *key,
                        struct columns columns, const char ***ret, bool *ret_is_asc,
                        struct sl_err *err)
{
    const char **found = SL_NEW_ARRAY(step->context->arena, const char *, names->count);
    SL_TRY_NEW(found, err);
    for (size_t i = 0; i < names->count; i++) {
        const struct sl_column *column =
            ret_is_asc
                ? sl_column_ordered(columns.items, columns.count, names->items[i], &ret_is_asc[i])
                : sl_column_find(columns.items, columns.count, names->items[i]);
        struct sl_place place = sl_yaml_place(step->model->node, key);
        if (!column) {
            (void)sl_fail(err, SL_E_MODEL_SETTING,
                          "'%s' names '%s', which is not a column of the result", key,
                          names->items[i]);
            return sl_err_at(err, place.file, place.line, place.column);
        }
        found[i] = column->name;
    }
    *ret = found;
    return SL_OK;
}

static int read_settings(struct sl_model_step *step, struct sl_err *err)
{
    const struct sl_model *model = step->model;
    struct columns result = {step->columns, step->column_count};
    struct columns stored = {step->stored, step->stored_count};
    SL_TRY(find_columns(step, &model->partition_by, "partition_by", stored, &step->partition_by,
                        NULL, err));
    SL_TRY(find_columns(step, &model->key, "key", result, &step->key, NULL, err));
    step->is_asc = SL_NEW_ARRAY(step->context->arena, bool, model->order_by.count);
    SL_TRY_NEW(step->is_asc, err);
    SL_TRY(find_columns(step, &model->order_by, "order_by", result, &step->order_by, step->is_asc,
                        err));
    if (!model->updated_at)
        return SL_OK;
    const struct sl_strs name = {.items = (const char **)&model->updated_at, .count = 1};
    const char **found;
    SL_TRY(find_columns(step, &name, "updated_at", result, &found, NULL, err));
    step->updated_at = found[0];
    return SL_OK;
}

static int check_columns(const struct sl_model_step *step, struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    sl_model_check_columns(step->model, step->columns, step->column_count, &diags);
    return diags.error_count ? sl_diags_fail(&diags, err) : SL_OK;
}

static int describe(struct sl_model_step *step, struct sl_err *err)
{
    struct sl_session *session = step->context->session;
    if (session->kind->describe(session, step->model->sql, step->context->arena, &step->columns,
                                &step->column_count, err) != SL_OK)
        return at_model(step, err);
    step->stored = SL_NEW_ARRAY(step->context->arena, struct sl_column, step->column_count);
    SL_TRY_NEW(step->stored, err);
    step->stored_count = step->column_count;
    for (size_t i = 0; i < step->column_count; i++)
        step->stored[i] =
            (struct sl_column){step->columns[i].name, sl_storage_type(step->columns[i].type)};
    SL_TRY(check_columns(step, err));
    if (step->model->write == SL_WRITE_SNAPSHOT)
        SL_TRY(sl_snapshot_columns(step, err));
    return read_settings(step, err);
}

// What nobody could foresee: columns that the data itself decides.
static int keep_promise(struct sl_model_step *step, struct sl_step_result *result,
                        struct sl_err *err)
{
    struct sl_arena *arena = step->context->arena;
    struct sl_strs broken;
    SL_TRY(sl_step_promise(step->context, step->model, step->stored, step->stored_count, &broken,
                           err));
    bool may_break = sl_step_may_break(step->context->may_break, step->model);
    for (size_t i = 0; i < broken.count && may_break; i++) {
        const char *note =
            sl_arena_printf(arena, "breaks what the version promised: %s", broken.items[i]);
        SL_TRY_NEW(note, err);
        SL_TRY(sl_strs_add(&result->notes, arena, note, err));
    }
    if (!broken.count || may_break)
        return SL_OK;
    (void)sl_fail(err, SL_E_VERSION_BROKEN, "curated.%s is published, and readers would lose: %s%s",
                  step->model->name, broken.items[0], broken.count > 1 ? ", ..." : "");
    (void)sl_err_at(err, step->model->file, step->model->sql_line, step->model->sql_column);
    return sl_err_hint(err, "make it a new version of '%s', or run it with --allow-breaking %s",
                       step->model->version_of, step->model->name);
}

static int stage(struct sl_model_step *step, const char *sql, struct sl_err *err)
{
    struct sl_step_context *context = step->context;
    struct sl_stage_options options = {
        .folder = step->folder,
        .partition_columns = step->partition_by,
        .partition_count = step->model->partition_by.count,
        .columns = step->stored,
        .column_count = step->stored_count,
    };
    SL_TRY(sl_step_staging(context, step->folder, &options.file_prefix, err));
    if (context->session->kind->stage(context->session, sql, &options, context->arena,
                                      &step->staged, err) != SL_OK)
        return sl_err_at(err, step->model->file, step->model->sql_line, 1);
    return SL_OK;
}

static int stage_rows(struct sl_model_step *step, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const char *query = step->model->sql;
    query = sl_arena_strndup(step->context->arena, query,
                             step->context->session->kind->sql_length(query));
    SL_TRY_NEW(query, err);
    if (step->chunk && !step->is_narrowed)
        SL_TRY(sl_backfill_filter(step, &query, err));
    sl_stored_select(step->columns, step->column_count, query, &sql);
    if (step->model->write == SL_WRITE_SNAPSHOT) {
        SL_TRY(sl_buf_check(&sql, err));
        return sl_snapshot_stage(step, sql.text, err);
    }
    // Rows of one partition next to each other: one file each, and less memory.
    for (size_t i = 0; i < step->model->partition_by.count; i++) {
        sl_buf_add(&sql, i ? ", " : " order by ");
        sl_buf_add_sql_name(&sql, step->partition_by[i]);
    }
    SL_TRY(sl_buf_check(&sql, err));
    if (step->model->write == SL_WRITE_MERGE)
        return sl_model_merge(step, sql.text, err);
    SL_TRY(sl_model_replaced(step, err));
    SL_TRY(stage(step, sql.text, err));
    step->balance.in = step->balance.out = step->staged.row_count;
    return SL_OK;
}

int sl_model_stage(struct sl_model_step *step, const char *sql, struct sl_err *err)
{
    return stage(step, sql, err);
}

static int build_record(struct sl_model_step *step, const struct sl_step_result *result,
                        const char **ret_json, struct sl_err *err)
{
    struct sl_record record = {
        .run_id = step->context->run_id,
        .step = step->app_id,
        .sequence = step->record.sequence + 1,
        .fingerprint = step->fingerprint,
        .was_full = step->scope == SL_SCOPE_ALL,
        .balance = step->balance,
        .has_balance = true,
        .checks = result->checks,
        .check_count = result->check_count,
        .has_same_rows = step->scope == SL_SCOPE_NONE,
        .same_as = step->head.version,
        .same_since = sl_step_rows_since(&step->head, &step->record),
    };
    record.inputs = SL_NEW_ARRAY(step->context->arena, struct sl_table_version, step->input_count);
    SL_TRY_NEW(record.inputs, err);
    for (size_t i = 0; i < step->input_count; i++)
        record.inputs[record.input_count++] = (struct sl_table_version){
            step->inputs[i].table, step->inputs[i].version, step->inputs[i].id};
    return sl_record_print(&record, step->context->arena, ret_json, err);
}

// The first text that has the fingerprint stays: what differs later is only how it is written.
static int keep_code(struct sl_model_step *step, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    SL_AUTO(sl_json_free) json_t *code = NULL;
    SL_TRY(sl_step_find_code(step->context, step->fingerprint, &kept, err));
    if (kept)
        return SL_OK;
    code = json_pack("{s:s, s:s, s:o}", "model", step->model->name, "file", step->model->file,
                     "text", sl_json_string(step->model->text ? step->model->text : ""));
    SL_TRY_NEW(code, err);
    return sl_step_keep_code(step->context, step->fingerprint, code, err);
}

int sl_model_commit(struct sl_model_step *step, struct sl_delta_commit *ret, struct sl_err *err)
{
    *ret = (struct sl_delta_commit){
        .mode = step->commit_mode,
        .base_version = step->head.version,
        .columns = step->stored,
        .column_count = step->stored_count,
        .partition_columns = step->partition_by,
        .partition_count = step->partition_by ? step->model->partition_by.count : 0,
        .staged = &step->staged,
        .staged_folder = "",
        .removed = step->removed,
        .removed_count = step->removed_count,
        .replaced = step->touched,
        .replaced_count = step->touched_count,
        .app_id = step->app_id,
        .app_version = step->record.sequence + 1,
        .operation = step->scope == SL_SCOPE_ALL ? "CREATE OR REPLACE TABLE AS SELECT" : "WRITE",
        .description = step->model->description,
    };
    return keep_code(step, err);
}

static int commit(struct sl_model_step *step, const struct sl_step_result *result,
                  int64_t *ret_version, struct sl_err *err)
{
    struct sl_delta_commit commit;
    SL_TRY(sl_model_commit(step, &commit, err));
    SL_TRY(build_record(step, result, &commit.record_json, err));
    return sl_step_commit(step->context, step->folder, &commit, ret_version, err);
}

// Nothing to write, but what it is built from: a table that is not built from the newest version of
// its inputs would hold them back from being published, and be stale for ever.
static int commit_inputs(struct sl_model_step *step, struct sl_err *err)
{
    const struct sl_step_result as_before = {.checks = step->record.checks,
                                             .check_count = step->record.check_count};
    struct sl_delta_snapshot table;
    int64_t version;
    SL_TRY(sl_delta_load_schema(step->folder, step->head.version, step->context->session,
                                step->context->arena, &table, err));
    step->stored = table.columns;
    step->stored_count = table.column_count;
    step->commit_mode = SL_DELTA_APPEND;
    return commit(step, &as_before, &version, err);
}

static int name_touched(const struct sl_model_step *step, struct sl_strs *names, struct sl_err *err)
{
    for (size_t i = 0; i < step->touched_count; i++)
        SL_TRY(sl_step_name_partition(&step->model->partition_by, step->touched[i],
                                      step->context->arena, names, err));
    return SL_OK;
}

int sl_model_fill_result(struct sl_model_step *step, int64_t version, struct sl_step_result *ret,
                         struct sl_err *err)
{
    ret->outcome = SL_STEP_DONE;
    ret->was_full = step->scope == SL_SCOPE_ALL;
    ret->why = step->why;
    ret->balance = step->balance;
    ret->has_balance = true;
    ret->versions = SL_NEW(step->context->arena, struct sl_table_version);
    SL_TRY_NEW(ret->versions, err);
    ret->versions[0].table = sl_arena_printf(step->context->arena, "curated.%s", step->model->name);
    SL_TRY_NEW(ret->versions[0].table, err);
    ret->versions[0].version = version;
    ret->version_count = 1;
    ret->files_out = (int64_t)step->staged.file_count;
    for (size_t i = 0; i < step->staged.file_count; i++)
        ret->bytes_out += step->staged.files[i].size_bytes;
    return name_touched(step, &ret->partitions, err);
}

int sl_model_look(struct sl_model_step *step, struct sl_err *err)
{
    struct sl_step_context *context = step->context;
    step->app_id = sl_arena_printf(context->arena, "model %s", step->model->name);
    SL_TRY_NEW(step->app_id, err);
    SL_TRY(sl_step_position(context->project, SL_LAYER_CURATED, step->model->name, context->session,
                            context->arena, &step->folder, &step->head, &step->record, err));
    const char *table = sl_arena_printf(context->arena, "curated.%s", step->model->name);
    SL_TRY_NEW(table, err);
    SL_TRY(sl_step_changed_by(&step->head, table, context->arena, &step->changed_by, err));
    return read_inputs(step, err);
}

int sl_model_describe(struct sl_model_step *step, struct sl_err *err)
{
    SL_TRY(create_views(step, err));
    return describe(step, err);
}

int sl_model_compute(struct sl_model_step *step, struct sl_step_result *result, struct sl_err *err)
{
    SL_TRY(sl_model_describe(step, err));
    SL_TRY(keep_promise(step, result, err));
    return stage_rows(step, err);
}

int sl_step_model(struct sl_step_context *context, const struct sl_model *model,
                  const struct sl_query *query, const char *fingerprint, struct sl_step_result *ret,
                  struct sl_err *err)
{
    struct sl_model_step step = {
        .context = context, .model = model, .query = query, .fingerprint = fingerprint};
    int64_t version;
    *ret = (struct sl_step_result){.outcome = SL_STEP_NOTHING};
    SL_TRY(sl_model_look(&step, err));
    if (is_up_to_date(&step))
        return SL_OK;
    SL_TRY(sl_snapshot_guard(&step, err));
    SL_TRY(sl_model_scope(&step, err));
    if (step.scope == SL_SCOPE_NONE)
        return commit_inputs(&step, err);
    if (step.changed_by)
        SL_TRY(sl_strs_add(&ret->notes, context->arena, step.changed_by, err));
    SL_TRY(sl_model_compute(&step, ret, err));
    SL_TRY(sl_model_audit(&step, ret, err));
    SL_TRY(sl_balance_check(&step.balance, step.app_id, err));
    SL_TRY(sl_snapshot_keep(&step, err));
    SL_TRY(commit(&step, ret, &version, err));
    return sl_model_fill_result(&step, version, ret, err);
}

int sl_step_model_foresee(struct sl_step_context *context, const struct sl_model *model,
                          const struct sl_query *query, const char *fingerprint,
                          struct sl_forecast *ret, struct sl_err *err)
{
    struct sl_model_step step = {.context = context,
                                 .model = model,
                                 .query = query,
                                 .fingerprint = fingerprint,
                                 .only_foresees = true};
    *ret = (struct sl_forecast){0};
    SL_TRY(sl_model_look(&step, err));
    if (is_up_to_date(&step))
        return SL_OK;
    SL_TRY(sl_model_scope(&step, err));
    ret->is_whole = step.scope == SL_SCOPE_ALL;
    ret->why = step.why;
    return name_touched(&step, &ret->partitions, err);
}
