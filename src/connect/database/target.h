// Targets that the engine attaches as a database file: SQLite and DuckDB. Rows and position (table
// _sluice_loads) change in one transaction.
#ifndef SL_CONNECT_DATABASE_TARGET_H
#define SL_CONNECT_DATABASE_TARGET_H

#include "api/target.h"

extern const struct sl_target_kind sl_target_sqlite, sl_target_duckdb;

// Position of a delivery in a SQLite file (sqlite.c).
SL_MUST int sl_sqlite_position(const char *path, const char *to, struct sl_arena *arena,
                               struct sl_target_position *ret, struct sl_err *err);

#endif
