// A task: the program of a user, between steps. It has no table, so its record is a file of its
// own, <lake>/_tasks/NAME.json, sealed: how often it has ended well, and what it came after stood
// at then. It is written when the program has ended well; killed between the two, the program is
// run once more.
#ifndef SL_STEP_TASK_H
#define SL_STEP_TASK_H

#include "plan/plan.h"
#include "step/step.h"

struct sl_task_record {
    int64_t runs;     // that ended well; 0: none
    int64_t ended_us; // the last of them; 0: a former Sluice did not say
    const char *run_id;
    const char *fingerprint;
    struct sl_table_versions inputs; // tables, "target.warehouse.revenue", "task.fetch"
};
SL_MUST int sl_task_record_read(const struct sl_project *project, const char *name,
                                struct sl_arena *arena, struct sl_task_record *ret,
                                struct sl_err *err);

// The same of a text; `where` is what errors name.
SL_MUST int sl_task_record_parse(const char *text, size_t length, const char *where,
                                 struct sl_arena *arena, struct sl_task_record *ret,
                                 struct sl_err *err);
// *ret is to be freed.
SL_MUST int sl_task_record_print(const char *task, const struct sl_task_record *record, char **ret,
                                 struct sl_err *err);

SL_MUST int sl_task_record_write(const struct sl_project *project, const char *task,
                                 const struct sl_task_record *record, struct sl_arena *arena,
                                 struct sl_err *err);

struct sl_task_job {
    struct sl_step_context *context; // its session is NULL where none is needed
    const struct sl_graph *graph;
    const struct sl_node *node;
    const atomic_bool *is_aborted;
};
// Whether it comes after a delivery whose target is asked through a session.
bool sl_task_needs_session(const struct sl_graph *graph, const struct sl_node *node);
SL_MUST int sl_step_task(const struct sl_task_job *job, struct sl_step_result *ret,
                         struct sl_err *err);

#endif
