// How the project is, as last seen: for /healthz, alerts and metrics. A worker looks; the loop only
// remembers.
#include "base/clock.h"
#include "run/known_lake.h"
#include "run/lag.h"
#include "serve/serve_inner.h"

#include <stdlib.h>
#include <string.h>

#define LEAST_PAUSE_US ((int64_t)1000000)
#define MOST_PAUSE_US ((int64_t)1800000000)
#define PAUSES_PER_LOOK 20 // looking takes a twentieth of one core at most
#define RUNS_TO_RECALL 1000

// --- what became of steps and pipelines last

struct past {
    bool has_failed;
    char *code, *message;
    int64_t failed_us, done_us;
};

static void free_past(struct past *past)
{
    if (!past)
        return;
    free(past->code);
    free(past->message);
    free(past);
}

void sl_service_keep_past(struct sl_service *service, const struct sl_health_past *what)
{
    struct past *before = sl_map_get(&service->past, what->name);
    int64_t done_us = what->done_us || !before ? what->done_us : before->done_us;
    struct sl_err ignored = {0};
    sl_map_remove(&service->past, what->name);
    free_past(before);
    struct past *past = what->has_failed || done_us ? calloc(1, sizeof *past) : NULL;
    if (!past)
        return;
    past->has_failed = what->has_failed;
    past->code = what->code ? strdup(what->code) : NULL;
    past->message = what->message ? strdup(what->message) : NULL;
    past->failed_us = what->failed_us;
    past->done_us = done_us;
    if (sl_map_set(&service->past, what->name, past, &ignored) != SL_OK)
        free_past(past);
}

void sl_service_keep_run(struct sl_service *service, const char *pipeline, const char *status)
{
    char *copy = strdup(status), *old = sl_map_get(&service->last_runs, pipeline);
    struct sl_err ignored = {0};
    if (copy && sl_map_set(&service->last_runs, pipeline, copy, &ignored) == SL_OK)
        free(old);
    else
        free(copy);
}

static int recall(struct sl_service *service, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *environment = sl_service_project(service)->environment;
    const struct sl_run_filter newest = {.environment = environment ? environment : "",
                                         .limit = RUNS_TO_RECALL};
    struct sl_health_request past = {0};
    struct sl_run_row *runs;
    size_t count;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_health_recall(service->state, environment, &arena, &past, err));
    for (size_t i = 0; i < past.past_count; i++)
        sl_service_keep_past(service, &past.past[i]);
    SL_TRY(sl_state_runs(service->state, &newest, &arena, &runs, &count, err));
    for (size_t i = 0; i < count; i++)
        if (runs[i].pipeline && runs[i].ended_us &&
            !sl_map_has(&service->last_runs, runs[i].pipeline))
            sl_service_keep_run(service, runs[i].pipeline, runs[i].status);
    return SL_OK;
}

// --- looking

static int list_past(const struct sl_service *service, struct sl_arena *arena,
                     struct sl_health_request *request, struct sl_err *err)
{
    for (const struct sl_map_entry *it = sl_map_first(&service->past); it; it = sl_map_next(it)) {
        const struct past *past = sl_map_value(it);
        const struct sl_health_past one = {.name = sl_map_key(it),
                                           .has_failed = past->has_failed,
                                           .code = past->code,
                                           .message = past->message,
                                           .failed_us = past->failed_us,
                                           .done_us = past->done_us};
        if (!SL_PUSH(arena, request->past, request->past_count, one))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static void measure(struct sl_service *service, const struct sl_health *health)
{
    struct sl_metrics *metrics = service->metrics;
    sl_metrics_lake(metrics, !health->lake.text);
    for (size_t i = 0; i < health->source_count; i++) {
        const struct sl_health_source *source = &health->sources[i];
        sl_metrics_source(metrics, source->name, source->is_reachable, source->lag_s,
                          source->waiting_files, source->waiting_bytes);
    }
    for (size_t i = 0; i < health->table_count; i++) {
        const struct sl_health_table *table = &health->tables[i];
        sl_metrics_table(metrics, table->name, table->committed_us, table->freshness_s);
        sl_metrics_table_lag(metrics, table->name, table->lag_s);
    }
    for (size_t i = 0; i < health->target_count; i++) {
        const struct sl_health_target *target = &health->targets[i];
        sl_metrics_target(metrics, target->name, target->is_reachable, target->lag_s, target->rows);
    }
    for (size_t i = 0; i < health->pipeline_count; i++) {
        const struct sl_health_pipeline *pipeline = &health->pipelines[i];
        sl_metrics_health(metrics, pipeline->name, "in",
                          pipeline->in.subject ? (int)pipeline->in.said.state : -1);
        sl_metrics_health(metrics, pipeline->name, "built",
                          pipeline->built.subject ? (int)pipeline->built.said.state : -1);
        sl_metrics_health(metrics, pipeline->name, "out",
                          pipeline->out.subject ? (int)pipeline->out.said.state : -1);
    }
    sl_metrics_looked(metrics, health->at_us, (double)health->elapsed_ms / 1e3);
}

static void tell(struct sl_service *service, const struct sl_health *health)
{
    struct sl_err err = {0};
    measure(service, health);
    if (sl_notify_look(service->notify, &service->looked_with->world, health, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, NULL, "alerts: %s", err.message);
    sl_sender_wake(service->sender);
}

static void keep_trouble(struct sl_service *service, const struct sl_err *err)
{
    free(service->health_error);
    service->health_error = err ? strdup(err->message) : NULL;
    if (err)
        sl_service_tell(SL_LOG_WARN, NULL, "how the project is cannot be seen: %s (%s)",
                        err->message, sl_code_info(err->code)->id);
}

// The soonest that another look may begin.
static int64_t next_us(const struct sl_service *service)
{
    int64_t pause_us = service->look_took_us * PAUSES_PER_LOOK;
    pause_us = pause_us < MOST_PAUSE_US ? pause_us : MOST_PAUSE_US;
    return service->look_ended_us + (pause_us > LEAST_PAUSE_US ? pause_us : LEAST_PAUSE_US);
}

static void set_timer(struct sl_service *service)
{
    int64_t every_us = sl_service_project(service)->serve->health.every_s * 1000000;
    int64_t now_us = sl_clock_monotonic_us(), at_us = service->look_ended_us + every_us;
    if (service->wants_look || (every_us > 0 && at_us < next_us(service)))
        at_us = next_us(service);
    if (service->checkup || service->stops || (!service->wants_look && every_us <= 0))
        return;
    uv_update_time(&service->loop);
    uint64_t wait_ms = at_us > now_us ? (uint64_t)(at_us - now_us + 999) / 1000 : 0;
    (void)uv_timer_start(&service->health_timer, service->on_health_time, wait_ms, 0);
}

static void on_looked(void *owner, struct sl_checkup *checkup)
{
    struct sl_service *service = owner;
    const struct sl_health *health = sl_checkup_health(checkup);
    service->look_ended_us = sl_clock_monotonic_us();
    service->look_took_us = service->look_ended_us - service->look_began_us;
    service->looked_with->runs--;
    service->checkup = NULL;
    if (health) {
        sl_json_free(&service->health);
        service->health = sl_health_json(health);
        tell(service, health);
    }
    (void)uv_timer_stop(&service->health_timer);
    if (health || !service->is_look_late) // that was told
        keep_trouble(service, health ? NULL : sl_checkup_err(checkup));
    sl_checkup_free(&checkup);
    set_timer(service);
    sl_service_rest_soon(service);
}

// Told at once: a worker that waits for a disk cannot be killed before that answers.
static void on_look_late(uv_timer_t *timer)
{
    struct sl_service *service = timer->data;
    struct sl_err late = {0};
    char limit[32];
    if (!service->checkup)
        return;
    int64_t limit_ms = sl_service_project(service)->serve->health.limit_s * 1000;
    (void)sl_fail(&late, SL_E_HEALTH_LATE, "it took longer than %s and was ended",
                  sl_str_elapsed(limit_ms, limit));
    sl_checkup_cut_off(service->checkup);
    if (!service->checkup) // it had not begun: why was told
        return;
    service->is_look_late = true;
    keep_trouble(service, &late);
}

static void limit_look(struct sl_service *service)
{
    int64_t limit_s = sl_service_project(service)->serve->health.limit_s;
    service->is_look_late = false;
    uv_update_time(&service->loop);
    if (service->checkup && limit_s > 0)
        (void)uv_timer_start(&service->health_timer, on_look_late, (uint64_t)limit_s * 1000, 0);
}

static int begin_look(struct sl_service *service, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_project *project = sl_service_project(service);
    struct sl_health_request request = {.counts = project->serve->health.counts};
    struct sl_err unasked = {0};
    sl_arena_init(&arena, 0);
    SL_TRY(list_past(service, &arena, &request, err));
    bool has_delivered = false;
    for (size_t i = 0; i < request.past_count; i++)
        has_delivered |= request.past[i].done_us != 0;
    if (sl_lake_recall(project, service->state, service->lake,
                       service->has_recalled ? &has_delivered : NULL, &arena, &request.lake,
                       &unasked) != SL_OK)
        request.lake = (struct sl_lake_memory){.known = service->lake};
    service->look_began_us = sl_clock_monotonic_us();
    service->wants_look = false;
    SL_TRY(sl_checkup_start(service->newest->executor, &request, on_looked, service,
                            &service->checkup, err));
    service->looked_with = service->newest;
    service->newest->runs++;
    limit_look(service);
    sl_checkup_go(service->checkup);
    return SL_OK;
}

static void on_time(uv_timer_t *timer)
{
    struct sl_service *service = timer->data;
    struct sl_err err = {0};
    if (service->stops || service->checkup)
        return;
    sl_service_mind_lake(service);
    if (begin_look(service, &err) == SL_OK)
        return;
    keep_trouble(service, &err);
    service->look_ended_us = sl_clock_monotonic_us();
    set_timer(service);
}

int sl_service_begin_health(struct sl_service *service, struct sl_err *err)
{
    struct sl_err trouble = {0};
    int code = uv_timer_init(&service->loop, &service->health_timer);
    if (code != 0)
        return sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
    service->health_timer.data = service;
    service->on_health_time = on_time;
    service->has_recalled = recall(service, &trouble) == SL_OK;
    if (!service->has_recalled)
        sl_service_tell(SL_LOG_WARN, NULL, "the state store: %s", trouble.message);
    service->wants_look = true;
    set_timer(service);
    return SL_OK;
}

void sl_service_look_soon(struct sl_service *service)
{
    if (!service->on_health_time)
        return;
    service->wants_look = true;
    set_timer(service);
}

void sl_service_clear_health(struct sl_service *service)
{
    for (const struct sl_map_entry *it = sl_map_first(&service->past); it; it = sl_map_next(it))
        free_past(sl_map_value(it));
    for (const struct sl_map_entry *it = sl_map_first(&service->last_runs); it;
         it = sl_map_next(it))
        free(sl_map_value(it));
    sl_map_clear(&service->past);
    sl_map_clear(&service->last_runs);
    sl_checkup_free(&service->checkup);
    sl_json_free(&service->health);
    free(service->health_error);
}

// --- what is told of it

// NULL: it is ready. Without asking the state store or the disk, which may hang, what the last look
// has found of the lake counts.
static const char *why_not_ready(struct sl_service *service, bool asks_state,
                                 struct sl_arena *arena)
{
    struct sl_pause *pauses;
    struct sl_err err = {0};
    size_t count;
    if (service->stops)
        return "it is ending: no run begins any more";
    if (asks_state && sl_lake_is_refused(sl_lake_look(sl_service_project(service), service->state,
                                                      service->lake, &err)))
        return sl_arena_printf(arena, "the lake is wrong: %s", err.message);
    const json_t *seen = asks_state ? NULL : json_object_get(service->health, "lake");
    if (seen && sl_str_equal(sl_json_text(seen, "state", NULL), "wrong"))
        return sl_arena_printf(arena, "the lake is wrong: %s", sl_json_text(seen, "text", ""));
    if (!service->is_leading)
        return service->leader ? sl_arena_printf(arena, "it stands by: %s leads", service->leader)
                               : "it has not been elected yet";
    if (!service->agenda)
        return "it is still beginning";
    if (service->held_back)
        return sl_arena_printf(arena, "runs wait until it can be written: %s", service->held_back);
    if (asks_state && sl_state_pauses(service->state, arena, &pauses, &count, &err) != SL_OK)
        return sl_arena_printf(arena, "the state store: %s", err.message);
    return NULL;
}

static const json_t *part_of(const struct sl_service *service, const char *pipeline)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(service->health, "pipelines"), i, item)
        if (strcmp(sl_json_text(item, "pipeline", ""), pipeline) == 0)
            return item;
    return NULL;
}

static json_t *copy(const json_t *from, const char *key)
{
    json_t *value = json_object_get(from, key);
    return value ? json_incref(value) : json_null();
}

// Pipelines of the look are those of the project, in its order, unless it was read anew since.
static const json_t *seen_of(const struct sl_service *service, const char *pipeline, size_t index)
{
    const json_t *seen = json_array_get(json_object_get(service->health, "pipelines"), index);
    return seen && strcmp(sl_json_text(seen, "pipeline", ""), pipeline) == 0
               ? seen
               : part_of(service, pipeline);
}

static int list_pipelines(struct sl_service *service, json_t *list, bool *ret_is_bad,
                          struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    for (size_t i = 0; i < project->pipeline_count; i++) {
        const char *name = project->pipelines[i].name;
        const char *last = sl_map_get(&service->last_runs, name);
        const json_t *seen = seen_of(service, name, i);
        bool is_paused = service->agenda && sl_agenda_is_paused(service->agenda, name);
        json_t *item =
            json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "pipeline", name, "is_paused",
                      is_paused, "last_run", sl_json_string_or_null(last), "state",
                      copy(seen, "state"), "gets_in", copy(seen, "gets_in"), "gets_built",
                      copy(seen, "gets_built"), "gets_out", copy(seen, "gets_out"));
        if (json_array_append_new(list, item) != 0)
            return sl_fail_memory(err);
        *ret_is_bad |= sl_str_equal(last, "error") || sl_str_equal(last, "partial");
    }
    return SL_OK;
}

int sl_service_health(void *self, bool asks_state, json_t **ret_json, bool *ret_is_ready,
                      struct sl_err *err)
{
    struct sl_service *service = self;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_json_free) json_t *list = json_array();
    sl_arena_init(&arena, 0);
    SL_TRY_NEW(list, err);
    const char *why = why_not_ready(service, asks_state, &arena);
    bool is_bad = service->reload_error || service->held_back || service->health_error ||
                  sl_str_equal(sl_json_text(service->health, "state", ""), "wrong");
    SL_TRY(list_pipelines(service, list, &is_bad, err));
    json_t *root = json_pack(
        "{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:O}", "status", is_bad ? "degraded" : "ok",
        "is_ready", why == NULL, "not_ready_because", sl_json_string_or_null(why), "since",
        sl_json_time(service->began_us), "reload_error",
        sl_json_string_or_null(service->reload_error), "held_back",
        sl_json_string_or_null(service->held_back), "looked_at", copy(service->health, "at"),
        "look_error", sl_json_string_or_null(service->health_error), "pipelines", list);
    SL_TRY_NEW(root, err);
    *ret_is_ready = why == NULL;
    *ret_json = root;
    return SL_OK;
}

int sl_service_look(void *self, json_t **ret_json, struct sl_err *err)
{
    const struct sl_service *service = self;
    if (!service->health) {
        (void)sl_fail(err, SL_E_SERVE_BUSY, "nobody has looked yet%s%s",
                      service->health_error ? ": " : "",
                      service->health_error ? service->health_error : "");
        return sl_err_hint(err, "ask again in some seconds");
    }
    *ret_json = json_incref(service->health);
    return SL_OK;
}
