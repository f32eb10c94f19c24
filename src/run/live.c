#include "run/live.h"

#include "base/clock.h"
#include "run/backfill.h"
#include "run/controller_inner.h"
#include "run/known_lake.h"
#include "run/retry.h"
#include "run/work_plan.h"

#include <stdio.h>
#include <stdlib.h>

struct sl_live {
    struct sl_controller controller; // first: the executor knows the run by it
    struct sl_run run;
    struct sl_run_options run_options;
    struct sl_live_options options;
    struct sl_graph graph;        // the run's own: selected nodes, and what they read
    struct sl_backfill_plan plan; // of a backfill
    struct sl_backfill backfill;
    json_t *request;
    struct sl_err err;
    bool is_planned, had_nothing;
};

static struct sl_live *live_of(struct sl_controller *controller)
{
    return (struct sl_live *)controller;
}

// --- its own graph

// Of a list of nodes of the world's graph, those that are in this one.
static int map_edges(const size_t *from, size_t count, const size_t *position, size_t **ret,
                     size_t *ret_count, struct sl_arena *arena, struct sl_err *err)
{
    *ret = SL_NEW_ARRAY(arena, size_t, count + 1);
    *ret_count = 0;
    SL_TRY_NEW(*ret, err);
    for (size_t i = 0; i < count; i++)
        if (position[from[i]] != SIZE_MAX)
            (*ret)[(*ret_count)++] = position[from[i]];
    return SL_OK;
}

// A node of the world, planned.
static int copy_node(struct sl_live *live, const struct sl_planned_node *planned,
                     const struct sl_node *from, const size_t *position, struct sl_node *to,
                     struct sl_err *err)
{
    struct sl_arena *arena = &live->run.arena;
    *to = *from;
    to->facts = (struct sl_facts){.version = planned->version, .rows = planned->rows};
    to->is_selected = planned->is_selected;
    to->verdict = planned->verdict;
    to->moved = planned->moved;
    to->why = to->impact = (struct sl_strs){0};
    to->estimate = (struct sl_estimate){0};
    SL_TRY(map_edges(from->upstream, from->upstream_count, position, &to->upstream,
                     &to->upstream_count, arena, err));
    return map_edges(from->downstream, from->downstream_count, position, &to->downstream,
                     &to->downstream_count, arena, err);
}

static int make_graph(struct sl_live *live, const struct sl_plan_reply *plan, struct sl_err *err)
{
    const struct sl_graph *whole = &live->run.world->graph;
    struct sl_arena *arena = &live->run.arena;
    size_t *position = SL_NEW_ARRAY(arena, size_t, whole->count);
    live->graph.nodes = SL_NEW_ARRAY(arena, struct sl_node, plan->node_count);
    SL_TRY_NEW(position, err);
    SL_TRY_NEW(live->graph.nodes, err);
    live->graph.count = plan->node_count;
    for (size_t i = 0; i < whole->count; i++)
        position[i] = SIZE_MAX;
    for (size_t i = 0; i < plan->node_count; i++) {
        const struct sl_node *node = sl_graph_node(whole, plan->nodes[i].name);
        if (!node)
            return sl_fail(err, SL_E_INTERNAL, "'%s' was planned and is no step",
                           plan->nodes[i].name);
        position[node - whole->nodes] = i;
    }
    for (size_t i = 0; i < plan->node_count; i++)
        SL_TRY(copy_node(live, &plan->nodes[i], sl_graph_node(whole, plan->nodes[i].name), position,
                         &live->graph.nodes[i], err));
    live->run.graph = &live->graph;
    return SL_OK;
}

// --- its life

static void end(struct sl_live *live)
{
    sl_executor_end(live->controller.executor, &live->controller);
}

// Its graph is made.
static int begin(struct sl_live *live, struct sl_err *err)
{
    struct sl_controller *controller = &live->controller;
    const struct sl_history_options options = {.command = live->options.command,
                                               .state = live->options.state,
                                               .pipeline = live->options.pipeline,
                                               .trigger = live->options.trigger,
                                               .who = live->options.who,
                                               .tick_us = live->options.tick_us,
                                               .on_trouble = live->options.on_trouble,
                                               .owner = live->options.owner};
    if (live->options.on_begin)
        live->options.on_begin(live->options.owner, live);
    if (live->options.state)
        SL_TRY(sl_history_open(&live->run, &options, &controller->history, err));
    if (!controller->backfill)
        SL_TRY(sl_controller_watch_deadline(controller, err));
    SL_TRY(sl_controller_prepare(controller, err));
    if (controller->unpublished == 0)
        sl_controller_publish(controller);
    return SL_OK;
}

// *ret_due: there is something to do.
static int take_plan(struct sl_live *live, const json_t *reply, bool *ret_due, struct sl_err *err)
{
    struct sl_plan_reply plan = {0};
    SL_TRY(sl_fields_unpack(sl_plan_reply_fields, reply, &live->run.arena, &plan, err));
    *err = plan.err;
    SL_TRY(err->code);
    *ret_due = plan.due > 0;
    return *ret_due ? make_graph(live, &plan, err) : SL_OK;
}

static int take_backfill(struct sl_live *live, const json_t *reply, bool *ret_due,
                         struct sl_err *err)
{
    struct sl_controller *controller = &live->controller;
    struct sl_arena *arena = &live->run.arena;
    const json_t *failure = json_object_get(reply, "err");
    if (failure) {
        SL_TRY(sl_fields_unpack(sl_err_fields, failure, arena, err, err));
        return err->code ? (int)err->code : sl_fail(err, SL_E_INTERNAL, "an error that is none");
    }
    SL_TRY(sl_backfill_plan_unpack(json_object_get(reply, "plan"), &live->run.world->graph, arena,
                                   &live->plan, err));
    SL_TRY(sl_backfill_begin(&live->plan, &live->run, &live->backfill, err));
    *ret_due = live->backfill.progress.chunk_count > 0 || sl_json_bool(reply, "rest", false);
    controller->backfill = &live->backfill;
    controller->most_in_hand = controller->executor->most_steps;
    if (live->plan.concurrency > 0 && (size_t)live->plan.concurrency < controller->most_in_hand)
        controller->most_in_hand = (size_t)live->plan.concurrency;
    return SL_OK;
}

static int take_reply(struct sl_live *live, const json_t *reply, const struct sl_death *death,
                      bool *ret_due, struct sl_err *err)
{
    // A plan over another lake is not this project's.
    if (live->options.lake) {
        SL_TRY(sl_lake_require(live->run.world->project, live->options.state, live->options.lake,
                               err));
        memcpy(live->run.lake, live->options.lake, SL_LAKE_ID_BYTES);
    }
    if (death) {
        *err = death->err;
        return err->code;
    }
    return live->options.backfill ? take_backfill(live, reply, ret_due, err)
                                  : take_plan(live, reply, ret_due, err);
}

static void on_planned(struct sl_controller *controller, const json_t *reply,
                       const struct sl_death *death)
{
    struct sl_live *live = live_of(controller);
    struct sl_err *err = &live->err;
    bool is_due = false;
    int code = SL_OK;
    if (sl_errand_again(controller, SL_JOB_PLAN, death))
        return;
    (void)!take_reply(live, reply, death, &is_due, err);
    live->is_planned = err->code == SL_OK;
    live->had_nothing = live->is_planned && !is_due;
    if (live->is_planned && is_due && !controller->interrupts)
        code = begin(live, err);
    if (code != SL_OK || !controller->open)
        end(live);
}

static void on_gate(struct sl_controller *controller, const char *name)
{
    struct sl_live *live = live_of(controller);
    live->options.on_gate(live->options.owner, live, name);
}

static void on_done(struct sl_controller *controller)
{
    struct sl_live *live = live_of(controller);
    sl_controller_close(controller);
    if (controller->backfill)
        sl_backfill_end(controller->backfill);
    live->run.ended_us = sl_clock_now_us();
    sl_run_count(&live->run);
    if (controller->interrupts > 2 && controller->publish_err.code) // it left out the last thing
        live->run.was_interrupted = true;
    else if (!live->err.code)
        live->err = controller->publish_err;
    const bool may_end =
        !live->options.on_ending || live->options.on_ending(live->options.owner, live);
    if (controller->history && may_end)
        sl_history_end(controller->history);
    else if (controller->history)
        sl_history_end_later(controller->history);
    if (live->options.on_left && controller->history && sl_history_is_left(controller->history)) {
        live->options.on_left(live->options.owner, controller->history);
        controller->history = NULL;
    }
    sl_history_close(&controller->history);
    live->options.on_end(live->options.owner, live);
}

static int make_request(struct sl_live *live, const struct sl_live_options *options,
                        struct sl_err *err)
{
    if (options->backfill) {
        live->request = json_pack("{s:O}", "backfill", options->backfill);
        live->options.backfill = json_object_get(live->request, "backfill");
        SL_TRY_NEW(live->request, err);
        live->controller.request = live->request;
        return SL_OK;
    }
    const struct sl_plan_request request = {.select = options->select,
                                            .exclude = options->exclude,
                                            .may_break = live->options.may_break,
                                            .done = options->done,
                                            .full_refresh = options->full_refresh};
    json_t *packed = sl_fields_pack(sl_plan_request_fields, &request);
    live->request =
        packed ? json_pack("{s:o, s:O*}", "plan", packed, "holds", options->plan) : NULL;
    SL_TRY_NEW(live->request, err);
    live->controller.request = live->request;
    return SL_OK;
}

static int copy_text(const char **text, struct sl_arena *arena, struct sl_err *err)
{
    if (!*text)
        return SL_OK;
    *text = sl_arena_strdup(arena, *text);
    return *text ? SL_OK : sl_fail_memory(err);
}

static int init(struct sl_live *live, struct sl_executor *executor,
                const struct sl_live_options *options, struct sl_err *err)
{
    struct sl_world *world = executor->options.world;
    live->options = *options;
    live->run =
        (struct sl_run){.world = world, .graph = &live->graph, .started_us = sl_clock_now_us()};
    sl_arena_init(&live->run.arena, 0);
    if (options->id)
        snprintf(live->run.id, sizeof live->run.id, "%s", options->id);
    else
        sl_uuid(live->run.id);
    SL_TRY(copy_text(&live->options.command, &live->run.arena, err));
    SL_TRY(copy_text(&live->options.pipeline, &live->run.arena, err));
    SL_TRY(copy_text(&live->options.trigger, &live->run.arena, err));
    SL_TRY(copy_text(&live->options.who, &live->run.arena, err));
    SL_TRY(sl_strs_copy(&live->options.may_break, &options->may_break, &live->run.arena, err));
    SL_TRY(sl_strs_copy(&live->options.approved, &options->approved, &live->run.arena, err));
    live->run_options = (struct sl_run_options){.command = live->options.command,
                                                .full_refresh = options->full_refresh,
                                                .may_break = &live->options.may_break,
                                                .approved = &live->options.approved,
                                                .fail_fast = options->fail_fast,
                                                .refuses_leaks = true,
                                                .listener = options->listener};
    live->controller = (struct sl_controller){.executor = executor,
                                              .run = &live->run,
                                              .options = &live->run_options,
                                              .on_done = on_done,
                                              .on_planned = on_planned,
                                              .on_gate = options->on_gate ? on_gate : NULL};
    return make_request(live, options, err);
}

int sl_live_start(struct sl_executor *executor, const struct sl_live_options *options,
                  struct sl_live **ret, struct sl_err *err)
{
    SL_AUTO(sl_live_free) struct sl_live *live = calloc(1, sizeof *live);
    SL_TRY_NEW(live, err);
    SL_TRY(init(live, executor, options, err));
    sl_executor_plan(executor, &live->controller);
    *ret = live;
    live = NULL;
    sl_executor_dispatch(executor);
    return SL_OK;
}

void sl_live_free(struct sl_live **live)
{
    struct sl_live *old = *live;
    if (!old)
        return;
    sl_controller_close(&old->controller); // where it was given up at work
    sl_history_close(&old->controller.history);
    sl_run_clear(&old->run);
    json_decref(old->request);
    free(old);
    *live = NULL;
}

// A worker died over it, and nobody waits for another one any more.
static void cut_off_publishing(struct sl_controller *controller)
{
    struct sl_death death = {.is_ours = true};
    if (!sl_errand_give_up(controller, SL_JOB_PUBLISH))
        return;
    death.err = *sl_errand_err(controller);
    sl_controller_on_published(controller, NULL, &death);
}

void sl_live_interrupt(struct sl_live *live, int times)
{
    sl_controller_interrupt(&live->controller, times);
    if (sl_executor_unplan(live->controller.executor, &live->controller) ||
        sl_errand_give_up(&live->controller, SL_JOB_PLAN))
        end(live);
    else if (times > 2)
        cut_off_publishing(&live->controller);
    sl_executor_dispatch(live->controller.executor);
}

void sl_live_cancelled(struct sl_live *live)
{
    live->run.was_cancelled = true;
}

static int require_approver(const struct sl_node *node, const char *name, const char *who,
                            struct sl_err *err)
{
    const struct sl_strs *approvers = &sl_node_execution(node)->approvers;
    if (!approvers->count || sl_strs_has(approvers, who))
        return SL_OK;
    (void)sl_fail(err, SL_E_SERVE_REFUSED, "'%s' may not approve '%s'", who, name);
    return sl_err_hint(err, "%s says who may", node->file);
}

int sl_live_may_approve(const struct sl_graph *graph, const struct sl_strs *names, const char *who,
                        struct sl_err *err)
{
    for (size_t i = 0; i < names->count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < graph->count; k++) {
            const struct sl_node *node = &graph->nodes[k];
            if (!sl_node_execution(node)->needs_approval ||
                !sl_str_equal(sl_gate_name(node), names->items[i]))
                continue;
            SL_TRY(require_approver(node, names->items[i], who, err));
            is_known = true;
        }
        if (!is_known)
            return sl_fail(err, SL_E_SERVE_MISSING, "nothing that needs an approval is '%.200s'",
                           names->items[i]);
    }
    return SL_OK;
}

static bool is_called(const struct sl_node *node, const char *step, bool by_pattern)
{
    const char *const names[] = {sl_gate_name(node), node->label, node->name};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (by_pattern ? sl_str_glob(step, names[i]) : sl_str_equal(step, names[i]))
            return true;
    return false;
}

// By a name, else by a pattern; NULL: nothing. *ret_other: another one that is called so, too.
static const struct sl_node *find_waiting(const struct sl_live *live, const char *step,
                                          bool by_pattern, const struct sl_node **ret_other)
{
    const struct sl_graph *graph = live->run.graph;
    const struct sl_node *found = NULL;
    *ret_other = NULL;
    for (size_t i = 0; live->controller.gates && i < graph->count; i++) {
        const struct sl_node *node = &graph->nodes[i];
        if (live->controller.gates[i] != SL_GATE_WAITS || !is_called(node, step, by_pattern))
            continue;
        if (!found)
            found = node;
        else if (!sl_str_equal(sl_gate_name(found), sl_gate_name(node)))
            *ret_other = node;
    }
    return found;
}

// What waits says the hint.
static int fail_waits_for_nobody(const struct sl_live *live, const char *step, struct sl_err *err)
{
    const struct sl_graph *graph = live->run.graph;
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    const char *last = NULL;
    (void)sl_fail(err, SL_E_SERVE_MISSING, "'%s' of run '%s' waits for nobody", step, live->run.id);
    for (size_t i = 0; live->controller.gates && i < graph->count; i++) {
        const char *name = sl_gate_name(&graph->nodes[i]);
        if (live->controller.gates[i] != SL_GATE_WAITS || sl_str_equal(name, last))
            continue;
        sl_buf_addf(&names, "%s'%s'", last ? ", " : "", name);
        last = name;
    }
    if (last && names.text)
        return sl_err_hint(err, "what waits is %s", names.text);
    return sl_err_hint(err, "nothing of this run waits for a person now");
}

int sl_live_may_decide(const struct sl_live *live, const char *step, const char *who,
                       const char **ret_name, struct sl_err *err)
{
    const struct sl_node *other, *node = find_waiting(live, step, false, &other);
    char task[256];
    if (!node && snprintf(task, sizeof task, "task.%s", step) < (int)sizeof task)
        node = find_waiting(live, task, false, &other);
    if (!node)
        node = find_waiting(live, step, true, &other);
    if (!node)
        return fail_waits_for_nobody(live, step, err);
    if (other) {
        (void)sl_fail(err, SL_E_SERVE_MISSING, "more than one step of run '%s' is like '%s'",
                      live->run.id, step);
        return sl_err_hint(err, "'%s' waits, and '%s', too: name one", sl_gate_name(node),
                           sl_gate_name(other));
    }
    *ret_name = sl_gate_name(node);
    return require_approver(node, *ret_name, who, err);
}

void sl_live_decide(struct sl_live *live, const char *name, bool is_approved, const char *who,
                    const char *why)
{
    sl_controller_decide(&live->controller, name, is_approved, who, why);
}

const struct sl_run *sl_live_run(const struct sl_live *live)
{
    return &live->run;
}

const struct sl_err *sl_live_err(const struct sl_live *live)
{
    return &live->err;
}

const struct sl_backfill *sl_live_backfill(const struct sl_live *live)
{
    return live->controller.backfill;
}

bool sl_live_is_planned(const struct sl_live *live)
{
    return live->is_planned;
}

bool sl_live_had_nothing(const struct sl_live *live)
{
    return live->had_nothing;
}
