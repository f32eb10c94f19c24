#include "run/checkup.h"

#include "run/controller_inner.h"
#include "run/work_plan.h"

#include <stdlib.h>

// An errand like planning, of a controller that never gets a run.
struct sl_checkup {
    struct sl_controller controller; // first: the executor knows it by it
    struct sl_arena arena;
    json_t *request;
    struct sl_health_reply reply;
    bool has_seen;
    void (*on_end)(void *owner, struct sl_checkup *checkup);
    void *owner;
};

static void on_looked(struct sl_controller *controller, const json_t *reply,
                      const struct sl_death *death)
{
    struct sl_checkup *checkup = (struct sl_checkup *)controller;
    struct sl_health_reply *seen = &checkup->reply;
    if (death)
        seen->err = death->err;
    else if (sl_fields_unpack(sl_health_reply_fields, reply, &checkup->arena, seen, &seen->err) ==
             SL_OK)
        checkup->has_seen = seen->err.code == SL_OK;
    checkup->on_end(checkup->owner, checkup);
}

int sl_checkup_start(struct sl_executor *executor, const struct sl_health_request *request,
                     void (*on_end)(void *owner, struct sl_checkup *checkup), void *owner,
                     struct sl_checkup **ret, struct sl_err *err)
{
    SL_AUTO(sl_checkup_free) struct sl_checkup *checkup = calloc(1, sizeof *checkup);
    SL_TRY_NEW(checkup, err);
    sl_arena_init(&checkup->arena, 0);
    json_t *packed = sl_fields_pack(sl_health_request_fields, request);
    checkup->request = packed ? json_pack("{s:o}", "look", packed) : NULL;
    SL_TRY_NEW(checkup->request, err);
    checkup->on_end = on_end;
    checkup->owner = owner;
    checkup->controller = (struct sl_controller){
        .executor = executor, .on_planned = on_looked, .request = checkup->request};
    *ret = checkup;
    checkup = NULL;
    sl_executor_plan(executor, &(*ret)->controller);
    return SL_OK;
}

void sl_checkup_go(struct sl_checkup *checkup)
{
    sl_executor_dispatch(checkup->controller.executor);
}

void sl_checkup_cut_off(struct sl_checkup *checkup)
{
    struct sl_executor *executor = checkup->controller.executor;
    if (!sl_executor_unplan(executor, &checkup->controller)) {
        sl_executor_press(executor, &checkup->controller, 3);
        return;
    }
    (void)sl_fail(&checkup->reply.err, SL_E_HEALTH_LATE, "no worker was free for it in time");
    checkup->on_end(checkup->owner, checkup);
}

const struct sl_health *sl_checkup_health(const struct sl_checkup *checkup)
{
    return checkup->has_seen ? &checkup->reply.health : NULL;
}

const struct sl_err *sl_checkup_err(const struct sl_checkup *checkup)
{
    return &checkup->reply.err;
}

void sl_checkup_free(struct sl_checkup **checkup)
{
    struct sl_checkup *old = *checkup;
    if (!old)
        return;
    json_decref(old->request);
    sl_arena_clear(&old->arena);
    free(old);
    *checkup = NULL;
}
