#include "connect/postgres/target.h"

#include "base/clock.h"
#include "base/fs.h"
#include "connect/postgres/session.h"

#include <stdlib.h>
#include <string.h>

#define STAGE SL_POSTGRES_STAGE
#define KEYS "_sluice_keys"

static bool can(enum sl_load_mode mode)
{
    (void)mode;
    return true;
}

static void ignore_notice(void *self, const char *message)
{
    (void)self;
    (void)message;
}

static void close_target(void *self)
{
    struct sl_postgres *postgres = self;
    if (!postgres || !postgres->libpq.handle)
        return;
    postgres->libpq.PQfinish(postgres->connection);
    sl_libpq_unload(&postgres->libpq);
}

// Classes of SQLSTATE: 40 transaction rollback (a deadlock, a lost race), 53 insufficient resources
// but for 53100 disk full; and locks and statements that the server's time limits have ended.
enum sl_code sl_postgres_code(const struct sl_postgres *postgres, const PGresult *result)
{
    static const char *const passing[] = {"40", "53", "55P03", "57014", "57P"};
    const struct sl_libpq *pq = &postgres->libpq;
    const char *state = result ? pq->PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (pq->PQstatus(postgres->connection) != CONNECTION_OK)
        return SL_E_TARGET_CONNECT;
    for (size_t i = 0; state && i < sizeof passing / sizeof *passing; i++)
        if (sl_str_starts(state, passing[i]) && strcmp(state, "53100") != 0)
            return SL_E_TARGET_BUSY;
    return SL_E_TARGET_REFUSED;
}

int sl_postgres_query(struct sl_postgres *postgres, const char *sql, PGresult **ret,
                      struct sl_err *err)
{
    const struct sl_libpq *pq = &postgres->libpq;
    PGresult *result = pq->PQexec(postgres->connection, sql);
    ExecStatusType status = pq->PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN ||
        status == PGRES_COPY_OUT) {
        *ret = result;
        return SL_OK;
    }
    (void)!sl_libpq_fail(pq->PQerrorMessage(postgres->connection),
                         sl_postgres_code(postgres, result), err);
    pq->PQclear(result);
    return err->code;
}

int sl_postgres_exec(struct sl_postgres *postgres, const char *sql, struct sl_err *err)
{
    PGresult *result = NULL;
    SL_TRY(sl_postgres_query(postgres, sql, &result, err));
    postgres->libpq.PQclear(result);
    return SL_OK;
}

static int exec(struct sl_postgres *postgres, const struct sl_buf *sql, struct sl_err *err)
{
    SL_TRY(sl_buf_check(sql, err));
    return sl_postgres_exec(postgres, sql->text, err);
}

// What libpq says of a text that it cannot read quotes pieces of it, of the password too.
static int check_dsn(const struct sl_libpq *pq, const char *dsn, struct sl_err *err)
{
    char *message = NULL;
    PQconninfoOption *options = pq->PQconninfoParse(dsn, &message);
    bool is_read = options && !sl_libpq_is_torn(options);
    bool is_out_of_memory = !options && !message;
    pq->PQfreemem(message);
    pq->PQconninfoFree(options);
    if (is_read)
        return SL_OK;
    if (is_out_of_memory)
        return sl_fail_memory(err);
    (void)sl_fail(err, SL_E_VALUE_INVALID,
                  "the dsn cannot be read as a connection string or URL of PostgreSQL");
    return sl_err_hint(err, "%s",
                       "quote a value with blanks: password='...'; in a URL write %20 for a "
                       "blank, %26 for &, %40 for @, %2F for /");
}

// libpq gives no SQLSTATE of a connection that was not made, and a server that is full says so
// after it has seen the password.
static bool may_pass(const char *message)
{
    static const char *const says[] = {
        "connection slots are reserved", "too many connections",   "too many clients",
        "server closed the connection",  "the database system is", "terminating connection",
        "could not receive data",        "could not send data",    "timeout expired",
    };
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (strstr(message, says[i]))
            return true;
    return false;
}

static int connect_to(struct sl_postgres *postgres, const char *dsn, struct sl_err *err)
{
    const struct sl_libpq *pq = &postgres->libpq;
    SL_TRY(check_dsn(pq, dsn, err));
    postgres->connection = pq->PQconnectdb(dsn);
    if (pq->PQstatus(postgres->connection) == CONNECTION_OK)
        return SL_OK;
    const char *message = pq->PQerrorMessage(postgres->connection);
    bool is_refused = (pq->PQconnectionUsedPassword(postgres->connection) ||
                       pq->PQconnectionNeedsPassword(postgres->connection)) &&
                      !may_pass(message);
    return sl_libpq_fail(message, is_refused ? SL_E_TARGET_LOGIN : SL_E_TARGET_CONNECT, err);
}

static int open_target(const struct sl_target_options *options, struct sl_session *session,
                       struct sl_arena *arena, void **ret_self, struct sl_err *err)
{
    struct sl_postgres *postgres = SL_NEW(arena, struct sl_postgres);
    SL_TRY_NEW(postgres, err);
    postgres->engine = session;
    postgres->arena = arena;
    postgres->schema = options->schema ? options->schema : "public";
    SL_TRY(sl_libpq_load(&postgres->libpq, err));
    if (connect_to(postgres, options->dsn ? options->dsn : "", err) != SL_OK) {
        close_target(postgres);
        return err->code;
    }
    postgres->libpq.PQsetNoticeProcessor(postgres->connection, ignore_notice, NULL);
    *ret_self = postgres;
    return sl_postgres_exec(
        postgres,
        "set timezone = 'UTC'; set datestyle = 'ISO'; set client_encoding = 'UTF8'; "
        "set bytea_output = 'hex'; set extra_float_digits = 1",
        err);
}

static const char *qualified(const struct sl_postgres *postgres, const char *name)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    sl_buf_add_sql_name(&text, postgres->schema);
    sl_buf_add(&text, ".");
    sl_buf_add_sql_name(&text, name);
    return text.has_failed ? NULL : sl_arena_strdup(postgres->arena, text.text);
}

static int has_table(struct sl_postgres *postgres, const char *name, bool *ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    PGresult *result;
    const char *table = qualified(postgres, name);
    SL_TRY_NEW(table, err);
    sl_buf_add(&sql, "select to_regclass(");
    sl_buf_add_sql_string(&sql, table);
    sl_buf_add(&sql, ") is not null");
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_postgres_query(postgres, sql.text, &result, err));
    *ret = postgres->libpq.PQgetvalue(result, 0, 0)[0] == 't';
    postgres->libpq.PQclear(result);
    return SL_OK;
}

static int position(void *self, const char *table, const char *to, struct sl_target_position *ret,
                    struct sl_err *err)
{
    struct sl_postgres *postgres = self;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    PGresult *result;
    bool is_there;
    (void)table;
    *ret = (struct sl_target_position){.version = -1};
    SL_TRY(has_table(postgres, "_sluice_loads", &is_there, err));
    if (is_there)
        SL_TRY(has_table(postgres, to, &is_there, err));
    if (!is_there)
        return SL_OK;
    const char *loads = qualified(postgres, "_sluice_loads");
    SL_TRY_NEW(loads, err);
    sl_buf_addf(&sql, "select version, fingerprint, table_id from %s where name = ", loads);
    sl_buf_add_sql_string(&sql, to);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_postgres_query(postgres, sql.text, &result, err));
    if (postgres->libpq.PQntuples(result) > 0) {
        ret->version = strtoll(postgres->libpq.PQgetvalue(result, 0, 0), NULL, 10);
        ret->fingerprint =
            sl_arena_strdup(postgres->arena, postgres->libpq.PQgetvalue(result, 0, 1));
        ret->table_id = sl_arena_strdup(postgres->arena, postgres->libpq.PQgetvalue(result, 0, 2));
    }
    postgres->libpq.PQclear(result);
    return ret->version >= 0 && (!ret->fingerprint || !ret->table_id) ? sl_fail_memory(err) : SL_OK;
}

// Rows of the stage into the table, column by column: its order of columns may be another.
static int insert_stage(struct sl_postgres *postgres, const struct sl_load *load, const char *table,
                        int64_t rows, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf names = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t written;
    sl_target_add_columns(load->columns, load->column_count, &names);
    SL_TRY(sl_buf_check(&names, err));
    sl_buf_addf(&sql, "insert into %s (%s) select %s from " STAGE, table, names.text, names.text);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_postgres_change(postgres, sql.text, &written, err));
    return sl_postgres_count(table, rows, written, err);
}

static int stage(struct sl_postgres *postgres, const struct sl_load *load, int64_t *ret_rows,
                 struct sl_err *err)
{
    SL_TRY(sl_postgres_create(postgres, STAGE, true, load->columns, load->column_count, err));
    return sl_postgres_copy(postgres, STAGE, load->rows_sql, load->columns, load->column_count,
                            ret_rows, err);
}

static int create(struct sl_postgres *postgres, const struct sl_load *load, const char *table,
                  int64_t *ret_rows, struct sl_err *err)
{
    SL_TRY(sl_postgres_create(postgres, table, false, load->columns, load->column_count, err));
    SL_TRY(sl_postgres_copy(postgres, table, load->rows_sql, load->columns, load->column_count,
                            ret_rows, err));
    return sl_postgres_add_key(postgres, load, table, err);
}

// A table that is there stays, and with it grants, indexes, views and comments. Its rows are
// exchanged at the very end, so that readers wait for one INSERT and not for the whole copy.
static int replace(struct sl_postgres *postgres, const struct sl_load *load, struct sl_loaded *ret,
                   struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    bool is_there;
    const char *table = qualified(postgres, load->to);
    SL_TRY_NEW(table, err);
    SL_TRY(has_table(postgres, load->to, &is_there, err));
    if (!is_there)
        return create(postgres, load, table, &ret->rows, err);
    ret->replaced = -1; // TRUNCATE does not count
    SL_TRY(stage(postgres, load, &ret->rows, err));
    SL_TRY(sl_postgres_fit(postgres, load, table, err));
    SL_TRY(sl_postgres_drop_stale_key(postgres, load, table, err));
    sl_buf_addf(&sql, "truncate %s", table);
    SL_TRY(exec(postgres, &sql, err));
    SL_TRY(insert_stage(postgres, load, table, ret->rows, err));
    return sl_postgres_add_key(postgres, load, table, err);
}

static int find_columns(const struct sl_load *load, const char *const *names, size_t count,
                        struct sl_arena *arena, struct sl_column **ret, struct sl_err *err)
{
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < load->column_count; k++)
            if (sl_str_equal(load->columns[k].name, names[i]))
                columns[i] = load->columns[k];
    *ret = columns;
    return SL_OK;
}

// Brings keys or partition values over into a temporary table.
static int send_keys(struct sl_postgres *postgres, const struct sl_load *load, const char *sql,
                     const char *const *names, size_t count, struct sl_err *err)
{
    struct sl_column *columns;
    int64_t ignored;
    SL_TRY(find_columns(load, names, count, postgres->arena, &columns, err));
    SL_TRY(sl_postgres_create(postgres, KEYS, true, columns, count, err));
    return sl_postgres_copy(postgres, KEYS, sql, columns, count, &ignored, err);
}

static void add_match(const char *const *names, size_t count, const char *operator,
                      struct sl_buf * sql)
{
    for (size_t i = 0; i < count; i++) {
        sl_buf_add(sql, i ? " and _t." : "_t.");
        sl_buf_add_sql_name(sql, names[i]);
        sl_buf_addf(sql, " %s _d.", operator);
        sl_buf_add_sql_name(sql, names[i]);
    }
}

// By partition, which may be null, or by key. A rule or a trigger that keeps the old rows would
// double them: so it is looked whether they went. Their number is added to *gone.
static int delete_matching(struct sl_postgres *postgres, const struct sl_load *load,
                           const char *table, const char *by, int64_t *gone, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf match = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t deleted, left;
    if (load->mode == SL_LOAD_PARTITIONS)
        add_match(load->partition_by, load->partition_count, "is not distinct from", &match);
    else
        add_match(load->key, load->key_count, "=", &match);
    SL_TRY(sl_buf_check(&match, err));
    sl_buf_addf(&sql, "delete from %s _t using %s _d where %s", table, by, match.text);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_postgres_change(postgres, sql.text, &deleted, err));
    *gone += deleted;
    sl_buf_reset(&sql);
    sl_buf_addf(&sql, "select from %s _t, %s _d where %s limit 1", table, by, match.text);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_postgres_change(postgres, sql.text, &left, err));
    if (!left)
        return SL_OK;
    (void)sl_fail(err, SL_E_BALANCE, "rows that are to be replaced could not be deleted from %s",
                  table);
    return sl_err_hint(err, "does the table have a rule or a trigger that keeps rows?");
}

static int continue_table(struct sl_postgres *postgres, const struct sl_load *load,
                          struct sl_loaded *ret, struct sl_err *err)
{
    const char *table = qualified(postgres, load->to);
    SL_TRY_NEW(table, err);
    SL_TRY(stage(postgres, load, &ret->rows, err));
    SL_TRY(sl_postgres_fit(postgres, load, table, err));
    int64_t *gone = &ret->replaced;
    if (load->mode == SL_LOAD_PARTITIONS) {
        SL_TRY(send_keys(postgres, load, load->partitions_sql, load->partition_by,
                         load->partition_count, err));
        SL_TRY(delete_matching(postgres, load, table, KEYS, gone, err));
    } else if (load->mode == SL_LOAD_MERGE) {
        if (load->deleted_keys_sql) {
            SL_TRY(
                send_keys(postgres, load, load->deleted_keys_sql, load->key, load->key_count, err));
            SL_TRY(delete_matching(postgres, load, table, KEYS, gone, err));
        }
        SL_TRY(delete_matching(postgres, load, table, STAGE, gone, err));
    }
    return insert_stage(postgres, load, table, ret->rows, err);
}

static int write_position(struct sl_postgres *postgres, const struct sl_load *load,
                          const char *loads, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "delete from %s where name = ", loads);
    sl_buf_add_sql_string(&sql, load->to);
    sl_buf_addf(&sql,
                "; insert into %s (name, source, version, fingerprint, table_id, loaded_at) "
                "values (",
                loads);
    sl_buf_add_sql_string(&sql, load->to);
    sl_buf_add(&sql, ", ");
    sl_buf_add_sql_string(&sql, load->table);
    sl_buf_addf(&sql, ", %lld, ", (long long)load->to_version);
    sl_buf_add_sql_string(&sql, load->fingerprint);
    sl_buf_add(&sql, ", ");
    sl_buf_add_sql_string(&sql, load->table_id);
    sl_buf_add(&sql, ", now())");
    return exec(postgres, &sql, err);
}

// One delivery of a name at a time, and only from where it was when it was planned.
static int begin(struct sl_postgres *postgres, const struct sl_load *load, const char *loads,
                 struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_target_position now;
    bool is_there;
    sl_buf_add(&sql, "begin; select pg_advisory_xact_lock(hashtext('sluice'), hashtext(");
    sl_buf_add_sql_string(&sql, loads);
    sl_buf_add(&sql, ")); create schema if not exists ");
    sl_buf_add_sql_name(&sql, postgres->schema);
    sl_buf_addf(&sql,
                "; create table if not exists %s (name text primary key, source text, version "
                "bigint, fingerprint text, "
                "table_id text, loaded_at timestamptz)",
                loads);
    SL_TRY(exec(postgres, &sql, err));
    SL_TRY(position(postgres, load->table, load->to, &now, err));
    SL_TRY(has_table(postgres, load->to, &is_there, err));
    if (is_there && now.version < 0) {
        (void)sl_fail(err, SL_E_TARGET_FOREIGN, "table '%s.%s' was not written by Sluice",
                      postgres->schema, load->to);
        return sl_err_hint(err, "choose another `to`, or move it away");
    }
    return sl_target_check_begin(load, &now, err);
}

static int in_transaction(struct sl_postgres *postgres, const struct sl_load *load,
                          struct sl_loaded *ret, struct sl_err *err)
{
    const char *loads = qualified(postgres, "_sluice_loads");
    SL_TRY_NEW(loads, err);
    SL_TRY(begin(postgres, load, loads, err));
    SL_TRY(load->mode == SL_LOAD_REPLACE ? replace(postgres, load, ret, err)
                                         : continue_table(postgres, load, ret, err));
    if (load->expected_rows >= 0 && ret->rows != load->expected_rows)
        return sl_fail(err, SL_E_BALANCE, "'%s' has %lld rows, %lld were copied", load->table,
                       (long long)load->expected_rows, (long long)ret->rows);
    SL_TRY(write_position(postgres, load, loads, err));
    SL_TRY(sl_fault_point("postgres commit", err));
    return sl_postgres_exec(postgres, "commit", err);
}

static int load_rows(void *self, const struct sl_load *load, struct sl_loaded *ret,
                     struct sl_err *err)
{
    struct sl_postgres *postgres = self;
    struct sl_loaded loaded = {0};
    struct sl_err ignored = {0};
    int code = in_transaction(postgres, load, &loaded, err);
    if (code != SL_OK) {
        (void)!sl_postgres_exec(postgres, "rollback", &ignored);
        return code;
    }
    SL_TRY(sl_fault_point("postgres committed", err));
    *ret = loaded;
    return SL_OK;
}

static int read_table(void *self, const char *to, const char *temp, const char **ret_sql,
                      struct sl_err *err)
{
    struct sl_postgres *postgres = self;
    const char *table = qualified(postgres, to);
    SL_TRY_NEW(table, err);
    SL_TRY(sl_postgres_read(postgres, table, temp, err));
    *ret_sql = sl_arena_strdup(postgres->arena, temp);
    SL_TRY_NEW(*ret_sql, err);
    return SL_OK;
}

static int count_table(void *self, const char *to, int64_t *ret, struct sl_err *err)
{
    struct sl_postgres *postgres = self;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    PGresult *result = NULL;
    bool is_there;
    SL_TRY(has_table(postgres, to, &is_there, err));
    if (!is_there)
        return sl_fail(err, SL_E_TABLE_MISSING, "there is no table '%s.%s'", postgres->schema, to);
    const char *table = qualified(postgres, to);
    SL_TRY_NEW(table, err);
    sl_buf_addf(&sql, "select count(*) from %s", table);
    SL_TRY(sl_buf_check(&sql, err));
    SL_TRY(sl_postgres_query(postgres, sql.text, &result, err));
    bool is_number = sl_str_to_int64(postgres->libpq.PQgetvalue(result, 0, 0), ret);
    postgres->libpq.PQclear(result);
    return is_number ? SL_OK : sl_fail(err, SL_E_INTERNAL, "a count is no number");
}

const struct sl_target_kind sl_target_postgres = {
    .name = "postgres",
    .summary = "A table in PostgreSQL, by COPY and one transaction.",
    .can = can,
    .open = open_target,
    .position = position,
    .load = load_rows,
    .read = read_table,
    .count = count_table,
    .close = close_target,
};
