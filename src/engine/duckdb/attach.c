// Database files attached as catalogues.
#include "engine/duckdb/session.h"

#include "base/clock.h"

#include <time.h>

#define WAIT_US (10 * INT64_C(1000000))
#define PAUSE_NS 5000000

// The steward does it, under the engine's mutex: two sessions that attach at once could both see
// the other's change and fail.
static int command(struct sl_duckdb_session *session, const struct sl_buf *sql, struct sl_err *err)
{
    struct sl_duckdb_engine *engine = session->engine;
    SL_TRY(sl_buf_check(sql, err));
    pthread_mutex_lock(&engine->mutex);
    int code = sl_duckdb_do(engine->steward, sql->text, NULL, err);
    pthread_mutex_unlock(&engine->mutex);
    return code;
}

int sl_duckdb_attach(struct sl_session *base, const char *path, const char *type, const char *name,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int64_t deadline_us = sl_clock_monotonic_us() + WAIT_US;
    int code;
    sl_buf_add(&sql, "attach ");
    sl_buf_add_sql_string(&sql, path);
    sl_buf_add(&sql, " as ");
    sl_buf_add_sql_name(&sql, name);
    sl_buf_addf(&sql, " (type %s)", type);
    while ((code = command(sl_duckdb_session_of(base), &sql, err)) == SL_E_LOCKED &&
           sl_clock_monotonic_us() < deadline_us) {
        sl_err_clear(err);
        (void)nanosleep(&pause, NULL);
    }
    return code;
}

int sl_duckdb_detach(struct sl_session *base, const char *name, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "detach ");
    sl_buf_add_sql_name(&sql, name);
    return command(sl_duckdb_session_of(base), &sql, err);
}

// A description of what is not there fails without the search for similar names that the error of a
// statement would bring, through every catalogue.
int sl_duckdb_has_table(struct sl_session *base, const char *catalogue, const char *name, bool *ret,
                        struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    const struct sl_duckdb_library *library = session->library;
    const struct sl_duckdb_sql none = {.text = ""};
    duckdb_table_description table = NULL;
    int code = SL_OK;
    bool is_there = library->table_description_create_ext(session->connection, catalogue, NULL,
                                                          name, &table) == DuckDBSuccess;
    const char *message = table ? library->table_description_error(table) : NULL;
    bool is_view = message && sl_str_ends(message, "is not an table");
    if (is_there || is_view ||
        (message && sl_str_equal(message, "No table with that schema+name could be located")))
        *ret = is_there || is_view;
    else
        code = sl_duckdb_fail(err, message, &none);
    library->table_description_destroy(&table);
    return code;
}
