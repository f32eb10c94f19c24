// What a step reads and writes, looked up in the project and the lake: the part of lineage events
// that facts do not have. For a process that forks no workers: it may open the engine.
//
// A project that has changed since the step began says nothing of the step's code: SQL and column
// lineage are left out then, by the fingerprint in the fact.
#ifndef SL_OBSERVE_DATASETS_H
#define SL_OBSERVE_DATASETS_H

#include "observe/openlineage.h"
#include "run/lineage.h"

struct sl_look_at;
// What cannot be looked up (a project with mistakes) is left out of events, and told once in
// *ret_note, if it is not NULL. SL_E_MEMORY.
SL_MUST int sl_look_at_open(const struct sl_world_options *options, const char *job_namespace,
                            struct sl_look_at **ret, struct sl_err *err);
void sl_look_at_close(struct sl_look_at **look); // for SL_AUTO

// Fills owner, description and SQL of the job; they live as long as the look.
SL_MUST int sl_look_at_job(struct sl_look_at *look, const json_t *fact, struct sl_lineage_job *ret,
                           struct sl_err *err);
// Of a step_start or step_end. Arrays of datasets.
SL_MUST int sl_look_at_step(struct sl_look_at *look, const json_t *fact, json_t **ret_inputs,
                            json_t **ret_outputs, struct sl_err *err);

// --- naming (naming.c)

// The dataset that a table stands for: "source.orders", "clean.orders", "target.dwh.orders".
// Everything in the arena. False if there is none.
SL_MUST int sl_dataset_name(const struct sl_project *project, const char *table,
                            struct sl_arena *arena, struct sl_lineage_dataset *ret, bool *ret_found,
                            struct sl_err *err);
// What is claimed of a table and was looked at: the checks and broken rules of a step's outcome.
SL_MUST int sl_assertions(const json_t *outcome, const struct sl_contract_table *contract,
                          json_t **ret, struct sl_err *err);

#endif
