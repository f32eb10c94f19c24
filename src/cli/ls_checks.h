// The kinds of rules and checks, printed.
#ifndef SL_CLI_LS_CHECKS_H
#define SL_CLI_LS_CHECKS_H

#include "cli/cli.h"

// All of them, or with `name` those of this name with their options. SL_E_USAGE if there is none.
SL_MUST int sl_ls_checks(const char *name, bool is_json, struct sl_err *err);

#endif
