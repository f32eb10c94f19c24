// News of the state store, as events of a loop: api/leases.h says of what.
#ifndef SL_RUN_WAKES_H
#define SL_RUN_WAKES_H

#include "api/leases.h"

#include <uv.h>

struct sl_wakes;
struct sl_wakes_options {
    uv_loop_t *loop;
    struct sl_state *state;                        // nobody else listens through it
    void (*on_wake)(void *owner, int which);       // of enum sl_wake
    void (*on_lost)(void *owner, const char *why); // it hears nothing until it listens again
    void *owner;
};
SL_MUST int sl_wakes_open(const struct sl_wakes_options *options, struct sl_wakes **ret,
                          struct sl_err *err);
void sl_wakes_close(struct sl_wakes **wakes); // for SL_AUTO; before the state
// If the connection was lost: makes another one. What was missed is told as SL_WAKE_ALL.
void sl_wakes_mend(struct sl_wakes *wakes);

#endif
