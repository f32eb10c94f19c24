// A run of the service, watched by the command that asked for it.
#ifndef SL_CLI_WAIT_H
#define SL_CLI_WAIT_H

#include "cli/cli.h"

// Prints the run's log as it grows, then what came of it, or with --json {"run_id", "status",
// "exit_code", "steps", ...} alone. *ret_exit is as of `sluice run`. The service must be
// there (SL_E_SERVE_NOBODY), and may be busy; the run goes on in any case.
SL_MUST int sl_wait_for_run(const struct sl_common *common, const char *state_folder,
                            const char *run_id, int *ret_exit, struct sl_err *err);
// GET, again after a pause for as long as the service is busy: for who waits anyhow.
SL_MUST int sl_wait_and_ask(const char *state_folder, const char *path, json_t **ret,
                            struct sl_err *err);

#endif
