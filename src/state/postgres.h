// PostgreSQL's side of the state store, as its files share it.
#ifndef SL_STATE_POSTGRES_H
#define SL_STATE_POSTGRES_H

#include "base/libpq.h"
#include "base/map.h"
#include "state/store.h"

struct sl_postgres_store {
    struct sl_libpq libpq;
    struct sl_arena arena;
    const char **keywords, **values; // of connections; end with NULL
    const char *schema;
    PGconn *connection;
    PGconn *listening; // a second one, so that what is told does not get lost among answers; NULL
    const char *listens_for;  // project; NULL: nothing
    struct sl_map statements; // text -> name of what the server has prepared
    bool is_in_transaction;
    bool is_unseen;    // which version it has is not known yet
    bool is_service;   // it has others to hear, and waits for less long
    int64_t failed_us; // monotonic, when it waited in vain for a connection; 0: not
    int64_t busy_us;   // monotonic, when a service waited in vain for an answer; 0: not
};

// Fills err from a failed result; NULL: the connection alone tells. Gives the code.
int sl_postgres_store_fail(struct sl_postgres_store *store, PGconn *connection,
                           const PGresult *result, struct sl_err *err);
// The last result of what was sent (PQsend...), as PQexec gives it; NULL if `is_sent` is 0, or the
// connection is lost. A server from which nothing comes is given up.
PGresult *sl_postgres_store_result(struct sl_postgres_store *store, PGconn *connection,
                                   int is_sent);
// Connects anew, if the connection is lost; what was prepared is forgotten.
SL_MUST int sl_postgres_store_connect(struct sl_postgres_store *store, PGconn **connection,
                                      struct sl_err *err);
// Runs statements without parameters.
SL_MUST int sl_postgres_store_exec(struct sl_postgres_store *store, PGconn *connection,
                                   const char *sql, struct sl_err *err);

#endif
