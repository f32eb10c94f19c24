// The controller: hands ready steps to threads, and lets each end start its successors.
#include "base/clock.h"
#include "base/fs.h"
#include "run/estimate.h"
#include "run/history.h"
#include "run/lock.h"
#include "run/signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 100
#define CONFLICT_RETRIES 5
#define STEP_MEMORY_BYTES ((size_t)4 << 30)

struct controller {
    struct sl_run *run;
    const struct sl_run_options *options;
    struct sl_history *history;
    pthread_mutex_t lock;
    pthread_cond_t is_ready; // a node became ready, or the last one ended
    pthread_cond_t is_done;  // the last one ended
    size_t *waiting;         // per node: upstream steps that have not ended
    size_t *ready;           // queue of node indices
    size_t ready_head, ready_tail;
    size_t open;        // selected nodes that have not ended
    size_t unpublished; // of them those after which the run publishes
    struct sl_err publish_err;
    atomic_bool stop;
    bool has_failed; // fail-fast
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

static int do_load(struct controller *controller, struct sl_outcome *outcome,
                   struct sl_step_context *context, struct sl_err *err)
{
    const struct sl_node *node = outcome->node;
    const struct sl_published *published =
        sl_publication_find(&controller->run->publication, node->delivery->table);
    if (reads_published(node)) {
        if (controller->publish_err.code != SL_OK) {
            *err = controller->publish_err;
            return err->code;
        }
        context->is_pinned = true;
        context->pinned_version = published ? published->version : -1;
    }
    return sl_step_load(context, node->target, node->delivery, &outcome->result, err);
}

static int do_cleanse(struct sl_outcome *outcome, struct sl_step_context *context,
                      struct sl_err *err)
{
    const struct sl_node *node = outcome->node;
    SL_TRY(sl_step_cleanse(context, node->source, node->contract, &outcome->result, err));
    if (node->source->has_profile)
        sl_step_profile(context, SL_LAYER_CLEAN, node->source->name, &outcome->result);
    return SL_OK;
}

static int do_model(struct controller *controller, struct sl_outcome *outcome,
                    struct sl_step_context *context, struct sl_err *err)
{
    const struct sl_node *node = outcome->node;
    struct sl_query query = {0};
    SL_TRY(sl_world_query(controller->run->world, node, context->session, &outcome->arena, &query,
                          err));
    SL_TRY(sl_step_model(context, node->model, &query, node->fingerprint, &outcome->result, err));
    if (node->model->has_profile)
        sl_step_profile(context, SL_LAYER_CURATED, node->model->name, &outcome->result);
    return SL_OK;
}

static int do_kind(struct controller *controller, struct sl_outcome *outcome,
                   struct sl_step_context *context, struct sl_err *err)
{
    const struct sl_node *node = outcome->node;
    switch (node->kind) {
    case SL_NODE_INGEST:
        return sl_step_ingest(context, node->source, &outcome->result, err);
    case SL_NODE_CLEANSE:
        return do_cleanse(outcome, context, err);
    case SL_NODE_MODEL:
        return do_model(controller, outcome, context, err);
    case SL_NODE_LOAD:
        return do_load(controller, outcome, context, err);
    }
    return sl_fail(err, SL_E_INTERNAL, "a step of no kind");
}

static int do_step(struct controller *controller, struct sl_outcome *outcome,
                   struct sl_session *session, struct sl_err *err)
{
    struct sl_step_context context = {
        .project = controller->run->world->project,
        .views = &controller->run->world->views,
        .session = session,
        .arena = &outcome->arena,
        .run_id = controller->run->id,
        .now_us = controller->run->started_us,
        .full_refresh = controller->options->full_refresh,
        .loses_history = controller->options->loses_history,
        .may_break = controller->options->may_break,
        .stop = &controller->stop,
        .progress = &outcome->progress,
    };
    int code = do_kind(controller, outcome, &context, err);
    // The step sees only that the code it was built with is another one.
    if (outcome->node->moved && outcome->result.was_full && !context.full_refresh)
        outcome->result.why = outcome->node->moved;
    if (code != SL_OK)
        sl_step_unstage_all(&context);
    return code;
}

static void publish_session(struct controller *controller, struct sl_outcome *outcome,
                            struct sl_session *session)
{
    pthread_mutex_lock(&controller->lock);
    outcome->session = session;
    pthread_mutex_unlock(&controller->lock);
}

// A lost race with another writer is tried again from the new version; every other failure stands.
static int try_step(struct controller *controller, struct sl_outcome *outcome, struct sl_err *err)
{
    for (int attempt = 1;; attempt++) {
        struct sl_session *session = NULL;
        sl_err_clear(err);
        SL_TRY(sl_world_session(controller->run->world, &session, err));
        publish_session(controller, outcome, session);
        int code = do_step(controller, outcome, session, err);
        publish_session(controller, outcome, NULL);
        sl_session_close(&session);
        if (code == SL_E_FILE_MISSING)
            return sl_missing_explain(controller->run->world->project, err);
        if (code != SL_E_TABLE_CONFLICT || attempt == CONFLICT_RETRIES)
            return code;
    }
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
    struct sl_publish_options options = {
        .run_id = run->id, .command = controller->options->command, .at_us = sl_clock_now_us()};
    if (sl_world_publish(run->world, &options, &run->publication, &run->has_published, err) !=
        SL_OK)
        return sl_err_context(err, "publish what was built");
    return SL_OK;
}

// Lock held. Every table is as this run leaves it: nobody else is at work now.
static void publish_and_release(struct controller *controller)
{
    const struct sl_graph *graph = &controller->run->world->graph;
    (void)!publish(controller, &controller->publish_err);
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].is_selected && reads_published(&graph->nodes[i]))
            controller->ready[controller->ready_tail++] = i;
    pthread_cond_broadcast(&controller->is_ready);
}

// Lock held. Every downstream node that waits for nothing more becomes ready.
static void release(struct controller *controller, size_t index)
{
    const struct sl_node *node = &controller->run->world->graph.nodes[index];
    for (size_t i = 0; i < node->downstream_count; i++) {
        size_t next = node->downstream[i];
        const struct sl_node *node_after = &controller->run->world->graph.nodes[next];
        if (--controller->waiting[next] == 0 && node_after->is_selected &&
            !reads_published(node_after)) {
            controller->ready[controller->ready_tail++] = next;
            pthread_cond_signal(&controller->is_ready);
        }
    }
}

// Lock held.
static void finish(struct controller *controller, size_t index)
{
    struct sl_outcome *outcome = outcome_at(controller, index);
    outcome->ended_us = sl_clock_now_us();
    if (outcome->status != SL_STATUS_NOTHING && outcome->status != SL_STATUS_SKIPPED) {
        outcome->rows_read = sl_run_rows_read(controller->run, outcome);
        outcome->peak_memory_bytes = sl_run_peak_bytes();
    }
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
    if (controller->open)
        return;
    pthread_cond_broadcast(&controller->is_ready);
    pthread_cond_broadcast(&controller->is_done);
}

static bool has_stopped(const struct controller *controller)
{
    return controller->has_failed || atomic_load(&controller->stop);
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

// Lock held on entry and exit; not while the step runs.
static void run_node(struct controller *controller, size_t index)
{
    struct sl_outcome *outcome = outcome_at(controller, index);
    const struct sl_listener *listener = controller->options->listener;
    outcome->started_us = sl_clock_now_us();
    if (is_blocked(controller, outcome)) {
        outcome->status = SL_STATUS_SKIPPED;
    } else if (is_fresh(controller, outcome)) {
        outcome->passes_on =
            sl_node_is_view(outcome->node) && has_new_input(controller, outcome->node);
        outcome->status = SL_STATUS_NOTHING;
    } else {
        outcome->status = SL_STATUS_RUNNING;
        if (listener && listener->on_start)
            listener->on_start(listener->self, outcome);
        pthread_mutex_unlock(&controller->lock);
        int code = try_step(controller, outcome, &outcome->err);
        pthread_mutex_lock(&controller->lock);
        outcome->status = code == SL_OK ? status_of(&outcome->result) : SL_STATUS_ERROR;
        hint_at_rerun(&outcome->err);
    }
    finish(controller, index);
}

static void *work(void *argument)
{
    struct controller *controller = argument;
    pthread_mutex_lock(&controller->lock);
    while (controller->open) {
        if (controller->ready_head < controller->ready_tail)
            run_node(controller, controller->ready[controller->ready_head++]);
        else
            pthread_cond_wait(&controller->is_ready, &controller->lock);
    }
    pthread_mutex_unlock(&controller->lock);
    return NULL;
}

// Lock held.
static void tick(struct controller *controller)
{
    const struct sl_listener *listener = controller->options->listener;
    const struct sl_outcome *running[64];
    size_t count = 0;
    sl_history_flush(controller->history);
    if (!listener || !listener->on_tick)
        return;
    for (size_t i = 0; i < controller->run->count && count < 64; i++)
        if (controller->run->outcomes[i].status == SL_STATUS_RUNNING)
            running[count++] = &controller->run->outcomes[i];
    listener->on_tick(listener->self, running, count);
}

// The calling thread shows progress until all is done.
static void watch(struct controller *controller)
{
    pthread_mutex_lock(&controller->lock);
    while (controller->open) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        if (pthread_cond_timedwait(&controller->is_done, &controller->lock, &until) == ETIMEDOUT)
            tick(controller);
    }
    pthread_mutex_unlock(&controller->lock);
}

// First signal: nothing new starts. Second: running statements are interrupted.
static void on_signal(void *self, int times)
{
    struct controller *controller = self;
    atomic_store(&controller->stop, true);
    pthread_mutex_lock(&controller->lock);
    controller->run->was_interrupted = true;
    const struct sl_listener *listener = controller->options->listener;
    if (listener && listener->on_interrupt)
        listener->on_interrupt(listener->self, times);
    for (size_t i = 0; times > 1 && i < controller->run->count; i++) {
        struct sl_session *session = controller->run->outcomes[i].session;
        if (session)
            session->kind->interrupt(session);
    }
    pthread_mutex_unlock(&controller->lock);
}

static size_t thread_count(const struct controller *controller)
{
    int64_t asked = controller->options->concurrency;
    if (asked <= 0)
        asked = controller->run->world->project->concurrency;
    if (asked <= 0)
        asked = sysconf(_SC_NPROCESSORS_ONLN);
    if (asked > 64)
        asked = 64;
    size_t count = asked > 0 ? (size_t)asked : 1;
    return count < controller->open ? count : controller->open;
}

static int run_threads(struct controller *controller, struct sl_err *err)
{
    pthread_t threads[64];
    size_t wanted = thread_count(controller), count = 0;
    while (count < wanted && pthread_create(&threads[count], NULL, work, controller) == 0)
        count++;
    if (wanted && !count)
        return sl_fail(err, SL_E_MEMORY, "cannot start a thread");
    watch(controller);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return SL_OK;
}

static int prepare(struct controller *controller, struct sl_err *err)
{
    struct sl_run *run = controller->run;
    const struct sl_graph *graph = &run->world->graph;
    controller->waiting = SL_NEW_ARRAY(&run->arena, size_t, graph->count);
    controller->ready = SL_NEW_ARRAY(&run->arena, size_t, graph->count);
    run->outcomes = SL_NEW_ARRAY(&run->arena, struct sl_outcome, graph->count);
    SL_TRY_NEW(controller->waiting, err);
    SL_TRY_NEW(controller->ready, err);
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

static void count_up(struct sl_run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        if (!outcome->node->is_selected)
            continue;
        run->by_status[outcome->status]++;
        if (outcome->node->kind != SL_NODE_CLEANSE || outcome->status == SL_STATUS_ERROR)
            continue;
        run->quarantined += outcome->result.balance.quarantined;
        run->set_aside += outcome->result.balance.set_aside_values;
    }
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
    struct sl_signals *signals = NULL;
    SL_TRY(sl_signals_catch(on_signal, controller, &signals, err));
    int code = run_threads(controller, err);
    sl_signals_release(&signals);
    SL_TRY(code);
    run->ended_us = sl_clock_now_us();
    count_up(run);
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
    pthread_mutex_init(&controller.lock, NULL);
    pthread_cond_init(&controller.is_ready, NULL);
    pthread_cond_init(&controller.is_done, NULL);
    int code = run_locked(&controller, err);
    pthread_cond_destroy(&controller.is_done);
    pthread_cond_destroy(&controller.is_ready);
    pthread_mutex_destroy(&controller.lock);
    return code;
}

void sl_run_clear(struct sl_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        sl_arena_clear(&run->outcomes[i].arena);
    if (run->world && run->world->project && run->world->project->pins == &run->pins)
        run->world->project->pins = NULL;
    sl_map_clear(&run->pins);
    sl_arena_clear(&run->arena);
    run->count = 0;
}
