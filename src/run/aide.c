// This end of an aide: its life, and how it is asked.
#include "base/clock.h"
#include "base/fields.h"
#include "base/log.h"
#include "run/aide_inner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (5 * INT64_C(1000000))
#define TICK_MS 50

bool sl_is_aide(const struct sl_engine *engine)
{
    return engine && engine->kind == &sl_aide_kind;
}

// --- its life

static void wait_for_end(pid_t pid, int *ret_status)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    int64_t deadline_us = sl_clock_monotonic_us() + PATIENCE_US;
    for (;;) {
        pid_t found = waitpid(pid, ret_status, WNOHANG);
        if (found == pid || (found < 0 && errno != EINTR))
            return;
        if (sl_clock_monotonic_us() > deadline_us)
            kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
}

void sl_aide_close(struct sl_engine *engine)
{
    struct sl_aide *aide = (struct sl_aide *)engine;
    int status = 0;
    if (aide->fd >= 0)
        close(aide->fd);
    if (aide->pid)
        wait_for_end(aide->pid, &status);
    sl_worker_tell_crash(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    if (aide->seat)
        munmap(aide->seat, sizeof *aide->seat);
    pthread_mutex_destroy(&aide->lock);
    sl_buf_clear(&aide->told);
    free(aide->there);
    free(aide);
}

// What was open here is nothing to it, and a socket of a worker would keep that from seeing its
// end.
static void close_others(int fd)
{
    (void)close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
    (void)close_range((unsigned)fd + 1, ~0U, 0);
}

static int fork_aide(struct sl_aide *aide, struct sl_err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return sl_fail_errno(err, errno, "cannot make a pair of sockets");
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        close_others(ends[1]);
        sl_worker_begin(parent);
        sl_aide_serve(ends[1], aide->seat, aide->world);
    }
    int errnum = errno;
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return sl_fail_errno(err, errnum, "cannot start a process for the engine");
    }
    aide->fd = ends[0];
    aide->pid = pid;
    return SL_OK;
}

int sl_aide_open(struct sl_world *world, struct sl_engine **ret, struct sl_err *err)
{
    struct sl_aide *aide = calloc(1, sizeof *aide);
    SL_TRY_NEW(aide, err);
    aide->base.kind = &sl_aide_kind;
    aide->world = world;
    sl_buf_init(&aide->told);
    aide->fd = -1;
    pthread_mutex_init(&aide->lock, NULL);
    void *seat =
        mmap(NULL, sizeof *aide->seat, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int code = seat == MAP_FAILED
                   ? sl_fail_errno(err, errno, "cannot map memory to share with a process")
                   : SL_OK;
    if (code == SL_OK) {
        aide->seat = seat;
        code = fork_aide(aide, err);
    }
    if (code != SL_OK) {
        sl_aide_close(&aide->base);
        return code;
    }
    *ret = &aide->base;
    return SL_OK;
}

static int fail_dead(struct sl_aide *aide, struct sl_err *err)
{
    int status = 0;
    if (!aide->pid)
        return sl_fail(err, SL_E_WORKER_DIED, "the engine's process has ended before");
    kill(aide->pid, SIGKILL); // one that has ended stays as it is
    wait_for_end(aide->pid, &status);
    aide->pid = 0;
    if (WIFSIGNALED(status))
        return sl_fail(err, SL_E_WORKER_DIED, "the engine's process was ended by signal %d (%s)",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
    return sl_fail(err, SL_E_WORKER_DIED, "the engine's process ended with exit code %d",
                   WEXITSTATUS(status));
}

// A reply begins with its error, whole.
static int read_err(struct sl_wire *from, struct sl_err *err)
{
    size_t length;
    const char *told = sl_wire_bytes(from, &length);
    struct sl_err found = {0};
    if (!told || length != sizeof found)
        return sl_fail(err, SL_E_INTERNAL, "a reply without its end");
    memcpy(&found, told, sizeof found);
    if (found.code != SL_OK && err)
        *err = found;
    return (int)found.code;
}

static bool is_connect(const struct sl_buf *request)
{
    int64_t number;
    memcpy(&number, request->text, sizeof number);
    return number == SL_AIDE_CONNECT;
}

static int pass_on(struct sl_aide *aide, size_t session, struct sl_buf *request,
                   struct sl_arena *arena, struct sl_wire *ret, struct sl_err *err)
{
    SL_TRY(sl_buf_check(request, err));
    memcpy(request->text + sizeof(int64_t), &aide->there[session], sizeof(int64_t));
    if (!aide->pid || !sl_wire_send(aide->fd, request) || !sl_wire_receive(aide->fd, arena, ret))
        return fail_dead(aide, err);
    SL_TRY(read_err(ret, err));
    if (is_connect(request))
        aide->there[session] = sl_wire_number(ret);
    return SL_OK;
}

// --- another one

// What a session was told and what changed something there, for one that knows nothing of it.
static void remember(struct sl_aide *aide, size_t session, const struct sl_buf *request)
{
    int64_t number;
    memcpy(&number, request->text, sizeof number);
    switch ((enum sl_aide_request)number) {
    case SL_AIDE_CONNECT:
    case SL_AIDE_DISCONNECT:
    case SL_AIDE_EXEC:
    case SL_AIDE_HURRY:
    case SL_AIDE_CREATE_VIEW:
    case SL_AIDE_EXTEND:
    case SL_AIDE_ATTACH:
    case SL_AIDE_DETACH:
        break;
    case SL_AIDE_QUERY:
    case SL_AIDE_DESCRIBE:
    case SL_AIDE_SCAN_SQL:
    case SL_AIDE_STAGE:
    case SL_AIDE_HAS_TABLE:
    case SL_AIDE_PARSE:
    case SL_AIDE_FORESEE:
    case SL_AIDE_ADOPT:
        return;
    }
    sl_wire_put_number(&aide->told, (int64_t)session);
    sl_wire_put_bytes(&aide->told, request->text, request->length);
}

static int tell_again(struct sl_aide *aide, struct sl_err *err)
{
    struct sl_wire told = {aide->told.text, aide->told.text + aide->told.length};
    while (told.at < told.end) {
        SL_AUTO(sl_buf_clear) struct sl_buf request = SL_BUF_INIT;
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_wire reply;
        size_t session = (size_t)sl_wire_number(&told), length;
        const char *bytes = sl_wire_bytes(&told, &length);
        sl_arena_init(&arena, 0);
        sl_buf_add_bytes(&request, bytes, length);
        SL_TRY(pass_on(aide, session, &request, &arena, &reply, err));
    }
    return SL_OK;
}

// It is asked by one thread, before the run has any worker: as good a time as the first was.
static int begin_again(struct sl_aide *aide, const struct sl_err *why, struct sl_err *err)
{
    sl_log(SL_LOG_WARN, NULL, "%s: another one is started", why->message);
    aide->is_second = true;
    SL_TRY(sl_buf_check(&aide->told, err));
    close(aide->fd);
    aide->fd = -1;
    SL_TRY(fork_aide(aide, err));
    return tell_again(aide, err);
}

static int ask_locked(struct sl_aide *aide, size_t session, struct sl_buf *request,
                      struct sl_arena *arena, struct sl_wire *ret, struct sl_err *err)
{
    struct sl_err why = {0};
    bool was_there = aide->pid != 0;
    int code = pass_on(aide, session, request, arena, ret, &why);
    bool has_died = was_there && !aide->pid;
    int64_t number;
    memcpy(&number, request->text, sizeof number);
    if (has_died && !aide->is_second && number != SL_AIDE_DISCONNECT) {
        struct sl_err ignored = {0};
        if (begin_again(aide, &why, &ignored) == SL_OK) {
            sl_err_clear(&why);
            code = pass_on(aide, session, request, arena, ret, &why);
        }
    }
    if (code == SL_OK)
        remember(aide, session, request);
    else if (err)
        *err = why;
    return code;
}

static int count_session(struct sl_aide *aide, struct sl_aide_session *session, struct sl_err *err)
{
    if (aide->session_count == aide->session_room) {
        size_t room = aide->session_room * 2 + 16;
        int64_t *there = realloc(aide->there, room * sizeof *there);
        SL_TRY_NEW(there, err);
        aide->there = there;
        aide->session_room = room;
    }
    session->number = aide->session_count++;
    aide->there[session->number] = 0;
    return SL_OK;
}

int sl_aide_ask(struct sl_aide_session *session, struct sl_buf *request, struct sl_arena *arena,
                struct sl_wire *ret, struct sl_err *err)
{
    struct sl_aide *aide = (struct sl_aide *)session->base.engine;
    SL_TRY(sl_buf_check(request, err));
    pthread_mutex_lock(&aide->lock);
    int code = is_connect(request) ? count_session(aide, session, err) : SL_OK;
    if (code == SL_OK)
        code = ask_locked(aide, session->number, request, arena, ret, err);
    pthread_mutex_unlock(&aide->lock);
    return code;
}

// --- the worker that it becomes

static bool is_at_rest(pid_t pid)
{
    siginfo_t found = {0};
    return waitid(P_PID, (id_t)pid, &found, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           found.si_pid == pid;
}

// False: whoever asks has no more time for it, or it was stopped (SIGSTOP) for too long.
static bool wait_for_reply(const struct sl_aide *aide, const struct sl_aide_adoption *adoption)
{
    struct pollfd end = {.fd = aide->fd, .events = POLLIN};
    int64_t at_rest_since_us = 0;
    while (poll(&end, 1, TICK_MS) <= 0) {
        int64_t now_us = sl_clock_monotonic_us();
        if (!is_at_rest(aide->pid))
            at_rest_since_us = 0;
        else if (!at_rest_since_us)
            at_rest_since_us = now_us;
        if ((at_rest_since_us && now_us - at_rest_since_us > PATIENCE_US) ||
            !adoption->goes_on(adoption->owner))
            return false;
    }
    return true;
}

static int ask_to_join(struct sl_aide *aide, const struct sl_aide_adoption *adoption,
                       struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf request = SL_BUF_INIT;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_wire reply;
    sl_arena_init(&arena, 0);
    sl_wire_put_number(&request, SL_AIDE_ADOPT);
    if (!aide->pid || !sl_wire_send(aide->fd, &request) || !wait_for_reply(aide, adoption) ||
        !sl_wire_receive(aide->fd, &arena, &reply))
        return fail_dead(aide, err);
    SL_TRY(read_err(&reply, err));
    return sl_wire_send_files(aide->fd, adoption->files) ? SL_OK : fail_dead(aide, err);
}

int sl_aide_adopt(struct sl_engine **engine, const struct sl_aide_adoption *adoption,
                  struct sl_aide_worker *ret, struct sl_err *err)
{
    struct sl_aide *aide = (struct sl_aide *)*engine;
    *engine = NULL;
    int code = ask_to_join(aide, adoption, err);
    if (code == SL_OK) {
        *ret = (struct sl_aide_worker){aide->pid, aide->fd, aide->seat};
        aide->pid = 0;
        aide->fd = -1;
        aide->seat = NULL;
    }
    sl_aide_close(&aide->base);
    return code;
}
