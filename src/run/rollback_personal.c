#include "run/rollback_personal.h"

#include "base/json.h"
#include "contract/personal.h"
#include "run/rollback_models.h"
#include "table/delta/delta.h"

struct look {
    struct sl_world *world;
    struct sl_models_then *then;
    const struct sl_publication *target;
    struct sl_diags *diags;
    const struct sl_node *node;
    struct sl_session *session; // of the engine, if one was needed
    // What the node had in the version that is to come back.
    struct sl_delta_snapshot clean; // version -1: cannot be read
    bool shows_rejected;            // its quarantine goes on to a model or target
};

int sl_world_is_delivered(struct sl_world *world, const char *table, bool *ret, struct sl_err *err)
{
    const struct sl_graph *graph = &world->graph;
    const struct sl_node *node = sl_graph_node(graph, table);
    bool *comes = SL_NEW_ARRAY(&world->arena, bool, graph->count);
    SL_TRY_NEW(comes, err);
    *ret = false;
    for (size_t i = 0; i < graph->count; i++) {
        comes[i] = &graph->nodes[i] == node;
        bool is_task = graph->nodes[i].kind == SL_NODE_TASK;
        for (size_t k = 0; !is_task && k < graph->nodes[i].upstream_count; k++)
            comes[i] |= comes[graph->nodes[i].upstream[k]];
        *ret |= comes[i] && graph->nodes[i].kind == SL_NODE_LOAD;
    }
    return SL_OK;
}

// By what reads it now, or did then.
static int is_delivered(struct look *look, bool *ret, struct sl_err *err)
{
    SL_TRY(sl_world_is_delivered(look->world, look->node->name, ret, err));
    if (!*ret && look->then->is_open)
        SL_TRY(sl_world_is_delivered(&look->then->world, look->node->name, ret, err));
    return SL_OK;
}

// The contract that the published version was built with. *ret_is_other is false if it is that of
// now, or nobody knows the version any more, which the rollback itself will say. *ret NULL: it is
// not kept.
static int find_contract(struct look *look, bool *ret_is_other, json_t **ret, struct sl_err *err)
{
    struct sl_world *world = look->world;
    const struct sl_published *published = sl_publication_find(look->target, look->node->name);
    struct sl_step_context context = {
        .project = world->project, .arena = &world->arena, .run_id = ""};
    struct sl_delta_head head;
    struct sl_record record;
    struct sl_err trouble = {0};
    *ret_is_other = false;
    *ret = NULL;
    const char *folder =
        sl_table_folder(world->project, SL_LAYER_CLEAN, look->node->bare, &world->arena);
    SL_TRY_NEW(folder, err);
    if (!published)
        return SL_OK;
    int code = sl_delta_head_at(folder, published->version, &world->arena, &head, &trouble);
    if (code == SL_OK && head.record_json)
        code = sl_record_parse(head.record_json, &world->arena, &record, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK || !head.record_json || !sl_step_is_fingerprint(record.fingerprint) ||
        sl_str_equal(record.fingerprint, look->node->fingerprint))
        return SL_OK;
    *ret_is_other = true;
    return sl_step_find_code(&context, record.fingerprint, ret, err);
}

static int load_clean(struct look *look, struct sl_err *err)
{
    struct sl_world *world = look->world;
    const struct sl_published *published = sl_publication_find(look->target, look->node->name);
    struct sl_err trouble = {0};
    bool is_needed = false;
    const char *folder =
        sl_table_folder(world->project, SL_LAYER_CLEAN, look->node->bare, &world->arena);
    SL_TRY_NEW(folder, err);
    if (sl_delta_needs_session(folder, &is_needed, &trouble) == SL_OK && is_needed &&
        !look->session)
        SL_TRY(sl_world_session(world, &look->session, err));
    int code = sl_delta_load_schema(folder, published->version, look->session, &world->arena,
                                    &look->clean, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK)
        look->clean = (struct sl_delta_snapshot){.version = -1};
    return SL_OK;
}

static bool reads(const struct sl_node *node, const char *quarantine)
{
    enum sl_layer layer;
    const char *bare;
    if (node->kind == SL_NODE_LOAD)
        return sl_str_equal_nocase(node->delivery->table, quarantine) ||
               sl_str_equal_nocase(node->delivery->asked, quarantine);
    if (!sl_table_parse(quarantine, &layer, &bare))
        return false;
    for (size_t i = 0; node->kind == SL_NODE_MODEL && i < node->query->table_count; i++)
        if (sl_str_equal_nocase(node->query->tables[i].layer, sl_layer_name(layer)) &&
            sl_str_equal_nocase(node->query->tables[i].name, bare))
            return true;
    return false;
}

static int find_rejected(struct look *look, struct sl_err *err)
{
    const char *quarantine =
        sl_arena_printf(&look->world->arena, "quarantine.%s", look->node->bare);
    SL_TRY_NEW(quarantine, err);
    look->shows_rejected = false;
    for (size_t i = 0; i < look->world->graph.count; i++)
        look->shows_rejected |= reads(&look->world->graph.nodes[i], quarantine);
    for (size_t i = 0; look->then->is_open && i < look->then->world.graph.count; i++)
        look->shows_rejected |= reads(&look->then->world.graph.nodes[i], quarantine);
    return SL_OK;
}

static bool is_called(const struct sl_contract_column *column, const char *name)
{
    bool is_found =
        sl_str_equal_nocase(name, column->name) || sl_str_equal_nocase(name, column->source_name);
    for (size_t i = 0; i < column->alias_count; i++)
        is_found |= sl_str_equal_nocase(name, column->aliases[i].name);
    return is_found;
}

static bool is_read_from(const json_t *kept, const struct sl_contract_column *column)
{
    size_t i;
    json_t *alias;
    bool is_found = is_called(column, sl_json_text(kept, "name", "")) ||
                    is_called(column, sl_json_text(kept, "source", ""));
    json_array_foreach (json_object_get(kept, "aliases"), i, alias)
        is_found |= is_called(column, sl_json_text(alias, "name", ""));
    return is_found;
}

static bool is_kept(const json_t *contract, const char *name)
{
    size_t i;
    json_t *kept;
    json_array_foreach (json_object_get(contract, "columns"), i, kept)
        if (sl_str_equal_nocase(sl_json_text(kept, "name", ""), name))
            return true;
    return false;
}

// Whether clean took the column over from raw without a property (drift: {new_columns: evolve}).
// Of a table that cannot be read any more nobody knows.
static bool was_evolved(const struct look *look, const json_t *contract,
                        const struct sl_contract_column *column)
{
    json_int_t new_columns =
        json_integer_value(json_array_get(json_object_get(contract, "drift"), 0));
    if (look->clean.version < 0)
        return new_columns == SL_DRIFT_EVOLVE;
    for (size_t i = 0; i < look->clean.column_count; i++)
        if (is_called(column, look->clean.columns[i].name) &&
            !is_kept(contract, look->clean.columns[i].name))
            return true;
    return false;
}

// A rejected row is kept whole, with what no property of then named.
static bool was_bare(const struct look *look, const json_t *contract,
                     const struct sl_contract_column *column)
{
    size_t i;
    json_t *kept;
    bool is_bare = was_evolved(look, contract, column), is_known = false;
    json_array_foreach (json_object_get(contract, "columns"), i, kept) {
        bool is_read = is_read_from(kept, column);
        is_known |= is_read;
        is_bare |= !json_object_get(kept, "personal") && is_read;
    }
    return is_bare || (!is_known && look->shows_rejected);
}

static int look_at(struct look *look, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    const struct sl_contract_table *contract = look->node->contract;
    bool is_other;
    SL_TRY(find_contract(look, &is_other, &root, err));
    if (is_other)
        SL_TRY(load_clean(look, err));
    if (is_other)
        SL_TRY(find_rejected(look, err));
    for (size_t i = 0; is_other && i < contract->column_count; i++) {
        const struct sl_contract_column *column = &contract->columns[i];
        if (column->personal.as == SL_PERSONAL_NONE ||
            (root && !was_bare(look, json_object_get(root, "contract"), column)))
            continue;
        sl_diag(look->diags,
                look->world->project->personal_level == SL_LEVEL_ERROR ? SL_SEVERITY_ERROR
                                                                       : SL_SEVERITY_WARNING,
                SL_E_PERSONAL, column->place,
                "`rollback ... --no-deliver` leaves the targets alone, and the next `run` protects "
                "the values again",
                root ? "%s of publication #%lld was built before column '%s' was protected: its "
                       "values would be delivered as they came"
                     : "%s of publication #%lld was built with a contract that is not in '_code' "
                       "of the lake any more, and whether that protected column '%s' is not known",
                look->node->name, (long long)look->target->number, column->name);
    }
    return SL_OK;
}

static int look_at_all(struct look *look, struct sl_err *err)
{
    struct sl_world *world = look->world;
    bool is_needed;
    for (size_t i = 0; i < world->graph.count; i++) {
        look->node = &world->graph.nodes[i];
        if (look->node->kind != SL_NODE_CLEANSE ||
            !sl_personal_is_any_protected(look->node->contract))
            continue;
        SL_TRY(is_delivered(look, &is_needed, err));
        if (is_needed)
            SL_TRY(look_at(look, err));
    }
    return SL_OK;
}

int sl_world_check_rollback(struct sl_world *world, const struct sl_publication *target,
                            struct sl_diags *diags, struct sl_err *err)
{
    SL_AUTO(sl_models_then_close) struct sl_models_then then = {0};
    struct look look = {.world = world, .then = &then, .target = target, .diags = diags};
    if (world->project->personal_level == SL_LEVEL_OFF)
        return SL_OK;
    SL_TRY(sl_models_then_open(world, target, &then, err));
    SL_TRY(sl_models_then_check(&then, world, target, diags, err));
    int code = look_at_all(&look, err);
    sl_session_close(&look.session);
    return code;
}
