// Data files that other programs have removed: told before a step stumbles over them.
#include "base/fs.h"
#include "run/world.h"

#define MOST_FILES 10000

struct finder {
    struct sl_world *world;
    struct sl_session *session; // made when the first log needs one
    bool full_refresh;
};

static bool will_run(const struct sl_node *node)
{
    return node->is_selected && node->verdict != SL_VERDICT_FRESH;
}

static bool is_read(const struct sl_graph *graph, const struct sl_node *node)
{
    for (size_t i = 0; i < node->downstream_count; i++) {
        const struct sl_node *next = &graph->nodes[node->downstream[i]];
        if (sl_node_is_view(next) ? is_read(graph, next) : will_run(next))
            return true;
    }
    return false;
}

// What is built anew is not read as it was; what is continued is.
static bool is_looked_at(const struct finder *finder, const struct sl_node *node)
{
    bool is_model = node->kind == SL_NODE_MODEL;
    bool is_rebuilt = will_run(node) &&
                      (finder->full_refresh || (is_model && node->model->write == SL_WRITE_FULL));
    if (node->kind == SL_NODE_LOAD || sl_node_is_view(node) || is_rebuilt)
        return false;
    return is_read(&finder->world->graph, node) || (will_run(node) && node->kind != SL_NODE_INGEST);
}

static int load(struct finder *finder, const char *folder, int64_t version, struct sl_arena *arena,
                struct sl_delta_snapshot *ret, struct sl_err *err)
{
    bool is_needed;
    SL_TRY(sl_delta_needs_session(folder, &is_needed, err));
    if (is_needed && !finder->session)
        SL_TRY(sl_world_session(finder->world, &finder->session, err));
    return sl_delta_load(folder, version, finder->session, arena, ret, err);
}

static int add_missing(struct finder *finder, struct sl_node *node, const char *table,
                       const struct sl_delta_snapshot *snapshot, struct sl_err *err)
{
    struct sl_arena *arena = &finder->world->arena;
    struct sl_missing missing = {.table = table, .version = snapshot->version};
    for (size_t i = 0; i < snapshot->file_count && i < MOST_FILES; i++) {
        struct sl_err elsewhere = {0};
        const char *path;
        int code =
            sl_delta_file_path(snapshot->folder, &snapshot->files[i], arena, &path, &elsewhere);
        if (code == SL_E_MEMORY)
            return sl_fail_memory(err);
        if (code != SL_OK || sl_fs_exists(path))
            continue;
        if (missing.count++ == 0)
            missing.file = sl_arena_strdup(arena, snapshot->files[i].path);
    }
    if (missing.count == 0)
        return SL_OK;
    SL_TRY_NEW(missing.file, err);
    return SL_PUSH(arena, node->facts.missing, node->facts.missing_count, missing)
               ? SL_OK
               : sl_fail_memory(err);
}

// What keeps a table from being looked at is its step's to tell.
static int look(struct finder *finder, struct sl_node *node, enum sl_layer layer, int64_t version,
                struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    struct sl_world *world = finder->world;
    struct sl_delta_snapshot snapshot;
    struct sl_err trouble = {0};
    bool is_borrowed;
    sl_arena_init(&scratch, 0);
    if (version < 0)
        return SL_OK;
    const char *table = sl_arena_printf(&world->arena, "%s.%s", sl_layer_name(layer), node->bare);
    const char *folder = sl_table_source(world->project, layer, node->bare, &scratch, &is_borrowed);
    SL_TRY_NEW(table, err);
    SL_TRY_NEW(folder, err);
    int code = load(finder, folder, version, &scratch, &snapshot, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    return code == SL_OK ? add_missing(finder, node, table, &snapshot, err) : SL_OK;
}

static int look_at_node(struct finder *finder, struct sl_node *node, struct sl_err *err)
{
    const struct sl_facts *facts = &node->facts;
    switch (node->kind) {
    case SL_NODE_INGEST:
        return look(finder, node, SL_LAYER_RAW, facts->version, err);
    case SL_NODE_CLEANSE:
        SL_TRY(look(finder, node, SL_LAYER_CLEAN, facts->version, err));
        return look(finder, node, SL_LAYER_QUARANTINE, facts->quarantine_version, err);
    case SL_NODE_MODEL:
        return look(finder, node, SL_LAYER_CURATED, facts->version, err);
    case SL_NODE_LOAD:
        break;
    }
    return SL_OK;
}

int sl_world_find_missing(struct sl_world *world, bool full_refresh, struct sl_err *err)
{
    struct finder finder = {.world = world, .full_refresh = full_refresh};
    int code = SL_OK;
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++)
        if (is_looked_at(&finder, &world->graph.nodes[i]))
            code = look_at_node(&finder, &world->graph.nodes[i], err);
    sl_session_close(&finder.session);
    return code;
}
