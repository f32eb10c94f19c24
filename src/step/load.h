// What every kind of target may rely on in a delivery, looked at before it gets the rows.
#ifndef SL_STEP_LOAD_H
#define SL_STEP_LOAD_H

#include "api/target.h"

// SL_E_TARGET_KEY if a column of `key` or `partition_by` is none of the table's, or if the key does
// not tell the table's rows apart: a null in it, or two rows with the same values. `table_sql` is
// the whole table as the delivery will leave it; with any mode but REPLACE only the keys of
// rows_sql are looked for in it.
SL_MUST int sl_load_check(struct sl_session *session, const struct sl_load *load,
                          const char *table_sql, struct sl_err *err);

#endif
