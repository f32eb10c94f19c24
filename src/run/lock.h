// The lock of a project: one run at a time. Its file names who holds it.
#ifndef SL_RUN_LOCK_H
#define SL_RUN_LOCK_H

#include "base/err.h"

// SL_E_LOCKED says who holds it, and since when. sl_fd_close() gives it back.
SL_MUST int sl_run_lock(const char *state_folder, int *ret_fd, struct sl_err *err);

#endif
