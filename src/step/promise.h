// What a published version of an output promises to its readers: its columns, their types, and
// which of them are never null, as far as that is known.
#ifndef SL_STEP_PROMISE_H
#define SL_STEP_PROMISE_H

#include "contract/change.h"
#include "step/step.h"

// What of it `columns` would break, as one text per column: "amount: the column is gone". None if
// the model is no version, or its table is not there. Another environment's table is a promise too.
SL_MUST int sl_step_promise(struct sl_step_context *context, const struct sl_model *model,
                            const struct sl_column *columns, size_t count, struct sl_strs *ret,
                            struct sl_err *err);
// Whether one of the names is this model: "revenue_v2", "curated.revenue_v2". `names` may be NULL.
bool sl_step_may_break(const struct sl_strs *names, const struct sl_model *model);

#endif
