// The parts of the check, shared between its files.
#ifndef SL_RUN_CHECK_H
#define SL_RUN_CHECK_H

#include "run/world.h"

// A warning for each old name of a column whose last day is over, but where raw can be shown not to
// need it. *session is opened if it is needed.
SL_MUST int sl_world_check_aliases(struct sl_world *world, const struct sl_contract_table *table,
                                   struct sl_session **session, struct sl_err *err);

#endif
