#include "base/clock.h"
#include "base/str.h"
#include "state/postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Of several calls that find it gone only the first one waits; a server that refuses is asked
// again.
#define PAUSE_US INT64_C(500000)
#define PAUSE_OF_SERVICE_US INT64_C(2000000)
#define SLOW_US INT64_C(1000000)

// So that nobody waits for long for a server that is gone, nor a server for us. In milliseconds
// where nothing else is said.
static const struct limit {
    const char *keyword, *value;
    const char *of_service; // NULL: the same
} limits[] = {
    {"connect_timeout", "5", "2"},                                        // seconds
    {"tcp_user_timeout", "5000", "2500"}, {"keepalives_idle", "3", NULL}, // seconds
    {"keepalives_interval", "1", NULL},   {"keepalives_count", "3", NULL},
    {"application_name", "sluice", NULL}, {"client_encoding", "UTF8", NULL},
};
// A service's leader has to renew its lease, which lasts for three seconds, on the same loop.
static const char of_command[] = "set statement_timeout = 15000; set lock_timeout = 10000; ";
static const char of_service[] = "set statement_timeout = 2000; set lock_timeout = 1000; ";
static const char session[] =
    "set client_min_messages = warning; set standard_conforming_strings = on; "
    "set idle_in_transaction_session_timeout = 15000; set search_path = ";

// The clock is that of the moment, not of the transaction, which may have waited.
static const char functions[] =
    "create function sluice_now() returns bigint language sql volatile as "
    "'select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)';"
    "create function sluice_each(list text, out value json) returns setof json language sql "
    "immutable as 'select e.value from json_array_elements(cast(list as json)) as e(value)';";

static const char version_table[] =
    "create table version (version bigint not null); insert into version values (4)";

static void ignore_notice(void *self, const char *message)
{
    (void)self;
    (void)message;
}

// "postgresql://h/d?schema=x&sslmode=require": takes our own option out of the URL.
static int take_schema(const char *url, struct sl_arena *arena, const char **ret_url,
                       const char **ret_schema, struct sl_err *err)
{
    static const char key[] = "schema=";
    char *copy = sl_arena_strdup(arena, url);
    SL_TRY_NEW(copy, err);
    *ret_url = copy;
    *ret_schema = "sluice";
    for (char *at = strchr(copy, '?'); at; at = strchr(at + 1, '&')) {
        if (!sl_str_starts(at + 1, key))
            continue;
        char *value = at + 1 + strlen(key);
        size_t length = strcspn(value, "&");
        *ret_schema = sl_arena_strndup(arena, value, length);
        SL_TRY_NEW(*ret_schema, err);
        // The '?' or '&' before it stays for what comes after it.
        if (value[length])
            memmove(at + 1, value + length + 1, strlen(value + length + 1) + 1);
        else
            *at = '\0';
        break;
    }
    for (const char *c = *ret_schema; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", *c))
            *ret_schema = "";
    if (**ret_schema && !(**ret_schema >= '0' && **ret_schema <= '9'))
        return SL_OK;
    (void)sl_fail(err, SL_E_VALUE_INVALID,
                  "the schema of the state store's URL is no name of lower-case letters, digits "
                  "and _");
    return sl_err_hint(err, "postgresql://user@host/database?schema=sluice");
}

static bool is_given(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++)
        if (options->val && strcmp(options->keyword, keyword) == 0)
            return true;
    return false;
}

// What libpq says of a URL that it cannot read quotes pieces of it, of the password too.
static int read_url(struct sl_postgres_store *store, const char *url, bool is_service,
                    struct sl_err *err)
{
    const struct sl_libpq *pq = &store->libpq;
    size_t count = 0, most = sizeof limits / sizeof *limits;
    PQconninfoOption *options = pq->PQconninfoParse(url, NULL);
    if (!options || sl_libpq_is_torn(options)) {
        pq->PQconninfoFree(options);
        (void)sl_fail(err, SL_E_VALUE_INVALID,
                      "the state store's URL cannot be read as one of PostgreSQL");
        return sl_err_hint(err, "write %%40 for @, %%2F for /, %%20 for a blank in a password");
    }
    for (const PQconninfoOption *at = options; at->keyword; at++)
        most++;
    store->keywords = SL_NEW_ARRAY(&store->arena, const char *, most + 1);
    store->values = SL_NEW_ARRAY(&store->arena, const char *, most + 1);
    bool has_memory = store->keywords && store->values;
    for (const PQconninfoOption *at = options; has_memory && at->keyword; at++) {
        if (!at->val)
            continue;
        store->keywords[count] = sl_arena_strdup(&store->arena, at->keyword);
        store->values[count] = sl_arena_strdup(&store->arena, at->val);
        has_memory = store->keywords[count] && store->values[count];
        count++;
    }
    for (size_t i = 0; has_memory && i < sizeof limits / sizeof *limits; i++) {
        if (is_given(options, limits[i].keyword))
            continue;
        const bool is_other = is_service && limits[i].of_service;
        store->keywords[count] = limits[i].keyword;
        store->values[count++] = is_other ? limits[i].of_service : limits[i].value;
    }
    pq->PQconninfoFree(options);
    return has_memory ? SL_OK : sl_fail_memory(err);
}

static int set_session(struct sl_postgres_store *store, PGconn *connection, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_add(&sql, store->is_service ? of_service : of_command);
    sl_buf_add(&sql, session);
    sl_buf_add_sql_name(&sql, store->schema);
    SL_TRY(sl_buf_check(&sql, err));
    return sl_postgres_store_exec(store, connection, sql.text, err);
}

static int take_number(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    (void)err;
    *(int64_t *)to = sl_row_number(row, 0);
    return SL_OK;
}

static int ask(struct sl_postgres_store *store, const char *sql, const char *text, int64_t *ret,
               struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(text)};
    return sl_store_postgres.run(
        store,
        &(struct sl_statement){
            .sql = sql, .params = params, .count = text ? 1 : 0, .on_row = take_number, .to = ret},
        err);
}

// 0: there is none.
static int find_version(struct sl_postgres_store *store, int64_t *ret, struct sl_err *err)
{
    int64_t is_there = 0;
    SL_TRY(ask(store,
               "select count(*) from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on "
               "n.oid = c.relnamespace where n.nspname = cast(?1 as text) and c.relname = "
               "'version'",
               store->schema, &is_there, err));
    *ret = 0;
    return is_there ? ask(store, "select max(version) from version", NULL, ret, err) : SL_OK;
}

static int refuse_later(const struct sl_postgres_store *store, int64_t version, struct sl_err *err)
{
    if (version <= SL_STATE_VERSION)
        return SL_OK;
    (void)sl_fail(
        err, SL_E_STATE,
        "schema '%s' of the state store was written by a later Sluice (version %lld, this "
        "one knows %d)",
        store->schema, (long long)version, SL_STATE_VERSION);
    return sl_err_hint(err,
                       "update Sluice on this machine (`sluice version` says which one it has), or "
                       "give it a schema of its own: `?schema=NAME` in `state:`");
}

// What was out of reach when it was opened may have become another's.
static int look(struct sl_postgres_store *store, struct sl_err *err)
{
    int64_t version = 0;
    store->is_unseen = false;
    int code = find_version(store, &version, err);
    if (code == SL_OK)
        code = version ? refuse_later(store, version, err)
                       : sl_fail(err, SL_E_STATE, "the state store: schema '%s' is gone",
                                 store->schema);
    store->is_unseen = code != SL_OK;
    return code;
}

int sl_postgres_store_connect(struct sl_postgres_store *store, PGconn **connection,
                              struct sl_err *err)
{
    const struct sl_libpq *pq = &store->libpq;
    int64_t pause_us = store->is_service ? PAUSE_OF_SERVICE_US : PAUSE_US;
    if (store->failed_us && sl_clock_monotonic_us() - store->failed_us < pause_us)
        return sl_fail(err, SL_E_STATE_CONNECT,
                       "state store: it could not be reached a moment ago");
    int64_t began_us = sl_clock_monotonic_us();
    store->failed_us = 0;
    if (connection == &store->connection) {
        sl_map_clear(&store->statements);
        store->is_in_transaction = false;
    }
    pq->PQfinish(*connection);
    *connection = pq->PQconnectdbParams(store->keywords, store->values, 0);
    if (!*connection)
        return sl_fail_memory(err);
    if (pq->PQstatus(*connection) != CONNECTION_OK) {
        bool is_refused =
            pq->PQconnectionUsedPassword(*connection) || pq->PQconnectionNeedsPassword(*connection);
        const char *message = pq->PQerrorMessage(*connection);
        size_t length = strcspn(message, "\n");
        // A server that is full or starting says so after it has seen the password.
        bool may_pass = strstr(message, "too many") || strstr(message, "connection slots") ||
                        strstr(message, "the database system is") ||
                        strstr(message, "server closed");
        enum sl_code code = is_refused && !may_pass ? SL_E_STATE_LOGIN : SL_E_STATE_CONNECT;
        if (sl_clock_monotonic_us() - began_us > SLOW_US)
            store->failed_us = sl_clock_monotonic_us();
        return sl_fail(err, code, "state store: %.*s", (int)length, message);
    }
    pq->PQsetNoticeProcessor(*connection, ignore_notice, NULL);
    SL_TRY(set_session(store, *connection, err));
    return store->is_unseen && connection == &store->connection ? look(store, err) : SL_OK;
}

static int make(struct sl_postgres_store *store, struct sl_err *err)
{
    const struct sl_schema *schema = &sl_schema_postgres;
    const char *const parts[] = {
        functions,    schema->runs,     schema->steps, schema->step_indexes,
        schema->rest, sl_schema_alerts, version_table};
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    int64_t is_there = 0;
    SL_TRY(ask(store,
               "select count(*) from pg_catalog.pg_namespace where nspname = cast(?1 as text)",
               store->schema, &is_there, err));
    sl_buf_add(&sql, "create schema ");
    sl_buf_add_sql_name(&sql, store->schema);
    SL_TRY(sl_buf_check(&sql, err));
    // Who may not make one may own one that somebody else has made.
    if (!is_there)
        SL_TRY(sl_postgres_store_exec(store, store->connection, sql.text, err));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        SL_TRY(sl_postgres_store_exec(store, store->connection, parts[i], err));
    return SL_OK;
}

static int move(struct sl_postgres_store *store, int64_t version, struct sl_err *err)
{
    if (version == 2)
        SL_TRY(sl_postgres_store_exec(store, store->connection, sl_schema_from_2, err));
    if (version == 2 || version == 3) {
        SL_TRY(sl_postgres_store_exec(store, store->connection, sl_schema_from_3, err));
        SL_TRY(sl_postgres_store_exec(store, store->connection, sl_schema_alerts, err));
        SL_TRY(sl_postgres_store_exec(store, store->connection, "update version set version = 4",
                                      err));
    }
    return SL_OK;
}

// Another process may be faster: of several, one makes it and the others find it made.
static int migrate(struct sl_postgres_store *store, struct sl_err *err)
{
    int64_t version = 0;
    SL_TRY(sl_store_postgres.begin(store, false, err));
    int code = sl_postgres_store_exec(store, store->connection,
                                      "select pg_advisory_xact_lock(6011302134)", err);
    if (code == SL_OK)
        code = find_version(store, &version, err);
    if (code == SL_OK)
        code = version == 0 ? make(store, err) : move(store, version, err);
    if (code == SL_OK)
        return sl_store_postgres.commit(store, err);
    sl_store_postgres.rollback(store);
    return code;
}

static void close_store(struct sl_postgres_store **store)
{
    if (*store)
        sl_store_postgres.close(*store);
}

int sl_postgres_open(const struct sl_state_place *place, bool for_reading, void **ret,
                     struct sl_err *err)
{
    SL_AUTO(close_store) struct sl_postgres_store *store = calloc(1, sizeof *store);
    const char *url;
    int64_t version;
    SL_TRY_NEW(store, err);
    sl_arena_init(&store->arena, 0);
    if (sl_libpq_load(&store->libpq, err) != SL_OK) {
        if (err)
            err->code = SL_E_STATE_LIBRARY;
        return SL_E_STATE_LIBRARY;
    }
    SL_TRY(take_schema(place->url, &store->arena, &url, &store->schema, err));
    SL_TRY(read_url(store, url, place->is_service, err));
    if (place->may_be_away) {
        store->is_unseen = store->is_service = true;
        *ret = store;
        store = NULL;
        return SL_OK;
    }
    SL_TRY(sl_postgres_store_connect(store, &store->connection, err));
    SL_TRY(find_version(store, &version, err));
    if (version == 0 && for_reading) {
        *ret = NULL;
        return SL_OK;
    }
    // What a later version adds does not hinder an earlier one that is at work.
    if (version < SL_STATE_VERSION) {
        SL_TRY(migrate(store, err));
        SL_TRY(find_version(store, &version, err));
    }
    SL_TRY(refuse_later(store, version, err));
    store->is_service = place->is_service; // only now: others may have been making it
    if (store->is_service)
        SL_TRY(set_session(store, store->connection, err));
    *ret = store;
    store = NULL;
    return SL_OK;
}
