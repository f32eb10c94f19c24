#ifndef SL_STEP_RESULT_FIELDS_H
#define SL_STEP_RESULT_FIELDS_H

#include "base/fields.h"
#include "step/step.h"

// All of struct sl_step_result.
extern const struct sl_field sl_step_result_fields[];

#endif
