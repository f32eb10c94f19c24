#include "step/view.h"

#include "base/hash.h"
#include "step/schema.h"

const struct sl_view *sl_view_find(const struct sl_views *views, const char *layer,
                                   const char *name)
{
    if (!views || !sl_str_equal(layer, sl_layer_name(SL_LAYER_CURATED)))
        return NULL;
    return sl_map_get(&views->by_name, name);
}

static int create_one(struct sl_step_context *context, const struct sl_view *view,
                      struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct sl_engine_kind *engine = context->session->kind;
    const char *curated = sl_layer_name(SL_LAYER_CURATED);
    struct sl_column *columns;
    size_t count;
    if (engine->describe(context->session, view->sql, context->arena, &columns, &count, err) !=
        SL_OK)
        return sl_err_context(err, "view curated.%s", view->name);
    const char *bare = sl_arena_strndup(context->arena, view->sql, engine->sql_length(view->sql));
    SL_TRY_NEW(bare, err);
    sl_stored_select(columns, count, bare, &sql);
    SL_TRY(sl_buf_check(&sql, err));
    return engine->create_view(context->session, curated, view->name, sql.text, err);
}

int sl_step_create_view(struct sl_step_context *context, const struct sl_view *view,
                        struct sl_err *err)
{
    for (size_t i = 0; i < view->below.count; i++)
        SL_TRY(
            create_one(context, sl_map_get(&context->views->by_name, view->below.items[i]), err));
    return create_one(context, view, err);
}

int sl_step_view_is_borrowed(const struct sl_project *project, const struct sl_view *view,
                             struct sl_arena *arena, bool *ret, struct sl_err *err)
{
    bool is_borrowed = view->bases.count > 0;
    for (size_t i = 0; i < view->bases.count && is_borrowed; i++) {
        enum sl_layer layer;
        const char *name;
        if (!sl_table_parse(view->bases.items[i], &layer, &name))
            return sl_fail(err, SL_E_SQL_TABLE, "'%s' is not a table name", view->bases.items[i]);
        SL_TRY_NEW(sl_table_source(project, layer, name, arena, &is_borrowed), err);
    }
    *ret = is_borrowed;
    return SL_OK;
}

int sl_step_view_identity(const struct sl_project *project, const struct sl_view *view,
                          struct sl_session *session, struct sl_arena *arena, const char **ret,
                          struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];
    *ret = NULL;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, "view");
    sl_hash_add(hash, view->fingerprint);
    for (size_t i = 0; i < view->bases.count; i++) {
        struct sl_delta_head head;
        struct sl_record record;
        enum sl_layer layer;
        const char *name, *folder;
        bool is_borrowed;
        if (!sl_table_parse(view->bases.items[i], &layer, &name))
            return sl_fail(err, SL_E_SQL_TABLE, "'%s' is not a table name", view->bases.items[i]);
        SL_TRY(sl_step_input(project, layer, name, session, arena, &folder, &head, &record,
                             &is_borrowed, err));
        if (head.version < 0)
            return SL_OK;
        int64_t since = sl_step_rows_since(&head, &record);
        sl_hash_add(hash, view->bases.items[i]);
        sl_hash_add(hash, head.table_id);
        sl_hash_add_bytes(hash, &since, sizeof since);
    }
    SL_TRY(sl_hash_end(hash, hex, err));
    *ret = sl_arena_printf(arena, "view-%.32s", hex);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
