// What of a model says that it is a version of an output, or has a last day.
#ifndef SL_CLI_OUTPUT_H
#define SL_CLI_OUTPUT_H

#include "cli/cli.h"

// "version 2, latest, until 2027-01-31", "means revenue_v2"; "" if there is nothing to say. NULL
// out of memory.
const char *sl_output_text(const struct sl_model *model, struct sl_arena *arena);
// Adds "version_of", "output_version", "is_latest", "deprecated" and "stands_for" where they are.
SL_MUST int sl_output_add(json_t *object, const struct sl_model *model, struct sl_err *err);

#endif
