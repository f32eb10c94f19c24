// What a run and its steps came to: for the log, the metrics, and those who are alerted.
#include "base/clock.h"
#include "base/log.h"
#include "run/history.h"
#include "run/lag.h"
#include "serve/serve_inner.h"
#include "serve/tell.h"

#include <stdarg.h>
#include <stdio.h>

void sl_tell_about(enum sl_log_level level, json_t *fields, const char *subject, const char *format,
                   va_list arguments)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    if (subject && sl_log_format() == SL_LOG_TEXT)
        sl_log(level, fields, "%s: %s", subject, text);
    else
        sl_log(level, fields, "%s", text);
    json_decref(fields);
}

void sl_service_tell(enum sl_log_level level, const struct sl_service_run *run, const char *format,
                     ...)
{
    char subject[256] = "";
    va_list arguments;
    if (run)
        snprintf(subject, sizeof subject, "%s %.8s", run->pipeline, run->id);
    json_t *fields =
        run ? json_pack("{s:s, s:s}", "run_id", run->id, "pipeline", run->pipeline) : NULL;
    va_start(arguments, format);
    sl_tell_about(level, fields, run ? subject : NULL, format, arguments);
    va_end(arguments);
}

// --- steps

static void log_outcome(const struct sl_service_run *run, enum sl_log_level level,
                        const struct sl_outcome *outcome, const char *text)
{
    SL_AUTO(sl_json_free) json_t *fields = NULL;
    struct sl_err ignored = {0};
    if (sl_log_format() == SL_LOG_TEXT) {
        sl_service_tell(level, run, "%s %s", outcome->node->label, text);
        return;
    }
    if (sl_outcome_log(outcome, sl_service_project(run->service), run->id, &fields, &ignored) !=
        SL_OK)
        return;
    (void)json_object_set_new(fields, "pipeline", json_string(run->pipeline));
    sl_log(level, fields, "%s %s", outcome->node->label, text);
}

static void on_step_start(void *self, const struct sl_outcome *outcome)
{
    const struct sl_service_run *run = self;
    SL_AUTO(sl_json_free)
    json_t *fields = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "job_id",
                               sl_service_project(run->service)->name, "run_id", run->id,
                               "pipeline", run->pipeline, "step", outcome->node->label, "table",
                               outcome->node->name, "attempt", outcome->attempts);
    sl_log(SL_LOG_DEBUG, fields, "%s begins", outcome->node->label);
    sl_observer_step_start(run->observer, sl_live_run(run->live), outcome);
    sl_service_observed(self);
}

static const char *table_of(const struct sl_node *node)
{
    return node->kind == SL_NODE_LOAD ? node->delivery->table : node->name;
}

static void measure_step(const struct sl_service_run *run, const struct sl_outcome *outcome)
{
    static const char *const kinds[] = {[SL_NODE_INGEST] = "ingest",
                                        [SL_NODE_CLEANSE] = "cleanse",
                                        [SL_NODE_MODEL] = "model",
                                        [SL_NODE_LOAD] = "load",
                                        [SL_NODE_TASK] = "task"};
    const struct sl_step_result *result = &outcome->result;
    bool has_version = sl_node_has_table(outcome->node) && result->version_count > 0;
    const struct sl_metrics_step step = {
        .pipeline = run->pipeline,
        .kind = kinds[outcome->node->kind],
        .table = table_of(outcome->node),
        .status = sl_status_name(outcome->status),
        .elapsed_s = (double)(outcome->ended_us - outcome->started_us) / 1e6,
        .rows_in = result->balance.in,
        .rows_out = result->balance.out,
        .rows_rejected = result->balance.quarantined,
        .retries = outcome->attempts > 1 ? outcome->attempts - 1 : 0,
        .peak_memory_bytes = outcome->peak_memory_bytes,
        .committed_us = has_version ? outcome->ended_us : 0};
    sl_metrics_step_ended(run->service->metrics, &step);
    for (int i = 0; i < outcome->deaths; i++)
        sl_metrics_worker_died(run->service->metrics);
}

// As sl_health_recall() has it from the history.
static void keep_outcome(struct sl_service *service, const struct sl_outcome *outcome)
{
    const struct sl_step_result *result = &outcome->result;
    bool was_stopped = outcome->err.code == SL_E_INTERRUPTED || outcome->err.code == SL_E_DEADLINE;
    bool is_delivery = outcome->node->kind == SL_NODE_LOAD;
    struct sl_health_past past = {.name = outcome->node->name};
    switch (outcome->status) {
    case SL_STATUS_WAITING:
    case SL_STATUS_RUNNING:
    case SL_STATUS_SKIPPED:
        return;
    case SL_STATUS_ERROR:
        if (was_stopped)
            return;
        past.has_failed = true;
        past.code = sl_code_info(outcome->err.code)->id;
        past.message = outcome->err.message;
        past.failed_us = outcome->ended_us;
        break;
    case SL_STATUS_PARTIAL:
        past.has_failed = true;
        past.message = result->notes.count ? result->notes.items[0] : NULL;
        past.failed_us = outcome->ended_us;
        break;
    case SL_STATUS_OK:
    case SL_STATUS_WARN:
        past.done_us = is_delivery ? outcome->ended_us : 0;
        break;
    case SL_STATUS_NOTHING:
        if (outcome->node->kind == SL_NODE_TASK)
            return; // it is fresh by the record of an execution before the one that failed
        break;
    }
    sl_service_keep_past(service, &past);
}

static void log_end(const struct sl_service_run *run, const struct sl_outcome *outcome)
{
    char text[1200], elapsed[32];
    const char *took = sl_str_elapsed((outcome->ended_us - outcome->started_us) / 1000, elapsed);
    enum sl_log_level level = outcome->status == SL_STATUS_ERROR     ? SL_LOG_ERROR
                              : outcome->status == SL_STATUS_SKIPPED ? SL_LOG_WARN
                              : outcome->status == SL_STATUS_NOTHING ? SL_LOG_DEBUG
                                                                     : SL_LOG_INFO;
    if (outcome->err.code)
        snprintf(text, sizeof text, "%s after %s: %s (%s)", sl_status_name(outcome->status), took,
                 outcome->err.message, sl_code_info(outcome->err.code)->id);
    else if (outcome->result.has_balance)
        snprintf(text, sizeof text, "%s in %s: %lld rows in, %lld out, %lld rejected",
                 sl_status_name(outcome->status), took, (long long)outcome->result.balance.in,
                 (long long)outcome->result.balance.out,
                 (long long)outcome->result.balance.quarantined);
    else
        snprintf(text, sizeof text, "%s in %s", sl_status_name(outcome->status), took);
    log_outcome(run, level, outcome, text);
}

// A backfill may have 100,000 chunks.
static bool is_unbegun_chunk(const struct sl_service_run *run, const struct sl_outcome *outcome)
{
    return run->backfill && outcome->status == SL_STATUS_SKIPPED &&
           outcome->err.code == SL_E_INTERRUPTED;
}

static void on_step_end(void *self, const struct sl_outcome *outcome)
{
    struct sl_service_run *run = self;
    if (is_unbegun_chunk(run, outcome))
        run->unbegun++;
    else
        log_end(run, outcome);
    measure_step(run, outcome);
    sl_service_met(run, &outcome->err);
    keep_outcome(run->service, outcome);
    sl_observer_step_end(run->observer, outcome);
    sl_service_observed(self);
}

static void on_step_again(void *self, const struct sl_outcome *outcome)
{
    const struct sl_service_run *run = self;
    const struct sl_retried *last = &outcome->retried[outcome->retried_count - 1];
    sl_service_tell(SL_LOG_WARN, run, "%s failed (%s), attempt %d; again in %lld ms: %s",
                    outcome->node->label, sl_code_info(last->code)->id, last->attempt,
                    (long long)last->wait_ms, last->message);
    sl_observer_step_again(run->observer, outcome);
}

struct sl_listener sl_service_listener(struct sl_service_run *run)
{
    return (struct sl_listener){
        .on_start = on_step_start, .on_end = on_step_end, .on_again = on_step_again, .self = run};
}

// --- runs

void sl_service_tell_begin(struct sl_service_run *run)
{
    int64_t from_us = run->tick_us ? run->tick_us : run->asked_us;
    double delay_s = run->tick_us ? (double)(sl_clock_now_us() - from_us) / 1e6 : -1;
    sl_metrics_run_started(run->service->metrics, run->pipeline, run->trigger, delay_s);
    sl_service_tell(SL_LOG_INFO, run, "begins (%s)", run->trigger);
}

static void alert(struct sl_service_run *run)
{
    struct sl_service *service = run->service;
    const struct sl_err *failure = sl_live_err(run->live);
    const char *pipeline = run->has_pipeline ? run->pipeline : NULL;
    struct sl_err err = {0};
    int code = SL_OK;
    if (run->interrupts && (run->is_cancelled || !sl_live_is_planned(run->live)))
        code = SL_OK; // that it could not be planned, or ended otherwise than asked, says nothing
    else if (sl_lake_is_refused((int)failure->code))
        code = SL_OK; // the look that follows tells of the lake, once
    else if (failure->code)
        code = sl_notify_run_failed(service->notify, failure, pipeline, &err);
    else if (sl_live_is_planned(run->live) && !sl_live_had_nothing(run->live))
        code = sl_notify_run_ended(service->notify, sl_live_run(run->live), pipeline, run->is_late,
                                   &err);
    else if (sl_live_had_nothing(run->live) && !run->backfill)
        code = sl_notify_run_nothing(service->notify, pipeline, run->is_late, &err);
    if (code != SL_OK)
        sl_service_tell(SL_LOG_WARN, run, "alerts: %s", err.message);
    sl_sender_wake(service->sender);
}

void sl_service_tell_end(struct sl_service_run *run)
{
    const struct sl_run *result = sl_live_run(run->live);
    const struct sl_err *failure = sl_live_err(run->live);
    double elapsed_s = (double)(result->ended_us - result->started_us) / 1e6;
    const char *state = failure->code && !run->is_cancelled ? "error" : sl_run_state(result);
    if (run->interrupts && !sl_live_is_planned(run->live))
        state = run->is_cancelled ? "cancelled" : "interrupted";
    sl_metrics_run_ended(run->service->metrics, run->pipeline, state, elapsed_s);
    if (run->unbegun)
        sl_service_tell(SL_LOG_WARN, run, "%zu chunk%s did not begin: interrupted",
                        SL_COUNT_OF(run->unbegun));
    if (failure->code && !run->interrupts)
        sl_service_tell(SL_LOG_ERROR, run, "failed: %s (%s)%s%s", failure->message,
                        sl_code_info(failure->code)->id, failure->hint[0] ? "; " : "",
                        failure->hint);
    else if (sl_service_waits_on(run))
        sl_service_tell(SL_LOG_INFO, run, "it had not begun: it waits for the next service");
    else if (sl_live_had_nothing(run->live))
        sl_service_tell(SL_LOG_INFO, run, "nothing to do: %s (%s)",
                        run->backfill ? "no partition was chosen, or is missing"
                                      : "no input has changed",
                        run->trigger);
    else
        sl_service_tell(SL_LOG_INFO, run, "ended: %s in %.3f s", state, elapsed_s);
    sl_service_observe_end(run);
    alert(run);
    sl_service_keep_run(run->service, run->pipeline, state);
    if (failure->code || !sl_live_had_nothing(run->live))
        sl_service_look_soon(run->service);
}

static void on_late(uv_timer_t *timer)
{
    struct sl_service_run *run = timer->data;
    struct sl_err err = {0};
    run->is_late = true;
    sl_service_tell(SL_LOG_WARN, run, "the run is late: it is still at work after its deadline");
    if (run->service->metrics)
        sl_metrics_deadline_missed(run->service->metrics, run->pipeline);
    if (sl_notify_run_late(run->service->notify, run->pipeline, run->id, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, run, "alerts: %s", err.message);
    sl_sender_wake(run->service->sender);
}

void sl_service_watch_deadline(struct sl_service_run *run, const struct sl_pipeline *pipeline)
{
    struct sl_err ignored = {0};
    if (pipeline->deadline_s <= 0)
        return;
    run->late = sl_timer_new(&run->service->loop, run, &ignored);
    if (run->late)
        (void)uv_timer_start(run->late, on_late, (uint64_t)pipeline->deadline_s * 1000, 0);
}

// --- tables

void sl_service_tell_tables(struct sl_service *service)
{
    const struct sl_graph *graph = &service->newest->world.graph;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_step_row *rows;
    struct sl_err err = {0};
    size_t count = 0;
    sl_arena_init(&arena, 0);
    if (sl_state_last(service->state, sl_service_project(service)->environment, SL_OUTCOMES_DONE,
                      &arena, &rows, &count, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, NULL, "the state store: %s", err.message);
    for (size_t i = 0; i < graph->count; i++)
        sl_metrics_table(service->metrics, graph->nodes[i].name, 0,
                         sl_node_freshness_s(&graph->nodes[i]));
    for (size_t i = 0; i < count; i++) {
        const struct sl_node *node = sl_graph_node(graph, rows[i].name);
        if (node && sl_node_has_table(node))
            sl_metrics_table(service->metrics, node->name, rows[i].ended_us, 0);
    }
}
