// The operators of the Open Data Contract Standard: mustBe, mustBeLessThan, mustBeBetween, ...
// (docs/data-quality.md of the standard, "Valid Properties for Operator").
#ifndef SL_CHECK_MUST_H
#define SL_CHECK_MUST_H

#include "check/argument.h"

// Numbers that a measure can give.
struct sl_check_limits {
    double min, max;
    bool is_whole;
};

// Writes what breaks the operators that the arguments have, as a condition over `name` (a SQL
// name), and what they claim ("less than 5"). False, with a diagnostic, if there is none, a value
// is no number, or nothing within the limits (NULL: any number) can pass.
bool sl_check_must(const struct sl_check_input *input, const char *name,
                   const struct sl_check_limits *limits, struct sl_buf *broken,
                   struct sl_buf *claim);

#endif
