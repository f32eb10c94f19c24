// The parts of the executor, shared between its files and those of the controller.
#ifndef SL_RUN_EXECUTOR_INNER_H
#define SL_RUN_EXECUTOR_INNER_H

#include "run/code.h"
#include "run/executor.h"
#include "run/handout.h"
#include "run/pool.h"
#include "run/ready.h"
#include "run/work.h"

struct sl_controller;

// What a worker is asked to do for a run.
enum sl_job_kind { SL_JOB_STEP, SL_JOB_PLAN, SL_JOB_PUBLISH };
struct sl_job {
    struct sl_controller *controller; // NULL: nothing
    enum sl_job_kind kind;
    size_t index; // of the step
};

// Of this machine's workers the numbers of jobs come first: steps, an errand of runs, a look at the
// health of all.
#define SL_LOCAL_JOBS (SL_MOST_WORKERS + 2)
#define SL_MOST_JOBS (SL_LOCAL_JOBS + SL_MOST_HANDED)

struct sl_executor {
    struct sl_executor_options options;
    struct sl_run_work work;
    struct sl_pool *pool;
    struct sl_ready ready;
    struct sl_job jobs[SL_MOST_JOBS]; // at work; their places are the job numbers
    size_t steps, most_steps;         // at work; the most on this machine
    size_t handed;                    // of them on other machines
    struct sl_handout *handout;       // NULL: there are none
    struct sl_hander hander;
    char code[SL_CODE_BYTES];
    bool hands_all_out; // this machine does none
    int64_t run_count;  // so far
    // Ready, but another run is at work on their table.
    struct sl_ready_step *held;
    size_t held_count, held_room, expected; // of steps of all runs
    // Queues of runs, linked through them.
    struct sl_controller *runs, *to_sort, *to_plan, *to_publish, *ended;
    uv_timer_t *ticker;
    bool is_dispatching, has_more;
};

// The run's steps will come; afterwards they are forgotten.
SL_MUST int sl_executor_expect(struct sl_executor *executor, struct sl_controller *controller,
                               struct sl_err *err);
void sl_executor_forget(struct sl_executor *executor, struct sl_controller *controller);
// One of the run's steps that wait for a worker, a slot or a table; it waits no more.
bool sl_executor_pull(struct sl_executor *executor, const struct sl_controller *controller,
                      size_t *ret_index);
// Hands out what is ready, as far as there are workers, and tells of runs that have ended.
void sl_executor_dispatch(struct sl_executor *executor);
// Nodes of the run have become ready: they are looked at by the next dispatch.
void sl_executor_sort(struct sl_executor *executor, struct sl_controller *controller);
// The run has nothing more to do.
void sl_executor_end(struct sl_executor *executor, struct sl_controller *controller);
// A worker plans it, as its request says.
void sl_executor_plan(struct sl_executor *executor, struct sl_controller *controller);
// True if it waited for that, and does no more.
bool sl_executor_unplan(struct sl_executor *executor, struct sl_controller *controller);
// What the run has built is to be published by a worker.
void sl_executor_publish(struct sl_executor *executor, struct sl_controller *controller);
// Of the run's jobs at work: the first time they drain, then they are interrupted, then killed.
void sl_executor_press(struct sl_executor *executor, struct sl_controller *controller, int times);
SL_MUST int sl_executor_hand_over(struct sl_executor *executor, const struct sl_job *job,
                                  const json_t *request, const struct sl_seat **ret,
                                  struct sl_err *err);
// What a step at work is asked to do: once to drain, twice to end, three times it is killed. A
// number that no job has does nothing.
void sl_executor_press_job(struct sl_executor *executor, size_t number, int times);
// The job number of a step at work.
size_t sl_executor_job(const struct sl_executor *executor, const struct sl_controller *controller,
                       size_t index);

void sl_executor_free_step(struct sl_executor *executor, const struct sl_node *node);
void sl_executor_on_reply(void *owner, size_t number, const json_t *reply,
                          const struct sl_death *death);

// --- executor_hand.c: where a step goes
// A worker of this machine is free for it.
bool sl_executor_has_seat(const struct sl_executor *executor);
bool sl_executor_may_send(const struct sl_executor *executor);
SL_MUST int sl_executor_send(struct sl_executor *executor, const struct sl_job *job, size_t number,
                             const json_t *request, struct sl_err *err);

#endif
