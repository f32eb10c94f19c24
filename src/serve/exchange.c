// What MHD calls: a connection, a request's line, its head, its body, its end.
#include "base/clock.h"
#include "base/log.h"
#include "serve/auth.h"
#include "serve/http_inner.h"
#include "serve/listen.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ANSWER_S = 600, SPARE_PART = 8 };
#define REQUEST_ARENA_BYTES ((size_t)64 << 20)
#define HEAD_BYTES ((size_t)32 << 10)
#define SECOND_US 1000000
#define SLOWEST_BYTES 4096 // of a body, a second
#define PIECE_BYTES ((size_t)64 << 10)

static void set_time(struct sl_connection *connection, int64_t seconds)
{
    if (!connection)
        return;
    connection->is_reading = false;
    connection->said_us = sl_clock_monotonic_us();
    connection->until_us = seconds ? connection->said_us + seconds * SECOND_US : 0;
}

static struct sl_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

// A client whose machine is gone says nothing of it, and what it asked for might go on for hours.
static void keep_alive(int fd)
{
    const int on = 1, idle_s = 30, between_s = 10, times = 3;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

// Those that ask nothing take no place from others: where few places are left, the one that has
// said nothing for longest goes. MHD sees the end of the stream, and closes.
static void make_room(struct sl_server *server)
{
    const struct sl_http_options *options = &server->http->options;
    struct sl_connection *oldest = NULL;
    int64_t latest_us =
        sl_clock_monotonic_us() + (options->idle_s + options->request_s) * SECOND_US;
    size_t count = 0;

    for (struct sl_connection *at = server->http->connections; at; at = at->after) {
        if (at->server != server)
            continue;
        count++;
        if (at->until_us > 0 && at->until_us <= latest_us &&
            (!oldest || at->said_us <= oldest->said_us))
            oldest = at;
    }
    const size_t spare = (options->most_connections + SPARE_PART - 1) / SPARE_PART;
    if (!oldest || count + spare <= options->most_connections)
        return;
    oldest->until_us = 0;
    (void)shutdown(oldest->fd, SHUT_RDWR);
}

static void on_connection(void *self, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct sl_server *server = self;
    struct sl_connection *connection = *context;
    struct sl_http *http = server->http;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = calloc(1, sizeof *connection); // without it only its time is not watched
        *context = connection;
        if (!connection)
            return;
        connection->server = server;
        connection->fd =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        if (!server->is_local)
            keep_alive(connection->fd);
        make_room(server);
        connection->after = http->connections;
        if (connection->after)
            connection->after->before = connection;
        http->connections = connection;
        set_time(connection, http->options.head_s);
        sl_http_watch_time(http);
        return;
    }
    server->has_closed = true;
    if (connection) {
        if (connection->before)
            connection->before->after = connection->after;
        else
            http->connections = connection->after;
        if (connection->after)
            connection->after->before = connection->before;
        free(connection);
        *context = NULL;
    }
}

// The line of a request, as it came.
static void *on_line(void *self, const char *line, struct MHD_Connection *mhd)
{
    struct sl_server *server = self;
    struct sl_exchange *exchange = calloc(1, sizeof *exchange);

    if (!exchange)
        return NULL;
    struct sl_request *request = &exchange->request;
    exchange->mhd = mhd;
    exchange->connection = connection_of(mhd);
    set_time(exchange->connection, server->http->options.head_s);
    sl_arena_init(&request->arena, REQUEST_ARENA_BYTES);
    sl_buf_init(&request->body);
    request->body.max_bytes = server->http->options.most_request_bytes + 1;
    sl_buf_init(&request->answer.text);
    request->answer.fd = -1;
    request->options = &server->http->options;
    request->children = server->http->children;
    request->is_local = server->is_local;
    request->of = exchange;
    if (sl_uri_parse(line, &request->arena, &request->uri, &request->wrong) != SL_OK)
        request->uri = (struct sl_uri){0};
    return exchange;
}

static void on_completed(void *self, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct sl_server *server = self;
    struct sl_exchange *exchange = *context;
    const struct sl_http_options *options = &server->http->options;

    (void)mhd;
    (void)code;
    if (!exchange)
        return;
    set_time(exchange->connection, options->idle_s + options->head_s);
    sl_request_clear(&exchange->request);
    free(exchange);
    *context = NULL;
}

// --- answers

static ssize_t on_read(void *self, uint64_t at, char *to, size_t most);

static struct MHD_Response *response_of(struct sl_exchange *exchange)
{
    struct sl_answer *answer = &exchange->request.answer;
    struct stat known;
    struct MHD_Response *response = NULL;

    if (answer->is_stream)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, on_read, exchange,
                                                 NULL);
    if (answer->fd >= 0 && fstat(answer->fd, &known) == 0) {
        response = MHD_create_response_from_fd64((uint64_t)known.st_size, answer->fd);
        if (response)
            answer->fd = -1; // MHD closes it
        return response;
    }
    size_t length = answer->text.length;
    char *text = length ? sl_buf_take(&answer->text) : NULL;
    response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(text);
    return response;
}

static enum MHD_Result send_answer(struct sl_exchange *exchange)
{
    struct sl_answer *answer = &exchange->request.answer;
    struct MHD_Response *response = response_of(exchange);

    if (!response)
        return MHD_NO;
    if (answer->type)
        (void)MHD_add_response_header(response, "Content-Type", answer->type);
    if (answer->allow)
        (void)MHD_add_response_header(response, "Allow", answer->allow);
    if (answer->status == 401)
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"sluice\"");
    if (answer->status == 503)
        (void)MHD_add_response_header(response, "Retry-After", "5");
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    set_time(exchange->connection, ANSWER_S);
    enum MHD_Result sent = MHD_queue_response(exchange->mhd, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result refuse(struct sl_exchange *exchange, int status, const struct sl_err *err)
{
    sl_answer_error(&exchange->request, status, err);
    return send_answer(exchange);
}

// --- the head

static void know_caller(struct sl_exchange *exchange, struct sl_caller *ret)
{
    const int fd =
        MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct ucred peer;
    socklen_t size = sizeof peer;

    ret->is_local = exchange->request.is_local;
    ret->is_loopback = sl_listen_is_loopback(fd);
    ret->has_peer = ret->is_local && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    ret->peer = ret->has_peer ? peer.uid : 0;
    ret->host = MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, "Host");
    ret->authorization =
        MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, "Authorization");
}

// RFC 9112, 3.2 and 6.3: whose host or end two readers may see differently.
struct framing {
    size_t hosts, codings;
    const char *length;
    bool has_two_lengths;
};

static enum MHD_Result count_field(void *to, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct framing *framing = to;

    (void)kind;
    framing->hosts += strcasecmp(name, "Host") == 0;
    framing->codings += strcasecmp(name, "Transfer-Encoding") == 0;
    if (strcasecmp(name, "Content-Length") == 0) {
        framing->has_two_lengths |= framing->length && !sl_str_equal(framing->length, value);
        framing->length = value;
    }
    return MHD_YES;
}

static int require_framing(const struct sl_exchange *exchange, const char *version,
                           struct sl_err *err)
{
    struct framing framing = {0};

    (void)MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, count_field, &framing);
    if (framing.hosts > 1 || (framing.hosts == 0 && strcmp(version, "HTTP/1.1") == 0))
        return sl_fail(err, SL_E_SERVE_REQUEST, "a request has one Host, this one has %zu",
                       framing.hosts);
    if (framing.has_two_lengths || (framing.length && framing.codings))
        return sl_fail(err, SL_E_SERVE_REQUEST,
                       "the body has two lengths: one Content-Length, or a Transfer-Encoding");
    return SL_OK;
}

// *ret_status 0: as the error says.
static int begin(struct sl_exchange *exchange, const char *method, const char *version,
                 int *ret_status, struct sl_err *err)
{
    struct sl_request *request = &exchange->request;
    struct sl_caller caller = {0};
    const char *length_text =
        MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, "Content-Length");
    int64_t length;

    if (request->wrong.code != SL_OK) {
        *err = request->wrong;
        return (int)err->code;
    }
    SL_TRY(require_framing(exchange, version, err));
    request->route = sl_route_find(method, &request->uri, request->values, &request->arena,
                                   &request->answer.allow);
    if (!request->route && request->answer.allow) {
        *ret_status = 405;
        return sl_fail(err, SL_E_SERVE_REQUEST, "this path takes %s, not %.32s",
                       request->answer.allow, method);
    }
    if (!request->route) {
        (void)sl_fail(err, SL_E_SERVE_MISSING, "there is no such path");
        return sl_err_hint(err, "GET /api/v1/openapi.json lists the paths");
    }
    know_caller(exchange, &caller);
    request->traceparent =
        sl_arena_strdup(&request->arena,
                        MHD_lookup_connection_value(exchange->mhd, MHD_HEADER_KIND, "traceparent"));
    SL_TRY(sl_auth(request, &caller, request->options->settings, ret_status, err));
    if (length_text && (!sl_str_to_int64(length_text, &length) ||
                        length > (int64_t)request->options->most_request_bytes)) {
        *ret_status = 413;
        return sl_fail(err, SL_E_SERVE_REQUEST, "the body is larger than %zu bytes",
                       request->options->most_request_bytes);
    }
    return SL_OK;
}

// --- suspended ones

static void on_watcher_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void stop_watching(struct sl_exchange *exchange)
{
    struct sl_watcher *watcher = exchange->watcher;

    if (!watcher)
        return;
    exchange->watcher = NULL;
    (void)uv_poll_stop(&watcher->poll);
    uv_close((uv_handle_t *)&watcher->poll, on_watcher_closed);
}

static void unlink_suspended(struct sl_exchange *exchange)
{
    struct sl_http *http = exchange->connection ? exchange->connection->server->http : NULL;

    if (exchange->before)
        exchange->before->after = exchange->after;
    else if (http)
        http->suspended = exchange->after;
    if (exchange->after)
        exchange->after->before = exchange->before;
    exchange->before = exchange->after = NULL;
    exchange->is_suspended = false;
    stop_watching(exchange);
}

static void on_answer(void *of)
{
    struct sl_exchange *exchange = of;

    if (!exchange->is_suspended)
        return;
    struct sl_server *server = exchange->connection->server;
    unlink_suspended(exchange);
    MHD_resume_connection(exchange->mhd);
    sl_server_drive(server);
}

// Whoever closes its half does not wait for an answer: there is no telling it from one that is
// gone.
static void on_gone(uv_poll_t *poll, int status, int events)
{
    struct sl_watcher *watcher = poll->data;
    struct sl_exchange *exchange = watcher->exchange;
    struct sl_request *request = &exchange->request;
    struct sl_err err = {0};

    if (status == 0 && !(events & UV_DISCONNECT))
        return;
    if (request->child)
        sl_child_forget(request->child);
    request->child = NULL;
    (void)sl_fail(&err, SL_E_SERVE_REQUEST, "the client is gone");
    if (request->answer.status == 0)
        sl_answer_error(request, 400, &err);
    on_answer(exchange);
}

static void watch(struct sl_exchange *exchange)
{
    struct sl_watcher *watcher = calloc(1, sizeof *watcher); // without it nobody sees it go

    if (!watcher)
        return;
    if (uv_poll_init(exchange->connection->server->http->loop, &watcher->poll,
                     exchange->connection->fd) != 0) {
        free(watcher);
        return;
    }
    watcher->exchange = exchange;
    watcher->poll.data = watcher;
    exchange->watcher = watcher;
    (void)uv_poll_start(&watcher->poll, UV_DISCONNECT, on_gone);
}

static enum MHD_Result suspend(struct sl_exchange *exchange)
{
    struct sl_http *http = exchange->connection->server->http;

    exchange->is_suspended = true;
    exchange->after = http->suspended;
    if (exchange->after)
        exchange->after->before = exchange;
    http->suspended = exchange;
    set_time(exchange->connection, 0);
    watch(exchange);
    MHD_suspend_connection(exchange->mhd);
    return MHD_YES;
}

// Its command waits for it, and others for the place of that.
static void set_reading(struct sl_connection *connection)
{
    set_time(connection, connection->server->http->options.reading_s);
    connection->is_reading = true;
    connection->left_bytes = -1;
}

// MHD asks for the next piece of a stream.
static ssize_t on_read(void *self, uint64_t at, char *to, size_t most)
{
    struct sl_exchange *exchange = self;
    struct sl_request *request = &exchange->request;

    (void)at;
    if (!request->child || exchange->connection->server->http->is_closing)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    ssize_t length = sl_child_take(request->child, to, most);
    if (length == SL_CHILD_END || length == SL_CHILD_CUT)
        set_time(exchange->connection, ANSWER_S);
    if (length == SL_CHILD_END)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (length == SL_CHILD_CUT)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (length > 0 && request->is_followed)
        set_time(exchange->connection, ANSWER_S);
    else if (length > 0)
        set_reading(exchange->connection);
    else
        (void)suspend(exchange);
    return length;
}

void sl_exchange_resume_all(struct sl_http *http)
{
    while (http->suspended) {
        struct sl_exchange *exchange = http->suspended;

        unlink_suspended(exchange);
        MHD_resume_connection(exchange->mhd);
    }
}

static enum MHD_Result finish(struct sl_exchange *exchange)
{
    struct sl_request *request = &exchange->request;
    struct sl_err err = {0};

    if (request->is_too_large) {
        (void)sl_fail(&err, SL_E_SERVE_REQUEST, "the body is larger than %zu bytes",
                      request->options->most_request_bytes);
        return refuse(exchange, 413, &err);
    }
    if (!request->is_handled) {
        request->is_handled = true;
        request->on_answer = on_answer;
        sl_request_handle(request);
        if (request->answer.status == 0 && exchange->connection)
            return suspend(exchange);
    }
    return request->answer.status ? send_answer(exchange) : MHD_NO;
}

// A body that comes is waited for, one that dribbles is not.
static void give_time(struct sl_exchange *exchange, size_t more)
{
    struct sl_connection *connection = exchange->connection;

    if (!connection || !connection->until_us)
        return;
    connection->said_us = sl_clock_monotonic_us();
    connection->until_us += (int64_t)more * SECOND_US / SLOWEST_BYTES;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *mhd, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *length, void **context)
{
    struct sl_exchange *exchange = *context;
    struct sl_server *server = self;
    struct sl_err err = {0};
    int status = 0;

    (void)mhd;
    (void)path;
    if (!exchange || server->http->is_closing)
        return MHD_NO;
    struct sl_request *request = &exchange->request;
    if (!request->is_begun) {
        request->is_begun = true;
        set_time(exchange->connection, server->http->options.request_s);
        return begin(exchange, method, version, &status, &err) == SL_OK
                   ? MHD_YES
                   : refuse(exchange, status, &err);
    }
    if (*length == 0)
        return finish(exchange);
    give_time(exchange, *length);
    // An answer must wait until all has come: what is too much is dropped, and more than that ends
    // the connection.
    if (request->is_too_large || request->body.length + *length > request->body.max_bytes) {
        request->is_too_large = true;
        request->dropped_bytes += *length;
        if (request->dropped_bytes > request->options->most_request_bytes)
            return MHD_NO;
    } else {
        sl_buf_add_bytes(&request->body, bytes, *length);
    }
    *length = 0;
    return MHD_YES;
}

// Of our own mistakes; clients' are answered.
static void SL_PRINTF(2, 0) on_log(void *self, const char *format, va_list args)
{
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;

    (void)self;
    sl_buf_vaddf(&text, format, args);
    while (text.length && text.text[text.length - 1] == '\n')
        text.text[--text.length] = '\0';
    sl_log(SL_LOG_DEBUG, NULL, "http: %s", text.text);
}

int sl_exchange_start(struct sl_server *server, int fd, struct sl_err *err)
{
    const struct sl_http_options *options = &server->http->options;

    server->mhd = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        server, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)options->most_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)options->idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_BYTES, MHD_OPTION_URI_LOG_CALLBACK, on_line,
        server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_END);
    if (!server->mhd) {
        (void)close(fd);
        return sl_fail(err, SL_E_SERVE_LISTEN, "cannot serve HTTP");
    }
    return SL_OK;
}
