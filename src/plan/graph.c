#include "plan/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct builder {
    struct sl_project *project;
    struct sl_graph *graph;
};

static struct sl_node *add_node(struct builder *builder, enum sl_node_kind kind, const char *name,
                                const char *bare, const char *label, struct sl_err *err)
{
    struct sl_node *node = &builder->graph->nodes[builder->graph->count];
    if (!name || !label) {
        (void)sl_fail_memory(err);
        return NULL;
    }
    *node = (struct sl_node){.kind = kind, .name = name, .bare = bare, .label = label};
    node->facts.version = node->facts.quarantine_version = -1;
    if (sl_map_set(&builder->graph->by_name, name, node, err) != SL_OK)
        return NULL;
    builder->graph->count++;
    return node;
}

static int hash_copy(const char hex[65], struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    *ret = sl_arena_strdup(arena, hex);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static int add_source(struct builder *builder, const struct sl_source *source, struct sl_err *err)
{
    struct sl_arena *arena = &builder->project->arena;
    const struct sl_contract_table *contract = sl_project_contract_for(builder->project, source);
    struct sl_node *node =
        add_node(builder, SL_NODE_INGEST, sl_arena_printf(arena, "raw.%s", source->name),
                 source->name, sl_arena_printf(arena, "ingest %s", source->name), err);
    if (!node)
        return err->code;
    node->source = source;
    node->file = source->file;
    node->tags = &source->tags;
    node->owner = source->requirements.owner;
    node->fingerprint = "";
    if (!contract)
        return SL_OK;
    struct sl_node *cleanse =
        add_node(builder, SL_NODE_CLEANSE, sl_arena_printf(arena, "clean.%s", source->name),
                 source->name, sl_arena_printf(arena, "cleanse %s", source->name), err);
    if (!cleanse)
        return err->code;
    cleanse->source = source;
    cleanse->contract = contract;
    cleanse->file = contract->contract ? contract->contract->file : source->file;
    cleanse->tags = &source->tags;
    cleanse->owner = source->requirements.owner;
    char hex[65];
    SL_TRY(sl_cleanse_fingerprint(contract, hex, err));
    SL_TRY(hash_copy(hex, arena, &cleanse->fingerprint, err));
    const char *quarantine = sl_arena_printf(arena, "quarantine.%s", source->name);
    SL_TRY_NEW(quarantine, err);
    return sl_map_set(&builder->graph->by_name, quarantine, cleanse, err);
}

static int add_model(struct builder *builder, const struct sl_model *model,
                     const struct sl_query *query, const char *fingerprint, struct sl_err *err)
{
    struct sl_arena *arena = &builder->project->arena;
    struct sl_node *node =
        add_node(builder, SL_NODE_MODEL, sl_arena_printf(arena, "curated.%s", model->name),
                 model->name, sl_arena_printf(arena, "model %s", model->name), err);
    if (!node)
        return err->code;
    node->model = model;
    node->query = query;
    node->file = model->file;
    node->tags = &model->tags;
    node->owner = model->requirements.owner;
    node->fingerprint = fingerprint;
    return SL_OK;
}

static int add_target(struct builder *builder, const struct sl_target *target, struct sl_err *err)
{
    struct sl_arena *arena = &builder->project->arena;
    for (size_t i = 0; i < target->delivery_count; i++) {
        const struct sl_delivery *delivery = &target->deliveries[i];
        struct sl_node *node = add_node(
            builder, SL_NODE_LOAD,
            sl_arena_printf(arena, "target.%s.%s", target->name, delivery->to), delivery->to,
            sl_arena_printf(arena, "load %s.%s", target->name, delivery->to), err);
        if (!node)
            return err->code;
        node->target = target;
        node->delivery = delivery;
        node->file = target->file;
        node->tags = &target->tags;
        node->owner = target->requirements.owner;
        char hex[65];
        SL_TRY(sl_delivery_fingerprint(target, delivery, hex, err));
        SL_TRY(hash_copy(hex, arena, &node->fingerprint, err));
    }
    return SL_OK;
}

static int add_task(struct builder *builder, const struct sl_task *task, struct sl_err *err)
{
    struct sl_arena *arena = &builder->project->arena;
    struct sl_node *node =
        add_node(builder, SL_NODE_TASK, sl_arena_printf(arena, "task.%s", task->name), task->name,
                 sl_arena_printf(arena, "task %s", task->name), err);
    if (!node)
        return err->code;
    node->task = task;
    node->file = task->file;
    node->tags = &task->tags;
    node->owner = task->requirements.owner;
    char hex[65];
    SL_TRY(sl_task_fingerprint(task, hex, err));
    return hash_copy(hex, arena, &node->fingerprint, err);
}

// "orders" is most likely meant to be "clean.orders": the layer furthest down that has it.
static const char *with_layer(const struct sl_graph *graph, const char *table,
                              struct sl_arena *arena)
{
    static const char *const layers[] = {"curated", "clean", "raw"};
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        const char *name = sl_arena_printf(arena, "%s.%s", layers[i], table);
        if (name && sl_graph_node(graph, name))
            return sl_arena_printf(arena, "did you mean '%s'?", name);
    }
    return NULL;
}

// Of "revenue" or "revenue_v7" the versions there are: "there are curated.revenue_v1, ...".
static const char *with_version(const struct sl_project *project, const char *table,
                                struct sl_arena *arena)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    enum sl_layer layer;
    const char *name, *output = NULL;
    if (!sl_table_parse(table, &layer, &name) || layer != SL_LAYER_CURATED)
        return NULL;
    for (size_t i = 0; i < project->model_count; i++) {
        const struct sl_model *model = &project->models[i];
        size_t length = model->version_of ? strlen(model->version_of) : 0;
        if (!length || strncmp(name, model->version_of, length) != 0 ||
            !(name[length] == '\0' || (name[length] == '_' && name[length + 1] == 'v')))
            continue;
        sl_buf_addf(&text, "%scurated.%s", text.length ? ", " : "there is ", model->name);
        if (model->is_latest)
            output = model->version_of;
    }
    if (!text.length || text.has_failed)
        return NULL;
    return output
               ? sl_arena_printf(arena, "%s; curated.%s is the latest version", text.text, output)
               : sl_arena_printf(arena, "%s; none of them is the latest yet", text.text);
}

static void unknown_table(struct builder *builder, const char *table, struct sl_place place,
                          const char *what)
{
    struct sl_graph *graph = builder->graph;
    struct sl_arena *arena = &builder->project->arena;
    const char **names = SL_NEW_ARRAY(arena, const char *, sl_map_count(&graph->by_name));
    size_t count = 0;
    for (const struct sl_map_entry *it = sl_map_first(&graph->by_name); names && it;
         it = sl_map_next(it))
        if (!sl_str_starts(sl_map_key(it), "target.") && !sl_str_starts(sl_map_key(it), "task."))
            names[count++] = sl_map_key(it);
    const char *hint = with_version(builder->project, table, arena);
    if (!hint)
        hint = with_layer(graph, table, arena);
    if (!hint && names)
        hint = sl_did_you_mean(arena, table, names, count);
    sl_diag(&builder->project->diags, SL_SEVERITY_ERROR, SL_E_SQL_TABLE, place,
            hint ? hint : "`sluice ls` lists the tables of the project",
            "%s reads '%s', which nothing writes", what, table);
}

static bool has(const size_t *items, size_t count, size_t wanted)
{
    for (size_t i = 0; i < count; i++)
        if (items[i] == wanted)
            return true;
    return false;
}

int sl_graph_add_edge(struct sl_graph *graph, struct sl_node *from, struct sl_node *to,
                      struct sl_arena *arena, struct sl_err *err)
{
    size_t index = (size_t)(from - graph->nodes), to_index = (size_t)(to - graph->nodes);
    if (to->upstream_count < from->downstream_count
            ? has(to->upstream, to->upstream_count, index)
            : has(from->downstream, from->downstream_count, to_index))
        return SL_OK;
    if (!SL_PUSH(arena, to->upstream, to->upstream_count, index) ||
        !SL_PUSH(arena, from->downstream, from->downstream_count, to_index))
        return sl_fail_memory(err);
    return SL_OK;
}

static int add_edge(struct builder *builder, struct sl_node *from, struct sl_node *to,
                    struct sl_err *err)
{
    return sl_graph_add_edge(builder->graph, from, to, &builder->project->arena, err);
}

static struct sl_place place_in_model(const struct sl_model *model, int line, int column)
{
    bool is_first = line <= 1;
    return (struct sl_place){model->file, model->sql_line + line - 1,
                             is_first ? model->sql_column + column - 1 : column};
}

static int link_model(struct builder *builder, struct sl_node *node, struct sl_err *err)
{
    for (size_t i = 0; i < node->query->table_count; i++) {
        const struct sl_table_ref *ref = &node->query->tables[i];
        const char *table =
            ref->layer ? sl_arena_printf(&builder->project->arena, "%s.%s", ref->layer, ref->name)
                       : ref->name;
        SL_TRY_NEW(table, err);
        struct sl_node *from = ref->layer ? sl_graph_node(builder->graph, table) : NULL;
        if (!from) {
            unknown_table(builder, table, place_in_model(node->model, ref->line, ref->column),
                          node->name);
            continue;
        }
        SL_TRY(add_edge(builder, from, node, err));
    }
    return SL_OK;
}

struct child {
    struct builder *builder;
    struct sl_node *node;
    const struct sl_node *sought; // of the search for a rule
    const struct sl_rule *found;
};

// A parent that is no table of the project has been reported. A table that points to itself waits
// for nothing.
static int link_parent(void *self, struct sl_rule *rule, struct sl_err *err)
{
    struct child *child = self;
    struct sl_node *parent = sl_graph_node(child->builder->graph, rule->parent);
    if (!parent || parent == child->node)
        return SL_OK;
    return add_edge(child->builder, parent, child->node, err);
}

static int link_cleanse(struct builder *builder, struct sl_node *node, struct sl_err *err)
{
    struct child child = {.builder = builder, .node = node};
    SL_TRY(add_edge(builder, node - 1, node, err)); // its ingest step was added just before it
    return sl_contract_each_foreign_key(node->contract, link_parent, &child, err);
}

static int link_node(struct builder *builder, struct sl_node *node, struct sl_err *err)
{
    switch (node->kind) {
    case SL_NODE_INGEST:
    case SL_NODE_TASK: // graph_tasks.c
        return SL_OK;
    case SL_NODE_CLEANSE:
        return link_cleanse(builder, node, err);
    case SL_NODE_MODEL:
        return link_model(builder, node, err);
    case SL_NODE_LOAD: {
        struct sl_node *from = sl_graph_node(builder->graph, node->delivery->table);
        if (!from) {
            struct sl_place place = sl_yaml_place(node->delivery->node, "table");
            unknown_table(builder, node->delivery->table, place, node->name);
            return SL_OK;
        }
        if (sl_node_is_view(from) && node->delivery->write != SL_WRITE_FULL)
            sl_diag(&builder->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                    sl_yaml_place(node->delivery->node, "write"),
                    "leave 'write' out, or make the model a table",
                    "'%s' is a view, which can only be delivered whole", from->name);
        if (sl_node_is_view(from) && node->target->reads == SL_READS_PUBLISHED)
            sl_diag(&builder->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                    sl_yaml_place(node->target->node, "reads"),
                    "leave 'reads' out, or make the model a table",
                    "'%s' is a view, and publications list tables", from->name);
        SL_TRY(add_edge(builder, from, node, err));
        struct sl_node *output = // selected and shown along with what it means
            node->delivery->asked ? sl_graph_node(builder->graph, node->delivery->asked) : NULL;
        return output ? add_edge(builder, output, node, err) : SL_OK;
    }
    }
    return SL_OK;
}

static int find_parent(void *self, struct sl_rule *rule, struct sl_err *err)
{
    struct child *child = self;
    (void)err;
    if (!child->found && sl_str_equal(rule->parent, child->sought->name))
        child->found = rule;
    return SL_OK;
}

// Where a task says that it comes after, or before, a step.
static bool task_names(const struct sl_graph *graph, const struct sl_task *task, const char *key,
                       const struct sl_node *step, struct sl_place *ret)
{
    const struct sl_strs *names = *key == 'a' ? &task->after : &task->before;
    const struct sl_yaml *list = sl_yaml_get(task->node, key);
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        bool is_target = step->kind == SL_NODE_LOAD && sl_str_starts(name, "target.") &&
                         sl_str_equal(step->target->name, name + strlen("target."));
        if (!is_target && sl_graph_node(graph, name) != step)
            continue;
        bool is_list = list && list->kind == SL_YAML_LIST && i < list->count;
        *ret = is_list ? list->items[i]->place : sl_yaml_place(task->node, key);
        return true;
    }
    return false;
}

// Where a step of a cycle reads the next one of it.
static struct sl_place place_of_read(const struct sl_graph *graph, const struct sl_node *reader,
                                     const struct sl_node *read)
{
    struct sl_place place;
    if (reader->task && task_names(graph, reader->task, "after", read, &place))
        return place;
    if (read->task && task_names(graph, read->task, "before", reader, &place))
        return place;
    if (reader->kind == SL_NODE_CLEANSE) {
        struct child child = {.sought = read};
        struct sl_err ignored = {0};
        if (sl_contract_each_foreign_key(reader->contract, find_parent, &child, &ignored) !=
                SL_OK ||
            !child.found)
            return reader->contract->place;
        return child.found->place;
    }
    if (!reader->query)
        return (struct sl_place){reader->file, 1, 1};
    for (size_t i = 0; i < reader->query->table_count; i++) {
        const struct sl_table_ref *ref = &reader->query->tables[i];
        char table[160];
        snprintf(table, sizeof table, "%s.%s", ref->layer ? ref->layer : "", ref->name);
        if (sl_graph_node(graph, table) == read)
            return place_in_model(reader->model, ref->line, ref->column);
    }
    return place_in_model(reader->model, 1, 1);
}

// Kahn's algorithm: nodes that wait for others, and those that came out already.
struct sorter {
    size_t *waiting; // per node: upstream steps that did not come out; 0 once it came out itself
    size_t *order;
    size_t head, tail;
};

// Names the nodes of one cycle: from any node left over, upstream edges within the left-overs lead
// round to a repeat. Then lets them come out, so that the next one can be found.
static int report_cycle(struct builder *builder, struct sorter *sorter, struct sl_err *err)
{
    struct sl_graph *graph = builder->graph;
    struct sl_arena *arena = &builder->project->arena;
    size_t *waiting = sorter->waiting;
    size_t *path = SL_NEW_ARRAY(arena, size_t, graph->count + 1);
    bool *is_seen = SL_NEW_ARRAY(arena, bool, graph->count);
    SL_TRY_NEW(path, err);
    SL_TRY_NEW(is_seen, err);
    size_t at = 0, length = 0;
    while (waiting[at] == 0)
        at++;
    while (!is_seen[at]) {
        is_seen[at] = true;
        path[length++] = at;
        const struct sl_node *node = &graph->nodes[at];
        for (size_t i = 0; i < node->upstream_count; i++)
            if (waiting[node->upstream[i]]) {
                at = node->upstream[i];
                break;
            }
    }
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_add(&text, graph->nodes[at].name);
    size_t first = length;
    do
        sl_buf_addf(&text, " -> %s", graph->nodes[path[--first]].name);
    while (path[first] != at);
    SL_TRY(sl_buf_check(&text, err));
    size_t next = 0; // what it reads
    while (path[next] != at)
        next++;
    const struct sl_node *read = &graph->nodes[next + 1 < length ? path[next + 1] : at];
    sl_diag(&builder->project->diags, SL_SEVERITY_ERROR, SL_E_SQL_CYCLE,
            place_of_read(graph, &graph->nodes[at], read), NULL, "these depend on each other: %s",
            text.text);
    while (length-- > first) {
        waiting[path[length]] = 0;
        sorter->order[sorter->tail++] = path[length];
    }
    return SL_OK;
}

// First come first served, so that the order is the files' order wherever the edges allow it. With
// cycles the order is good but within these.
static int sort_nodes(struct builder *builder, size_t *order, struct sl_err *err)
{
    struct sl_graph *graph = builder->graph;
    struct sorter sorter = {SL_NEW_ARRAY(&builder->project->arena, size_t, graph->count), order, 0,
                            0};
    SL_TRY_NEW(sorter.waiting, err);
    for (size_t i = 0; i < graph->count; i++) {
        sorter.waiting[i] = graph->nodes[i].upstream_count;
        if (sorter.waiting[i] == 0)
            order[sorter.tail++] = i;
    }
    while (sorter.tail < graph->count || sorter.head < sorter.tail) {
        if (sorter.head == sorter.tail)
            SL_TRY(report_cycle(builder, &sorter, err));
        const struct sl_node *node = &graph->nodes[order[sorter.head++]];
        for (size_t i = 0; i < node->downstream_count; i++) {
            size_t *waiting = &sorter.waiting[node->downstream[i]];
            if (*waiting && --*waiting == 0)
                order[sorter.tail++] = node->downstream[i];
        }
    }
    return SL_OK;
}

// Lays the nodes down in topological order and renumbers the edges.
static int reorder(struct builder *builder, const size_t *order, struct sl_err *err)
{
    struct sl_graph *graph = builder->graph;
    struct sl_arena *arena = &builder->project->arena;
    struct sl_node *sorted = SL_NEW_ARRAY(arena, struct sl_node, graph->count);
    size_t *position = SL_NEW_ARRAY(arena, size_t, graph->count);
    SL_TRY_NEW(sorted, err);
    SL_TRY_NEW(position, err);
    for (size_t i = 0; i < graph->count; i++)
        position[order[i]] = i;
    for (size_t i = 0; i < graph->count; i++) {
        sorted[i] = graph->nodes[order[i]];
        for (size_t k = 0; k < sorted[i].upstream_count; k++)
            sorted[i].upstream[k] = position[sorted[i].upstream[k]];
        for (size_t k = 0; k < sorted[i].downstream_count; k++)
            sorted[i].downstream[k] = position[sorted[i].downstream[k]];
    }
    const struct sl_node *before = graph->nodes;
    for (const struct sl_map_entry *it = sl_map_first(&graph->by_name); it; it = sl_map_next(it)) {
        size_t index = (size_t)((const struct sl_node *)sl_map_value(it) - before);
        SL_TRY(sl_map_set(&graph->by_name, sl_map_key(it), &sorted[position[index]], err));
    }
    graph->nodes = sorted;
    return SL_OK;
}

int sl_graph_build(struct sl_project *project, const struct sl_query *queries,
                   const char *const *fingerprints, struct sl_graph *ret, struct sl_err *err)
{
    size_t capacity = 2 * project->source_count + project->model_count + project->task_count;
    for (size_t i = 0; i < project->target_count; i++)
        capacity += project->targets[i].delivery_count;
    *ret = (struct sl_graph){.nodes = SL_NEW_ARRAY(&project->arena, struct sl_node, capacity)};
    SL_TRY_NEW(ret->nodes, err);
    struct builder builder = {.project = project, .graph = ret};
    for (size_t i = 0; i < project->source_count; i++)
        SL_TRY(add_source(&builder, &project->sources[i], err));
    for (size_t i = 0; i < project->model_count; i++)
        SL_TRY(add_model(&builder, &project->models[i], &queries[i], fingerprints[i], err));
    for (size_t i = 0; i < project->target_count; i++)
        SL_TRY(add_target(&builder, &project->targets[i], err));
    for (size_t i = 0; i < project->task_count; i++)
        SL_TRY(add_task(&builder, &project->tasks[i], err));
    for (size_t i = 0; i < ret->count; i++)
        SL_TRY(link_node(&builder, &ret->nodes[i], err));
    SL_TRY(sl_graph_link_tasks(project, ret, err));
    SL_TRY(sl_graph_link_checks(project, ret, err));
    size_t *order = SL_NEW_ARRAY(&project->arena, size_t, ret->count);
    SL_TRY_NEW(order, err);
    SL_TRY(sort_nodes(&builder, order, err));
    SL_TRY(reorder(&builder, order, err));
    return sl_graph_check_tasks(project, ret, err);
}

void sl_graph_clear(struct sl_graph *graph)
{
    if (!graph)
        return;
    sl_map_clear(&graph->by_name);
    *graph = (struct sl_graph){0};
}

struct sl_node *sl_graph_node(const struct sl_graph *graph, const char *table)
{
    return sl_map_get(&graph->by_name, table);
}
