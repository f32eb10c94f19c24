// SIGINT, SIGTERM and SIGHUP as calls on a thread of their own.
#ifndef SL_RUN_SIGNALS_H
#define SL_RUN_SIGNALS_H

#include "base/err.h"

struct sl_signals;
// Until released, each signal calls `handler` with how many came so far, on a thread of its own, so
// that it may lock. One at a time in a process.
SL_MUST int sl_signals_catch(void (*handler)(void *self, int times), void *self,
                             struct sl_signals **ret, struct sl_err *err);
// NULL inside is fine. After a signal was caught, further ones are ignored from now on.
void sl_signals_release(struct sl_signals **signals);

#endif
