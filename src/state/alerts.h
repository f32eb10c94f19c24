// The file of alerts, where the state store is none of a server.
#ifndef SL_STATE_ALERTS_H
#define SL_STATE_ALERTS_H

#include "api/alerts.h"
#include "state/store.h"

#define SL_ALERTS_FILE "alerts.db"

// Opens or makes it, as a store of kind sl_store_sqlite.
SL_MUST int sl_alerts_file_open(const char *path, bool may_make, void **ret, struct sl_err *err);
// What the store said of a failure, as it is told of alerts. Gives the code.
int sl_alerts_file_failed(int code, struct sl_err *err);

#endif
