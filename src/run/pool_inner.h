// The parts of a pool, shared between its files.
#ifndef SL_RUN_POOL_INNER_H
#define SL_RUN_POOL_INNER_H

#include "run/pool.h"

// Why the pool has killed a worker.
enum sl_kill {
    SL_KILL_NONE,
    SL_KILL_GARBLED,   // it sent what is no reply
    SL_KILL_STOPPED,   // it did not go on
    SL_KILL_DEAF,      // it did not end when it was interrupted
    SL_KILL_LATE,      // the same, of one step
    SL_KILL_TOO_LARGE, // it held too much memory
    SL_KILL_CUT_OFF,   // interrupted three times
};

struct sl_member {
    struct sl_pool *pool;
    pid_t pid; // 0: nobody sits here
    int fd;
    uv_poll_t *poller;
    struct sl_seat *seat;
    size_t job;
    size_t jobs_before; // that it has done
    bool is_busy;
    int64_t stopped_since_us; // 0: it is not, as far as is known
    int64_t interrupted_us;   // its job was, then; 0: not
    enum sl_kill why_killed;  // by the pool
    int64_t held_bytes;       // of memory, when it was killed for that
    int64_t below_bytes;      // the program of its task, as last seen
    int64_t below_us;         // then
    struct sl_last_words *words;
    char *bytes; // read and not yet taken
    size_t used, room;
};

struct sl_pool {
    struct sl_pool_options options;
    struct sl_member *members;
    struct sl_seat *seats; // shared with the workers
    struct sl_seat *taken; // of one that was not started here; NULL: there is none
    size_t busy;
    int64_t most_bytes; // of memory, as last asked for; 0: no limit
};

int64_t sl_pool_patience_us(const struct sl_pool *pool);
void sl_member_kill(struct sl_member *member, enum sl_kill why);

#endif
