// Where engines put what does not fit into memory. Each has a folder of its own, for two would take
// each other's files for theirs; it makes the folder when it needs it, and removes it when it is
// closed.
#ifndef SL_RUN_SPILL_H
#define SL_RUN_SPILL_H

#include "spec/project.h"

// Below engine.temp, else below the state folder. In a run what a kill leaves there goes with the
// next run.
SL_MUST int sl_spill_folder(const struct sl_project *project, bool is_in_run,
                            struct sl_arena *arena, const char **ret, struct sl_err *err);
// What is in such a folder goes with the next run from now on, if it does not before.
SL_MUST int sl_spill_keep(const struct sl_project *project, const char *folder, struct sl_err *err);
// Removes what workers that were killed have left. The run's lock is held, and no worker at work.
void sl_spill_sweep(const struct sl_project *project);

#endif
