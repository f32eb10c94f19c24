// One run: what is open of it, what its end makes ready, and its publication.
#include "base/clock.h"
#include "run/backfill.h"
#include "run/controller_inner.h"
#include "run/estimate.h"
#include "run/work_plan.h"

#include <string.h>

#define STEP_MEMORY_BYTES ((size_t)4 << 30)

struct sl_outcome *sl_controller_outcome(struct sl_controller *controller, size_t index)
{
    return &controller->run->outcomes[index];
}

// What waits for the publication delivers what it lists.
bool sl_controller_reads_published(const struct sl_node *node)
{
    return node->kind == SL_NODE_LOAD && node->target->reads == SL_READS_PUBLISHED;
}

// A run publishes when nothing of the lake is open any more. Tasks have no table.
static bool is_to_publish(const struct sl_node *node)
{
    return node->kind != SL_NODE_TASK && !sl_controller_reads_published(node);
}

// Whatever has failed: what belongs together now can be read together.
static int publish_here(struct sl_controller *controller, struct sl_err *err)
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

// Deliveries of what is published begin, those that come after a task when that has ended.
static void release_published(struct sl_controller *controller)
{
    const struct sl_graph *graph = controller->run->graph;
    controller->is_released = true;
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].is_selected && controller->waiting[i] == 0 &&
            sl_controller_reads_published(&graph->nodes[i]))
            controller->open_next[controller->open_tail++] = i;
    sl_executor_sort(controller->executor, controller);
}

static void end_if_done(struct sl_controller *controller)
{
    if (controller->open == 0 && !controller->is_publishing)
        sl_executor_end(controller->executor, controller);
}

void sl_controller_publish(struct sl_controller *controller)
{
    const struct sl_run *run = controller->run;
    if (sl_lake_require_same(run->world->project, run->lake, &controller->publish_err) != SL_OK) {
        release_published(controller);
        return;
    }
    if (controller->executor->options.is_service) {
        controller->is_publishing = true;
        sl_executor_publish(controller->executor, controller);
        return;
    }
    (void)!publish_here(controller, &controller->publish_err);
    release_published(controller);
}

void sl_controller_on_published(struct sl_controller *controller, const json_t *reply,
                                const struct sl_death *death)
{
    struct sl_run *run = controller->run;
    struct sl_err *err = &controller->publish_err;
    struct sl_publish_reply told = {0};
    if (sl_errand_again(controller, SL_JOB_PUBLISH, death))
        return;
    controller->is_publishing = false;
    if (death)
        *err = death->err;
    else if (sl_fields_unpack(sl_publish_reply_fields, reply, &run->arena, &told, err) == SL_OK)
        *err = told.err;
    run->has_published = told.is_new;
    if (err->code == SL_OK && told.number)
        (void)!sl_publication_read(run->world->project, told.number, &run->arena, &run->publication,
                                   err);
    if (err->code == SL_OK && told.is_new && controller->history)
        (void)!sl_history_add_tables(controller->history, &told.tables, err);
    release_published(controller);
    end_if_done(controller);
}

// Every downstream node that waits for nothing more becomes ready.
static void release(struct sl_controller *controller, size_t index)
{
    const struct sl_node *node = &controller->run->graph->nodes[index];
    for (size_t i = 0; i < node->downstream_count; i++) {
        size_t next = node->downstream[i];
        const struct sl_node *node_after = &controller->run->graph->nodes[next];
        if (--controller->waiting[next] == 0 && node_after->is_selected &&
            (controller->is_released || !sl_controller_reads_published(node_after)))
            controller->open_next[controller->open_tail++] = next;
    }
    sl_executor_sort(controller->executor, controller);
}

// Of a backfill the history is told of tables, whoever listens of chunks.
static void tell(struct sl_controller *controller, struct sl_outcome *outcome)
{
    const struct sl_listener *listener = controller->options->listener;
    size_t index = (size_t)(outcome - controller->run->outcomes);
    bool is_chunk = controller->backfill && sl_backfill_is_chunk(controller->backfill, index);
    if (is_chunk)
        sl_backfill_ended(controller->backfill, outcome);
    if (controller->history && !is_chunk)
        sl_history_add(controller->history, outcome);
    if (listener && listener->on_end && (is_chunk || !controller->backfill))
        listener->on_end(listener->self, outcome);
}

void sl_controller_finish(struct sl_controller *controller, size_t index)
{
    struct sl_outcome *outcome = sl_controller_outcome(controller, index);
    outcome->ended_us = sl_clock_now_us();
    controller->in_hand--;
    if (!controller->backfill && outcome->status != SL_STATUS_NOTHING &&
        outcome->status != SL_STATUS_SKIPPED)
        outcome->rows_read = sl_run_rows_read(controller->run, outcome);
    if (outcome->status == SL_STATUS_ERROR && controller->options->fail_fast)
        controller->has_failed = true;
    controller->open--;
    release(controller, index);
    tell(controller, outcome);
    // After the node was told of: what it was before is then no longer known.
    if (is_to_publish(outcome->node) && --controller->unpublished == 0)
        sl_controller_publish(controller);
    end_if_done(controller);
}

bool sl_controller_has_stopped(const struct sl_controller *controller)
{
    return controller->has_failed || controller->interrupts || controller->is_late;
}

static void on_deadline(uv_timer_t *timer)
{
    sl_controller_expire(timer->data);
}

int sl_controller_watch_deadline(struct sl_controller *controller, struct sl_err *err)
{
    int64_t deadline_s = controller->run->world->project->deadline_s;
    if (deadline_s <= 0)
        return SL_OK;
    controller->deadline = sl_timer_new(controller->executor->options.loop, controller, err);
    if (!controller->deadline)
        return err->code;
    int code = uv_timer_start(controller->deadline, on_deadline, (uint64_t)deadline_s * 1000, 0);
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
}

int sl_controller_prepare(struct sl_controller *controller, struct sl_err *err)
{
    struct sl_run *run = controller->run;
    const struct sl_graph *graph = run->graph;
    controller->waiting = SL_NEW_ARRAY(&run->arena, size_t, graph->count);
    controller->open_next = SL_NEW_ARRAY(&run->arena, size_t, graph->count);
    controller->gates = SL_NEW_ARRAY(&run->arena, enum sl_gate, graph->count);
    controller->clocks = SL_NEW_ARRAY(&run->arena, struct sl_step_clock *, graph->count);
    run->outcomes = SL_NEW_ARRAY(&run->arena, struct sl_outcome, graph->count);
    SL_TRY_NEW(controller->waiting, err);
    SL_TRY_NEW(controller->open_next, err);
    SL_TRY_NEW(controller->clocks, err);
    SL_TRY_NEW(controller->gates, err);
    SL_TRY_NEW(run->outcomes, err);
    run->count = graph->count;
    SL_TRY(sl_executor_expect(controller->executor, controller, err));
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
        controller->unpublished += is_to_publish(node);
        if (controller->waiting[i] == 0 && !sl_controller_reads_published(node))
            controller->open_next[controller->open_tail++] = i;
    }
    sl_executor_sort(controller->executor, controller);
    return SL_OK;
}

void sl_controller_close(struct sl_controller *controller)
{
    sl_timer_close(&controller->deadline);
    sl_errand_close(controller);
    sl_step_clocks_close(controller);
    sl_executor_forget(controller->executor, controller);
}
