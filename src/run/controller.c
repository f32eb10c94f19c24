// The controller: hands ready steps to worker processes, and lets each end start its successors.
// One thread, one loop; what takes time is done by workers.
#include "base/clock.h"
#include "base/fs.h"
#include "run/estimate.h"
#include "run/history.h"
#include "run/lock.h"
#include "run/pool.h"
#include "run/spill.h"
#include "run/work.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 100
#define STEP_MEMORY_BYTES ((size_t)4 << 30)
#define MOST_ATTEMPTS 2
#define LOOP_FILES 8

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
#define CAUGHT_COUNT (sizeof caught / sizeof *caught)

struct controller {
    struct sl_run *run;
    const struct sl_run_options *options;
    struct sl_history *history;
    struct sl_run_work work;
    uv_loop_t loop;
    uv_timer_t ticker;
    uv_signal_t signals[CAUGHT_COUNT];
    struct sl_pool *pool;
    size_t *waiting; // per node: upstream steps that have not ended
    size_t *ready;   // queue of node indices
    size_t ready_head, ready_tail;
    size_t *work_list; // queue of those that need a worker
    size_t work_head, work_tail;
    size_t open;               // selected nodes that have not ended
    size_t unpublished;        // of them those after which the run publishes
    int64_t peak_memory_bytes; // of the worker that took most, so far
    struct sl_err publish_err;
    int interrupts;
    bool has_failed; // fail-fast
    int lock_fd;
};

static struct sl_outcome *outcome_at(struct controller *controller, size_t index)
{
    return &controller->run->outcomes[index];
}

// What waits for the publication delivers what it lists.
static bool reads_published(const struct sl_node *node)
{
    return node->kind == SL_NODE_LOAD && node->target->reads == SL_READS_PUBLISHED;
}

static enum sl_status status_of(const struct sl_step_result *result)
{
    switch (result->outcome) {
    case SL_STEP_NOTHING:
        return SL_STATUS_NOTHING;
    case SL_STEP_PARTIAL:
        return SL_STATUS_PARTIAL;
    case SL_STEP_DONE:
        break;
    }
    for (size_t i = 0; i < result->reason_count; i++)
        if (result->reasons[i].is_warning)
            return SL_STATUS_WARN;
    return result->notes.count ? SL_STATUS_WARN : SL_STATUS_OK;
}

// Whatever has failed: what belongs together now can be read together.
static int publish(struct controller *controller, struct sl_err *err)
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
static void publish_and_release(struct controller *controller)
{
    const struct sl_graph *graph = &controller->run->world->graph;
    (void)!publish(controller, &controller->publish_err);
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].is_selected && reads_published(&graph->nodes[i]))
            controller->ready[controller->ready_tail++] = i;
}

// Every downstream node that waits for nothing more becomes ready.
static void release(struct controller *controller, size_t index)
{
    const struct sl_node *node = &controller->run->world->graph.nodes[index];
    for (size_t i = 0; i < node->downstream_count; i++) {
        size_t next = node->downstream[i];
        const struct sl_node *node_after = &controller->run->world->graph.nodes[next];
        if (--controller->waiting[next] == 0 && node_after->is_selected &&
            !reads_published(node_after))
            controller->ready[controller->ready_tail++] = next;
    }
}

static void finish(struct controller *controller, size_t index)
{
    struct sl_outcome *outcome = outcome_at(controller, index);
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
    if (!reads_published(outcome->node) && --controller->unpublished == 0)
        publish_and_release(controller);
}

static bool has_stopped(const struct controller *controller)
{
    return controller->has_failed || controller->interrupts;
}

static void hint_at_rerun(struct sl_err *err)
{
    if (err->code == SL_E_INTERRUPTED && !err->hint[0])
        (void)sl_err_hint(err, "published tables are whole; `sluice run` does what is missing");
}

// Why a node cannot run although it is its turn, in outcome->err; false if it can.
static bool is_blocked(struct controller *controller, struct sl_outcome *outcome)
{
    const struct sl_node *node = outcome->node;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_outcome *before = outcome_at(controller, node->upstream[i]);
        if (before->status != SL_STATUS_ERROR && before->status != SL_STATUS_SKIPPED)
            continue;
        (void)sl_fail(&outcome->err, SL_E_UPSTREAM_FAILED, "'%s' %s", before->node->label,
                      before->status == SL_STATUS_ERROR ? "failed" : "was skipped");
        return true;
    }
    if (!has_stopped(controller))
        return false;
    (void)sl_fail(&outcome->err, SL_E_INTERRUPTED, "%s",
                  controller->has_failed ? "stopped after the first error" : "interrupted");
    hint_at_rerun(&outcome->err);
    return true;
}

// Whether an input got a new version in this run.
static bool has_new_input(struct controller *controller, const struct sl_node *node)
{
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_outcome *before = outcome_at(controller, node->upstream[i]);
        if (before->passes_on)
            return true;
        if (before->status != SL_STATUS_NOTHING && before->result.version_count > 0)
            return true;
    }
    return false;
}

// Nothing to do: planned fresh, and no input got a new version in this run; or there is no table.
static bool is_fresh(struct controller *controller, const struct sl_outcome *outcome)
{
    const struct sl_node *node = outcome->node;
    // What is published of a table may change while the table does not.
    return sl_node_is_view(node) || (node->verdict != SL_VERDICT_STALE && !reads_published(node) &&
                                     !has_new_input(controller, node));
}

// --- steps at work

static int order(struct controller *controller, size_t index, struct sl_err *err)
{
    struct sl_outcome *outcome = outcome_at(controller, index);
    struct sl_order order = {.node = (int64_t)index,
                             .label = outcome->node->label,
                             .moved = outcome->node->moved,
                             .is_again = outcome->attempts > 1};
    if (reads_published(outcome->node)) {
        const struct sl_published *published =
            sl_publication_find(&controller->run->publication, outcome->node->delivery->table);
        if (controller->publish_err.code != SL_OK) {
            *err = controller->publish_err;
            return err->code;
        }
        order.is_pinned = true;
        order.pinned_version = published ? published->version : -1;
    }
    SL_AUTO(sl_json_free) json_t *request = sl_fields_pack(sl_order_fields, &order);
    SL_TRY_NEW(request, err);
    return sl_pool_start(controller->pool, index, request, &outcome->seat, err);
}

// True if the node has ended without a worker, which may make others ready.
static bool ends_here(struct controller *controller, size_t index)
{
    struct sl_outcome *outcome = outcome_at(controller, index);
    outcome->started_us = sl_clock_now_us();
    if (is_blocked(controller, outcome)) {
        outcome->status = SL_STATUS_SKIPPED;
    } else if (is_fresh(controller, outcome)) {
        outcome->passes_on =
            sl_node_is_view(outcome->node) && has_new_input(controller, outcome->node);
        outcome->status = SL_STATUS_NOTHING;
    } else {
        return false;
    }
    finish(controller, index);
    return true;
}

// False if no worker took it: it has ended then.
static bool start(struct controller *controller, size_t index)
{
    struct sl_outcome *outcome = outcome_at(controller, index);
    const struct sl_listener *listener = controller->options->listener;
    if (ends_here(controller, index)) // asked to stop since
        return false;
    outcome->status = SL_STATUS_RUNNING;
    if (listener && listener->on_start)
        listener->on_start(listener->self, outcome);
    outcome->attempts++;
    if (order(controller, index, &outcome->err) == SL_OK)
        return true;
    outcome->status = SL_STATUS_ERROR;
    finish(controller, index);
    return false;
}

// Of what is ready, that which needs a worker.
static void sort_out(struct controller *controller)
{
    while (controller->ready_head < controller->ready_tail) {
        size_t index = controller->ready[controller->ready_head++];
        if (!ends_here(controller, index))
            controller->work_list[controller->work_tail++] = index;
    }
}

// As many share the machine as are at work and could be.
static void share(struct controller *controller)
{
    size_t parts = sl_pool_busy(controller->pool) + controller->work_tail - controller->work_head;
    size_t most = sl_pool_size(controller->pool);
    sl_pool_share(controller->pool, parts < most ? parts : most);
}

static void dispatch(struct controller *controller)
{
    sort_out(controller);
    share(controller);
    while (controller->work_head < controller->work_tail && sl_pool_has_room(controller->pool))
        if (!start(controller, controller->work_list[controller->work_head++])) {
            sort_out(controller);
            share(controller);
        }
    if (controller->open == 0)
        uv_stop(&controller->loop);
}

static void take_reply(struct controller *controller, struct sl_outcome *outcome,
                       const json_t *reply, struct sl_err *err)
{
    struct sl_reply taken = {0};
    if (sl_fields_unpack(sl_reply_fields, reply, &outcome->arena, &taken, err) != SL_OK)
        return;
    *err = taken.err;
    outcome->result = taken.result;
    if (controller->peak_memory_bytes < taken.peak_memory_bytes)
        controller->peak_memory_bytes = taken.peak_memory_bytes;
    outcome->peak_memory_bytes = controller->peak_memory_bytes;
}

static void keep_death(struct controller *controller, struct sl_outcome *outcome,
                       const struct sl_death *death)
{
    struct sl_death *kept = SL_NEW(&outcome->arena, struct sl_death);
    if (kept)
        *kept = *death;
    outcome->death = kept;
    outcome->err = death->err;
    if (controller->peak_memory_bytes < death->peak_memory_bytes)
        controller->peak_memory_bytes = death->peak_memory_bytes;
    outcome->peak_memory_bytes = controller->peak_memory_bytes;
}

// A step is one commit for each table, which carries how far it has come: done again it finds what
// was committed, and does the rest. What killed its worker twice would kill the next one, too.
static bool is_tried_again(struct controller *controller, const struct sl_outcome *outcome,
                           const struct sl_death *death)
{
    return death->signal && !death->is_ours && outcome->attempts < MOST_ATTEMPTS &&
           !has_stopped(controller);
}

static void try_again(struct controller *controller, struct sl_outcome *outcome)
{
    const struct sl_listener *listener = controller->options->listener;
    if (listener && listener->on_again)
        listener->on_again(listener->self, outcome);
    sl_err_clear(&outcome->err);
    outcome->status = SL_STATUS_WAITING;
    controller->work_list[controller->work_tail++] = (size_t)(outcome - controller->run->outcomes);
}

// A delivery that a worker had made before it died is nothing to do for the next one.
static void look_at_attempts(struct sl_outcome *outcome)
{
    if (outcome->attempts < 2 || outcome->status != SL_STATUS_NOTHING)
        return;
    outcome->passes_on = true;
    outcome->result.why = "the worker that died had done it, or there was nothing to do";
}

static void on_reply(void *owner, size_t job, const json_t *reply, const struct sl_death *death)
{
    struct controller *controller = owner;
    struct sl_outcome *outcome = outcome_at(controller, job);
    outcome->seat = NULL;
    if (reply)
        take_reply(controller, outcome, reply, &outcome->err);
    else
        keep_death(controller, outcome, death);
    if (death && is_tried_again(controller, outcome, death)) {
        try_again(controller, outcome);
        dispatch(controller);
        return;
    }
    outcome->status = outcome->err.code == SL_OK ? status_of(&outcome->result) : SL_STATUS_ERROR;
    look_at_attempts(outcome);
    hint_at_rerun(&outcome->err);
    finish(controller, job);
    dispatch(controller);
}

static void on_tick(uv_timer_t *timer)
{
    struct controller *controller = timer->data;
    const struct sl_listener *listener = controller->options->listener;
    const struct sl_outcome *running[SL_MOST_WORKERS];
    size_t count = 0;
    sl_history_flush(controller->history);
    if (controller->interrupts)
        sl_pool_press(controller->pool);
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
    struct controller *controller = handle->data;
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
}

// The engine's threads do not come along, and its locks would stay as they are.
static void before_fork(void *owner)
{
    struct controller *controller = owner;
    sl_world_close_engine(controller->run->world);
}

static int watch(struct controller *controller, struct sl_err *err)
{
    int code = uv_timer_init(&controller->loop, &controller->ticker);
    controller->ticker.data = controller;
    if (code == 0)
        code = uv_timer_start(&controller->ticker, on_tick, TICK_MS, TICK_MS);
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

static void end_loop(struct controller *controller)
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
    struct controller *controller = owner;
    uv_run(&controller->loop, UV_RUN_NOWAIT);
    return !controller->interrupts;
}

// The process in which the engine was asked about the plan becomes the first worker; where it
// cannot, workers begin anew. What it was forked before it knew is which tables of another
// environment are pinned.
static void adopt(struct controller *controller)
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

static int run_steps(struct controller *controller, struct sl_err *err)
{
    controller->work = (struct sl_run_work){controller->run, controller->options};
    sl_spill_sweep(controller->run->world->project);
    struct sl_pool_options options = {
        .loop = &controller->loop,
        .size = sl_run_worker_count(controller->run, controller->options),
        .worker = sl_run_worker(&controller->work),
        .on_reply = on_reply,
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
        dispatch(controller);
        if (controller->open)
            uv_run(&controller->loop, UV_RUN_DEFAULT);
    }
    end_loop(controller);
    return code;
}

static int prepare(struct controller *controller, struct sl_err *err)
{
    struct sl_run *run = controller->run;
    const struct sl_graph *graph = &run->world->graph;
    size_t most_work = graph->count * MOST_ATTEMPTS;
    controller->waiting = SL_NEW_ARRAY(&run->arena, size_t, graph->count);
    controller->ready = SL_NEW_ARRAY(&run->arena, size_t, graph->count);
    run->outcomes = SL_NEW_ARRAY(&run->arena, struct sl_outcome, graph->count);
    SL_TRY_NEW(controller->waiting, err);
    controller->work_list = SL_NEW_ARRAY(&run->arena, size_t, most_work);
    SL_TRY_NEW(controller->ready, err);
    SL_TRY_NEW(controller->work_list, err);
    SL_TRY_NEW(run->outcomes, err);
    run->count = graph->count;
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
        controller->unpublished += !reads_published(node);
        if (controller->waiting[i] == 0 && !reads_published(node))
            controller->ready[controller->ready_tail++] = i;
    }
    return SL_OK;
}

static int run_locked(struct controller *controller, struct sl_err *err)
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
    struct controller controller = {.run = ret, .options = options};
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    *ret = (struct sl_run){.world = world, .started_us = sl_clock_now_us()};
    sl_arena_init(&ret->arena, 0);
    sl_uuid(ret->id);
    SL_TRY(sl_run_lock(world->project->state_folder, &lock_fd, err));
    controller.lock_fd = lock_fd;
    return run_locked(&controller, err);
}
