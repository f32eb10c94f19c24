// The columns of raw tables: as they stand, or as files will make them.
#include "contract/drift.h"
#include "run/aide.h"
#include "run/bind.h"
#include "step/schema.h"

// Clean may take columns over from raw, and is then asked for them as well; its contract is held
// against them.
static bool is_read(const struct sl_binder *binder, const struct sl_node *node)
{
    const struct sl_world *world = binder->world;
    for (size_t i = 0; i < node->downstream_count; i++) {
        const struct sl_node *reader = &world->graph.nodes[node->downstream[i]];
        if (reader->kind != SL_NODE_CLEANSE ||
            (binder->bound_of == SL_BOUND_DUE && sl_node_is_due(reader)) ||
            (reader->contract->drift.new_columns == SL_DRIFT_EVOLVE && reader->downstream_count))
            return true;
    }
    return false;
}

// Before an ingest the files say what the table's columns will be, beside those that it has.
static int foresee_raw(struct sl_binder *binder, const struct sl_node *node,
                       const struct sl_relation *known, struct sl_err *err)
{
    struct sl_world *world = binder->world;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_relation relation;
    struct sl_column *columns;
    SL_TRY(sl_world_session(world, &session, err));
    struct sl_step_context context = {
        .project = world->project, .session = session, .arena = &world->arena, .run_id = ""};
    int code = sl_is_aide(world->engine)
                   ? sl_aide_foresee(session, node->source->name, &world->arena, &columns,
                                     &relation.count, err)
                   : sl_step_ingest_foresee(&context, node->source, &columns, &relation.count, err);
    SL_TRY(code);
    struct sl_column *all =
        SL_NEW_ARRAY(&world->arena, struct sl_column, known->count + relation.count + 1);
    SL_TRY_NEW(all, err);
    size_t count = known->count;
    for (size_t i = 0; i < known->count; i++)
        all[i] = known->columns[i];
    for (size_t i = 0; i < relation.count; i++)
        if (!sl_column_find(known->columns, known->count, columns[i].name))
            all[count++] = columns[i];
    relation = (struct sl_relation){all, count};
    return count ? sl_binder_add_table(binder, node->name, &relation, err) : SL_OK;
}

// The columns a raw table has now, or will have.
int sl_bind_raw(struct sl_binder *binder, const struct sl_node *node, struct sl_err *err)
{
    struct sl_world *world = binder->world;
    struct sl_delta_snapshot snapshot;
    bool is_session_needed;
    bool is_borrowed;
    const char *folder =
        sl_table_source(world->project, SL_LAYER_RAW, node->bare, &world->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_delta_needs_session(folder, &is_session_needed, err));
    if (is_session_needed)
        SL_TRY(sl_binder_open_session(binder, err));
    struct sl_err trouble = {0};
    int code =
        sl_delta_load_schema(folder, -1, binder->session, &world->arena, &snapshot, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK) { // no mistake in the project, but nothing can be held against its columns
        sl_diag(&world->project->diags, SL_SEVERITY_WARNING, trouble.code,
                sl_yaml_place(node->source->node, "path"), trouble.hint[0] ? trouble.hint : NULL,
                "%s cannot be read: %s", node->name, trouble.message);
        return SL_OK;
    }
    struct sl_relation known = {snapshot.columns, snapshot.version < 0 ? 0 : snapshot.column_count};
    bool is_foreseen = snapshot.version < 0 || (binder->has_new_files && sl_node_is_due(node));
    if (is_foreseen)
        return is_read(binder, node) ? foresee_raw(binder, node, &known, err) : SL_OK;
    return sl_binder_add_table(binder, node->name, &known, err);
}
