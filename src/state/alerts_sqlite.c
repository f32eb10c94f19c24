// Alerts and their outbox in <state>/alerts.db (SQLite).
#include "base/str.h"
#include "state/alerts.h"
#include "state/sqlite.h"

#include <stdio.h>
#include <string.h>

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

// Messages must outlive a power cut: unlike history they are told nowhere else.
static int make(struct sl_sqlite *store, const char *path, struct sl_err *err)
{
    int version;
    sqlite3_busy_timeout(store->db, 10000);
    SL_TRY(sl_sqlite_exec(store, "pragma journal_mode = wal; pragma synchronous = full;", err));
    SL_TRY(sl_sqlite_version(store, &version, err));
    if (version == STORE_VERSION)
        return SL_OK;
    if (version > STORE_VERSION) {
        (void)sl_fail(err, SL_E_ALERTS,
                      "'%s' was written by a later Sluice (version %d, this one knows %d)", path,
                      version, STORE_VERSION);
        return sl_err_hint(err, "update Sluice, or move the file away");
    }
    SL_TRY(sl_sqlite_exec(store, "begin immediate", err));
    SL_TRY(sl_sqlite_exec(store, schema, err));
    return sl_sqlite_exec(store, "pragma user_version = 1; commit", err);
}

int sl_alerts_file_open(const char *path, bool may_make, void **ret, struct sl_err *err)
{
    SL_AUTO(sl_sqlite_close) struct sl_sqlite *store = NULL;
    SL_TRY(sl_sqlite_new(NULL, &store, err));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (may_make ? SQLITE_OPEN_CREATE : 0);
    if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK)
        return sl_fail(err, SL_E_ALERTS, "cannot open '%s': %s", path,
                       store->db ? sqlite3_errmsg(store->db) : "no memory");
    SL_TRY(make(store, path, err));
    *ret = store;
    store = NULL;
    return SL_OK;
}

int sl_alerts_file_failed(int code, struct sl_err *err)
{
    static const char prefix[] = "state store: ";
    char message[sizeof err->message];
    if (code == SL_OK || code == SL_E_MEMORY || code == SL_E_ALERTS || !err)
        return code;
    bool is_prefixed = sl_str_starts(err->message, prefix);
    snprintf(message, sizeof message, "%s", err->message + (is_prefixed ? strlen(prefix) : 0));
    if (code == SL_E_NO_SPACE)
        return sl_fail(err, SL_E_NO_SPACE, "alerts: %s", message);
    (void)sl_fail(err, SL_E_ALERTS, "alerts: %s", message);
    if (code == SL_E_STATE_DAMAGED)
        return sl_err_hint(err, "move it away: what is still wrong is then told once more");
    return SL_E_ALERTS;
}
