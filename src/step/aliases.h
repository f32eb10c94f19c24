// Old names of columns: which of them have rows that came after their last day.
#ifndef SL_STEP_ALIASES_H
#define SL_STEP_ALIASES_H

#include "contract/drift.h"
#include "table/delta/delta.h"

// Puts a copy of the contract in its place in which aliases of raw's columns are over or not, where
// the policy for new columns asks for that. `session` reads raw's rows.
SL_MUST int sl_step_look_at_aliases(struct sl_session *session, const struct sl_delta_snapshot *raw,
                                    struct sl_arena *arena,
                                    const struct sl_contract_table **contract, struct sl_err *err);

#endif
