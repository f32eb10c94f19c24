// What a service and systemd say to each other: that it is ready, reads its project anew, ends, is
// alive, and which sockets it was given.
//
// This is the protocol of sd_notify(3) and sd_listen_fds(3), which are part of systemd's interface
// stability promise and whose manual pages ask for implementations that link to nothing: a datagram
// to $NOTIFY_SOCKET, and descriptors from 3 on. It is a page of code, while libsystemd brings
// a megabyte and several libraries into every process.
//
// Without systemd everything here does nothing. One thread.
#ifndef SL_SERVE_NOTIFY_SYSTEMD_H
#define SL_SERVE_NOTIFY_SYSTEMD_H

#include "base/arena.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct sl_systemd_socket {
    int fd;           // listens already; closed on exec. The caller's
    const char *name; // FileDescriptorName= of the unit, else "unknown"
    bool is_local;    // a unix socket
};

// All zero: nobody is told anything.
struct sl_systemd {
    int fd; // of the socket that speaks; valid if address_length is not 0
    struct sockaddr_un address;
    socklen_t address_length;  // 0: nobody wants to know
    int64_t watchdog_us;       // how often it wants to hear that the service is alive; 0: not
    uv_timer_t watchdog_timer; // while it runs
    bool has_watchdog_timer;
    struct sl_systemd_socket *sockets; // in the arena
    size_t socket_count;
};

// Reads the variables that systemd has set for this process, and takes them out of the environment:
// they are not meant for those that it starts. SL_E_SYSTEMD if they make no sense.
SL_MUST int sl_systemd_open(struct sl_systemd *ret, struct sl_arena *arena, struct sl_err *err);
// Before its loop ends, which has to run once more; another one may begin it again.
void sl_systemd_stop_watchdog(struct sl_systemd *systemd);
// Stops to speak. Sockets stay. The loop has to run once more if there is a watchdog.
void sl_systemd_close(struct sl_systemd *systemd); // NULL and twice are fine

// Each returns SL_E_SYSTEMD if it could not be said. `status` is a line for `systemctl status`; may
// be NULL.
SL_MUST int sl_systemd_ready(struct sl_systemd *systemd, const char *status, struct sl_err *err);
// sl_systemd_ready ends it.
SL_MUST int sl_systemd_reloading(struct sl_systemd *systemd, struct sl_err *err);
SL_MUST int sl_systemd_stopping(struct sl_systemd *systemd, const char *status, struct sl_err *err);
// Does not wait: a line that systemd has no room for is lost.
void sl_systemd_status(struct sl_systemd *systemd, const char *status);
// Says that the service is alive, where systemd waits for that.
void sl_systemd_alive(struct sl_systemd *systemd);
// The same, now and twice in each span that systemd waits, as long as the
// loop goes round. The timer does not keep the loop from ending.
SL_MUST int sl_systemd_start_watchdog(struct sl_systemd *systemd, uv_loop_t *loop,
                                      struct sl_err *err);

#endif
