// Telling people of a run, by the commands that end in one.
#ifndef SL_CLI_ALERTS_H
#define SL_CLI_ALERTS_H

#include "cli/cli.h"
#include "notify/notify.h"

// What a run came to, written down; what fails here is a warning.
void sl_alerts_of_run(const struct sl_common *common, const struct sl_run *run);
void sl_alerts_of_failure(const struct sl_common *common, const struct sl_world *world,
                          const struct sl_err *failure);
void sl_alerts_of_nothing(const struct sl_common *common, const struct sl_world *world);
// Sends what is due, for no more than five seconds; the rest is left to the next command.
void sl_alerts_send(const struct sl_common *common, const struct sl_project *project);

#endif
