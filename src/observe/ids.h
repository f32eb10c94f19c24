// Names of runs and steps for other systems: the same whenever they are asked for. Pure.
#ifndef SL_OBSERVE_IDS_H
#define SL_OBSERVE_IDS_H

#include "base/err.h"

// The UUID of a step in a run: version 8 of RFC 9562, out of a SHA-256 of both.
SL_MUST int sl_step_uuid(const char *run_id, const char *step, char ret[37], struct sl_err *err);
// 32 hexadecimal digits, not all zero: those of the run's UUID.
SL_MUST int sl_trace_id(const char *run_id, char ret[33], struct sl_err *err);
// 16 hexadecimal digits, not all zero. The run: step NULL; the step as a whole: attempt 0.
SL_MUST int sl_span_id(const char *run_id, const char *step, int attempt, char ret[17],
                       struct sl_err *err);

// W3C Trace Context, header `traceparent`. False if it is none: it is ignored then.
struct sl_trace_parent {
    char trace_id[33], span_id[17];
    bool is_sampled;
};
bool sl_trace_parent_parse(const char *text, struct sl_trace_parent *ret);

#endif
