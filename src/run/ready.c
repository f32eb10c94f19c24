#include "run/ready.h"

#include "run/retry.h"

#include <stdlib.h>
#include <string.h>

struct slots {
    size_t most, used; // most 0: no limit
};
// Steps that need the same slots, as a heap: the next one is the first.
struct sl_ready_group {
    struct sl_ready_step *items;
    size_t count, room, expected;
    struct slots *pool; // NULL: none
    struct slots own;   // of a target
};

static bool comes_before(const struct sl_ready_step *a, const struct sl_ready_step *b)
{
    int64_t of_a = sl_node_execution(a->node)->priority;
    int64_t of_b = sl_node_execution(b->node)->priority;
    if (of_a != of_b)
        return of_a > of_b;
    return a->run != b->run ? a->run < b->run : a->index < b->index;
}

static void swap(struct sl_ready_step *a, struct sl_ready_step *b)
{
    struct sl_ready_step kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct sl_ready_step *items, size_t at)
{
    for (; at > 0 && comes_before(&items[at], &items[(at - 1) / 2]); at = (at - 1) / 2)
        swap(&items[at], &items[(at - 1) / 2]);
}

static void sift_down(struct sl_ready_step *items, size_t count, size_t at)
{
    for (;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (comes_before(&items[child], &items[first]))
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

int sl_ready_open(struct sl_ready *ready, const struct sl_project *project, struct sl_err *err)
{
    // The slots of the pools lie behind the groups.
    size_t group_count = 1 + project->pool_count + project->target_count;
    size_t bytes = group_count * sizeof *ready->groups + project->pool_count * sizeof(struct slots);
    *ready = (struct sl_ready){.project = project, .group_count = group_count};
    ready->groups = calloc(1, bytes);
    SL_TRY_NEW(ready->groups, err);
    limit_groups(ready, project, (struct slots *)(ready->groups + group_count));
    return SL_OK;
}

void sl_ready_close(struct sl_ready *ready)
{
    for (size_t i = 0; ready->groups && i < ready->group_count; i++)
        free(ready->groups[i].items);
    free(ready->groups);
    *ready = (struct sl_ready){0};
}

static struct sl_ready_group *group_of(const struct sl_ready *ready, const struct sl_node *node)
{
    return &ready->groups[find_group(ready->project, node)];
}

static int grow(struct sl_ready_group *group, struct sl_err *err)
{
    if (group->expected <= group->room)
        return SL_OK;
    size_t room = group->room * 2 > group->expected ? group->room * 2 : group->expected;
    struct sl_ready_step *items = realloc(group->items, room * sizeof *items);
    SL_TRY_NEW(items, err);
    group->items = items;
    group->room = room;
    return SL_OK;
}

int sl_ready_expect(struct sl_ready *ready, const struct sl_graph *graph, struct sl_err *err)
{
    for (size_t i = 0; i < graph->count; i++)
        group_of(ready, &graph->nodes[i])->expected += graph->nodes[i].is_selected;
    for (size_t i = 0; i < ready->group_count; i++)
        if (grow(&ready->groups[i], err) != SL_OK) {
            sl_ready_forget(ready, graph);
            return err->code;
        }
    return SL_OK;
}

void sl_ready_forget(struct sl_ready *ready, const struct sl_graph *graph)
{
    for (size_t i = 0; i < graph->count; i++)
        group_of(ready, &graph->nodes[i])->expected -= graph->nodes[i].is_selected;
}

void sl_ready_add(struct sl_ready *ready, const struct sl_ready_step *step)
{
    struct sl_ready_group *group = group_of(ready, step->node);
    group->items[group->count++] = *step;
    sift_up(group->items, group->count - 1);
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

bool sl_ready_take(struct sl_ready *ready, struct sl_ready_step *ret)
{
    struct sl_ready_group *best = NULL;
    for (size_t i = 0; i < ready->group_count; i++) {
        struct sl_ready_group *group = &ready->groups[i];
        if (startable_of(group) && (!best || comes_before(&group->items[0], &best->items[0])))
            best = group;
    }
    if (!best)
        return false;
    *ret = best->items[0];
    best->items[0] = best->items[--best->count];
    sift_down(best->items, best->count, 0);
    if (best->pool)
        best->pool->used++;
    best->own.used++;
    ready->count--;
    return true;
}

static bool pull(struct sl_ready_group *group, const void *owner, struct sl_ready_step *ret)
{
    size_t at = 0;
    while (at < group->count && group->items[at].owner != owner)
        at++;
    if (at == group->count)
        return false;
    *ret = group->items[at];
    group->items[at] = group->items[--group->count];
    if (at < group->count) {
        sift_up(group->items, at);
        sift_down(group->items, group->count, at);
    }
    return true;
}

bool sl_ready_pull(struct sl_ready *ready, const void *owner, struct sl_ready_step *ret)
{
    for (size_t i = 0; i < ready->group_count; i++)
        if (pull(&ready->groups[i], owner, ret)) {
            ready->count--;
            return true;
        }
    return false;
}

void sl_ready_release(struct sl_ready *ready, const struct sl_node *node)
{
    struct sl_ready_group *group = group_of(ready, node);
    if (group->pool)
        group->pool->used--;
    group->own.used--;
}

const struct sl_ready_step *sl_ready_first(const struct sl_ready *ready)
{
    const struct sl_ready_step *first = NULL;
    for (size_t i = 0; i < ready->group_count; i++)
        if (ready->groups[i].count && (!first || comes_before(&ready->groups[i].items[0], first)))
            first = &ready->groups[i].items[0];
    return first;
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
