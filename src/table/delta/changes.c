#include "table/delta/action.h"
#include "table/delta/path.h"
#include "table/delta/snapshot.h"

#include <stdlib.h>
#include <string.h>

#define NAMED_PATHS 1000 // up to so many are looked for in a checkpoint

// Which files differ, as add actions: in `touched`, path -> the action before, or NULL.
struct difference {
    const struct sl_delta_state *state; // at `to`
    const struct sl_map *touched;
    const char *const *partition_columns;
    size_t partition_count;
    struct sl_arena *arena;
};

static int add_file(const struct difference *difference, const json_t *add,
                    struct sl_delta_file **files, size_t *count, struct sl_err *err)
{
    struct sl_delta_file file;

    SL_TRY(sl_delta_file_read(add, difference->partition_columns, difference->partition_count,
                              difference->arena, &file, err));
    return SL_PUSH(difference->arena, *files, *count, file) ? SL_OK : sl_fail_memory(err);
}

static int collect(const struct difference *difference, struct sl_delta_changes *changes,
                   struct sl_err *err)
{
    const struct sl_map_entry *it;

    for (it = sl_map_first(difference->touched); it; it = sl_map_next(it)) {
        const json_t *before = sl_map_value(it);
        const json_t *now = sl_map_get(&difference->state->files, sl_map_key(it));

        if (now && !before)
            SL_TRY(add_file(difference, now, &changes->added, &changes->added_count, err));
        if (before && !now)
            SL_TRY(add_file(difference, before, &changes->removed, &changes->removed_count, err));
    }
    if (changes->added_count > 0)
        qsort(changes->added, changes->added_count, sizeof *changes->added, sl_delta_file_compare);
    if (changes->removed_count > 0)
        qsort(changes->removed, changes->removed_count, sizeof *changes->removed,
              sl_delta_file_compare);
    changes->kept_count = sl_map_count(&difference->state->files) +
                          (size_t)difference->state->unread_count - changes->added_count;
    return SL_OK;
}

static int compare(const struct sl_delta_state *state, const struct sl_map *touched,
                   struct sl_arena *arena, struct sl_delta_changes *changes, struct sl_err *err)
{
    struct difference difference = {.state = state, .touched = touched, .arena = arena};

    SL_TRY(sl_delta_partition_columns(state->metadata, arena, &difference.partition_columns,
                                      &difference.partition_count, err));
    return collect(&difference, changes, err);
}

static bool has_commits(const struct sl_delta_log *log, int64_t from, int64_t to)
{
    for (int64_t version = from + 1; version <= to; version++)
        if (!sl_delta_log_has(log, version))
            return false;
    return true;
}

// Goes from one version to the other by the commits in between; whether the metadata changed is
// told by its identity.
static int walk(struct sl_delta_state *state, const struct sl_delta_log *log, int64_t to,
                struct sl_map *touched, bool *ret_changed, struct sl_err *err)
{
    json_t *before = json_incref(state->metadata);
    int code;

    state->touched = touched;
    code = sl_delta_state_advance(state, log, to, err);
    state->touched = NULL;
    *ret_changed = before != state->metadata;
    json_decref(before);
    return code;
}

static bool is_same_metadata(const json_t *a, const json_t *b)
{
    return sl_str_equal(sl_json_text(a, "schemaString", ""), sl_json_text(b, "schemaString", "")) &&
           json_equal(json_object_get(a, "partitionColumns"),
                      json_object_get(b, "partitionColumns")) == 1;
}

// Enters every file of both states.
static int touch_both(const struct sl_delta_state *from, const struct sl_delta_state *to,
                      struct sl_map *touched, struct sl_err *err)
{
    const struct sl_map_entry *it;

    for (it = sl_map_first(&to->files); it; it = sl_map_next(it))
        SL_TRY(sl_map_set(touched, sl_map_key(it), NULL, err));
    for (it = sl_map_first(&from->files); it; it = sl_map_next(it)) {
        SL_TRY(sl_map_set(touched, sl_map_key(it), sl_map_value(it), err));
        json_incref(sl_map_value(it));
    }
    return SL_OK;
}

// Both ends, when commits in between are gone.
static int compare_ends(const struct sl_delta_state *from, const struct sl_delta_log *log,
                        int64_t to, struct sl_session *session, struct sl_arena *arena,
                        struct sl_delta_changes *changes, struct sl_err *err)
{
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    SL_AUTO(sl_delta_touched_clear) struct sl_map touched = {0};

    SL_TRY(sl_delta_state_load(&state, log, to, session, err));
    SL_TRY(touch_both(from, &state, &touched, err));
    changes->schema_changed = !is_same_metadata(from->metadata, state.metadata);
    return compare(&state, &touched, arena, changes, err);
}

// The paths that commits name, as they stand there and decoded. Names more than `limit` say
// nothing.
static int named_paths(const struct sl_delta_log *log, int64_t from, int64_t to, size_t limit,
                       struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err)
{
    static const char *const kinds[] = {"add", "remove"};

    for (int64_t version = from + 1; version <= to && ret->count <= limit; version++) {
        SL_AUTO(sl_json_free) json_t *actions = NULL;
        const json_t *action;
        size_t i;

        SL_TRY(sl_delta_log_read(log, version, &actions, err));
        json_array_foreach (actions, i, action)
            for (size_t k = 0; k < 2; k++) {
                const char *path = sl_json_text(json_object_get(action, kinds[k]), "path", NULL);
                const char *decoded;

                if (!path)
                    continue;
                path = sl_arena_strdup(arena, path);
                SL_TRY_NEW(path, err);
                SL_TRY(sl_strs_add(ret, arena, path, err));
                SL_TRY(sl_delta_path_decode(path, arena, &decoded, err));
                if (!sl_str_equal(decoded, path))
                    SL_TRY(sl_strs_add(ret, arena, decoded, err));
            }
    }
    return SL_OK;
}

// A remove of a file that was not read: its path stands otherwise in the checkpoint.
static bool lacks_removed(const struct sl_map *touched, const struct sl_delta_state *state)
{
    for (const struct sl_map_entry *it = sl_map_first(touched); it; it = sl_map_next(it))
        if (!sl_map_value(it) && !sl_map_has(&state->files, sl_map_key(it)))
            return true;
    return false;
}

// A few commits over a checkpoint of very many files: only the files that they name are read.
// *ret_is_found is false if that does not tell the changes.
static int find_few(const struct sl_delta_log *log, int64_t from, int64_t to,
                    struct sl_session *session, struct sl_arena *arena,
                    struct sl_delta_changes *changes, bool *ret_is_found, struct sl_err *err)
{
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    SL_AUTO(sl_delta_touched_clear) struct sl_map touched = {0};
    const struct sl_delta_checkpoint_files *checkpoint =
        session ? sl_delta_log_checkpoint(log, from) : NULL;
    struct sl_strs paths = {0};

    *ret_is_found = false;
    if (!checkpoint || !has_commits(log, checkpoint->version, to))
        return SL_OK;
    SL_TRY(named_paths(log, checkpoint->version, to, NAMED_PATHS, arena, &paths, err));
    if (paths.count > NAMED_PATHS)
        return SL_OK;
    if (!paths.count) // none is asked for, but the others are to be counted
        SL_TRY(sl_strs_add(&paths, arena, "", err));
    state.only = &paths;
    SL_TRY(sl_delta_state_load(&state, log, from, session, err));
    SL_TRY(walk(&state, log, to, &touched, &changes->schema_changed, err));
    SL_TRY(sl_delta_state_check(&state, log, err));
    *ret_is_found = !lacks_removed(&touched, &state);
    return *ret_is_found ? compare(&state, &touched, arena, changes, err) : SL_OK;
}

static int find_changes(const struct sl_delta_log *log, int64_t from, int64_t to,
                        struct sl_session *session, struct sl_arena *arena,
                        struct sl_delta_changes *changes, struct sl_err *err)
{
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    SL_AUTO(sl_delta_touched_clear) struct sl_map touched = {0};
    bool is_found;

    if (from < 0) {
        const struct sl_delta_state empty = SL_DELTA_STATE_INIT;

        return compare_ends(&empty, log, to, session, arena, changes, err);
    }
    SL_TRY(find_few(log, from, to, session, arena, changes, &is_found, err));
    if (is_found)
        return SL_OK;
    *changes = (struct sl_delta_changes){0};
    SL_TRY(sl_delta_state_load(&state, log, from, session, err));
    if (!has_commits(log, from, to))
        return compare_ends(&state, log, to, session, arena, changes, err);
    SL_TRY(walk(&state, log, to, &touched, &changes->schema_changed, err));
    SL_TRY(sl_delta_state_check(&state, log, err));
    return compare(&state, &touched, arena, changes, err);
}

int sl_delta_changes(const char *folder, int64_t from, int64_t to, struct sl_session *session,
                     struct sl_arena *arena, struct sl_delta_changes *ret, struct sl_err *err)
{
    struct sl_delta_changes changes = {0};
    struct sl_delta_log log;

    SL_TRY(sl_delta_log_open(folder, arena, &log, err));
    SL_TRY(sl_delta_pick_version(&log, &to, err));
    if (from > to)
        return sl_fail(err, SL_E_TABLE_VERSION, "version %lld of '%s' is after version %lld",
                       (long long)from, folder, (long long)to);
    if (find_changes(&log, from, to, session, arena, &changes, err) != SL_OK)
        return sl_err_context(err, "find the changes of '%s' from version %lld to %lld", folder,
                              (long long)from, (long long)to);
    *ret = changes;
    return SL_OK;
}
