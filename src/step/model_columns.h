// What of a model's result no table can hold: told by `check`, and by the step before it does
// anything.
#ifndef SL_STEP_MODEL_COLUMNS_H
#define SL_STEP_MODEL_COLUMNS_H

#include "step/step.h"

// Diagnostics for reserved names, types that Delta does not have, and columns that cannot partition
// a table. `columns` are those of the query; names that the settings make up are the caller's
// affair.
void sl_model_check_columns(const struct sl_model *model, const struct sl_column *columns,
                            size_t count, struct sl_diags *diags);

#endif
