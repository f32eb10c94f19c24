// Replay: the state of a table, made by applying actions in the order of versions ("Action
// Reconciliation").
#ifndef SL_TABLE_DELTA_REPLAY_H
#define SL_TABLE_DELTA_REPLAY_H

#include "api/engine.h"
#include "base/map.h"
#include "table/delta/log.h"

// Bodies of actions, each held by a reference of its own. Files are keyed by their decoded path
// (and deletion vector).
struct sl_delta_state {
    int64_t version; // -1: nothing applied
    int64_t timestamp_ms;
    json_t *protocol, *metadata;
    struct sl_map files;   // add
    struct sl_map removed; // remove: tombstones; only if keeps_removed
    struct sl_map txns;    // txn, by appId
    struct sl_map domains; // domainMetadata, by domain
    bool keeps_removed;
    // If set: every file that is added or removed from now on -> its add action before that, or
    // NULL. Holds references too.
    struct sl_map *touched;
    // If set: of a checkpoint's files only these are read, by their path as it stands in the log or
    // decoded; the others are counted. What is applied after the checkpoint is applied whole.
    const struct sl_strs *only;
    int64_t unread_count;
};

#define SL_DELTA_STATE_INIT \
    {                       \
        .version = -1       \
    }

void sl_delta_state_clear(struct sl_delta_state *state);
// Drops the references a `touched` map holds, and the map's entries.
void sl_delta_touched_clear(struct sl_map *touched);

// Applies one action. `scratch` may be cleared afterwards. After a failure the state is of no use
// but to clear.
SL_MUST int sl_delta_state_apply(struct sl_delta_state *state, const json_t *action,
                                 struct sl_arena *scratch, struct sl_err *err);
// Applies the commits up to `version`, each of which must be there.
SL_MUST int sl_delta_state_advance(struct sl_delta_state *state, const struct sl_delta_log *log,
                                   int64_t version, struct sl_err *err);
// Loads `version`, which must not be after log->newest, from the newest checkpoint before it, or,
// without a session, from version 0. SL_E_TABLE_VERSION if the log does not reach back so far,
// SL_E_INTERNAL if it does only by a checkpoint and there is no session. Checks that the table can
// be read.
SL_MUST int sl_delta_state_load(struct sl_delta_state *state, const struct sl_delta_log *log,
                                int64_t version, struct sl_session *session, struct sl_err *err);

// What every version must have, and that it can be read here: SL_E_TABLE_LOG, SL_E_TABLE_FEATURE.
SL_MUST int sl_delta_state_check(const struct sl_delta_state *state, const struct sl_delta_log *log,
                                 struct sl_err *err);

#endif
