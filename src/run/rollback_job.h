// A rollback at work, between the files that do it.
#ifndef SL_RUN_ROLLBACK_JOB_H
#define SL_RUN_ROLLBACK_JOB_H

#include "run/rollback.h"

// One table on its way back.
struct sl_back {
    const char *table, *folder;
    struct sl_delta_snapshot then, now;
    const char *then_record; // JSON
    struct sl_record record; // the newest
    int64_t since;           // versions from here on hold the same rows as the newest
    struct sl_rolled_back *result;
    json_t *next; // the record to commit; to be freed
    bool is_done;
};
struct sl_rollback_job {
    struct sl_world *world;
    struct sl_session *session;
    struct sl_rollback *rollback;
    struct sl_arena *arena;
    struct sl_back *backs;
    size_t count;
    bool is_dry;
};

// Publishes what is back; SL_E_TABLE_CONFLICT if another program has gone on from it already.
SL_MUST int sl_rollback_publish(struct sl_rollback_job *job, struct sl_err *err);

#endif
