// The function "~matches" (base/matches.h) in DuckDB.
#ifndef SL_ENGINE_DUCKDB_MATCHES_H
#define SL_ENGINE_DUCKDB_MATCHES_H

#include "engine/duckdb/library.h"

// For all connections of the database. `library` must outlive it.
SL_MUST int sl_duckdb_add_matches(const struct sl_duckdb_library *library,
                                  duckdb_connection connection, struct sl_err *err);

#endif
