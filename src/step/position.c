#include "base/clock.h"
#include "base/fs.h"
#include "step/step.h"

int sl_step_position(const struct sl_project *project, enum sl_layer layer, const char *name,
                     struct sl_arena *arena, const char **ret_folder,
                     struct sl_delta_head *ret_head, struct sl_record *ret_record,
                     struct sl_err *err)
{
    const char *folder = sl_table_folder(project, layer, name, arena);
    SL_TRY_NEW(folder, err);
    struct sl_delta_head head = {0};
    struct sl_record record = {0};
    SL_TRY(sl_delta_head(folder, arena, &head, err));
    if (head.record_json)
        SL_TRY(sl_record_parse(head.record_json, arena, &record, err));
    *ret_folder = folder;
    *ret_head = head;
    *ret_record = record;
    return SL_OK;
}

int sl_step_staging(const char *table_folder, struct sl_arena *arena, const char **ret_prefix,
                    struct sl_err *err)
{
    char uuid[37];
    *ret_prefix = sl_arena_printf(arena, "part-%s", sl_uuid(uuid));
    SL_TRY_NEW(*ret_prefix, err);
    return sl_fs_mkdirs(table_folder, err);
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

int sl_step_view(struct sl_step_context *context, enum sl_layer layer, const char *name,
                 int64_t version, int64_t *ret_version, struct sl_err *err)
{
    const char *folder = sl_table_folder(context->project, layer, name, context->arena);
    SL_TRY_NEW(folder, err);
    struct sl_delta_snapshot snapshot = {0};
    SL_TRY(sl_delta_load(folder, version, context->session, context->arena, &snapshot, err));
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
