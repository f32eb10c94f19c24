// Rules that look at several columns are not judged where one of them holds no value because it
// failed its type: that is a reason of its own, and what follows from the null is none. So it is
// with unique_items where something in the array has another shape.
#ifndef SL_CONTRACT_GUARD_H
#define SL_CONTRACT_GUARD_H

#include "contract/compile.h"

// Of all rules of the pass; which columns their SQL reads, the session's parser tells. The flag
// stays as it is where the failed type rejects the row anyway.
SL_MUST int sl_guard_rules(const struct sl_contract_table *table, struct sl_pass *pass,
                           struct sl_session *session, struct sl_arena *arena, struct sl_err *err);

#endif
