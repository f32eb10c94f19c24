// A connection to PostgreSQL and what a delivery does on it.
#ifndef SL_CONNECT_POSTGRES_SESSION_H
#define SL_CONNECT_POSTGRES_SESSION_H

#include "api/target.h"
#include "connect/postgres/libpq.h"

struct sl_postgres {
    struct sl_libpq libpq;
    PGconn *connection;
    struct sl_session *engine;
    struct sl_arena *arena;
    const char *schema;
};

SL_MUST int sl_postgres_exec(struct sl_postgres *postgres, const char *sql, struct sl_err *err);
// As exec, and gives the result; PQclear it.
SL_MUST int sl_postgres_query(struct sl_postgres *postgres, const char *sql, PGresult **ret,
                              struct sl_err *err);
// create [temp] table <name> (<columns>): column types follow the engine's.
SL_MUST int sl_postgres_create(struct sl_postgres *postgres, const char *name, bool is_temporary,
                               const struct sl_column *columns, size_t count, struct sl_err *err);
// Streams what the engine gives for `rows_sql` into a table by COPY. The engine writes CSV into a
// pipe on one thread, this one reads.
SL_MUST int sl_postgres_copy(struct sl_postgres *postgres, const char *name, const char *rows_sql,
                             const struct sl_column *columns, size_t count, int64_t *ret_rows,
                             struct sl_err *err);

#endif
