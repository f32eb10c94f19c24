#include "run/ready.h"

#include "run/retry.h"

#include <string.h>

struct slots {
    size_t most, used; // most 0: no limit
};
// Nodes that need the same slots, as a heap: the next one is the first.
struct sl_ready_group {
    size_t *items;
    size_t count, room;
    struct slots *pool; // NULL: none
    struct slots own;   // of a target
};

static bool comes_before(const struct sl_ready *ready, size_t a, size_t b)
{
    int64_t of_a = sl_node_execution(&ready->graph->nodes[a])->priority;
    int64_t of_b = sl_node_execution(&ready->graph->nodes[b])->priority;
    return of_a != of_b ? of_a > of_b : a < b;
}

static void swap(size_t *a, size_t *b)
{
    size_t kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(const struct sl_ready *ready, size_t *items, size_t at)
{
    for (; at > 0 && comes_before(ready, items[at], items[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&items[at], &items[(at - 1) / 2]);
}

static void sift_down(const struct sl_ready *ready, size_t *items, size_t count)
{
    for (size_t at = 0;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (comes_before(ready, items[child], items[first]))
                first = child;
        if (first == at)
            return;
        swap(&items[at], &items[first]);
        at = first;
    }
}

// Nodes without slots are group 0, those of pools come next, and those of targets with a limit of
// their own.
static size_t find_group(const struct sl_project *project, const struct sl_node *node)
{
    const struct sl_execution *execution = sl_node_execution(node);
    if (node->kind == SL_NODE_LOAD && execution->concurrency)
        return 1 + project->pool_count + (size_t)(node->target - project->targets);
    for (size_t i = 0; execution->pool && i < project->pool_count; i++)
        if (strcmp(project->pools[i].name, execution->pool) == 0)
            return 1 + i;
    return 0;
}

static struct slots *pool_of(const struct sl_project *project, struct slots *pools,
                             const char *name)
{
    for (size_t i = 0; name && i < project->pool_count; i++)
        if (strcmp(project->pools[i].name, name) == 0)
            return &pools[i];
    return NULL;
}

static void limit_groups(struct sl_ready *ready, const struct sl_project *project,
                         struct slots *pools)
{
    struct sl_ready_group *of_targets = &ready->groups[1 + project->pool_count];
    for (size_t i = 0; i < project->pool_count; i++) {
        pools[i].most = (size_t)project->pools[i].slots;
        ready->groups[1 + i].pool = &pools[i];
    }
    for (size_t i = 0; i < project->target_count; i++) {
        const struct sl_execution *execution = &project->targets[i].execution;
        of_targets[i].own.most = (size_t)execution->concurrency;
        of_targets[i].pool = pool_of(project, pools, execution->pool);
    }
}

int sl_ready_init(struct sl_ready *ready, const struct sl_graph *graph,
                  const struct sl_project *project, struct sl_arena *arena, struct sl_err *err)
{
    size_t group_count = 1 + project->pool_count + project->target_count;
    struct slots *pools = SL_NEW_ARRAY(arena, struct slots, project->pool_count + 1);
    *ready = (struct sl_ready){.graph = graph, .group_count = group_count};
    ready->groups = SL_NEW_ARRAY(arena, struct sl_ready_group, group_count);
    ready->group_of = SL_NEW_ARRAY(arena, size_t, graph->count);
    SL_TRY_NEW(pools, err);
    SL_TRY_NEW(ready->groups, err);
    SL_TRY_NEW(ready->group_of, err);
    limit_groups(ready, project, pools);
    for (size_t i = 0; i < graph->count; i++) {
        ready->group_of[i] = find_group(project, &graph->nodes[i]);
        ready->groups[ready->group_of[i]].room++;
    }
    for (size_t i = 0; i < group_count; i++) {
        ready->groups[i].items = SL_NEW_ARRAY(arena, size_t, ready->groups[i].room + 1);
        SL_TRY_NEW(ready->groups[i].items, err);
    }
    return SL_OK;
}

void sl_ready_add(struct sl_ready *ready, size_t index)
{
    struct sl_ready_group *group = &ready->groups[ready->group_of[index]];
    group->items[group->count++] = index;
    sift_up(ready, group->items, group->count - 1);
    ready->count++;
}

static size_t free_of(const struct slots *slots)
{
    return !slots || !slots->most ? SIZE_MAX : slots->most - slots->used;
}

static size_t startable_of(const struct sl_ready_group *group)
{
    size_t most = group->count;
    if (most > free_of(group->pool))
        most = free_of(group->pool);
    return most < free_of(&group->own) ? most : free_of(&group->own);
}

bool sl_ready_take(struct sl_ready *ready, size_t *ret)
{
    struct sl_ready_group *best = NULL;
    for (size_t i = 0; i < ready->group_count; i++) {
        struct sl_ready_group *group = &ready->groups[i];
        if (startable_of(group) && (!best || comes_before(ready, group->items[0], best->items[0])))
            best = group;
    }
    if (!best)
        return false;
    *ret = best->items[0];
    best->items[0] = best->items[--best->count];
    sift_down(ready, best->items, best->count);
    if (best->pool)
        best->pool->used++;
    best->own.used++;
    ready->count--;
    return true;
}

void sl_ready_release(struct sl_ready *ready, size_t index)
{
    struct sl_ready_group *group = &ready->groups[ready->group_of[index]];
    if (group->pool)
        group->pool->used--;
    group->own.used--;
}

// Those of two targets that share a pool are counted twice: it is told to share the machine, not to
// start.
size_t sl_ready_startable(const struct sl_ready *ready)
{
    size_t count = 0;
    for (size_t i = 0; i < ready->group_count; i++)
        count += startable_of(&ready->groups[i]);
    return count;
}
