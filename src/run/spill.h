#ifndef SL_RUN_SPILL_H
#define SL_RUN_SPILL_H

#include "spec/project.h"

// <state or engine.temp>/spill-<pid>: of this process, for its engine to make when it needs it.
SL_MUST int sl_spill_folder(const struct sl_project *project, struct sl_arena *arena,
                            const char **ret, struct sl_err *err);
// Removes the folders of processes that were killed.
void sl_spill_sweep(const struct sl_project *project);

#endif
