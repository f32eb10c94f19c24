// Many processes on one store, some of which are killed. SL_STATE_JOBS=20000 with the case of the
// rate measures it.
#include "api/leases.h"
#include "api/queue.h"
#include "base/clock.h"
#include "conform.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WORKERS 3
#define BATCH 50

// Takes jobs and hands in replies until it is killed, waiting for news in between.
static void work(struct store *store, int number, int64_t ttl_ms)
{
    struct sl_err err = {0};
    struct sl_state *state = open_another(store);
    char holder[32];
    int fd, wakes;
    bool is_lost[BATCH];
    prctl(PR_SET_PDEATHSIG, SIGKILL); // not to outlive a test that fails
    snprintf(holder, sizeof holder, "w%d-%d", number, (int)getpid());
    ok(sl_state_listen(state, &fd, &err), &err);
    for (;;) {
        struct sl_arena arena;
        struct sl_job *jobs;
        size_t count;
        struct sl_claim claim = {.holder = holder, .ttl_ms = ttl_ms, .limit = BATCH};
        sl_arena_init(&arena, 0);
        ok(sl_state_woken(state, &wakes, &err), &err);
        ok(sl_state_claim(state, &claim, &arena, &jobs, &count, &err), &err);
        for (size_t i = 0; i < count; i++)
            jobs[i].reply_json = "{\"status\": \"ok\", \"rows_in\": 7}";
        if (count)
            ok(sl_state_complete(state, jobs, count, is_lost, &err), &err);
        sl_arena_clear(&arena);
        struct pollfd news = {.fd = fd, .events = POLLIN};
        if (!count)
            (void)poll(&news, 1, 1000);
    }
}

static pid_t start_worker(struct store *store, int number, int64_t ttl_ms)
{
    pid_t child = fork();
    if (child == 0) {
        work(store, number, ttl_ms);
        _exit(0);
    }
    assert_true(child > 0);
    return child;
}

static void stop(pid_t child)
{
    int status;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void put_all(struct store *store, int total)
{
    struct sl_err err = {0};
    struct sl_job jobs[500];
    char ids[500][16];
    for (int from = 0; from < total; from += 500) {
        size_t count = 0;
        for (; count < 500 && from + (int)count < total; count++) {
            snprintf(ids[count], sizeof *ids, "j%06d", from + (int)count);
            jobs[count] = (struct sl_job){.id = ids[count],
                                          .run_id = "r1",
                                          .step = "clean.orders",
                                          .request_json = "{\"node\": 12, \"attempt\": 1}"};
        }
        ok(sl_state_put_jobs(store->state, jobs, count, &err), &err);
    }
}

struct progress {
    char *seen; // a byte for each job: how often its reply was used
    int done;
};

// Takes up to `limit` replies as a leader does: uses them, then drops them. Gives how many.
static int take_replies(struct store *store, size_t limit, struct progress *progress)
{
    struct sl_err err = {0};
    struct sl_arena arena;
    struct sl_job *jobs;
    const char *ids[500];
    size_t count;
    assert_true(limit <= 500);
    sl_arena_init(&arena, 0);
    ok(sl_state_replies(store->state, limit, &arena, &jobs, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        progress->seen[atoi(jobs[i].id + 1)]++;
        ids[i] = jobs[i].id;
    }
    if (count)
        ok(sl_state_drop_jobs(store->state, ids, count, &err), &err);
    progress->done += (int)count;
    sl_arena_clear(&arena);
    return (int)count;
}

static void wait_for_news(struct store *store, int fd, int timeout_ms)
{
    struct pollfd news = {.fd = fd, .events = POLLIN};
    struct sl_err err = {0};
    int wakes;
    (void)poll(&news, 1, timeout_ms);
    ok(sl_state_woken(store->state, &wakes, &err), &err);
}

static int jobs_wanted(int otherwise)
{
    const char *text = getenv("SL_STATE_JOBS");
    return text ? atoi(text) : otherwise;
}

static void three_workers_share_the_steps_of_a_run(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    int total = jobs_wanted(2000), fd, taken = 0;
    struct progress progress = {.seen = calloc((size_t)total, 1)};
    pid_t workers[WORKERS];
    ok(sl_state_listen(store->state, &fd, &err), &err);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start_worker(store, i, 60000);
    int64_t began = sl_clock_monotonic_us();
    put_all(store, total);
    while (progress.done < total) {
        wait_for_news(store, fd, taken ? 0 : 10000);
        taken = take_replies(store, 500, &progress);
        assert_true(sl_clock_monotonic_us() - began < 120 * 1000000ll);
    }
    double seconds = (double)(sl_clock_monotonic_us() - began) / 1e6;
    for (int i = 0; i < total; i++)
        assert_int_equal(progress.seen[i], 1);
    printf("%d steps by %d workers on %s: %.0f a second\n", total, WORKERS,
           store->url ? "PostgreSQL" : "SQLite", total / seconds);
    for (int i = 0; i < WORKERS; i++)
        stop(workers[i]);
    free(progress.seen);
}

static void expire(struct store *store)
{
    struct sl_err err = {0};
    struct sl_arena arena;
    struct sl_job *late;
    size_t count;
    sl_arena_init(&arena, 0);
    ok(sl_state_expire(store->state, &arena, &late, &count, &err), &err);
    sl_arena_clear(&arena);
}

static void no_step_is_lost_nor_done_twice_when_workers_are_killed(void **state)
{
    struct store *store = *state;
    struct sl_err err = {0};
    enum { TOTAL = 3000, ROUNDS = 20 };
    int fd, kills = 0, taken = 0;
    struct progress progress = {.seen = calloc(TOTAL, 1)};
    pid_t workers[WORKERS];
    srand(7);
    ok(sl_state_listen(store->state, &fd, &err), &err);
    put_all(store, TOTAL);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start_worker(store, i, 50);
    int next_kill = 0;
    int64_t began = sl_clock_monotonic_us();
    while (progress.done < TOTAL) {
        wait_for_news(store, fd, taken ? 0 : 60); // news, or claims that have run out
        taken = take_replies(store, 20, &progress);
        expire(store);
        if (progress.done >= next_kill && kills < ROUNDS) {
            int which = kills % WORKERS;
            stop(workers[which]);
            workers[which] = start_worker(store, which, 50);
            next_kill = progress.done + rand() % (2 * TOTAL / ROUNDS);
            kills++;
        }
        assert_true(sl_clock_monotonic_us() - began < 120 * 1000000ll);
    }
    for (int i = 0; i < TOTAL; i++)
        assert_int_equal(progress.seen[i], 1);
    for (int i = 0; i < WORKERS; i++)
        stop(workers[i]);
    free(progress.seen);
    assert_true(kills > 3);
}

// --- killed while it writes

// One byte in the pipe for each round.
static void write_without_end(struct store *store, int pipe_fd, int number)
{
    struct sl_err err = {0};
    struct sl_state *state = open_another(store);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int round = 0;; round++) {
        char id[32];
        bool is_new, is_first;
        struct sl_approval standing;
        snprintf(id, sizeof id, "c%d-%d", number, round);
        struct sl_queued queued = {
            .run_id = id, .pipeline = id, .trigger = "every 1m", .tick_us = round + 1};
        struct sl_run_row run = {.id = id, .command = "run", .status = "running", .started_us = 5};
        struct sl_step_row step = {.run_id = id, .name = "n", .label = "l", .status = "ok"};
        struct sl_approval approval = {
            .run_id = id, .step = "load", .asked_us = 1, .decided_us = 2};
        ok(sl_state_enqueue(state, &queued, &is_new, &err), &err);
        ok(sl_state_begin(state, &run, &err), &err);
        ok(sl_state_ask(state, &approval, &err), &err);
        ok(sl_state_decide(state, &approval, &store->arena, &standing, &is_first, &err), &err);
        const struct sl_step_row steps[7] = {step, step, step, step, step, step, step};
        ok(sl_state_add_steps(state, steps, 7, &err), &err);
        run.status = "ok";
        run.ended_us = 6;
        ok(sl_state_end(state, &run, &err), &err);
        if (write(pipe_fd, "x", 1) != 1)
            _exit(1);
    }
}

static bool is_queued(const struct sl_queued *queue, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(queue[i].run_id, id) == 0)
            return true;
    return false;
}

static void check_whole(struct store *store)
{
    struct sl_err err = {0};
    struct sl_run_row *runs;
    struct sl_queued *queue;
    struct sl_tick *ticks;
    size_t count, queued, tick_count, waiting = 0;
    struct sl_run_filter all = {.with_waiting = true};
    ok(sl_state_runs(store->state, &all, &store->arena, &runs, &count, &err), &err);
    ok(sl_state_queue(store->state, &store->arena, &queue, &queued, &err), &err);
    ok(sl_state_ticks(store->state, &store->arena, &ticks, &tick_count, &err), &err);
    assert_int_equal(tick_count, count);
    for (size_t i = 0; i < count; i++) {
        struct sl_step_row *steps;
        size_t step_count;
        bool is_waiting = strcmp(runs[i].status, "queued") == 0;
        waiting += is_waiting;
        assert_int_equal(is_waiting, is_queued(queue, queued, runs[i].id));
        ok(sl_state_steps(store->state, runs[i].id, &store->arena, &steps, &step_count, &err),
           &err);
        assert_true(step_count == 7 || (step_count == 0 && runs[i].ended_us == 0));
        assert_non_null(runs[i].pipeline);
    }
    assert_int_equal(waiting, queued);
}

static void what_is_killed_while_it_writes_leaves_whole_rows(void **state)
{
    struct store *store = *state;
    srand(11);
    for (int round = 0; round < 25; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            write_without_end(store, fds[1], round);
        close(fds[1]);
        char byte;
        for (int i = rand() % 8; i >= 0; i--)
            assert_int_equal(read(fds[0], &byte, 1), 1);
        stop(child);
        close(fds[0]);
    }
    check_whole(store);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)
    const struct CMUnitTest tests[] = {
        CASE(three_workers_share_the_steps_of_a_run),
        CASE(no_step_is_lost_nor_done_twice_when_workers_are_killed),
        CASE(what_is_killed_while_it_writes_leaves_whole_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
