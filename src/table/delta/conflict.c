// What another writer's version means for a commit that did not know of it.
#include "table/delta/action.h"
#include "table/delta/plan.h"

static int conflict(int64_t version, const char *what, struct sl_err *err)
{
    return sl_fail(err, SL_E_TABLE_CONFLICT, "version %lld, committed meanwhile, %s",
                   (long long)version, what);
}

// Appends lose nothing to any file; a rewrite loses if one of its files is gone, which the plan notices.
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

static int check_action(const struct sl_delta_partition_set *partitions,
                        const struct sl_delta_commit *commit, int64_t version,
                        const json_t *action, struct sl_err *err)
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
        return check_file(partitions, commit, version, body, err);
    case SL_DELTA_OTHER:
    case SL_DELTA_COMMIT_INFO:
    case SL_DELTA_TXN:
    case SL_DELTA_DOMAIN:
        return SL_OK;
    }
    return SL_OK;
}

int sl_delta_conflict_check(const struct sl_delta_partition_set *partitions,
                            const struct sl_delta_commit *commit, int64_t version,
                            const json_t *actions, struct sl_err *err)
{
    const json_t *action;
    size_t i;

    json_array_foreach(actions, i, action) {
        SL_TRY(check_action(partitions, commit, version, action, err));
    }
    return SL_OK;
}
