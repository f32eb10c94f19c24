// How a run is shown while it goes and when it has ended. Used by run, retry, apply and quickstart.
#ifndef SL_CLI_RUN_VIEW_H
#define SL_CLI_RUN_VIEW_H

#include "cli/cli.h"

struct sl_run_view {
    const struct sl_common *common;
    const char *folder; // of the project
    bool is_live;       // progress lines that are drawn over
    int drawn_lines;
    size_t total;
};
void sl_run_view_init(struct sl_run_view *view, const struct sl_common *common, struct sl_world *world);
struct sl_listener sl_run_view_listener(struct sl_run_view *view);
// Balances, reasons, errors, and the last line that counts.
SL_MUST int sl_run_view_end(struct sl_run_view *view, const struct sl_run *run, struct sl_err *err);

#endif
