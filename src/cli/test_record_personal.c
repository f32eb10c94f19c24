#include "cli/test_record_personal.h"

#include "base/json.h"
#include "base/str.h"

int sl_record_watch_open(struct sl_world *world, struct sl_record_watch *watch, struct sl_err *err)
{
    struct sl_diags *diags = &world->project->diags, before = *diags;
    *watch = (struct sl_record_watch){.lineage = {.world = world}};
    SL_TRY(sl_world_is_personal(world, &watch->is_needed, err));
    if (!watch->is_needed)
        return SL_OK;
    *diags = (struct sl_diags)SL_DIAGS_INIT; // they are known
    int code = sl_lineage_read(world, &watch->lineage, err);
    if (code == SL_OK)
        code = sl_lineage_classify(&watch->lineage, err);
    sl_diags_clear(diags);
    *diags = before;
    return code;
}

void sl_record_watch_clear(struct sl_record_watch *watch)
{
    if (watch)
        sl_lineage_clear(&watch->lineage);
}

int sl_record_watch_add(struct sl_record_watch *watch, const char *table, const char *column,
                        struct sl_record_tables *list, struct sl_err *err)
{
    struct sl_arena *arena = &watch->lineage.world->arena;
    struct sl_record_table *own = NULL;
    const struct sl_lineage_end *end =
        watch->is_needed ? sl_lineage_end(&watch->lineage, table, column) : NULL;
    if (!end || !end->classification)
        return SL_OK;
    for (size_t i = 0; i < list->count; i++)
        if (sl_str_equal(list->items[i].name, table))
            own = &list->items[i];
    if (!own) {
        if (!SL_PUSH(arena, list->items, list->count, (struct sl_record_table){.name = table}))
            return sl_fail_memory(err);
        own = &list->items[list->count - 1];
    }
    return sl_strs_has(&own->columns, end->column)
               ? SL_OK
               : sl_strs_add(&own->columns, arena, end->column, err);
}

int sl_record_tables_json(const struct sl_record_tables *list, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = json_array();
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < list->count; i++) {
        json_t *columns = json_array();
        bool has_failed = !columns;
        for (size_t k = 0; columns && k < list->items[i].columns.count; k++)
            has_failed |=
                json_array_append_new(columns, json_string(list->items[i].columns.items[k])) != 0;
        if (json_array_append_new(root, json_pack("{s:s, s:o}", "table", list->items[i].name,
                                                  "columns", columns)) != 0 ||
            has_failed)
            return sl_fail_memory(err);
    }
    *ret = root;
    root = NULL;
    return SL_OK;
}
