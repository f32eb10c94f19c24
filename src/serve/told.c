// What the process is told between one of its services and the next: nobody else hears it there.
#include "serve/told.h"

#include <signal.h>

static void on_signal(uv_signal_t *handle, int number)
{
    struct sl_told *told = handle->data;
    if (number == SIGHUP) // the next one reads everything anew
        return;
    told->is_to_end = true;
    uv_stop(&told->loop);
}

static int fail(int code, struct sl_err *err)
{
    return sl_fail(err, SL_E_INTERNAL, "no event loop: %s", uv_strerror(code));
}

int sl_told_open(struct sl_told *told, struct sl_err *err)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    if (told->is_open)
        return SL_OK;
    int code = uv_loop_init(&told->loop);
    if (code != 0)
        return fail(code, err);
    told->is_open = true;
    code = uv_timer_init(&told->loop, &told->timer);
    for (size_t i = 0; code == 0 && i < sizeof caught / sizeof *caught; i++) {
        code = uv_signal_init(&told->loop, &told->signals[i]);
        told->signals[i].data = told;
        if (code == 0)
            code = uv_signal_start(&told->signals[i], on_signal, caught[i]);
    }
    return code == 0 ? SL_OK : fail(code, err);
}

bool sl_told_to_end(struct sl_told *told)
{
    if (told->is_open)
        (void)uv_run(&told->loop, UV_RUN_NOWAIT);
    return told->is_to_end;
}

static void on_time(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

void sl_told_wait(struct sl_told *told, uint64_t ms)
{
    if (!told->is_open || told->is_to_end)
        return;
    uv_update_time(&told->loop); // it stood still while a service was at work
    if (uv_timer_start(&told->timer, on_time, ms, 0) != 0)
        return;
    (void)uv_run(&told->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&told->timer);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    uv_close(handle, NULL);
}

void sl_told_close(struct sl_told *told)
{
    if (!told->is_open)
        return;
    uv_walk(&told->loop, close_handle, NULL);
    (void)uv_run(&told->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&told->loop);
    told->is_open = false;
}
