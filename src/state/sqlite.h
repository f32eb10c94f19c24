// SQLite's side of the state store, as its files share it.
#ifndef SL_STATE_SQLITE_H
#define SL_STATE_SQLITE_H

#include "base/map.h"
#include "state/store.h"

#include <sqlite3.h>

#define SL_STATE_FILE "state.db"

struct sl_sqlite {
    sqlite3 *db;
    struct sl_map statements; // text -> sqlite3_stmt
    char *folder;             // NULL: in memory
    int watch_fd;             // inotify; -1: nobody listens
    bool may_relax;           // a service's: its commits wait for the disk, but for relaxed ones
    bool is_relaxed;          // what `synchronous` stands at
};

// Those that statements may use (state/store.h).
SL_MUST int sl_sqlite_add_functions(struct sl_sqlite *store, struct sl_err *err);
int sl_sqlite_fail_readonly(const char *path, struct sl_err *err);
// A full disk is told as one.
int sl_sqlite_fail(sqlite3 *db, const char *doing, struct sl_err *err);
SL_MUST int sl_sqlite_exec(struct sl_sqlite *store, const char *sql, struct sl_err *err);
SL_MUST int sl_sqlite_version(struct sl_sqlite *store, int *ret, struct sl_err *err);
SL_MUST int sl_sqlite_refuse_later(int version, const char *path, struct sl_err *err);
bool sl_sqlite_is_damaged(const struct sl_sqlite *store);
SL_MUST int sl_sqlite_new(const char *folder, struct sl_sqlite **ret, struct sl_err *err);
void sl_sqlite_close(struct sl_sqlite **store); // for SL_AUTO
// Makes it of this version, in one transaction, if it is of an earlier one.
SL_MUST int sl_sqlite_migrate(struct sl_sqlite *store, const char *path, struct sl_err *err);

#endif
