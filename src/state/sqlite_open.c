#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "state/sqlite.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

static void now(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    sqlite3_result_int64(context, sl_clock_now_us());
}

int sl_sqlite_add_functions(struct sl_sqlite *store, struct sl_err *err)
{
    if (sqlite3_create_function(store->db, "sluice_now", 0, SQLITE_UTF8, NULL, now, NULL, NULL) !=
        SQLITE_OK)
        return sl_sqlite_fail(store->db, "state store", err);
    return SL_OK;
}

int sl_sqlite_version(struct sl_sqlite *store, int *ret, struct sl_err *err)
{
    sqlite3_stmt *statement = NULL;
    int code = SL_OK;
    if (sqlite3_prepare_v2(store->db, "pragma user_version", -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        code = sl_sqlite_fail(store->db, "state store", err);
    else
        *ret = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code;
}

int sl_sqlite_refuse_later(int version, const char *path, struct sl_err *err)
{
    if (version <= SL_STATE_VERSION)
        return SL_OK;
    (void)sl_fail(err, SL_E_STATE,
                  "'%s' was written by a later Sluice (version %d, this one knows %d)", path,
                  version, SL_STATE_VERSION);
    return sl_err_hint(err,
                       "update Sluice, or give up the history: mv '%s' '%s.later' (tables continue "
                       "where they were)",
                       path, path);
}

static int make(struct sl_sqlite *store, int version, struct sl_err *err)
{
    const struct sl_schema *schema = &sl_schema_sqlite;
    const char *const anew[] = {schema->runs, schema->steps, schema->step_indexes, schema->rest};
    const char *const from_1[] = {sl_schema_before_2,   schema->runs, sl_schema_move_2,
                                  schema->step_indexes, schema->rest, sl_schema_from_3};
    const char *const from_2[] = {sl_schema_from_2, sl_schema_from_3};
    const char *const from_3[] = {sl_schema_from_3};
    const char *const *const lists[] = {anew, from_1, from_2, from_3};
    const size_t counts[] = {4, 6, 2, 1};
    for (size_t i = 0; i < counts[version]; i++)
        SL_TRY(sl_sqlite_exec(store, lists[version][i], err));
    return sl_sqlite_exec(store, "pragma user_version = 4", err);
}

int sl_sqlite_migrate(struct sl_sqlite *store, const char *path, struct sl_err *err)
{
    int version;
    SL_TRY(sl_sqlite_add_functions(store, err));
    SL_TRY(sl_sqlite_version(store, &version, err));
    if (version == SL_STATE_VERSION)
        return SL_OK;
    SL_TRY(sl_sqlite_refuse_later(version, path, err));
    SL_TRY(sl_sqlite_exec(store, "begin immediate", err));
    SL_TRY(sl_sqlite_version(store, &version, err)); // another process may have been faster
    if (version > SL_STATE_VERSION)
        return sl_sqlite_refuse_later(version, path, err);
    if (version < SL_STATE_VERSION)
        SL_TRY(make(store, version, err));
    return sl_sqlite_exec(store, "commit", err);
}

// The history of a run by hand may lose its last moments in a power cut; tables may not, and do not
// depend on it. What a service was asked for, or told, survives as a whole.
static int prepare_store(struct sl_sqlite *store, const char *path, bool is_service,
                         struct sl_err *err)
{
    sqlite3_busy_timeout(store->db, is_service ? 2000 : 10000); // a service has others to hear
    SL_TRY(sl_sqlite_exec(store, "pragma journal_mode = wal;", err));
    SL_TRY(sl_sqlite_exec(
        store, is_service ? "pragma synchronous = full" : "pragma synchronous = off", err));
    store->may_relax = is_service;
    return sl_sqlite_migrate(store, path, err);
}

bool sl_sqlite_is_damaged(const struct sl_sqlite *store)
{
    int kind = sqlite3_errcode(store->db) & 0xFF;
    return kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT;
}

struct opening {
    const char *path;
    const char *folder; // NULL: in memory
    bool is_service;
    bool was_damaged; // what came out
};

static int try_to_open(struct opening *opening, void **ret, struct sl_err *err)
{
    SL_AUTO(sl_sqlite_close) struct sl_sqlite *store = NULL;
    SL_TRY(sl_sqlite_new(opening->folder, &store, err));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(opening->path, &store->db, flags, NULL) != SQLITE_OK)
        return store->db ? sl_sqlite_fail(store->db, "state store", err) : sl_fail_memory(err);
    if (sqlite3_db_readonly(store->db, "main") == 1) // SQLite opens what it may only read, too
        return sl_sqlite_fail_readonly(opening->path, err);
    int code = prepare_store(store, opening->path, opening->is_service, err);
    if (code != SL_OK) {
        opening->was_damaged = sl_sqlite_is_damaged(store);
        return code;
    }
    *ret = store;
    store = NULL;
    return SL_OK;
}

// While another process makes the file one with a log beside it, SQLite does not wait for it, and
// may call it locked or read-only.
static int open_store(struct opening *opening, void **ret, struct sl_err *err)
{
    int64_t until_us = sl_clock_monotonic_us() + (opening->is_service ? 2 : 10) * 1000000;
    int code;
    while ((code = try_to_open(opening, ret, err)) == SL_E_STATE_BUSY ||
           (code == SL_E_STATE_READONLY && opening->folder && access(opening->path, W_OK) == 0 &&
            access(opening->folder, W_OK) == 0)) {
        if (!opening->folder || sl_clock_monotonic_us() > until_us)
            break;
        sl_err_clear(err);
        sqlite3_sleep(10);
    }
    return code;
}

int sl_sqlite_memory(void **ret, struct sl_err *err)
{
    struct opening opening = {.path = ":memory:"};
    return open_store(&opening, ret, err);
}

// With its log, which must not become that of the new file.
static int set_aside(const char *path, struct sl_arena *arena, const char **ret_note,
                     struct sl_err *err)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    long long now = (long long)time(NULL);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *from = sl_arena_printf(arena, "%s%s", path, ends[i]);
        const char *to = sl_arena_printf(arena, "%s.damaged-%lld%s", path, now, ends[i]);
        SL_TRY_NEW(from, err);
        SL_TRY_NEW(to, err);
        if (sl_fs_exists(from))
            SL_TRY(sl_fs_rename(from, to, err));
    }
    *ret_note =
        sl_arena_printf(arena,
                        "the state store was damaged: set aside as '%s.damaged-%lld', history "
                        "begins anew",
                        path, now);
    return *ret_note ? SL_OK : sl_fail_memory(err);
}

static int prepare_opening(const struct sl_state_place *place, struct sl_arena *arena,
                           struct opening *ret, struct sl_err *err)
{
    *ret = (struct opening){.path = sl_path_join(arena, place->folder, SL_STATE_FILE),
                            .folder = place->folder,
                            .is_service = place->is_service};
    SL_TRY_NEW(ret->path, err);
    return sl_fs_mkdirs(place->folder, err);
}

int sl_sqlite_begin_anew(const struct sl_state_place *place, void *damaged, struct sl_arena *arena,
                         void **ret, const char **ret_note, struct sl_err *err)
{
    const struct sl_sqlite *store = damaged;
    struct opening opening;
    int has_moved = 0;
    SL_TRY(prepare_opening(place, arena, &opening, err));
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) == SQLITE_OK &&
        has_moved) { // another process was faster
        *ret_note = "the state store was removed or set aside: history goes on in a new one";
        return open_store(&opening, ret, err);
    }
    SL_TRY(set_aside(opening.path, arena, ret_note, err));
    return open_store(&opening, ret, err);
}

int sl_sqlite_open(const struct sl_state_place *place, struct sl_arena *arena, void **ret,
                   const char **ret_note, struct sl_err *err)
{
    struct opening opening;
    SL_TRY(prepare_opening(place, arena, &opening, err));
    int code = open_store(&opening, ret, err);
    if (code == SL_OK || !opening.was_damaged)
        return code;
    sl_err_clear(err);
    SL_TRY(set_aside(opening.path, arena, ret_note, err));
    return open_store(&opening, ret, err);
}
