// A commit is replayed and its snapshot read, or refused; a table that was read can be written,
// too.
#include "fuzz.h"

#include "table/delta/log.h"
#include "table/delta/plan.h"
#include "table/delta/protocol.h"
#include "table/delta/snapshot.h"

static int replay(const char *text, size_t length, struct sl_delta_state *state,
                  struct sl_arena *arena)
{
    SL_AUTO(sl_json_free) json_t *actions = NULL;
    const json_t *action;
    size_t i;

    SL_TRY(sl_delta_log_parse(text, length, &actions, NULL));
    (void)sl_delta_commit_info(actions);
    json_array_foreach (actions, i, action) {
        SL_TRY(sl_delta_state_apply(state, action, arena, NULL));
    }
    state->version = 0;
    return SL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sl_delta_log log = {.folder = "t", .log_folder = "t/_delta_log"};
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_delta_state_clear) struct sl_delta_state state = SL_DELTA_STATE_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_delta_snapshot snapshot = {0};
    struct sl_delta_commit commit = {.mode = SL_DELTA_REPLACE, .operation = "WRITE"};
    struct sl_scan scan;

    state.keeps_removed = true;
    if (replay((const char *)data, size, &state, &arena) != SL_OK ||
        sl_delta_state_check(&state, &log, NULL) != SL_OK ||
        sl_delta_snapshot_read(&state, &arena, &snapshot, NULL) != SL_OK)
        return 0;
    snapshot.folder = "t";
    (void)!sl_delta_scan(&snapshot, &arena, &scan, NULL);
    commit.columns = snapshot.columns;
    commit.column_count = snapshot.column_count;
    commit.partition_columns = snapshot.partition_columns;
    commit.partition_count = snapshot.partition_count;
    (void)!sl_delta_plan(&state, &commit, &arena, &text, NULL);
    return 0;
}
