// The steps that wait for a worker, of all runs at work. Which is next: of those whose pool and
// target have a slot, the one of the highest priority; of equals, that of the older run, and the
// first of its graph. So the order does not depend on which step has ended first, only on which
// have.
#ifndef SL_RUN_READY_H
#define SL_RUN_READY_H

#include "plan/plan.h"

struct sl_ready_step {
    const struct sl_node *node;
    size_t index; // of the node in its run's graph
    int64_t run;  // its number: older ones first
    void *owner;
};

struct sl_ready_group;
struct sl_ready {
    const struct sl_project *project;
    struct sl_ready_group *groups;
    size_t group_count;
    size_t count; // of steps in all groups
};
SL_MUST int sl_ready_open(struct sl_ready *ready, const struct sl_project *project,
                          struct sl_err *err);
void sl_ready_close(struct sl_ready *ready); // for SL_AUTO
// Makes room for the selected steps of a run, so that adding them cannot fail; given back by
// sl_ready_forget.
SL_MUST int sl_ready_expect(struct sl_ready *ready, const struct sl_graph *graph,
                            struct sl_err *err);
void sl_ready_forget(struct sl_ready *ready, const struct sl_graph *graph);
// A step is in it once at most.
void sl_ready_add(struct sl_ready *ready, const struct sl_ready_step *step);
// False if none has a slot. The step holds its slots until they are released.
bool sl_ready_take(struct sl_ready *ready, struct sl_ready_step *ret);
// One of this owner's, whether there is a slot or not; it holds none.
bool sl_ready_pull(struct sl_ready *ready, const void *owner, struct sl_ready_step *ret);
void sl_ready_release(struct sl_ready *ready, const struct sl_node *node);
// That comes next, whether there is a slot or not; NULL: none waits. As long as nothing changes.
const struct sl_ready_step *sl_ready_first(const struct sl_ready *ready);
// How many could be taken now.
size_t sl_ready_startable(const struct sl_ready *ready);

#endif
