// Telling of a run by machine, by the commands that end in one: facts are kept while it goes on,
// and `sluice telemetry send`, in a process of its own, tells them.
#ifndef SL_CLI_TELEMETRY_H
#define SL_CLI_TELEMETRY_H

#include "cli/cli.h"
#include "observe/facts.h"
#include "observe/spool.h"

#include <sys/types.h>

struct sl_telling {
    const struct sl_common *common;
    const struct sl_project *project;
    const struct sl_run *run;
    const struct sl_listener *below; // told as well
    struct sl_observer *observer;    // NULL: nobody is told by machine
    struct sl_listener listener;
    pid_t child;     // 0: none is at work
    int child_fd;    // it holds the other end until it ends
    int64_t next_us; // monotonic: no other child begins before
    bool has_news;
    struct sl_spool_state before; // the run
};
// Its listener is that of the run from now on; `below` may be NULL. What fails is a warning.
void sl_telling_open(struct sl_telling *telling, const struct sl_common *common,
                     const struct sl_world *world, const struct sl_run *run, const char *command,
                     const struct sl_listener *below);
// The run has ended, or could not be made (`failure` has a code).
void sl_telling_end(struct sl_telling *telling, const struct sl_err *failure);
// Sends what is left, and waits for that no longer than five seconds.
void sl_telling_send(struct sl_telling *telling);
void sl_telling_close(struct sl_telling *telling); // for SL_AUTO

#endif
