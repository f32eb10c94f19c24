#include "base/buf.h"
#include "base/fs.h"
#include "base/str.h"
#include "state/sqlite.h"

#include <string.h>

// Ways to read a store. Readers share a file with its writers that may have to be made, for which
// there may be no room, or no permission; alone one can do without. And what nobody writes to can
// be read as it is.
static const struct reading {
    int flags;
    const char *prefix, *suffix; // of the name: a URI if there is one
    const char *setting;
    bool without_log; // what a log beside the file holds would not be seen
} readings[] = {
    {SQLITE_OPEN_READONLY, "", "", "pragma query_only = on", false},
    {SQLITE_OPEN_READWRITE, "", "", "pragma locking_mode = exclusive; pragma query_only = on",
     false},
    {SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, "file:", "?immutable=1", "pragma query_only = on",
     true},
};

static int name_of(const struct reading *reading, const char *path, struct sl_arena *arena,
                   const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;
    for (const char *at = path; *at; at++)
        if (reading->prefix[0] && strchr("%?#", *at))
            sl_buf_addf(&name, "%%%02X", (unsigned)*at);
        else
            sl_buf_add_char(&name, *at);
    SL_TRY(sl_buf_check(&name, err));
    *ret = sl_arena_printf(arena, "%s%s%s", reading->prefix, name.text, reading->suffix);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

struct found {
    struct sl_sqlite *store;
    int version; // 0: the store was never finished
    bool is_damaged;
};

static int read_as(const struct reading *reading, const char *path, struct sl_arena *arena,
                   struct found *ret, struct sl_err *err)
{
    SL_AUTO(sl_sqlite_close) struct sl_sqlite *store = NULL;
    const char *name;
    int version;
    SL_TRY(sl_sqlite_new(NULL, &store, err));
    SL_TRY(name_of(reading, path, arena, &name, err));
    int flags = reading->flags | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(name, &store->db, flags, NULL) != SQLITE_OK)
        return sl_fail(err, SL_E_STATE, "cannot open '%s': %s", path,
                       store->db ? sqlite3_errmsg(store->db) : "no memory");
    sqlite3_busy_timeout(store->db, 10000);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    SL_TRY(sl_sqlite_add_functions(store, err));
    SL_TRY(sl_sqlite_exec(store, reading->setting, err));
    int code = sl_sqlite_version(store, &version, err);
    if (code != SL_OK && sl_sqlite_is_damaged(store)) {
        sl_err_clear(err);
        ret->is_damaged = true;
        return SL_OK;
    }
    SL_TRY(code);
    *ret = (struct found){.store = store, .version = version};
    store = NULL;
    return SL_OK;
}

static bool has_log(const char *path, struct sl_arena *arena)
{
    struct sl_err ignored = {0};
    struct sl_fs_stat stat;
    const char *log = sl_arena_printf(arena, "%s-wal", path);
    return !log || (sl_fs_stat(log, &stat, &ignored) == SL_OK && stat.size_bytes > 0);
}

// The first failure is told: what comes after it is meant for a disk or folder like that.
static int find_store(const char *path, struct sl_arena *arena, struct found *ret,
                      struct sl_err *err)
{
    int first = read_as(&readings[0], path, arena, ret, err);
    for (size_t i = 1; first != SL_OK && i < sizeof readings / sizeof *readings; i++) {
        struct sl_err ignored = {0};
        if (readings[i].without_log && has_log(path, arena))
            continue;
        if (read_as(&readings[i], path, arena, ret, &ignored) != SL_OK)
            continue;
        sl_err_clear(err);
        return SL_OK;
    }
    return first;
}

// One of an earlier version is read as a copy in memory, which can be migrated.
static int copy_of(struct sl_sqlite *from, const char *path, struct sl_sqlite **ret,
                   struct sl_err *err)
{
    SL_AUTO(sl_sqlite_close) struct sl_sqlite *store = NULL;
    SL_TRY(sl_sqlite_new(NULL, &store, err));
    if (sqlite3_open_v2(":memory:", &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        return sl_fail_memory(err);
    sqlite3_backup *backup = sqlite3_backup_init(store->db, "main", from->db, "main");
    if (!backup)
        return sl_sqlite_fail(store->db, "state store", err);
    sqlite3_backup_step(backup, -1);
    if (sqlite3_backup_finish(backup) != SQLITE_OK)
        return sl_sqlite_fail(store->db, "state store", err);
    SL_TRY(sl_sqlite_migrate(store, path, err));
    *ret = store;
    store = NULL;
    return SL_OK;
}

int sl_sqlite_read(const struct sl_state_place *place, struct sl_arena *arena, void **ret,
                   const char **ret_note, struct sl_err *err)
{
    struct found found = {0};
    const char *path = sl_path_join(arena, place->folder, SL_STATE_FILE);
    SL_TRY_NEW(path, err);
    if (sl_fs_exists(path))
        SL_TRY(find_store(path, arena, &found, err));
    SL_AUTO(sl_sqlite_close) struct sl_sqlite *store = found.store;
    SL_TRY(sl_sqlite_refuse_later(found.version, path, err));
    if (found.is_damaged) {
        *ret_note = sl_arena_printf(
            arena, "the state store '%s' is damaged: the next run begins a new one", path);
        SL_TRY_NEW(*ret_note, err);
    }
    if (found.version == 0)
        return sl_sqlite_memory(ret, err);
    if (found.version < SL_STATE_VERSION) {
        struct sl_sqlite *copy;
        SL_TRY(copy_of(store, path, &copy, err));
        *ret = copy;
        return SL_OK;
    }
    *ret = store;
    store = NULL;
    return SL_OK;
}
