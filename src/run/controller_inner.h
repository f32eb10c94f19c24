// The parts of the controller, shared between its files.
#ifndef SL_RUN_CONTROLLER_INNER_H
#define SL_RUN_CONTROLLER_INNER_H

#include "run/history.h"
#include "run/pool.h"
#include "run/ready.h"
#include "run/work.h"

#define SL_CAUGHT_SIGNALS 3

// Of one step: the wait before its next attempt, or what its attempt may still take.
struct sl_step_clock;

struct sl_controller {
    struct sl_run *run;
    const struct sl_run_options *options;
    struct sl_history *history;
    struct sl_run_work work;
    uv_loop_t loop;
    uv_timer_t ticker, deadline;
    uv_signal_t signals[SL_CAUGHT_SIGNALS];
    struct sl_pool *pool;
    size_t *waiting;   // per node: upstream steps that have not ended
    size_t *open_next; // queue of node indices that wait for nothing more
    size_t open_head, open_tail;
    struct sl_ready ready;         // of them those that need a worker
    struct sl_step_clock **clocks; // per node; NULL: it needed none
    size_t open;                   // selected nodes that have not ended
    size_t unpublished;            // of them those after which the run publishes
    int64_t peak_memory_bytes;     // of the worker that took most, so far
    struct sl_err publish_err;
    int interrupts;
    bool has_failed; // fail-fast
    bool is_late;    // its deadline is over
    int lock_fd;
};

struct sl_outcome *sl_controller_outcome(struct sl_controller *controller, size_t index);
bool sl_controller_has_stopped(const struct sl_controller *controller);
// The node has ended: starts what that makes ready, writes it down, publishes after the last.
void sl_controller_finish(struct sl_controller *controller, size_t index);
bool sl_controller_reads_published(const struct sl_node *node);

// Hands ready steps to workers, as many as there are.
void sl_controller_dispatch(struct sl_controller *controller);
// The pool's.
void sl_controller_on_reply(void *owner, size_t job, const json_t *reply,
                            const struct sl_death *death);
// Steps that wait for their next attempt end with the error of their last one.
void sl_controller_end_waits(struct sl_controller *controller);
// The run is over: what is at work is stopped, and nothing more begins.
void sl_controller_expire(struct sl_controller *controller);

// Of what a step's clock tells the end: a wait, the time that an attempt may take, the time that it
// is given to end by itself after that.
enum sl_clock_use { SL_CLOCK_IDLE, SL_CLOCK_WAIT, SL_CLOCK_LIMIT, SL_CLOCK_GRACE };
void sl_controller_on_time(struct sl_controller *controller, size_t index, enum sl_clock_use use);
SL_MUST int sl_step_clock_set(struct sl_controller *controller, size_t index, enum sl_clock_use use,
                              int64_t after_ms, struct sl_err *err);
void sl_step_clock_stop(struct sl_controller *controller, size_t index);
enum sl_clock_use sl_step_clock_use(const struct sl_controller *controller, size_t index);

#endif
