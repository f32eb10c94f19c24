#include "run/impact.h"

#include "contract/change.h"
#include "run/lineage.h"
#include "step/schema.h"

#include <string.h>

struct impact {
    struct sl_world *world;
    struct sl_lineage lineage; // without anything if it cannot be told
    struct sl_strs changed;    // columns of the node at hand
    size_t walk;               // number of the walk from them
    bool may_judge_otherwise;  // rows may come or go, which reaches every column below
    bool *is_below;            // per node of the graph
};

static bool is_changed(const struct sl_node *node)
{
    const struct sl_facts *facts = &node->facts;
    bool has_code = node->kind == SL_NODE_CLEANSE || node->kind == SL_NODE_MODEL;
    return node->is_selected && has_code && !sl_node_is_view(node) && facts->version >= 0 &&
           facts->fingerprint && node->fingerprint &&
           !sl_str_equal(facts->fingerprint, node->fingerprint);
}

static int add_line(struct impact *impact, struct sl_node *node, const char *line,
                    struct sl_err *err)
{
    SL_TRY_NEW(line, err);
    return sl_strs_add(&node->impact, &impact->world->arena, line, err);
}

static int add_column(struct impact *impact, const char *column, struct sl_err *err)
{
    for (size_t i = 0; i < impact->changed.count; i++)
        if (sl_str_equal_nocase(impact->changed.items[i], column))
            return SL_OK;
    return sl_strs_add(&impact->changed, &impact->world->arena, column, err);
}

// --- What is different ---

// The column that "address.zip" or "items[].qty" is in.
static const char *whole_column(const struct sl_node *node, const char *path)
{
    const struct sl_contract_table *contract = node->contract;
    for (size_t i = 0; i < contract->column_count; i++) {
        const char *name = contract->columns[i].name;
        size_t length = strlen(name);
        if (contract->columns[i].field_count && strncmp(path, name, length) == 0 &&
            (path[length] == '.' || path[length] == '['))
            return name;
    }
    return path;
}

static int compare_contract(struct impact *impact, struct sl_node *node, struct sl_err *err)
{
    struct sl_arena *arena = &impact->world->arena;
    struct sl_step_context context = {.project = impact->world->project, .arena = arena};
    struct sl_contract_diff diff = {.arena = arena};
    SL_AUTO(sl_json_free) json_t *before = NULL;
    SL_AUTO(sl_json_free) json_t *now = NULL;
    SL_TRY(sl_step_find_code_of(&context, node->facts.is_borrowed, node->facts.fingerprint, &before,
                                err));
    const json_t *contract = json_object_get(before, "contract");
    if (!contract)
        return add_line(impact, node, "what the contract was before is not kept any more", err);
    SL_TRY(sl_contract_state(node->contract, arena, &now, err));
    SL_TRY(sl_contract_diff_table(contract, now, &diff, err));
    for (size_t i = 0; i < diff.count; i++) {
        const struct sl_contract_difference *item = &diff.items[i];
        SL_TRY(add_line(impact, node,
                        sl_arena_printf(arena, "contract: %s%s%s (%s)",
                                        item->column ? item->column : "", item->column ? ": " : "",
                                        item->what, sl_contract_level_name(item->level)),
                        err));
        if (item->column)
            SL_TRY(add_column(impact, whole_column(node, item->column), err));
    }
    impact->may_judge_otherwise = diff.count > 0;
    return SL_OK;
}

static int compare_column(struct impact *impact, struct sl_node *node,
                          const struct sl_column *before, const struct sl_column *now,
                          struct sl_err *err)
{
    struct sl_arena *arena = &impact->world->arena;
    const char *type = now ? sl_storage_type(now->type) : NULL;
    const char *line = NULL;
    if (before && now && sl_str_equal(before->type, type))
        return SL_OK;
    if (!before)
        line = sl_arena_printf(arena, "column %s is new", now->name);
    else if (!now)
        line = sl_arena_printf(arena, "column %s is gone", before->name);
    else
        line = sl_arena_printf(arena, "column %s is %s, was %s", now->name, type, before->type);
    SL_TRY(add_line(impact, node, line, err));
    return add_column(impact, now ? now->name : before->name, err);
}

// The trees of the query as the table was built with it and as it is now; NULL: not to be had.
static int parse_both(struct impact *impact, const struct sl_node *node, struct sl_session *session,
                      const char *ret[2], struct sl_err *err)
{
    struct sl_arena *arena = &impact->world->arena;
    struct sl_step_context context = {.project = impact->world->project, .arena = arena};
    struct sl_err unread = {0};
    SL_AUTO(sl_json_free) json_t *code = NULL;
    SL_TRY(sl_step_find_code_of(&context, node->facts.is_borrowed, node->facts.fingerprint, &code,
                                err));
    const char *texts[] = {sl_json_text(code, "text", NULL), node->model->sql};
    ret[0] = ret[1] = NULL;
    if (!texts[0] || session->kind->parse(session, texts, 2, arena, ret, &unread) == SL_OK)
        return SL_OK;
    ret[0] = ret[1] = NULL;
    return unread.code == SL_E_MEMORY ? sl_fail_memory(err) : SL_OK;
}

// The same columns, of other values: those whose expressions are others, or all of them.
static int add_values(struct impact *impact, struct sl_node *node, const struct sl_relation *now,
                      struct sl_session *session, struct sl_err *err)
{
    const char *trees[2];
    bool *is_other = NULL;
    size_t count = 0;
    // Of rows with one key all columns together say which one stays.
    bool is_choosing =
        node->model->write == SL_WRITE_MERGE || node->model->write == SL_WRITE_SNAPSHOT;
    SL_TRY(parse_both(impact, node, session, trees, err));
    if (trees[0] && trees[1] && !is_choosing)
        SL_TRY(sl_query_changed(trees[0], trees[1], &impact->world->arena, &is_other, &count, err));
    if (count > now->count)
        is_other = NULL;
    for (size_t i = 0; i < now->count; i++)
        if (!is_other || (i < count && is_other[i]))
            SL_TRY(add_column(impact, now->columns[i].name, err));
    return SL_OK;
}

static int compare_columns(struct impact *impact, struct sl_node *node, struct sl_session *session,
                           struct sl_err *err)
{
    struct sl_world *world = impact->world;
    struct sl_delta_snapshot table;
    const struct sl_relation *now = sl_map_get(&impact->lineage.catalog, node->name);
    bool is_borrowed;
    const char *folder =
        sl_table_source(world->project, SL_LAYER_CURATED, node->bare, &world->arena, &is_borrowed);
    SL_TRY_NEW(folder, err);
    if (!now)
        return SL_OK; // its query cannot be bound: `check` tells
    SL_TRY(sl_delta_load_schema(folder, node->facts.version, session, &world->arena, &table, err));
    for (size_t i = 0; i < table.column_count; i++)
        SL_TRY(compare_column(impact, node, &table.columns[i],
                              sl_column_find(now->columns, now->count, table.columns[i].name),
                              err));
    for (size_t i = 0; i < now->count; i++)
        if (!sl_column_find(table.columns, table.column_count, now->columns[i].name))
            SL_TRY(compare_column(impact, node, NULL, &now->columns[i], err));
    return node->impact.count ? SL_OK : add_values(impact, node, now, session, err);
}

// --- What it reaches ---

static void walk_down(struct impact *impact, struct sl_lineage_end *end)
{
    if (!end || end->seen == impact->walk)
        return;
    end->seen = impact->walk;
    for (size_t i = 0; i < end->out_count; i++) {
        const struct sl_lineage_edge *edge = &impact->lineage.edges[end->out[i]];
        if (edge->how != SL_LINEAGE_DECIDES && edge->to->column)
            walk_down(impact, edge->to);
    }
}

// "curated.daily (revenue, orders)"; without columns it is reached only by which rows there are.
static void add_reached(struct impact *impact, const struct sl_node *node, struct sl_buf *text)
{
    const struct sl_relation *relation = sl_map_get(&impact->lineage.catalog, node->name);
    const char *before = " (";
    sl_buf_addf(text, "%s%s", text->length ? ", " : "reaches ", node->name);
    for (size_t i = 0; relation && i < relation->count; i++) {
        const struct sl_lineage_end *end =
            sl_lineage_end(&impact->lineage, node->name, relation->columns[i].name);
        if (!end || end->seen != impact->walk)
            continue;
        sl_buf_addf(text, "%s%s", before, relation->columns[i].name);
        before = ", ";
    }
    if (*before == ',')
        sl_buf_add_char(text, ')');
}

static int tell_reach(struct impact *impact, size_t at, struct sl_err *err)
{
    const struct sl_graph *graph = &impact->world->graph;
    struct sl_node *node = &graph->nodes[at];
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    impact->walk++;
    for (size_t i = 0; i < impact->changed.count; i++)
        walk_down(impact, sl_lineage_end(&impact->lineage, node->name, impact->changed.items[i]));
    for (size_t i = 0; i < graph->count; i++)
        impact->is_below[i] = i == at;
    for (size_t i = at + 1; i < graph->count; i++) { // inputs come first
        for (size_t k = 0; k < graph->nodes[i].upstream_count; k++)
            impact->is_below[i] |= impact->is_below[graph->nodes[i].upstream[k]];
        if (impact->is_below[i])
            add_reached(impact, &graph->nodes[i], &text);
    }
    SL_TRY(sl_buf_check(&text, err));
    if (!text.length)
        return SL_OK;
    SL_TRY(add_line(impact, node, sl_arena_strdup(&impact->world->arena, text.text), err));
    return impact->may_judge_otherwise
               ? add_line(impact, node,
                          "where rows come or go, all columns of these tables may change", err)
               : SL_OK;
}

static int tell_node(struct impact *impact, size_t at, struct sl_session *session,
                     struct sl_err *err)
{
    struct sl_node *node = &impact->world->graph.nodes[at];
    impact->changed = (struct sl_strs){0};
    impact->may_judge_otherwise = false;
    if (node->kind == SL_NODE_CLEANSE)
        SL_TRY(compare_contract(impact, node, err));
    else
        SL_TRY(compare_columns(impact, node, session, err));
    return tell_reach(impact, at, err);
}

static int tell_all(struct impact *impact, struct sl_err *err)
{
    struct sl_world *world = impact->world;
    struct sl_session *session = NULL;
    SL_TRY(sl_lineage_read(world, &impact->lineage, err));
    SL_TRY(sl_world_session(world, &session, err));
    int code = SL_OK;
    for (size_t i = 0; i < world->graph.count && code == SL_OK; i++)
        if (is_changed(&world->graph.nodes[i]))
            code = tell_node(impact, i, session, err);
    sl_session_close(&session);
    return code;
}

int sl_world_impact(struct sl_world *world, struct sl_err *err)
{
    struct impact impact = {.world = world};
    bool has_changes = false;
    for (size_t i = 0; i < world->graph.count; i++)
        has_changes |= is_changed(&world->graph.nodes[i]);
    if (!has_changes)
        return SL_OK;
    impact.is_below = SL_NEW_ARRAY(&world->arena, bool, world->graph.count);
    SL_TRY_NEW(impact.is_below, err);
    int code = tell_all(&impact, err);
    sl_lineage_clear(&impact.lineage);
    return code;
}
