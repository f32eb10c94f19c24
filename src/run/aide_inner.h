// An aide as its own files know it.
#ifndef SL_RUN_AIDE_INNER_H
#define SL_RUN_AIDE_INNER_H

#include "run/aide.h"
#include "run/aide_wire.h"

struct sl_aide {
    struct sl_engine base;
    pthread_mutex_t lock; // one request at a time
    struct sl_world *world;
    pid_t pid; // 0: it has ended, or is another's
    int fd;
    struct sl_seat *seat;
    // For one that comes after it: what its sessions were told, each as the session's number and
    // the request.
    struct sl_buf told;
    int64_t *there; // addresses in the aide, by the session's number
    size_t session_count, session_room;
    bool is_second;
};
struct sl_aide_session {
    struct sl_session base;
    size_t number;
};
extern const struct sl_engine_kind sl_aide_kind;

// The second number of a request is filled in here. What follows its error in the reply is in *ret.
SL_MUST int sl_aide_ask(struct sl_aide_session *session, struct sl_buf *request,
                        struct sl_arena *arena, struct sl_wire *ret, struct sl_err *err);
void sl_aide_close(struct sl_engine *engine);

#endif
