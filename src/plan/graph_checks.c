// Which other tables the checks of a table read: their steps come first, so that what is compared
// is of one run. Unlike what a step reads itself, this is about order alone: such a table makes
// nothing stale, and where the order would go round in a circle it is left out.
#include "plan/graph.h"

#include <ctype.h>
#include <string.h>

struct linker {
    struct sl_project *project;
    struct sl_graph *graph;
    struct sl_node *node;
};

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool reaches(const struct sl_graph *graph, size_t from, size_t to, bool *is_seen)
{
    if (from == to)
        return true;
    if (is_seen[from])
        return false;
    is_seen[from] = true;
    for (size_t i = 0; i < graph->nodes[from].downstream_count; i++)
        if (reaches(graph, graph->nodes[from].downstream[i], to, is_seen))
            return true;
    return false;
}

static int link_table(struct linker *linker, const char *table, struct sl_err *err)
{
    struct sl_graph *graph = linker->graph;
    struct sl_arena *arena = &linker->project->arena;
    struct sl_node *from = sl_graph_node(graph, table);
    bool *is_seen = SL_NEW_ARRAY(arena, bool, graph->count);
    SL_TRY_NEW(is_seen, err);
    if (!from || from == linker->node ||
        reaches(graph, (size_t)(linker->node - graph->nodes), (size_t)(from - graph->nodes),
                is_seen))
        return SL_OK;
    return sl_graph_add_edge(graph, from, linker->node, arena, err);
}

// Everything in the text that reads like layer.table.
static int link_text(struct linker *linker, const char *text, struct sl_err *err)
{
    for (const char *at = text; (at = strchr(at, '.')); at++) {
        const char *begin = at, *end = at + 1;
        enum sl_layer layer;
        const char *name;
        while (begin > text && is_name(begin[-1]))
            begin--;
        while (is_name(*end))
            end++;
        const char *table = sl_arena_strndup(&linker->project->arena, begin, (size_t)(end - begin));
        SL_TRY_NEW(table, err);
        if (begin < at && end > at + 1 && sl_table_parse(table, &layer, &name))
            SL_TRY(link_table(linker, table, err));
    }
    return SL_OK;
}

static int link_tree(struct linker *linker, const struct sl_yaml *node, struct sl_err *err)
{
    if (node->kind == SL_YAML_SCALAR)
        return link_text(linker, node->text, err);
    for (size_t i = 0; i < node->count; i++)
        SL_TRY(link_tree(linker, node->items[i], err));
    return SL_OK;
}

int sl_graph_link_checks(struct sl_project *project, struct sl_graph *graph, struct sl_err *err)
{
    for (size_t i = 0; i < graph->count; i++) {
        struct linker linker = {.project = project, .graph = graph, .node = &graph->nodes[i]};
        const struct sl_node *node = linker.node;
        const struct sl_yaml *checks = node->kind == SL_NODE_CLEANSE ? node->contract->checks
                                       : node->kind == SL_NODE_MODEL ? node->model->checks
                                                                     : NULL;
        if (checks)
            SL_TRY(link_tree(&linker, checks, err));
    }
    return SL_OK;
}
