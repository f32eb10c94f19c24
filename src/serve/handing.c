// Steps that go to other machines: what the service knows of those.
#include "api/leases.h"
#include "run/handout_wire.h"
#include "serve/serve_inner.h"
#include "spec/serve.h"

static void on_room(void *owner)
{
    const struct sl_service *service = owner;
    for (const struct sl_generation *at = service->newest; at; at = at->next)
        if (at->executor)
            sl_executor_look_again(at->executor);
}

static void on_machine(void *owner, const char *name, int64_t slots)
{
    (void)owner;
    if (slots < 0)
        sl_service_tell(SL_LOG_WARN, NULL, "the worker '%s' is gone", name);
    else
        sl_service_tell(SL_LOG_INFO, NULL, "the worker '%s' is there, for %lld steps at once", name,
                        (long long)slots);
}

static void on_trouble(void *owner, const char *what)
{
    (void)owner;
    sl_service_tell(SL_LOG_WARN, NULL, "%s", what);
}

static void on_unclaimed(void *owner, size_t count, int64_t seconds, const char *step, bool is_old)
{
    (void)owner;
    if (count)
        sl_service_tell(
            SL_LOG_WARN, NULL, "no worker claims what is ready: %zu step%s (%s), for %lld s; %s",
            SL_COUNT_OF(count), step ? step : "", (long long)seconds, sl_handout_advice(is_old));
    else
        sl_service_tell(SL_LOG_INFO, NULL, "no step waits for a worker any more");
}

static void on_settled(void *owner)
{
    struct sl_service *service = owner;
    service->is_settling = false;
    sl_service_admit(service);
}

int sl_generation_hand_out(struct sl_generation *generation, struct sl_err *err)
{
    struct sl_service *service = generation->service;
    const struct sl_serve_spec *serve = generation->world.project->serve;
    if (!service->handout)
        return SL_OK;
    return sl_executor_hand_out(generation->executor, service->handout,
                                serve->workers == SL_WORKERS_REMOTE, err);
}

static int refuse_alone(const struct sl_service *service, struct sl_err *err)
{
    if (service->lease || sl_service_project(service)->serve->workers != SL_WORKERS_REMOTE)
        return SL_OK;
    (void)sl_fail(err, SL_E_WORKER_STATE,
                  "`serve.workers` is 'remote', and the state store is a file of this machine");
    return sl_err_hint(err, "give it a state in PostgreSQL, or take `workers` out of sluice.yml");
}

// The leader before this one may have been told otherwise.
static int clear_before(struct sl_service *service, struct sl_err *err)
{
    const char *prefix =
        sl_handout_prefix(sl_service_project(service)->environment, NULL, &service->arena);
    int64_t open;
    SL_TRY_NEW(prefix, err);
    return sl_state_clear_jobs(service->state, prefix, true, &open, err);
}

int sl_service_hand_out(struct sl_service *service, struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    SL_TRY(refuse_alone(service, err));
    if (!service->lease)
        return SL_OK;
    if (project->serve->workers == SL_WORKERS_LOCAL)
        return clear_before(service, err);
    SL_TRY(sl_lake_find(project, service->lake, err));
    const struct sl_handout_options options = {.loop = &service->loop,
                                               .state = service->state,
                                               .environment = project->environment,
                                               .lake = service->lake,
                                               .on_room = on_room,
                                               .on_machine = on_machine,
                                               .on_trouble = on_trouble,
                                               .on_unclaimed = on_unclaimed,
                                               .on_settled = on_settled,
                                               .owner = service};
    SL_TRY(sl_handout_open(&options, &service->handout, err));
    service->is_settling = true;
    for (struct sl_generation *at = service->newest; at; at = at->next)
        SL_TRY(sl_generation_hand_out(at, err));
    return SL_OK;
}
