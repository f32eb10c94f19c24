// What a table holds now, brought back by COPY: one thread hands the server's rows to a pipe, from
// which the engine reads them into a temporary table.
#include "connect/postgres/session.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LONGEST_ROW_BYTES (16 << 20)

static const struct mapping {
    const char *postgres, *engine;
} mappings[] = {
    {"boolean", "BOOLEAN"},
    {"smallint", "SMALLINT"},
    {"integer", "INTEGER"},
    {"bigint", "BIGINT"},
    {"real", "FLOAT"},
    {"double precision", "DOUBLE"},
    {"date", "DATE"},
    {"timestamp without time zone", "TIMESTAMP"},
    {"timestamp with time zone", "TIMESTAMP WITH TIME ZONE"},
    {"time without time zone", "TIME"},
    {"bytea", "BLOB"},
    {"json", "JSON"},
    {"jsonb", "JSON"},
    {"uuid", "UUID"},
};

// What the engine has no type for stays a text.
static void add_type(const char *type, struct sl_buf *sql)
{
    int precision, scale;
    for (size_t i = 0; i < sizeof mappings / sizeof *mappings; i++)
        if (sl_str_equal(mappings[i].postgres, type)) {
            sl_buf_add(sql, mappings[i].engine);
            return;
        }
    if (sscanf(type, "numeric(%d,%d)", &precision, &scale) == 2 && precision <= 38 && scale >= 0 &&
        scale <= precision)
        sl_buf_addf(sql, "DECIMAL(%d,%d)", precision, scale);
    else
        sl_buf_add(sql, "VARCHAR");
}

static bool is_date(const char *type)
{
    return sl_str_equal(type, "date") || sl_str_starts(type, "timestamp");
}

// cast(c0 as INTEGER) as "id"; bytes come as '\x00ff'. The engine passes over the BC of
// '0044-03-15 10:00:00 BC', which it writes as '0044-03-15 (BC) 10:00:00'.
static void add_value(const char *name, const char *type, int index, struct sl_buf *sql)
{
    if (sl_str_equal(type, "bytea")) {
        sl_buf_addf(sql, "unhex(substr(c%d, 3))", index);
    } else if (is_date(type)) {
        sl_buf_addf(sql, "cast(regexp_replace(c%d, '^(\\S+)(.*) BC$', '\\1 (BC)\\2') as ", index);
        add_type(type, sql);
        sl_buf_add(sql, ")");
    } else {
        sl_buf_addf(sql, "cast(c%d as ", index);
        add_type(type, sql);
        sl_buf_add(sql, ")");
    }
    sl_buf_add(sql, " as ");
    sl_buf_add_sql_name(sql, name);
}

static int build(const struct sl_postgres *postgres, PGresult *columns, const char *temp,
                 int read_fd, struct sl_buf *sql, struct sl_err *err)
{
    const struct sl_libpq *pq = &postgres->libpq;
    int count = pq->PQntuples(columns);
    sl_buf_addf(sql, "create or replace temp table %s as select ", temp);
    for (int i = 0; i < count; i++) {
        sl_buf_add(sql, i ? ", " : "");
        add_value(pq->PQgetvalue(columns, i, 0), pq->PQgetvalue(columns, i, 1), i, sql);
    }
    sl_buf_addf(sql,
                " from read_csv('/dev/fd/%d', auto_detect = false, header = false, delim = ',', "
                "quote = '\"', escape = '\"', new_line = '\\n', compression = 'none', "
                "allow_quoted_nulls = false, parallel = false, max_line_size = %d, buffer_size = "
                "%d, columns = {",
                read_fd, LONGEST_ROW_BYTES, 2 * LONGEST_ROW_BYTES);
    for (int i = 0; i < count; i++)
        sl_buf_addf(sql, "%s'c%d': 'VARCHAR'", i ? ", " : "", i);
    sl_buf_add(sql, "})");
    return sl_buf_check(sql, err);
}

static int find_columns(struct sl_postgres *postgres, const char *table, PGresult **ret,
                        struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, "select attname, format_type(atttypid, atttypmod) from pg_attribute where "
                     "attnum > 0 and not attisdropped and attrelid = to_regclass(");
    sl_buf_add_sql_string(&sql, table);
    sl_buf_add(&sql, ") order by attnum");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_postgres_query(postgres, sql.text, ret, err));
    if (postgres->libpq.PQntuples(*ret) > 0)
        return SL_OK;
    postgres->libpq.PQclear(*ret);
    *ret = NULL;
    return sl_fail(err, SL_E_TABLE_MISSING, "the server has no table %s", table);
}

// Runs on a thread of its own, which alone uses the connection meanwhile.
struct pump {
    struct sl_postgres *postgres;
    int write_fd;
    int64_t rows; // as the server counted them
    int code;
    struct sl_err err;
};

static int write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, bytes, length);
        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0) {
            bytes += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

// An engine that stopped reading has its own error: the rest is taken from the server all the same.
static void *pump_rows(void *self)
{
    struct pump *pump = self;
    const struct sl_libpq *pq = &pump->postgres->libpq;
    PGconn *connection = pump->postgres->connection;
    sigset_t signals;
    char *row = NULL;
    int length, problem = 0;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    while ((length = pq->PQgetCopyData(connection, &row, 0)) > 0) {
        if (!problem)
            problem = write_all(pump->write_fd, row, (size_t)length);
        pq->PQfreemem(row);
    }
    if (problem && problem != EPIPE)
        pump->code = sl_fail_errno(&pump->err, problem, "hand rows to the engine");
    for (PGresult *result; (result = pq->PQgetResult(connection)) != NULL; pq->PQclear(result))
        if (pq->PQresultStatus(result) == PGRES_COMMAND_OK)
            (void)sl_str_to_int64(pq->PQcmdTuples(result), &pump->rows);
        else if (pump->code == SL_OK)
            pump->code =
                sl_libpq_fail(pq->PQresultErrorMessage(result), SL_E_TARGET_REFUSED, &pump->err);
    sl_fd_close(&pump->write_fd);
    return NULL;
}

static int run(struct sl_postgres *postgres, const char *sql, int *read_fd, int write_fd,
               int64_t *ret_rows, struct sl_err *err)
{
    struct pump pump = {.postgres = postgres, .write_fd = write_fd};
    pthread_t thread;
    int64_t rows = 0;
    if (pthread_create(&thread, NULL, pump_rows, &pump) != 0) {
        sl_fd_close(&pump.write_fd);
        return sl_fail_memory(err);
    }
    int code = postgres->engine->kind->exec(postgres->engine, sql, &rows, err);
    sl_fd_close(read_fd); // so that the writer of a pipe that nobody reads goes on to its end
    pthread_join(thread, NULL);
    if (pump.code != SL_OK) {
        *err = pump.err;
        return pump.code;
    }
    SL_TRY(code);
    if (rows != pump.rows)
        return sl_fail(err, SL_E_BALANCE, "the server sent %lld rows, %lld were read",
                       (long long)pump.rows, (long long)rows);
    *ret_rows = rows;
    return SL_OK;
}

static void add_copy(const struct sl_postgres *postgres, PGresult *columns, const char *table,
                     struct sl_buf *sql)
{
    sl_buf_add(sql, "copy (select ");
    for (int i = 0; i < postgres->libpq.PQntuples(columns); i++) {
        sl_buf_add(sql, i ? ", " : "");
        sl_buf_add_sql_name(sql, postgres->libpq.PQgetvalue(columns, i, 0));
    }
    sl_buf_addf(sql, " from %s) to stdout (format csv)", table);
}

static int fetch(struct sl_postgres *postgres, PGresult *columns, const char *table,
                 const char *temp, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf command = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    SL_AUTO(sl_fd_close) int read_fd = -1;
    PGresult *result = NULL;
    int64_t rows;
    int ends[2];
    add_copy(postgres, columns, table, &command);
    SL_TRY(sl_buf_check(&command, err));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "make a pipe");
    read_fd = ends[0];
    int code = build(postgres, columns, temp, read_fd, &sql, err);
    if (code == SL_OK)
        code = sl_postgres_query(postgres, command.text, &result, err);
    postgres->libpq.PQclear(result);
    if (code != SL_OK) {
        close(ends[1]);
        return code;
    }
    return run(postgres, sql.text, &read_fd, ends[1], &rows, err);
}

int sl_postgres_read(struct sl_postgres *postgres, const char *table, const char *temp,
                     struct sl_err *err)
{
    PGresult *columns = NULL;
    SL_TRY(find_columns(postgres, table, &columns, err));
    int code = fetch(postgres, columns, table, temp, err);
    postgres->libpq.PQclear(columns);
    return code;
}
