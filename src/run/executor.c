// Steps of runs, and errands for them, to workers.
#include "base/log.h"
#include "run/executor_inner.h"

#include "run/controller_inner.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 100
#define BEHIND_ALL (INT64_C(1) << 62) // a backfill gives way to runs

// --- queues of runs

void sl_executor_sort(struct sl_executor *executor, struct sl_controller *controller)
{
    if (controller->is_to_sort)
        return;
    controller->is_to_sort = true;
    controller->next_to_sort = executor->to_sort;
    executor->to_sort = controller;
}

void sl_executor_end(struct sl_executor *executor, struct sl_controller *controller)
{
    if (controller->has_ended)
        return;
    controller->has_ended = true;
    controller->next_ended = executor->ended;
    executor->ended = controller;
}

static void append_errand(struct sl_controller **queue, struct sl_controller *controller)
{
    while (*queue)
        queue = &(*queue)->next_errand;
    *queue = controller;
    controller->next_errand = NULL;
}

bool sl_executor_unplan(struct sl_executor *executor, struct sl_controller *controller)
{
    struct sl_controller **at = &executor->to_plan;
    while (*at && *at != controller)
        at = &(*at)->next_errand;
    if (!*at)
        return false;
    *at = controller->next_errand;
    return true;
}

static struct sl_controller *take_errand(struct sl_controller **queue)
{
    struct sl_controller *first = *queue;
    if (first)
        *queue = first->next_errand;
    return first;
}

void sl_executor_plan(struct sl_executor *executor, struct sl_controller *controller)
{
    append_errand(&executor->to_plan, controller);
}

void sl_executor_publish(struct sl_executor *executor, struct sl_controller *controller)
{
    append_errand(&executor->to_publish, controller);
}

int sl_executor_expect(struct sl_executor *executor, struct sl_controller *controller,
                       struct sl_err *err)
{
    size_t expected = executor->expected + controller->run->graph->count;
    if (expected > executor->held_room) {
        struct sl_ready_step *held = realloc(executor->held, expected * 2 * sizeof *held);
        SL_TRY_NEW(held, err);
        executor->held = held;
        executor->held_room = expected * 2;
    }
    SL_TRY(sl_ready_expect(&executor->ready, controller->run->graph, err));
    executor->expected = expected;
    controller->number = executor->run_count++ + (controller->backfill ? BEHIND_ALL : 0);
    controller->next = executor->runs;
    executor->runs = controller;
    controller->is_expected = true;
    return SL_OK;
}

void sl_executor_forget(struct sl_executor *executor, struct sl_controller *controller)
{
    if (!controller->is_expected)
        return;
    struct sl_controller **at = &executor->runs;
    while (*at && *at != controller)
        at = &(*at)->next;
    if (*at)
        *at = controller->next;
    executor->expected -= controller->run->graph->count;
    sl_ready_forget(&executor->ready, controller->run->graph);
    controller->is_expected = false;
}

// --- jobs

size_t sl_executor_job(const struct sl_executor *executor, const struct sl_controller *controller,
                       size_t index)
{
    for (size_t i = 0; i < SL_MOST_JOBS; i++)
        if (executor->jobs[i].controller == controller && executor->jobs[i].kind == SL_JOB_STEP &&
            executor->jobs[i].index == index)
            return i;
    return SIZE_MAX; // no job has this number
}

// A task prints what it likes: who reads a JSON log sees of which step and run it is.
static void name_task(struct sl_executor *executor, const struct sl_job *job, size_t number)
{
    const struct sl_run *run = job->controller->run;
    if (job->kind != SL_JOB_STEP || sl_log_format() != SL_LOG_JSON ||
        run->graph->nodes[job->index].kind != SL_NODE_TASK)
        return;
    const struct sl_node *node = &run->graph->nodes[job->index];
    SL_AUTO(sl_json_free)
    json_t *fields = json_pack("{s:s, s:s, s:s, s:s}", "job_id", run->world->project->name,
                               "run_id", run->id, "step", node->label, "table", node->name);
    if (fields)
        sl_pool_name_job(executor->pool, number, fields);
}

int sl_executor_hand_over(struct sl_executor *executor, const struct sl_job *job,
                          const json_t *request, const struct sl_seat **ret, struct sl_err *err)
{
    const struct sl_seat *seat = NULL;
    bool is_here = job->kind != SL_JOB_STEP || sl_executor_has_seat(executor);
    size_t at = is_here ? 0 : SL_LOCAL_JOBS;
    while (executor->jobs[at].controller)
        at++;
    if (is_here)
        SL_TRY(sl_pool_start(executor->pool, at, request, &seat, err));
    else
        SL_TRY(sl_executor_send(executor, job, at, request, err));
    executor->jobs[at] = *job;
    if (is_here)
        name_task(executor, job, at);
    executor->handed += !is_here;
    executor->steps += job->kind == SL_JOB_STEP;
    job->controller->at_work++;
    if (ret)
        *ret = seat;
    return SL_OK;
}

// Those that waited for the table are ready again.
static void ready_again(struct sl_executor *executor, const char *table)
{
    size_t kept = 0;
    for (size_t i = 0; i < executor->held_count; i++)
        if (sl_str_equal(executor->held[i].node->name, table))
            sl_ready_add(&executor->ready, &executor->held[i]);
        else
            executor->held[kept++] = executor->held[i];
    executor->held_count = kept;
}

bool sl_executor_pull(struct sl_executor *executor, const struct sl_controller *controller,
                      size_t *ret_index)
{
    struct sl_ready_step step;
    for (size_t i = 0; i < executor->held_count; i++) {
        if (executor->held[i].owner != controller)
            continue;
        *ret_index = executor->held[i].index;
        executor->held[i] = executor->held[--executor->held_count];
        return true;
    }
    if (!sl_ready_pull(&executor->ready, controller, &step))
        return false;
    *ret_index = step.index;
    return true;
}

void sl_executor_let_go(struct sl_executor *executor, const char *table)
{
    size_t before = executor->held_count;
    ready_again(executor, table);
    if (executor->held_count < before)
        sl_executor_dispatch(executor);
}

void sl_executor_free_step(struct sl_executor *executor, const struct sl_node *node)
{
    executor->steps--;
    sl_ready_release(&executor->ready, node);
    ready_again(executor, node->name);
    if (executor->options.on_free)
        executor->options.on_free(executor->options.owner, executor, node->name);
}

void sl_executor_on_reply(void *owner, size_t number, const json_t *reply,
                          const struct sl_death *death)
{
    struct sl_executor *executor = owner;
    const struct sl_job job = executor->jobs[number];
    struct sl_controller *controller = job.controller;
    executor->jobs[number] = (struct sl_job){0};
    executor->handed -= number >= SL_LOCAL_JOBS;
    controller->at_work--;
    switch (job.kind) {
    case SL_JOB_STEP:
        sl_executor_free_step(executor, &controller->run->graph->nodes[job.index]);
        sl_controller_on_reply(controller, job.index, reply, death);
        break;
    case SL_JOB_PLAN:
        controller->on_planned(controller, reply, death);
        break;
    case SL_JOB_PUBLISH:
        sl_controller_on_published(controller, reply, death);
        break;
    }
    sl_executor_dispatch(executor);
}

void sl_executor_press(struct sl_executor *executor, struct sl_controller *controller, int times)
{
    for (size_t i = 0; i < SL_MOST_JOBS; i++) {
        const struct sl_job *job = &executor->jobs[i];
        // What was built is published, as long as it takes no more than patience.
        if (job->controller != controller || (job->kind == SL_JOB_PUBLISH && times < 3))
            continue;
        sl_executor_press_job(executor, i, times);
    }
}

// --- handing out

static void sort_all(struct sl_executor *executor)
{
    while (executor->to_sort) {
        struct sl_controller *controller = executor->to_sort;
        executor->to_sort = controller->next_to_sort;
        controller->is_to_sort = false;
        sl_controller_sort_out(controller);
    }
}

// As many share the machine as are at work and could be.
static void share(struct sl_executor *executor)
{
    size_t parts = sl_ready_startable(&executor->ready);
    size_t most = executor->most_steps;
    parts = parts < most ? parts + executor->steps - executor->handed : most;
    sl_pool_share(executor->pool, parts < most ? parts : most);
}

bool sl_executor_writes(const struct sl_executor *executor, const char *table)
{
    for (size_t i = 0; i < SL_MOST_JOBS; i++) {
        const struct sl_job *job = &executor->jobs[i];
        if (job->controller && job->kind == SL_JOB_STEP &&
            sl_str_equal(job->controller->run->graph->nodes[job->index].name, table))
            return true;
    }
    return false;
}

// Chunks of one backfill write their table at the same time, unless a step of another run waits.
static bool is_taken_by_others(const struct sl_executor *executor, const struct sl_ready_step *step)
{
    for (size_t i = 0; i < SL_MOST_JOBS; i++) {
        const struct sl_job *job = &executor->jobs[i];
        if (job->controller && job->controller != step->owner && job->kind == SL_JOB_STEP &&
            sl_str_equal(job->controller->run->graph->nodes[job->index].name, step->node->name))
            return true;
    }
    for (size_t i = 0; i < executor->held_count; i++)
        if (executor->held[i].owner != step->owner &&
            sl_str_equal(executor->held[i].node->name, step->node->name))
            return true;
    return false;
}

// Two steps that write one table take turns, whichever runs they are of.
static bool is_table_taken(const struct sl_executor *executor, const struct sl_ready_step *step)
{
    const struct sl_executor_options *options = &executor->options;
    const struct sl_controller *controller = step->owner;
    bool is_taken = controller->backfill ? is_taken_by_others(executor, step)
                                         : sl_executor_writes(executor, step->node->name);
    return is_taken ||
           (options->is_taken && options->is_taken(options->owner, executor, step->node->name));
}

static bool take_ready(struct sl_executor *executor, struct sl_ready_step *ret)
{
    while (sl_ready_take(&executor->ready, ret)) {
        if (!is_table_taken(executor, ret))
            return true;
        sl_ready_release(&executor->ready, ret->node);
        executor->held[executor->held_count++] = *ret;
    }
    return false;
}

static void start_steps(struct sl_executor *executor)
{
    struct sl_ready_step step;
    while ((sl_executor_has_seat(executor) || sl_executor_may_send(executor)) &&
           take_ready(executor, &step))
        if (!sl_controller_start(step.owner, step.index)) {
            sl_ready_release(&executor->ready, step.node);
            sort_all(executor);
            share(executor);
        }
}

static void run_errand(struct sl_executor *executor, struct sl_controller *controller,
                       enum sl_job_kind kind)
{
    const struct sl_job job = {controller, kind, 0};
    struct sl_death death = {0};
    SL_AUTO(sl_json_free) json_t *made = NULL;
    const json_t *request = controller->request;
    if (kind == SL_JOB_PUBLISH)
        request = made = json_pack("{s:{s:s, s:s}}", "publish", "run_id", controller->run->id,
                                   "command", controller->options->command);
    if (!request)
        (void)sl_fail_memory(&death.err);
    else if (sl_executor_hand_over(executor, &job, request, NULL, &death.err) == SL_OK)
        return;
    if (kind == SL_JOB_PLAN)
        controller->on_planned(controller, NULL, &death);
    else
        sl_controller_on_published(controller, NULL, &death);
    executor->has_more = true; // it may have become ready, or have ended
}

static void run_errands(struct sl_executor *executor)
{
    while ((executor->to_publish || executor->to_plan) && sl_pool_has_room(executor->pool)) {
        struct sl_controller *next = take_errand(&executor->to_publish);
        if (next)
            run_errand(executor, next, SL_JOB_PUBLISH);
        else
            run_errand(executor, take_errand(&executor->to_plan), SL_JOB_PLAN);
    }
}

static void tell_ended(struct sl_executor *executor)
{
    while (executor->ended) {
        struct sl_controller *controller = executor->ended;
        executor->ended = controller->next_ended;
        controller->on_done(controller);
    }
}

static void tell_running(struct sl_controller *controller)
{
    const struct sl_listener *listener = controller->options->listener;
    const struct sl_outcome *running[SL_LOCAL_JOBS];
    size_t count = 0;
    if (!listener || !listener->on_tick)
        return;
    for (size_t i = 0; i < SL_LOCAL_JOBS; i++) {
        const struct sl_job *job = &controller->executor->jobs[i];
        if (job->controller == controller && job->kind == SL_JOB_STEP)
            running[count++] = &controller->run->outcomes[job->index];
    }
    listener->on_tick(listener->self, running, count);
}

// Steps that are still at work when it ticks are worth a line of their own.
static void tell_begun(struct sl_executor *executor)
{
    for (size_t i = 0; i < SL_MOST_JOBS; i++) {
        const struct sl_job *job = &executor->jobs[i];
        if (!job->controller || job->kind != SL_JOB_STEP || !job->controller->history)
            continue;
        struct sl_outcome *outcome = &job->controller->run->outcomes[job->index];
        if (outcome->status == SL_STATUS_RUNNING)
            sl_history_begin(job->controller->history, outcome);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct sl_executor *executor = timer->data;
    int64_t most_bytes = executor->options.world->project->worker_memory_bytes;
    tell_begun(executor);
    for (struct sl_controller *at = executor->runs; at; at = at->next)
        if (at->history)
            sl_history_flush(at->history);
    for (size_t i = 0; i < SL_MOST_JOBS; i++) {
        const struct sl_controller *controller = executor->jobs[i].controller;
        if (controller && (controller->interrupts || controller->is_late))
            sl_pool_press(executor->pool, i);
    }
    if (most_bytes > 0)
        sl_pool_limit_memory(executor->pool, most_bytes);
    for (struct sl_controller *at = executor->runs; at; at = at->next)
        tell_running(at);
}

// An executor at rest wakes nobody.
static void tick_while_at_work(struct sl_executor *executor)
{
    bool is_at_work = executor->runs || sl_pool_busy(executor->pool) > 0;
    bool is_ticking = uv_is_active((uv_handle_t *)executor->ticker) != 0;
    if (is_at_work == is_ticking)
        return;
    if (is_at_work)
        (void)uv_timer_start(executor->ticker, on_tick, TICK_MS, TICK_MS);
    else
        uv_timer_stop(executor->ticker);
}

void sl_executor_dispatch(struct sl_executor *executor)
{
    executor->has_more = true;
    if (executor->is_dispatching)
        return;
    executor->is_dispatching = true;
    while (executor->has_more) {
        executor->has_more = false;
        sort_all(executor);
        run_errands(executor);
        share(executor);
        start_steps(executor);
        tell_ended(executor);
    }
    executor->is_dispatching = false;
    tick_while_at_work(executor);
}

struct sl_executor_counts sl_executor_count(const struct sl_executor *executor)
{
    struct sl_executor_counts counts = {.steps = executor->steps,
                                        .steps_most = executor->most_steps,
                                        .steps_handed = executor->handed,
                                        .steps_ready =
                                            executor->ready.count + executor->held_count};
    for (const struct sl_controller *at = executor->runs; at; at = at->next)
        counts.runs++;
    for (const struct sl_controller *at = executor->to_plan; at; at = at->next_errand)
        counts.runs_to_plan++;
    sl_pool_weigh(executor->pool, &counts.workers, &counts.worker_bytes);
    return counts;
}

// --- its own life

// The engine's threads do not come along, and its locks would stay as they are.
static void before_fork(void *owner)
{
    struct sl_executor *executor = owner;
    sl_world_close_engine(executor->options.world);
}

static int open_pool(struct sl_executor *executor, struct sl_err *err)
{
    struct sl_pool_options options = {
        .loop = executor->options.loop,
        .size = executor->most_steps + (executor->options.is_service ? 2 : 0),
        .worker = sl_run_worker(&executor->work),
        .on_reply = sl_executor_on_reply,
        .before_fork = before_fork,
        .files = executor->options.files,
        .file_count = executor->options.file_count,
        .owner = executor,
    };
    SL_TRY(sl_pool_open(&options, &executor->pool, err));
    executor->ticker = sl_timer_new(executor->options.loop, executor, err);
    if (!executor->ticker)
        return err->code;
    return SL_OK;
}

int sl_executor_open(const struct sl_executor_options *options, struct sl_executor **ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_executor_close) struct sl_executor *executor = calloc(1, sizeof *executor);
    SL_TRY_NEW(executor, err);
    executor->options = *options;
    executor->work = (struct sl_run_work){.world = options->world};
    executor->most_steps = sl_run_worker_count(options->world->project, options->concurrency);
    SL_TRY(sl_ready_open(&executor->ready, options->world->project, err));
    SL_TRY(open_pool(executor, err));
    *ret = executor;
    executor = NULL;
    return SL_OK;
}

void sl_executor_close(struct sl_executor **executor)
{
    struct sl_executor *old = *executor;
    if (!old)
        return;
    sl_timer_close(&old->ticker);
    if (old->handout)
        sl_handout_leave(old->handout, &old->hander);
    sl_pool_close(&old->pool);
    sl_ready_close(&old->ready);
    free(old->held);
    free(old);
    *executor = NULL;
}
