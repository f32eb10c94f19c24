// The audit of a model's table: what of it stays, and its checks.
#include "step/audit.h"
#include "step/model.h"

static int find_kept(const struct sl_model_step *step, struct sl_audit *audit, struct sl_err *err)
{
    struct sl_arena *arena = step->context->arena;
    SL_AUTO(sl_map_clear) struct sl_map removed = {0};
    struct sl_delta_snapshot table;
    if (step->scope == SL_SCOPE_ALL)
        return SL_OK;
    for (size_t i = 0; i < step->removed_count; i++)
        SL_TRY(sl_map_set(&removed, step->removed[i], NULL, err));
    SL_TRY(sl_delta_load(step->folder, step->head.version, step->context->session, arena, &table,
                         err));
    struct sl_delta_file *kept = SL_NEW_ARRAY(arena, struct sl_delta_file, table.file_count);
    SL_TRY_NEW(kept, err);
    for (size_t i = 0; i < table.file_count; i++)
        if (!sl_map_has(&removed, table.files[i].path))
            kept[audit->kept_count++] = table.files[i];
    audit->kept = kept;
    return SL_OK;
}

// The views that are there, and whole.
static int find_views(const struct sl_model_step *step, struct sl_audit *audit, struct sl_err *err)
{
    for (size_t i = 0; i < step->input_count; i++)
        if (sl_model_reads_all(step) || !step->inputs[i].is_driving)
            SL_TRY(sl_strs_add(&audit->views, step->context->arena, step->inputs[i].table, err));
    return SL_OK;
}

static struct sl_audit audit_of(const struct sl_model_step *step)
{
    return (struct sl_audit){
        .context = step->context,
        .folder = step->folder,
        .checks = step->model->checks,
        .version = step->head.version,
        .is_judged = sl_str_equal(step->record.fingerprint, step->fingerprint),
        .now_us = step->context->now_us,
        .columns = step->stored,
        .column_count = step->stored_count,
        .partition_columns = step->model->partition_by.items,
        .partition_count = step->model->partition_by.count,
        .staged = &step->staged,
    };
}

int sl_model_scan(const struct sl_model_step *step, struct sl_scan *ret, struct sl_err *err)
{
    struct sl_audit audit = audit_of(step);
    SL_TRY(find_kept(step, &audit, err));
    return sl_audit_scan(&audit, false, ret, err);
}

int sl_model_audit(struct sl_model_step *step, struct sl_step_result *result, struct sl_err *err)
{
    struct sl_audit audit = audit_of(step);
    if (!audit.checks)
        return SL_OK;
    audit.table = sl_arena_printf(step->context->arena, "curated.%s", step->model->name);
    SL_TRY_NEW(audit.table, err);
    SL_TRY(find_kept(step, &audit, err));
    SL_TRY(find_views(step, &audit, err));
    return sl_audit(&audit, result, err);
}
