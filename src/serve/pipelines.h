// What there is to say of a pipeline, as JSON: the same for `sluice pipelines` and the API.
#ifndef SL_SERVE_PIPELINES_H
#define SL_SERVE_PIPELINES_H

#include "api/queue.h"
#include "base/json.h"
#include "spec/pipeline.h"

// The next time of a trigger after a moment; false: it has no times, or comes no more.
bool sl_trigger_next(const struct sl_trigger *trigger, int64_t after_us, int64_t *ret_us);
// The earliest of all its triggers; *ret_trigger (may be NULL) says which.
bool sl_pipeline_next(const struct sl_pipeline *pipeline, int64_t after_us, int64_t *ret_us,
                      const struct sl_trigger **ret_trigger);

// What the state store holds of it.
struct sl_pipeline_state {
    const struct sl_pause *pause;      // NULL: it is not paused
    const struct sl_run_row *last_run; // NULL: there is none
};
// A new object; times that are not there are null.
SL_MUST int sl_pipeline_json(const struct sl_pipeline *pipeline,
                             const struct sl_pipeline_state *state, int64_t now_us, json_t **ret,
                             struct sl_err *err);

#endif
