#include "state/sqlite.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "api/leases.h"

int sl_sqlite_fail_readonly(const char *path, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_STATE_READONLY, "state store: '%s' cannot be written: it is read-only",
                  path);
    return sl_err_hint(err, "see the owner and mode of the file and of its folder");
}

// Some of SQLite's files (the shared memory of its log) give a bare I/O error on a full disk; the
// system's own number tells.
int sl_sqlite_fail(sqlite3 *db, const char *doing, struct sl_err *err)
{
    int system = sqlite3_system_errno(db);
    const char *file = sqlite3_db_filename(db, "main");
    bool is_full = sqlite3_errcode(db) == SQLITE_FULL ||
                   ((sqlite3_errcode(db) & 0xFF) == SQLITE_IOERR &&
                    (system == ENOSPC || system == EDQUOT || system == EFBIG));
    if (is_full)
        return sl_fail(err, SL_E_NO_SPACE, "%s: no space left to write '%s'", doing,
                       file ? file : "it");
    int kind = sqlite3_errcode(db) & 0xFF;
    if (kind == SQLITE_READONLY || ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) &&
                                    (system == EROFS || system == EACCES || system == EPERM)))
        return sl_sqlite_fail_readonly(file ? file : "it", err);
    if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT)
        return sl_fail(err, SL_E_STATE_DAMAGED, "%s: '%s' is damaged: %s", doing,
                       file ? file : "it", sqlite3_errmsg(db));
    bool is_busy = (sqlite3_errcode(db) & 0xFF) == SQLITE_BUSY;
    return sl_fail(err, is_busy ? SL_E_STATE_BUSY : SL_E_STATE, "%s: %s", doing,
                   sqlite3_errmsg(db));
}

int sl_sqlite_exec(struct sl_sqlite *store, const char *sql, struct sl_err *err)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sl_sqlite_fail(store->db, "state store", err);
    return SL_OK;
}

int sl_sqlite_new(const char *folder, struct sl_sqlite **ret, struct sl_err *err)
{
    struct sl_sqlite *store = calloc(1, sizeof *store);
    SL_TRY_NEW(store, err);
    store->watch_fd = -1;
    store->folder = folder ? strdup(folder) : NULL;
    if (folder && !store->folder) {
        free(store);
        return sl_fail_memory(err);
    }
    *ret = store;
    return SL_OK;
}

void sl_sqlite_close(struct sl_sqlite **store)
{
    if (!*store)
        return;
    for (const struct sl_map_entry *at = sl_map_first(&(*store)->statements); at;
         at = sl_map_next(at))
        sqlite3_finalize(sl_map_value(at));
    sl_map_clear(&(*store)->statements);
    sqlite3_close((*store)->db);
    sl_fd_close(&(*store)->watch_fd);
    free((*store)->folder);
    free(*store);
    *store = NULL;
}

static void close_store(void *self)
{
    struct sl_sqlite *store = self;
    sl_sqlite_close(&store);
}

// --- statements

static int prepared(struct sl_sqlite *store, const char *sql, sqlite3_stmt **ret,
                    struct sl_err *err)
{
    *ret = sl_map_get(&store->statements, sql);
    if (*ret)
        return SL_OK;
    if (sqlite3_prepare_v2(store->db, sql, -1, ret, NULL) != SQLITE_OK)
        return sl_sqlite_fail(store->db, "state store", err);
    int code = sl_map_set(&store->statements, sql, *ret, err);
    if (code != SL_OK)
        sqlite3_finalize(*ret);
    return code;
}

static void bind(sqlite3_stmt *statement, const struct sl_param *params, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int index = (int)i + 1;
        if (params[i].is_number)
            sqlite3_bind_int64(statement, index, params[i].number);
        else if (params[i].text)
            sqlite3_bind_text(statement, index, params[i].text, -1, SQLITE_STATIC);
        else
            sqlite3_bind_null(statement, index);
    }
}

static int step(struct sl_sqlite *store, sqlite3_stmt *prepared_statement,
                const struct sl_statement *statement, struct sl_err *err)
{
    struct sl_store_row row = {
        .kind = &sl_store_sqlite, .at = prepared_statement, .arena = statement->arena};
    int state;
    while ((state = sqlite3_step(prepared_statement)) == SQLITE_ROW)
        if (statement->on_row)
            SL_TRY(statement->on_row(statement->to, &row, err));
    if (state != SQLITE_DONE)
        return sl_sqlite_fail(store->db, "state store", err);
    if (statement->ret_changed)
        *statement->ret_changed = sqlite3_changes(store->db);
    return SL_OK;
}

static int run(void *self, const struct sl_statement *statement, struct sl_err *err)
{
    sqlite3_stmt *ready;
    SL_TRY(prepared(self, statement->sql, &ready, err));
    bind(ready, statement->params, statement->count);
    int code = step(self, ready, statement, err);
    sqlite3_reset(ready);
    sqlite3_clear_bindings(ready);
    return code;
}

// What is written to a file that another process has set aside, nobody would ever see.
static int require_unmoved(struct sl_sqlite *store, struct sl_err *err)
{
    const char *file = sqlite3_db_filename(store->db, "main");
    int has_moved = 0;
    if (!store->folder ||
        sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) != SQLITE_OK ||
        !has_moved)
        return SL_OK;
    return sl_fail(err, SL_E_STATE_DAMAGED, "state store: '%s' was removed or set aside",
                   file ? file : "it");
}

// In WAL mode "normal" keeps the order of commits, and syncs with the next full one at the latest.
static int set_relaxed(struct sl_sqlite *store, bool is_relaxed, struct sl_err *err)
{
    if (!store->may_relax || store->is_relaxed == is_relaxed)
        return SL_OK;
    SL_TRY(sl_sqlite_exec(
        store, is_relaxed ? "pragma synchronous = normal" : "pragma synchronous = full", err));
    store->is_relaxed = is_relaxed;
    return SL_OK;
}

static int begin(void *self, bool is_relaxed, struct sl_err *err)
{
    SL_TRY(require_unmoved(self, err));
    SL_TRY(set_relaxed(self, is_relaxed, err));
    return sl_sqlite_exec(self, "begin immediate", err);
}

static void rollback(void *self)
{
    struct sl_sqlite *store = self;
    // A full disk has ended the transaction already.
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "rollback", NULL, NULL, NULL);
}

static int commit(void *self, struct sl_err *err)
{
    struct sl_sqlite *store = self;
    if (sqlite3_get_autocommit(store->db))
        return SL_OK;
    int code = sl_sqlite_exec(store, "commit", err);
    if (code != SL_OK)
        rollback(store);
    return code;
}

static const char *text(void *at, int index, int column)
{
    (void)index;
    return (const char *)sqlite3_column_text(at, column);
}

static int64_t number(void *at, int index, int column)
{
    (void)index;
    return sqlite3_column_int64(at, column);
}

// --- waiting for other processes

// Every commit of another process is written to the log beside the file.
static int listen_to(void *self, const char *project, int *ret_fd, struct sl_err *err)
{
    struct sl_sqlite *store = self;
    (void)project;
    if (store->watch_fd >= 0) {
        *ret_fd = store->watch_fd;
        return SL_OK;
    }
    if (!store->folder)
        return sl_fail(err, SL_E_STATE, "this state store has no file to listen to");
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot watch '%s'", store->folder);
    if (inotify_add_watch(fd, store->folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
        (void)sl_fail_errno(err, errno, "cannot watch '%s'", store->folder);
        close(fd);
        return SL_E_STATE;
    }
    store->watch_fd = *ret_fd = fd;
    return SL_OK;
}

static int woken(void *self, int *ret_wakes, struct sl_err *err)
{
    struct sl_sqlite *store = self;
    _Alignas(struct inotify_event) char events[4096];
    ssize_t length;
    (void)err;
    *ret_wakes = 0;
    if (store->watch_fd < 0)
        return SL_OK;
    while ((length = read(store->watch_fd, events, sizeof events)) > 0)
        for (ssize_t at = 0; at < length;) {
            struct inotify_event head;
            memcpy(&head, events + at, sizeof head);
            const char *name = events + at + sizeof head;
            if ((head.mask & IN_Q_OVERFLOW) || (head.len && sl_str_starts(name, SL_STATE_FILE)))
                *ret_wakes = SL_WAKE_ALL;
            at += (ssize_t)sizeof head + (ssize_t)head.len;
        }
    return SL_OK;
}

const struct sl_store_kind sl_store_sqlite = {
    .name = "sqlite",
    .run = run,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .listen = listen_to,
    .woken = woken,
    .text = text,
    .number = number,
    .close = close_store,
};
