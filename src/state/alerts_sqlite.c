// Alerts and their outbox in <state>/alerts.db (SQLite).
#include "api/alerts.h"

#include "base/buf.h"
#include "base/fs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define STORE_FILE "alerts.db"
#define STORE_VERSION 1

static const char schema[] =
    "create table if not exists alerts (id text primary key, environment text not null, kind text "
    "not null, subject text not null, owner text not null, summary text not null, code text not "
    "null, run_id text not null, channels text not null, opened_us integer not null, seen_us "
    "integer not null, told_us integer not null, closed_us integer not null, times integer not "
    "null) without rowid;"
    "create unique index if not exists alerts_open on alerts (environment, kind, subject) where "
    "closed_us = 0;"
    "create index if not exists alerts_opened on alerts (opened_us desc);"
    "create table if not exists outbox (seq integer primary key autoincrement, id text not null, "
    "alert text not null, event text not null, channel text not null, body text not null, "
    "created_us integer not null, next_us integer not null, sent_us integer not null, dead_us "
    "integer not null, attempts integer not null, error text not null, unique (id, channel));"
    "create index if not exists outbox_waiting on outbox (next_us) where sent_us = 0 and dead_us = "
    "0;"
    "create index if not exists outbox_alert on outbox (alert, channel, seq);"
    "create table if not exists silences (seq integer primary key, match text not null, why text "
    "not null, by text not null, made_us integer not null, until_us integer not null);";

#define ALERT_COLUMNS                                                                              \
    "id, environment, kind, subject, owner, summary, code, run_id, channels, opened_us, seen_us, " \
    "told_us, closed_us, times"
#define MESSAGE_COLUMNS \
    "seq, id, alert, event, channel, body, created_us, next_us, sent_us, dead_us, attempts, error"
// Of one alert and channel messages go out in their order: who is told that all is well again must
// have been told what was wrong.
#define MAY_BE_SENT                                                                               \
    "sent_us = 0 and dead_us = 0 and not exists (select 1 from outbox before where before.alert " \
    "= "                                                                                          \
    "outbox.alert and before.channel = outbox.channel and before.seq < outbox.seq and "           \
    "before.sent_us = 0 and before.dead_us = 0)"

struct sl_alert_store {
    sqlite3 *db;
};

static void close_statement(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

static int fail(struct sl_alert_store *store, struct sl_err *err)
{
    int system = sqlite3_system_errno(store->db);
    int kind = sqlite3_errcode(store->db) & 0xFF;
    if (kind == SQLITE_FULL ||
        (kind == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT || system == EFBIG)))
        return sl_fail(err, SL_E_NO_SPACE, "alerts: no space left to write '" STORE_FILE "'");
    if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT) {
        (void)sl_fail(err, SL_E_ALERTS, "'%s' is damaged: %s",
                      sqlite3_db_filename(store->db, "main"), sqlite3_errmsg(store->db));
        return sl_err_hint(err, "move it away: what is still wrong is then told once more");
    }
    return sl_fail(err, SL_E_ALERTS, "alerts: %s", sqlite3_errmsg(store->db));
}

static int exec(struct sl_alert_store *store, const char *sql, struct sl_err *err)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? SL_OK : fail(store, err);
}

static int prepare(struct sl_alert_store *store, const char *sql, sqlite3_stmt **ret,
                   struct sl_err *err)
{
    return sqlite3_prepare_v2(store->db, sql, -1, ret, NULL) == SQLITE_OK ? SL_OK
                                                                          : fail(store, err);
}

static void bind(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text ? text : "", -1, SQLITE_TRANSIENT);
}

static int finish(struct sl_alert_store *store, sqlite3_stmt *statement, struct sl_err *err)
{
    return sqlite3_step(statement) == SQLITE_DONE ? SL_OK : fail(store, err);
}

static const char *text_at(sqlite3_stmt *statement, int column, struct sl_arena *arena)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return sl_arena_strdup(arena, text ? text : "");
}

static int number(struct sl_alert_store *store, const char *sql, int64_t *ret, struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(store, sql, &statement, err));
    if (sqlite3_step(statement) != SQLITE_ROW)
        return fail(store, err);
    *ret = sqlite3_column_int64(statement, 0);
    return SL_OK;
}

// Messages must outlive a power cut: unlike history they are told nowhere else.
static int make(struct sl_alert_store *store, const char *path, struct sl_err *err)
{
    int64_t version;
    sqlite3_busy_timeout(store->db, 10000);
    SL_TRY(exec(store, "pragma journal_mode = wal; pragma synchronous = full;", err));
    SL_TRY(number(store, "pragma user_version", &version, err));
    if (version == STORE_VERSION)
        return SL_OK;
    if (version > STORE_VERSION) {
        (void)sl_fail(err, SL_E_ALERTS,
                      "'%s' was written by a later Sluice (version %lld, this one knows %d)", path,
                      (long long)version, STORE_VERSION);
        return sl_err_hint(err, "update Sluice, or move the file away");
    }
    SL_TRY(exec(store, "begin immediate", err));
    SL_TRY(exec(store, schema, err));
    return exec(store, "pragma user_version = 1; commit", err);
}

static int open_file(const char *path, struct sl_alert_store **ret, struct sl_err *err)
{
    SL_AUTO(sl_alert_store_close) struct sl_alert_store *store = calloc(1, sizeof *store);
    SL_TRY_NEW(store, err);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK)
        return sl_fail(err, SL_E_ALERTS, "cannot open '%s': %s", path,
                       store->db ? sqlite3_errmsg(store->db) : "no memory");
    SL_TRY(make(store, path, err));
    *ret = store;
    store = NULL;
    return SL_OK;
}

int sl_alert_store_open(const char *folder, struct sl_alert_store **ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, folder, STORE_FILE);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(folder, err));
    return open_file(path, ret, err);
}

int sl_alert_store_find(const char *folder, struct sl_alert_store **ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, folder, STORE_FILE);
    SL_TRY_NEW(path, err);
    *ret = NULL;
    return sl_fs_exists(path) ? open_file(path, ret, err) : SL_OK;
}

void sl_alert_store_close(struct sl_alert_store **store)
{
    if (!*store)
        return;
    sqlite3_close((*store)->db); // undoes what is not committed
    free(*store);
    *store = NULL;
}

int sl_alert_store_begin(struct sl_alert_store *store, struct sl_err *err)
{
    return exec(store, "begin immediate", err);
}

int sl_alert_store_end(struct sl_alert_store *store, struct sl_err *err)
{
    return exec(store, "commit", err);
}

void sl_alert_store_undo(struct sl_alert_store *store)
{
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite3_exec(store->db, "rollback", NULL, NULL, NULL);
}

static struct sl_alert_row read_alert(sqlite3_stmt *s, struct sl_arena *arena)
{
    return (struct sl_alert_row){
        .id = text_at(s, 0, arena),
        .environment = text_at(s, 1, arena),
        .kind = text_at(s, 2, arena),
        .subject = text_at(s, 3, arena),
        .owner = text_at(s, 4, arena),
        .summary = text_at(s, 5, arena),
        .code = text_at(s, 6, arena),
        .run_id = text_at(s, 7, arena),
        .channels = text_at(s, 8, arena),
        .opened_us = sqlite3_column_int64(s, 9),
        .seen_us = sqlite3_column_int64(s, 10),
        .told_us = sqlite3_column_int64(s, 11),
        .closed_us = sqlite3_column_int64(s, 12),
        .times = sqlite3_column_int64(s, 13),
    };
}

static bool is_whole(const struct sl_alert_row *row)
{
    return row->id && row->environment && row->kind && row->subject && row->owner && row->summary &&
           row->code && row->run_id && row->channels;
}

int sl_alert_store_list(struct sl_alert_store *store, const struct sl_alert_query *query,
                        struct sl_arena *arena, struct sl_alert_row **ret, size_t *ret_count,
                        struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    struct sl_alert_row *rows = NULL;
    size_t count = 0;
    int code;
    SL_TRY(prepare(store,
                   "select " ALERT_COLUMNS " from alerts where (?1 or closed_us = 0) and (?2 is "
                   "null or environment = ?2) order by closed_us = 0 desc, opened_us desc, id "
                   "limit ?3",
                   &statement, err));
    sqlite3_bind_int(statement, 1, query->all);
    if (query->environment)
        bind(statement, 2, query->environment);
    sqlite3_bind_int64(statement, 3, query->limit ? (sqlite3_int64)query->limit : -1);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct sl_alert_row row = read_alert(statement, arena);
        if (!is_whole(&row) || !SL_PUSH(arena, rows, count, row))
            return sl_fail_memory(err);
    }
    if (code != SQLITE_DONE)
        return fail(store, err);
    *ret = rows;
    *ret_count = count;
    return SL_OK;
}

int sl_alert_store_put(struct sl_alert_store *store, const struct sl_alert_row *alert,
                       struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    const char *const texts[] = {alert->id,      alert->environment, alert->kind,
                                 alert->subject, alert->owner,       alert->summary,
                                 alert->code,    alert->run_id,      alert->channels};
    const int64_t numbers[] = {alert->opened_us, alert->seen_us, alert->told_us, alert->closed_us,
                               alert->times};
    SL_TRY(prepare(store,
                   "insert or replace into alerts (" ALERT_COLUMNS
                   ") values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   &statement, err));
    for (int i = 0; i < 9; i++)
        bind(statement, i + 1, texts[i]);
    for (int i = 0; i < 5; i++)
        sqlite3_bind_int64(statement, i + 10, numbers[i]);
    return finish(store, statement, err);
}

int sl_alert_store_post(struct sl_alert_store *store, const struct sl_alert_message *message,
                        struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    const char *const texts[] = {message->id, message->alert, message->event, message->channel,
                                 message->body};
    SL_TRY(prepare(store,
                   "insert or ignore into outbox (id, alert, event, channel, body, created_us, "
                   "next_us, sent_us, dead_us, attempts, error) values (?, ?, ?, ?, ?, ?, ?, 0, 0, "
                   "0, '')",
                   &statement, err));
    for (int i = 0; i < 5; i++)
        bind(statement, i + 1, texts[i]);
    sqlite3_bind_int64(statement, 6, message->created_us);
    sqlite3_bind_int64(statement, 7, message->next_us);
    return finish(store, statement, err);
}

static struct sl_alert_message read_message(sqlite3_stmt *s, struct sl_arena *arena)
{
    return (struct sl_alert_message){
        .seq = sqlite3_column_int64(s, 0),
        .id = text_at(s, 1, arena),
        .alert = text_at(s, 2, arena),
        .event = text_at(s, 3, arena),
        .channel = text_at(s, 4, arena),
        .body = text_at(s, 5, arena),
        .created_us = sqlite3_column_int64(s, 6),
        .next_us = sqlite3_column_int64(s, 7),
        .sent_us = sqlite3_column_int64(s, 8),
        .dead_us = sqlite3_column_int64(s, 9),
        .attempts = sqlite3_column_int64(s, 10),
        .error = text_at(s, 11, arena),
    };
}

static int read_messages(struct sl_alert_store *store, sqlite3_stmt *statement,
                         struct sl_arena *arena, struct sl_alert_message **ret, size_t *ret_count,
                         struct sl_err *err)
{
    struct sl_alert_message *rows = NULL;
    size_t count = 0;
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct sl_alert_message row = read_message(statement, arena);
        bool is_there = row.id && row.alert && row.event && row.channel && row.body && row.error;
        if (!is_there || !SL_PUSH(arena, rows, count, row))
            return sl_fail_memory(err);
    }
    if (code != SQLITE_DONE)
        return fail(store, err);
    *ret = rows;
    *ret_count = count;
    return SL_OK;
}

int sl_alert_store_due(struct sl_alert_store *store, int64_t by_us, size_t limit,
                       struct sl_arena *arena, struct sl_alert_message **ret, size_t *ret_count,
                       struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(store,
                   "select " MESSAGE_COLUMNS " from outbox where next_us <= ? and " MAY_BE_SENT
                   " order by seq limit ?",
                   &statement, err));
    sqlite3_bind_int64(statement, 1, by_us);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit);
    return read_messages(store, statement, arena, ret, ret_count, err);
}

int sl_alert_store_next(struct sl_alert_store *store, int64_t *ret_us, struct sl_err *err)
{
    return number(store, "select coalesce(min(next_us), 0) from outbox where " MAY_BE_SENT, ret_us,
                  err);
}

int sl_alert_store_unsent(struct sl_alert_store *store, struct sl_arena *arena,
                          struct sl_alert_message **ret, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(store, "select " MESSAGE_COLUMNS " from outbox where sent_us = 0 order by seq",
                   &statement, err));
    return read_messages(store, statement, arena, ret, ret_count, err);
}

int sl_alert_store_mark(struct sl_alert_store *store, const struct sl_alert_message *message,
                        struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(store,
                   "update outbox set next_us = ?, sent_us = ?, dead_us = ?, attempts = ?, error = "
                   "? where seq = ?",
                   &statement, err));
    sqlite3_bind_int64(statement, 1, message->next_us);
    sqlite3_bind_int64(statement, 2, message->sent_us);
    sqlite3_bind_int64(statement, 3, message->dead_us);
    sqlite3_bind_int64(statement, 4, message->attempts);
    bind(statement, 5, message->error);
    sqlite3_bind_int64(statement, 6, message->seq);
    return finish(store, statement, err);
}

int sl_alert_store_revive(struct sl_alert_store *store, int64_t now_us, struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(store,
                   "update outbox set dead_us = 0, next_us = ?1, created_us = ?1 where dead_us > 0 "
                   "and sent_us = 0",
                   &statement, err));
    sqlite3_bind_int64(statement, 1, now_us);
    return finish(store, statement, err);
}

int sl_alert_store_silence(struct sl_alert_store *store, const struct sl_alert_silence *silence,
                           struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(store,
                   "insert into silences (match, why, by, made_us, until_us) values (?, ?, ?, ?, "
                   "?)",
                   &statement, err));
    bind(statement, 1, silence->match);
    bind(statement, 2, silence->why);
    bind(statement, 3, silence->by);
    sqlite3_bind_int64(statement, 4, silence->made_us);
    sqlite3_bind_int64(statement, 5, silence->until_us);
    return finish(store, statement, err);
}

int sl_alert_store_unsilence(struct sl_alert_store *store, const char *match, int64_t now_us,
                             size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    SL_TRY(prepare(store, "update silences set until_us = ?1 where match = ?2 and until_us > ?1",
                   &statement, err));
    sqlite3_bind_int64(statement, 1, now_us);
    bind(statement, 2, match);
    SL_TRY(finish(store, statement, err));
    *ret_count = (size_t)sqlite3_changes(store->db);
    return SL_OK;
}

int sl_alert_store_silences(struct sl_alert_store *store, int64_t at_us, struct sl_arena *arena,
                            struct sl_alert_silence **ret, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    struct sl_alert_silence *rows = NULL;
    size_t count = 0;
    int code;
    SL_TRY(prepare(store,
                   "select seq, match, why, by, made_us, until_us from silences where until_us > ? "
                   "order by seq",
                   &statement, err));
    sqlite3_bind_int64(statement, 1, at_us);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct sl_alert_silence row = {
            .seq = sqlite3_column_int64(statement, 0),
            .match = text_at(statement, 1, arena),
            .why = text_at(statement, 2, arena),
            .by = text_at(statement, 3, arena),
            .made_us = sqlite3_column_int64(statement, 4),
            .until_us = sqlite3_column_int64(statement, 5),
        };
        if (!row.match || !row.why || !row.by || !SL_PUSH(arena, rows, count, row))
            return sl_fail_memory(err);
    }
    if (code != SQLITE_DONE)
        return fail(store, err);
    *ret = rows;
    *ret_count = count;
    return SL_OK;
}

int sl_alert_store_count(struct sl_alert_store *store, struct sl_alert_counts *ret,
                         struct sl_err *err)
{
    SL_TRY(number(store, "select count(*) from alerts where closed_us = 0", &ret->open, err));
    SL_TRY(number(store, "select count(*) from outbox where sent_us = 0 and dead_us = 0",
                  &ret->pending, err));
    SL_TRY(number(store,
                  "select count(*) from outbox where sent_us = 0 and dead_us = 0 and attempts > 0",
                  &ret->failed, err));
    SL_TRY(number(store, "select count(*) from outbox where sent_us = 0 and dead_us > 0",
                  &ret->dead, err));
    return number(store, "select count(*) from outbox where sent_us > 0", &ret->sent, err);
}

int sl_alert_store_forget(struct sl_alert_store *store, int64_t before_us, struct sl_err *err)
{
    static const char *const statements[] = {
        "delete from outbox where (sent_us > 0 and sent_us < ?1) or (dead_us > 0 and dead_us < ?1)",
        "delete from alerts where closed_us > 0 and closed_us < ?1",
        "delete from silences where until_us < ?1",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
        SL_TRY(prepare(store, statements[i], &statement, err));
        sqlite3_bind_int64(statement, 1, before_us);
        SL_TRY(finish(store, statement, err));
    }
    return SL_OK;
}
