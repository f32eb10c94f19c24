// Where a step goes: to a worker of this machine, or through the state store to another one.
#include "run/code.h"
#include "run/controller_inner.h"

bool sl_executor_has_seat(const struct sl_executor *executor)
{
    return !executor->hands_all_out && executor->steps - executor->handed < executor->most_steps &&
           sl_pool_has_room(executor->pool);
}

bool sl_executor_may_send(const struct sl_executor *executor)
{
    return executor->handout && executor->handed < SL_MOST_HANDED &&
           sl_handout_has_room(executor->handout, &executor->hander);
}

int sl_executor_send(struct sl_executor *executor, const struct sl_job *job, size_t number,
                     const json_t *request, struct sl_err *err)
{
    const struct sl_outcome *outcome = sl_controller_outcome(job->controller, job->index);
    const struct sl_handed handed = {.number = number,
                                     .run_id = job->controller->run->id,
                                     .step = outcome->node->name,
                                     .attempt = outcome->attempts,
                                     .request = request};
    return sl_handout_start(executor->handout, &executor->hander, &handed, err);
}

void sl_executor_press_job(struct sl_executor *executor, size_t number, int times)
{
    if (number >= SL_LOCAL_JOBS) {
        if (executor->handout && number < SL_MOST_JOBS)
            sl_handout_press(executor->handout, &executor->hander, number, times);
        return;
    }
    sl_pool_drain_job(executor->pool, number);
    if (times > 1)
        sl_pool_stop(executor->pool, number);
    if (times > 2)
        sl_pool_cut_off(executor->pool, number);
}

static void on_begin(void *owner, size_t number, const char *machine)
{
    const struct sl_executor *executor = owner;
    const struct sl_job *job = &executor->jobs[number];
    sl_controller_begin(job->controller, job->index, machine);
}

static void on_given_back(void *owner, size_t number)
{
    const struct sl_executor *executor = owner;
    const struct sl_job *job = &executor->jobs[number];
    sl_controller_given_back(job->controller, job->index);
}

static void on_back(void *owner, size_t number)
{
    struct sl_executor *executor = owner;
    const struct sl_job job = executor->jobs[number];
    executor->jobs[number] = (struct sl_job){0};
    executor->handed--;
    job.controller->at_work--;
    sl_executor_free_step(executor, &job.controller->run->graph->nodes[job.index]);
    sl_controller_take_back(job.controller, job.index);
    sl_executor_dispatch(executor);
}

static size_t count_ready(void *owner, const char **ret_step)
{
    const struct sl_executor *executor = owner;
    const struct sl_ready_step *first = sl_ready_first(&executor->ready);
    if (!executor->hands_all_out || !first)
        return 0;
    *ret_step = first->node->name;
    return executor->ready.count;
}

static bool has_room(void *owner)
{
    return sl_executor_has_seat(owner);
}

int sl_executor_hand_out(struct sl_executor *executor, struct sl_handout *handout, bool is_all,
                         struct sl_err *err)
{
    SL_TRY(sl_world_code(executor->options.world, executor->code, err));
    executor->hander = (struct sl_hander){.code = executor->code,
                                          .on_reply = sl_executor_on_reply,
                                          .on_begin = on_begin,
                                          .on_given_back = on_given_back,
                                          .on_back = on_back,
                                          .count_ready = count_ready,
                                          .has_room = has_room,
                                          .owner = executor};
    executor->handout = handout;
    executor->hands_all_out = is_all;
    sl_handout_join(handout, &executor->hander);
    return SL_OK;
}

void sl_executor_look_again(struct sl_executor *executor)
{
    if (executor->ready.count)
        sl_executor_dispatch(executor);
}
