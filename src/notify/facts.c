#include "notify/facts.h"

#include "notify/notify.h"
#include "run/lag.h"

#include <string.h>

struct sl_subject sl_subject_named(const char *name)
{
    return (struct sl_subject){.name = name,
                               .age_s = -1,
                               .freshness_s = -1,
                               .rows = -1,
                               .rows_in = -1,
                               .rows_rejected = -1,
                               .lag_s = -1};
}

static bool layer_of(const struct sl_node *node, enum sl_layer *ret)
{
    const char *ignored;
    return sl_node_has_table(node) && sl_table_parse(node->name, ret, &ignored);
}

static int look_lag(const struct sl_look *look, const struct sl_record *record,
                    struct sl_subject *ret, struct sl_err *err)
{
    int64_t since_ms;
    SL_TRY(sl_lag_since(look->project, record->inputs, record->input_count, look->arena, &since_ms,
                        &ret->lags_behind, err));
    ret->lag_s = since_ms > 0 ? sl_seconds_since(look->now_us, since_ms * 1000) : 0;
    return SL_OK;
}

static int look_table(const struct sl_look *look, const struct sl_node *node, bool asks_lag,
                      struct sl_subject *ret, struct sl_err *err)
{
    struct sl_delta_head head;
    struct sl_record record;
    enum sl_layer layer;
    const char *folder;
    bool is_borrowed;
    if (!layer_of(node, &layer))
        return SL_OK;
    SL_TRY(sl_step_input(look->project, layer, node->bare, NULL, look->arena, &folder, &head,
                         &record, &is_borrowed, err));
    if (head.version < 0 || is_borrowed)
        return SL_OK;
    ret->age_s = sl_seconds_since(look->now_us, head.timestamp_ms * 1000);
    return asks_lag && node->kind != SL_NODE_INGEST ? look_lag(look, &record, ret, err) : SL_OK;
}

int sl_look_table(const struct sl_look *look, const struct sl_node *node, struct sl_subject *ret,
                  struct sl_err *err)
{
    struct sl_thresholds when = sl_alerts_thresholds(look->project->alerts, node->name);
    struct sl_err trouble = {0};
    ret->owner = node->owner;
    ret->freshness_s = sl_node_freshness_s(node);
    if (ret->freshness_s < 0 && when.lag_s <= 0)
        return SL_OK;
    if (look_table(look, node, when.lag_s > 0, ret, &trouble) == SL_E_MEMORY)
        return sl_fail_memory(err);
    return SL_OK;
}

static int look_past(struct sl_look *look, const struct sl_run *run, const struct sl_node *node,
                     struct sl_subject *ret, struct sl_err *err)
{
    struct sl_err trouble = {0};
    struct sl_step_row *rows;
    size_t count;
    int code = sl_state_past(look->state, look->project->environment, node->name, SL_MOST_PAST + 1,
                             look->arena, &rows, &count, &trouble);
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK) {
        look->state = NULL; // its steps would each wait as long
        return SL_OK;
    }
    for (size_t i = 0; i < count && ret->past_count < SL_MOST_PAST; i++)
        if (rows[i].has_balance && strcmp(rows[i].run_id, run->id) != 0)
            ret->past[ret->past_count++] = rows[i].rows_out;
    return SL_OK;
}

static int look_columns(const struct sl_look *look, const struct sl_outcome *outcome,
                        struct sl_subject *ret, struct sl_err *err)
{
    const struct sl_node *node = outcome->node;
    enum sl_layer layer;
    if (!layer_of(node, &layer))
        return SL_OK;
    const char *folder = sl_table_folder(look->project, layer, node->bare, look->arena);
    SL_TRY_NEW(folder, err);
    for (size_t i = 0; i < outcome->result.version_count && !ret->columns; i++) {
        const struct sl_table_version *made = &outcome->result.versions[i];
        struct sl_err trouble = {0};
        if (sl_str_equal(made->table, node->name) &&
            sl_columns_changed(folder, made->version, look->arena, &ret->columns, &trouble) ==
                SL_E_MEMORY)
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static void look_end(const struct sl_outcome *outcome, struct sl_subject *ret)
{
    const struct sl_strs *notes = &outcome->result.notes;
    switch (outcome->status) {
    case SL_STATUS_WAITING:
    case SL_STATUS_RUNNING:
    case SL_STATUS_SKIPPED:
        return;
    case SL_STATUS_NOTHING:
    case SL_STATUS_OK:
    case SL_STATUS_WARN:
        ret->outcome = SL_SEEN_WELL;
        return;
    case SL_STATUS_PARTIAL:
        ret->outcome = SL_SEEN_FAILED;
        ret->message = notes->count ? notes->items[0] : "a part of its input could not be read";
        return;
    case SL_STATUS_ERROR:
        break;
    }
    // The run was stopped, which is told of the run or meant by whoever did it.
    if (outcome->err.code == SL_E_INTERRUPTED || outcome->err.code == SL_E_DEADLINE)
        return;
    ret->outcome = SL_SEEN_FAILED;
    ret->code = sl_code_info(outcome->err.code)->id;
    ret->message = outcome->err.message;
}

int sl_look_outcome(struct sl_look *look, const struct sl_run *run,
                    const struct sl_outcome *outcome, struct sl_subject *ret, struct sl_err *err)
{
    const struct sl_node *node = outcome->node;
    struct sl_thresholds when = sl_alerts_thresholds(look->project->alerts, node->name);
    bool has_written = outcome->status == SL_STATUS_OK || outcome->status == SL_STATUS_WARN ||
                       outcome->status == SL_STATUS_PARTIAL;
    *ret = sl_subject_named(node->name);
    look_end(outcome, ret);
    SL_TRY(sl_look_table(look, node, ret, err));
    if (!has_written)
        return SL_OK;
    if (outcome->result.has_balance && node->kind == SL_NODE_CLEANSE) {
        ret->rows_in = outcome->result.balance.in;
        ret->rows_rejected = outcome->result.balance.quarantined;
    }
    if (outcome->result.has_balance && when.row_drop >= 0 && look->state) {
        ret->rows = outcome->result.balance.out;
        SL_TRY(look_past(look, run, node, ret, err));
    }
    return when.has_schema_change ? look_columns(look, outcome, ret, err) : SL_OK;
}
