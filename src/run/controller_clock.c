// One timer for each step that needs one: nothing is polled, and whoever waits holds no worker.
#include "run/controller_inner.h"

struct sl_step_clock {
    uv_timer_t *timer;
    struct sl_controller *controller;
    size_t index;
    enum sl_clock_use use;
};

static void on_time(uv_timer_t *timer)
{
    struct sl_step_clock *clock = timer->data;
    sl_controller_on_time(clock->controller, clock->index, clock->use);
}

static int open_clock(struct sl_controller *controller, size_t index, struct sl_err *err)
{
    struct sl_step_clock *clock = SL_NEW(&controller->run->arena, struct sl_step_clock);
    SL_TRY_NEW(clock, err);
    clock->timer = sl_timer_new(controller->executor->options.loop, clock, err);
    if (!clock->timer)
        return err->code;
    clock->controller = controller;
    clock->index = index;
    controller->clocks[index] = clock;
    return SL_OK;
}

int sl_step_clock_set(struct sl_controller *controller, size_t index, enum sl_clock_use use,
                      int64_t after_ms, struct sl_err *err)
{
    if (!controller->clocks[index])
        SL_TRY(open_clock(controller, index, err));
    struct sl_step_clock *clock = controller->clocks[index];
    clock->use = use;
    uv_update_time(controller->executor->options.loop);
    int code = uv_timer_start(clock->timer, on_time, (uint64_t)after_ms, 0);
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
}

void sl_step_clock_stop(struct sl_controller *controller, size_t index)
{
    struct sl_step_clock *clock = controller->clocks[index];
    if (!clock)
        return;
    clock->use = SL_CLOCK_IDLE;
    uv_timer_stop(clock->timer);
}

enum sl_clock_use sl_step_clock_use(const struct sl_controller *controller, size_t index)
{
    return controller->clocks[index] ? controller->clocks[index]->use : SL_CLOCK_IDLE;
}

void sl_step_clocks_close(struct sl_controller *controller)
{
    for (size_t i = 0; controller->clocks && i < controller->run->count; i++)
        if (controller->clocks[i])
            sl_timer_close(&controller->clocks[i]->timer);
    controller->clocks = NULL;
}
