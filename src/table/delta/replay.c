#include "table/delta/replay.h"

#include "table/delta/action.h"
#include "table/delta/checkpoint.h"
#include "table/delta/delta.h"
#include "table/delta/path.h"
#include "table/delta/protocol.h"

#include <string.h>

static void clear_bodies(struct sl_map *map)
{
    for (const struct sl_map_entry *it = sl_map_first(map); it; it = sl_map_next(it))
        json_decref(sl_map_value(it));
    sl_map_clear(map);
}

void sl_delta_touched_clear(struct sl_map *touched)
{
    clear_bodies(touched);
}

void sl_delta_state_clear(struct sl_delta_state *state)
{
    clear_bodies(&state->files);
    clear_bodies(&state->removed);
    clear_bodies(&state->txns);
    clear_bodies(&state->domains);
    json_decref(state->protocol);
    json_decref(state->metadata);
    *state = (struct sl_delta_state)SL_DELTA_STATE_INIT;
}

static int set_body(struct sl_map *map, const char *key, json_t *body, struct sl_err *err)
{
    json_t *old = sl_map_get(map, key);

    SL_TRY(sl_map_set(map, key, body, err));
    json_incref(body);
    json_decref(old);
    return SL_OK;
}

static void remove_body(struct sl_map *map, const char *key)
{
    json_t *old = sl_map_get(map, key);

    sl_map_remove(map, key);
    json_decref(old);
}

static void replace(json_t **member, json_t *body)
{
    json_decref(*member);
    *member = json_incref(body);
}

// "The primary key ... is a tuple of the data file's path and a unique id describing the DV."
static int file_key(const json_t *body, struct sl_arena *scratch, const char **ret,
                    struct sl_err *err)
{
    const json_t *vector = json_object_get(body, "deletionVector");
    const char *key = NULL;

    SL_TRY(sl_delta_path_decode(sl_json_text(body, "path", ""), scratch, &key, err));
    if (json_is_object(vector)) {
        key =
            sl_arena_printf(scratch, "%s\n%s%s@%lld", key, sl_json_text(vector, "storageType", ""),
                            sl_json_text(vector, "pathOrInlineDv", ""),
                            (long long)sl_json_int(vector, "offset", 0));
        SL_TRY_NEW(key, err);
    }
    *ret = key;
    return SL_OK;
}

// Remembers the file as it was before its first change.
static int touch(struct sl_delta_state *state, const char *key, struct sl_err *err)
{
    json_t *before = sl_map_get(&state->files, key);

    if (!state->touched || sl_map_has(state->touched, key))
        return SL_OK;
    SL_TRY(sl_map_set(state->touched, key, before, err));
    json_incref(before);
    return SL_OK;
}

static int apply_file(struct sl_delta_state *state, enum sl_delta_kind kind, json_t *body,
                      struct sl_arena *scratch, struct sl_err *err)
{
    const char *key = NULL;

    SL_TRY(file_key(body, scratch, &key, err));
    SL_TRY(touch(state, key, err));
    if (kind == SL_DELTA_ADD) {
        remove_body(&state->removed, key);
        return set_body(&state->files, key, body, err);
    }
    remove_body(&state->files, key);
    return state->keeps_removed ? set_body(&state->removed, key, body, err) : SL_OK;
}

int sl_delta_state_apply(struct sl_delta_state *state, const json_t *action,
                         struct sl_arena *scratch, struct sl_err *err)
{
    enum sl_delta_kind kind;
    json_t *body;

    SL_TRY(sl_delta_action_read(action, &kind, &body, err));
    switch (kind) {
    case SL_DELTA_OTHER:
    case SL_DELTA_COMMIT_INFO:
        return SL_OK;
    case SL_DELTA_PROTOCOL:
        replace(&state->protocol, body);
        return SL_OK;
    case SL_DELTA_METADATA:
        replace(&state->metadata, body);
        return SL_OK;
    case SL_DELTA_ADD:
    case SL_DELTA_REMOVE:
        return apply_file(state, kind, body, scratch, err);
    case SL_DELTA_TXN:
        return set_body(&state->txns, sl_json_text(body, "appId", ""), body, err);
    case SL_DELTA_DOMAIN:
        if (!sl_json_bool(body, "removed", false))
            return set_body(&state->domains, sl_json_text(body, "domain", ""), body, err);
        remove_body(&state->domains, sl_json_text(body, "domain", ""));
        return SL_OK;
    }
    return SL_OK;
}

static int apply_commit(struct sl_delta_state *state, const struct sl_delta_log *log,
                        int64_t version, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena scratch = {0};
    SL_AUTO(sl_json_free) json_t *actions = NULL;
    const json_t *action;
    size_t i;

    SL_TRY(sl_delta_log_read(log, version, &actions, err));
    json_array_foreach (actions, i, action) {
        if (sl_delta_state_apply(state, action, &scratch, err) != SL_OK)
            return sl_err_context(err, "read commit '%s', action %zu",
                                  sl_delta_log_path(log, version, &scratch), i + 1);
    }
    state->version = version;
    state->timestamp_ms = sl_delta_log_time_ms(log, version, actions);
    return SL_OK;
}

int sl_delta_state_advance(struct sl_delta_state *state, const struct sl_delta_log *log,
                           int64_t version, struct sl_err *err)
{
    while (state->version < version)
        SL_TRY(apply_commit(state, log, state->version + 1, err));
    return SL_OK;
}

// Says why a version cannot be reached from a checkpoint or from the first commit.
static int fail_unreachable(const struct sl_delta_log *log, int64_t version,
                            struct sl_session *session, struct sl_err *err)
{
    if (!session && sl_delta_log_checkpoint(log, version))
        return sl_fail(err, SL_E_INTERNAL, "a checkpoint of '%s' must be read without a session",
                       log->folder);
    if (log->has_v2_checkpoint)
        return sl_fail(err, SL_E_TABLE_FEATURE, "table '%s' has only V2 checkpoints", log->folder);
    if (log->checkpoint_count > 0)
        return sl_fail(err, SL_E_TABLE_VERSION, "table '%s' has versions %lld to %lld, not %lld",
                       log->folder, (long long)log->checkpoints[0].version, (long long)log->newest,
                       (long long)version);
    return sl_fail(err, SL_E_TABLE_LOG, "commit '%s/%020d.json' is missing", log->log_folder, 0);
}

static int start(struct sl_delta_state *state, const struct sl_delta_log *log, int64_t version,
                 struct sl_session *session, struct sl_err *err)
{
    const struct sl_delta_checkpoint_files *files =
        session ? sl_delta_log_checkpoint(log, version) : NULL;

    if (!files)
        return log->first_commit == 0 ? SL_OK : fail_unreachable(log, version, session, err);
    SL_TRY(sl_delta_checkpoint_read(files, session, state, err));
    // The commit of the checkpointed version may be gone; it only tells the time.
    if (sl_delta_log_has(log, files->version)) {
        SL_AUTO(sl_json_free) json_t *actions = NULL;

        SL_TRY(sl_delta_log_read(log, files->version, &actions, err));
        state->timestamp_ms = sl_delta_log_time_ms(log, files->version, actions);
    }
    state->version = files->version;
    return SL_OK;
}

int sl_delta_state_check(const struct sl_delta_state *state, const struct sl_delta_log *log,
                         struct sl_err *err)
{
    if (!state->protocol || !state->metadata)
        return sl_fail(err, SL_E_TABLE_LOG, "version %lld of '%s' has no %s",
                       (long long)state->version, log->folder,
                       state->protocol ? "metaData" : "protocol");
    if (sl_delta_protocol_read_check(state->protocol, state->metadata, err) != SL_OK)
        return sl_err_context(err, "read table '%s'", log->folder);
    for (const struct sl_map_entry *it = sl_map_first(&state->files); it; it = sl_map_next(it))
        if (json_is_object(json_object_get(sl_map_value(it), "deletionVector")))
            return sl_fail(err, SL_E_TABLE_FEATURE, "table '%s' has deletion vectors", log->folder);
    return SL_OK;
}

int sl_delta_state_load(struct sl_delta_state *state, const struct sl_delta_log *log,
                        int64_t version, struct sl_session *session, struct sl_err *err)
{
    SL_TRY(start(state, log, version, session, err));
    SL_TRY(sl_delta_state_advance(state, log, version, err));
    return sl_delta_state_check(state, log, err);
}
