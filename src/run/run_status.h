// What became of a run that the history holds as one that is at work.
#ifndef SL_RUN_RUN_STATUS_H
#define SL_RUN_RUN_STATUS_H

#include "api/state.h"

// Its status; "killed" if it has not ended and its process is gone: of this machine's the kernel is
// asked, of another one's the lease of its owner, where it has one. Writes nothing.
const char *sl_run_status(const struct sl_run_row *run);

#endif
