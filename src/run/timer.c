#include "run/timer.h"

#include <stdlib.h>

uv_timer_t *sl_timer_new(uv_loop_t *loop, void *data, struct sl_err *err)
{
    uv_timer_t *timer = calloc(1, sizeof *timer);
    if (!timer) {
        (void)sl_fail_memory(err);
        return NULL;
    }
    int code = uv_timer_init(loop, timer);
    if (code == 0) {
        timer->data = data;
        return timer;
    }
    free(timer);
    (void)sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
    return NULL;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

void sl_timer_close(uv_timer_t **timer)
{
    if (*timer)
        uv_close((uv_handle_t *)*timer, free_handle);
    *timer = NULL;
}
