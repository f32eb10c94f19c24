#include "serve/http.h"

#include "base/clock.h"
#include "base/fs.h"
#include "serve/http_inner.h"
#include "serve/listen.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/sockios.h>

enum {
    CONNECTIONS = 512,
    IDLE_S = 30,
    HEAD_S = 10,
    READING_S = 10,
    REQUEST_S = 60,
    SWEEP_MS = 1000
};
#define BODY_BYTES ((size_t)1 << 20)

// --- the loop

static void on_timer(uv_timer_t *timer)
{
    sl_server_drive(timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    sl_server_drive(poll->data);
}

void sl_server_drive(struct sl_server *server)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    if (!server->mhd || server->http->is_closing)
        return;
    server->has_closed = false;
    (void)MHD_run(server->mhd);
    bool has_time = MHD_get_timeout(server->mhd, &wait_ms) == MHD_YES;
    if (server->has_closed) // MHD had taken no more, and takes them when it is run again
        (void)uv_timer_start(&server->timer, on_timer, 1, 0);
    else if (!has_time)
        (void)uv_timer_stop(&server->timer);
    else // 0: there is more to do at once, but others have their turn before
        (void)uv_timer_start(&server->timer, on_timer, wait_ms, 0);
}

// How slow it may be, we do not ask: it has time as long as it takes anything.
static void see_reading(struct sl_connection *open)
{
    int left = 0;

    if (!open->is_reading || ioctl(open->fd, SIOCOUTQ, &left) != 0 || left == open->left_bytes)
        return;
    open->left_bytes = left;
    open->until_us =
        sl_clock_monotonic_us() + open->server->http->options.reading_s * INT64_C(1000000);
}

// A client that sends or takes a byte now and then is not silent, but holds a place all the same.
// MHD sees the end of the stream, and closes.
static void on_sweep(uv_timer_t *timer)
{
    struct sl_http *http = timer->data;
    const int64_t now_us = sl_clock_monotonic_us();

    for (struct sl_connection *open = http->connections; open; open = open->after) {
        see_reading(open);
        if (open->until_us > 0 && open->until_us < now_us)
            (void)shutdown(open->fd, SHUT_RDWR);
    }
    if (!http->connections)
        (void)uv_timer_stop(timer);
}

void sl_http_watch_time(struct sl_http *http)
{
    if (!uv_is_active((uv_handle_t *)&http->sweep))
        (void)uv_timer_start(&http->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

// --- open

static bool has_token(const struct sl_http *http)
{
    return http->options.settings && http->options.settings->tokens.count > 0;
}

static int start_server(struct sl_server *server, int fd, struct sl_err *err)
{
    struct sl_http *http = server->http;

    server->port = sl_listen_port(fd);
    SL_TRY(sl_exchange_start(server, fd, err));
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    int wrong = info ? uv_poll_init(http->loop, &server->poll, info->epoll_fd) : UV_EBADF;
    if (wrong != 0) {
        MHD_stop_daemon(server->mhd);
        server->mhd = NULL;
        return sl_fail(err, SL_E_INTERNAL, "cannot wait for requests: %s", uv_strerror(wrong));
    }
    (void)uv_timer_init(http->loop, &server->timer);
    server->poll.data = server->timer.data = server;
    http->open_handles += 2;
    (void)uv_poll_start(&server->poll, UV_READABLE, on_ready);
    sl_server_drive(server);
    return SL_OK;
}

static int copy_options(struct sl_http *http, const struct sl_http_options *options,
                        struct sl_err *err)
{
    struct sl_http_options *own = &http->options;

    *own = *options;
    own->most_connections = own->most_connections ? own->most_connections : CONNECTIONS;
    own->most_request_bytes = own->most_request_bytes ? own->most_request_bytes : BODY_BYTES;
    own->idle_s = own->idle_s ? own->idle_s : IDLE_S;
    own->head_s = own->head_s ? own->head_s : HEAD_S;
    own->reading_s = own->reading_s ? own->reading_s : READING_S;
    own->request_s = own->request_s ? own->request_s : REQUEST_S;
    own->socket_folder = sl_arena_strdup(&http->arena, options->socket_folder);
    own->state_folder = sl_arena_strdup(&http->arena, options->state_folder);
    if ((options->socket_folder && !own->socket_folder) ||
        (options->state_folder && !own->state_folder))
        return sl_fail_memory(err);
    return sl_children_open(http->loop, options, &http->children, err);
}

// What leads to the socket's file, by a path that is short enough.
static bool find_socket(const struct sl_http *http, struct stat *ret)
{
    char path[64];
    SL_AUTO(sl_fd_close) int folder = sl_listen_open_folder(http->options.socket_folder);

    if (folder < 0)
        return false;
    sl_listen_short_path(folder, path);
    return lstat(path, ret) == 0;
}

static bool has_own_socket(const struct sl_http *http)
{
    struct stat found;

    return http->local && http->local->mhd && find_socket(http, &found) &&
           found.st_dev == http->local->device && found.st_ino == http->local->inode;
}

static int start_local(struct sl_http *http, struct sl_err *err)
{
    struct sl_server *server = calloc(1, sizeof *server);
    struct stat found;
    int fd;

    SL_TRY_NEW(server, err);
    server->http = http;
    server->is_local = true;
    server->before = http->local;
    http->local = server; // which frees it, whatever comes
    SL_TRY(sl_listen_unix(http->options.socket_folder, &fd, err));
    if (find_socket(http, &found)) {
        server->device = found.st_dev;
        server->inode = found.st_ino;
    }
    return start_server(server, fd, err);
}

static int open_sockets(struct sl_http *http, int *fd, struct sl_err *err)
{
    const struct sl_http_options *options = &http->options;

    if (*fd < 0 && options->listen)
        SL_TRY(sl_listen_tcp(options->listen, has_token(http), fd, err));
    if (*fd >= 0) {
        int given = *fd;

        *fd = -1;
        SL_TRY(start_server(&http->tcp, given, err));
    }
    return options->socket_folder ? start_local(http, err) : SL_OK;
}

int sl_http_open(uv_loop_t *loop, const struct sl_http_options *options, struct sl_http **ret,
                 struct sl_err *err)
{
    struct sl_http *http = calloc(1, sizeof *http);
    SL_AUTO(sl_fd_close) int fd = options->fd;

    SL_TRY_NEW(http, err);
    (void)signal(SIGPIPE, SIG_IGN);
    http->loop = loop;
    http->tcp.http = http;
    sl_arena_init(&http->arena, 0);
    (void)uv_timer_init(loop, &http->sweep);
    http->sweep.data = http;
    http->open_handles = 1;
    if (copy_options(http, options, err) != SL_OK || open_sockets(http, &fd, err) != SL_OK) {
        sl_http_close(http, NULL, NULL);
        return (int)err->code;
    }
    *ret = http;
    return SL_OK;
}

int sl_http_port(const struct sl_http *http)
{
    return http->tcp.mhd ? http->tcp.port : 0;
}

void sl_http_reload(struct sl_http *http, const struct sl_serve_spec *settings)
{
    http->options.settings = settings;
}

// --- close

static void free_if_closed(struct sl_http *http)
{
    void (*on_closed)(void *self) = http->on_closed;
    void *self = http->self;

    if (http->open_handles > 0)
        return;
    while (http->local) {
        struct sl_server *server = http->local;
        http->local = server->before;
        free(server);
    }
    sl_arena_clear(&http->arena);
    free(http);
    if (on_closed)
        on_closed(self);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct sl_http *http = handle->data;

    http->open_handles--;
    free_if_closed(http);
}

static void on_children_closed(void *self)
{
    struct sl_http *http = self;

    http->open_handles--;
    free_if_closed(http);
}

// Readers of its descriptor first: MHD closes it.
static void stop_server(struct sl_server *server)
{
    if (!server->mhd)
        return;
    (void)uv_poll_stop(&server->poll);
    server->poll.data = server->timer.data = server->http;
    uv_close((uv_handle_t *)&server->poll, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
    MHD_stop_daemon(server->mhd);
    server->mhd = NULL;
}

static bool has_connection(const struct sl_server *server)
{
    for (const struct sl_connection *open = server->http->connections; open; open = open->after)
        if (open->server == server)
            return true;
    return false;
}

// A server whose socket's file is gone serves those who have come already.
int sl_http_listen_again(struct sl_http *http, bool *ret_was_gone, struct sl_err *err)
{
    *ret_was_gone = http->options.socket_folder && !has_own_socket(http);
    for (struct sl_server *at = http->local ? http->local->before : NULL; at; at = at->before)
        if (!has_connection(at))
            stop_server(at);
    return *ret_was_gone ? start_local(http, err) : SL_OK;
}

static void remove_socket(const struct sl_http *http)
{
    char path[64];
    SL_AUTO(sl_fd_close) int folder = sl_listen_open_folder(http->options.socket_folder);

    if (folder < 0)
        return;
    sl_listen_short_path(folder, path);
    (void)unlink(path);
}

void sl_http_close(struct sl_http *http, void (*on_closed)(void *self), void *self)
{
    if (!http)
        return;
    const bool has_socket = has_own_socket(http);

    http->is_closing = true;
    http->on_closed = on_closed;
    http->self = self;
    sl_exchange_resume_all(http);
    stop_server(&http->tcp);
    for (struct sl_server *at = http->local; at; at = at->before)
        stop_server(at);
    if (has_socket)
        remove_socket(http);
    uv_close((uv_handle_t *)&http->sweep, on_handle_closed);
    if (!http->children)
        return;
    http->open_handles++;
    sl_children_close(http->children, on_children_closed, http);
}
