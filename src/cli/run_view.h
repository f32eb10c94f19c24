// How a run is shown while it goes and when it has ended. Used by run, retry, apply and quickstart.
#ifndef SL_CLI_RUN_VIEW_H
#define SL_CLI_RUN_VIEW_H

#include "cli/cli.h"
#include "run/publications.h"

#define SL_RUN_VIEW_LINES 16 // of progress, one for each step at work

// Since when the engine has worked at the statement that a step now runs.
struct sl_pace {
    const struct sl_outcome *outcome; // NULL: unused
    double share;
    int64_t since_us;
};

struct sl_run_view {
    const struct sl_common *common;
    const struct sl_run *run; // filled while it goes
    bool is_live;             // progress lines that are drawn over
    int drawn_lines;
    int label_width;
    size_t done, total; // steps
    struct sl_buf frame;
    struct sl_pace paces[SL_RUN_VIEW_LINES];
};
// `run` is what will be given to sl_run.
void sl_run_view_init(struct sl_run_view *view, const struct sl_common *common,
                      const struct sl_world *world, const struct sl_run *run);
void sl_run_view_clear(struct sl_run_view *view); // for SL_AUTO
struct sl_listener sl_run_view_listener(struct sl_run_view *view);
// Balances, reasons, errors, and the last line that counts.
SL_MUST int sl_run_view_end(struct sl_run_view *view, struct sl_err *err);
// The end of a run that had nothing to do, and why it had not. `rest`: what it has published all
// the same; NULL: it does not publish.
SL_MUST int sl_run_view_nothing(const struct sl_common *common, struct sl_world *world,
                                const char *why, const struct sl_rest *rest, struct sl_err *err);

// Runs the selected steps of a planned world, shown as it goes (run.c). The listener is filled in.
SL_MUST int sl_execute_run(const struct sl_common *common, struct sl_run_options options,
                           struct sl_world *world, int *ret_exit, struct sl_err *err);

#endif
