#include "serve/notify_systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

enum { FIRST_FD = 3, MOST_FDS = 256 };

static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};

static bool is_for_us(const char *pid_variable)
{
    const char *pid = getenv(pid_variable);
    int64_t number;

    return pid && sl_str_to_int64(pid, &number) && number == (int64_t)getpid();
}

// A path, or '@' and the name of an abstract socket.
static int read_address(struct sl_systemd *systemd, struct sl_err *err)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const size_t length = path ? strlen(path) : 0;

    if (sl_str_is_empty(path))
        return SL_OK;
    if ((*path != '/' && *path != '@') || length < 2 || length >= sizeof systemd->address.sun_path)
        return sl_fail(err, SL_E_SYSTEMD, "NOTIFY_SOCKET is '%.120s', which is no local socket",
                       path);
    systemd->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (systemd->fd < 0)
        return sl_fail_errno(err, errno, "no socket to speak to systemd with");
    systemd->address.sun_family = AF_UNIX;
    memcpy(systemd->address.sun_path, path, length);
    systemd->address_length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*path == '/' ? 1 : 0));
    if (*path == '@')
        systemd->address.sun_path[0] = '\0';
    return SL_OK;
}

static int read_watchdog(struct sl_systemd *systemd, struct sl_err *err)
{
    const char *text = getenv("WATCHDOG_USEC");
    int64_t span_us;

    if (sl_str_is_empty(text) || (getenv("WATCHDOG_PID") && !is_for_us("WATCHDOG_PID")))
        return SL_OK;
    if (!sl_str_to_int64(text, &span_us) || span_us < 1)
        return sl_fail(err, SL_E_SYSTEMD,
                       "WATCHDOG_USEC is '%.40s', expected a number of "
                       "microseconds",
                       text);
    systemd->watchdog_us = span_us;
    return SL_OK;
}

static int add_socket(struct sl_systemd *systemd, struct sl_arena *arena, int fd, const char *name,
                      struct sl_err *err)
{
    struct sl_systemd_socket taken = {.fd = fd, .name = name};
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address, flag_length = sizeof(int);
    int listens = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag_length) != 0 || !listens ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return sl_fail(err, SL_E_SYSTEMD, "descriptor %d, '%.60s', is no socket that listens", fd,
                       name);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "descriptor %d of systemd", fd);
    taken.is_local = address.ss_family == AF_UNIX;
    return SL_PUSH(arena, systemd->sockets, systemd->socket_count, taken) ? SL_OK
                                                                          : sl_fail_memory(err);
}

static int read_sockets(struct sl_systemd *systemd, struct sl_arena *arena, struct sl_err *err)
{
    const char *text = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    int64_t count;

    if (sl_str_is_empty(text) || !is_for_us("LISTEN_PID"))
        return SL_OK;
    if (!sl_str_to_int64(text, &count) || count < 0 || count > MOST_FDS)
        return sl_fail(err, SL_E_SYSTEMD, "LISTEN_FDS is '%.40s', expected 0 to %d", text,
                       MOST_FDS);
    for (int i = 0; i < (int)count; i++) {
        const size_t length = names ? strcspn(names, ":") : 0;
        const char *name = length ? sl_arena_strndup(arena, names, length) : "unknown";

        SL_TRY_NEW(name, err);
        SL_TRY(add_socket(systemd, arena, FIRST_FD + i, name, err));
        names = names && names[length] ? names + length + 1 : NULL;
    }
    return SL_OK;
}

int sl_systemd_open(struct sl_systemd *ret, struct sl_arena *arena, struct sl_err *err)
{
    struct sl_systemd systemd = {.fd = -1};
    int code = read_address(&systemd, err);

    if (code == SL_OK)
        code = read_watchdog(&systemd, err);
    if (code == SL_OK)
        code = read_sockets(&systemd, arena, err);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        (void)unsetenv(variables[i]);
    if (code != SL_OK) {
        sl_systemd_close(&systemd);
        return code;
    }
    *ret = systemd;
    return SL_OK;
}

void sl_systemd_stop_watchdog(struct sl_systemd *systemd)
{
    if (systemd->has_watchdog_timer)
        uv_close((uv_handle_t *)&systemd->watchdog_timer, NULL);
    systemd->has_watchdog_timer = false;
}

void sl_systemd_close(struct sl_systemd *systemd)
{
    if (!systemd)
        return;
    sl_systemd_stop_watchdog(systemd);
    if (systemd->address_length)
        (void)close(systemd->fd);
    systemd->address_length = 0;
}

// One datagram is one message; it is taken whole or not at all.
static int say(const struct sl_systemd *systemd, const char *text, int flags, struct sl_err *err)
{
    const size_t length = strlen(text);
    ssize_t sent;

    if (!systemd->address_length)
        return SL_OK;
    do
        sent = sendto(systemd->fd, text, length, MSG_NOSIGNAL | flags,
                      (const struct sockaddr *)&systemd->address, systemd->address_length);
    while (sent < 0 && errno == EINTR);
    if (sent == (ssize_t)length)
        return SL_OK;
    return sl_fail(err, SL_E_SYSTEMD, "systemd cannot be told: %s",
                   sent < 0 ? strerror(errno) : "the message was cut");
}

// A line end would begin another variable.
static void add_status(struct sl_buf *text, const char *status)
{
    if (sl_str_is_empty(status))
        return;
    sl_buf_add(text, "STATUS=");
    for (; *status; status++)
        sl_buf_add_char(text, *status == '\n' ? ' ' : *status);
    sl_buf_add_char(text, '\n');
}

static int say_state(const struct sl_systemd *systemd, const char *state, const char *status,
                     struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    sl_buf_add(&text, state);
    add_status(&text, status);
    SL_TRY(sl_buf_check(&text, err));
    return say(systemd, text.text, 0, err);
}

int sl_systemd_ready(struct sl_systemd *systemd, const char *status, struct sl_err *err)
{
    return say_state(systemd, "READY=1\n", status, err);
}

int sl_systemd_reloading(struct sl_systemd *systemd, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct timespec now;

    // The time as systemd's own clock shows it, so that it knows which READY belongs to it.
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return sl_fail_errno(err, errno, "no monotonic clock");
    sl_buf_addf(&text, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    SL_TRY(sl_buf_check(&text, err));
    return say(systemd, text.text, 0, err);
}

int sl_systemd_stopping(struct sl_systemd *systemd, const char *status, struct sl_err *err)
{
    return say_state(systemd, "STOPPING=1\n", status, err);
}

void sl_systemd_status(struct sl_systemd *systemd, const char *status)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_err ignored = {0};

    add_status(&text, status);
    if (!text.has_failed && text.length)
        (void)!say(systemd, text.text, MSG_DONTWAIT, &ignored);
}

void sl_systemd_alive(struct sl_systemd *systemd)
{
    struct sl_err ignored = {0};

    if (systemd->watchdog_us)
        (void)!say(systemd, "WATCHDOG=1\n", MSG_DONTWAIT, &ignored);
}

static void on_watchdog(uv_timer_t *timer)
{
    sl_systemd_alive(timer->data);
}

int sl_systemd_start_watchdog(struct sl_systemd *systemd, uv_loop_t *loop, struct sl_err *err)
{
    const int64_t half_ms = systemd->watchdog_us / 2000;
    const uint64_t every_ms = half_ms > 0 ? (uint64_t)half_ms : 1;

    if (!systemd->watchdog_us || !systemd->address_length || systemd->has_watchdog_timer)
        return SL_OK;
    int code = uv_timer_init(loop, &systemd->watchdog_timer);
    if (code != 0)
        return sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
    systemd->has_watchdog_timer = true;
    systemd->watchdog_timer.data = systemd;
    uv_unref((uv_handle_t *)&systemd->watchdog_timer);
    code = uv_timer_start(&systemd->watchdog_timer, on_watchdog, 0, every_ms);
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
}
