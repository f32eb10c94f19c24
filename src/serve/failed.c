// Pipelines that files or tables start, and whose newest run failed: what had come is not told
// again, so another run of it is asked for when that may have changed.
#include "base/clock.h"
#include "serve/serve_inner.h"

#define FIRST_WAIT_MS 1000
#define MOST_WAIT_MS 60000
#define CALM_US INT64_C(60000000)

static bool is_watched(const struct sl_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->trigger_count; i++)
        if (pipeline->triggers[i].kind == SL_TRIGGER_FILES ||
            pipeline->triggers[i].kind == SL_TRIGGER_TABLE)
            return true;
    return false;
}

static bool has_failed(const struct sl_service *service, const char *pipeline)
{
    const char *last = sl_map_get(&service->last_runs, pipeline);
    return sl_str_equal(last, "error") || sl_str_equal(last, "partial");
}

// What waits does it all; what is at work asks at its end, if it fails.
static bool is_coming(const struct sl_service *service, const char *pipeline)
{
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        if (at->state != SL_RUN_ENDED && sl_str_equal(at->pipeline, pipeline))
            return true;
    return false;
}

// When it was last asked for after an edit.
struct edited {
    int64_t asked_us, wait_ms;
};

// A pipeline that edits its own project would fail, and be asked for, without end: soon after the
// time before it waits, each time twice as long.
static int64_t wait_after_edit(struct sl_service *service, const char *pipeline)
{
    struct edited *last = sl_map_get(&service->edited, pipeline);
    const int64_t now_us = sl_clock_monotonic_us();
    struct sl_err ignored = {0};
    if (!last) {
        last = SL_NEW(&service->arena, struct edited);
        if (!last || sl_map_set(&service->edited, pipeline, last, &ignored) != SL_OK)
            return 0;
        last->asked_us = now_us;
        return 0;
    }
    if (now_us - last->asked_us > CALM_US + last->wait_ms * 1000)
        last->wait_ms = 0;
    else
        last->wait_ms = last->wait_ms ? last->wait_ms * 2 : FIRST_WAIT_MS;
    if (last->wait_ms > MOST_WAIT_MS)
        last->wait_ms = MOST_WAIT_MS;
    last->asked_us = now_us;
    return last->wait_ms;
}

static void ask(struct sl_service *service, const struct sl_pipeline *pipeline, const char *trigger)
{
    const struct sl_asked asked = {.pipeline = pipeline->name, .trigger = trigger};
    const bool was_admitting = service->is_admitting;
    struct sl_service_run *run;
    struct sl_err err = {0};
    int64_t wait_ms = 0;
    const char *why;
    if (!is_watched(pipeline) || !has_failed(service, pipeline->name) ||
        is_coming(service, pipeline->name) || sl_agenda_is_paused(service->agenda, pipeline->name))
        return;
    if (sl_str_equal(trigger, SL_AFTER_EDIT))
        wait_ms = wait_after_edit(service, pipeline->name);
    service->is_admitting = true;
    if (sl_service_ask(service, &asked, &run, &why, &err) != SL_OK)
        sl_service_tell(SL_LOG_ERROR, NULL, "'%s' (%s): %s", pipeline->name, trigger, err.message);
    else if (run && wait_ms)
        sl_service_wait(run, wait_ms);
    service->is_admitting = was_admitting;
    sl_service_admit(service);
}

void sl_service_ask_failed(struct sl_service *service, const char *trigger)
{
    const struct sl_generation *generation = service->newest;
    for (size_t i = 0; i < generation->world.project->pipeline_count && !service->stops; i++)
        ask(service, &generation->world.project->pipelines[i], trigger);
}

void sl_service_ask_if_failed(struct sl_service *service, const char *pipeline, const char *trigger)
{
    const struct sl_pipeline *found = sl_project_pipeline(sl_service_project(service), pipeline);
    if (found && !service->stops)
        ask(service, found, trigger);
}

void sl_service_ask_if_edited(const struct sl_service_run *run)
{
    struct sl_service *service = run->service;
    const struct sl_pipeline *pipeline =
        run->has_pipeline ? sl_project_pipeline(sl_service_project(service), run->pipeline) : NULL;
    if (pipeline && !service->stops && !run->interrupts && run->generation != service->newest)
        ask(service, pipeline, SL_AFTER_EDIT);
}
