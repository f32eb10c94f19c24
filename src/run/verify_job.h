// Inside of verify: what is shared by its parts.
#ifndef SL_RUN_VERIFY_JOB_H
#define SL_RUN_VERIFY_JOB_H

#include "run/temp.h"
#include "run/verify.h"

struct sl_verify_job {
    struct sl_world *world; // the project's
    struct sl_session *session;
    struct sl_step_context context; // of the project's lake
    const struct sl_verify_options *options;
    struct sl_arena *arena;
    struct sl_verify *verify;
    struct sl_temp temp;
    const char *project_folder, *lake_folder, *state_folder; // of the other world
    struct sl_map pins;
    struct sl_map contracts; // source -> struct sl_contract_table
    struct sl_map models;    // name -> text
    struct sl_map outputs;   // name of a versioned output -> text of the view that it was then
};

struct sl_verified *sl_verify_find(const struct sl_verify_job *job, const char *table);
// Takes a table out of those that can be verified; `why` NULL: memory is out.
SL_MUST int sl_verify_rule_out(struct sl_verified *table, const char *why, struct sl_err *err);
// Lists the tables of the publication with all that they were made with, and pins raw.
SL_MUST int sl_verify_list(struct sl_verify_job *job, struct sl_err *err);
// Marks what is built from tables that cannot be verified.
SL_MUST int sl_verify_look_at_inputs(struct sl_verify_job *job, struct sl_err *err);
// Afterwards: fills `outputs` by the versions that the records of their readers name, and marks the
// readers of names that mean nothing any more.
SL_MUST int sl_verify_outputs(struct sl_verify_job *job, struct sl_err *err);
// Whether all that lies below a view of the project is built again.
bool sl_verify_has_view(const struct sl_verify_job *job, const char *name);

#endif
