// sluice lineage: what a table or a column is made from, and what is made from it.
#include "cli/cli.h"

#include <string.h>

struct lineage_options {
    struct sl_common common;
    const char *what;
    bool downstream;
};

static const struct sl_opt rows[] = {
    {"what", SL_OPT_STRING, offsetof(struct lineage_options, what), NULL,
     "layer.table or layer.table.column; without it, every table.", SL_OPT_POSITIONAL,
     .placeholder = "TABLE[.COLUMN]"},
    {"downstream", SL_OPT_BOOL, offsetof(struct lineage_options, downstream), "false",
     "What is made from it instead of what it is made from.", 0, .letter = 'd'},
    SL_COMMON_ROWS,
    {0},
};

// One dependency between columns, or between tables where a column is NULL.
struct edge {
    const char *from_table, *from_column;
    const char *to_table, *to_column;
    const char *how; // "passed on", "computed", "decides rows", "parsed"
    size_t seen;     // number of the walk that last came here
};
struct lineage {
    struct sl_world world;
    struct sl_map catalog;
    struct edge *edges;
    size_t count;
};

static void close_lineage(struct lineage *lineage)
{
    sl_map_clear(&lineage->catalog);
    if (lineage->world.project)
        sl_world_close(&lineage->world);
}

static int add_edge(struct lineage *lineage, struct edge edge, struct sl_err *err)
{
    return SL_PUSH(&lineage->world.arena, lineage->edges, lineage->count, edge)
               ? SL_OK
               : sl_fail_memory(err);
}

static bool columns_of(void *self, const char *table, const struct sl_column **ret,
                       size_t *ret_count)
{
    const struct sl_relation *relation = sl_map_get(self, table);
    if (!relation)
        return false;
    *ret = relation->columns;
    *ret_count = relation->count;
    return true;
}

static int add_model(struct lineage *lineage, const struct sl_node *node,
                     struct sl_session *session, struct sl_err *err)
{
    struct sl_arena *arena = &lineage->world.arena;
    struct sl_query query = *node->query;
    const char *ast;
    SL_TRY(session->kind->parse(session, &node->model->sql, 1, arena, &ast, err));
    SL_AUTO(sl_diags_clear) struct sl_diags ignored = SL_DIAGS_INIT;
    SL_TRY(sl_query_read(ast, node->model->sql, node->model->file, 1, 1, arena, &ignored, &query,
                         err));
    SL_TRY(
        sl_query_lineage(ast, node->model->sql, columns_of, &lineage->catalog, arena, &query, err));
    for (size_t i = 0; i < query.column_count; i++)
        for (size_t k = 0; k < query.columns[i].origin_count; k++) {
            const struct sl_origin *origin = &query.columns[i].origins[k];
            const char *how = origin->is_filter   ? "decides rows"
                              : origin->is_direct ? "passed on"
                                                  : "computed";
            struct edge edge = {origin->table, origin->column, node->name, query.columns[i].name,
                                how};
            SL_TRY(add_edge(lineage, edge, err));
        }
    return SL_OK;
}

static int add_cleanse(struct lineage *lineage, const struct sl_node *node, struct sl_err *err)
{
    const char *raw = sl_arena_printf(&lineage->world.arena, "raw.%s", node->bare);
    SL_TRY_NEW(raw, err);
    for (size_t i = 0; i < node->contract->column_count; i++) {
        const struct sl_contract_column *column = &node->contract->columns[i];
        struct edge edge = {raw, column->source_name, node->name, column->name, "parsed"};
        SL_TRY(add_edge(lineage, edge, err));
    }
    return SL_OK;
}

static int add_load(struct lineage *lineage, const struct sl_node *node, struct sl_err *err)
{
    struct sl_relation *relation = sl_map_get(&lineage->catalog, node->delivery->table);
    if (relation)
        SL_TRY(sl_map_set(&lineage->catalog, node->name, relation, err));
    for (size_t i = 0; relation && i < relation->count; i++) {
        const char *name = relation->columns[i].name;
        struct edge edge = {node->delivery->table, name, node->name, name, "passed on"};
        SL_TRY(add_edge(lineage, edge, err));
    }
    return SL_OK;
}

static int collect(struct lineage *lineage, struct sl_err *err)
{
    SL_AUTO(sl_session_close) struct sl_session *session = NULL;
    SL_TRY(sl_world_bind(&lineage->world, &lineage->catalog, err));
    SL_TRY(sl_world_session(&lineage->world, &session, err));
    for (size_t i = 0; i < lineage->world.graph.count; i++) {
        const struct sl_node *node = &lineage->world.graph.nodes[i];
        switch (node->kind) {
        case SL_NODE_INGEST:
            break;
        case SL_NODE_CLEANSE:
            SL_TRY(add_cleanse(lineage, node, err));
            break;
        case SL_NODE_MODEL:
            SL_TRY(add_model(lineage, node, session, err));
            break;
        case SL_NODE_LOAD:
            SL_TRY(add_load(lineage, node, err));
            break;
        }
    }
    return SL_OK;
}

struct walk {
    struct lineage *lineage;
    bool is_downstream;
    json_t *list;  // NULL: print
    size_t number; // a walk follows each edge once, for there may be very many ways
    bool *seen;    // nodes
};

static int show_edge(const struct walk *walk, const struct edge *edge, int depth,
                     struct sl_err *err)
{
    if (walk->list) {
        json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s}", "from_table", edge->from_table,
                                 "from_column", edge->from_column, "to_table", edge->to_table,
                                 "to_column", edge->to_column, "how", edge->how);
        return json_array_append_new(walk->list, item) == 0 ? SL_OK : sl_fail_memory(err);
    }
    printf("%*s%s %s.%s  %s(%s)%s\n", 2 * depth, "", walk->is_downstream ? "->" : "<-",
           walk->is_downstream ? edge->to_table : edge->from_table,
           walk->is_downstream ? edge->to_column : edge->from_column,
           sl_color(stdout, SL_COLOR_DIM), edge->how, sl_color(stdout, SL_COLOR_NONE));
    return SL_OK;
}

// The graph of tables has no cycle, so neither has that of columns. What decides rows is named but
// not followed: it would pull in every key.
static int walk_column(struct walk *walk, const char *table, const char *column, int depth,
                       struct sl_err *err)
{
    for (size_t i = 0; i < walk->lineage->count; i++) {
        struct edge *edge = &walk->lineage->edges[i];
        const char *own_table = walk->is_downstream ? edge->from_table : edge->to_table;
        const char *own_column = walk->is_downstream ? edge->from_column : edge->to_column;
        if (!sl_str_equal(own_table, table) || !sl_str_equal_nocase(own_column, column))
            continue;
        bool is_new = edge->seen != walk->number;
        edge->seen = walk->number;
        if (is_new || !walk->list)
            SL_TRY(show_edge(walk, edge, depth, err));
        if (is_new && !sl_str_equal(edge->how, "decides rows"))
            SL_TRY(walk_column(walk, walk->is_downstream ? edge->to_table : edge->from_table,
                               walk->is_downstream ? edge->to_column : edge->from_column, depth + 1,
                               err));
    }
    return SL_OK;
}

static int walk_table(struct walk *walk, const struct sl_node *node, int depth, struct sl_err *err)
{
    const struct sl_graph *graph = &walk->lineage->world.graph;
    size_t count = walk->is_downstream ? node->downstream_count : node->upstream_count;
    const size_t *next = walk->is_downstream ? node->downstream : node->upstream;
    for (size_t i = 0; i < count; i++) {
        const struct sl_node *other = &graph->nodes[next[i]];
        printf("%*s%s %s  %s(%s)%s\n", 2 * depth, "", walk->is_downstream ? "->" : "<-",
               other->name, sl_color(stdout, SL_COLOR_DIM), other->file,
               sl_color(stdout, SL_COLOR_NONE));
        bool is_new = !walk->seen[next[i]];
        walk->seen[next[i]] = true;
        if (is_new)
            SL_TRY(walk_table(walk, other, depth + 1, err));
    }
    return SL_OK;
}

static int show_table(struct walk *walk, const char *table, struct sl_err *err)
{
    const struct sl_relation *relation = sl_map_get(&walk->lineage->catalog, table);
    const struct sl_node *node = sl_graph_node(&walk->lineage->world.graph, table);
    if (!walk->list) {
        walk->seen =
            SL_NEW_ARRAY(&walk->lineage->world.arena, bool, walk->lineage->world.graph.count);
        SL_TRY_NEW(walk->seen, err);
        puts(table);
        SL_TRY(walk_table(walk, node, 1, err));
    }
    for (size_t i = 0; relation && i < relation->count; i++) {
        if (!walk->list) {
            printf("%s%s.%s\n", i ? "" : "\n", table, relation->columns[i].name);
            walk->number++;
        }
        SL_TRY(walk_column(walk, table, relation->columns[i].name, 1, err));
    }
    return SL_OK;
}

static int unknown(const struct lineage *lineage, struct sl_arena *arena, const char *what,
                   struct sl_err *err)
{
    const char **names =
        SL_NEW_ARRAY(arena, const char *, sl_map_count(&lineage->world.graph.by_name));
    size_t count = 0;
    SL_TRY_NEW(names, err);
    for (const struct sl_map_entry *it = sl_map_first(&lineage->world.graph.by_name); it;
         it = sl_map_next(it))
        names[count++] = sl_map_key(it);
    const char *hint = sl_did_you_mean(arena, what, names, count);
    (void)sl_fail(err, SL_E_TABLE_MISSING, "there is no table or column '%s'", what);
    return sl_err_hint(err, "%s", hint ? hint : "`sluice ls` lists the tables");
}

// What stands for a table or a column; *ret_found says whether there is one.
static int show_named(struct walk *walk, const char *what, bool *ret_found, struct sl_err *err)
{
    const char *dot = strrchr(what, '.');
    *ret_found = true;
    if (sl_graph_node(&walk->lineage->world.graph, what))
        return show_table(walk, what, err);
    const char *table =
        sl_arena_strndup(&walk->lineage->world.arena, what, dot ? (size_t)(dot - what) : 0);
    SL_TRY_NEW(table, err);
    const struct sl_relation *relation = sl_map_get(&walk->lineage->catalog, table);
    for (size_t i = 0; relation && i < relation->count; i++)
        if (sl_str_equal_nocase(relation->columns[i].name, dot + 1)) {
            if (!walk->list)
                printf("%s\n", what);
            return walk_column(walk, table, dot + 1, 1, err);
        }
    *ret_found = false;
    return SL_OK;
}

// A name without its layer is looked up as `sluice show` does.
static int show_one(struct walk *walk, const char *what, struct sl_err *err)
{
    static const char *const layers[] = {"", "curated.", "clean.", "raw."};
    struct sl_arena *arena = &walk->lineage->world.arena;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const char *name = sl_arena_printf(arena, "%s%s", layers[i], what);
        bool is_found;
        SL_TRY_NEW(name, err);
        SL_TRY(show_named(walk, name, &is_found, err));
        if (is_found)
            return SL_OK;
    }
    return unknown(walk->lineage, arena, what, err);
}

static int run_lineage(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct lineage_options *options = self;
    SL_AUTO(close_lineage) struct lineage lineage = {0};
    SL_AUTO(sl_json_free) json_t *root = NULL;
    (void)ret_exit;
    SL_TRY(sl_open_world(&options->common, &lineage.world, err));
    SL_TRY(collect(&lineage, err));
    struct walk walk = {.lineage = &lineage, .is_downstream = options->downstream, .number = 1};
    if (options->common.json) {
        walk.list = json_array();
        root = json_pack("{s:s, s:o}", "schema", "sluice.lineage/1", "edges", walk.list);
        SL_TRY_NEW(root, err);
    }
    if (options->what) {
        SL_TRY(show_one(&walk, options->what, err));
    } else {
        for (size_t i = 0; i < lineage.world.graph.count; i++) {
            const struct sl_node *node = &lineage.world.graph.nodes[i];
            if (!walk.list)
                puts(node->name);
            if (walk.list)
                SL_TRY(show_table(&walk, node->name, err));
            for (size_t k = 0; k < node->upstream_count && !walk.list; k++)
                printf("  <- %s\n", lineage.world.graph.nodes[node->upstream[k]].name);
        }
    }
    return options->common.json ? sl_print_json(root, err) : SL_OK;
}

static const char *const examples[] = {"sluice lineage curated.daily_revenue",
                                       "sluice lineage curated.daily_revenue.revenue_eur",
                                       "sluice lineage raw.orders.amount --downstream", NULL};

const struct sl_command sl_command_lineage = {
    .name = "lineage",
    .summary = "Show what a table or column is made from, or what is made from it.",
    .rows = rows,
    .options_bytes = sizeof(struct lineage_options),
    .examples = examples,
    .run = run_lineage,
};
