// Planning and publishing whose worker died: another one does it, a while later.
#include "base/log.h"
#include "run/controller_inner.h"

#include <stddef.h>

struct sl_errand {
    uv_timer_t *timer;
    enum sl_job_kind kind;
    int deaths;
    struct sl_err why; // of the last one
};

static const int64_t wait_ms[] = {0, 1000, 4000}; // after so many deaths; no more attempts after it

// What died with its worker, or found no place for one, may go well another time. One that took too
// much memory may have had it from the jobs before.
static bool may_pass(const struct sl_death *death)
{
    if (death->err.code == SL_E_WORKER_MEMORY)
        return death->jobs_before > 0;
    return !death->is_ours && sl_err_fate(&death->err) == SL_FATE_RETRY;
}

static bool is_waiting(const struct sl_controller *controller)
{
    const struct sl_errand *errand = controller->errand;
    return errand && errand->timer && uv_is_active((uv_handle_t *)errand->timer);
}

static void on_time(uv_timer_t *timer)
{
    struct sl_controller *controller = timer->data;
    if (controller->errand->kind == SL_JOB_PLAN)
        sl_executor_plan(controller->executor, controller);
    else
        sl_executor_publish(controller->executor, controller);
    sl_executor_dispatch(controller->executor);
}

static struct sl_errand *errand_of(struct sl_controller *controller, enum sl_job_kind kind)
{
    struct sl_err ignored = {0};
    struct sl_errand *errand = controller->errand;
    if (!errand)
        errand = controller->errand = SL_NEW(&controller->run->arena, struct sl_errand);
    if (errand && !errand->timer)
        errand->timer = sl_timer_new(controller->executor->options.loop, controller, &ignored);
    if (!errand || !errand->timer)
        return NULL;
    if (errand->kind != kind) {
        errand->kind = kind;
        errand->deaths = 0;
    }
    return errand;
}

static void tell(const struct sl_controller *controller, int64_t after_ms)
{
    const struct sl_errand *errand = controller->errand;
    SL_AUTO(sl_json_free) json_t *fields = json_pack("{s:s}", "run_id", controller->run->id);
    sl_log(SL_LOG_WARN, fields, "run %.8s could not be %s, attempt %d; again in %lld ms: %s",
           controller->run->id, errand->kind == SL_JOB_PLAN ? "planned" : "published",
           errand->deaths, (long long)after_ms, errand->why.message);
}

bool sl_errand_again(struct sl_controller *controller, enum sl_job_kind kind,
                     const struct sl_death *death)
{
    const bool has_stopped = kind == SL_JOB_PLAN ? controller->interrupts || controller->is_late
                                                 : controller->interrupts > 2;
    struct sl_errand *errand =
        death && !has_stopped && may_pass(death) ? errand_of(controller, kind) : NULL;
    if (!errand || (size_t)errand->deaths >= sizeof wait_ms / sizeof *wait_ms)
        return false;
    const int64_t after_ms = wait_ms[errand->deaths++];
    errand->why = death->err;
    uv_update_time(controller->executor->options.loop);
    if (uv_timer_start(errand->timer, on_time, (uint64_t)after_ms, 0) != 0)
        return false;
    tell(controller, after_ms);
    return true;
}

bool sl_errand_give_up(struct sl_controller *controller, enum sl_job_kind kind)
{
    if (!is_waiting(controller) || controller->errand->kind != kind)
        return false;
    uv_timer_stop(controller->errand->timer);
    return true;
}

const struct sl_err *sl_errand_err(const struct sl_controller *controller)
{
    return &controller->errand->why;
}

void sl_errand_close(struct sl_controller *controller)
{
    if (controller->errand)
        sl_timer_close(&controller->errand->timer);
}
