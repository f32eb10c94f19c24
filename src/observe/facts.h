// What happens in a run, as facts: one stream out of which lineage events and spans are both made,
// later and by another process. A fact is a JSON object with "fact" and "at_us":
//
//   run_start   run_id, project, environment, command, pipeline, trigger, tick_us, traceparent,
//               tracestate, parent {namespace, name, run_id}
//   step_start  step ("cleanse orders"), table, kind, code (fingerprint; null: none)
//   step_end    the same, start_us, attempts [{start_us, end_us, error, wait_ms}], outcome (as
//               --json has it)
//   run_end     status, error, counts by status, left_out (facts for which there was no room)
//
// A run in which no step begins has no facts, unless it fails.
//
// Nothing here fails a run or waits: what cannot be kept is told once on the log.
#ifndef SL_OBSERVE_FACTS_H
#define SL_OBSERVE_FACTS_H

#include "run/run.h"

struct sl_observer;
struct sl_observer_options {
    const struct sl_project *project; // outlives it
    const char *command;              // "run"
    const char *pipeline, *trigger;   // NULL: of none
    int64_t tick_us;                  // 0: of no schedule
    const char *traceparent;          // NULL: the environment's TRACEPARENT, if there is one
    // Whoever started the process says by the environment what it is a part of: TRACEPARENT,
    // OPENLINEAGE_PARENT_ID. Not for a service, whose runs are its own.
    bool has_parent;
};
// *ret is NULL if the project asks for neither lineage nor traces: all below accept NULL.
SL_MUST int sl_observer_open(const struct sl_observer_options *options, struct sl_observer **ret,
                             struct sl_err *err);
// What has not ended has been stopped.
void sl_observer_close(struct sl_observer **observer); // for SL_AUTO

// As struct sl_listener tells; `run` is the run that they are of.
void sl_observer_step_start(struct sl_observer *observer, const struct sl_run *run,
                            const struct sl_outcome *outcome);
void sl_observer_step_again(struct sl_observer *observer, const struct sl_outcome *outcome);
void sl_observer_step_end(struct sl_observer *observer, const struct sl_outcome *outcome);
// `failure`: of the run as such; no code: none.
void sl_observer_run_end(struct sl_observer *observer, const struct sl_run *run,
                         const struct sl_err *failure);
// Something was kept since it was asked last: somebody should tell it.
bool sl_observer_has_news(struct sl_observer *observer);

#endif
