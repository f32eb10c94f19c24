// Where a delivery to a SQLite file stands, asked without the engine: so that a run with nothing to
// do need not start it.
#include "connect/database/target.h"

#include "base/fs.h"

#include <sqlite3.h>

static void close_database(sqlite3 **database)
{
    sqlite3_close(*database);
}

static void close_statement(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

static int keep(struct sl_arena *arena, sqlite3_stmt *statement, int column, const char **ret,
                struct sl_err *err)
{
    *ret = sl_arena_strdup(arena, (const char *)sqlite3_column_text(statement, column));
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

int sl_sqlite_position(const char *path, const char *to, struct sl_arena *arena,
                       struct sl_target_position *ret, struct sl_err *err)
{
    SL_AUTO(close_database) sqlite3 *database = NULL;
    SL_AUTO(close_statement) sqlite3_stmt *statement = NULL;
    *ret = (struct sl_target_position){.version = -1};
    if (!sl_fs_exists(path))
        return SL_OK; // asking must not create it
    if (sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL) !=
        SQLITE_OK) // a hot journal must be rolled back
        return sl_fail(err, SL_E_TARGET_CONNECT, "cannot open '%s': %s", path,
                       database ? sqlite3_errmsg(database) : "no memory");
    sqlite3_busy_timeout(database, 60000);
    int code = sqlite3_prepare_v2(
        database, "select 1 from sqlite_master where type = 'table' and name = '_sluice_loads'", -1,
        &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_DONE)
        return SL_OK;
    if (code == SQLITE_ROW) {
        sqlite3_finalize(statement);
        statement = NULL;
        code = sqlite3_prepare_v2(
            database,
            "select version, fingerprint, table_id from _sluice_loads where name = ?1 and exists "
            "(select 1 from sqlite_master where type = 'table' and name = ?1 collate nocase)",
            -1, &statement, NULL);
    }
    if (code == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, to, -1, SQLITE_TRANSIENT);
        code = sqlite3_step(statement);
    }
    if (code == SQLITE_DONE)
        return SL_OK;
    if (code != SQLITE_ROW)
        return sl_fail(err,
                       code == SQLITE_BUSY || code == SQLITE_LOCKED ? SL_E_TARGET_BUSY
                                                                    : SL_E_TARGET_REFUSED,
                       "'%s': %s", path, sqlite3_errmsg(database));
    ret->version = sqlite3_column_int64(statement, 0);
    SL_TRY(keep(arena, statement, 1, &ret->fingerprint, err));
    return keep(arena, statement, 2, &ret->table_id, err);
}
