// What a worker process does for a run: one step after another.
#ifndef SL_RUN_WORK_H
#define SL_RUN_WORK_H

#include "base/fields.h"
#include "run/run.h"
#include "run/worker.h"
#include "step/result_fields.h"

// One step of a run, with all of the run that it needs to know.
struct sl_order {
    const char *node; // "clean.orders"
    const char *run_id;
    int64_t started_us; // of the run
    bool full_refresh, loses_history, refuses_leaks;
    struct sl_strs may_break;
    bool is_pinned; // load: just this version is delivered, and none if it is -1
    int64_t pinned_version;
    const char *moved; // of struct sl_node
    bool is_again;     // an attempt before failed, and may have committed it
    const char *lake;  // the number of the one that the run began over; NULL: it is not known
};
// What became of it.
struct sl_reply {
    struct sl_err err; // no code: it was done
    struct sl_step_result result;
    int64_t peak_memory_bytes;
};
extern const struct sl_field sl_err_fields[], sl_order_fields[], sl_reply_fields[];

#define SL_MOST_WORKERS 64
// How many steps are at work at most; `concurrency` as in struct sl_run_options.
size_t sl_run_worker_count(const struct sl_project *project, int64_t concurrency);

struct sl_run_work {
    struct sl_world *world;
    size_t first_bytes; // of the world's memory, after the first job
    size_t jobs;        // that this process has done
    bool was_look;      // the last of them was one (run/checkup.h)
};
// `self` of it is a struct sl_run_work that lives as long as the pool.
struct sl_worker_kind sl_run_worker(struct sl_run_work *work);

#endif
