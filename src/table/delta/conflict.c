// What another writer's version means for a commit that did not know of it.
#include "table/delta/action.h"
#include "table/delta/plan.h"

static int conflict(int64_t version, const char *what, struct sl_err *err)
{
    return sl_fail(err, SL_E_TABLE_CONFLICT, "version %lld, committed meanwhile, %s",
                   (long long)version, what);
}

// Appends lose nothing to any file; a rewrite loses if one of its files is gone, which the plan
// notices.
static int check_file(const struct sl_delta_partition_set *partitions,
                      const struct sl_delta_commit *commit, int64_t version, const json_t *body,
                      struct sl_err *err)
{
    const json_t *values = json_object_get(body, "partitionValues");
    bool is_replaced = false;

    // Rows that were only moved are the rows that were read.
    if (!sl_json_bool(body, "dataChange", true))
        return SL_OK;
    switch (commit->mode) {
    case SL_DELTA_APPEND:
    case SL_DELTA_REWRITE:
        return SL_OK;
    case SL_DELTA_REPLACE:
    case SL_DELTA_RESTORE:
        return conflict(version, "changed rows of the table that is to be replaced", err);
    case SL_DELTA_PARTITIONS:
        // A remove need not say which partition it is of.
        if (json_is_object(values))
            SL_TRY(sl_delta_partition_set_has(partitions, values, &is_replaced, err));
        if (is_replaced || !json_is_object(values))
            return conflict(version, "changed a partition that is to be replaced", err);
        return SL_OK;
    }
    return SL_OK;
}

struct check {
    const struct sl_delta_commit *commit;
    const struct sl_delta_log *log;
    const struct sl_delta_partition_set *partitions; // NULL: look at the schema only
};

static int check_action(const struct check *check, int64_t version, const json_t *action,
                        struct sl_err *err)
{
    enum sl_delta_kind kind;
    json_t *body;

    SL_TRY(sl_delta_action_read(action, &kind, &body, err));
    switch (kind) {
    case SL_DELTA_METADATA:
        return conflict(version, "changed the schema or the settings of the table", err);
    case SL_DELTA_PROTOCOL:
        return conflict(version, "changed the protocol of the table", err);
    case SL_DELTA_ADD:
    case SL_DELTA_REMOVE:
        return check->partitions ? check_file(check->partitions, check->commit, version, body, err)
                                 : SL_OK;
    case SL_DELTA_OTHER:
    case SL_DELTA_COMMIT_INFO:
    case SL_DELTA_TXN:
    case SL_DELTA_DOMAIN:
        return SL_OK;
    }
    return SL_OK;
}

static int check_versions(const struct check *check, int64_t from, int64_t to, struct sl_err *err)
{
    for (int64_t version = from; version <= to; version++) {
        SL_AUTO(sl_json_free) json_t *actions = NULL;
        const json_t *action;
        size_t i;

        if (sl_delta_log_is_cleaned(check->log, version))
            return conflict(version, "is not in the log any more", err);
        SL_TRY(sl_delta_log_read(check->log, version, &actions, err));
        json_array_foreach (actions, i, action) {
            SL_TRY(check_action(check, version, action, err));
        }
    }
    return SL_OK;
}

int sl_delta_conflict_check(const struct sl_delta_state *state,
                            const struct sl_delta_commit *commit, const struct sl_delta_log *log,
                            int64_t from, int64_t to, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_delta_partition_set_clear) struct sl_delta_partition_set partitions = {0};
    struct check check = {.commit = commit, .log = log};

    // The schema first: partitions mean nothing under another one.
    SL_TRY(check_versions(&check, from, to, err));
    if (from > to)
        return SL_OK;
    SL_TRY(sl_delta_plan_partitions(state, commit, &arena, &partitions, err));
    check.partitions = &partitions;
    return check_versions(&check, from, to, err);
}
