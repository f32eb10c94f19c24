// The parts of a backfill that runs, shared between its files.
#ifndef SL_RUN_BACKFILL_INNER_H
#define SL_RUN_BACKFILL_INNER_H

#include "run/backfill.h"
#include "run/work.h"

struct sl_backfill_work {
    struct sl_run *run;
    const struct sl_backfill_plan *plan;
    const struct sl_backfill_chunk_run *chunks;
};
// `self` of it is a struct sl_backfill_work that lives as long as the pool. A job is a struct
// sl_backfill_order, its reply a struct sl_reply.
struct sl_worker_kind sl_backfill_worker(struct sl_backfill_work *work);

// Which of the chunks that were there when the worker was forked.
struct sl_backfill_order {
    int64_t chunk;
    bool is_again; // a worker died at it, and may have committed it
};
extern const struct sl_field sl_backfill_order_fields[];

#endif
