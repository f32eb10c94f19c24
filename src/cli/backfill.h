// How a backfill is shown: its plan, its chunks while it goes, its end.
#ifndef SL_CLI_BACKFILL_H
#define SL_CLI_BACKFILL_H

#include "cli/cli.h"
#include "run/backfill.h"

// As a table, or as JSON with `is_dry` and what would be done next.
SL_MUST int sl_backfill_show_plan(const struct sl_common *common, const struct sl_world *world,
                                  const struct sl_backfill_plan *plan, bool has_downstream,
                                  struct sl_err *err);
SL_MUST int sl_backfill_plan_json(const struct sl_world *world, const struct sl_backfill_plan *plan,
                                  json_t **ret, struct sl_err *err);

struct sl_backfill_view {
    const struct sl_common *common;
    const struct sl_run *run; // filled while it goes, as the backfill
    const struct sl_backfill *backfill;
    bool is_live;
    int drawn_lines;
    struct sl_arena arena;
};
void sl_backfill_view_init(struct sl_backfill_view *view, const struct sl_common *common,
                           const struct sl_run *run, const struct sl_backfill *backfill);
void sl_backfill_view_clear(struct sl_backfill_view *view); // for SL_AUTO
struct sl_listener sl_backfill_view_listener(struct sl_backfill_view *view);
// One line that is drawn over the one before, where somebody looks.
void sl_backfill_view_draw(struct sl_backfill_view *view,
                           const struct sl_backfill_progress *progress);
void sl_backfill_view_wipe(struct sl_backfill_view *view);
SL_MUST int sl_backfill_view_end(struct sl_backfill_view *view, const struct sl_backfill_plan *plan,
                                 struct sl_err *err);

// Asks the service to do it. SL_E_SERVE_NOBODY: there is none.
struct sl_backfill_asking {
    const struct sl_common *common;
    const struct sl_project *project;
    const struct sl_backfill_asked *asked;
    bool is_detached; // its end is not waited for
    struct sl_backfill_view *view;
};
SL_MUST int sl_backfill_ask(const struct sl_backfill_asking *asking, int *ret_exit,
                            struct sl_err *err);

#endif
