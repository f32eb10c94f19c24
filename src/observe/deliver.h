// Telling by machine what the spool keeps: lineage events to a file and a server, spans to a
// collector. For a process that forks no workers.
#ifndef SL_OBSERVE_DELIVER_H
#define SL_OBSERVE_DELIVER_H

#include "observe/spool.h"
#include "run/world.h"

struct sl_deliver_options {
    const struct sl_project *project; // read with its secrets
    struct sl_world_options world;    // the same one, for what events say of tables
    bool only_due;                    // leaves out the ways that wait after a failure
    int64_t most_ms;                  // it takes no longer; what is left stays in the spool
};
struct sl_delivered {
    int64_t sent[SL_WAYS], refused[SL_WAYS], lost[SL_WAYS]; // by this call
    bool has_failed[SL_WAYS]; // what is left waits; sl_spool_state_read says why
    bool was_busy;            // another process is at it: nothing was done here
    size_t waiting;           // runs of which something is left to be told
};
// Tells all that there is. A receiver that does not take it is no error. SL_E_OBSERVE_SPOOL.
SL_MUST int sl_deliver(const struct sl_deliver_options *options, struct sl_delivered *ret,
                       struct sl_err *err);
bool sl_way_is_open(const struct sl_observe *observe, enum sl_way way); // there is a receiver
// When the next thing is to be told, of a spool that is not empty; `now_us`: at once.
int64_t sl_deliver_next_us(const struct sl_project *project, int64_t now_us);

#endif
