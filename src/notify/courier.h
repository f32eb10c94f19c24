// For `serve`, whose process forks workers and therefore must not talk to other machines by itself:
// a command of this program, as a child process, is started on the loop when something is due, and
// again when the next thing is. All calls on the loop's thread.
#ifndef SL_NOTIFY_COURIER_H
#define SL_NOTIFY_COURIER_H

#include "base/str.h"

#include <uv.h>

struct sl_courier;
struct sl_courier_options {
    uv_loop_t *loop;
    const char *program;      // path of sluice; NULL: /proc/self/exe
    const char *const *words; // the command, ended by NULL; --due, --quiet and the rest are added
    const char *folder;       // of the project
    const char *environment;
    const struct sl_strs *settings; // --set
    // When the next thing is due, by the wall clock; 0: nothing waits.
    int64_t (*next_us)(void *owner);
    void (*on_start)(void *owner); // a child begins; may be NULL
    // A child has ended, with an exit code other than 0 or by a signal. Whether it is trouble that
    // the next one should wait for, longer than usual. NULL: it is, if it has failed.
    bool (*on_end)(void *owner, bool has_failed);
    void *owner;
};
SL_MUST int sl_courier_open(const struct sl_courier_options *options, struct sl_courier **ret,
                            struct sl_err *err);
// Something may be due. Never blocks. NULL is fine.
void sl_courier_wake(struct sl_courier *courier);
// Starts nothing more and ends the child; the owner is not asked any more. Its memory goes when the
// loop has closed the handles, for which the loop must run on.
void sl_courier_close(struct sl_courier **courier);
// For who closes the loop and will wait no longer: kills a child that has not ended, and closes its
// handle so that the courier's memory goes with it. To other handles it does nothing.
void sl_courier_abandon(uv_handle_t *handle);

#endif
