// Runs that are asked for: kept in the queue of the state store, and begun when there is room.
#include "base/clock.h"
#include "run/known_lake.h"
#include "run/lock.h"
#include "serve/serve_inner.h"

#include <stdlib.h>
#include <string.h>

#define PRESS_MS 5000
#define LOCK_MS 100
// Who cancels a run for a newer one, and refuses one: no person is called so.
#define BY_OVERLAP "(overlap)"
#define BY_SERVICE "(service)"

struct sl_service_run *sl_service_find(struct sl_service *service, const char *id)
{
    for (struct sl_service_run *at = service->runs; at; at = at->next)
        if (at->state != SL_RUN_ENDED && strcmp(at->id, id) == 0)
            return at;
    return NULL;
}

void sl_service_free_run(struct sl_service_run *run)
{
    if (!run)
        return;
    sl_timer_close(&run->late);
    sl_timer_close(&run->press);
    sl_timer_close(&run->later);
    sl_observer_close(&run->observer);
    sl_live_free(&run->live);
    sl_json_free(&run->backfill);
    sl_json_free(&run->not_followed);
    sl_json_free(&run->options.plan);
    sl_arena_clear(&run->arena);
    free(run);
}

static void unlink_run(struct sl_service_run *run)
{
    struct sl_service_run **at = &run->service->runs;
    while (*at && *at != run)
        at = &(*at)->next;
    if (*at)
        *at = run->next;
}

// --- room

static bool is_ready(const struct sl_service_run *run)
{
    return run->state == SL_RUN_QUEUED && !run->later;
}

// Those that wait for a folder come in nobody's way.
static int64_t count_ready(const struct sl_service *service, const char *pipeline)
{
    int64_t count = 0;
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        count += is_ready(at) && strcmp(at->pipeline, pipeline) == 0;
    return count;
}

static int64_t count_of(const struct sl_service *service, const char *pipeline,
                        enum sl_service_run_state state)
{
    int64_t count = 0;
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        count += at->state == state && strcmp(at->pipeline, pipeline) == 0;
    return count;
}

static struct sl_overlap_state overlap_of(const struct sl_service *service,
                                          const struct sl_pipeline *pipeline)
{
    struct sl_overlap_state state = {.overlap = (enum sl_overlap)pipeline->overlap,
                                     .max_runs = pipeline->max_runs,
                                     .active = count_of(service, pipeline->name, SL_RUN_AT_WORK),
                                     .queued = count_ready(service, pipeline->name),
                                     .is_full = service->at_work >=
                                                (size_t)sl_service_project(service)->max_runs};
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        state.cancelling += at->state == SL_RUN_AT_WORK && at->interrupts &&
                            strcmp(at->pipeline, pipeline->name) == 0;
    return state;
}

static void on_lock(uv_timer_t *timer)
{
    struct sl_service *service = timer->data;
    service->waits_for_run_lock = false;
    sl_service_admit(service);
}

// A lock of a file has no event.
static bool take_run_lock(struct sl_service *service)
{
    if (service->has_run_lock)
        return true;
    if (service->waits_for_run_lock)
        return false;
    if (sl_run_lock_take(service->run_lock)) {
        service->has_told_lock = false;
        return service->has_run_lock = true;
    }
    if (!service->has_told_lock)
        sl_service_tell(SL_LOG_INFO, NULL,
                        "another program is at work on the project: runs wait for it");
    service->has_told_lock = service->waits_for_run_lock = true;
    (void)uv_timer_start(&service->lock_timer, on_lock, LOCK_MS, 0);
    return false;
}

// --- the life of one

void sl_service_give_up(struct sl_service_run *run, const char *status)
{
    sl_service_dequeue(run->service, run, status);
    unlink_run(run);
    sl_service_free_run(run);
}

static void on_begin(void *owner, struct sl_live *live)
{
    struct sl_service_run *run = owner;
    run->live = live;
    run->has_begun = true;
    sl_service_tell_begin(run);
}

static void on_gate(void *owner, struct sl_live *live, const char *name)
{
    struct sl_service_run *run = owner;
    struct sl_err err = {0};
    const struct sl_approval asked = {
        .run_id = run->id, .step = name, .asked_us = sl_clock_now_us()};
    (void)live;
    if (sl_state_ask(run->service->state, &asked, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, run, "the state store: %s", err.message);
    sl_service_tell(SL_LOG_INFO, run, "'%s' waits for a person: `sluice approve %.8s %s`", name,
                    run->id, name);
}

static void on_trouble(void *owner, const struct sl_err *err)
{
    struct sl_service_run *run = owner;
    sl_service_trouble(run->service, err);
    run->has_met_full |= err->code == SL_E_NO_SPACE && run->service->held_back;
}

static void on_left(void *owner, struct sl_history *history)
{
    sl_service_leave_history(owner, history);
}

// Interrupted by the end of the service alone: the next one goes on with it.
static bool is_stopped(const struct sl_service_run *run)
{
    if (!run->service->stops || !run->interrupts || run->is_cancelled)
        return false;
    if (!run->has_begun)
        return !sl_live_had_nothing(run->live);
    return !run->backfill && sl_str_equal(sl_run_state(sl_live_run(run->live)), "interrupted");
}

bool sl_service_waits_on(const struct sl_service_run *run)
{
    return !run->has_begun && is_stopped(run);
}

// Of one that has nothing to do, or could not be planned.
static const char *status_without_history(const struct sl_service_run *run)
{
    if (run->interrupts && !sl_live_had_nothing(run->live))
        return run->is_cancelled ? "cancelled" : "interrupted";
    return sl_live_err(run->live)->code ? "error" : "nothing";
}

// Whoever asked for it has had an answer long ago: there the reason is found.
static void tell_refused(const struct sl_service_run *run)
{
    const struct sl_err *why = sl_live_err(run->live);
    SL_AUTO(sl_json_free)
    json_t *details =
        json_pack("{s:s, s:s}", "code", sl_code_info(why->code)->id, "message", why->message);
    char *text = details ? json_dumps(details, JSON_COMPACT) : NULL;
    (void)sl_service_audit(run->service, BY_SERVICE, "refuse", run->id, text);
    free(text);
}

bool sl_service_is_rest_kept(const struct sl_service_run *run)
{
    for (const struct sl_service_run *at = run->service->runs; at; at = at->next)
        if (at->is_unkept && at->state == SL_RUN_QUEUED &&
            (sl_str_equal(at->goes_on_with, run->id) || sl_str_equal(at->id, run->downstream)))
            return false;
    return true;
}

// The next service reads both: one that was killed between them goes on once.
static bool on_ending(void *owner, struct sl_live *live)
{
    struct sl_service_run *run = owner;
    run->live = live;
    if (run->backfill)
        sl_backfill_ending(run);
    else if (run->has_begun && is_stopped(run))
        sl_service_go_on_later(run);
    return sl_service_is_rest_kept(run);
}

static void on_end(void *owner, struct sl_live *live)
{
    struct sl_service_run *run = owner;
    struct sl_service *service = run->service;
    run->live = live; // it may end before it was known to have begun
    run->state = SL_RUN_ENDED;
    run->generation->runs--;
    service->at_work--;
    if (!sl_service_waits_on(run))
        sl_service_dequeue(service, run, status_without_history(run));
    if (sl_live_err(live)->code == SL_E_PLAN_CHANGED ||
        sl_lake_is_refused((int)sl_live_err(live)->code))
        tell_refused(run);
    sl_service_tell_end(run);
    sl_service_mind_lake(service);
    if (run->backfill)
        sl_service_end_backfill(run);
    if (sl_live_err(live)->code)
        on_trouble(run, sl_live_err(live));
    sl_service_met(run, sl_live_err(live));
    if (!run->backfill) {
        sl_service_ask_again(run);
        sl_service_ask_if_edited(run);
    }
    sl_service_admit(service);
}

// pipeline: NULL for a run of none.
static int begin(struct sl_service_run *run, const struct sl_pipeline *pipeline,
                 const struct sl_strs *done, struct sl_err *err)
{
    static const struct sl_pipeline none = {0};
    struct sl_service *service = run->service;
    pipeline = pipeline ? pipeline : &none;
    const struct sl_live_options options = {
        .id = run->id,
        .command = run->command,
        .pipeline = run->has_pipeline ? run->pipeline : NULL,
        .backfill = run->backfill,
        .trigger = run->trigger,
        .who = run->who,
        .tick_us = run->tick_us,
        .select = run->options.select.count ? run->options.select : pipeline->select,
        .exclude = run->options.select.count || !run->has_pipeline ? run->options.exclude
                                                                   : pipeline->exclude,
        .may_break = run->options.may_break,
        .done = *done,
        .plan = run->options.plan,
        .approved = run->options.approved,
        .fail_fast = run->options.fail_fast,
        .full_refresh = run->options.full_refresh || pipeline->full_refresh,
        .state = service->state,
        .lake = service->lake,
        .listener = &run->listener,
        .on_begin = on_begin,
        .on_gate = on_gate,
        .on_trouble = on_trouble,
        .on_left = on_left,
        .on_ending = on_ending,
        .on_end = on_end,
        .owner = run};
    struct sl_live *live = NULL;
    run->listener = sl_service_listener(run);
    run->generation = service->newest;
    run->generation->runs++;
    run->state = SL_RUN_AT_WORK;
    run->began_us = sl_clock_now_us();
    service->at_work++;
    sl_service_observe(run);
    sl_service_watch_deadline(run, pipeline);
    int code = sl_live_start(run->generation->executor, &options, &live, err);
    if (code == SL_OK) {
        run->live = live;
        return SL_OK;
    }
    run->state = SL_RUN_ENDED;
    run->generation->runs--;
    service->at_work--;
    return code;
}

static void begin_or_fail(struct sl_service_run *run, const struct sl_pipeline *pipeline)
{
    struct sl_strs done = {0};
    struct sl_err err = {0};
    if (sl_service_done_tasks(run, &done, &err) != SL_OK && sl_service_wait_a_moment(run))
        return;
    if (err.code) {
        sl_service_tell(SL_LOG_WARN, run, "tasks that have run already may run once more: %s",
                        err.message);
        sl_err_clear(&err);
    }
    sl_marks_keep(run);
    if (begin(run, pipeline, &done, &err) == SL_OK)
        return;
    sl_service_tell(SL_LOG_ERROR, run, "the run could not begin: %s", err.message);
    sl_service_give_up(run, "error");
}

// Counted once for each pipeline, for thousands of its runs may wait.
static bool is_full(const struct sl_service *service, const struct sl_pipeline *pipeline,
                    struct sl_map *full)
{
    struct sl_err ignored = {0};
    if (sl_map_has(full, pipeline->name))
        return true;
    if (count_of(service, pipeline->name, SL_RUN_AT_WORK) < pipeline->max_runs)
        return false;
    (void)!sl_map_set(full, pipeline->name, NULL, &ignored);
    return true;
}

// The oldest first; of a pipeline without room none.
static bool admit_one(struct sl_service *service)
{
    SL_AUTO(sl_map_clear) struct sl_map full = {0};
    const struct sl_project *project = sl_service_project(service);
    for (struct sl_service_run *at = service->held_back ? NULL : service->runs; at; at = at->next) {
        if (!is_ready(at) || (at->backfill && !sl_backfill_has_room(service, at)))
            continue;
        const struct sl_pipeline *pipeline =
            at->has_pipeline ? sl_project_pipeline(project, at->pipeline) : NULL;
        if (!pipeline && at->has_pipeline) {
            sl_service_tell(SL_LOG_WARN, at, "the pipeline is gone: its run is cancelled");
            sl_service_give_up(at, "cancelled");
            return true;
        }
        if (pipeline && is_full(service, pipeline, &full))
            continue;
        if (service->at_work >= (size_t)project->max_runs || !take_run_lock(service))
            return false;
        begin_or_fail(at, pipeline);
        return true;
    }
    return false;
}

static void sweep_ended(struct sl_service *service)
{
    for (struct sl_service_run *at = service->runs, *next; at; at = next) {
        next = at->next;
        if (at->state != SL_RUN_ENDED)
            continue;
        unlink_run(at);
        sl_service_free_run(at);
    }
    sl_generations_sweep(service);
}

static void rest(struct sl_service *service)
{
    if (service->at_work)
        return;
    if (service->has_run_lock) {
        sl_run_lock_give_back(service->run_lock);
        service->has_run_lock = false;
    }
    if (service->stops)
        sl_service_leave(service);
}

void sl_service_admit(struct sl_service *service)
{
    service->has_more_to_admit = true;
    if (service->is_admitting)
        return;
    service->is_admitting = true;
    while (service->has_more_to_admit) {
        service->has_more_to_admit = false;
        while (!service->stops && !service->is_settling && admit_one(service))
            ;
    }
    service->is_admitting = false;
    sl_service_rest_soon(service);
}

void sl_service_rest(struct sl_service *service)
{
    sweep_ended(service);
    rest(service);
}

static void on_press(uv_timer_t *timer)
{
    struct sl_service_run *run = timer->data;
    if (run->state == SL_RUN_AT_WORK && run->live)
        sl_live_interrupt(run->live, run->interrupts = 3);
}

int sl_service_interrupt(struct sl_service *service, struct sl_service_run *run, int times,
                         struct sl_err *err)
{
    if (run->state != SL_RUN_AT_WORK || !run->live)
        return sl_fail(err, SL_E_SERVE_CONFLICT, "run '%s' has ended", run->id);
    struct sl_err no_timer = {0};
    run->interrupts = times > run->interrupts ? times : run->interrupts;
    if (run->interrupts == 2 && !run->press)
        run->press = sl_timer_new(&service->loop, run, &no_timer);
    if (no_timer.code) // nothing would come to it later
        run->interrupts = 3;
    if (run->press)
        (void)uv_timer_start(run->press, on_press, PRESS_MS, 0);
    sl_live_interrupt(run->live, run->interrupts);
    return SL_OK;
}

int sl_service_cancel(struct sl_service *service, struct sl_service_run *run, const char *who,
                      bool *ret_is_kept, struct sl_err *err)
{
    if (run->state == SL_RUN_ENDED || (run->state == SL_RUN_AT_WORK && !run->live))
        return sl_fail(err, SL_E_SERVE_CONFLICT, "run '%s' has ended", run->id);
    *ret_is_kept = sl_service_audit(service, who, "cancel", run->id, NULL);
    if (run->state == SL_RUN_QUEUED) {
        sl_service_tell(SL_LOG_INFO, run, "cancelled before it began, by %s", who);
        sl_marks_take_back(run);
        sl_service_give_up(run, "cancelled");
        return SL_OK;
    }
    sl_service_tell(SL_LOG_INFO, run, "cancelled by %s", who);
    run->is_cancelled = true;
    sl_live_cancelled(run->live);
    return sl_service_interrupt(service, run, 2, err);
}

// --- asking

// Its own id becomes that of the backfill, unless it goes on with another one.
static int take_backfill(struct sl_service_run *run, const json_t *asked, struct sl_err *err)
{
    run->command = "backfill";
    run->backfill = json_deep_copy(asked);
    SL_TRY_NEW(run->backfill, err);
    if (json_object_get(asked, "id") || json_object_get(asked, "resume"))
        return SL_OK;
    return json_object_set_new(run->backfill, "id", json_string(run->id)) == 0
               ? SL_OK
               : sl_fail_memory(err);
}

int sl_service_make_run(struct sl_service *service, const struct sl_asked *asked,
                        struct sl_service_run **ret, struct sl_err *err)
{
    struct sl_service_run *run = calloc(1, sizeof *run);
    SL_TRY_NEW(run, err);
    sl_arena_init(&run->arena, 0);
    run->service = service;
    run->tick_us = asked->tick_us;
    run->asked_us = sl_clock_now_us();
    run->command = sl_str_equal(asked->options.command, "retry")   ? "retry"
                   : sl_str_equal(asked->options.command, "apply") ? "apply"
                                                                   : "run";
    run->has_pipeline = *asked->pipeline && *asked->pipeline != '(';
    run->pipeline =
        sl_arena_strdup(&run->arena, *asked->pipeline ? asked->pipeline : SL_NO_PIPELINE);
    run->trigger = sl_arena_strdup(&run->arena, asked->trigger);
    run->who = asked->who ? sl_arena_strdup(&run->arena, asked->who) : NULL;
    run->options.full_refresh = asked->options.full_refresh;
    run->options.fail_fast = asked->options.fail_fast;
    run->options.plan = asked->options.plan ? json_incref(asked->options.plan) : NULL;
    run->options.traceparent = sl_arena_strdup(&run->arena, asked->options.traceparent);
    run->goes_on_with = sl_arena_strdup(&run->arena, asked->goes_on_with);
    sl_uuid(run->id);
    *ret = run;
    if (asked->backfill)
        SL_TRY(take_backfill(run, asked->backfill, err));
    if (!run->pipeline || !run->trigger || (asked->who && !run->who) ||
        (asked->options.traceparent && !run->options.traceparent) ||
        (asked->goes_on_with && !run->goes_on_with))
        return sl_fail_memory(err);
    SL_TRY(sl_strs_copy(&run->options.select, &asked->options.select, &run->arena, err));
    SL_TRY(sl_strs_copy(&run->options.may_break, &asked->options.may_break, &run->arena, err));
    SL_TRY(sl_strs_copy(&run->options.approved, &asked->options.approved, &run->arena, err));
    return sl_strs_copy(&run->options.exclude, &asked->options.exclude, &run->arena, err);
}

static int enqueue(struct sl_service_run *run, bool *ret_is_new, struct sl_err *err)
{
    char *options = NULL;
    SL_TRY(sl_queued_print(run, &options, err));
    const struct sl_queued queued = {.run_id = run->id,
                                     .command = run->command,
                                     .environment = sl_service_project(run->service)->environment,
                                     .pipeline = run->has_pipeline ? run->pipeline : NULL,
                                     .trigger = run->trigger,
                                     .tick_us = run->tick_us,
                                     .who = run->who,
                                     .asked_us = run->asked_us,
                                     .options_json = options,
                                     // A plan may be large, and is of use until it begins.
                                     .row_json = run->options.plan ? "{}" : NULL};
    int code = sl_state_enqueue(run->service->state, &queued, ret_is_new, err);
    free(options);
    return code;
}

int sl_service_keep(struct sl_service_run *run, struct sl_err *err)
{
    bool is_new;
    SL_TRY(enqueue(run, &is_new, err));
    run->is_unkept = false;
    return SL_OK;
}

// Of what comes by itself one run of a pipeline waits for room, and does it all.
static bool waits_for_room(const struct sl_service *service, const struct sl_asked *asked)
{
    return service->held_back && !asked->who &&
           count_of(service, asked->pipeline, SL_RUN_QUEUED) > 0;
}

// The store could not take it. *ret_is_new: it is begun, or waits, all the same: tables are what a
// run is for. A person who waits for the answer is told instead, and asks again.
static int go_on_unkept(struct sl_service_run *run, const struct sl_asked *asked,
                        const struct sl_err *trouble, bool *ret_is_new, struct sl_err *err)
{
    struct sl_service *service = run->service;
    *ret_is_new = true;
    sl_service_trouble(service, trouble);
    if (trouble->code == SL_E_STATE_DAMAGED && sl_service_keep(run, err) == SL_OK)
        return SL_OK;
    sl_err_clear(err);
    if (service->held_back && run->who && !asked->is_unattended && !service->stops) {
        (void)sl_fail(err, SL_E_SERVE_HELD, "no run begins until it can be written again: %s",
                      service->held_back);
        return sl_err_hint(err, "%s; what comes by itself goes on then",
                           sl_trouble_remedy(trouble->code));
    }
    run->is_unkept = true;
    if (!service->stops)
        sl_service_tell(SL_LOG_ERROR, run, "it is not kept in the state store, and %s: %s",
                        service->held_back ? "waits" : "goes on", trouble->message);
    return SL_OK;
}

void sl_service_append(struct sl_service *service, struct sl_service_run *run)
{
    struct sl_service_run **at = &service->runs;
    while (*at)
        at = &(*at)->next;
    *at = run;
}

// Makes way for one that was just asked for; nothing is admitted meanwhile.
static void make_way(struct sl_service *service, const char *pipeline,
                     const struct sl_overlap_answer *answer)
{
    struct sl_err ignored = {0};
    int64_t cancel = answer->cancel, drop = answer->drop;
    bool is_kept;
    for (struct sl_service_run *at = service->runs, *next; at; at = next) {
        next = at->next;
        if (!is_ready(at) || strcmp(at->pipeline, pipeline) != 0 || drop-- <= 0)
            continue;
        sl_service_tell(SL_LOG_INFO, at, "a newer run comes in its place");
        sl_marks_keep(at);
        (void)!sl_service_cancel(service, at, BY_OVERLAP, &is_kept, &ignored);
    }
    for (struct sl_service_run *at = service->runs; at; at = at->next) {
        if (at->state != SL_RUN_AT_WORK || at->interrupts || strcmp(at->pipeline, pipeline) != 0 ||
            cancel-- <= 0)
            continue;
        sl_service_tell(SL_LOG_INFO, at, "a newer run comes in its place");
        (void)!sl_service_cancel(service, at, BY_OVERLAP, &is_kept, &ignored);
    }
}

// Kept in the queue of the state store; where that cannot be, it goes on all the same.
static int keep(struct sl_service *service, const struct sl_asked *asked,
                struct sl_service_run **ret, bool *ret_is_new, struct sl_err *err)
{
    struct sl_err trouble = {0};
    int code = sl_service_make_run(service, asked, ret, err);
    if (code == SL_OK)
        code = enqueue(*ret, ret_is_new, &trouble);
    if (code == SL_E_STATE_FENCED)
        *err = trouble;
    else if (trouble.code)
        code = go_on_unkept(*ret, asked, &trouble, ret_is_new, err);
    return code;
}

int sl_service_ask_backfill(struct sl_service *service, const struct sl_asked *asked,
                            char ret_id[37], struct sl_err *err)
{
    struct sl_service_run *run = NULL;
    bool is_new = false;
    char *details = NULL;
    int code = keep(service, asked, &run, &is_new, err);
    if (code == SL_OK)
        details = json_dumps(run->backfill, JSON_COMPACT);
    if (code == SL_OK && !details)
        code = sl_fail_memory(err);
    if (code != SL_OK) {
        sl_service_free_run(run);
        return code;
    }
    (void)sl_service_audit(service, asked->who ? asked->who : "", "backfill", run->id, details);
    free(details);
    sl_service_append(service, run);
    memcpy(ret_id, run->id, sizeof run->id);
    sl_service_admit(service);
    return SL_OK;
}

int sl_service_ask(struct sl_service *service, const struct sl_asked *asked,
                   struct sl_service_run **ret, const char **ret_why, struct sl_err *err)
{
    const struct sl_pipeline *pipeline =
        sl_project_pipeline(sl_service_project(service), asked->pipeline);
    struct sl_service_run *run = NULL;
    bool is_new = false;
    *ret = NULL;
    *ret_why = NULL;
    if (!pipeline && strcmp(asked->pipeline, SL_NO_PIPELINE) != 0)
        return sl_fail(err, SL_E_SERVE_MISSING, "there is no pipeline '%s'", asked->pipeline);
    if (pipeline && waits_for_room(service, asked)) {
        *ret_why = "a run of the pipeline waits for room already";
        if (service->metrics)
            sl_metrics_tick_skipped(service->metrics, pipeline->name, "held");
        return SL_OK;
    }
    struct sl_overlap_state state = {0};
    struct sl_overlap_answer answer = {.verdict = SL_OVERLAP_WAIT};
    if (pipeline) {
        state = overlap_of(service, pipeline);
        answer = sl_overlap_decide(&state);
    }
    int code = keep(service, asked, &run, &is_new, err);
    if (code != SL_OK || !is_new) {
        *ret_why = code == SL_OK ? "it was asked for before" : NULL;
        sl_service_free_run(run);
        return code;
    }
    bool was_admitting = service->is_admitting;
    service->is_admitting = true;
    make_way(service, run->pipeline, &answer);
    sl_service_append(service, run);
    service->is_admitting = was_admitting;
    if (answer.verdict == SL_OVERLAP_LEAVE_OUT) {
        *ret_why = "a run of the pipeline is at work";
        if (service->metrics)
            sl_metrics_tick_skipped(service->metrics, pipeline->name, "overlap");
        sl_service_give_up(run, "skipped");
        return SL_OK;
    }
    char id[37];
    memcpy(id, run->id, sizeof id);
    sl_service_admit(service);
    *ret = sl_service_find(service, id);
    *ret_why = *ret ? NULL : "it has ended already, or could not begin: the log says why";
    return SL_OK;
}

void sl_service_tell_later(const struct sl_service_run *run, const struct sl_service_run *later,
                           const struct sl_err *err)
{
    if (run->service->failure.code || err->code == SL_E_STATE_FENCED)
        return; // who leads by now goes on with it
    if (!later)
        sl_service_tell(SL_LOG_ERROR, run, "it is not gone on with: %s", err->message);
    else if (later->is_unkept)
        sl_service_tell(SL_LOG_WARN, run,
                        "what is missing cannot be kept yet as run %.8s: that is "
                        "tried again before the service ends",
                        later->id);
    else
        sl_service_tell(SL_LOG_INFO, run, "what is missing waits for the next service: run %.8s",
                        later->id);
}

void sl_service_go_on_later(struct sl_service_run *run)
{
    struct sl_asked asked = {.pipeline = run->pipeline,
                             .trigger = "after a stop",
                             .who = run->who,
                             .goes_on_with = run->id,
                             .options = run->options};
    struct sl_service_run *later = NULL;
    struct sl_err err = {0};
    bool is_new;
    if (sl_str_equal(run->command, "apply")) {
        sl_service_tell(SL_LOG_WARN, run,
                        "it is not gone on with: whether its plan still holds is to be asked "
                        "again");
        return;
    }
    asked.options.command = run->command;
    int code = keep(run->service, &asked, &later, &is_new, &err);
    if (code == SL_OK)
        sl_service_append(run->service, later);
    else
        sl_service_free_run(later);
    sl_service_tell_later(run, code == SL_OK ? later : NULL, &err);
}
