// status --quality (status_quality.c): the five scores of every table, and what they are made of.
#ifndef SL_CLI_STATUS_QUALITY_H
#define SL_CLI_STATUS_QUALITY_H

#include "cli/cli.h"

SL_MUST int sl_status_quality(const struct sl_common *common, struct sl_err *err);

#endif
