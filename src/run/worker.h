// The worker's end of a pool: reads jobs, does them, replies.
#ifndef SL_RUN_WORKER_H
#define SL_RUN_WORKER_H

#include "base/json.h"
#include "step/step.h"

#include <sys/types.h>

// Memory that the controller and one worker have together.
struct sl_seat {
    struct sl_step_progress progress;
    _Atomic int64_t engine_rows;     // of the running statement
    _Atomic int64_t engine_permille; // of it; -1: not known
    atomic_bool is_draining;         // begin no new file or commit
    atomic_bool is_aborted;          // end what is running
    _Atomic int64_t parts;           // how many share the machine's memory and cores
};

#define SL_LAST_WORDS_BYTES 4096
// What every reply of a worker has: all else is none.
#define SL_REPLY "is_reply"
// In the last reply of a worker that is spent.
#define SL_LAST_REPLY "is_last"

// The end of a worker that had a job.
struct sl_death {
    struct sl_err err;
    int signal;         // 0: none
    int exit_code;      // -1: none
    bool is_ours;       // it was killed by the pool
    bool is_lost;       // with the machine that it was on
    size_t jobs_before; // that it had done
    int64_t peak_memory_bytes;
    char output[SL_LAST_WORDS_BYTES]; // the last lines it wrote to its stderr, secrets masked
};

struct sl_worker;
// What a worker process does. All functions get `self`, as it was when the process was forked.
struct sl_worker_kind {
    // One job. Leaves *ret_reply NULL if memory is out: the worker then ends.
    void (*work)(void *self, struct sl_worker *worker, const json_t *request, json_t **ret_reply);
    // Its share of the machine may have changed; from another thread, while work() is running.
    void (*adjust)(void *self, const struct sl_seat *seat);
    // After a job: the process has grown, and ends; another one takes its place. May be NULL.
    bool (*is_spent)(void *self);
    void (*end)(void *self); // before the process ends, if it ends in peace
    void *self;
    size_t message_max_bytes; // 0: 256 MB
};

// The first thing in a forked process: it ends with `parent`, and the controller alone decides what
// a Ctrl-C means.
void sl_worker_begin(pid_t parent);
// In the forked process: until the other end of `fd` is closed. The exit code.
SL_MUST int sl_worker_run(int fd, struct sl_seat *seat, const struct sl_worker_kind *kind);
// A warning if the signal (0: none) that has ended one with nothing to do is no SIGKILL: nothing
// was lost, and it is a mistake of this program.
void sl_worker_tell_crash(int signal);
struct sl_seat *sl_worker_seat(struct sl_worker *worker);
// The session whose statements are watched and can be interrupted; NULL: none.
void sl_worker_watch(struct sl_worker *worker, struct sl_session *session);

size_t sl_worker_message_max(const struct sl_worker_kind *kind);
// A message: its length in four bytes, then its JSON. Blocking.
SL_MUST int sl_message_send(int fd, const json_t *message, size_t max_bytes, struct sl_err *err);

#endif
