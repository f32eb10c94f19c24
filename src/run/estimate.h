// Estimates before a run, and what they came to after it.
#ifndef SL_RUN_ESTIMATE_H
#define SL_RUN_ESTIMATE_H

#include "plan/estimate.h"
#include "run/run.h"

// Fills the estimates of the steps that will run, from tables and history. Verdicts must be there.
// A history that cannot be read is none. `ret_peak_bytes`: the memory that runs took at most, as
// the median of the last ones; -1: not known. May be NULL. `ret_pasts` (may be NULL too): what of
// the history this was made of, parallel to the graph's nodes, in the world's arena.
SL_MUST int sl_world_estimate(struct sl_world *world, bool full_refresh,
                              const struct sl_past_list **ret_pasts, int64_t *ret_peak_bytes,
                              struct sl_err *err);

// What parts of steps take, by the executions of each that are remembered, and by those of its kind
// where there are none: `pasts`, of sl_world_estimate. A history that cannot be read is none. `ret`
// is parallel to `nodes`.
SL_MUST int sl_world_estimate_fits(struct sl_world *world, const struct sl_past_list *pasts,
                                   const struct sl_node *const *nodes, size_t count,
                                   struct sl_estimate_fit *ret, struct sl_err *err);

// What a step that ended has read, counted as its estimate is; -1: that cannot be told. To be
// called when everything before it has ended.
int64_t sl_run_rows_read(const struct sl_run *run, const struct sl_outcome *outcome);
// The most memory that this process has had; -1: the system does not tell.
int64_t sl_run_peak_bytes(void);

// How good the estimates of the newest runs were: medians of the factors between estimated and
// actual (1.3: either 1.3 times too high or too low); 0: nothing was estimated.
struct sl_estimate_score {
    size_t steps;
    double time_factor, rows_factor;
    double worst_factor; // of rows; 0: of none. It was this step:
    char worst_run[37], worst_step[128];
    int64_t worst_estimated, worst_read;
};
SL_MUST int sl_estimate_score(struct sl_state *state, const struct sl_run_row *runs, size_t count,
                              struct sl_estimate_score *ret, struct sl_err *err);

#endif
