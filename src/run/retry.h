// When a step that failed is tried again. Pure.
#ifndef SL_RUN_RETRY_H
#define SL_RUN_RETRY_H

#include "plan/plan.h"

// What the node's file says of how it is run.
const struct sl_execution *sl_node_execution(const struct sl_node *node);
// Whether the error may pass by itself. `has_share`: the step had less than the whole machine, so
// that memory may be enough another time.
bool sl_retry_is_for(const struct sl_retry *retry, const struct sl_err *err, bool has_share);
// The longest wait after so many attempts that failed, from 1 on.
int64_t sl_retry_most_ms(const struct sl_retry *retry, int64_t failed);
// The wait itself: with jitter, any share of the longest one (full jitter), as `random` says.
int64_t sl_retry_wait_ms(const struct sl_retry *retry, int64_t failed, uint64_t random);

#endif
