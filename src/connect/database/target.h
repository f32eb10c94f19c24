// Targets that the engine attaches as a database file: SQLite and DuckDB. Rows and position (table _sluice_loads) change in one transaction.
#ifndef SL_CONNECT_DATABASE_TARGET_H
#define SL_CONNECT_DATABASE_TARGET_H

#include "api/target.h"

extern const struct sl_target_kind sl_target_sqlite, sl_target_duckdb;

#endif
