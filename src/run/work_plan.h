// What a service asks its workers besides steps: to plan a run, to publish what one has built, and
// to look at how the project is.
#ifndef SL_RUN_WORK_PLAN_H
#define SL_RUN_WORK_PLAN_H

#include "base/fields.h"
#include "run/health.h"

struct sl_plan_request {
    struct sl_strs select, exclude, may_break;
    struct sl_strs done; // tasks ("task.fetch") that need not run for this run's sake alone
    bool full_refresh;
};
struct sl_planned_node {
    const char *name;
    bool is_selected;
    enum sl_verdict verdict;
    const char *moved;
    int64_t version, rows; // of its table
};
struct sl_plan_reply {
    struct sl_err err;             // no code: it may run
    struct sl_planned_node *nodes; // selected ones, and what they read
    size_t node_count;
    // Selected nodes that are not fresh, or 1: all are, and what was built before is to be
    // published. 0: there is nothing to do.
    int64_t due;
};
struct sl_publish_request {
    const char *run_id, *command;
};
struct sl_publish_reply {
    struct sl_err err;
    int64_t number; // of the newest publication; 0: there is none
    bool is_new;
    struct sl_strs tables; // sl_rest_tables
};
struct sl_health_reply {
    struct sl_err err;
    struct sl_health health;
};
extern const struct sl_field sl_health_reply_fields[];
extern const struct sl_field sl_plan_request_fields[], sl_plan_reply_fields[],
    sl_publish_request_fields[], sl_publish_reply_fields[];

// In the worker: {"plan": {...}}, {"backfill": sl_backfill_asked_json}, {"publish": {...}} or
// {"look": {...}} (run/checkup.h). False: it is none of these, or memory is out. The answer to a
// backfill is {"plan": sl_backfill_plan_pack, "rest": false} (true: without a chunk, and what was
// built before is to be published) or {"err": {...}}.
bool sl_work_errand(struct sl_world *world, const json_t *request, json_t **ret_reply);

#endif
