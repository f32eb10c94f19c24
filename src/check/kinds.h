// The kinds of check, one file each.
#ifndef SL_CHECK_KINDS_H
#define SL_CHECK_KINDS_H

#include "check/argument.h"

extern const struct sl_check_kind sl_check_accepted_values, sl_check_expression, sl_check_not_null,
    sl_check_range, sl_check_relationships, sl_check_row_count, sl_check_unique;

#endif
