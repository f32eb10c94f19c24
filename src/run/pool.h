// Worker processes: forked from the controller, kept warm, each doing one job after another. A job
// and its reply are JSON; what becomes of a worker that dies is told with its signal. One thread
// (that of the loop) owns a pool; nobody else in the process may hold locks when it forks, so the
// engine must be closed then.
#ifndef SL_RUN_POOL_H
#define SL_RUN_POOL_H

#include "run/aide.h"
#include "run/last_words.h"
#include "run/worker.h"

#include <uv.h>

struct sl_pool_options {
    uv_loop_t *loop;
    size_t size; // workers at most
    struct sl_worker_kind worker;
    int64_t patience_us; // with workers that have to end; 0: 5 seconds
    // `reply` is NULL when the worker died, and `death` says how; else `death` is NULL. The job's
    // seat is free.
    void (*on_reply)(void *owner, size_t job, const json_t *reply, const struct sl_death *death);
    void (*before_fork)(void *owner); // may be NULL
    // Files that a worker keeps besides its own; all others are closed in it. NULL: none is closed.
    const int *files;
    size_t file_count;
    void *owner;
};

struct sl_pool;
SL_MUST int sl_pool_open(const struct sl_pool_options *options, struct sl_pool **ret,
                         struct sl_err *err);
// Waits for idle workers to end; kills those at work.
void sl_pool_close(struct sl_pool **pool); // for SL_AUTO
// One that was started elsewhere, before any other; it writes its stderr to `words`. Whatever
// happens, the pool owns both.
SL_MUST int sl_pool_take(struct sl_pool *pool, const struct sl_aide_worker *worker,
                         struct sl_last_words *words, struct sl_err *err);
bool sl_pool_has_room(const struct sl_pool *pool);
size_t sl_pool_busy(const struct sl_pool *pool);
size_t sl_pool_size(const struct sl_pool *pool);
// Worker processes there are, and the memory that they hold together.
void sl_pool_weigh(const struct sl_pool *pool, size_t *ret_workers, int64_t *ret_bytes);
// Starts a worker if none is idle. `job` is the number that on_reply gets.
SL_MUST int sl_pool_start(struct sl_pool *pool, size_t job, const json_t *request,
                          const struct sl_seat **ret, struct sl_err *err);
// What the job's worker writes is a task's: see sl_last_words_name.
void sl_pool_name_job(struct sl_pool *pool, size_t job, json_t *fields);
// Its worker begins no new file or commit.
void sl_pool_drain_job(struct sl_pool *pool, size_t job);
// The job's running statement ends with SL_E_INTERRUPTED, as do all that follow.
void sl_pool_stop(struct sl_pool *pool, size_t job);
// Its worker is killed: it ends with SL_E_INTERRUPTED.
void sl_pool_kill_job(struct sl_pool *pool, size_t job);
// Kills workers at work that hold more memory than that; their jobs end with SL_E_WORKER_MEMORY.
void sl_pool_limit_memory(struct sl_pool *pool, int64_t most_bytes);
// The same, after a third interruption.
void sl_pool_cut_off(struct sl_pool *pool, size_t job);
// To be called again and again once the job is drained: ends its worker if that was stopped
// (SIGSTOP) for longer than the pool's patience, or interrupted so long ago. The job ends with
// SL_E_INTERRUPTED.
void sl_pool_press(struct sl_pool *pool, size_t job);
// All jobs at once: once they drain, twice they are stopped, three times cut off.
void sl_pool_interrupt(struct sl_pool *pool, int times);
void sl_pool_press_all(struct sl_pool *pool);
// So many workers share the machine from now on; those at work notice soon.
void sl_pool_share(struct sl_pool *pool, size_t parts);

#endif
