// The executor: hands the ready steps of runs to worker processes. `sluice run` has one with one
// run, `sluice serve` one with many. One thread, one loop; what takes time is done by workers.
#ifndef SL_RUN_EXECUTOR_H
#define SL_RUN_EXECUTOR_H

#include "run/run.h"

#include <uv.h>

struct sl_executor;
struct sl_executor_options {
    uv_loop_t *loop;
    struct sl_world *world; // no engine of it is open in this process
    int64_t concurrency;    // of steps; as in struct sl_run_options
    // Runs are planned, and what they built is published, by workers too, of which there is one
    // more for that: the loop's thread looks at no table. Runs begin with sl_live_run_start.
    bool is_service;
};
SL_MUST int sl_executor_open(const struct sl_executor_options *options, struct sl_executor **ret,
                             struct sl_err *err);
// Workers at work are killed. All runs have ended, or are abandoned.
void sl_executor_close(struct sl_executor **executor); // for SL_AUTO

#endif
