// What tasks come after and before. A name is a table's, a delivery's, a target's, which means all
// of its deliveries, or a task's.
#include "plan/graph.h"

#include <string.h>

struct linker {
    struct sl_project *project;
    struct sl_graph *graph;
    struct sl_node *node;
    const char *key; // "after"
};

static int unknown_step(struct linker *linker, const char *name, struct sl_place place,
                        struct sl_err *err)
{
    struct sl_graph *graph = linker->graph;
    struct sl_arena *arena = &linker->project->arena;
    const char **names = SL_NEW_ARRAY(arena, const char *, sl_map_count(&graph->by_name));
    size_t count = 0;
    SL_TRY_NEW(names, err);
    for (const struct sl_map_entry *it = sl_map_first(&graph->by_name); it; it = sl_map_next(it))
        names[count++] = sl_map_key(it);
    const char *hint = sl_did_you_mean(arena, name, names, count);
    sl_diag(&linker->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place,
            hint ? hint
                 : "a table such as raw.orders, target.NAME or task.NAME; `sluice ls` lists "
                   "all there are",
            "'%s' names '%s', which is no step of the project", linker->key, name);
    return SL_OK;
}

static int link_step(struct linker *linker, struct sl_node *step, struct sl_place place,
                     struct sl_err *err)
{
    struct sl_arena *arena = &linker->project->arena;
    if (step == linker->node) {
        sl_diag(&linker->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place,
                "take it out", "a task cannot come %s itself", linker->key);
        return SL_OK;
    }
    return *linker->key == 'a' ? sl_graph_add_edge(linker->graph, step, linker->node, arena, err)
                               : sl_graph_add_edge(linker->graph, linker->node, step, arena, err);
}

// "target.warehouse"
static int link_target(struct linker *linker, const char *name, struct sl_place place,
                       bool *ret_is_one, struct sl_err *err)
{
    struct sl_graph *graph = linker->graph;
    *ret_is_one = false;
    for (size_t i = 0; sl_str_starts(name, "target.") && i < graph->count; i++) {
        struct sl_node *step = &graph->nodes[i];
        if (step->kind != SL_NODE_LOAD ||
            !sl_str_equal(step->target->name, name + strlen("target.")))
            continue;
        *ret_is_one = true;
        SL_TRY(link_step(linker, step, place, err));
    }
    return SL_OK;
}

static int link_names(struct linker *linker, const char *key, const struct sl_strs *names,
                      struct sl_err *err)
{
    const struct sl_yaml *list = sl_yaml_get(linker->node->task->node, key);
    linker->key = key;
    for (size_t i = 0; i < names->count; i++) {
        bool is_list = list && list->kind == SL_YAML_LIST && i < list->count;
        struct sl_place place =
            is_list ? list->items[i]->place : sl_yaml_place(linker->node->task->node, key);
        struct sl_node *step = sl_graph_node(linker->graph, names->items[i]);
        bool is_one = step != NULL;
        if (step)
            SL_TRY(link_step(linker, step, place, err));
        else
            SL_TRY(link_target(linker, names->items[i], place, &is_one, err));
        if (!is_one)
            SL_TRY(unknown_step(linker, names->items[i], place, err));
    }
    return SL_OK;
}

int sl_graph_link_tasks(struct sl_project *project, struct sl_graph *graph, struct sl_err *err)
{
    for (size_t i = 0; i < graph->count; i++) {
        struct linker linker = {.project = project, .graph = graph, .node = &graph->nodes[i]};
        const struct sl_task *task = linker.node->task;
        if (!task)
            continue;
        SL_TRY(link_names(&linker, "after", &task->after, err));
        SL_TRY(link_names(&linker, "before", &task->before, err));
    }
    return SL_OK;
}

// By node: whether it delivers what is published, or comes after such a delivery.
static bool *find_after_publishing(const struct sl_graph *graph, struct sl_arena *arena)
{
    bool *is_after = SL_NEW_ARRAY(arena, bool, graph->count);
    for (size_t i = 0; is_after && i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        is_after[i] = node->kind == SL_NODE_LOAD && node->target->reads == SL_READS_PUBLISHED;
        for (size_t k = 0; k < node->upstream_count && !is_after[i]; k++)
            is_after[i] = is_after[node->upstream[k]];
    }
    return is_after;
}

// A publication is made when every table is built, so no table can wait for what reads it.
int sl_graph_check_tasks(struct sl_project *project, const struct sl_graph *graph,
                         struct sl_err *err)
{
    const bool *is_after = find_after_publishing(graph, &project->arena);
    SL_TRY_NEW(is_after, err);
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        for (size_t k = 0; k < node->upstream_count && is_after[i]; k++) {
            const struct sl_node *from = &graph->nodes[node->upstream[k]];
            bool is_published =
                node->kind == SL_NODE_LOAD && node->target->reads == SL_READS_PUBLISHED;
            if (!is_after[node->upstream[k]] || from->kind != SL_NODE_TASK || is_published ||
                node->kind == SL_NODE_TASK)
                continue;
            sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                    (struct sl_place){from->file, 1, 1},
                    "let it come after the tables, or leave `reads: published` out of the target",
                    "%s comes after a delivery of what is published, which a run ends with, and %s "
                    "waits for it",
                    from->name, node->name);
        }
    }
    return SL_OK;
}
