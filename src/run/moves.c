// Names of versioned outputs that mean another version than before, and what that does to readers.
#include "contract/change.h"
#include "run/lineage.h"
#include "run/versions.h"

#include <inttypes.h>

struct mover {
    struct sl_world *world;
    struct sl_notes *ret;
    struct sl_lineage lineage;
    bool is_read; // the lineage
    size_t walk;
};

static const struct sl_node *node_of_version(const struct sl_world *world, const char *output,
                                             int64_t version)
{
    for (size_t i = 0; i < world->graph.count; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        if (node->kind == SL_NODE_MODEL && node->model->version == version &&
            sl_str_equal(node->model->version_of, output))
            return node;
    }
    return NULL;
}

// As its readers were built; or where there are none, the highest version that was built while the
// latest is not yet.
static int64_t version_before(const struct sl_world *world, const struct sl_node *output)
{
    const struct sl_graph *graph = &world->graph;
    const struct sl_node *latest =
        node_of_version(world, output->bare, output->model->stands_for->version);
    int64_t found = 0;
    for (size_t i = 0; i < graph->count && !found; i++)
        if (!sl_node_is_view(&graph->nodes[i]) &&
            sl_plan_reads_output(graph, &graph->nodes[i], output))
            found = sl_plan_version_before(graph, &graph->nodes[i], output);
    bool is_told = found || latest->facts.version >= 0;
    for (size_t i = 0; i < graph->count && !is_told; i++) {
        const struct sl_node *node = &graph->nodes[i];
        if (node->kind == SL_NODE_MODEL && sl_str_equal(node->model->version_of, output->bare) &&
            node->facts.version >= 0 && node->model->version > found)
            found = node->model->version;
    }
    return found;
}

// A version whose file is gone still has its table.
static int columns_before(struct mover *mover, const struct sl_node *output, int64_t version,
                          struct sl_relation *ret, struct sl_err *err)
{
    struct sl_world *world = mover->world;
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    struct sl_delta_snapshot table;
    bool is_borrowed;
    const char *name = sl_arena_printf(&world->arena, "%s_v%" PRId64, output->bare, version);
    SL_TRY_NEW(name, err);
    const char *full = sl_arena_printf(&world->arena, "curated.%s", name);
    SL_TRY_NEW(full, err);
    const struct sl_relation *known = sl_map_get(&mover->lineage.catalog, full);
    *ret = known ? *known : (struct sl_relation){0};
    if (known)
        return SL_OK;
    const char *folder =
        sl_table_source(world->project, SL_LAYER_CURATED, name, &world->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    SL_TRY(sl_world_session(world, &session, err));
    // As it was planned with: another environment may have published a newer one since.
    const struct sl_node *node = node_of_version(world, output->bare, version);
    int64_t planned = node ? node->facts.version : -1;
    SL_TRY(sl_delta_load_schema(folder, planned, session, &world->arena, &table, err));
    if (table.version >= 0)
        *ret = (struct sl_relation){table.columns, table.column_count};
    return SL_OK;
}

static int compare(struct mover *mover, const struct sl_relation *before,
                   const struct sl_relation *now, struct sl_contract_diff *diff, struct sl_err *err)
{
    const struct sl_strs none = {0};
    SL_AUTO(sl_json_free) json_t *old = NULL;
    SL_AUTO(sl_json_free) json_t *new = NULL;
    struct sl_arena *arena = &mover->world->arena;
    diff->arena = arena;
    SL_TRY(sl_contract_columns_state(before->columns, before->count, &none, arena, &old, err));
    SL_TRY(sl_contract_columns_state(now->columns, now->count, &none, arena, &new, err));
    return sl_contract_diff_table(old, new, diff, err);
}

static void walk_down(struct mover *mover, struct sl_lineage_end *end)
{
    if (!end || end->seen == mover->walk)
        return;
    end->seen = mover->walk;
    for (size_t i = 0; i < end->out_count; i++)
        walk_down(mover, mover->lineage.edges[end->out[i]].to);
}

// "curated.floating (day)", or that its SQL does not fit any more.
static void add_reader(const struct mover *mover, const struct sl_node *reader, bool is_known,
                       struct sl_buf *text)
{
    const struct sl_relation *columns = sl_map_get(&mover->lineage.catalog, reader->name);
    const char *before = " (";
    sl_buf_addf(text, "%s%s", text->length ? ", " : "", reader->name);
    if (reader->kind == SL_NODE_MODEL && !columns && is_known)
        sl_buf_add(text, " (its SQL does not fit)");
    for (size_t i = 0; columns && i < columns->count; i++) {
        const struct sl_lineage_end *end =
            sl_lineage_end(&mover->lineage, reader->name, columns->columns[i].name);
        if (!end || end->seen != mover->walk)
            continue;
        sl_buf_addf(text, "%s%s", before, columns->columns[i].name);
        before = ", ";
    }
    sl_buf_add(text, *before == ',' ? ")" : "");
}

static void add_readers(struct mover *mover, const struct sl_node *output, bool is_known,
                        const struct sl_contract_diff *diff, struct sl_buf *text)
{
    const struct sl_graph *graph = &mover->world->graph;
    const struct sl_model *latest = output->model->stands_for;
    const struct sl_node *version = node_of_version(mover->world, output->bare, latest->version);
    mover->walk++;
    for (size_t i = 0; i < diff->count; i++)
        if (diff->items[i].level == SL_CONTRACT_BREAKING && diff->items[i].column)
            walk_down(mover, sl_lineage_end(&mover->lineage, version->name, diff->items[i].column));
    for (size_t i = 0; i < graph->count; i++)
        if (!sl_node_is_view(&graph->nodes[i]) &&
            sl_plan_reads_output(graph, &graph->nodes[i], output))
            add_reader(mover, &graph->nodes[i], is_known, text);
}

static int tell_move(struct mover *mover, const struct sl_node *output, int64_t version,
                     struct sl_err *err)
{
    struct sl_arena *arena = &mover->world->arena;
    const struct sl_model *latest = output->model->stands_for;
    struct sl_contract_diff diff = {0};
    struct sl_relation before;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT, readers = SL_BUF_INIT;
    if (!mover->is_read)
        SL_TRY(sl_lineage_read(mover->world, &mover->lineage, err));
    mover->is_read = true;
    const struct sl_relation *now = sl_map_get(&mover->lineage.catalog, output->name);
    SL_TRY(columns_before(mover, output, version, &before, err));
    if (now && before.count)
        SL_TRY(compare(mover, &before, now, &diff, err));
    sl_buf_addf(&text, "%s moves from version %" PRId64 " to version %" PRId64, output->name,
                version, latest->version);
    for (size_t i = 0; i < diff.count; i++)
        sl_buf_addf(&text, "%s %s: %s", i ? ";" : ":", diff.items[i].column, diff.items[i].what);
    add_readers(mover, output, now != NULL, &diff, &readers);
    sl_buf_addf(&text, "; %s%s", readers.length ? "read by " : "nothing in the project reads it",
                readers.length ? readers.text : "");
    SL_TRY(sl_buf_check(&readers, err));
    SL_TRY(sl_buf_check(&text, err));
    struct sl_note note = {
        .is_warning = diff.level == SL_CONTRACT_BREAKING,
        .table = output->name,
        .place = {latest->file, 1, 1},
        .text = sl_arena_strdup(arena, text.text),
        .hint = sl_arena_printf(arena, "to stay at version %" PRId64 ", read %s_v%" PRId64, version,
                                output->name, version),
    };
    SL_TRY_NEW(note.text, err);
    SL_TRY_NEW(note.hint, err);
    return SL_PUSH(arena, mover->ret->items, mover->ret->count, note) ? SL_OK : sl_fail_memory(err);
}

int sl_world_moves(struct sl_world *world, struct sl_notes *ret, struct sl_err *err)
{
    struct mover mover = {.world = world, .ret = ret};
    // What the binding finds is for `check` and the steps to tell.
    struct sl_diags before = world->project->diags;
    int code = SL_OK;
    world->project->diags = (struct sl_diags)SL_DIAGS_INIT;
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++) {
        const struct sl_node *node = &world->graph.nodes[i];
        int64_t version = node->kind == SL_NODE_MODEL && node->model->stands_for
                              ? version_before(world, node)
                              : 0;
        if (version)
            code = tell_move(&mover, node, version, err);
    }
    sl_diags_clear(&world->project->diags);
    world->project->diags = before;
    sl_lineage_clear(&mover.lineage);
    return code;
}
