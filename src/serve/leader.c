// Of several services over one state store, one leads: it has a lease there, and renews it. The
// others stand by until it is released or runs out.
#include "api/leases.h"
#include "base/clock.h"
#include "serve/serve_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TTL_MS 3000
#define RENEW_MS 750 // and, while it stands by, how often it asks

static bool is_shared(const struct sl_service *service)
{
    return sl_project_state(sl_service_project(service)).url != NULL;
}

static const char *lease_name(struct sl_service *service)
{
    const char *environment = sl_service_project(service)->environment;
    return sl_arena_printf(&service->arena, "serve%s%s", environment ? " " : "",
                           environment ? environment : "");
}

// A process that was stopped, or cut off, must not go on beside its successor.
void sl_service_step_down(struct sl_service *service, const struct sl_err *why)
{
    struct sl_err ignored = {0};
    service->failure = *why;
    // First: what ends at once begins no other, and what was not planned yet stays in the queue.
    service->stops = 3;
    for (struct sl_service_run *at = service->runs; at; at = at->next)
        if (at->state == SL_RUN_AT_WORK)
            (void)!sl_service_interrupt(service, at, 3, &ignored);
    uv_stop(&service->loop);
}

static void step_down(struct sl_service *service, const char *why)
{
    struct sl_err err = {0};
    sl_service_tell(SL_LOG_ERROR, NULL, "it leads no more, ends its steps and stands by: %s", why);
    (void)sl_fail(&err, SL_E_STATE_FENCED, "another service leads by now, or may: %s", why);
    sl_service_step_down(service, &err);
}

static int ask(struct sl_service *service, bool *ret_is_mine, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_lease lease;
    int64_t asked_us = sl_clock_monotonic_us();
    sl_arena_init(&arena, 0);
    SL_TRY(sl_state_lease(service->state, service->lease, service->holder, TTL_MS, &arena, &lease,
                          err));
    bool is_new = lease.is_mine && lease.token != service->token;
    if (is_new && service->is_leading)
        lease.is_mine = false; // it had run out: somebody may have led meanwhile
    *ret_is_mine = lease.is_mine;
    if (!lease.is_mine) {
        if (!service->has_told_leader)
            sl_service_tell(SL_LOG_INFO, NULL, "%s leads; standing by", lease.holder);
        service->has_told_leader = true;
        if (!sl_str_equal(service->leader, lease.holder)) {
            free(service->leader);
            service->leader = strdup(lease.holder);
        }
        return SL_OK;
    }
    service->leads_until_us = asked_us + TTL_MS * INT64_C(1000);
    service->token = lease.token;
    return is_new ? sl_state_fence(service->state, service->lease, lease.token, err) : SL_OK;
}

static void renew(struct sl_service *service)
{
    struct sl_err err = {0};
    bool is_mine = true;
    int code = ask(service, &is_mine, &err);
    if (code == SL_OK && !is_mine)
        step_down(service, "the lease is another's");
    else if (code != SL_OK && sl_clock_monotonic_us() > service->leads_until_us)
        step_down(service, err.message);
}

static void try_to_lead(struct sl_service *service)
{
    struct sl_err err = {0};
    bool is_mine = false;
    if (!sl_service_sees_lake(service))
        return;
    bool is_away = ask(service, &is_mine, &err) != SL_OK;
    if (is_away && !service->has_told_away)
        sl_service_tell(SL_LOG_WARN, NULL, "standing by: %s", err.message);
    else if (!is_away && service->has_told_away)
        sl_service_tell(SL_LOG_INFO, NULL, "the state store is there again");
    service->has_told_away = is_away;
    if (!is_mine && !service->has_stood_by && !service->stops) {
        service->has_stood_by = true;
        sl_service_stand_by(service);
    }
    if (!is_mine || service->stops)
        return;
    service->is_leading = true;
    sl_service_tell(SL_LOG_INFO, NULL, "leads from now on");
    if (sl_service_lead(service, &service->failure) != SL_OK)
        uv_stop(&service->loop);
}

static void on_lease(uv_timer_t *timer)
{
    struct sl_service *service = timer->data;
    if (service->is_leading)
        renew(service);
    else
        try_to_lead(service);
}

int sl_service_elect(struct sl_service *service, struct sl_err *err)
{
    char host[64] = "", id[37];
    if (!is_shared(service)) {
        service->is_leading = true;
        return sl_service_lead(service, err);
    }
    (void)gethostname(host, sizeof host - 1);
    service->lease = lease_name(service);
    service->holder = sl_arena_printf(&service->arena, "%s %d %s", host, getpid(), sl_uuid(id));
    SL_TRY_NEW(service->lease, err);
    SL_TRY_NEW(service->holder, err);
    SL_TRY(sl_state_own(service->state, service->holder, err));
    int code = uv_timer_init(&service->loop, &service->lease_timer);
    service->lease_timer.data = service;
    if (code == 0)
        code = uv_timer_start(&service->lease_timer, on_lease, 0, RENEW_MS);
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
}

void sl_service_resign(struct sl_service *service)
{
    struct sl_err ignored = {0};
    if (service->lease) // not to be taken again while the service closes
        uv_timer_stop(&service->lease_timer);
    if (service->lease && service->is_leading && !service->failure.code)
        (void)!sl_state_release(service->state, service->lease, service->holder, &ignored);
}
