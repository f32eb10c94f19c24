// A connection to PostgreSQL and what a delivery does on it.
#ifndef SL_CONNECT_POSTGRES_SESSION_H
#define SL_CONNECT_POSTGRES_SESSION_H

#include "api/target.h"
#include "base/libpq.h"

struct sl_postgres {
    struct sl_libpq libpq;
    PGconn *connection;
    struct sl_session *engine;
    struct sl_arena *arena;
    const char *schema;
};

// What a failure means for the delivery: whether it may pass by itself. `result` NULL: only the
// connection tells.
enum sl_code sl_postgres_code(const struct sl_postgres *postgres, const PGresult *result);
SL_MUST int sl_postgres_exec(struct sl_postgres *postgres, const char *sql, struct sl_err *err);
// As exec, and gives the result; PQclear it.
SL_MUST int sl_postgres_query(struct sl_postgres *postgres, const char *sql, PGresult **ret,
                              struct sl_err *err);
// As exec, and gives how many rows the server says the statement wrote.
SL_MUST int sl_postgres_change(struct sl_postgres *postgres, const char *sql, int64_t *ret_rows,
                               struct sl_err *err);
// SL_E_BALANCE if the server counted other than what it was given: a rule or a trigger of the table
// dropped rows.
SL_MUST int sl_postgres_count(const char *table, int64_t given, int64_t written,
                              struct sl_err *err);
// create [temp] table <name> (<columns>): column types follow the engine's.
SL_MUST int sl_postgres_create(struct sl_postgres *postgres, const char *name, bool is_temporary,
                               const struct sl_column *columns, size_t count, struct sl_err *err);
// Streams what the engine gives for `rows_sql` into a table by COPY. The engine writes CSV into a
// pipe on one thread, this one reads. *ret_rows: as the engine counted them, and the server too.
SL_MUST int sl_postgres_copy(struct sl_postgres *postgres, const char *name, const char *rows_sql,
                             const struct sl_column *columns, size_t count, int64_t *ret_rows,
                             struct sl_err *err);

// Fetches all rows of a table into the engine's temporary table `temp`. SL_E_TABLE_MISSING if there
// is none; SL_E_BALANCE if the engine read other than what the server sent.
SL_MUST int sl_postgres_read(struct sl_postgres *postgres, const char *table, const char *temp,
                             struct sl_err *err);

// Delivered rows on their way: a temporary table of this name, with the delivery's columns.
#define SL_POSTGRES_STAGE "_sluice_stage"
// Compares the columns of a table that is there with those of the stage. Where the table is
// replaced, columns that are missing are added, others dropped, those of another type made anew;
// what hangs on a column that stays (indexes, views, grants) stays. Where it is continued, missing
// columns and other types are SL_E_TARGET_REFUSED: its rows could not be as the lake's.
SL_MUST int sl_postgres_fit(struct sl_postgres *postgres, const struct sl_load *load,
                            const char *table, struct sl_err *err);
// Before rows are replaced: drops a primary key that is not the delivery's.
SL_MUST int sl_postgres_drop_stale_key(struct sl_postgres *postgres, const struct sl_load *load,
                                       const char *table, struct sl_err *err);
// The delivery's key as the primary key, unless it is already: merges need an index.
SL_MUST int sl_postgres_add_key(struct sl_postgres *postgres, const struct sl_load *load,
                                const char *table, struct sl_err *err);

#endif
