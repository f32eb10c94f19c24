// What HTTP asks of the service (serve/control.h), answered from memory.
#include "base/clock.h"
#include "run/versions.h"
#include "serve/pipelines.h"
#include "serve/serve_inner.h"

#include <stdlib.h>
#include <string.h>

bool sl_service_audit(struct sl_service *service, const char *who, const char *what,
                      const char *subject, const char *details)
{
    struct sl_err err = {0};
    const struct sl_audit_entry entry = {.at_us = sl_clock_now_us(),
                                         .who = who,
                                         .what = what,
                                         .subject = subject,
                                         .details_json = details};
    if (sl_state_add_audit(service->state, &entry, &err) == SL_OK)
        return true;
    sl_service_tell(SL_LOG_WARN, NULL, "the audit log: %s", err.message);
    return false;
}

static void audit(void *self, const char *who, const char *what, const char *subject,
                  const char *details)
{
    (void)sl_service_audit(self, who, what, subject, details);
}

static int give(json_t *json, json_t **ret, struct sl_err *err)
{
    *ret = json;
    return json ? SL_OK : sl_fail_memory(err);
}

// What a service that stands by is asked is the leader's to do.
int sl_service_require_leader(const struct sl_service *service, struct sl_err *err)
{
    if (service->is_leading && service->agenda)
        return SL_OK;
    if (!service->leader)
        return sl_fail(err, SL_E_SERVE_BUSY, "the service is still beginning");
    (void)sl_fail(err, SL_E_SERVE_BUSY, "this service stands by: %s leads", service->leader);
    return sl_err_hint(err, "ask the one whose /readyz answers 200");
}

static int require_pipeline(const struct sl_service *service, const char *name,
                            const struct sl_pipeline **ret, struct sl_err *err)
{
    *ret = sl_project_pipeline(sl_service_project(service), name);
    if (*ret)
        return SL_OK;
    (void)sl_fail(err, SL_E_SERVE_MISSING, "there is no pipeline '%s'", name);
    return sl_err_hint(err, "`sluice pipelines` lists them");
}

// --- runs

// What the project as it is read has not, is refused before there is a run. What tables and history
// say is for the planning.
static int check_options(struct sl_service *service, const struct sl_start_options *options,
                         const char *who, struct sl_err *err)
{
    struct sl_graph *graph = &service->newest->world.graph;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    SL_TRY(sl_live_may_approve(graph, &options->approved, who, err));
    SL_TRY(sl_world_require_versions(&service->newest->world, &options->may_break, err));
    SL_TRY(sl_graph_require_matches(graph, &options->exclude, &arena, err));
    for (size_t k = 0; k < 2; k++) {
        const struct sl_strs *list = k ? &options->exclude : &options->select;
        for (size_t i = 0; i < list->count; i++)
            if (strstr(list->items[i], "state:") || strstr(list->items[i], "result:"))
                return SL_OK;
    }
    return sl_graph_select(graph, &options->select, &options->exclude, &arena, err);
}

// `details` is taken; NULL: there is nothing more to say.
static void audit_json(struct sl_service *service, const char *who, const char *what,
                       const char *subject, json_t *details)
{
    char *text = json_object_size(details) ? json_dumps(details, JSON_COMPACT) : NULL;
    (void)sl_service_audit(service, who, what, subject, text);
    free(text);
    json_decref(details);
}

static json_t *list_or_none(const struct sl_strs *items)
{
    return items->count ? sl_json_strs(items) : NULL;
}

static void audit_start(struct sl_service *service, const struct sl_start_options *options,
                        const char *who, const char *pipeline, const char *run_id)
{
    json_t *is_set = json_true();
    audit_json(
        service, who, options->command ? options->command : "trigger", pipeline ? pipeline : run_id,
        json_pack("{s:s*, s:o*, s:o*, s:o*, s:o*, s:O*, s:O*}", "run_id", pipeline ? run_id : NULL,
                  "select", list_or_none(&options->select), "exclude",
                  list_or_none(&options->exclude), "allow_breaking",
                  list_or_none(&options->may_break), "approve", list_or_none(&options->approved),
                  "full_refresh", options->full_refresh ? is_set : NULL, "fail_fast",
                  options->fail_fast ? is_set : NULL));
}

static int start_run(void *self, const char *pipeline, const struct sl_start_options *options,
                     const char *who, json_t **ret_json, struct sl_err *err)
{
    struct sl_service *service = self;
    const struct sl_asked asked = {.pipeline = pipeline ? pipeline : SL_NO_PIPELINE,
                                   .trigger = options->trigger,
                                   .who = who,
                                   .options = *options};
    const struct sl_pipeline *found;
    struct sl_service_run *run;
    const char *why;
    SL_TRY(sl_service_require_leader(service, err));
    if (pipeline)
        SL_TRY(require_pipeline(service, pipeline, &found, err));
    if (service->stops)
        return sl_fail(err, SL_E_SERVE_BUSY, "the service is ending: it begins no more runs");
    if (sl_str_equal(options->command, "apply") && service->reload_error)
        return sl_fail(err, SL_E_SERVE_CONFLICT,
                       "the plan is of files that the service could not read: %s",
                       service->reload_error);
    SL_TRY(check_options(service, options, who, err));
    SL_TRY(sl_service_ask(service, &asked, &run, &why, err));
    if (!run)
        return sl_fail(err, SL_E_SERVE_CONFLICT, "no run begins: %s", why);
    audit_start(service, options, who, pipeline, run->id);
    return give(
        json_pack("{s:s, s:s, s:o, s:o}", "run_id", run->id, "status",
                  run->state == SL_RUN_QUEUED ? "queued" : "running", "outdated",
                  sl_json_string_or_null(service->reload_error), "warning",
                  !run->is_unkept
                      ? json_null()
                      : json_string("it could not be written down: a service that is killed "
                                    "before that forgets it")),
        ret_json, err);
}

static int fail_not_at_work(struct sl_service *service, const char *run_id, const char *says,
                            struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_run_filter filter = {.id = run_id, .limit = 1, .with_waiting = true};
    struct sl_run_row *rows;
    size_t count = 0;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_state_runs(service->state, &filter, &arena, &rows, &count, err));
    if (count && rows[0].ended_us)
        return sl_fail(err, SL_E_SERVE_CONFLICT, "run '%s' has ended: %s", run_id, rows[0].status);
    if (!service->is_leading) // it may be at work where the leader is
        SL_TRY(sl_service_require_leader(service, err));
    return sl_fail(err, SL_E_SERVE_MISSING, "no run '%s' %s", run_id, says);
}

static int cancel(void *self, const char *run_id, const char *who, json_t **ret_json,
                  struct sl_err *err)
{
    struct sl_service *service = self;
    struct sl_service_run *run = sl_service_find_later(service, run_id);
    bool is_kept = true;
    char id[37];
    if (!run)
        return fail_not_at_work(service, run_id, "is at work or waits", err);
    memcpy(id, run->id, sizeof id);
    bool was_queued = run->state == SL_RUN_QUEUED;
    SL_TRY(sl_service_cancel(service, run, who, &is_kept, err));
    return give(
        json_pack("{s:s, s:s, s:o}", "run_id", id, "status", was_queued ? "cancelled" : "stopping",
                  "warning",
                  is_kept ? json_null()
                          : json_string("it is cancelled, but that could not be written down: a "
                                        "service that is killed before the run has ended brings "
                                        "it back")),
        ret_json, err);
}

// --- pauses

static int pause_json(const struct sl_pause *pause, bool is_paused, bool was_paused,
                      json_t **ret_json, struct sl_err *err)
{
    return give(json_pack("{s:s, s:b, s:b, s:o, s:o, s:o}", "pipeline", pause->pipeline,
                          "is_paused", is_paused, "was_paused", was_paused, "who",
                          sl_json_string_or_null(pause->who), "at", sl_json_time(pause->at_us),
                          "why", sl_json_string_or_null(pause->why)),
                ret_json, err);
}

static int pause_pipeline(void *self, const char *pipeline, const char *who, const char *why,
                          json_t **ret_json, struct sl_err *err)
{
    struct sl_service *service = self;
    const struct sl_pipeline *found;
    const struct sl_pause pause = {pipeline, who, why, sl_clock_now_us()};
    bool is_new = true;
    SL_TRY(sl_service_require_leader(service, err));
    SL_TRY(require_pipeline(service, pipeline, &found, err));
    SL_TRY(sl_state_pause(service->state, &pause, &is_new, err));
    SL_TRY(sl_agenda_pause(service->agenda, pipeline, err));
    audit_json(service, who, "pause", pipeline, json_pack("{s:s*}", "why", why));
    sl_service_tell(SL_LOG_INFO, NULL, "pipeline '%s' is paused by %s", pipeline, who);
    return pause_json(&pause, true, !is_new, ret_json, err);
}

static int resume_pipeline(void *self, const char *pipeline, const char *who, json_t **ret_json,
                           struct sl_err *err)
{
    struct sl_service *service = self;
    const struct sl_pipeline *found;
    const struct sl_pause pause = {pipeline, who, NULL, sl_clock_now_us()};
    bool was_paused = false;
    SL_TRY(sl_service_require_leader(service, err));
    SL_TRY(sl_state_resume(service->state, pipeline, &was_paused, err));
    if (!was_paused) // of one that has left the project a pause may be left
        SL_TRY(require_pipeline(service, pipeline, &found, err));
    sl_agenda_resume(service->agenda, pipeline, sl_service_now_us());
    sl_watch_resume(service->watch, pipeline);
    sl_service_ask_if_failed(service, pipeline, "after a pause");
    (void)sl_service_audit(service, who, "resume", pipeline, NULL);
    if (was_paused)
        sl_service_tell(SL_LOG_INFO, NULL, "pipeline '%s' goes on, says %s", pipeline, who);
    sl_service_wake(service);
    return pause_json(&pause, false, was_paused, ret_json, err);
}

// --- approvals

static int decide(void *self, const char *run_id, const char *step, bool is_approved,
                  const char *who, const char *why, json_t **ret_json, struct sl_err *err)
{
    struct sl_service *service = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_service_run *run = sl_service_find_later(service, run_id);
    struct sl_approval standing;
    bool is_first;
    char id[37];
    sl_arena_init(&arena, 0);
    if (!run || !run->live)
        return fail_not_at_work(service, run_id, "is at work", err);
    run_id = memcpy(id, run->id, sizeof id);
    SL_TRY(sl_live_may_decide(run->live, step, who, &step, err));
    const struct sl_approval decision = {.run_id = run_id,
                                         .step = step,
                                         .decided_us = sl_clock_now_us(),
                                         .is_yes = is_approved,
                                         .who = who,
                                         .why = why};
    // It may not have been written down when it was asked: the disk was full.
    SL_TRY(sl_state_ask(
        service->state,
        &(struct sl_approval){.run_id = run_id, .step = step, .asked_us = decision.decided_us},
        err));
    SL_TRY(sl_state_decide(service->state, &decision, &arena, &standing, &is_first, err));
    if (!is_first)
        return sl_fail(err, SL_E_SERVE_CONFLICT, "'%s' was %s by %s already", step,
                       standing.is_yes ? "approved" : "rejected",
                       standing.who ? standing.who : "somebody");
    audit_json(service, who, is_approved ? "approve" : "reject", run_id,
               json_pack("{s:s, s:s*}", "step", step, "why", why));
    sl_service_tell(SL_LOG_INFO, run, "%s: %s by %s", step, is_approved ? "approved" : "rejected",
                    who);
    sl_live_decide(run->live, step, is_approved, who, why);
    return give(json_pack("{s:s, s:s, s:b, s:s, s:o}", "run_id", run_id, "step", step,
                          "is_approved", is_approved, "who", who, "at",
                          sl_json_time(decision.decided_us)),
                ret_json, err);
}

// --- what there is

static const struct sl_pause *pause_of(const struct sl_pause *pauses, size_t count,
                                       const char *pipeline)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pauses[i].pipeline, pipeline) == 0)
            return &pauses[i];
    return NULL;
}

static int pipeline_json(struct sl_service *service, const struct sl_pipeline *pipeline,
                         const struct sl_pause *pause, struct sl_arena *arena, json_t **ret,
                         struct sl_err *err)
{
    const struct sl_run_filter filter = {.pipeline = pipeline->name, .limit = 1};
    struct sl_run_row *last;
    size_t count;
    json_int_t active = 0, queued = 0;
    SL_TRY(sl_state_runs(service->state, &filter, arena, &last, &count, err));
    const struct sl_pipeline_state state = {.pause = pause, .last_run = count ? last : NULL};
    SL_AUTO(sl_json_free) json_t *root = NULL;
    SL_TRY(sl_pipeline_json(pipeline, &state, sl_service_now_us(), &root, err));
    for (const struct sl_service_run *at = service->runs; at; at = at->next) {
        active += at->state == SL_RUN_AT_WORK && strcmp(at->pipeline, pipeline->name) == 0;
        queued += at->state == SL_RUN_QUEUED && strcmp(at->pipeline, pipeline->name) == 0;
    }
    if (service->is_leading && // else it has none of them
        (json_object_set_new(root, "active_runs", json_integer(active)) != 0 ||
         json_object_set_new(root, "queued_runs", json_integer(queued)) != 0))
        return sl_fail_memory(err);
    return give(json_incref(root), ret, err);
}

static int pipelines(void *self, const char *name, json_t **ret_json, struct sl_err *err)
{
    struct sl_service *service = self;
    const struct sl_project *project = sl_service_project(service);
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *array = json_array();
    const struct sl_pipeline *found;
    struct sl_pause *pauses;
    size_t count;
    sl_arena_init(&arena, 0);
    SL_TRY_NEW(array, err);
    if (name)
        SL_TRY(require_pipeline(service, name, &found, err));
    SL_TRY(sl_state_pauses(service->state, &arena, &pauses, &count, err));
    for (size_t i = 0; i < project->pipeline_count; i++) {
        const struct sl_pipeline *pipeline = &project->pipelines[i];
        json_t *item = NULL;
        if (name && strcmp(name, pipeline->name) != 0)
            continue;
        SL_TRY(pipeline_json(service, pipeline, pause_of(pauses, count, pipeline->name), &arena,
                             &item, err));
        if (json_array_append_new(array, item) != 0)
            return sl_fail_memory(err);
    }
    *ret_json = array;
    array = NULL;
    return SL_OK;
}

static json_t *running_json(const struct sl_outcome *outcome)
{
    int64_t permille = outcome->seat ? atomic_load(&outcome->seat->engine_permille) : -1;
    return json_pack("{s:s, s:o, s:o}", "step", outcome->node->label, "since",
                     sl_json_time(outcome->started_us), "share",
                     permille < 0 ? json_null() : json_real((double)permille / 1000));
}

static json_t *active_json(const struct sl_service_run *at)
{
    const struct sl_run *run = sl_live_run(at->live);
    json_int_t waiting = 0, running = 0, ended = 0;
    json_t *list = json_array();
    for (size_t i = 0; i < run->count; i++) {
        const struct sl_outcome *outcome = &run->outcomes[i];
        bool is_running = outcome->status == SL_STATUS_RUNNING;
        if (!outcome->node->is_selected)
            continue;
        running += is_running;
        waiting += outcome->status == SL_STATUS_WAITING;
        ended += !is_running && outcome->status != SL_STATUS_WAITING;
        if (is_running && list)
            (void)json_array_append_new(list, running_json(outcome));
    }
    return json_pack("{s:s, s:s, s:o, s:{s:I, s:I, s:I}, s:o}", "run_id", at->id, "pipeline",
                     at->pipeline, "started_at", sl_json_time(at->began_us), "steps", "waiting",
                     waiting, "running", running, "ended", ended, "running", list);
}

static int active_runs(void *self, json_t **ret_json, struct sl_err *err)
{
    const struct sl_service *service = self;
    SL_AUTO(sl_json_free) json_t *array = json_array();
    SL_TRY_NEW(array, err);
    if (!service->is_leading)
        SL_TRY(sl_service_require_leader(service, err));
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        if (at->state == SL_RUN_AT_WORK && at->live &&
            json_array_append_new(array, active_json(at)) != 0)
            return sl_fail_memory(err);
    *ret_json = array;
    array = NULL;
    return SL_OK;
}

// What waits for a person, and what a person keeps back.
static int count_people(struct sl_service *service, struct sl_metrics_now *now, struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_approval *open;
    size_t count;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_state_approvals(service->state, NULL, &arena, &open, &count, err));
    now->waiting_approvals = (int64_t)count;
    for (size_t i = 0; i < project->pipeline_count; i++)
        now->paused_pipelines +=
            service->agenda && sl_agenda_is_paused(service->agenda, project->pipelines[i].name);
    return SL_OK;
}

static int metrics(void *self, struct sl_buf *text, struct sl_err *err)
{
    struct sl_service *service = self;
    struct sl_metrics_now now = {.now_us = sl_clock_now_us(),
                                 .is_leader = service->is_leading,
                                 .is_held_back = service->held_back != NULL,
                                 .is_outdated = service->reload_error != NULL};
    struct sl_notify_counts alerts = {0};
    for (const struct sl_generation *at = service->newest; at; at = at->next) {
        const struct sl_executor_counts counts = sl_executor_count(at->executor);
        now.active_steps += (int64_t)counts.steps;
        now.ready_steps += (int64_t)counts.steps_ready;
        now.handed_steps += (int64_t)counts.steps_handed;
        now.workers += (int64_t)counts.workers;
        now.worker_memory_bytes += counts.worker_bytes;
    }
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        now.queued_runs += at->state == SL_RUN_QUEUED;
    now.active_runs = (int64_t)service->at_work;
    SL_TRY(sl_notify_count(service->notify, &alerts, err));
    now.open_alerts = alerts.open;
    now.undelivered_alerts = alerts.pending + alerts.dead;
    now.sent_alerts = alerts.sent;
    SL_TRY(count_people(service, &now, err));
    if (service->handout)
        now.machines = sl_handout_machines(service->handout, &now.machine_count);
    sl_metrics_print(service->metrics, &now, text);
    return sl_buf_check(text, err);
}

struct sl_control sl_service_control(struct sl_service *service)
{
    return (struct sl_control){.start_run = start_run,
                               .start_backfill = sl_backfill_control_start,
                               .backfills = sl_backfill_control_list,
                               .cancel = cancel,
                               .pause = pause_pipeline,
                               .resume = resume_pipeline,
                               .decide = decide,
                               .pipelines = pipelines,
                               .active_runs = active_runs,
                               .health = sl_service_health,
                               .look = sl_service_look,
                               .audit = audit,
                               .metrics = metrics,
                               .self = service};
}
