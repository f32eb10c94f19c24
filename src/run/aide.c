// This end of an aide: its sessions pass on what they are asked.
#include "run/aide.h"

#include "api/kinds.h"
#include "api/result.h"
#include "base/clock.h"
#include "run/aide_wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (5 * INT64_C(1000000))

struct aide {
    struct sl_engine base;
    pthread_mutex_t lock; // one request at a time
    pid_t pid;            // 0: it has ended, or is another's
    int fd;
    struct sl_seat *seat;
};
struct far_session {
    struct sl_session base;
    int64_t there; // its address in the aide
};

static const struct sl_engine_kind kind;

bool sl_is_aide(const struct sl_engine *engine)
{
    return engine && engine->kind == &kind;
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

static void aide_close(struct sl_engine *engine)
{
    struct aide *aide = (struct aide *)engine;
    int status;
    if (aide->fd >= 0)
        close(aide->fd);
    if (aide->pid)
        wait_for_end(aide->pid, &status);
    if (aide->seat)
        munmap(aide->seat, sizeof *aide->seat);
    pthread_mutex_destroy(&aide->lock);
    free(aide);
}

// What was open here is nothing to it, and a socket of a worker would keep that from seeing its
// end.
static void close_others(int fd)
{
    (void)close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
    (void)close_range((unsigned)fd + 1, ~0U, 0);
}

static int fork_aide(struct aide *aide, struct sl_world *world, struct sl_err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return sl_fail_errno(err, errno, "cannot make a pair of sockets");
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        close_others(ends[1]);
        sl_worker_begin(parent);
        sl_aide_serve(ends[1], aide->seat, world);
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
    struct aide *aide = calloc(1, sizeof *aide);
    SL_TRY_NEW(aide, err);
    aide->base.kind = &kind;
    aide->fd = -1;
    pthread_mutex_init(&aide->lock, NULL);
    void *seat =
        mmap(NULL, sizeof *aide->seat, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int code = seat == MAP_FAILED
                   ? sl_fail_errno(err, errno, "cannot map memory to share with a process")
                   : SL_OK;
    if (code == SL_OK) {
        aide->seat = seat;
        code = fork_aide(aide, world, err);
    }
    if (code != SL_OK) {
        aide_close(&aide->base);
        return code;
    }
    *ret = &aide->base;
    return SL_OK;
}

static int fail_dead(struct aide *aide, struct sl_err *err)
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

// A reply begins with its error, whole. What follows is in *ret.
static int ask(struct aide *aide, const struct sl_buf *request, struct sl_arena *arena,
               struct sl_wire *ret, struct sl_err *err)
{
    pthread_mutex_lock(&aide->lock);
    bool is_there =
        aide->pid && sl_wire_send(aide->fd, request) && sl_wire_receive(aide->fd, arena, ret);
    int code = is_there ? SL_OK : fail_dead(aide, err);
    pthread_mutex_unlock(&aide->lock);
    SL_TRY(code);
    size_t length;
    const char *told = sl_wire_bytes(ret, &length);
    struct sl_err found = {0};
    if (!told || length != sizeof found)
        return sl_fail(err, SL_E_INTERNAL, "a reply without its end");
    memcpy(&found, told, sizeof found);
    if (found.code != SL_OK && err)
        *err = found;
    return (int)found.code;
}

// --- sessions

// A question: its texts, and what comes back in an arena of its own.
struct question {
    struct sl_buf request;
    struct sl_arena arena;
    struct sl_wire reply;
};

static void question_clear(struct question *question)
{
    sl_buf_clear(&question->request);
    sl_arena_clear(&question->arena);
}

static void begin(struct question *question, enum sl_aide_request request,
                  const struct sl_session *session)
{
    sl_buf_init(&question->request);
    sl_arena_init(&question->arena, 0);
    sl_wire_put_number(&question->request, request);
    sl_wire_put_number(&question->request, ((const struct far_session *)session)->there);
}

static int put_to(struct question *question, struct sl_session *session, struct sl_err *err)
{
    return ask((struct aide *)session->engine, &question->request, &question->arena,
               &question->reply, err);
}

static int far_connect(struct sl_engine *engine, struct sl_session **ret, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    struct far_session *session = calloc(1, sizeof *session);
    SL_TRY_NEW(session, err);
    session->base = (struct sl_session){.kind = &kind, .engine = engine};
    begin(&question, SL_AIDE_CONNECT, &session->base);
    if (put_to(&question, &session->base, err) != SL_OK) {
        free(session);
        return err ? (int)err->code : SL_E_ENGINE;
    }
    session->there = sl_wire_number(&question.reply);
    *ret = &session->base;
    return SL_OK;
}

static void far_disconnect(struct sl_session *session)
{
    SL_AUTO(question_clear) struct question question = {0};
    struct sl_err ignored = {0};
    begin(&question, SL_AIDE_DISCONNECT, session);
    (void)!put_to(&question, session, &ignored);
    free(session);
}

// A request of nothing but texts, answered with a number.
static int ask_texts(struct sl_session *session, enum sl_aide_request request,
                     const char *const texts[3], int64_t *ret, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    begin(&question, request, session);
    for (size_t i = 0; i < 3; i++)
        sl_wire_put_text(&question.request, texts[i]);
    SL_TRY(put_to(&question, session, err));
    if (ret)
        *ret = sl_wire_number(&question.reply);
    return SL_OK;
}

static int far_exec(struct sl_session *session, const char *sql, int64_t *affected,
                    struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_EXEC, (const char *const[3]){sql}, affected, err);
}

static int far_extend(struct sl_session *session, const char *name, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_EXTEND, (const char *const[3]){name}, NULL, err);
}

static int far_attach(struct sl_session *session, const char *path, const char *type,
                      const char *name, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_ATTACH, (const char *const[3]){path, type, name}, NULL, err);
}

static int far_detach(struct sl_session *session, const char *name, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_DETACH, (const char *const[3]){name}, NULL, err);
}

static int far_has_table(struct sl_session *session, const char *catalogue, const char *name,
                         bool *ret, struct sl_err *err)
{
    int64_t has_table = 0;
    SL_TRY(ask_texts(session, SL_AIDE_HAS_TABLE, (const char *const[3]){catalogue, name},
                     &has_table, err));
    *ret = has_table != 0;
    return SL_OK;
}

static int far_create_view(struct sl_session *session, const char *schema, const char *name,
                           const char *sql, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_CREATE_VIEW, (const char *const[3]){schema, name, sql}, NULL,
                     err);
}

static int far_hurry(struct sl_session *session, bool is_on, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_HURRY, (const char *const[3]){is_on ? "on" : NULL}, NULL,
                     err);
}

static int read_result(struct sl_wire *from, struct sl_result *result, struct sl_err *err)
{
    int64_t columns = sl_wire_number(from);
    for (int64_t i = 0; i < columns; i++) {
        const char *name = sl_wire_text(from), *type = sl_wire_text(from);
        if (!name || !type)
            return sl_fail(err, SL_E_INTERNAL, "a reply without its end");
        SL_TRY(sl_result_add_column(result, name, type, err));
    }
    while (columns && from->at < from->end) {
        size_t length;
        const char *text = sl_wire_bytes(from, &length);
        SL_TRY(sl_result_add_cell(result, text, length, err));
    }
    return SL_OK;
}

static int far_query(struct sl_session *session, const char *sql, int64_t max_rows,
                     struct sl_result **ret, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    begin(&question, SL_AIDE_QUERY, session);
    sl_wire_put_text(&question.request, sql);
    sl_wire_put_number(&question.request, max_rows);
    SL_TRY(put_to(&question, session, err));
    SL_TRY(sl_result_new(0, &result, err));
    SL_TRY(read_result(&question.reply, result, err));
    *ret = result;
    result = NULL;
    return SL_OK;
}

static int ask_columns(struct sl_session *session, enum sl_aide_request request, const char *text,
                       struct sl_arena *arena, struct sl_relation *ret, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    begin(&question, request, session);
    sl_wire_put_text(&question.request, text);
    SL_TRY(put_to(&question, session, err));
    ret->count = (size_t)sl_wire_number(&question.reply);
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, ret->count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < ret->count; i++) {
        columns[i].name = sl_arena_strdup(arena, sl_wire_text(&question.reply));
        columns[i].type = sl_arena_strdup(arena, sl_wire_text(&question.reply));
        SL_TRY_NEW(columns[i].name, err);
        SL_TRY_NEW(columns[i].type, err);
    }
    ret->columns = columns;
    return SL_OK;
}

static int far_describe(struct sl_session *session, const char *sql, struct sl_arena *arena,
                        struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_relation found = {0};
    SL_TRY(ask_columns(session, SL_AIDE_DESCRIBE, sql, arena, &found, err));
    *ret = (struct sl_column *)found.columns;
    *ret_count = found.count;
    return SL_OK;
}

int sl_aide_foresee(struct sl_session *session, const char *source, struct sl_arena *arena,
                    struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_relation found = {0};
    SL_TRY(ask_columns(session, SL_AIDE_FORESEE, source, arena, &found, err));
    *ret = (struct sl_column *)found.columns;
    *ret_count = found.count;
    return SL_OK;
}

static int far_scan_sql(struct sl_session *session, const struct sl_scan *scan, struct sl_buf *sql,
                        struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    begin(&question, SL_AIDE_SCAN_SQL, session);
    struct sl_buf *request = &question.request;
    sl_wire_put_number(request, (int64_t)scan->column_count);
    sl_wire_put_number(request, (int64_t)scan->partition_count);
    sl_wire_put_number(request, (int64_t)scan->file_count);
    sl_wire_put_number(request, scan->row_count);
    sl_wire_put_number(request, scan->with_origin);
    for (size_t i = 0; i < scan->column_count; i++) {
        sl_wire_put_text(request, scan->columns[i].name);
        sl_wire_put_text(request, scan->columns[i].type);
    }
    for (size_t i = 0; i < scan->partition_count; i++)
        sl_wire_put_text(request, scan->partition_columns[i]);
    for (size_t i = 0; i < scan->file_count; i++) {
        sl_wire_put_text(request, scan->files[i].path);
        for (size_t k = 0; k < scan->partition_count; k++)
            sl_wire_put_text(request, scan->files[i].partition[k]);
    }
    SL_TRY(put_to(&question, session, err));
    size_t length;
    const char *text = sl_wire_bytes(&question.reply, &length);
    if (text)
        sl_buf_add_bytes(sql, text, length);
    return sl_buf_check(sql, err);
}

// The trees are the largest thing that is ever asked for: they stay where they were received.
static int far_parse(struct sl_session *session, const char *const *sql, size_t count,
                     struct sl_arena *arena, const char **ret_json, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    struct sl_wire reply;
    begin(&question, SL_AIDE_PARSE, session);
    sl_wire_put_number(&question.request, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        sl_wire_put_text(&question.request, sql[i]);
    SL_TRY(ask((struct aide *)session->engine, &question.request, arena, &reply, err));
    for (size_t i = 0; i < count; i++) {
        ret_json[i] = sl_wire_text(&reply);
        if (!ret_json[i])
            return sl_fail(err, SL_E_INTERNAL, "a reply without its end");
    }
    return SL_OK;
}

// --- what needs no engine, and what is not done there

static size_t far_sql_length(const char *sql)
{
    return sl_kinds.engines[0]->sql_length(sql);
}

static int64_t far_memory(int64_t asked_bytes)
{
    return sl_kinds.engines[0]->memory(asked_bytes);
}

// It has the machine to itself as long as no step is at work.
static int far_share(struct sl_engine *engine, int parts, struct sl_err *err)
{
    (void)engine;
    (void)parts;
    (void)err;
    return SL_OK;
}

static int far_stage(struct sl_session *session, const char *sql,
                     const struct sl_stage_options *options, struct sl_arena *arena,
                     struct sl_staged *ret, struct sl_err *err)
{
    (void)session;
    (void)sql;
    (void)options;
    (void)arena;
    (void)ret;
    return sl_fail(err, SL_E_INTERNAL, "files are staged by steps only");
}

static void far_interrupt(struct sl_session *session)
{
    (void)session;
}

static double far_progress(struct sl_session *session, uint64_t *ret_rows)
{
    (void)session;
    *ret_rows = 0;
    return -1;
}

static const struct sl_engine_kind kind = {
    .name = "aide",
    .summary = "The engine in a process of its own.",
    .version = "",
    .close = aide_close,
    .share = far_share,
    .memory = far_memory,
    .connect = far_connect,
    .disconnect = far_disconnect,
    .exec = far_exec,
    .query = far_query,
    .describe = far_describe,
    .hurry = far_hurry,
    .sql_length = far_sql_length,
    .scan_sql = far_scan_sql,
    .create_view = far_create_view,
    .stage = far_stage,
    .extend = far_extend,
    .attach = far_attach,
    .detach = far_detach,
    .has_table = far_has_table,
    .interrupt = far_interrupt,
    .progress = far_progress,
    .parse = far_parse,
};

// --- the worker that it becomes

static void put_run(struct sl_buf *request, const struct sl_run *run,
                    const struct sl_run_options *options)
{
    size_t count = options->may_break ? options->may_break->count : 0;
    sl_wire_put_number(request, SL_AIDE_ADOPT);
    sl_wire_put_text(request, run->id);
    sl_wire_put_number(request, run->started_us);
    sl_wire_put_number(request, (int64_t)run->world->graph.count);
    sl_wire_put_number(request, options->full_refresh);
    sl_wire_put_number(request, options->loses_history);
    sl_wire_put_number(request, options->refuses_leaks);
    sl_wire_put_number(request, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        sl_wire_put_text(request, options->may_break->items[i]);
}

int sl_aide_adopt(struct sl_engine **engine, const struct sl_run *run,
                  const struct sl_run_options *options, const int files[2],
                  struct sl_aide_worker *ret, struct sl_err *err)
{
    struct aide *aide = (struct aide *)*engine;
    SL_AUTO(sl_buf_clear) struct sl_buf request = SL_BUF_INIT;
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_wire reply;
    sl_arena_init(&arena, 0);
    *engine = NULL;
    put_run(&request, run, options);
    int code = ask(aide, &request, &arena, &reply, err);
    if (code == SL_OK && !sl_wire_send_files(aide->fd, files))
        code = fail_dead(aide, err);
    if (code == SL_OK) {
        *ret = (struct sl_aide_worker){aide->pid, aide->fd, aide->seat};
        aide->pid = 0;
        aide->fd = -1;
        aide->seat = NULL;
    }
    aide_close(&aide->base);
    return code;
}
