// Removes what killed steps left behind.
#include "table/delta/clean.h"
#include "base/clock.h"
#include "base/fs.h"
#include "table/delta/checkpoint.h"
#include "table/delta/delta.h"
#include "table/delta/path.h"
#include "table/delta/protocol.h"

#include <string.h>
#include <sys/stat.h>

// Folders deeper than that are left alone.
#define DEEPEST 64

struct sweep {
    const char *folder;
    struct sl_map named; // decoded paths
    struct sl_delta_cleaning *cleaning;
    struct sl_arena *arena;
};

static void sweep_clear(struct sweep *sweep)
{
    sl_map_clear(&sweep->named);
}

static int name_path(struct sweep *sweep, const char *uri, struct sl_err *err)
{
    const char *path;

    SL_TRY(sl_delta_path_decode(uri, sweep->arena, &path, err));
    return sl_map_set(&sweep->named, path, NULL, err);
}

static int name_commit(struct sweep *sweep, const struct sl_delta_log *log, int64_t version,
                       struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *actions = NULL;
    const json_t *action;
    size_t i;

    SL_TRY(sl_delta_log_read(log, version, &actions, err));
    json_array_foreach (actions, i, action) {
        static const char *const kinds[] = {"add", "remove", "cdc"};

        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            const char *uri = sl_json_text(json_object_get(action, kinds[k]), "path", NULL);

            if (uri)
                SL_TRY(name_path(sweep, uri, err));
        }
    }
    return SL_OK;
}

static int name_checkpoint(struct sweep *sweep, const struct sl_delta_checkpoint_files *files,
                           struct sl_session *session, struct sl_err *err)
{
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    const struct sl_map_entry *it;

    state.keeps_removed = true;
    SL_TRY(sl_delta_checkpoint_read(files, session, &state, err));
    for (it = sl_map_first(&state.files); it; it = sl_map_next(it))
        SL_TRY(sl_map_set(&sweep->named, sl_map_key(it), NULL, err));
    for (it = sl_map_first(&state.removed); it; it = sl_map_next(it))
        SL_TRY(sl_map_set(&sweep->named, sl_map_key(it), NULL, err));
    return SL_OK;
}

// Every file that any version still in the log has or had. Checkpoints say what commits say, as
// long as these are all there.
static int name_all(struct sweep *sweep, const struct sl_delta_log *log, struct sl_session *session,
                    struct sl_err *err)
{
    for (int64_t version = 0; version <= log->newest; version++)
        if (!sl_delta_log_is_cleaned(log, version))
            SL_TRY(name_commit(sweep, log, version, err));
    if (log->first_commit == 0)
        return SL_OK;
    for (size_t i = 0; i < log->checkpoint_count; i++)
        SL_TRY(name_checkpoint(sweep, &log->checkpoints[i], session, err));
    return SL_OK;
}

// Data files that no one names, and temporary files in the log. Other names are not ours to judge.
static bool is_leftover(const struct sweep *sweep, const char *path)
{
    if (sl_str_starts(path, "_delta_log/"))
        return sl_str_starts(sl_path_name(path), ".tmp-");
    bool (*is_ours)(const char *name) = sweep->cleaning->is_ours;
    return sl_str_ends(path, ".parquet") && (!is_ours || is_ours(sl_path_name(path))) &&
           !sl_map_has(&sweep->named, path);
}

static bool is_searched(const char *relative, const char *name)
{
    if (*relative == '\0')
        return strcmp(name, "_delta_log") == 0 || (*name != '_' && *name != '.');
    return !sl_str_starts(relative, "_delta_log");
}

// sl_fs_stat follows links.
static bool is_link(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static int sweep_folder(struct sweep *sweep, const char *relative, int depth, bool *ret_empty,
                        struct sl_err *err);

// Removes one entry if it is a leftover; *ret_gone tells.
static int sweep_entry(struct sweep *sweep, const char *relative, const char *name, int depth,
                       bool *ret_gone, struct sl_err *err)
{
    const char *path = sl_path_join(sweep->arena, relative, name);
    struct sl_delta_cleaning *cleaning = sweep->cleaning;
    const char *full;
    struct sl_fs_stat stat;

    *ret_gone = false;
    SL_TRY_NEW(path, err);
    full = sl_path_join(sweep->arena, sweep->folder, path);
    SL_TRY_NEW(full, err);
    // What vanishes meanwhile was not ours, nor is where a link leads to.
    if (is_link(full) || sl_fs_stat(full, &stat, NULL) != SL_OK)
        return SL_OK;
    if (stat.is_folder) {
        bool is_empty = false;

        if (!is_searched(relative, name))
            return SL_OK;
        SL_TRY(sweep_folder(sweep, path, depth + 1, &is_empty, err));
        *ret_gone = is_empty && stat.mtime_us < cleaning->before_us &&
                    strcmp(path, "_delta_log") != 0 && !cleaning->dry_run;
        if (*ret_gone)
            sl_fs_remove_folder(full); // still empty, or left alone
        return SL_OK;
    }
    if (stat.mtime_us >= cleaning->before_us || !is_leftover(sweep, path))
        return SL_OK;
    if (!cleaning->dry_run)
        SL_TRY(sl_fs_remove(full, err));
    struct sl_delta_leftover item = {path, stat.size_bytes, stat.mtime_us};
    *ret_gone = true;
    return SL_PUSH(sweep->arena, cleaning->items, cleaning->count, item) ? SL_OK
                                                                         : sl_fail_memory(err);
}

static int sweep_folder(struct sweep *sweep, const char *relative, int depth, bool *ret_empty,
                        struct sl_err *err)
{
    const char *folder = sl_path_join(sweep->arena, sweep->folder, relative);
    struct sl_strs names = {0};
    bool is_empty = true;

    *ret_empty = false;
    SL_TRY_NEW(folder, err);
    if (depth > DEEPEST)
        return SL_OK;
    SL_TRY(sl_fs_list(folder, sweep->arena, &names, err));
    for (size_t i = 0; i < names.count; i++) {
        bool is_gone;

        SL_TRY(sweep_entry(sweep, relative, names.items[i], depth, &is_gone, err));
        is_empty = is_empty && is_gone;
    }
    *ret_empty = is_empty;
    return SL_OK;
}

// A table that may not be written may not be cleaned either ("VACUUM Protocol Check").
static int check_table(const struct sl_delta_log *log, struct sl_session *session,
                       struct sl_err *err)
{
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    const struct sl_delta_intent intent = {0};

    SL_TRY(sl_delta_state_load(&state, log, log->newest, session, err));
    return sl_delta_protocol_write_check(state.protocol, state.metadata, &intent, err);
}

static int clean(struct sweep *sweep, struct sl_session *session, struct sl_err *err)
{
    struct sl_delta_log log;
    bool is_empty;

    SL_TRY(sl_delta_log_open(sweep->folder, sweep->arena, &log, err));
    if (log.newest >= 0)
        SL_TRY(check_table(&log, session, err));
    SL_TRY(name_all(sweep, &log, session, err));
    return sweep_folder(sweep, "", 0, &is_empty, err);
}

int sl_delta_clean(const char *folder, struct sl_delta_cleaning *cleaning,
                   struct sl_session *session, struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sweep_clear)
    struct sweep sweep = {.folder = folder, .cleaning = cleaning, .arena = arena};

    if (clean(&sweep, session, err) != SL_OK)
        return sl_err_context(err, "clean the folder of table '%s'", folder);
    return SL_OK;
}

int sl_delta_clean_staged(const char *folder, int64_t older_than_ms, struct sl_session *session,
                          int64_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_delta_cleaning cleaning = {.before_us = sl_clock_now_us() - older_than_ms * 1000};

    SL_TRY(sl_delta_clean(folder, &cleaning, session, &arena, err));
    *ret_count = (int64_t)cleaning.count;
    return SL_OK;
}
