// Workers that do small things, so that each way to end can be seen.
#include "run_test.h"

#include "run/pool.h"

#include <signal.h>
#include <unistd.h>

struct owner {
    uv_loop_t loop;
    struct sl_pool *pool;
    size_t open, replies, deaths;
    int64_t sum;
    int64_t pids[64];
    size_t pid_count;
    struct sl_err last;
};

static void work(void *self, struct sl_worker *worker, const json_t *request, json_t **ret_reply)
{
    (void)self;
    (void)worker;
    if (json_object_get(request, "crash"))
        abort();
    if (json_object_get(request, "leave"))
        _exit(7);
    if (json_object_get(request, "sleep"))
        sleep(60);
    size_t length = (size_t)sl_json_int(request, "length", 0);
    char *text = calloc(length + 1, 1);
    memset(text, 'x', length);
    *ret_reply = json_pack("{s:I, s:I, s:s}", "twice", 2 * sl_json_int(request, "number", 0), "pid",
                           (json_int_t)getpid(), "text", text);
    free(text);
}

static void adjust(void *self, const struct sl_seat *seat)
{
    (void)self;
    (void)seat;
}

static void finish(void *self)
{
    (void)self;
}

static void on_reply(void *self, size_t job, const json_t *reply, const struct sl_err *err)
{
    struct owner *owner = self;
    (void)job;
    if (reply) {
        owner->replies++;
        owner->sum += sl_json_int(reply, "twice", 0);
        owner->pids[owner->pid_count++ % 64] = sl_json_int(reply, "pid", 0);
    } else {
        owner->deaths++;
        owner->last = *err;
    }
    if (--owner->open == 0)
        uv_stop(&owner->loop);
}

static void open_pool(struct owner *owner, size_t size)
{
    struct sl_err err = {0};
    const struct sl_pool_options options = {
        .loop = &owner->loop,
        .size = size,
        .worker = {.work = work, .adjust = adjust, .end = finish},
        .on_reply = on_reply,
        .owner = owner,
    };
    *owner = (struct owner){0};
    assert_int_equal(uv_loop_init(&owner->loop), 0);
    assert_int_equal(sl_pool_open(&options, &owner->pool, &err), SL_OK);
}

static void close_pool(struct owner *owner)
{
    sl_pool_close(&owner->pool);
    uv_run(&owner->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&owner->loop), 0);
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
    } cases[] = {{"{\"crash\": true}", "signal 6"}, {"{\"leave\": true}", "exit code 7"}};
    struct owner owner;

    (void)state;
    open_pool(&owner, 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        start(&owner, cases[i].request);
        wait_for_all(&owner);
        assert_int_equal(owner.deaths, i + 1);
        assert_int_equal(owner.last.code, SL_E_WORKER_DIED);
        assert_non_null(strstr(owner.last.message, cases[i].says));
        start(&owner, "{\"number\": 1}");
        wait_for_all(&owner);
        assert_int_equal(owner.replies, i + 1);
    }
    close_pool(&owner);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_worker_does_one_job_after_another),
        cmocka_unit_test(long_replies_of_several_workers_arrive_whole),
        cmocka_unit_test(who_dies_is_told_of_and_replaced),
        cmocka_unit_test(one_that_was_killed_while_idle_harms_nobody),
        cmocka_unit_test(closing_waits_for_the_idle_and_kills_those_at_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
