// Whether the process is told to end (SIGINT, SIGTERM), for as long as this is open, whichever of
// its services is at work, or none: one that has lost the lead closes all it had, and begins anew.
#ifndef SL_SERVE_TOLD_H
#define SL_SERVE_TOLD_H

#include "base/err.h"

#include <uv.h>

struct sl_told {
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t timer;
    bool is_open, is_to_end;
};
SL_MUST int sl_told_open(struct sl_told *told, struct sl_err *err); // also if it is
bool sl_told_to_end(struct sl_told *told);
void sl_told_wait(struct sl_told *told, uint64_t ms); // less, if it is told
void sl_told_close(struct sl_told *told);             // for SL_AUTO

#endif
