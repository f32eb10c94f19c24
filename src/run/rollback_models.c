#include "run/rollback_models.h"

#include "base/json.h"
#include "run/lineage.h"
#include "run/rollback_personal.h"

static const char hint[] = "`rollback ... --no-deliver` leaves the targets alone, and the next "
                           "`run` builds the tables with the models of now";

static int take_model(struct sl_world *world, const struct sl_published *published,
                      const char *name, struct sl_models_then *ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *kept = NULL;
    const char *fingerprint;
    SL_TRY(sl_then_code(world, published, &fingerprint, &kept, err));
    if (!fingerprint)
        return SL_OK;
    const char *text = sl_json_text(kept, "text", NULL);
    if (!text)
        return sl_strs_add(&ret->lost, &world->arena, published->table, err);
    char *own = sl_arena_strdup(&world->arena, text);
    SL_TRY_NEW(own, err);
    return sl_map_set(&ret->texts, name, own, err);
}

// Its tables are those of the world that goes back.
static int take_places(void *self, struct sl_project *project, struct sl_err *err)
{
    const struct sl_project *now = self;
    (void)err;
    project->lake_folder = now->lake_folder;
    project->state_folder = now->state_folder;
    project->temp_folder = now->temp_folder;
    project->read_lake = now->read_lake;
    project->read_lake_behind = now->read_lake_behind;
    project->read_environment = now->read_environment;
    project->memory_bytes = now->memory_bytes;
    project->threads = now->threads;
    project->personal_level = now->personal_level;
    return SL_OK;
}

static void put_contracts_back(struct sl_models_then *then)
{
    for (size_t i = 0; i < then->world.graph.count; i++) {
        struct sl_node *node = &then->world.graph.nodes[i];
        const struct sl_contract_table *contract =
            node->kind == SL_NODE_CLEANSE ? sl_map_get(&then->contracts, node->name) : NULL;
        if (contract)
            node->contract = contract;
    }
}

// Views have no table, and of their texts none is kept; the fingerprint of what reads them has
// theirs in it.
static int find_other_views(struct sl_world *now, const struct sl_publication *target,
                            struct sl_models_then *then, struct sl_err *err)
{
    for (size_t i = 0; i < target->table_count; i++) {
        const struct sl_published *published = &target->tables[i];
        const struct sl_node *node = sl_graph_node(&then->world.graph, published->table);
        const char *fingerprint;
        if (!node || node->kind != SL_NODE_MODEL || !sl_map_has(&then->texts, node->bare))
            continue;
        SL_TRY(sl_then_fingerprint(now, published, &fingerprint, err));
        if (fingerprint && !sl_str_equal(node->fingerprint, fingerprint))
            SL_TRY(sl_strs_add(&then->other_views, &now->arena, published->table, err));
    }
    return SL_OK;
}

int sl_models_then_open(struct sl_world *now, const struct sl_publication *target,
                        struct sl_models_then *ret, struct sl_err *err)
{
    bool is_personal;
    for (size_t i = 0; i < target->table_count; i++) {
        enum sl_layer layer;
        const char *name;
        if (sl_table_parse(target->tables[i].table, &layer, &name) && layer == SL_LAYER_CURATED)
            SL_TRY(take_model(now, &target->tables[i], name, ret, err));
    }
    SL_TRY(sl_world_is_personal(now, &is_personal, err));
    SL_TRY(sl_contracts_then_take(now, target, ret, err));
    ret->is_personal |= is_personal;
    if (!ret->is_personal || (!sl_map_first(&ret->texts) && !sl_map_first(&ret->contracts)))
        return SL_OK;
    struct sl_world_options options = {.folder = now->project->folder,
                                       .environment = now->project->environment,
                                       .model_texts = &ret->texts,
                                       .prepare = take_places,
                                       .self = now->project};
    ret->is_open = true;
    SL_TRY(sl_world_open(&options, &ret->world, err));
    put_contracts_back(ret);
    return find_other_views(now, target, ret, err);
}

void sl_models_then_close(struct sl_models_then *then)
{
    if (then->is_open)
        sl_world_close(&then->world);
    sl_map_clear(&then->texts);
    sl_map_clear(&then->contracts);
}

static enum sl_severity severity_of(const struct sl_world *world)
{
    return world->project->personal_level == SL_LEVEL_ERROR ? SL_SEVERITY_ERROR
                                                            : SL_SEVERITY_WARNING;
}

static int tell_unknown(struct sl_world *world, const struct sl_publication *target,
                        const char *table, const char *why, struct sl_diags *diags,
                        struct sl_err *err)
{
    const struct sl_node *node = sl_graph_node(&world->graph, table);
    bool is_delivered = false;
    if (node)
        SL_TRY(sl_world_is_delivered(world, table, &is_delivered, err));
    if (is_delivered)
        sl_diag(diags, severity_of(world), SL_E_PERSONAL,
                (struct sl_place){node->model ? node->model->file : NULL, 0, 0}, hint,
                "%s of publication #%lld was built %s: whether it passes "
                "classified values on is not known",
                table, (long long)target->number, why);
    return SL_OK;
}

static int check_then(struct sl_models_then *then, const struct sl_publication *target,
                      struct sl_diags *diags, struct sl_err *err)
{
    SL_AUTO(sl_lineage_clear) struct sl_lineage lineage = {0};
    struct sl_world *world = &then->world;
    SL_TRY(sl_lineage_read(world, &lineage, err));
    SL_TRY(sl_lineage_check_personal(&lineage, err));
    const struct sl_diags *found = &world->project->diags;
    for (size_t i = 0; i < found->count; i++)
        if (found->items[i].err.code == SL_E_PERSONAL)
            sl_diag(diags, severity_of(world), SL_E_PERSONAL,
                    (struct sl_place){found->items[i].err.file, 0, 0}, hint,
                    "as it was when publication #%lld was built, %s", (long long)target->number,
                    found->items[i].err.message);
    for (const struct sl_map_entry *it = sl_map_first(&then->texts); it; it = sl_map_next(it)) {
        const char *table = sl_arena_printf(&world->arena, "curated.%s", sl_map_key(it));
        SL_TRY_NEW(table, err);
        if (!sl_map_has(&lineage.catalog, table))
            SL_TRY(tell_unknown(world, target, table,
                                "by a model that does not fit what it would read now", diags, err));
    }
    return SL_OK;
}

static int tell_all(struct sl_world *world, const struct sl_publication *target,
                    const struct sl_strs *tables, const char *why, struct sl_diags *diags,
                    struct sl_err *err)
{
    for (size_t i = 0; i < tables->count; i++)
        SL_TRY(tell_unknown(world, target, tables->items[i], why, diags, err));
    return SL_OK;
}

int sl_models_then_check(struct sl_models_then *then, struct sl_world *now,
                         const struct sl_publication *target, struct sl_diags *diags,
                         struct sl_err *err)
{
    if (!then->is_personal)
        return SL_OK;
    SL_TRY(tell_all(now, target, &then->lost,
                    "by a model that is not in '_code' of the lake any more", diags, err));
    SL_TRY(tell_all(now, target, &then->lost_contracts,
                    "with a contract that is not in '_code' of the lake any more", diags, err));
    if (!then->is_open)
        return SL_OK;
    SL_TRY(tell_all(&then->world, target, &then->other_views, "over a view that is another one now",
                    diags, err));
    return check_then(then, target, diags, err);
}
