// SIGINT, SIGTERM and SIGHUP as calls on a thread of their own.
#ifndef SL_RUN_SIGNALS_H
#define SL_RUN_SIGNALS_H

#include "base/err.h"

struct sl_signals;
// Until released, each signal calls `handler` with how many came so far. Threads created in between
// inherit the blocked signals, so call this before starting them. The handler may lock.
SL_MUST int sl_signals_catch(void (*handler)(void *self, int times), void *self,
                             struct sl_signals **ret, struct sl_err *err);
void sl_signals_release(struct sl_signals **signals);

#endif
