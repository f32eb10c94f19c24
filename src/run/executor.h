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
    // more for that and one for looks (run/checkup.h): the loop's thread looks at no table. Runs
    // begin with sl_live_run_start.
    bool is_service;
    // Whether another executor of this process is at work on a table ("clean.orders"); may be NULL.
    // When it is no more, sl_executor_let_go is to be called.
    bool (*is_taken)(void *owner, const struct sl_executor *asking, const char *table);
    // This one is no longer at work on a table; may be NULL.
    void (*on_free)(void *owner, struct sl_executor *executor, const char *table);
    void *owner;
    // Files that a worker needs besides its own; all others are closed in it. NULL: none is closed.
    const int *files;
    size_t file_count;
};
SL_MUST int sl_executor_open(const struct sl_executor_options *options, struct sl_executor **ret,
                             struct sl_err *err);
// From now on steps for which this machine has no room go to others, through `handout`, which
// outlives the executor; with is_all also those that it would have room for. SL_E_... of
// sl_world_code.
struct sl_handout;
SL_MUST int sl_executor_hand_out(struct sl_executor *executor, struct sl_handout *handout,
                                 bool is_all, struct sl_err *err);
// There is room elsewhere: hands out what is ready.
void sl_executor_look_again(struct sl_executor *executor);
// Workers at work are killed. All runs have ended, or are abandoned.
void sl_executor_close(struct sl_executor **executor); // for SL_AUTO
bool sl_executor_writes(const struct sl_executor *executor, const char *table);
// Steps that waited for the table go on.
void sl_executor_let_go(struct sl_executor *executor, const char *table);
struct sl_executor_counts {
    size_t steps, steps_most; // at work
    size_t steps_handed;      // of them on other machines
    size_t steps_ready;       // that wait for a worker, a slot or a table
    size_t runs;              // planned and not ended
    size_t runs_to_plan;
    size_t workers; // processes, also idle ones
    int64_t worker_bytes;
};
struct sl_executor_counts sl_executor_count(const struct sl_executor *executor);

#endif
