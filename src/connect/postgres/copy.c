#include "connect/postgres/session.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES ((size_t)256 << 10)

static const struct mapping {
    const char *engine, *postgres;
} mappings[] = {
    {"BOOLEAN", "boolean"},
    {"TINYINT", "smallint"},
    {"SMALLINT", "smallint"},
    {"INTEGER", "integer"},
    {"BIGINT", "bigint"},
    {"FLOAT", "real"},
    {"DOUBLE", "double precision"},
    {"VARCHAR", "text"},
    {"BLOB", "bytea"},
    {"DATE", "date"},
    {"TIMESTAMP", "timestamp"},
    {"TIMESTAMP WITH TIME ZONE", "timestamptz"},
};

// Decimals keep precision and scale; whatever is nested arrives as JSON.
static void add_type(const char *type, struct sl_buf *sql)
{
    for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++)
        if (sl_str_equal(mappings[i].engine, type)) {
            sl_buf_add(sql, mappings[i].postgres);
            return;
        }
    if (sl_str_starts(type, "DECIMAL("))
        sl_buf_addf(sql, "numeric%s", type + strlen("DECIMAL"));
    else
        sl_buf_add(sql, "jsonb");
}

// A value as PostgreSQL reads it in CSV.
static void add_value(const struct sl_column *column, struct sl_buf *sql)
{
    if (sl_str_equal(column->type, "BLOB")) {
        sl_buf_add(sql, "'\\x' || lower(hex(");
        sl_buf_add_sql_name(sql, column->name);
        sl_buf_add(sql, "))");
    } else if (sl_type_is_nested(column->type)) {
        sl_target_add_json(column, sql);
    } else {
        sl_buf_add_sql_name(sql, column->name);
    }
}

int sl_postgres_create(struct sl_postgres *postgres, const char *name, bool is_temporary,
                       const struct sl_column *columns, size_t count, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "create %stable %s (", is_temporary ? "temp " : "", name);
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_name(&sql, columns[i].name);
        sl_buf_add(&sql, " ");
        add_type(columns[i].type, &sql);
    }
    sl_buf_add(&sql, is_temporary ? ") on commit drop" : ")");
    SL_TRY(sl_buf_check(&sql, err));
    return sl_postgres_exec(postgres, sql.text, err);
}

struct producer {
    struct sl_session *engine;
    const char *sql;
    int64_t rows;
    int write_fd;
    int code;
    struct sl_err err;
};

static void *produce(void *argument)
{
    struct producer *producer = argument;
    producer->code = producer->engine->kind->exec(producer->engine, producer->sql, &producer->rows,
                                                  &producer->err);
    close(producer->write_fd); // the reader sees the end
    return NULL;
}

// A line that is only \. ends the data, also in CSV: the first value of a row is quoted if it is a
// text. (Quoting every value makes the server's parser a third slower.)
static int build_copy(const char *rows_sql, const struct sl_column *columns, size_t count,
                      int write_fd, struct sl_buf *sql, struct sl_err *err)
{
    sl_buf_add(sql, "copy (select ");
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        add_value(&columns[i], sql);
    }
    sl_buf_addf(sql, " from (%s\n)) to '/dev/fd/%d' (format csv, header false", rows_sql, write_fd);
    if (sl_str_equal(columns[0].type, "VARCHAR")) {
        sl_buf_add(sql, ", force_quote (");
        sl_buf_add_sql_name(sql, columns[0].name);
        sl_buf_add(sql, ")");
    }
    sl_buf_add(sql, ")");
    return sl_buf_check(sql, err);
}

static int refuse(struct sl_postgres *postgres, struct sl_err *err)
{
    return sl_libpq_fail(postgres->libpq.PQerrorMessage(postgres->connection),
                         sl_postgres_code(postgres, NULL), err);
}

// Reads the pipe to its end even when the server refuses: the producer must not hang.
static int forward(struct sl_postgres *postgres, int read_fd, char *chunk, struct sl_err *err)
{
    bool is_refused = false;
    for (;;) {
        ssize_t length = read(read_fd, chunk, CHUNK_BYTES);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return sl_fail_errno(err, errno, "read rows from the engine");
        if (length == 0)
            return is_refused ? refuse(postgres, err) : SL_OK;
        if (!is_refused &&
            postgres->libpq.PQputCopyData(postgres->connection, chunk, (int)length) != 1)
            is_refused = true;
    }
}

static int64_t affected(const struct sl_postgres *postgres, PGresult *result)
{
    int64_t rows = 0;
    return sl_str_to_int64(postgres->libpq.PQcmdTuples(result), &rows) ? rows : 0;
}

int sl_postgres_change(struct sl_postgres *postgres, const char *sql, int64_t *ret_rows,
                       struct sl_err *err)
{
    PGresult *result = NULL;
    SL_TRY(sl_postgres_query(postgres, sql, &result, err));
    *ret_rows = affected(postgres, result);
    postgres->libpq.PQclear(result);
    return SL_OK;
}

int sl_postgres_count(const char *table, int64_t given, int64_t written, struct sl_err *err)
{
    if (given == written)
        return SL_OK;
    (void)sl_fail(err, SL_E_BALANCE, "%lld rows were sent to %s, the server wrote %lld",
                  (long long)given, table, (long long)written);
    return sl_err_hint(err, "does the table have a rule or a trigger that drops rows?");
}

static int end_copy(struct sl_postgres *postgres, const char *problem, int64_t *ret_rows,
                    struct sl_err *err)
{
    const struct sl_libpq *pq = &postgres->libpq;
    int code = SL_OK;
    if (pq->PQputCopyEnd(postgres->connection, problem) != 1)
        return refuse(postgres, err);
    for (PGresult *result; (result = pq->PQgetResult(postgres->connection)) != NULL;
         pq->PQclear(result))
        if (pq->PQresultStatus(result) == PGRES_COMMAND_OK)
            *ret_rows = affected(postgres, result);
        else if (code == SL_OK && !problem)
            code = sl_libpq_fail(pq->PQresultErrorMessage(result),
                                 sl_postgres_code(postgres, result), err);
    return code;
}

static int pump(struct sl_postgres *postgres, struct producer *producer, int read_fd,
                struct sl_err *err)
{
    pthread_t thread;
    char *chunk = malloc(CHUNK_BYTES);
    if (!chunk || pthread_create(&thread, NULL, produce, producer) != 0) {
        free(chunk);
        close(producer->write_fd);
        return sl_fail_memory(err);
    }
    int code = forward(postgres, read_fd, chunk, err);
    pthread_join(thread, NULL);
    free(chunk);
    if (code == SL_OK && producer->code != SL_OK) {
        *err = producer->err;
        code = producer->code;
    }
    return code;
}

int sl_postgres_copy(struct sl_postgres *postgres, const char *name, const char *rows_sql,
                     const struct sl_column *columns, size_t count, int64_t *ret_rows,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf command = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_fd_close) int read_fd = -1;
    PGresult *result = NULL;
    int ends[2];
    int64_t written = 0;
    sl_buf_addf(&command, "copy %s (", name);
    sl_target_add_columns(columns, count, &command);
    sl_buf_add(&command, ") from stdin (format csv)");
    SL_TRY(sl_buf_check(&command, err));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "make a pipe");
    read_fd = ends[0];
    struct producer producer = {.engine = postgres->engine, .write_fd = ends[1]};
    int code = build_copy(rows_sql, columns, count, ends[1], &sql, err);
    if (code == SL_OK)
        code = sl_postgres_query(postgres, command.text, &result, err);
    postgres->libpq.PQclear(result);
    if (code != SL_OK) {
        close(ends[1]);
        return code;
    }
    producer.sql = sql.text;
    code = pump(postgres, &producer, read_fd, err);
    SL_TRY(end_copy(postgres, code == SL_OK ? NULL : "the rows could not be read", &written,
                    code == SL_OK ? err : &(struct sl_err){0}));
    SL_TRY(code);
    SL_TRY(sl_postgres_count(name, producer.rows, written, err));
    *ret_rows = producer.rows;
    return SL_OK;
}
