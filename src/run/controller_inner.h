// The parts of the controller of one run, shared between its files.
#ifndef SL_RUN_CONTROLLER_INNER_H
#define SL_RUN_CONTROLLER_INNER_H

#include "run/executor_inner.h"
#include "run/history.h"
#include "run/timer.h"

// Of one step: the wait before its next attempt, or what its attempt may still take.
struct sl_step_clock;

// Of a step that a person has to approve.
enum sl_gate { SL_GATE_NONE, SL_GATE_WAITS, SL_GATE_OPEN, SL_GATE_SHUT };

struct sl_backfill;
struct sl_errand;
struct sl_controller {
    struct sl_executor *executor;
    struct sl_run *run;
    const struct sl_run_options *options;
    struct sl_history *history;
    struct sl_backfill *backfill; // NULL: it is none
    size_t *waiting;              // per node: upstream steps that have not ended
    size_t *open_next;            // queue of node indices that wait for nothing more
    size_t open_head, open_tail;
    struct sl_step_clock **clocks; // per node; NULL: it needed none
    enum sl_gate *gates;           // per node
    size_t open;                   // selected nodes that have not ended
    size_t in_hand, most_in_hand;  // of them: no more wait for nothing, 0: no limit
    size_t unpublished;            // of them those after which the run publishes
    size_t at_work;                // jobs of workers
    int64_t number;                // of the run: older ones have lower ones
    int64_t peak_memory_bytes;     // of the worker that took most, so far
    struct sl_err publish_err;
    uv_timer_t *deadline;
    int interrupts;
    bool is_publishing;
    bool is_released; // what reads the publication may begin
    bool is_expected; // by the executor
    bool has_failed;  // fail-fast
    bool is_late;     // its deadline is over
    bool has_ended;
    // Told once, by the next dispatch: the run has ended.
    void (*on_done)(struct sl_controller *controller);
    // Of a service: what a worker has planned, or how it died.
    void (*on_planned)(struct sl_controller *controller, const json_t *reply,
                       const struct sl_death *death);
    // The step waits for a person; NULL: there is nobody, and it fails.
    void (*on_gate)(struct sl_controller *controller, const char *name);
    const json_t *request;    // to plan
    struct sl_errand *errand; // NULL: no worker died over its plan or publication
    struct sl_controller *next, *next_to_sort, *next_errand, *next_ended;
    bool is_to_sort;
};

struct sl_outcome *sl_controller_outcome(struct sl_controller *controller, size_t index);
bool sl_controller_has_stopped(const struct sl_controller *controller);

// Makes the outcomes of a run whose graph is decided, and takes up its first steps. The history is
// not written yet.
SL_MUST int sl_controller_prepare(struct sl_controller *controller, struct sl_err *err);
// The clocks of its run and steps; nothing of it may be at work.
void sl_controller_close(struct sl_controller *controller);
SL_MUST int sl_controller_watch_deadline(struct sl_controller *controller, struct sl_err *err);
// The node has ended: starts what that makes ready, writes it down, publishes after the last.
void sl_controller_finish(struct sl_controller *controller, size_t index);
bool sl_controller_reads_published(const struct sl_node *node);
// Nothing is left to be built by this run: publishes, or has it published.
void sl_controller_publish(struct sl_controller *controller);
void sl_controller_on_published(struct sl_controller *controller, const json_t *reply,
                                const struct sl_death *death);

// --- errand.c
// True if what a worker was to do when it died (`death` may be NULL) is done again, later.
bool sl_errand_again(struct sl_controller *controller, enum sl_job_kind kind,
                     const struct sl_death *death);
// True if it waited for that, and does no more.
bool sl_errand_give_up(struct sl_controller *controller, enum sl_job_kind kind);
// Why the worker died that it waits for.
const struct sl_err *sl_errand_err(const struct sl_controller *controller);
void sl_errand_close(struct sl_controller *controller);

// What is to be approved: a table, or a target with all of its deliveries.
const char *sl_gate_name(const struct sl_node *node);
// True if the step does not go on now: it waits for a person, or has failed for want of one.
bool sl_controller_is_gated(struct sl_controller *controller, size_t index);
void sl_controller_reject(struct sl_controller *controller, size_t index, const char *who,
                          const char *why);
// The step waits for a worker again.
void sl_controller_open_again(struct sl_controller *controller, size_t index);
// What waits for this name goes on, or fails.
void sl_controller_decide(struct sl_controller *controller, const char *name, bool is_approved,
                          const char *who, const char *why);
// Ends those of the nodes which are ready that need no worker; the others wait for one.
void sl_controller_sort_out(struct sl_controller *controller);
// A step that is ready goes to a worker; false if it has ended before it could.
bool sl_controller_start(struct sl_controller *controller, size_t index);
// A worker of another machine has it now.
void sl_controller_begin(struct sl_controller *controller, size_t index, const char *machine);
// That one has it no longer: it waits for another, and the attempt is the same.
void sl_controller_given_back(struct sl_controller *controller, size_t index);
void sl_controller_on_reply(struct sl_controller *controller, size_t index, const json_t *reply,
                            const struct sl_death *death);
// Nobody has begun it: it waits for a worker again, and this was no attempt.
void sl_controller_take_back(struct sl_controller *controller, size_t index);
// Asked to stop: once to drain, twice to interrupt what is at work, three times to kill it.
void sl_controller_interrupt(struct sl_controller *controller, int times);
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
void sl_step_clocks_close(struct sl_controller *controller);

#endif
