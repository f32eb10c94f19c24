#include "run/lag.h"

#include "plan/plan.h"

#include <string.h>

// Since when an input has had a version that the table was not built from; 0: it has none.
static int since_when(const struct sl_project *project, const struct sl_table_version *used,
                      struct sl_arena *arena, int64_t *ret_ms, struct sl_err *err)
{
    struct sl_delta_head head, first;
    struct sl_record record;
    enum sl_layer layer;
    const char *name, *folder;
    bool is_borrowed;
    *ret_ms = 0;
    if (!sl_table_parse(used->table, &layer, &name))
        return SL_OK;
    SL_TRY(sl_step_input(project, layer, name, NULL, arena, &folder, &head, &record, &is_borrowed,
                         err));
    bool is_other = used->id && head.table_id && strcmp(used->id, head.table_id) != 0;
    if (head.version < 0 || (!is_other && sl_step_rows_since(&head, &record) <= used->version))
        return SL_OK;
    *ret_ms = head.timestamp_ms;
    struct sl_err ignored = {0}; // commits that were cleaned away
    if (!is_other && sl_delta_head_at(folder, used->version + 1, arena, &first, &ignored) == SL_OK)
        *ret_ms = first.timestamp_ms;
    return SL_OK;
}

int sl_lag_since(const struct sl_project *project, const struct sl_table_version *used,
                 size_t count, struct sl_arena *arena, int64_t *ret_ms, const char **ret_behind,
                 struct sl_err *err)
{
    int64_t earliest_ms = 0;
    *ret_behind = NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t since_ms;
        SL_TRY(since_when(project, &used[i], arena, &since_ms, err));
        if (since_ms > 0 && (earliest_ms == 0 || since_ms < earliest_ms)) {
            earliest_ms = since_ms;
            *ret_behind = used[i].table;
        }
    }
    *ret_ms = earliest_ms;
    return SL_OK;
}

int64_t sl_seconds_since(int64_t now_us, int64_t then_us)
{
    int64_t s = (now_us - then_us) / 1000000;
    return s < 0 ? 0 : s;
}

int64_t sl_node_freshness_s(const struct sl_node *node)
{
    switch (node->kind) {
    case SL_NODE_INGEST:
    case SL_NODE_CLEANSE: // one source, one alert: of what readers use
        return node->kind == SL_NODE_CLEANSE || !node->contract
                   ? node->source->requirements.freshness_s
                   : -1;
    case SL_NODE_MODEL:
        return sl_node_is_view(node) ? -1 : node->model->requirements.freshness_s;
    case SL_NODE_LOAD:
    case SL_NODE_TASK:
        break;
    }
    return -1;
}
