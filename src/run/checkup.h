// A look at the health of a service's project (run/health.h), made by a worker of its executor:
// the loop's thread opens no table.
#ifndef SL_RUN_CHECKUP_H
#define SL_RUN_CHECKUP_H

#include "run/executor.h"
#include "run/health.h"

struct sl_checkup;
// `on_end` is called once, from sl_checkup_go or from the loop. Where the executor is closed before
// that, it is not called, and the checkup is to be freed after it.
SL_MUST int sl_checkup_start(struct sl_executor *executor, const struct sl_health_request *request,
                             void (*on_end)(void *owner, struct sl_checkup *checkup), void *owner,
                             struct sl_checkup **ret, struct sl_err *err);
void sl_checkup_go(struct sl_checkup *checkup);
// Its worker is killed; `on_end` comes when that has ended, and at once if none had begun it.
void sl_checkup_cut_off(struct sl_checkup *checkup);
// What was seen; NULL: it could not be made, and the error says why.
const struct sl_health *sl_checkup_health(const struct sl_checkup *checkup);
const struct sl_err *sl_checkup_err(const struct sl_checkup *checkup);
void sl_checkup_free(struct sl_checkup **checkup); // for SL_AUTO. It has ended.

#endif
