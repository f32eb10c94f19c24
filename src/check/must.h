// The operators of the Open Data Contract Standard: mustBe, mustBeLessThan, mustBeBetween, ...
// (docs/data-quality.md of the standard, "Valid Properties for Operator").
#ifndef SL_CHECK_MUST_H
#define SL_CHECK_MUST_H

#include "base/span.h"
#include "check/argument.h"

// Writes what breaks the operators that the arguments have, as a condition over `name` (a SQL
// name), and what they claim ("less than 5"). False, with a diagnostic, if there is none, a value
// is no number, or nothing within the limits (NULL: any number) can pass.
bool sl_check_must(const struct sl_check_input *input, const char *name,
                   const struct sl_span_limits *limits, struct sl_buf *broken,
                   struct sl_buf *claim);
bool sl_check_is_operator(const char *key);
// What the operators of these arguments let pass. False if a value is no number.
bool sl_check_must_spans(const struct sl_yaml *arguments, struct sl_spans *ret);

#endif
