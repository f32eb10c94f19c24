// Locks of a project: one run at a time, one service. Their files name who holds them.
#ifndef SL_RUN_LOCK_H
#define SL_RUN_LOCK_H

#include "base/err.h"

#include <stdbool.h>

// SL_E_LOCKED if somebody who lives holds it. Worker processes that were forked meanwhile hold it,
// too: those of a process that was killed are waited for. sl_fd_close() gives it back.
SL_MUST int sl_lock_take(const char *path, int *ret_fd, struct sl_err *err);

// SL_E_LOCKED says who holds it, and since when.
SL_MUST int sl_run_lock(const char *state_folder, int *ret_fd, struct sl_err *err);

// The same in parts, for who takes and gives it back again and again while worker processes, which
// share the file, live on: opened once, before they are forked. It is a service that does so.
SL_MUST int sl_run_lock_open(const char *state_folder, int *ret_fd, struct sl_err *err);
// False if somebody else holds it.
bool sl_run_lock_take(int fd);
void sl_run_lock_give_back(int fd);

#endif
