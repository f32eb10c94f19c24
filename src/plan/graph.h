// The parts of the building of the graph, shared between its files.
#ifndef SL_PLAN_GRAPH_H
#define SL_PLAN_GRAPH_H

#include "plan/plan.h"

// Does nothing if it is there.
SL_MUST int sl_graph_add_edge(struct sl_graph *graph, struct sl_node *from, struct sl_node *to,
                              struct sl_arena *arena, struct sl_err *err);
// What tasks come after and before, when all nodes are there (graph_tasks.c).
SL_MUST int sl_graph_link_tasks(struct sl_project *project, struct sl_graph *graph,
                                struct sl_err *err);
// When the nodes are sorted.
SL_MUST int sl_graph_check_tasks(struct sl_project *project, const struct sl_graph *graph,
                                 struct sl_err *err);
// After all other edges (graph_checks.c).
SL_MUST int sl_graph_link_checks(struct sl_project *project, struct sl_graph *graph,
                                 struct sl_err *err);

#endif
