// The controller: hands ready steps to worker processes, and lets each end start its successors.
// One thread, one loop; what takes time is done by workers.
#include "base/clock.h"
#include "base/fs.h"
#include "run/controller_inner.h"
#include "run/estimate.h"
#include "run/lock.h"
#include "run/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 100
#define STEP_MEMORY_BYTES ((size_t)4 << 30)
#define LOOP_FILES 8

static const int caught[SL_CAUGHT_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
#define CAUGHT_COUNT SL_CAUGHT_SIGNALS

struct sl_outcome *sl_controller_outcome(struct sl_controller *controller, size_t index)
{
    return &controller->run->outcomes[index];
}

// What waits for the publication delivers what it lists.
bool sl_controller_reads_published(const struct sl_node *node)
{
    return node->kind == SL_NODE_LOAD && node->target->reads == SL_READS_PUBLISHED;
}

// Whatever has failed: what belongs together now can be read together.
static int publish(struct sl_controller *controller, struct sl_err *err)
{
    struct sl_run *run = controller->run;
    struct sl_rest rest = {0};
    struct sl_publish_options options = {
        .run_id = run->id, .command = controller->options->command, .at_us = sl_clock_now_us()};
    int code = sl_publication_last(run->world->project, &run->arena, &rest.before, err);
    if (code == SL_OK)
        code = sl_world_publish(run->world, &options, &rest.now, &run->has_published, err);
    if (code != SL_OK)
        return sl_err_context(err, "publish what was built");
    run->publication = rest.now;
    return run->has_published ? sl_history_add_rest(controller->history, &rest, err) : SL_OK;
}

// Every table is as this run leaves it: nobody else is at work now.
static void publish_and_release(struct sl_controller *controller)
{
    const struct sl_graph *graph = &controller->run->world->graph;
    (void)!publish(controller, &controller->publish_err);
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].is_selected && sl_controller_reads_published(&graph->nodes[i]))
            controller->open_next[controller->open_tail++] = i;
}

// Every downstream node that waits for nothing more becomes ready.
static void release(struct sl_controller *controller, size_t index)
{
    const struct sl_node *node = &controller->run->world->graph.nodes[index];
    for (size_t i = 0; i < node->downstream_count; i++) {
        size_t next = node->downstream[i];
        const struct sl_node *node_after = &controller->run->world->graph.nodes[next];
        if (--controller->waiting[next] == 0 && node_after->is_selected &&
            !sl_controller_reads_published(node_after))
            controller->open_next[controller->open_tail++] = next;
    }
}

void sl_controller_finish(struct sl_controller *controller, size_t index)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    outcome->ended_us = sl_clock_now_us();
    if (outcome->status != SL_STATUS_NOTHING && outcome->status != SL_STATUS_SKIPPED)
        outcome->rows_read = sl_run_rows_read(controller->run, outcome);
    if (outcome->status == SL_STATUS_ERROR && controller->options->fail_fast)
        controller->has_failed = true;
    controller->open--;
    release(controller, index);
    sl_history_add(controller->history, outcome);
    const struct sl_listener *listener = controller->options->listener;
    if (listener && listener->on_end)
        listener->on_end(listener->self, outcome);
    // After the node was told of: what it was before is then no longer known.
    if (!sl_controller_reads_published(outcome->node) && --controller->unpublished == 0)
        publish_and_release(controller);
}

bool sl_controller_has_stopped(const struct sl_controller *controller)
{
    return controller->has_failed || controller->interrupts || controller->is_late;
}

static void on_tick(uv_timer_t *timer)
{
    struct sl_controller *controller = timer->data;
    const struct sl_listener *listener = controller->options->listener;
    const struct sl_outcome *running[SL_MOST_WORKERS];
    size_t count = 0;
    sl_history_flush(controller->history);
    if (controller->interrupts || controller->is_late)
        sl_pool_press(controller->pool);
    if (controller->run->world->project->worker_memory_bytes > 0)
        sl_pool_limit_memory(controller->pool,
                             controller->run->world->project->worker_memory_bytes);
    if (!listener || !listener->on_tick)
        return;
    for (size_t i = 0; i < controller->run->count && count < SL_MOST_WORKERS; i++)
        if (controller->run->outcomes[i].status == SL_STATUS_RUNNING)
            running[count++] = &controller->run->outcomes[i];
    listener->on_tick(listener->self, running, count);
}

// First signal: nothing new starts. Second: running statements are interrupted. Third: workers are
// killed.
static void on_signal(uv_signal_t *handle, int number)
{
    struct sl_controller *controller = handle->data;
    const struct sl_listener *listener = controller->options->listener;
    (void)number;
    controller->run->was_interrupted = true;
    controller->interrupts++;
    if (listener && listener->on_interrupt)
        listener->on_interrupt(listener->self, controller->interrupts);
    sl_pool_drain(controller->pool);
    if (controller->interrupts > 1)
        sl_pool_interrupt(controller->pool);
    if (controller->interrupts > 2)
        sl_pool_kill(controller->pool);
    sl_controller_end_waits(controller);
}

// The engine's threads do not come along, and its locks would stay as they are.
static void before_fork(void *owner)
{
    struct sl_controller *controller = owner;
    sl_world_close_engine(controller->run->world);
}

static void on_deadline(uv_timer_t *timer)
{
    sl_controller_expire(timer->data);
}

static int watch_deadline(struct sl_controller *controller)
{
    int64_t deadline_s = controller->run->world->project->deadline_s;
    int code = uv_timer_init(&controller->loop, &controller->deadline);
    controller->deadline.data = controller;
    if (code != 0 || deadline_s <= 0)
        return code;
    return uv_timer_start(&controller->deadline, on_deadline, (uint64_t)deadline_s * 1000, 0);
}

static int watch(struct sl_controller *controller, struct sl_err *err)
{
    int code = uv_timer_init(&controller->loop, &controller->ticker);
    controller->ticker.data = controller;
    if (code == 0)
        code = uv_timer_start(&controller->ticker, on_tick, TICK_MS, TICK_MS);
    if (code == 0)
        code = watch_deadline(controller);
    for (size_t i = 0; code == 0 && i < CAUGHT_COUNT; i++) {
        code = uv_signal_init(&controller->loop, &controller->signals[i]);
        controller->signals[i].data = controller;
        if (code == 0)
            code = uv_signal_start(&controller->signals[i], on_signal, caught[i]);
    }
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no event loop: %s", uv_strerror(code));
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void end_loop(struct sl_controller *controller)
{
    sl_pool_close(&controller->pool);
    sl_spill_sweep(controller->run->world->project);
    uv_walk(&controller->loop, close_handle, NULL);
    while (uv_run(&controller->loop, UV_RUN_DEFAULT) != 0)
        ; // one may return for a uv_stop of before
    (void)uv_loop_close(&controller->loop);
    // After an interrupted run they stay ignored: one more Ctrl-C must not cut off its report.
    for (size_t i = 0; controller->interrupts && i < CAUGHT_COUNT; i++)
        signal(caught[i], SIG_IGN);
}

// A Ctrl-C is heard while the aide has not answered.
static bool goes_on(void *owner)
{
    struct sl_controller *controller = owner;
    uv_run(&controller->loop, UV_RUN_NOWAIT);
    return !controller->interrupts && !controller->is_late;
}

// The process in which the engine was asked about the plan becomes the first worker; where it
// cannot, workers begin anew. What it was forked before it knew is which tables of another
// environment are pinned.
static void adopt(struct sl_controller *controller)
{
    struct sl_run *run = controller->run;
    struct sl_world *world = run->world;
    struct sl_last_words *words = NULL;
    struct sl_aide_worker worker;
    struct sl_err ignored = {0};
    struct sl_aide_adoption adoption = {run,
                                        controller->options,
                                        {controller->lock_fd, -1},
                                        .goes_on = goes_on,
                                        .owner = controller};
    if (!sl_is_aide(world->engine) || world->project->pins ||
        sl_last_words_open(&controller->loop, &words, &adoption.files[1], &ignored) != SL_OK)
        return;
    int code = sl_aide_adopt(&world->engine, &adoption, &worker, &ignored);
    close(adoption.files[1]);
    if (code == SL_OK)
        (void)!sl_pool_take(controller->pool, &worker, words, &ignored);
    else
        sl_last_words_close(&words);
}

// libuv aborts where it gets no pipe for signals.
static int require_files(struct sl_err *err)
{
    int files[LOOP_FILES], count = 0, errnum = 0;
    while (count < LOOP_FILES && errnum == 0) {
        files[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (files[count] < 0)
            errnum = errno;
        else
            count++;
    }
    while (count > 0)
        close(files[--count]);
    return errnum ? sl_fail_errno(err, errnum, "cannot begin an event loop") : SL_OK;
}

static int run_steps(struct sl_controller *controller, struct sl_err *err)
{
    controller->work = (struct sl_run_work){controller->run, controller->options};
    sl_spill_sweep(controller->run->world->project);
    struct sl_pool_options options = {
        .loop = &controller->loop,
        .size = sl_run_worker_count(controller->run, controller->options),
        .worker = sl_run_worker(&controller->work),
        .on_reply = sl_controller_on_reply,
        .before_fork = before_fork,
        .owner = controller,
    };
    SL_TRY(require_files(err));
    int code = uv_loop_init(&controller->loop);
    if (code != 0) // libuv's codes are errno's
        return sl_fail_errno(err, -code, "cannot begin an event loop");
    code = sl_pool_open(&options, &controller->pool, err);
    if (code == SL_OK)
        code = watch(controller, err);
    if (code == SL_OK) {
        adopt(controller);
        sl_controller_dispatch(controller);
        if (controller->open)
            uv_run(&controller->loop, UV_RUN_DEFAULT);
    }
    end_loop(controller);
    return code;
}

static int prepare(struct sl_controller *controller, struct sl_err *err)
{
    struct sl_run *run = controller->run;
    const struct sl_graph *graph = &run->world->graph;
    controller->waiting = SL_NEW_ARRAY(&run->arena, size_t, graph->count);
    controller->open_next = SL_NEW_ARRAY(&run->arena, size_t, graph->count);
    controller->clocks = SL_NEW_ARRAY(&run->arena, struct sl_step_clock *, graph->count);
    run->outcomes = SL_NEW_ARRAY(&run->arena, struct sl_outcome, graph->count);
    SL_TRY_NEW(controller->waiting, err);
    SL_TRY_NEW(controller->open_next, err);
    SL_TRY_NEW(controller->clocks, err);
    SL_TRY_NEW(run->outcomes, err);
    run->count = graph->count;
    SL_TRY(sl_ready_init(&controller->ready, graph, run->world->project, &run->arena, err));
    for (size_t i = 0; i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        run->outcomes[i].node = node;
        run->outcomes[i].rows_before = node->facts.version < 0 ? 0 : node->facts.rows;
        run->outcomes[i].rows_read = run->outcomes[i].peak_memory_bytes = -1;
        sl_arena_init(&run->outcomes[i].arena, STEP_MEMORY_BYTES);
        if (!node->is_selected)
            continue;
        for (size_t k = 0; k < node->upstream_count; k++)
            controller->waiting[i] += graph->nodes[node->upstream[k]].is_selected;
        controller->open++;
        controller->unpublished += !sl_controller_reads_published(node);
        if (controller->waiting[i] == 0 && !sl_controller_reads_published(node))
            controller->open_next[controller->open_tail++] = i;
    }
    return SL_OK;
}

static int run_locked(struct sl_controller *controller, struct sl_err *err)
{
    struct sl_run *run = controller->run;
    SL_AUTO(sl_history_close) struct sl_history *history = NULL;
    SL_TRY(sl_run_pin_borrowed(run, err));
    SL_TRY(prepare(controller, err));
    SL_TRY(sl_history_open(run, controller->options->command, &history, err));
    controller->history = history;
    if (controller->unpublished == 0)
        publish_and_release(controller);
    SL_TRY(run_steps(controller, err));
    run->ended_us = sl_clock_now_us();
    sl_run_count(run);
    sl_history_end(history);
    *err = controller->publish_err;
    return err->code;
}

int sl_run(struct sl_world *world, const struct sl_run_options *options, struct sl_run *ret,
           struct sl_err *err)
{
    struct sl_controller controller = {.run = ret, .options = options};
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    *ret = (struct sl_run){.world = world, .started_us = sl_clock_now_us()};
    sl_arena_init(&ret->arena, 0);
    sl_uuid(ret->id);
    SL_TRY(sl_run_lock(world->project->state_folder, &lock_fd, err));
    controller.lock_fd = lock_fd;
    return run_locked(&controller, err);
}
