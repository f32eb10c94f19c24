// The audit of a model's table before it is published.
#ifndef SL_STEP_AUDIT_H
#define SL_STEP_AUDIT_H

#include "step/model.h"

// The files of the table as it would be after the commit; with `only_staged` just the new ones.
SL_MUST int sl_audit_scan(const struct sl_model_step *step, bool only_staged, struct sl_scan *ret,
                          struct sl_err *err);

#endif
