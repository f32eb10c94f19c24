// Workers that do small things, so that each way to end can be seen.
#include "run_test.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/pool_inner.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET "open sesame"

struct owner {
    uv_loop_t loop;
    struct sl_pool *pool;
    size_t open, replies, deaths;
    int64_t sum;
    int64_t pids[64];
    size_t pid_count;
    struct sl_death last;
    const char *next; // to be started at the first reply
};

// To the controller: the only one that a worker has.
static int find_socket(void)
{
    int type;
    for (int fd = 3; fd < 256; fd++) {
        socklen_t size = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0)
            return fd;
    }
    _exit(8);
}

static void send_garbage(const json_t *request)
{
    const char *text = sl_json_text(request, "garbage", "");
    uint32_t head = (uint32_t)sl_json_int(request, "head", (int64_t)strlen(text));
    int fd = find_socket();
    if (write(fd, &head, sizeof head) < 0 || write(fd, text, strlen(text)) < 0)
        _exit(9);
    sleep(60);
}

// As the kernel does that takes its time to end a large worker: until something is sent to it, or
// the other end is closed.
static void keep_socket_open(void)
{
    char byte;
    int fd = find_socket();
    if (fork() == 0)
        _exit(recv(fd, &byte, 1, 0) < 0);
}

static void work(void *self, struct sl_worker *worker, const json_t *request, json_t **ret_reply)
{
    (void)self;
    for (int64_t i = 1; i <= sl_json_int(request, "say", 0); i++)
        fprintf(stderr, "line %d " SECRET "\n", (int)i);
    if (json_object_get(request, "garbage"))
        send_garbage(request);
    if (json_object_get(request, "keep_open"))
        keep_socket_open();
    if (json_object_get(request, "stop"))
        raise(SIGSTOP);
    if (json_object_get(request, "crash"))
        abort();
    if (json_object_get(request, "leave"))
        _exit(7);
    while (json_object_get(request, "until_stopped") &&
           !atomic_load(&sl_worker_seat(worker)->is_aborted))
        usleep(1000);
    if (json_object_get(request, "sleep"))
        sleep(60);
    size_t length = (size_t)sl_json_int(request, "length", 0);
    char *text = calloc(length + 1, 1);
    memset(text, 'x', length);
    *ret_reply = json_pack("{s:I, s:I, s:s}", "twice", 2 * sl_json_int(request, "number", 0), "pid",
                           (json_int_t)getpid(), "text", text);
    free(text);
}

// In the worker: after three jobs.
static bool is_spent(void *self)
{
    static int jobs;
    (void)self;
    return ++jobs == 3;
}

static void adjust(void *self, const struct sl_seat *seat)
{
    (void)self;
    (void)seat;
}

static void finish(void *self)
{
    if (self)
        sleep(60);
}

static void start(struct owner *owner, const char *text)
{
    SL_AUTO(sl_json_free) json_t *request = json_loads(text, 0, NULL);
    const struct sl_seat *seat = NULL;
    struct sl_err err = {0};
    assert_int_equal(sl_pool_start(owner->pool, owner->open, request, &seat, &err), SL_OK);
    assert_non_null(seat);
    owner->open++;
}

static void on_reply(void *self, size_t job, const json_t *reply, const struct sl_death *death)
{
    struct owner *owner = self;
    (void)job;
    if (reply) {
        owner->replies++;
        owner->sum += sl_json_int(reply, "twice", 0);
        owner->pids[owner->pid_count++ % 64] = sl_json_int(reply, "pid", 0);
    } else {
        owner->deaths++;
        owner->last = *death;
    }
    if (owner->next) {
        const char *next = owner->next;
        owner->next = NULL;
        start(owner, next);
    }
    if (--owner->open == 0)
        uv_stop(&owner->loop);
}

static void open_pool_as(struct owner *owner, struct sl_pool_options options)
{
    struct sl_err err = {0};
    options.loop = &owner->loop;
    options.worker.work = work;
    options.worker.adjust = adjust;
    options.worker.end = finish;
    options.on_reply = on_reply;
    options.owner = owner;
    *owner = (struct owner){0};
    assert_int_equal(uv_loop_init(&owner->loop), 0);
    assert_int_equal(sl_pool_open(&options, &owner->pool, &err), SL_OK);
}

static void open_pool(struct owner *owner, size_t size)
{
    open_pool_as(owner, (struct sl_pool_options){.size = size});
}

static void close_pool(struct owner *owner)
{
    sl_pool_close(&owner->pool);
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&owner->loop), 0);
}

static void wait_for_all(struct owner *owner)
{
    if (owner->open)
        uv_run(&owner->loop, UV_RUN_DEFAULT);
}

static void a_worker_does_one_job_after_another(void **state)
{
    struct owner owner;

    (void)state;
    open_pool(&owner, 1);
    for (int i = 0; i < 50; i++) {
        assert_true(sl_pool_has_room(owner.pool));
        start(&owner, "{\"number\": 21}");
        assert_false(sl_pool_has_room(owner.pool));
        wait_for_all(&owner);
    }
    assert_int_equal(owner.replies, 50);
    assert_int_equal(owner.sum, 50 * 42);
    for (size_t i = 1; i < owner.pid_count; i++)
        assert_int_equal(owner.pids[i], owner.pids[0]);
    assert_int_not_equal(owner.pids[0], getpid());
    close_pool(&owner);
}

static void long_replies_of_several_workers_arrive_whole(void **state)
{
    struct owner owner;

    (void)state;
    open_pool(&owner, 4);
    for (int i = 0; i < 4; i++)
        start(&owner, "{\"number\": 1, \"length\": 3000000}");
    assert_false(sl_pool_has_room(owner.pool));
    wait_for_all(&owner);
    assert_int_equal(owner.replies, 4);
    assert_int_equal(owner.sum, 8);
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(owner.pids[i], owner.pids[k]);
    close_pool(&owner);
}

static void who_dies_is_told_of_and_replaced(void **state)
{
    static const struct {
        const char *request, *says;
        int signal, exit_code;
    } cases[] = {{"{\"crash\": true}", "signal 6", SIGABRT, -1},
                 {"{\"leave\": true}", "exit code 7", 0, 7}};
    struct owner owner;

    (void)state;
    open_pool(&owner, 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        start(&owner, cases[i].request);
        wait_for_all(&owner);
        assert_int_equal(owner.deaths, i + 1);
        assert_int_equal(owner.last.err.code, SL_E_WORKER_DIED);
        assert_non_null(strstr(owner.last.err.message, cases[i].says));
        assert_int_equal(owner.last.signal, cases[i].signal);
        assert_int_equal(owner.last.exit_code, cases[i].exit_code);
        assert_true(owner.last.peak_memory_bytes > 0 && !owner.last.is_ours);
        start(&owner, "{\"number\": 1}");
        wait_for_all(&owner);
        assert_int_equal(owner.replies, i + 1);
    }
    close_pool(&owner);
}

static void the_last_lines_of_who_dies_are_told_without_secrets(void **state)
{
    static const char *const requests[] = {"{\"say\": 3, \"crash\": true}",
                                           "{\"say\": 30000, \"crash\": true}"};
    static const char *const lines[] = {"line 1 ***\nline 2 ***\nline 3 ***", "line 30000 ***"};
    struct owner owner;

    (void)state;
    sl_log_hide(SECRET);
    open_pool(&owner, 1);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        start(&owner, requests[i]);
        wait_for_all(&owner);
        assert_int_equal(owner.deaths, i + 1);
        assert_non_null(strstr(owner.last.output, lines[i]));
        assert_null(strstr(owner.last.output, "sesame"));
    }
    assert_ptr_equal(strstr(owner.last.output, "line 29981 ***\n"), owner.last.output);
    // What one said that did its job is not the last word of who dies later.
    start(&owner, "{\"say\": 2}");
    wait_for_all(&owner);
    start(&owner, "{\"crash\": true}");
    wait_for_all(&owner);
    assert_string_equal(owner.last.output, "");
    close_pool(&owner);
}

static void a_reply_that_is_too_long_is_told_of(void **state)
{
    struct owner owner;

    (void)state;
    open_pool_as(&owner, (struct sl_pool_options){.size = 1, .worker.message_max_bytes = 100000});
    start(&owner, "{\"number\": 1, \"length\": 99000}");
    wait_for_all(&owner);
    assert_int_equal(owner.replies, 1);
    start(&owner, "{\"number\": 1, \"length\": 100000}");
    wait_for_all(&owner);
    assert_int_equal(owner.deaths, 1);
    assert_int_equal(owner.last.exit_code, 1);
    assert_non_null(strstr(owner.last.output, "cannot reply: a message of 1000"));
    close_pool(&owner);
}

static void what_is_no_reply_ends_who_sent_it(void **state)
{
    static const char *const requests[] = {
        "{\"garbage\": \"{]\"}",
        "{\"garbage\": \"\"}",
        "{\"garbage\": \"{}\", \"head\": 1000001}",
        "{\"garbage\": \"{}\", \"head\": 4294967295}",
    };
    struct owner owner;

    (void)state;
    open_pool_as(&owner, (struct sl_pool_options){.size = 1, .worker.message_max_bytes = 1000000});
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        start(&owner, requests[i]);
        wait_for_all(&owner);
        assert_int_equal(owner.deaths, i + 1);
        assert_int_equal(owner.last.err.code, SL_E_WORKER_DIED);
        assert_non_null(strstr(owner.last.err.message, "no reply"));
        assert_false(owner.last.is_ours); // another one may do better
    }
    start(&owner, "{\"number\": 1}");
    wait_for_all(&owner);
    assert_int_equal(owner.replies, 1);
    close_pool(&owner);
}

static void on_tick(uv_timer_t *timer)
{
    struct owner *owner = timer->data;
    for (size_t i = 0; i < 64; i++)
        sl_pool_press(owner->pool, i);
}

static void press_until_all_have_ended(struct owner *owner)
{
    uv_timer_t timer;
    assert_int_equal(uv_timer_init(&owner->loop, &timer), 0);
    timer.data = owner;
    assert_int_equal(uv_timer_start(&timer, on_tick, 10, 10), 0);
    wait_for_all(owner);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&owner->loop, UV_RUN_NOWAIT);
}

static void who_was_stopped_is_killed_when_all_have_to_end(void **state)
{
    struct owner owner;

    (void)state;
    open_pool_as(&owner, (struct sl_pool_options){.size = 2, .patience_us = 50000});
    start(&owner, "{\"stop\": true}");
    sl_pool_drain_job(owner.pool, 0);
    press_until_all_have_ended(&owner);
    assert_int_equal(owner.deaths, 1);
    assert_int_equal(owner.last.err.code, SL_E_INTERRUPTED);
    assert_int_equal(owner.last.signal, SIGKILL);
    assert_true(owner.last.is_ours);
    // Nobody stopped this one: it is killed only if it does not listen.
    start(&owner, "{\"sleep\": true}");
    sl_pool_stop(owner.pool, 0);
    press_until_all_have_ended(&owner);
    assert_int_equal(owner.deaths, 2);
    assert_int_equal(owner.last.err.code, SL_E_INTERRUPTED);
    start(&owner, "{\"sleep\": true}");
    sl_pool_cut_off(owner.pool, 0);
    wait_for_all(&owner);
    assert_int_equal(owner.deaths, 3);
    close_pool(&owner);
}

static void who_does_not_end_is_killed_after_a_while_and_all_at_once(void **state)
{
    struct owner owner;

    (void)state;
    open_pool_as(&owner,
                 (struct sl_pool_options){.size = 8, .patience_us = 200000, .worker.self = &owner});
    for (int i = 0; i < 8; i++)
        start(&owner, "{\"number\": 1}");
    wait_for_all(&owner);
    for (size_t i = 0; i < 8; i += 2)
        assert_int_equal(kill((pid_t)owner.pids[i], SIGSTOP), 0);
    int64_t began_us = sl_clock_monotonic_us();
    close_pool(&owner);
    assert_true(sl_clock_monotonic_us() - began_us < 30 * INT64_C(1000000));
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(kill((pid_t)owner.pids[i], 0), -1);
}

static void one_that_was_killed_while_idle_harms_nobody(void **state)
{
    struct owner owner;

    (void)state;
    open_pool(&owner, 1);
    start(&owner, "{\"number\": 1}");
    wait_for_all(&owner);
    assert_int_equal(kill((pid_t)owner.pids[0], SIGKILL), 0);
    start(&owner, "{\"number\": 2}"); // the loop has not seen it yet
    wait_for_all(&owner);
    assert_int_equal(owner.replies + owner.deaths, 2);
    start(&owner, "{\"number\": 2}");
    wait_for_all(&owner);
    assert_int_not_equal(owner.pids[owner.pid_count - 1], owner.pids[0]);
    close_pool(&owner);
}

static void one_job_is_stopped_or_killed_and_the_others_go_on(void **state)
{
    struct owner owner;

    (void)state;
    open_pool(&owner, 2);
    start(&owner, "{\"until_stopped\": true}"); // job 0
    start(&owner, "{\"sleep\": true}");         // job 1
    sl_pool_stop(owner.pool, 0);
    sl_pool_stop(owner.pool, 7); // nobody is at it
    sl_pool_kill_job(owner.pool, 1);
    wait_for_all(&owner);
    assert_int_equal(owner.replies, 1);
    assert_int_equal(owner.deaths, 1);
    assert_int_equal(owner.last.err.code, SL_E_INTERRUPTED);
    assert_true(owner.last.is_ours);
    // Whoever was stopped is not for its next job.
    start(&owner, "{\"number\": 1}");
    start(&owner, "{\"until_stopped\": true}");
    sl_pool_stop(owner.pool, 1);
    wait_for_all(&owner);
    assert_int_equal(owner.replies, 3);
    assert_int_equal(owner.deaths, 1);
    close_pool(&owner);
}

// It stays in the socket, whole: its length comes first.
static void wait_for_reply(int fd)
{
    char bytes[4096];
    uint32_t length = 0;
    ssize_t got = 0;
    while (got < (ssize_t)sizeof length || (size_t)got < sizeof length + length) {
        got = recv(fd, bytes, sizeof bytes, MSG_PEEK);
        assert_true(got > 0 || (got < 0 && errno == EAGAIN)); // libuv made it not block
        if (got >= (ssize_t)sizeof length)
            memcpy(&length, bytes, sizeof length);
    }
}

// Timers are due before replies are read: whoever is late has replied, and is killed all the same.
static void who_was_killed_after_its_reply_gets_no_other_job(void **state)
{
    struct owner owner;

    (void)state;
    for (int is_memory = 0; is_memory < 2; is_memory++) {
        open_pool(&owner, 1);
        owner.next = "{\"number\": 2}";
        start(&owner, "{\"number\": 1, \"keep_open\": true}");
        wait_for_reply(owner.pool->members[0].fd);
        if (is_memory)
            sl_pool_limit_memory(owner.pool, 1);
        else
            sl_pool_kill_job(owner.pool, 0);
        wait_for_all(&owner);
        assert_int_equal(owner.deaths, 0);
        assert_int_equal(owner.replies, 2);
        assert_int_equal(owner.sum, 6);
        assert_int_not_equal(owner.pids[0], owner.pids[1]);
        close_pool(&owner);
    }
}

static void who_holds_too_much_memory_is_killed(void **state)
{
    struct owner owner;

    (void)state;
    open_pool(&owner, 1);
    start(&owner, "{\"number\": 1}");
    wait_for_all(&owner);
    for (size_t jobs_before = 1; jobs_before < 2; jobs_before--) {
        start(&owner, "{\"sleep\": true}");
        sl_pool_limit_memory(owner.pool, INT64_MAX);
        sl_pool_limit_memory(owner.pool, 1);
        assert_true(owner.pool->members[0].held_bytes > 1);
        // As if the kernel had counted less of it in the end.
        owner.pool->members[0].held_bytes = INT64_C(1) << 50;
        wait_for_all(&owner);
        assert_int_equal(owner.last.peak_memory_bytes, INT64_C(1) << 50);
        assert_int_equal(owner.last.err.code, SL_E_WORKER_MEMORY);
        assert_non_null(strstr(owner.last.err.message, "may take 1 B"));
        assert_int_equal(owner.last.jobs_before, jobs_before);
    }
    assert_int_equal(owner.deaths, 2);
    close_pool(&owner);
}

static void closing_waits_for_the_idle_and_kills_those_at_work(void **state)
{
    struct owner owner;

    (void)state;
    open_pool(&owner, 2);
    start(&owner, "{\"number\": 1}");
    wait_for_all(&owner);
    start(&owner, "{\"sleep\": true}");
    start(&owner, "{\"sleep\": true}");
    close_pool(&owner);
    assert_int_equal(kill((pid_t)owner.pids[0], 0), -1);
}

static void who_has_grown_ends_after_its_reply_and_another_one_goes_on(void **state)
{
    struct owner owner;

    (void)state;
    open_pool_as(&owner, (struct sl_pool_options){.size = 1, .worker.is_spent = is_spent});
    for (int i = 0; i < 7; i++) {
        start(&owner, "{\"number\": 3}");
        wait_for_all(&owner);
    }
    assert_int_equal(owner.replies, 7);
    assert_int_equal(owner.deaths, 0);
    assert_int_equal(owner.sum, 7 * 6);
    for (size_t i = 0; i < owner.pid_count; i++)
        assert_true((owner.pids[i] == owner.pids[0]) == (i < 3));
    close_pool(&owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_does_one_job_after_another),
        cmocka_unit_test(long_replies_of_several_workers_arrive_whole),
        cmocka_unit_test(who_dies_is_told_of_and_replaced),
        cmocka_unit_test(the_last_lines_of_who_dies_are_told_without_secrets),
        cmocka_unit_test(a_reply_that_is_too_long_is_told_of),
        cmocka_unit_test(what_is_no_reply_ends_who_sent_it),
        cmocka_unit_test(who_was_stopped_is_killed_when_all_have_to_end),
        cmocka_unit_test(who_does_not_end_is_killed_after_a_while_and_all_at_once),
        cmocka_unit_test(one_that_was_killed_while_idle_harms_nobody),
        cmocka_unit_test(one_job_is_stopped_or_killed_and_the_others_go_on),
        cmocka_unit_test(who_was_killed_after_its_reply_gets_no_other_job),
        cmocka_unit_test(who_holds_too_much_memory_is_killed),
        cmocka_unit_test(who_has_grown_ends_after_its_reply_and_another_one_goes_on),
        cmocka_unit_test(closing_waits_for_the_idle_and_kills_those_at_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
