// Inside spec: the items of a pipeline's `when`.
#ifndef SL_SPEC_TRIGGER_H
#define SL_SPEC_TRIGGER_H

#include "spec/load.h"
#include "spec/pipeline.h"

// An item as the rows fill it.
struct sl_trigger_item {
    const char *cron, *every, *files, *table;
    bool has_http;
    const char *time_zone, *anchor;
    struct sl_trigger_days {
        const struct sl_yaml *skip, *only;
    } calendar;
    int64_t settle_s, settle_max_s, poll_s;
    const struct sl_yaml *node;
};
extern const struct sl_opt sl_trigger_rows[];

// Fills the pipeline's triggers. `list` has the items; those that are wrong become diagnostics and
// no triggers. After a failure those that are there are to be cleared all the same.
SL_MUST int sl_triggers_read(struct sl_load *load, const struct sl_opt_list *list,
                             struct sl_pipeline *pipeline, struct sl_err *err);

#endif
