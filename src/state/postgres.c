#include "state/postgres.h"

#include "api/leases.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PARAMS 24
#define BUSY_US INT64_C(500000)

// Classes of SQLSTATE: 08 and 57P connections, 40 a deadlock or a lost race, 53 no room, and what
// the time limits have ended.
int sl_postgres_store_fail(struct sl_postgres_store *store, PGconn *connection,
                           const PGresult *result, struct sl_err *err)
{
    static const char *const passing[] = {"40", "53", "55P03", "57014", "25P03"};
    const struct sl_libpq *pq = &store->libpq;
    const char *state = result ? pq->PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    enum sl_code code = SL_E_STATE_LOGIN;
    if (pq->PQstatus(connection) != CONNECTION_OK || (state && sl_str_starts(state, "57P")))
        code = SL_E_STATE_CONNECT;
    else if (state && strcmp(state, "53100") == 0)
        code = SL_E_NO_SPACE;
    else
        for (size_t i = 0; state && i < sizeof passing / sizeof *passing; i++)
            if (sl_str_starts(state, passing[i]))
                code = SL_E_STATE_BUSY;
    // A statement that took too long says nothing of the next one; a lock does.
    if (code == SL_E_STATE_BUSY && store->is_service && !sl_str_equal(state, "57014"))
        store->busy_us = sl_clock_monotonic_us();
    char message[sizeof err->message];
    snprintf(message, sizeof message, "%s", pq->PQerrorMessage(connection));
    for (size_t end = strlen(message); end > 0 && message[end - 1] == '\n'; end--)
        message[end - 1] = '\0';
    return sl_fail(err, code, "state store: %s", message);
}

int sl_postgres_store_exec(struct sl_postgres_store *store, PGconn *connection, const char *sql,
                           struct sl_err *err)
{
    const struct sl_libpq *pq = &store->libpq;
    PGresult *result =
        sl_postgres_store_result(store, connection, pq->PQsendQuery(connection, sql));
    ExecStatusType status = pq->PQresultStatus(result);
    int code = SL_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        code = sl_postgres_store_fail(store, connection, result, err);
    pq->PQclear(result);
    return code;
}

// --- statements

// Our SQL as the server reads it: $1 for ?1, sluice_each for SQLite's json_each, and the marks.
static void translate(const char *sql, struct sl_buf *ret)
{
    static const struct word {
        const char *ours, *theirs;
    } words[] = {
        {"?", "$"},
        {"json_each(", "sluice_each("},
        {"/*skip locked*/", "for update skip locked"},
        {"/*for share*/", "for share"},
    };
    bool is_text = false;
    while (*sql) {
        const struct word *word = NULL;
        for (size_t i = 0; !is_text && i < sizeof words / sizeof *words; i++)
            if (sl_str_starts(sql, words[i].ours))
                word = &words[i];
        if (*sql == '\'')
            is_text = !is_text;
        if (word)
            sl_buf_add(ret, word->theirs);
        else
            sl_buf_add_char(ret, *sql);
        sql += word ? strlen(word->ours) : 1;
    }
}

static int prepared(struct sl_postgres_store *store, const char *sql, const char **ret,
                    struct sl_err *err)
{
    const struct sl_libpq *pq = &store->libpq;
    *ret = sl_map_get(&store->statements, sql);
    if (*ret)
        return SL_OK;
    const char *name = sl_arena_printf(&store->arena, "s%zu", sl_map_count(&store->statements) + 1);
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_TRY_NEW(name, err);
    translate(sql, &text);
    SL_TRY(sl_buf_check(&text, err));
    PGresult *result = sl_postgres_store_result(
        store, store->connection, pq->PQsendPrepare(store->connection, name, text.text, 0, NULL));
    int code = SL_OK;
    if (pq->PQresultStatus(result) != PGRES_COMMAND_OK)
        code = sl_postgres_store_fail(store, store->connection, result, err);
    pq->PQclear(result);
    SL_TRY(code);
    *ret = name;
    return sl_map_set(&store->statements, sql, (void *)name, err);
}

// The server refuses texts that are no UTF-8; the history shows U+FFFD in their place, as JSON
// does.
static char *clean(const char *text, struct sl_arena *arena)
{
    SL_AUTO(sl_buf_clear) struct sl_buf buf = SL_BUF_INIT;
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t step = sl_utf8_length(text + at, length - at);
        sl_buf_add_bytes(&buf, step ? text + at : "\xEF\xBF\xBD", step ? step : 3);
        at += step ? step : 1;
    }
    return buf.has_failed ? NULL : sl_arena_strdup(arena, buf.text);
}

static bool is_clean(const char *text)
{
    size_t length = strlen(text);
    for (size_t at = 0; at < length;) {
        size_t step = sl_utf8_length(text + at, length - at);
        if (!step)
            return false;
        at += step;
    }
    return true;
}

struct rows {
    const struct sl_libpq *pq;
    PGresult *rows;
};

static int take_rows(struct sl_postgres_store *store, PGresult *result,
                     const struct sl_statement *statement, struct sl_err *err)
{
    struct rows rows = {&store->libpq, result};
    struct sl_store_row row = {.kind = &sl_store_postgres, .at = &rows, .arena = statement->arena};
    int count = store->libpq.PQntuples(result);
    for (; statement->on_row && row.index < count; row.index++)
        SL_TRY(statement->on_row(statement->to, &row, err));
    if (statement->ret_changed)
        *statement->ret_changed = strtoll(store->libpq.PQcmdTuples(result), NULL, 10);
    return SL_OK;
}

static const char *text(void *at, int index, int column)
{
    const struct rows *rows = at;
    return rows->pq->PQgetisnull(rows->rows, index, column)
               ? NULL
               : rows->pq->PQgetvalue(rows->rows, index, column);
}

static int64_t number(void *at, int index, int column)
{
    const struct rows *rows = at;
    return strtoll(rows->pq->PQgetvalue(rows->rows, index, column), NULL, 10);
}

static int run_once(struct sl_postgres_store *store, const struct sl_statement *statement,
                    struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_libpq *pq = &store->libpq;
    const char *values[MOST_PARAMS], *name;
    char numbers[MOST_PARAMS][24];
    sl_arena_init(&arena, 0);
    if (statement->count > MOST_PARAMS)
        return sl_fail(err, SL_E_INTERNAL, "a statement has %zu parameters", statement->count);
    for (size_t i = 0; i < statement->count; i++) {
        const struct sl_param *param = &statement->params[i];
        values[i] = param->text;
        if (param->is_number) {
            snprintf(numbers[i], sizeof numbers[i], "%lld", (long long)param->number);
            values[i] = numbers[i];
        } else if (param->text && !is_clean(param->text)) {
            values[i] = clean(param->text, &arena);
            SL_TRY_NEW(values[i], err);
        }
    }
    SL_TRY(prepared(store, statement->sql, &name, err));
    PGresult *result = sl_postgres_store_result(store, store->connection,
                                                pq->PQsendQueryPrepared(store->connection, name,
                                                                        (int)statement->count,
                                                                        values, NULL, NULL, 0));
    ExecStatusType status = pq->PQresultStatus(result);
    int code = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                   ? take_rows(store, result, statement, err)
                   : sl_postgres_store_fail(store, store->connection, result, err);
    pq->PQclear(result);
    return code;
}

// Where somebody holds a lock, of several calls one waits for it, so that the loop gets round.
static int ready(void *self, struct sl_err *err)
{
    struct sl_postgres_store *store = self;
    if (store->busy_us && sl_clock_monotonic_us() - store->busy_us < BUSY_US)
        return sl_fail(err, SL_E_STATE_BUSY, "state store: it did not answer a moment ago");
    store->busy_us = 0;
    return SL_OK;
}

// Outside a transaction there is only reading, which may be done again.
static int run(void *self, const struct sl_statement *statement, struct sl_err *err)
{
    struct sl_postgres_store *store = self;
    struct sl_err first = {0};
    if (!store->is_in_transaction)
        SL_TRY(ready(store, err));
    int code = run_once(store, statement, &first);
    if (code == SL_E_STATE_CONNECT && !store->is_in_transaction) {
        SL_TRY(sl_postgres_store_connect(store, &store->connection, err));
        return run_once(store, statement, err);
    }
    if (code != SL_OK && err)
        *err = first;
    return code;
}

static int begin(void *self, bool is_relaxed, struct sl_err *err)
{
    (void)is_relaxed; // the server's disk is not this process's loop
    struct sl_postgres_store *store = self;
    struct sl_err first = {0};
    int code = sl_postgres_store_exec(store, store->connection, "begin", &first);
    if (code == SL_E_STATE_CONNECT) {
        SL_TRY(sl_postgres_store_connect(store, &store->connection, err));
        code = sl_postgres_store_exec(store, store->connection, "begin", err);
    } else if (code != SL_OK && err) {
        *err = first;
    }
    store->is_in_transaction = code == SL_OK;
    return code;
}

static void rollback(void *self)
{
    struct sl_postgres_store *store = self;
    struct sl_err ignored = {0};
    store->is_in_transaction = false;
    if (store->libpq.PQstatus(store->connection) == CONNECTION_OK)
        (void)!sl_postgres_store_exec(store, store->connection, "rollback", &ignored);
}

static int commit(void *self, struct sl_err *err)
{
    struct sl_postgres_store *store = self;
    int code = sl_postgres_store_exec(store, store->connection, "commit", err);
    store->is_in_transaction = false;
    return code;
}

// --- waiting for other processes

// One channel for a schema: the payload says whose and what.
static int wake(void *self, const char *project, int wakes, struct sl_err *err)
{
    struct sl_postgres_store *store = self;
    const struct sl_param params[] = {SL_TEXT(store->schema), SL_TEXT(project), SL_NUMBER(wakes)};
    return run(store,
               &(struct sl_statement){.sql =
                                          "select pg_notify('sluice ' || cast(?1 as text), "
                                          "cast(cast(?3 as bigint) as text) || ' ' || cast(?2 as "
                                          "text))",
                                      .params = params,
                                      .count = 3},
               err);
}

static int begin_to_listen(struct sl_postgres_store *store, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf channel = SL_BUF_INIT;
    sl_buf_addf(&channel, "sluice %s", store->schema);
    SL_TRY(sl_buf_check(&channel, err));
    sl_buf_add(&sql, "listen ");
    sl_buf_add_sql_name(&sql, channel.text);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_postgres_store_connect(store, &store->listening, err));
    return sl_postgres_store_exec(store, store->listening, sql.text, err);
}

static int listen_to(void *self, const char *project, int *ret_fd, struct sl_err *err)
{
    struct sl_postgres_store *store = self;
    if (!store->listens_for || store->libpq.PQstatus(store->listening) != CONNECTION_OK) {
        store->listens_for = sl_arena_strdup(&store->arena, project);
        SL_TRY_NEW(store->listens_for, err);
        SL_TRY(begin_to_listen(store, err));
    }
    *ret_fd = store->libpq.PQsocket(store->listening);
    return SL_OK;
}

static int woken(void *self, int *ret_wakes, struct sl_err *err)
{
    struct sl_postgres_store *store = self;
    const struct sl_libpq *pq = &store->libpq;
    PGnotify *told;
    *ret_wakes = 0;
    if (!store->listens_for)
        return SL_OK;
    if (!pq->PQconsumeInput(store->listening) || pq->PQstatus(store->listening) != CONNECTION_OK)
        return sl_postgres_store_fail(store, store->listening, NULL, err);
    while ((told = pq->PQnotifies(store->listening))) {
        char *project;
        long wakes = strtol(told->extra, &project, 10);
        if (*project == ' ' && strcmp(project + 1, store->listens_for) == 0)
            *ret_wakes |= (int)wakes;
        pq->PQfreemem(told);
    }
    return SL_OK;
}

static void close_store(void *self)
{
    struct sl_postgres_store *store = self;
    if (!store)
        return;
    if (store->libpq.handle) {
        store->libpq.PQfinish(store->connection);
        store->libpq.PQfinish(store->listening);
        sl_libpq_unload(&store->libpq);
    }
    sl_map_clear(&store->statements);
    sl_arena_clear(&store->arena);
    free(store);
}

const struct sl_store_kind sl_store_postgres = {
    .name = "postgres",
    .is_remote = true,
    .run = run,
    .ready = ready,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .wake = wake,
    .listen = listen_to,
    .woken = woken,
    .text = text,
    .number = number,
    .close = close_store,
};
