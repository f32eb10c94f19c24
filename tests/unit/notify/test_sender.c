// What `serve` does: a child sends when something is due, and the loop goes on meanwhile. The
// server is a socket on the same loop.
#include "../base/test.h"
#include "api/alerts.h"
#include "base/clock.h"
#include "base/fs.h"
#include "notify/notify.h"

#include <string.h>
#include <uv.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

struct made {
    char folder[64];
    uv_loop_t loop;
    uv_tcp_t server, client;
    uv_timer_t guard;
    char got[8192];
    size_t length;
    int requests;
    bool is_over;
    struct sl_project *project;
    struct sl_notify *notify;
    struct sl_sender *sender;
};

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *ret)
{
    struct made *made = handle->data;
    (void)size;
    *ret = uv_buf_init(made->got + made->length, (unsigned)(sizeof made->got - 1 - made->length));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct made *made = stream->data;
    (void)buf;
    if (count < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
        return;
    }
    made->length += (size_t)count;
    made->got[made->length] = '\0';
    const char *body = strstr(made->got, "\r\n\r\n");
    if (!body || !strchr(body, '}') || made->got[made->length - 1] != '}')
        return;
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)answer, sizeof answer - 1);
    assert_int_equal(uv_try_write(stream, &out, 1), (int)sizeof answer - 1);
    made->requests++;
}

static void on_connection(uv_stream_t *server, int status)
{
    struct made *made = server->data;
    assert_int_equal(status, 0);
    uv_tcp_init(&made->loop, &made->client);
    made->client.data = made;
    assert_int_equal(uv_accept(server, (uv_stream_t *)&made->client), 0);
    uv_read_start((uv_stream_t *)&made->client, on_alloc, on_read);
}

static void on_guard(uv_timer_t *timer)
{
    struct made *made = timer->data;
    made->is_over = true;
}

static int listen_on(struct made *made)
{
    struct sockaddr_in address;
    int length = sizeof address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&made->loop, &made->server);
    made->server.data = made;
    uv_tcp_bind(&made->server, (const struct sockaddr *)&address, 0);
    assert_int_equal(uv_listen((uv_stream_t *)&made->server, 8, on_connection), 0);
    uv_tcp_getsockname(&made->server, (struct sockaddr *)&address, &length);
    return ntohs(address.sin_port);
}

static void write_project(struct made *made, int port)
{
    char path[128], text[256];
    struct sl_err err = {0};
    struct sl_project_options options = {.folder = made->folder, .resolve_secrets = true};
    snprintf(path, sizeof path, "%s/sluice.yml", made->folder);
    snprintf(text, sizeof text,
             "name: shop\nalerts: {channels: {hook: {webhook: 'http://127.0.0.1:%d/in'}}}\n", port);
    assert_int_equal(sl_fs_write(path, text, strlen(text), &err), SL_OK);
    assert_int_equal(sl_project_load(&options, &made->project, &err), SL_OK);
    assert_int_equal(sl_notify_open(made->project, NULL, &made->notify, &err), SL_OK);
    assert_non_null(made->notify);
}

static int64_t pending(struct made *made)
{
    struct sl_err err = {0};
    struct sl_notify_counts counts;
    assert_int_equal(sl_notify_count(made->notify, &counts, &err), SL_OK);
    return counts.pending;
}

static void a_child_sends_what_is_due_and_the_loop_goes_on(void **state)
{
    static struct made made;
    struct sl_err err = {0};
    struct sl_err failure = {0};
    (void)state;
    made = (struct made){0};
    snprintf(made.folder, sizeof made.folder, "/tmp/sluice-sender-XXXXXX");
    assert_non_null(mkdtemp(made.folder));
    uv_loop_init(&made.loop);
    write_project(&made, listen_on(&made));
    uv_timer_init(&made.loop, &made.guard);
    made.guard.data = &made;
    uv_timer_start(&made.guard, on_guard, 60000, 0);
    struct sl_sender_options options = {
        .loop = &made.loop, .program = getenv("SLUICE_BIN"), .folder = made.folder};
    assert_int_equal(sl_sender_open(made.notify, &options, &made.sender, &err), SL_OK);
    sl_sender_wake(made.sender); // nothing is due: nothing happens
    assert_int_equal(pending(&made), 0);

    (void)sl_fail(&failure, SL_E_IO, "the disk is gone");
    assert_int_equal(sl_notify_run_failed(made.notify, &failure, "nightly", &err), SL_OK);
    assert_int_equal(pending(&made), 1);
    sl_sender_wake(made.sender);
    while (pending(&made) > 0 && !made.is_over)
        uv_run(&made.loop, UV_RUN_ONCE);
    assert_false(made.is_over);
    assert_int_equal(made.requests, 1);
    assert_non_null(strstr(made.got, "\"subject\":\"nightly\""));
    assert_non_null(strstr(made.got, "the disk is gone"));

    sl_sender_close(&made.sender);
    uv_close((uv_handle_t *)&made.guard, on_closed);
    uv_close((uv_handle_t *)&made.server, on_closed);
    uv_run(&made.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&made.loop), 0);
    sl_notify_close(&made.notify);
    sl_project_free(&made.project);
    assert_int_equal(sl_fs_remove_tree(made.folder, &err), SL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_sends_what_is_due_and_the_loop_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
