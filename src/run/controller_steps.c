// What becomes of the steps of a run: handed to workers, ended, tried again.
#include "base/clock.h"
#include "run/backfill.h"
#include "run/controller_inner.h"
#include "run/retry.h"

#define MOST_DEATHS 2
#define GRACE_MS 5000 // for a step over its timeout, to end by itself

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

static void hint_at_rerun(const struct sl_controller *controller, struct sl_err *err)
{
    if (err->code == SL_E_INTERRUPTED && !err->hint[0] && !controller->backfill)
        (void)sl_err_hint(err, "published tables are whole; `sluice run` does what is missing");
}

// What was stopped, or did not begin, since the run's time is over.
static void tell_deadline(const struct sl_controller *controller, struct sl_err *err)
{
    char limit[32];
    if (err->code != SL_E_INTERRUPTED || !controller->is_late || controller->interrupts)
        return;
    sl_err_clear(err);
    (void)sl_fail(err, SL_E_DEADLINE, "the run took longer than its deadline of %s",
                  sl_str_elapsed(controller->run->world->project->deadline_s * 1000, limit));
    (void)sl_err_hint(err, "published tables are whole; `sluice run` does what is missing");
}

// Why a node cannot run although it is its turn, in outcome->err; false if it can.
static bool is_blocked(struct sl_controller *controller, struct sl_outcome *outcome)
{
    const struct sl_node *node = outcome->node;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_outcome *before = sl_controller_outcome(controller, node->upstream[i]);
        // Of a table that a backfill has done in part, nothing is computed.
        bool has_failed = before->status == SL_STATUS_ERROR ||
                          (before->status == SL_STATUS_PARTIAL && controller->backfill);
        if (!has_failed && before->status != SL_STATUS_SKIPPED)
            continue;
        (void)sl_fail(&outcome->err, SL_E_UPSTREAM_FAILED, "'%s' %s", before->node->label,
                      has_failed ? "failed" : "was skipped");
        return true;
    }
    if (!sl_controller_has_stopped(controller))
        return false;
    (void)sl_fail(&outcome->err, SL_E_INTERRUPTED, "%s",
                  controller->has_failed ? "stopped after the first error" : "interrupted");
    tell_deadline(controller, &outcome->err);
    hint_at_rerun(controller, &outcome->err);
    return true;
}

// Whether an input got a new version in this run.
static bool has_new_input(struct sl_controller *controller, const struct sl_node *node)
{
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct sl_outcome *before = sl_controller_outcome(controller, node->upstream[i]);
        if (before->passes_on)
            return true;
        if (before->status != SL_STATUS_NOTHING && before->result.version_count > 0)
            return true;
    }
    return false;
}

// Nothing to do: planned fresh, and no input got a new version in this run; or there is no table.
static bool is_fresh(struct sl_controller *controller, const struct sl_outcome *outcome)
{
    const struct sl_node *node = outcome->node;
    // What is published of a table may change while the table does not.
    return sl_node_is_view(node) ||
           (node->verdict != SL_VERDICT_STALE && !sl_controller_reads_published(node) &&
            !has_new_input(controller, node));
}

// --- steps at work

static int add_chunk(struct sl_controller *controller, size_t index, bool is_again, json_t *request,
                     struct sl_err *err)
{
    if (!controller->backfill)
        return SL_OK;
    json_t *chunk = sl_backfill_chunk_json(controller->backfill, index, is_again);
    return json_object_set_new(request, "chunk", chunk) == 0 ? SL_OK : sl_fail_memory(err);
}

static int order(struct sl_controller *controller, size_t index, struct sl_err *err)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    const struct sl_run_options *options = controller->options;
    struct sl_order order = {.node = outcome->node->name,
                             .run_id = controller->run->id,
                             .started_us = controller->run->started_us,
                             .full_refresh = options->full_refresh,
                             .loses_history = options->loses_history,
                             .refuses_leaks = options->refuses_leaks,
                             .moved = outcome->node->moved,
                             .is_again = outcome->attempts > 1,
                             .lake = *controller->run->lake ? controller->run->lake : NULL};
    if (options->may_break)
        order.may_break = *options->may_break;
    if (sl_controller_reads_published(outcome->node)) {
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
    SL_TRY(add_chunk(controller, index, order.is_again, request, err));
    return sl_executor_hand_over(controller->executor,
                                 &(struct sl_job){controller, SL_JOB_STEP, index}, request,
                                 &outcome->seat, err);
}

// True if the node has ended without a worker, which may make others ready.
static bool ends_here(struct sl_controller *controller, size_t index)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    outcome->started_us = sl_clock_now_us();
    if (controller->backfill && !sl_backfill_is_chunk(controller->backfill, index)) {
        sl_backfill_sum_up(controller->backfill, index);
    } else if (is_blocked(controller, outcome)) {
        outcome->status = SL_STATUS_SKIPPED;
    } else if (is_fresh(controller, outcome)) {
        outcome->passes_on =
            sl_node_is_view(outcome->node) && has_new_input(controller, outcome->node);
        outcome->status = SL_STATUS_NOTHING;
    } else {
        return false;
    }
    sl_controller_finish(controller, index);
    return true;
}

static void add_ready(struct sl_controller *controller, size_t index)
{
    const struct sl_ready_step step = {.node = &controller->run->graph->nodes[index],
                                       .index = index,
                                       .run = controller->number,
                                       .owner = controller};
    sl_ready_add(&controller->executor->ready, &step);
}

static int limit(struct sl_controller *controller, size_t index, struct sl_err *err)
{
    int64_t timeout_s =
        sl_node_execution(sl_controller_outcome(controller, index)->node)->timeout_s;
    return timeout_s > 0
               ? sl_step_clock_set(controller, index, SL_CLOCK_LIMIT, timeout_s * 1000, err)
               : SL_OK;
}

// What it may take is counted from here.
static int begin(struct sl_controller *controller, size_t index, struct sl_err *err)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    const struct sl_listener *listener = controller->options->listener;
    outcome->status = SL_STATUS_RUNNING;
    outcome->has_begun = true;
    outcome->started_us = sl_clock_now_us();
    if (!outcome->first_us)
        outcome->first_us = sl_clock_monotonic_us();
    if (listener && listener->on_start)
        listener->on_start(listener->self, outcome);
    return limit(controller, index, err);
}

// Without memory for its clock it has no limit.
void sl_controller_begin(struct sl_controller *controller, size_t index, const char *machine)
{
    struct sl_err ignored = {0};
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    outcome->machine = sl_arena_strdup(&outcome->arena, machine);
    if (!outcome->has_begun) {
        (void)!begin(controller, index, &ignored);
    } else if (outcome->status == SL_STATUS_WAITING) { // another one had it, and has given it back
        outcome->status = SL_STATUS_RUNNING;
        (void)!limit(controller, index, &ignored);
    }
}

// One that was stopped for its timeout stays so.
void sl_controller_given_back(struct sl_controller *controller, size_t index)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    outcome->status = SL_STATUS_WAITING;
    outcome->machine = NULL;
    if (sl_step_clock_use(controller, index) == SL_CLOCK_LIMIT)
        sl_step_clock_stop(controller, index);
}

// What another machine is to do waits until a worker there has it.
bool sl_controller_start(struct sl_controller *controller, size_t index)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    bool is_here = sl_executor_has_seat(controller->executor);
    if (ends_here(controller, index)) // asked to stop since
        return false;
    outcome->attempts++;
    outcome->has_begun = false;
    outcome->machine = NULL;
    if ((!is_here || begin(controller, index, &outcome->err) == SL_OK) &&
        order(controller, index, &outcome->err) == SL_OK) {
        if (controller->backfill)
            controller->backfill->progress.running++;
        return true;
    }
    sl_step_clock_stop(controller, index);
    outcome->status = SL_STATUS_ERROR;
    sl_controller_finish(controller, index);
    return false;
}

static bool has_room(const struct sl_controller *controller)
{
    return !controller->most_in_hand || controller->in_hand < controller->most_in_hand ||
           sl_controller_has_stopped(controller);
}

void sl_controller_sort_out(struct sl_controller *controller)
{
    while (controller->open_head < controller->open_tail && has_room(controller)) {
        size_t index = controller->open_next[controller->open_head++];
        controller->in_hand++;
        if (!ends_here(controller, index) && !sl_controller_is_gated(controller, index))
            add_ready(controller, index);
    }
}

void sl_controller_open_again(struct sl_controller *controller, size_t index)
{
    add_ready(controller, index);
}

static void take_reply(struct sl_controller *controller, struct sl_outcome *outcome,
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

static void keep_death(struct sl_controller *controller, struct sl_outcome *outcome,
                       const struct sl_death *death)
{
    struct sl_death *kept = SL_NEW(&outcome->arena, struct sl_death);
    if (kept)
        *kept = *death;
    outcome->death = kept;
    outcome->deaths++;
    outcome->err = death->err;
    if (controller->peak_memory_bytes < death->peak_memory_bytes)
        controller->peak_memory_bytes = death->peak_memory_bytes;
    outcome->peak_memory_bytes = controller->peak_memory_bytes;
}

// --- once more

// A step is one commit for each table, which carries how far it has come: done again it finds what
// was committed, and does the rest. What killed its worker twice would kill the next one, too.
// One that held too much memory may have had it from the steps before.
static bool follows_death(const struct sl_outcome *outcome, const struct sl_death *death)
{
    if (death && outcome->err.code == SL_E_WORKER_MEMORY)
        return death->jobs_before > 0 && outcome->deaths < MOST_DEATHS;
    return death && (death->signal || death->is_lost) && !death->is_ours &&
           outcome->deaths < MOST_DEATHS;
}

// How long to wait for the next attempt; -1: there is none.
static int64_t wait_before_next(struct sl_controller *controller, const struct sl_outcome *outcome,
                                const struct sl_death *death, bool has_share)
{
    const struct sl_retry *retry = &sl_node_execution(outcome->node)->retry;
    if (sl_controller_has_stopped(controller))
        return -1;
    if (follows_death(outcome, death))
        return 0;
    if (outcome->attempts >= retry->attempts || !sl_retry_is_for(retry, &outcome->err, has_share))
        return -1;
    int64_t wait_ms = sl_retry_wait_ms(
        retry, outcome->attempts, sl_random(outcome->node->label, (uint64_t)outcome->attempts));
    int64_t taken_us = sl_clock_monotonic_us() - outcome->first_us;
    if (retry->max_time_s && taken_us / 1000 + wait_ms > retry->max_time_s * 1000)
        return -1;
    return wait_ms;
}

// It holds no worker and no slot while it waits.
static int wait_for_next(struct sl_controller *controller, struct sl_outcome *outcome,
                         int64_t wait_ms, struct sl_err *err)
{
    const struct sl_listener *listener = controller->options->listener;
    size_t index = (size_t)(outcome - controller->run->outcomes);
    struct sl_retried retried = {.attempt = outcome->attempts,
                                 .code = outcome->err.code,
                                 .message = sl_arena_strdup(&outcome->arena, outcome->err.message),
                                 .wait_ms = wait_ms};
    SL_TRY_NEW(retried.message, err);
    if (!SL_PUSH(&outcome->arena, outcome->retried, outcome->retried_count, retried))
        return sl_fail_memory(err);
    SL_TRY(sl_step_clock_set(controller, index, SL_CLOCK_WAIT, wait_ms, err));
    outcome->status = SL_STATUS_WAITING;
    if (controller->history)
        sl_history_again(controller->history, outcome);
    if (listener && listener->on_again)
        listener->on_again(listener->self, outcome);
    return SL_OK;
}

// What an attempt had done before it failed is nothing to do for the next one.
static void look_at_attempts(struct sl_outcome *outcome)
{
    if (outcome->attempts < 2 || outcome->status != SL_STATUS_NOTHING)
        return;
    outcome->passes_on = true;
    outcome->result.why = "an attempt before had done it, or there was nothing to do";
}

static void end_step(struct sl_controller *controller, size_t index)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    outcome->status = outcome->err.code == SL_OK ? status_of(&outcome->result) : SL_STATUS_ERROR;
    look_at_attempts(outcome);
    bool has_done = outcome->status == SL_STATUS_OK || outcome->status == SL_STATUS_WARN;
    if (!sl_node_has_table(outcome->node) && has_done)
        outcome->passes_on = true;
    hint_at_rerun(controller, &outcome->err);
    sl_controller_finish(controller, index);
}

void sl_controller_end_waits(struct sl_controller *controller)
{
    bool has_ended = controller->open_head < controller->open_tail;
    size_t index;
    if (has_ended) // those for which there was no room
        sl_executor_sort(controller->executor, controller);
    while (sl_controller_has_stopped(controller) &&
           sl_executor_pull(controller->executor, controller, &index))
        has_ended |= ends_here(controller, index);
    for (size_t i = 0; controller->clocks && i < controller->run->count; i++) {
        bool is_gated = controller->gates[i] == SL_GATE_WAITS;
        if (sl_step_clock_use(controller, i) != SL_CLOCK_WAIT && !is_gated)
            continue;
        controller->gates[i] = SL_GATE_NONE;
        has_ended = true;
        if (is_gated && ends_here(controller, i)) // skipped: the run was asked to stop
            continue;
        sl_step_clock_stop(controller, i);
        end_step(controller, i);
    }
    if (has_ended)
        sl_executor_dispatch(controller->executor);
}

void sl_controller_interrupt(struct sl_controller *controller, int times)
{
    controller->run->was_interrupted = true;
    controller->interrupts = times;
    sl_executor_press(controller->executor, controller, times);
    sl_controller_end_waits(controller);
}

void sl_controller_expire(struct sl_controller *controller)
{
    controller->is_late = controller->run->was_late = true;
    sl_executor_press(controller->executor, controller, 2);
    sl_controller_end_waits(controller);
}

void sl_controller_take_back(struct sl_controller *controller, size_t index)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    sl_step_clock_stop(controller, index);
    outcome->status = SL_STATUS_WAITING;
    outcome->attempts--;
    if (controller->backfill)
        controller->backfill->progress.running--;
    add_ready(controller, index);
    if (sl_controller_has_stopped(controller))
        sl_controller_end_waits(controller);
}

// Of this machine: one over its timeout is interrupted, and killed as late.
static void stop_step(struct sl_controller *controller, size_t index, int times)
{
    struct sl_executor *executor = controller->executor;
    size_t number = sl_executor_job(executor, controller, index);
    if (number >= SL_LOCAL_JOBS)
        sl_executor_press_job(executor, number, times);
    else if (times > 2)
        sl_pool_kill_job(executor->pool, number);
    else
        sl_pool_stop(executor->pool, number);
}

void sl_controller_on_time(struct sl_controller *controller, size_t index, enum sl_clock_use use)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    struct sl_err ignored = {0};
    switch (use) {
    case SL_CLOCK_IDLE:
        break;
    case SL_CLOCK_WAIT:
        sl_step_clock_stop(controller, index);
        sl_err_clear(&outcome->err);
        outcome->result = (struct sl_step_result){0};
        add_ready(controller, index);
        sl_executor_dispatch(controller->executor);
        break;
    case SL_CLOCK_LIMIT:
        stop_step(controller, index, 2);
        if (sl_step_clock_set(controller, index, SL_CLOCK_GRACE, GRACE_MS, &ignored) != SL_OK)
            stop_step(controller, index, 3);
        break;
    case SL_CLOCK_GRACE:
        stop_step(controller, index, 3);
        break;
    }
}

// Of a step over its timeout: that it was stopped is why it failed. A mistake of the user that it
// came upon before it could be stopped is told as such: the next attempt would find it again.
static bool is_stopped_by_limit(const struct sl_err *err, const struct sl_death *death)
{
    return err->code == SL_E_INTERRUPTED || death || sl_err_fate(err) == SL_FATE_RETRY;
}

static void tell_timeout(struct sl_outcome *outcome)
{
    const struct sl_node *node = outcome->node;
    char limit[32];
    const char *took = sl_str_elapsed(sl_node_execution(node)->timeout_s * 1000, limit);
    sl_err_clear(&outcome->err);
    (void)sl_fail(&outcome->err, SL_E_TIMEOUT,
                  "it took longer than its timeout of %s and was stopped", took);
    (void)sl_err_hint(&outcome->err, "raise `timeout` in %s or sluice.yml if it may take longer",
                      node->file);
}

void sl_controller_on_reply(struct sl_controller *controller, size_t job, const json_t *reply,
                            const struct sl_death *death)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, job);
    bool has_share = outcome->seat && atomic_load(&outcome->seat->parts) > 1;
    bool is_overdue = sl_step_clock_use(controller, job) == SL_CLOCK_GRACE;
    outcome->seat = NULL;
    if (controller->backfill)
        controller->backfill->progress.running--;
    sl_step_clock_stop(controller, job);
    if (reply)
        take_reply(controller, outcome, reply, &outcome->err);
    else
        keep_death(controller, outcome, death);
    if (outcome->err.code != SL_OK && is_overdue && is_stopped_by_limit(&outcome->err, death))
        tell_timeout(outcome);
    tell_deadline(controller, &outcome->err);
    int64_t wait_ms =
        outcome->err.code == SL_OK ? -1 : wait_before_next(controller, outcome, death, has_share);
    if (wait_ms < 0 || wait_for_next(controller, outcome, wait_ms, &outcome->err) != SL_OK)
        end_step(controller, job);
    if (sl_controller_has_stopped(controller))
        sl_controller_end_waits(controller);
}
