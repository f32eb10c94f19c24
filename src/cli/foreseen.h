// What checks of a table would come to, where nothing is published: contract test, replay
// --dry-run.
#ifndef SL_CLI_FORESEEN_H
#define SL_CLI_FORESEEN_H

#include "cli/cli.h"
#include "step/step.h"

struct sl_foreseen {
    const struct sl_check_result *checks;
    size_t count;
};
// Whether one fails that does not only warn.
bool sl_foreseen_fails(const struct sl_foreseen *foreseen);
// "would pass", "would fail" or "cannot be judged", a line each.
void sl_foreseen_print(const struct sl_foreseen *foreseen);
// The list as in a run's report; NULL out of memory.
json_t *sl_foreseen_json(const struct sl_foreseen *foreseen);

#endif
