// The project as it is read, and read anew while runs go on with what it was.
#include "plan/pipelines.h"
#include "serve/serve_inner.h"

#include <stdlib.h>
#include <string.h>

const struct sl_project *sl_service_project(const struct sl_service *service)
{
    return service->newest->world.project;
}

static bool is_taken(void *owner, const struct sl_executor *asking, const char *table)
{
    const struct sl_service *service = owner;
    for (const struct sl_generation *at = service->newest; at; at = at->next)
        if (at->executor && at->executor != asking && sl_executor_writes(at->executor, table))
            return true;
    return false;
}

static void on_free(void *owner, struct sl_executor *executor, const char *table)
{
    const struct sl_service *service = owner;
    for (const struct sl_generation *at = service->newest; at; at = at->next)
        if (at->executor && at->executor != executor)
            sl_executor_let_go(at->executor, table);
}

static int open_executor(struct sl_generation *generation, struct sl_err *err)
{
    struct sl_service *service = generation->service;
    const struct sl_executor_options options = {.loop = &service->loop,
                                                .world = &generation->world,
                                                .concurrency = service->options.concurrency,
                                                .is_service = true,
                                                .is_taken = is_taken,
                                                .on_free = on_free,
                                                .owner = service,
                                                .files = &service->run_lock,
                                                .file_count = 1};
    return sl_executor_open(&options, &generation->executor, err);
}

static int refuse_borrowing(const struct sl_project *project, struct sl_err *err)
{
    if (!project->read_lake)
        return SL_OK;
    (void)sl_fail(err, SL_E_USAGE,
                  "the environment '%s' reads tables of another one, which a service cannot do yet",
                  project->environment ? project->environment : "");
    return sl_err_hint(err, "`sluice run` does it");
}

static void tell_errors(const struct sl_diags *diags)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct sl_err *one = &diags->items[i].err;
        if (diags->items[i].severity == SL_SEVERITY_ERROR)
            sl_service_tell(SL_LOG_ERROR, NULL, "%s:%d:%d: %s (%s)", one->file, one->line,
                            one->column, one->message, sl_code_info(one->code)->id);
    }
}

static int read_world(struct sl_generation *generation, struct sl_err *err)
{
    const struct sl_serve_options *options = &generation->service->options;
    const struct sl_world_options how = {.folder = options->folder,
                                         .environment = options->environment,
                                         .overrides = options->overrides,
                                         .resolve_secrets = true,
                                         .has_workers = true};
    SL_TRY(sl_world_open(&how, &generation->world, err));
    if (sl_world_require_valid(&generation->world, err) != SL_OK) {
        tell_errors(&generation->world.project->diags);
        return err->code;
    }
    SL_TRY(refuse_borrowing(generation->world.project, err));
    SL_TRY(sl_pipelines_find_own(generation->world.project, &generation->world.graph,
                                 &generation->world.arena, err));
    sl_world_close_engine(&generation->world); // that parsed models
    return SL_OK;
}

void sl_generation_close(struct sl_generation *generation)
{
    if (!generation)
        return;
    sl_executor_close(&generation->executor);
    sl_world_close(&generation->world);
    free(generation);
}

int sl_generation_open(struct sl_service *service, struct sl_generation **ret, struct sl_err *err)
{
    struct sl_generation *generation = calloc(1, sizeof *generation);
    SL_TRY_NEW(generation, err);
    generation->service = service;
    int code = read_world(generation, err);
    if (code == SL_OK && service->run_lock >= 0)
        code = open_executor(generation, err);
    if (code == SL_OK)
        code = sl_generation_hand_out(generation, err);
    if (code == SL_OK)
        *ret = generation;
    else
        sl_generation_close(generation);
    return code;
}

// The first one is read before the state folder is known, and with it the lock.
int sl_generation_begin(struct sl_generation *generation, struct sl_err *err)
{
    return open_executor(generation, err);
}

static void keep_reload_error(struct sl_service *service, const struct sl_err *err)
{
    free(service->reload_error);
    service->reload_error = err ? strdup(err->message) : NULL;
}

// True if nothing refers to the project of before.
static bool follow(struct sl_service *service, struct sl_generation *generation)
{
    struct sl_err err = {0};
    const struct sl_project *project = generation->world.project;
    if (service->http)
        sl_http_reload(service->http, project->serve);
    if (!service->agenda) // it stands by
        return true;
    sl_service_tell_tables(service);
    sl_service_close_alerts(service);
    if (sl_service_open_alerts(service, &err) != SL_OK) {
        sl_service_tell(SL_LOG_ERROR, NULL, "nobody is alerted: %s", err.message);
        sl_service_close_alerts(service);
        sl_err_clear(&err);
    }
    sl_service_close_telemetry(service);
    if (sl_service_open_telemetry(service, &err) != SL_OK) {
        sl_service_tell(SL_LOG_ERROR, NULL, "nobody is told of runs by machine: %s", err.message);
        sl_err_clear(&err);
    }
    if (sl_agenda_reload(service->agenda, project, sl_service_now_us(), &err) != SL_OK ||
        (service->watch && sl_watch_reload(service->watch, project, &err) != SL_OK))
        sl_service_tell(SL_LOG_ERROR, NULL, "triggers are not as the project says: %s",
                        err.message);
    return err.code == SL_OK;
}

void sl_service_reload(struct sl_service *service)
{
    struct sl_generation *generation = NULL;
    struct sl_err err = {0};
    const int64_t seen = sl_edits_look(service->edits);
    int code = sl_generation_open(service, &generation, &err);
    sl_edits_saw(service->edits, seen);
    if (code != SL_OK) {
        sl_service_tell(SL_LOG_ERROR, NULL,
                        "the project was read anew and goes on as it was: %s%s%s", err.message,
                        err.hint[0] ? "; " : "", err.hint);
        keep_reload_error(service, &err);
        return;
    }
    keep_reload_error(service, NULL);
    generation->next = service->newest;
    service->newest = generation;
    sl_service_watch_edits(service);
    if (!follow(service, generation))
        generation->next->runs++; // it stays
    sl_service_tell(SL_LOG_INFO, NULL, "the project was read anew: %zu pipeline%s, %zu step%s",
                    SL_COUNT_OF(generation->world.project->pipeline_count),
                    SL_COUNT_OF(generation->world.graph.count));
    if (service->agenda) {
        sl_service_ask_failed(service, SL_AFTER_EDIT);
        sl_service_wake(service);
    }
    sl_service_look_soon(service);
    sl_service_admit(service); // rests soon: runs that have ended go before their generation
}

void sl_generations_sweep(struct sl_service *service)
{
    struct sl_generation **at = &service->newest->next;
    while (*at) {
        struct sl_generation *old = *at;
        if (old->runs) {
            at = &old->next;
            continue;
        }
        *at = old->next;
        sl_generation_close(old);
    }
}
