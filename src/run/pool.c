#include "run/pool.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_BYTES 65536
#define PATIENCE_US (5 * INT64_C(1000000))

struct member {
    struct sl_pool *pool;
    pid_t pid; // 0: nobody sits here
    int fd;
    uv_poll_t *poller;
    struct sl_seat *seat;
    size_t job;
    bool is_busy;
    char *bytes; // read and not yet taken
    size_t used, room;
};

struct sl_pool {
    struct sl_pool_options options;
    struct member *members;
    struct sl_seat *seats; // shared with the workers
    size_t busy;
};

int sl_pool_open(const struct sl_pool_options *options, struct sl_pool **ret, struct sl_err *err)
{
    SL_AUTO(sl_pool_close) struct sl_pool *pool = calloc(1, sizeof *pool);
    SL_TRY_NEW(pool, err);
    pool->members = calloc(options->size, sizeof *pool->members);
    SL_TRY_NEW(pool->members, err);
    void *at = mmap(NULL, options->size * sizeof *pool->seats, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return sl_fail_errno(err, errno, "cannot map memory to share with workers");
    pool->options = *options;
    pool->seats = at;
    for (size_t i = 0; i < options->size; i++) {
        pool->members[i].pool = pool;
        pool->members[i].seat = &pool->seats[i];
    }
    *ret = pool;
    pool = NULL;
    return SL_OK;
}

// --- the end of a worker

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

// Whoever does not end by itself has nothing to lose.
static void wait_for_end(pid_t pid, int *ret_status, struct rusage *ret_usage)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    int64_t deadline_us = sl_clock_monotonic_us() + PATIENCE_US;
    for (;;) {
        pid_t found = wait4(pid, ret_status, WNOHANG, ret_usage);
        if (found == pid || (found < 0 && errno != EINTR))
            return;
        if (sl_clock_monotonic_us() > deadline_us)
            kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
}

// The seat is empty afterwards.
static void leave(struct member *member, int *ret_status, struct rusage *ret_usage)
{
    uv_poll_stop(member->poller);
    uv_close((uv_handle_t *)member->poller, free_handle);
    close(member->fd);
    wait_for_end(member->pid, ret_status, ret_usage);
    free(member->bytes);
    *member = (struct member){.pool = member->pool, .seat = member->seat};
}

static void fail_dead(int status, const struct rusage *usage, struct sl_err *err)
{
    char size[32];
    const char *peak = sl_str_size((int64_t)usage->ru_maxrss * 1024, size);
    if (!WIFSIGNALED(status)) {
        (void)sl_fail(err, SL_E_WORKER_DIED,
                      "its worker process ended with exit code %d (peak memory %s)",
                      WEXITSTATUS(status), peak);
        return;
    }
    (void)sl_fail(err, SL_E_WORKER_DIED,
                  "its worker process was ended by signal %d (%s; peak memory %s)",
                  WTERMSIG(status), strsignal(WTERMSIG(status)), peak);
    if (WTERMSIG(status) == SIGKILL)
        (void)sl_err_hint(err, "if nobody has killed it the kernel was out of memory: lower "
                               "engine.memory or concurrency; the next run does the step again");
}

static void bury(struct member *member)
{
    struct sl_pool *pool = member->pool;
    struct sl_err err = {0};
    struct rusage usage = {0};
    bool was_busy = member->is_busy;
    size_t job = member->job;
    int status = 0;
    leave(member, &status, &usage);
    if (!was_busy)
        return;
    pool->busy--;
    fail_dead(status, &usage, &err);
    pool->options.on_reply(pool->options.owner, job, NULL, &err);
}

// --- replies

static void take_reply(struct member *member, const json_t *reply)
{
    struct sl_pool *pool = member->pool;
    member->is_busy = false;
    pool->busy--;
    pool->options.on_reply(pool->options.owner, member->job, reply, NULL);
}

// False if what was read is no message.
static bool take_messages(struct member *member)
{
    uint32_t length;
    while (member->used >= sizeof length) {
        memcpy(&length, member->bytes, sizeof length);
        size_t whole = sizeof length + length;
        if (member->used < whole)
            return true;
        json_t *reply = NULL;
        struct sl_err ignored = {0};
        if (sl_json_parse(member->bytes + sizeof length, length, "a reply", &reply, &ignored) !=
            SL_OK)
            return false;
        member->used -= whole;
        memmove(member->bytes, member->bytes + whole, member->used);
        if (member->is_busy)
            take_reply(member, reply);
        json_decref(reply);
    }
    return true;
}

static bool read_some(struct member *member)
{
    if (member->room - member->used < READ_BYTES) {
        size_t room = member->room * 2 + READ_BYTES;
        char *bytes = realloc(member->bytes, room);
        if (!bytes)
            return false;
        member->bytes = bytes;
        member->room = room;
    }
    ssize_t got = recv(member->fd, member->bytes + member->used, READ_BYTES, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    member->used += (size_t)got;
    return got > 0;
}

static void on_readable(uv_poll_t *poller, int status, int events)
{
    struct member *member = poller->data;
    (void)events;
    if (status < 0 || !read_some(member) || !take_messages(member)) {
        kill(member->pid, SIGKILL); // one that has ended stays as it is
        bury(member);
    }
}

// --- the start of a worker

// Of the others: as long as a worker has the end of another one, that one does not see it closed.
static void close_others(const struct sl_pool *pool)
{
    for (size_t i = 0; i < pool->options.size; i++)
        if (pool->members[i].pid)
            close(pool->members[i].fd);
}

// The controller alone decides what a Ctrl-C means.
static void reset_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    sigset_t none;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void be_worker(struct member *member, int fd, pid_t parent)
{
    const struct sl_pool *pool = member->pool;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    close_others(pool);
    reset_signals();
    exit(sl_worker_run(fd, member->seat, &pool->options.worker));
}

static int watch(struct member *member, struct sl_err *err)
{
    uv_poll_t *poller = calloc(1, sizeof *poller);
    SL_TRY_NEW(poller, err);
    int code = uv_poll_init(member->pool->options.loop, poller, member->fd);
    if (code != 0) {
        free(poller);
        return sl_fail(err, SL_E_INTERNAL, "cannot watch a worker: %s", uv_strerror(code));
    }
    member->poller = poller;
    poller->data = member;
    (void)uv_poll_start(poller, UV_READABLE | UV_DISCONNECT, on_readable);
    return SL_OK;
}

static int fork_worker(struct member *member, struct sl_err *err)
{
    struct sl_pool *pool = member->pool;
    sigset_t all, before;
    int ends[2];
    if (pool->options.before_fork)
        pool->options.before_fork(pool->options.owner);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return sl_fail_errno(err, errno, "cannot make a pair of sockets");
    fflush(NULL);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_worker(member, ends[1], parent);
    }
    int errnum = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    member->fd = ends[0];
    if (pid > 0 && watch(member, err) == SL_OK) {
        member->pid = pid;
        return SL_OK;
    }
    close(ends[0]);
    if (pid < 0)
        return sl_fail_errno(err, errnum, "cannot start a worker process");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return err->code;
}

// An idle worker, else an empty seat; NULL if all are at work.
static struct member *find_member(const struct sl_pool *pool)
{
    struct member *empty = NULL;
    for (size_t i = 0; i < pool->options.size; i++) {
        struct member *member = &pool->members[i];
        if (member->pid && !member->is_busy)
            return member;
        if (!member->pid && !empty)
            empty = member;
    }
    return empty;
}

bool sl_pool_has_room(const struct sl_pool *pool)
{
    return pool->busy < pool->options.size;
}

size_t sl_pool_busy(const struct sl_pool *pool)
{
    return pool->busy;
}

size_t sl_pool_size(const struct sl_pool *pool)
{
    return pool->options.size;
}

static void reset_seat(struct sl_seat *seat)
{
    atomic_store(&seat->progress.rows_done, 0);
    atomic_store(&seat->progress.rows_total, 0);
    atomic_store(&seat->progress.bytes_done, 0);
    atomic_store(&seat->progress.bytes_total, 0);
    atomic_store(&seat->engine_rows, 0);
    atomic_store(&seat->engine_permille, -1);
}

// A worker that has died in its idleness is noticed here, or before by the loop.
static int hand_over(struct member *member, const json_t *request, struct sl_err *err)
{
    if (!member->pid)
        SL_TRY(fork_worker(member, err));
    reset_seat(member->seat);
    if (sl_message_send(member->fd, request, err) == SL_OK)
        return SL_OK;
    kill(member->pid, SIGKILL);
    bury(member);
    return err->code;
}

int sl_pool_start(struct sl_pool *pool, size_t job, const json_t *request,
                  const struct sl_seat **ret, struct sl_err *err)
{
    struct member *member = find_member(pool);
    if (!member)
        return sl_fail(err, SL_E_INTERNAL, "no worker is free");
    bool was_idle = member->pid != 0;
    int code = hand_over(member, request, err);
    if (code != SL_OK && was_idle) {
        sl_err_clear(err);
        code = hand_over(member, request, err);
    }
    SL_TRY(code);
    member->job = job;
    member->is_busy = true;
    pool->busy++;
    *ret = member->seat;
    return SL_OK;
}

// --- all at once

void sl_pool_interrupt(struct sl_pool *pool)
{
    json_t *message = json_pack("{s:b}", "interrupt", 1);
    struct sl_err ignored = {0};
    for (size_t i = 0; i < pool->options.size; i++)
        atomic_store(&pool->seats[i].is_aborted, true);
    for (size_t i = 0; message && i < pool->options.size; i++)
        if (pool->members[i].is_busy)
            (void)!sl_message_send(pool->members[i].fd, message, &ignored);
    json_decref(message);
}

void sl_pool_drain(struct sl_pool *pool)
{
    for (size_t i = 0; i < pool->options.size; i++)
        atomic_store(&pool->seats[i].is_draining, true);
}

void sl_pool_share(struct sl_pool *pool, size_t parts)
{
    for (size_t i = 0; i < pool->options.size; i++)
        atomic_store(&pool->seats[i].parts, (int64_t)parts);
}

void sl_pool_close(struct sl_pool **pool)
{
    struct sl_pool *old = *pool;
    int status;
    struct rusage usage;
    if (!old)
        return;
    for (size_t i = 0; old->members && i < old->options.size; i++)
        if (old->members[i].is_busy)
            kill(old->members[i].pid, SIGKILL);
    for (size_t i = 0; old->members && i < old->options.size; i++)
        if (old->members[i].pid)
            leave(&old->members[i], &status, &usage);
    if (old->seats)
        munmap(old->seats, old->options.size * sizeof *old->seats);
    free(old->members);
    free(old);
    *pool = NULL;
}
