// How many different keys the rules of a contract leave.
#ifndef SL_RUN_GENERATE_KEYS_H
#define SL_RUN_GENERATE_KEYS_H

#include "run/generate.h"

// SL_E_LIMIT if there are surely fewer than rows are asked for. Knows lists, booleans and ranges of
// integers.
SL_MUST int sl_generate_enough_keys(const struct sl_generate_options *options,
                                    const struct sl_pass *pass, struct sl_err *err);

#endif
