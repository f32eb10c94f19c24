// Telling runs by machine: facts of each run are kept as it goes on, and a child process tells
// them.
#include "base/clock.h"
#include "observe/deliver.h"
#include "serve/serve_inner.h"

static const struct sl_project *project_of(const struct sl_service *service)
{
    return sl_service_project(service);
}

static bool is_failing(const struct sl_service *service, const struct sl_spool_state *state,
                       int64_t *ret_next_us)
{
    bool ret = false;
    *ret_next_us = 0;
    for (int way = 0; way < SL_WAYS; way++) {
        const struct sl_way_state *it = &state->ways[way];
        if (it->attempts == 0 || !sl_way_is_open(project_of(service)->observe, (enum sl_way)way))
            continue;
        ret = true;
        if (*ret_next_us == 0 || it->next_us < *ret_next_us)
            *ret_next_us = it->next_us > 0 ? it->next_us : 1;
    }
    return ret;
}

// --- the child that tells

static int64_t next_us(void *owner)
{
    const struct sl_service *service = owner;
    struct sl_spool_state state;
    int64_t of_failing;
    if (!project_of(service)->observe)
        return 0;
    if (service->has_untold)
        return sl_deliver_next_us(project_of(service), sl_clock_now_us());
    sl_spool_state_read(project_of(service)->state_folder, &state);
    return is_failing(service, &state, &of_failing) ? of_failing : 0;
}

static void on_start(void *owner)
{
    struct sl_service *service = owner;
    service->has_untold = false;
}

static void measure(struct sl_service *service, const struct sl_spool_state *state)
{
    for (int way = 0; way < SL_WAYS; way++) {
        const struct sl_way_state *it = &state->ways[way];
        const struct sl_metrics_told told = {.to = sl_way_name((enum sl_way)way),
                                             .is_spans = way == SL_WAY_TRACES,
                                             .sent = it->sent,
                                             .refused = it->refused,
                                             .lost = it->lost,
                                             .failures = it->attempts};
        if (sl_way_is_open(project_of(service)->observe, (enum sl_way)way))
            sl_metrics_told(service->metrics, &told);
    }
}

// Tells that a receiver began to fail, and that it takes again, each once.
static void log_change(struct sl_service *service, const struct sl_spool_state *state)
{
    for (int way = 0; way < SL_WAYS; way++) {
        bool fails = state->ways[way].attempts > 0 &&
                     sl_way_is_open(project_of(service)->observe, (enum sl_way)way);
        if (fails && !service->is_untaken[way])
            sl_service_tell(SL_LOG_WARN, NULL, "%s: not taken, and sent again later: %s",
                            sl_way_name((enum sl_way)way), state->ways[way].error);
        else if (!fails && service->is_untaken[way])
            sl_service_tell(SL_LOG_INFO, NULL, "%s: taken again", sl_way_name((enum sl_way)way));
        service->is_untaken[way] = fails;
    }
}

// True if it had trouble of its own: another process tells, or the spool cannot be used.
static bool on_end(void *owner, bool has_failed)
{
    struct sl_service *service = owner;
    struct sl_spool_state state;
    int64_t ignored;
    sl_spool_state_read(project_of(service)->state_folder, &state);
    measure(service, &state);
    log_change(service, &state);
    if (!has_failed || is_failing(service, &state, &ignored))
        return false;
    service->has_untold = true;
    return true;
}

int sl_service_open_telemetry(struct sl_service *service, struct sl_err *err)
{
    static const char *const words[] = {"telemetry", "send", NULL};
    const struct sl_project *project = project_of(service);
    const struct sl_courier_options options = {.loop = &service->loop,
                                               .words = words,
                                               .folder = project->folder,
                                               .environment = project->environment,
                                               .settings = &service->options.overrides,
                                               .next_us = next_us,
                                               .on_start = on_start,
                                               .on_end = on_end,
                                               .owner = service};
    if (!project->observe)
        return SL_OK;
    SL_TRY(sl_courier_open(&options, &service->courier, err));
    // What a service before this one, or a run, has left.
    service->has_untold = !sl_spool_is_empty(project->state_folder);
    sl_courier_wake(service->courier);
    return SL_OK;
}

void sl_service_close_telemetry(struct sl_service *service)
{
    sl_courier_close(&service->courier);
}

// --- a run

void sl_service_observe(struct sl_service_run *run)
{
    struct sl_err err = {0};
    const struct sl_observer_options options = {.project = run->generation->world.project,
                                                .command = run->command,
                                                .pipeline = run->pipeline,
                                                .trigger = run->trigger,
                                                .tick_us = run->tick_us,
                                                .traceparent = run->options.traceparent};
    if (sl_observer_open(&options, &run->observer, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, run, "nobody is told of it by machine: %s", err.message);
}

void sl_service_observed(struct sl_service_run *run)
{
    struct sl_service *service = run->service;
    if (!sl_observer_has_news(run->observer) || service->has_untold)
        return;
    service->has_untold = true;
    sl_courier_wake(service->courier);
}

void sl_service_observe_end(struct sl_service_run *run)
{
    sl_observer_run_end(run->observer, sl_live_run(run->live), sl_live_err(run->live));
    sl_service_observed(run);
}
