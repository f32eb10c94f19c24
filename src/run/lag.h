// How old a table may be, and how far it is behind what it is built from.
#ifndef SL_RUN_LAG_H
#define SL_RUN_LAG_H

#include "plan/plan.h"
#include "step/step.h"

// Since when (commit time) one of the inputs has had rows that the versions used have not, and
// which; 0: none has. Tables that are not there are none. No engine; reads the logs.
SL_MUST int sl_lag_since(const struct sl_project *project, const struct sl_table_version *used,
                         size_t count, struct sl_arena *arena, int64_t *ret_ms,
                         const char **ret_behind, struct sl_err *err);
// How old the node's table may become; -1: nobody says.
int64_t sl_node_freshness_s(const struct sl_node *node);
// Whole seconds from then to now; 0 of what is to come.
int64_t sl_seconds_since(int64_t now_us, int64_t then_us);

#endif
