// A run of the service, watched by the command that asked for it.
#ifndef SL_CLI_WAIT_H
#define SL_CLI_WAIT_H

#include "cli/cli.h"

// Prints the run's log as it grows, then what came of it, or with --json {"run_id", "status",
// "exit_code", "steps", ...} alone. *ret_exit is as of `sluice run`. The service must be
// there (SL_E_SERVE_NOBODY), and may be busy; the run goes on in any case.
SL_MUST int sl_wait_for_run(const struct sl_common *common, const char *state_folder,
                            const char *run_id, int *ret_exit, struct sl_err *err);
// A pause, before a service that was too busy to answer is asked again.
void sl_wait_busy(void);

#endif
