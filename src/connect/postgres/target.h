// PostgreSQL as a target. Rows go by COPY into a table of their own; they, and the position in
// <schema>._sluice_loads, become visible in one transaction. A whole delivery is copied beside the
// old table and swapped in, so readers wait for nothing but the swap.
#ifndef SL_CONNECT_POSTGRES_TARGET_H
#define SL_CONNECT_POSTGRES_TARGET_H

#include "api/target.h"

extern const struct sl_target_kind sl_target_postgres;

#endif
