// Timers that outlive what they are about: the loop frees them once they are closed.
#ifndef SL_RUN_TIMER_H
#define SL_RUN_TIMER_H

#include "base/err.h"

#include <uv.h>

// NULL, with the error, if there is none. It is not started.
uv_timer_t *sl_timer_new(uv_loop_t *loop, void *data, struct sl_err *err);
void sl_timer_close(uv_timer_t **timer); // NULL is fine

#endif
