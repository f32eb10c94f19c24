// Inside the DuckDB engine: the engine, its sessions, statements and their errors.
#ifndef SL_ENGINE_DUCKDB_SESSION_H
#define SL_ENGINE_DUCKDB_SESSION_H

#include "api/engine.h"
#include "engine/duckdb/library.h"

#include <pthread.h>

struct sl_duckdb_session;

struct sl_duckdb_engine {
    struct sl_engine base;
    struct sl_duckdb_library library;
    duckdb_database database;
    bool is_for_few_rows;  // it works on the threads that call it alone
    pthread_mutex_t mutex; // held while a session's catalogue comes or goes; guards what follows
    struct sl_duckdb_session *steward; // attaches and detaches the catalogues of the others
    struct sl_duckdb_session *idle;    // closed, and as good as new
    int64_t last_number;               // of a session
    int64_t memory_bytes, threads;     // all of it, whatever the share is
};

struct sl_duckdb_session {
    struct sl_session base;
    struct sl_duckdb_engine *engine;
    const struct sl_duckdb_library *library; // the engine's
    duckdb_connection connection;
    int64_t number; // its catalogue is session_<number>
    bool has_catalogue;
    int hurry_count; // how often turned on
    bool is_used;    // something may have been made or set in it: it is not used again
    struct sl_duckdb_session *next; // idle
};

static inline struct sl_duckdb_session *sl_duckdb_session_of(struct sl_session *session)
{
    return (struct sl_duckdb_session *)session;
}

// A prepared statement, its result, or both. Zeroed but for `library`, it is empty.
struct sl_duckdb_answer {
    const struct sl_duckdb_library *library;
    duckdb_prepared_statement statement;
    duckdb_result result;
    bool has_result;
    uint64_t max_rows; // 0: all
};
void sl_duckdb_answer_clear(struct sl_duckdb_answer *answer); // for SL_AUTO
#define SL_DUCKDB_ANSWER_INIT(session) \
    {                                  \
        .library = (session)->library  \
    }

// SQL as DuckDB gets it: what we put before the user's part is not counted in the places of errors.
struct sl_duckdb_sql {
    const char *text;
    size_t prefix_bytes;
    size_t user_bytes; // 0: all of it is ours, errors have no place
};

// Prepares one statement.
SL_MUST int sl_duckdb_prepare(struct sl_duckdb_session *session, const struct sl_duckdb_sql *sql,
                              struct sl_duckdb_answer *answer, struct sl_err *err);
// Runs the prepared statement. Streaming, rows come as they are fetched, and only one answer of a
// session can be fetched from.
SL_MUST int sl_duckdb_run(struct sl_duckdb_answer *answer, const struct sl_duckdb_sql *sql,
                          bool is_streaming, struct sl_err *err);
// A prepared statement that reads files is planned again when it runs. From about this length on
// planning takes most of the time; of shorter ones the pauses of sl_duckdb_run are worth more.
enum { SL_DUCKDB_LONG_SQL = 64 << 10 };

// Runs one statement to its end. Some are bound twice where they are prepared first (CREATE TABLE
// AS, COPY): for few rows, and where the statement is long, that is most of their time.
SL_MUST int sl_duckdb_run_whole(struct sl_duckdb_session *session, const struct sl_duckdb_sql *sql,
                                struct sl_duckdb_answer *answer, struct sl_err *err);
// Runs one statement of our own. `answer` may be NULL.
SL_MUST int sl_duckdb_do(struct sl_duckdb_session *session, const char *text,
                         struct sl_duckdb_answer *answer, struct sl_err *err);
// The next rows, or NULL after the last; destroy it with the library's destroy_data_chunk.
SL_MUST int sl_duckdb_fetch(struct sl_duckdb_answer *answer, const struct sl_duckdb_sql *sql,
                            duckdb_data_chunk *ret, struct sl_err *err);
// Fails with DuckDB's message (its JSON form, or any text; NULL is out of memory): the code by its
// kind, the place in the user's part of `sql`, near names in the hint.
int sl_duckdb_fail(struct sl_err *err, const char *message, const struct sl_duckdb_sql *sql);

// Length of `sql` without blanks, comments and semicolons at its end, so that it can be put in
// brackets.
size_t sl_duckdb_sql_length(const char *sql);

// Statement of ours around the user's SELECT: `before`, `sql` trimmed, `after`. Its text is in buf.
SL_MUST int sl_duckdb_wrap(const char *before, const char *sql, const char *after,
                           struct sl_buf *buf, struct sl_duckdb_sql *ret, struct sl_err *err);

// Of sl_engine_kind (statement.c, attach.c).
SL_MUST int sl_duckdb_hurry(struct sl_session *session, bool is_on, struct sl_err *err);
SL_MUST int sl_duckdb_attach(struct sl_session *session, const char *path, const char *type,
                             const char *name, struct sl_err *err);
SL_MUST int sl_duckdb_detach(struct sl_session *session, const char *name, struct sl_err *err);
SL_MUST int sl_duckdb_has_table(struct sl_session *session, const char *catalogue, const char *name,
                                bool *ret, struct sl_err *err);

static inline bool sl_duckdb_is_valid(const uint64_t *validity, idx_t row)
{
    return !validity || (validity[row / 64] >> (row % 64) & 1);
}
// Value at `row` of a VARCHAR vector, not ended by NUL; false if it is null.
bool sl_duckdb_text(const struct sl_duckdb_library *library, duckdb_vector vector, idx_t row,
                    const char **ret, size_t *ret_length);

#endif
