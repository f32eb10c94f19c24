// The steps that wait for a worker. Which is next: of those whose pool and target have a slot, the
// one of the highest priority; of equals, the first of the graph. So the order does not depend on
// which step has ended first, only on which have.
#ifndef SL_RUN_READY_H
#define SL_RUN_READY_H

#include "plan/plan.h"

struct sl_ready_group;
struct sl_ready {
    const struct sl_graph *graph;
    struct sl_ready_group *groups;
    size_t group_count;
    size_t *group_of; // per node
    size_t count;     // of steps in all groups
};
// Memory is the arena's.
SL_MUST int sl_ready_init(struct sl_ready *ready, const struct sl_graph *graph,
                          const struct sl_project *project, struct sl_arena *arena,
                          struct sl_err *err);
// A node is in it once at most.
void sl_ready_add(struct sl_ready *ready, size_t index);
// False if none has a slot. The step holds its slots until they are released.
bool sl_ready_take(struct sl_ready *ready, size_t *ret);
void sl_ready_release(struct sl_ready *ready, size_t index);
// How many could be taken now.
size_t sl_ready_startable(const struct sl_ready *ready);

#endif
