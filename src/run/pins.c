// Tables of another environment, held at the versions that a run was planned with.
#include "run/run.h"

static int pin(struct sl_run *run, enum sl_layer layer, const struct sl_node *node, int64_t version,
               struct sl_err *err)
{
    struct sl_pin *pin = SL_NEW(&run->arena, struct sl_pin);
    const char *table = sl_arena_printf(&run->arena, "%s.%s", sl_layer_name(layer), node->bare);
    SL_TRY_NEW(pin, err);
    SL_TRY_NEW(table, err);
    *pin = (struct sl_pin){.version = version, .is_borrowed = true};
    pin->folder =
        sl_table_source(run->world->project, layer, node->bare, &run->arena, &(bool){false});
    SL_TRY_NEW(pin->folder, err);
    return version < 0 ? SL_OK : sl_map_set(&run->pins, table, pin, err);
}

// The other environment may go on while this one runs: all steps read what was planned with.
int sl_run_pin_borrowed(struct sl_run *run, struct sl_err *err)
{
    struct sl_world *world = run->world;
    if (!world->project->read_lake || world->project->pins)
        return SL_OK;
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        bool is_cleanse = node->kind == SL_NODE_CLEANSE;
        if (!node->facts.is_borrowed || node->kind == SL_NODE_LOAD || sl_node_is_view(node))
            continue;
        enum sl_layer layer = is_cleanse                     ? SL_LAYER_CLEAN
                              : node->kind == SL_NODE_INGEST ? SL_LAYER_RAW
                                                             : SL_LAYER_CURATED;
        SL_TRY(pin(run, layer, node, node->facts.version, err));
        if (is_cleanse)
            SL_TRY(pin(run, SL_LAYER_QUARANTINE, node, node->facts.quarantine_version, err));
    }
    world->project->pins = &run->pins;
    return SL_OK;
}
