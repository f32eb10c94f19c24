#include "run/retry.h"

const struct sl_execution *sl_node_execution(const struct sl_node *node)
{
    switch (node->kind) {
    case SL_NODE_INGEST:
    case SL_NODE_CLEANSE:
        return &node->source->execution;
    case SL_NODE_MODEL:
        return &node->model->execution;
    case SL_NODE_TASK:
        return &node->task->execution;
    case SL_NODE_LOAD:
        break;
    }
    return &node->target->execution;
}

bool sl_retry_is_for(const struct sl_retry *retry, const struct sl_err *err, bool has_share)
{
    if (err->code == SL_E_SOURCE_EMPTY)
        return retry->has_missing_files;
    if (err->code == SL_E_MEMORY)
        return has_share;
    // A worker that died is followed by another one at once; whoever interrupts wants an end.
    if (err->code == SL_E_WORKER_DIED || err->code == SL_E_INTERRUPTED ||
        err->code == SL_E_DEADLINE)
        return false;
    return sl_err_fate(err) == SL_FATE_RETRY;
}

int64_t sl_retry_most_ms(const struct sl_retry *retry, int64_t failed)
{
    double most_ms = (double)retry->max_s * 1000;
    double wait_ms = (double)retry->initial_s * 1000;
    for (int64_t i = 1; i < failed && wait_ms < most_ms && retry->factor > 1; i++)
        wait_ms *= retry->factor;
    return (int64_t)(wait_ms < most_ms ? wait_ms : most_ms);
}

int64_t sl_retry_wait_ms(const struct sl_retry *retry, int64_t failed, uint64_t random)
{
    int64_t most_ms = sl_retry_most_ms(retry, failed);
    if (!retry->has_jitter || most_ms <= 0)
        return most_ms;
    return (int64_t)(random % ((uint64_t)most_ms + 1));
}
