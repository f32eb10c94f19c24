// What commits say of themselves: the head with its record, the history, the version at a time.
// Nothing here needs an engine.
#include "table/delta/action.h"
#include "table/delta/delta.h"
#include "table/delta/log.h"
#include "table/delta/snapshot.h"

static bool changes_rows(const json_t *actions)
{
    const json_t *action;
    size_t i;

    json_array_foreach (actions, i, action) {
        const json_t *add = json_object_get(action, "add");
        const json_t *body = add ? add : json_object_get(action, "remove");

        if (json_is_object(body) && sl_json_bool(body, "dataChange", true))
            return true;
    }
    return false;
}

static int note_foreign(const json_t *actions, int64_t version, struct sl_arena *arena,
                        struct sl_delta_head *head, struct sl_err *err)
{
    if (head->foreign_version >= 0 || !changes_rows(actions))
        return SL_OK;
    head->foreign_version = version;
    head->foreign_operation =
        sl_arena_strdup(arena, sl_json_text(sl_delta_commit_info(actions), "operation", ""));
    SL_TRY_NEW(head->foreign_operation, err);
    return SL_OK;
}

// Commits that came between what the commit with the record had read and that commit itself.
static int look_between(const struct sl_delta_log *log, int64_t from, int64_t to,
                        struct sl_arena *arena, struct sl_delta_head *head, struct sl_err *err)
{
    for (int64_t version = to - 1; version > from; version--) {
        SL_AUTO(sl_json_free) json_t *actions = NULL;

        if (sl_delta_log_is_cleaned(log, version))
            break;
        SL_TRY(sl_delta_log_read(log, version, &actions, err));
        if (!json_is_object(json_object_get(sl_delta_commit_info(actions), "sluice")))
            SL_TRY(note_foreign(actions, version, arena, head, err));
    }
    return SL_OK;
}

// Takes what the head needs from one commit.
static int look_at(const struct sl_delta_log *log, int64_t version, struct sl_arena *arena,
                   struct sl_delta_head *head, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *actions = NULL;
    const json_t *info, *record;
    const char *table_id;

    SL_TRY(sl_delta_log_read(log, version, &actions, err));
    if (version == head->version)
        head->timestamp_ms = sl_delta_log_time_ms(log, version, actions);
    info = sl_delta_commit_info(actions);
    record = json_object_get(info, "sluice");
    if (!json_is_object(record))
        return note_foreign(actions, version, arena, head, err);
    SL_TRY(look_between(log, sl_json_int(info, "readVersion", version), version, arena, head, err));
    head->record_version = version;
    table_id = sl_json_text(record, "table_id", NULL);
    head->table_id = sl_arena_strdup(arena, table_id);
    if (table_id)
        SL_TRY_NEW(head->table_id, err);
    return sl_delta_json_copy(record, arena, &head->record_json, err);
}

int sl_delta_head(const char *folder, struct sl_arena *arena, struct sl_delta_head *ret,
                  struct sl_err *err)
{
    return sl_delta_head_at(folder, -1, arena, ret, err);
}

// A log that lacks a commit is found by everyone who asks how far the table has come, not only by
// who reads it. Others may clean the log up while it is listed: then a second look finds the
// checkpoint.
static int open_whole(const char *folder, int64_t *at, struct sl_arena *arena,
                      struct sl_delta_log *ret, struct sl_err *err)
{
    for (int attempt = 1;; attempt++) {
        int64_t version;
        SL_TRY(sl_delta_log_open(folder, arena, ret, err));
        if (*at >= 0)
            SL_TRY(sl_delta_pick_version(ret, at, err));
        version = *at >= 0 ? *at : ret->newest;
        int code = sl_delta_log_require(ret, version, err);
        if (code != SL_E_TABLE_LOG || attempt == 2) {
            *at = version;
            return code;
        }
        sl_err_clear(err);
    }
}

int sl_delta_head_at(const char *folder, int64_t at, struct sl_arena *arena,
                     struct sl_delta_head *ret, struct sl_err *err)
{
    struct sl_delta_head head = {
        .record_version = -1, .foreign_version = -1, .foreign_operation = ""};
    struct sl_delta_log log;

    SL_TRY(open_whole(folder, &at, arena, &log, err));
    head.version = at;
    for (int64_t version = head.version; version >= 0 && !head.record_json; version--) {
        if (sl_delta_log_is_cleaned(&log, version))
            break;
        SL_TRY(look_at(&log, version, arena, &head, err));
    }
    *ret = head;
    return SL_OK;
}

int sl_delta_head_recover(const char *folder, const char *app_id, struct sl_session *session,
                          struct sl_arena *arena, struct sl_delta_head *head, int64_t *ret_sequence,
                          struct sl_err *err)
{
    struct sl_delta_snapshot snapshot;
    const struct sl_delta_txn *txn;

    SL_TRY(sl_delta_load(folder, head->version, session, arena, &snapshot, err));
    head->table_id = snapshot.table_id;
    txn = sl_delta_txn_find(&snapshot, app_id);
    *ret_sequence = txn ? txn->version : 0;
    return SL_OK;
}

static int add_info(const struct sl_delta_log *log, int64_t version, struct sl_arena *arena,
                    struct sl_delta_commit_info **infos, size_t *count, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *actions = NULL;
    struct sl_delta_commit_info info = {.version = version, .operation = "", .json = "{}"};
    const json_t *body;

    SL_TRY(sl_delta_log_read(log, version, &actions, err));
    info.timestamp_ms = sl_delta_log_time_ms(log, version, actions);
    body = sl_delta_commit_info(actions);
    if (body) {
        info.operation = sl_arena_strdup(arena, sl_json_text(body, "operation", ""));
        SL_TRY_NEW(info.operation, err);
        SL_TRY(sl_delta_json_copy(body, arena, &info.json, err));
    }
    return SL_PUSH(arena, *infos, *count, info) ? SL_OK : sl_fail_memory(err);
}

int sl_delta_history(const char *folder, size_t limit, struct sl_arena *arena,
                     struct sl_delta_commit_info **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_delta_commit_info *infos = NULL;
    size_t count = 0;
    struct sl_delta_log log;

    SL_TRY(sl_delta_log_open(folder, arena, &log, err));
    for (int64_t version = log.newest; version >= 0 && (limit == 0 || count < limit); version--) {
        if (sl_delta_log_is_cleaned(&log, version))
            break;
        SL_TRY(add_info(&log, version, arena, &infos, &count, err));
    }
    *ret = infos;
    *ret_count = count;
    return SL_OK;
}

// The lowest version that can be loaded.
static int64_t oldest_version(const struct sl_delta_log *log)
{
    if (log->first_commit == 0 || log->checkpoint_count == 0)
        return log->first_commit;
    return log->checkpoints[0].version;
}

int sl_delta_version_at(const char *folder, int64_t time_ms, int64_t *ret_version,
                        struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    int64_t found = -1;
    int64_t latest_ms = INT64_MIN;
    struct sl_delta_log log;

    SL_TRY(sl_delta_log_open(folder, &arena, &log, err));
    if (log.newest < 0)
        return sl_fail(err, SL_E_TABLE_MISSING, "there is no table in '%s'", folder);
    for (int64_t version = oldest_version(&log); version <= log.newest; version++) {
        SL_AUTO(sl_json_free) json_t *actions = NULL;
        int64_t commit_ms;

        if (sl_delta_log_is_cleaned(&log, version))
            continue; // its checkpoint tells no time
        SL_TRY(sl_delta_log_read(&log, version, &actions, err));
        commit_ms = sl_delta_log_time_ms(&log, version, actions);
        // Clocks of writers differ: a version is never older than the one before it.
        latest_ms = commit_ms > latest_ms ? commit_ms : latest_ms;
        if (latest_ms > time_ms)
            break;
        found = version;
    }
    if (found < 0)
        return sl_fail(err, SL_E_TABLE_VERSION, "it has no version that old");
    *ret_version = found;
    return SL_OK;
}
