#include "run/pool_inner.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_BYTES 65536
#define FILES_MAX 65536 // no file that a worker keeps has a higher number
#define PATIENCE_US (5 * INT64_C(1000000))

int64_t sl_pool_patience_us(const struct sl_pool *pool)
{
    return pool->options.patience_us ? pool->options.patience_us : PATIENCE_US;
}

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
static void wait_for_end(pid_t pid, int64_t deadline_us, int *ret_status, struct rusage *ret_usage)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    for (;;) {
        pid_t found = wait4(pid, ret_status, WNOHANG, ret_usage);
        if (found == pid || (found < 0 && errno != EINTR))
            return;
        if (sl_clock_monotonic_us() > deadline_us)
            kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
}

// It sees that nothing more will come.
static void hang_up(struct sl_member *member)
{
    if (!member->poller)
        return;
    uv_poll_stop(member->poller);
    uv_close((uv_handle_t *)member->poller, free_handle);
    member->poller = NULL;
    close(member->fd);
}

// The seat is empty afterwards.
static void leave(struct sl_member *member, int64_t deadline_us, struct sl_death *ret_death)
{
    struct rusage usage = {0};
    int status = 0;
    hang_up(member);
    wait_for_end(member->pid, deadline_us, &status, &usage);
    if (ret_death) {
        ret_death->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        ret_death->exit_code = WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
        ret_death->peak_memory_bytes = (int64_t)usage.ru_maxrss * 1024;
        sl_last_words_take(member->words, ret_death->output);
    } else {
        sl_worker_tell_crash(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
    sl_last_words_close(&member->words);
    free(member->bytes);
    *member = (struct sl_member){.pool = member->pool, .seat = member->seat};
}

static void fail_dead(struct sl_death *death)
{
    char size[32];
    struct sl_err *err = &death->err;
    const char *peak = sl_str_size(death->peak_memory_bytes, size);
    if (!death->signal) {
        (void)sl_fail(err, SL_E_WORKER_DIED,
                      "its worker process ended with exit code %d (peak memory %s)",
                      death->exit_code, peak);
        return;
    }
    (void)sl_fail(err, SL_E_WORKER_DIED,
                  "its worker process was ended by signal %d (%s; peak memory %s)", death->signal,
                  strsignal(death->signal), peak);
    if (death->signal == SIGKILL)
        (void)sl_err_hint(err, "if nobody has killed it the kernel was out of memory: lower "
                               "engine.memory or concurrency; the next run does the step again");
}

static void fail_too_large(const struct sl_pool *pool, struct sl_death *death)
{
    char peak[32], most[32];
    (void)sl_fail(
        &death->err, SL_E_WORKER_MEMORY,
        "its worker process took %s of memory, and may take %s (engine.worker_memory): it "
        "was killed",
        sl_str_size(death->peak_memory_bytes, peak), sl_str_size(pool->most_bytes, most));
    (void)sl_err_hint(&death->err, "raise engine.worker_memory; of the engine's part: lower "
                                   "engine.memory, so that it spills earlier");
}

static void fail_killed(const struct sl_pool *pool, enum sl_kill why, struct sl_death *death)
{
    static const char *const says[] = {
        [SL_KILL_GARBLED] = "sent what is no reply, and was killed",
        [SL_KILL_STOPPED] = "was stopped and did not go on: it was killed",
        [SL_KILL_DEAF] = "did not end when it was interrupted: it was killed",
        [SL_KILL_LATE] = "did not end in time: it was killed",
        [SL_KILL_CUT_OFF] = "was killed: interrupted three times",
    };
    switch (why) {
    case SL_KILL_NONE:
        fail_dead(death);
        return;
    case SL_KILL_TOO_LARGE:
        fail_too_large(pool, death);
        return;
    case SL_KILL_GARBLED:
        (void)sl_fail(&death->err, SL_E_WORKER_DIED, "its worker process %s", says[why]);
        return;
    case SL_KILL_STOPPED:
    case SL_KILL_DEAF:
    case SL_KILL_LATE:
    case SL_KILL_CUT_OFF:
        (void)sl_fail(&death->err, SL_E_INTERRUPTED, "its worker process %s", says[why]);
        return;
    }
}

static void bury(struct sl_member *member)
{
    struct sl_pool *pool = member->pool;
    // One that sends garbage is as broken as one that crashes.
    struct sl_death death = {.is_ours = member->why_killed != SL_KILL_NONE &&
                                        member->why_killed != SL_KILL_GARBLED,
                             .jobs_before = member->jobs_before};
    bool was_busy = member->is_busy;
    enum sl_kill why = member->why_killed;
    size_t job = member->job;
    int64_t held_bytes = member->held_bytes;
    leave(member, sl_clock_monotonic_us() + sl_pool_patience_us(pool), &death);
    // The kernel counts its peak less exactly than what it holds.
    if (death.peak_memory_bytes < held_bytes)
        death.peak_memory_bytes = held_bytes;
    if (!was_busy) {
        sl_worker_tell_crash(death.signal);
        return;
    }
    pool->busy--;
    fail_killed(pool, why, &death);
    pool->options.on_reply(pool->options.owner, job, NULL, &death);
}

void sl_member_kill(struct sl_member *member, enum sl_kill why)
{
    if (!member->why_killed)
        member->why_killed = why;
    kill(member->pid, SIGKILL); // one that has ended stays as it is
}

// --- replies

static void take_reply(struct sl_member *member, const json_t *reply)
{
    struct sl_pool *pool = member->pool;
    member->is_busy = false;
    member->jobs_before++;
    member->stopped_since_us = member->interrupted_us = 0;
    member->below_bytes = member->below_us = 0;
    pool->busy--;
    sl_last_words_pass_on(member->words);
    sl_last_words_name(member->words, NULL);
    size_t job = member->job;
    if (json_is_true(json_object_get(reply, SL_LAST_REPLY))) // it ends by itself
        leave(member, sl_clock_monotonic_us() + sl_pool_patience_us(pool), NULL);
    pool->options.on_reply(pool->options.owner, job, reply, NULL);
}

// False if what was read is no message.
static bool take_messages(struct sl_member *member)
{
    size_t max_bytes = sl_worker_message_max(&member->pool->options.worker);
    uint32_t length;
    while (member->used >= sizeof length) {
        memcpy(&length, member->bytes, sizeof length);
        if (length > max_bytes)
            return false;
        size_t whole = sizeof length + length;
        if (member->used < whole)
            return true;
        json_t *reply = NULL;
        struct sl_err ignored = {0};
        if (sl_json_parse(member->bytes + sizeof length, length, "a reply", &reply, &ignored) !=
            SL_OK)
            return false;
        if (!json_is_true(json_object_get(reply, SL_REPLY))) {
            json_decref(reply);
            return false;
        }
        member->used -= whole;
        memmove(member->bytes, member->bytes + whole, member->used);
        if (member->is_busy)
            take_reply(member, reply);
        json_decref(reply);
    }
    return true;
}

static bool read_some(struct sl_member *member)
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
    struct sl_member *member = poller->data;
    (void)events;
    bool has_ended = status < 0 || !read_some(member);
    if (!has_ended && take_messages(member))
        return;
    sl_member_kill(member, has_ended ? SL_KILL_NONE : SL_KILL_GARBLED);
    bury(member);
}

// --- the start of a worker

// Of the others: as long as a worker has the end of another one, that one does not see it closed.
static void close_others(const struct sl_pool *pool)
{
    for (size_t i = 0; i < pool->options.size; i++)
        if (pool->members[i].pid) {
            close(pool->members[i].fd);
            sl_last_words_forget(pool->members[i].words);
        }
}

// A server's connections would stay open as long as a worker that happened to be forked meanwhile.
static void close_foreign(const struct sl_pool_options *options, int own)
{
    unsigned from = STDERR_FILENO + 1;
    if (!options->files)
        return;
    for (unsigned fd = from; fd < FILES_MAX; fd++) {
        bool is_kept = (int)fd == own;
        for (size_t i = 0; i < options->file_count; i++)
            is_kept |= (int)fd == options->files[i];
        if (!is_kept)
            continue;
        if (fd > from)
            (void)close_range(from, fd - 1, 0);
        from = fd + 1;
    }
    (void)close_range(from, ~0U, 0);
}

_Noreturn static void be_worker(struct sl_member *member, int fd, int stderr_fd, pid_t parent)
{
    const struct sl_pool *pool = member->pool;
    sl_worker_begin(parent);
    close_others(pool);
    sl_last_words_forget(member->words);
    (void)!dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    close_foreign(&pool->options, fd);
    int code = sl_worker_run(fd, member->seat, &pool->options.worker);
    fflush(NULL);
    _exit(code); // what is to be done at exit is the other process's
}

static int watch(struct sl_member *member, struct sl_err *err)
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

static int make_pipes(struct sl_member *member, int ret_ends[2], int *ret_stderr,
                      struct sl_err *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret_ends) != 0)
        return sl_fail_errno(err, errno, "cannot make a pair of sockets");
    if (sl_last_words_open(member->pool->options.loop, &member->words, ret_stderr, err) == SL_OK)
        return SL_OK;
    close(ret_ends[0]);
    close(ret_ends[1]);
    return err->code;
}

static int fork_worker(struct sl_member *member, struct sl_err *err)
{
    struct sl_pool *pool = member->pool;
    sigset_t all, before;
    int ends[2], stderr_fd;
    if (pool->options.before_fork)
        pool->options.before_fork(pool->options.owner);
    SL_TRY(make_pipes(member, ends, &stderr_fd, err));
    fflush(NULL);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_worker(member, ends[1], stderr_fd, parent);
    }
    int errnum = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    close(stderr_fd);
    member->fd = ends[0];
    if (pid > 0 && watch(member, err) == SL_OK) {
        member->pid = pid;
        return SL_OK;
    }
    close(ends[0]);
    sl_last_words_close(&member->words);
    if (pid < 0)
        return sl_fail_errno(err, errnum, "cannot start a worker process");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return err->code;
}

// An idle worker, else a seat that is empty or of one that was killed after its reply; NULL if all
// are at work.
static struct sl_member *find_member(const struct sl_pool *pool)
{
    struct sl_member *empty = NULL;
    for (size_t i = 0; i < pool->options.size; i++) {
        struct sl_member *member = &pool->members[i];
        if (member->is_busy)
            continue;
        if (member->pid && !member->why_killed)
            return member;
        if (!empty)
            empty = member;
    }
    return empty;
}

int sl_pool_take(struct sl_pool *pool, const struct sl_aide_worker *worker,
                 struct sl_last_words *words, struct sl_err *err)
{
    struct sl_member *member = &pool->members[0];
    member->fd = worker->fd;
    member->pid = worker->pid;
    member->words = words;
    member->seat = pool->taken = worker->seat;
    if (watch(member, err) == SL_OK)
        return SL_OK;
    kill(member->pid, SIGKILL);
    leave(member, 0, NULL);
    return err->code;
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
    atomic_store(&seat->is_draining, false);
    atomic_store(&seat->is_aborted, false);
}

// A worker that has died in its idleness is noticed here, or before by the loop.
static int hand_over(struct sl_member *member, const json_t *request, struct sl_err *err)
{
    if (member->pid && member->why_killed)
        bury(member);
    if (!member->pid)
        SL_TRY(fork_worker(member, err));
    reset_seat(member->seat);
    size_t max_bytes = sl_worker_message_max(&member->pool->options.worker);
    if (sl_message_send(member->fd, request, max_bytes, err) == SL_OK)
        return SL_OK;
    sl_member_kill(member, SL_KILL_NONE);
    bury(member);
    return err->code;
}

int sl_pool_start(struct sl_pool *pool, size_t job, const json_t *request,
                  const struct sl_seat **ret, struct sl_err *err)
{
    struct sl_member *member = find_member(pool);
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

void sl_pool_name_job(struct sl_pool *pool, size_t job, json_t *fields)
{
    for (size_t i = 0; i < pool->options.size; i++)
        if (pool->members[i].is_busy && pool->members[i].job == job && pool->members[i].words)
            sl_last_words_name(pool->members[i].words, fields);
}

void sl_pool_close(struct sl_pool **pool)
{
    struct sl_pool *old = *pool;
    if (!old)
        return;
    int64_t deadline_us = sl_clock_monotonic_us() + sl_pool_patience_us(old);
    for (size_t i = 0; old->members && i < old->options.size; i++) {
        if (old->members[i].is_busy)
            kill(old->members[i].pid, SIGKILL);
        if (old->members[i].pid)
            hang_up(&old->members[i]);
    }
    for (size_t i = 0; old->members && i < old->options.size; i++)
        if (old->members[i].pid)
            leave(&old->members[i], deadline_us, NULL);
    if (old->seats)
        munmap(old->seats, old->options.size * sizeof *old->seats);
    if (old->taken)
        munmap(old->taken, sizeof *old->taken);
    free(old->members);
    free(old);
    *pool = NULL;
}
