#include "step/promise.h"

#include "step/schema.h"

// What the code that the table was made with claims. Where it is not kept, nothing is known.
static int never_null_before(struct sl_step_context *context, bool is_borrowed,
                             const char *fingerprint, struct sl_strs *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    *ret = (struct sl_strs){0};
    SL_TRY(sl_step_find_code_of(context, is_borrowed, fingerprint, &kept, err));
    const char *text = sl_arena_strdup(context->arena, sl_json_text(kept, "text", ""));
    SL_TRY_NEW(text, err);
    return sl_model_never_null(text, context->arena, ret, err);
}

// As a table would have them.
static int state_of(struct sl_step_context *context, const struct sl_model *model,
                    const struct sl_column *columns, size_t count, json_t **ret, struct sl_err *err)
{
    struct sl_strs never_null;
    struct sl_column *stored = SL_NEW_ARRAY(context->arena, struct sl_column, count);
    SL_TRY_NEW(stored, err);
    for (size_t i = 0; i < count; i++)
        stored[i] = (struct sl_column){columns[i].name, sl_storage_type(columns[i].type)};
    SL_TRY(sl_model_never_null(model->text, context->arena, &never_null, err));
    return sl_contract_columns_state(stored, count, &never_null, context->arena, ret, err);
}

static int tell(const struct sl_contract_diff *diff, struct sl_strs *ret, struct sl_err *err)
{
    for (size_t i = 0; i < diff->count; i++) {
        const struct sl_contract_difference *item = &diff->items[i];
        if (item->level != SL_CONTRACT_BREAKING)
            continue;
        bool is_rule = sl_str_starts(item->what, "rule ");
        const char *text = sl_arena_printf(diff->arena, "%s: %s", item->column ? item->column : "",
                                           is_rule ? "may be null, was never null" : item->what);
        SL_TRY_NEW(text, err);
        SL_TRY(sl_strs_add(ret, diff->arena, text, err));
    }
    return SL_OK;
}

int sl_step_promise(struct sl_step_context *context, const struct sl_model *model,
                    const struct sl_column *columns, size_t count, struct sl_strs *ret,
                    struct sl_err *err)
{
    struct sl_contract_diff diff = {.arena = context->arena};
    SL_AUTO(sl_json_free) json_t *before = NULL;
    SL_AUTO(sl_json_free) json_t *now = NULL;
    struct sl_delta_head head;
    struct sl_record record;
    struct sl_delta_snapshot table;
    struct sl_strs never_null;
    const char *folder;
    bool is_borrowed;
    *ret = (struct sl_strs){0};
    if (!model->version_of)
        return SL_OK;
    SL_TRY(sl_step_input(context->project, SL_LAYER_CURATED, model->name, context->session,
                         context->arena, &folder, &head, &record, &is_borrowed, err));
    if (head.version < 0)
        return SL_OK;
    SL_TRY(
        sl_delta_load_schema(folder, head.version, context->session, context->arena, &table, err));
    SL_TRY(never_null_before(context, is_borrowed, record.fingerprint, &never_null, err));
    SL_TRY(sl_contract_columns_state(table.columns, table.column_count, &never_null, context->arena,
                                     &before, err));
    SL_TRY(state_of(context, model, columns, count, &now, err));
    SL_TRY(sl_contract_diff_table(before, now, &diff, err));
    return tell(&diff, ret, err);
}

bool sl_step_may_break(const struct sl_strs *names, const struct sl_model *model)
{
    static const char prefix[] = "curated.";
    for (size_t i = 0; names && i < names->count; i++) {
        const char *name = names->items[i];
        name += sl_str_starts(name, prefix) ? sizeof prefix - 1 : 0;
        if (sl_str_equal(name, model->name))
            return true;
    }
    return false;
}
