#include "serve/child.h"

#include "base/fs.h"
#include "base/log.h"
#include "serve/routes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_AT_WORK = 4, MOST_WAITING = 8, CHILD_S = 120, KILL_MS = 5000, PIECE = 65536 };
enum { MOST_FOLLOWED = 32 };
#define MOST_ANSWER_BYTES ((size_t)256 << 20)
#define STREAM_BYTES ((size_t)256 << 10) // from then on a stream, of which as much is kept

struct sl_child {
    struct sl_child *next; // of those that wait, or that are at work
    struct sl_children *children;
    struct sl_request *request; // NULL: nobody listens any more
    struct sl_arena arena;
    char **words;
    struct sl_buf text;
    size_t taken;            // bytes of text that a stream has passed on
    bool is_stream, is_held; // held: no more is read until some is taken
    bool is_long, is_followed;
    int files[SL_ROUTE_FILES]; // what it is given as files
    size_t file_count;
    uv_process_t process;
    uv_pipe_t pipe;
    uv_timer_t timer;
    int open_handles;
    bool has_process, has_ended, is_at_end, was_late;
    int64_t exit_code;
    int signal;
};

struct sl_children {
    uv_loop_t *loop;
    const char *program, *folder, *environment;
    struct sl_strs overrides;
    struct sl_arena arena;
    size_t most, at_work; // without those that are followed
    size_t long_at_work, followed;
    int64_t limit_ms;
    struct sl_child *working, *waiting;
    bool is_closing;
    void (*on_closed)(void *self);
    void *self;
};

int sl_children_open(uv_loop_t *loop, const struct sl_http_options *options,
                     struct sl_children **ret, struct sl_err *err)
{
    struct sl_children *children = calloc(1, sizeof *children);

    SL_TRY_NEW(children, err);
    sl_arena_init(&children->arena, 0);
    children->loop = loop;
    children->most = options->most_children ? options->most_children : MOST_AT_WORK;
    children->limit_ms = (options->child_s ? options->child_s : CHILD_S) * 1000;
    children->program =
        sl_arena_strdup(&children->arena, options->program ? options->program : "/proc/self/exe");
    children->folder = sl_arena_strdup(&children->arena, options->folder);
    children->environment = sl_arena_strdup(&children->arena, options->environment);
    bool is_whole = children->program && (children->folder || !options->folder) &&
                    (children->environment || !options->environment);
    for (size_t i = 0; is_whole && i < options->overrides.count; i++) {
        const char *copy = sl_arena_strdup(&children->arena, options->overrides.items[i]);
        is_whole = copy && sl_strs_add(&children->overrides, &children->arena, copy, err) == SL_OK;
    }
    if (!is_whole) {
        sl_arena_clear(&children->arena);
        free(children);
        return sl_fail_memory(err);
    }
    *ret = children;
    return SL_OK;
}

static void free_children(struct sl_children *children)
{
    void (*on_closed)(void *self) = children->on_closed;
    void *self = children->self;

    sl_arena_clear(&children->arena);
    free(children);
    if (on_closed)
        on_closed(self);
}

static void free_child(struct sl_child *child)
{
    for (size_t i = 0; i < child->file_count; i++)
        sl_fd_close(&child->files[i]);
    sl_buf_clear(&child->text);
    sl_arena_clear(&child->arena);
    free(child);
}

static void unlink_child(struct sl_child **list, const struct sl_child *child)
{
    while (*list && *list != child)
        list = &(*list)->next;
    if (*list)
        *list = child->next;
}

// --- what it is given as files

static int make_file(struct sl_child *child, const char *text, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int fd = memfd_create("sluice-request", MFD_CLOEXEC);
    size_t length = strlen(text);

    if (fd < 0)
        return sl_fail_errno(err, errno, "cannot keep what was sent");
    for (size_t done = 0; done < length;) {
        ssize_t written = write(fd, text + done, length - done);
        if (written < 0)
            return sl_fail_errno(err, errno, "cannot keep what was sent");
        done += (size_t)written;
    }
    if (lseek(fd, 0, SEEK_SET) != 0)
        return sl_fail_errno(err, errno, "cannot keep what was sent");
    child->files[child->file_count++] = fd;
    fd = -1;
    return SL_OK;
}

static int make_files(struct sl_child *child, struct sl_request *request, struct sl_err *err)
{
    const struct sl_route_value *value = request->route->values;

    for (; value && value->name && child->file_count < SL_ROUTE_FILES; value++) {
        const json_t *member = json_object_get(request->json, value->name);
        if (!sl_route_is_file(value) || !member)
            continue;
        char *text = json_is_string(member) ? strdup(json_string_value(member))
                                            : json_dumps(member, JSON_COMPACT);
        int code = text ? make_file(child, text, err) : sl_fail_memory(err);
        free(text);
        SL_TRY(code);
    }
    return SL_OK;
}

// --- its life

static int prepare(struct sl_child *child, struct sl_request *request, struct sl_err *err)
{
    struct sl_children *children = child->children;
    struct sl_arena *arena = &child->arena;
    struct sl_strs own;
    size_t count = 0;

    SL_TRY(make_files(child, request, err));
    SL_TRY(sl_child_words(request, &own, err));
    child->words = SL_NEW_ARRAY(arena, char *, own.count + children->overrides.count + 3);
    SL_TRY_NEW(child->words, err);
    child->words[count++] = sl_arena_strdup(arena, "sluice");
    if (children->environment)
        child->words[count++] = sl_arena_printf(arena, "--env=%s", children->environment);
    for (size_t i = 0; i < children->overrides.count; i++)
        child->words[count++] = sl_arena_printf(arena, "--set=%s", children->overrides.items[i]);
    for (size_t i = 0; i < own.count; i++)
        child->words[count++] = sl_arena_strdup(arena, own.items[i]);
    for (size_t i = 0; i < count; i++)
        SL_TRY_NEW(child->words[i], err);
    return SL_OK;
}

static int fail_of_code(const struct sl_child *child)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    struct sl_err err = {0}, ignored = {0};

    if (sl_json_parse(child->text.text, child->text.length, "an answer", &root, &ignored) ==
            SL_OK &&
        !json_object_get(root, "error"))
        return 422; // what was asked for does not hold, and the document says why
    if (root)
        err.code = sl_code_find(sl_json_text(json_object_get(root, "error"), "code", ""));
    if (err.code == SL_E_FILE_MISSING && (child->request->route->flags & SL_ROUTE_FINDS))
        return 404;
    return err.code == SL_OK ? 500 : sl_answer_status(&err);
}

// Of the exit codes that README.md documents.
static int status_of(const struct sl_child *child)
{
    switch (child->exit_code) {
    case 0: // where the service might have done it, this is what it would do
        return child->request->route->handle ? 200 : child->request->route->status;
    case 1:
        return fail_of_code(child);
    case 3:
    case 4:
    case 5:
        return 422; // understood, and done as far as it could be: the document says why
    case 6:
        return 409;
    default:
        return 500;
    }
}

// What was sent as a file is told by its name in the request.
static void name_files(struct sl_child *child)
{
    const struct sl_request *request = child->request;
    int fd = 3;

    for (const struct sl_route_value *at = request->route->values; at && at->name; at++) {
        SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
        char path[32];
        if (!sl_route_is_file(at) || !json_object_get(request->json, at->name))
            continue;
        int length = snprintf(path, sizeof path, "/dev/fd/%d", fd++);
        const char *from = child->text.text, *found;
        for (; from && (found = strstr(from, path)); from = found + length)
            sl_buf_addf(&text, "%.*s%s", (int)(found - from), from, at->name);
        if (from == child->text.text || !from)
            continue;
        sl_buf_add(&text, from);
        if (text.has_failed)
            return;
        sl_buf_reset(&child->text);
        sl_buf_add(&child->text, text.text);
    }
}

// Lines of JSON may be none.
static bool is_empty_list(const struct sl_child *child)
{
    return child->exit_code == 0 && strchr(child->request->route->answers, '/');
}

static void tell(struct sl_child *child)
{
    struct sl_request *request = child->request;
    struct sl_err err = {0};

    if (child->was_late) {
        (void)sl_fail(&err, SL_E_SERVE_BUSY, "the answer took longer than %lld s",
                      (long long)(child->children->limit_ms / 1000));
        sl_answer_error(request, 504, &err);
    } else if (child->text.has_failed) {
        (void)sl_fail(&err, SL_E_SERVE_REQUEST, "the answer is larger than %zu MiB",
                      MOST_ANSWER_BYTES >> 20);
        (void)sl_err_hint(&err, "ask for less, with `limit`");
        sl_answer_error(request, 413, &err);
    } else if (child->signal || (child->text.length == 0 && !is_empty_list(child))) {
        (void)sl_fail(&err, SL_E_INTERNAL, "`sluice %s` gave no answer: it ended with %s %lld",
                      request->route->command[0], child->signal ? "signal" : "exit code",
                      child->signal ? (long long)child->signal : (long long)child->exit_code);
        sl_answer_error(request, 500, &err);
    } else {
        if (child->exit_code != 0)
            name_files(child);
        request->answer.status = status_of(child);
        request->answer.type = child->exit_code == 0 && strchr(request->route->answers, '/')
                                   ? request->route->answers
                                   : "application/json";
        sl_buf_clear(&request->answer.text);
        request->answer.text = child->text;
        sl_buf_init(&child->text);
    }
}

// Of a command that was only asked whether something can be done.
static void go_on_after(struct sl_request *request)
{
    struct sl_err err = {0};

    if (!request->after_command || request->answer.status >= 400)
        return;
    sl_buf_reset(&request->answer.text);
    if (request->after_command(request, &err) != SL_OK)
        sl_answer_error(request, 0, &err);
}

static void start_next(struct sl_children *children);

static void on_handle_closed(uv_handle_t *handle)
{
    struct sl_child *child = handle->data;
    struct sl_children *children = child->children;

    if (--child->open_handles > 0)
        return;
    unlink_child(&children->working, child);
    if (child->is_followed)
        children->followed--;
    else
        children->at_work--;
    children->long_at_work -= child->is_long;
    free_child(child);
    if (!children->is_closing)
        start_next(children);
    else if (!children->working)
        free_children(children);
}

// Answers, and gives its place to the next one.
static void end(struct sl_child *child)
{
    if (child->request) {
        struct sl_request *request = child->request;

        if (!child->is_stream)
            tell(child);
        child->request = NULL;
        request->child = NULL;
        go_on_after(request);
        request->on_answer(request->of);
    }
    if (child->has_process)
        uv_close((uv_handle_t *)&child->process, on_handle_closed);
    uv_close((uv_handle_t *)&child->pipe, on_handle_closed);
    uv_close((uv_handle_t *)&child->timer, on_handle_closed);
}

// A stream is over when all of it was taken.
static void end_if_over(struct sl_child *child)
{
    if (!child->has_ended || !child->is_at_end)
        return;
    if (child->is_stream && child->request)
        child->request->on_answer(child->request->of);
    else
        end(child);
}

static void on_late(uv_timer_t *timer);

static void on_end(uv_process_t *process, int64_t exit_code, int signal_number)
{
    struct sl_child *child = process->data;

    child->exit_code = exit_code;
    child->signal = signal_number;
    child->has_ended = true;
    if (!child->is_at_end && !uv_is_active((uv_handle_t *)&child->timer))
        (void)uv_timer_start(&child->timer, on_late, KILL_MS, 0);
    end_if_over(child);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    struct sl_child *child = handle->data;
    static char piece[PIECE]; // of the loop's thread, between this and on_bytes

    (void)wanted;
    (void)child;
    *ret = uv_buf_init(piece, sizeof piece);
}

static void begin_stream(struct sl_child *child)
{
    struct sl_answer *answer = &child->request->answer;

    child->is_stream = answer->is_stream = true;
    answer->status = child->request->route->status;
    answer->type = strchr(child->request->route->answers, '/') ? child->request->route->answers
                                                               : "application/json";
}

static void keep(struct sl_child *child, const char *bytes, size_t length)
{
    if (!child->request) // nobody listens
        return;
    sl_buf_add_bytes(&child->text, bytes, length);
    if (child->text.has_failed) {
        (void)uv_process_kill(&child->process, SIGKILL);
        return;
    }
    if (!child->is_followed && (!(child->request->route->flags & SL_ROUTE_STREAMS) ||
                                (!child->is_stream && child->text.length < STREAM_BYTES)))
        return;
    if (!child->is_stream)
        begin_stream(child);
    if (child->text.length - child->taken >= STREAM_BYTES) {
        (void)uv_read_stop((uv_stream_t *)&child->pipe);
        child->is_held = true;
    }
    child->request->on_answer(child->request->of);
}

static void on_bytes(uv_stream_t *stream, ssize_t length, const uv_buf_t *bytes)
{
    struct sl_child *child = stream->data;

    if (length > 0)
        keep(child, bytes->base, (size_t)length);
    if (length >= 0)
        return;
    (void)uv_read_stop(stream);
    child->is_at_end = true;
    end_if_over(child);
}

// First as Ctrl-C would; what does not end by that is killed.
static void on_late(uv_timer_t *timer)
{
    struct sl_child *child = timer->data;

    if (child->has_ended) { // and something that it has started holds its output
        child->is_at_end = true;
        end_if_over(child);
        return;
    }
    (void)uv_process_kill(&child->process, child->was_late ? SIGKILL : SIGTERM);
    child->was_late = true;
    (void)uv_timer_start(timer, on_late, KILL_MS, 0);
}

// What is long or followed ends with its client; nobody listens: it may go on as others may.
static void begin_time(struct sl_child *child)
{
    bool is_endless = (child->is_long || child->is_followed) && child->request;

    if (!is_endless && !child->has_ended)
        (void)uv_timer_start(&child->timer, on_late, (uint64_t)child->children->limit_ms, 0);
}

static void go_on(struct sl_child *child)
{
    if (!child->is_held)
        return;
    child->is_held = false;
    (void)uv_read_start((uv_stream_t *)&child->pipe, on_room, on_bytes);
}

ssize_t sl_child_take(struct sl_child *child, char *to, size_t most)
{
    size_t length = child->text.length - child->taken;

    if (length == 0 && child->has_ended && child->is_at_end) {
        bool is_whole =
            (child->exit_code == 0 || child->is_followed) && !child->signal && !child->was_late;
        child->request->child = NULL;
        child->request = NULL;
        end(child);
        return is_whole ? SL_CHILD_END : SL_CHILD_CUT;
    }
    length = length < most ? length : most;
    if (length)
        memcpy(to, child->text.text + child->taken, length);
    child->taken += length;
    if (child->taken == child->text.length) {
        sl_buf_reset(&child->text);
        child->taken = 0;
        go_on(child);
    } else if (child->taken >= STREAM_BYTES) { // what was taken must not add up
        child->text.length -= child->taken;
        memmove(child->text.text, child->text.text + child->taken, child->text.length + 1);
        child->taken = 0;
    }
    if (length && !child->has_ended)
        begin_time(child);
    return (ssize_t)length;
}

// A pipe and no pair of sockets, as libuv would make: /dev/stdout cannot be opened of these.
static int spawn(struct sl_child *child, struct sl_err *err)
{
    struct sl_children *children = child->children;
    SL_AUTO(sl_fd_close) int output = -1;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0)
        output = ends[1];
    else
        ends[0] = -errno;
    uv_stdio_container_t stdio[3 + SL_ROUTE_FILES] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = output},
        {.flags = UV_IGNORE},
    };
    for (size_t i = 0; i < child->file_count; i++)
        stdio[3 + i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = child->files[i]};
    uv_process_options_t options = {
        .file = children->program,
        .args = child->words,
        .cwd = children->folder,
        .stdio = stdio,
        .stdio_count = (int)(3 + child->file_count),
        .exit_cb = on_end,
    };

    (void)uv_timer_init(children->loop, &child->timer);
    (void)uv_pipe_init(children->loop, &child->pipe, 0);
    child->timer.data = child->pipe.data = child->process.data = child;
    child->open_handles = 2;
    int wrong = ends[0] < 0 ? ends[0] : uv_pipe_open(&child->pipe, ends[0]);
    if (ends[0] >= 0 && wrong != 0)
        (void)close(ends[0]);
    if (wrong == 0) {
        child->has_process = true; // a handle, also where it fails
        child->open_handles++;
        wrong = uv_spawn(children->loop, &child->process, &options);
    }
    if (wrong == 0)
        wrong = uv_read_start((uv_stream_t *)&child->pipe, on_room, on_bytes);
    begin_time(child);
    if (wrong != 0)
        return sl_fail(err, SL_E_INTERNAL, "cannot start %s: %s", children->program,
                       uv_strerror(wrong));
    return SL_OK;
}

static void start(struct sl_child *child)
{
    struct sl_children *children = child->children;
    struct sl_err err = {0};

    child->next = children->working;
    children->working = child;
    if (child->is_followed)
        children->followed++;
    else
        children->at_work++;
    children->long_at_work += child->is_long;
    if (spawn(child, &err) == SL_OK) {
        if (child->is_followed)
            begin_stream(child);
        return;
    }
    if (child->request) {
        struct sl_request *request = child->request;

        sl_answer_error(request, 500, &err);
        child->request = NULL;
        request->child = NULL;
        request->on_answer(request->of);
    }
    end(child);
}

static void start_next(struct sl_children *children)
{
    const size_t most_long = children->most > 1 ? children->most / 2 : 1;
    struct sl_child *child = children->waiting;

    while (child && child->is_long && children->long_at_work >= most_long)
        child = child->next; // what takes hours leaves room for what does not
    if (!child || children->at_work >= children->most)
        return;
    unlink_child(&children->waiting, child);
    start(child);
}

// Those that take long do not keep others from waiting.
static size_t count_waiting(const struct sl_children *children, bool is_long)
{
    size_t count = 0;
    for (const struct sl_child *at = children->waiting; at; at = at->next)
        count += at->is_long == is_long;
    return count;
}

int sl_child_begin(struct sl_request *request, struct sl_err *err)
{
    struct sl_children *children = request->children;
    struct sl_child **last = &children->waiting;

    if (request->is_followed && children->followed >= MOST_FOLLOWED)
        return sl_fail(err, SL_E_SERVE_BUSY, "%zu logs are followed already", children->followed);
    const bool is_long = request->route->flags & SL_ROUTE_LONG;
    const size_t waiting = count_waiting(children, is_long);
    if (!request->is_followed && waiting >= children->most * MOST_WAITING)
        return sl_fail(err, SL_E_SERVE_BUSY, "%zu requests wait for an answer already", waiting);
    struct sl_child *child = calloc(1, sizeof *child);
    SL_TRY_NEW(child, err);
    child->children = children;
    sl_arena_init(&child->arena, 0);
    sl_buf_init(&child->text);
    child->text.max_bytes = MOST_ANSWER_BYTES;
    if (prepare(child, request, err) != SL_OK) {
        free_child(child);
        return (int)err->code;
    }
    child->request = request;
    request->child = child;
    child->is_followed = request->is_followed;
    child->is_long = is_long;
    if (child->is_followed) {
        start(child);
        return SL_OK;
    }
    while (*last)
        last = &(*last)->next;
    *last = child;
    start_next(children);
    return SL_OK;
}

void sl_child_forget(struct sl_child *child)
{
    struct sl_children *children = child->children;
    struct sl_child *waiting = children->waiting;
    const bool is_reading = sl_route_is_reading(child->request);

    child->request = NULL;
    while (waiting && waiting != child)
        waiting = waiting->next;
    if (!waiting) {
        go_on(child);
        if (is_reading && !child->has_ended)
            (void)uv_process_kill(&child->process, SIGTERM);
        if (is_reading && !child->has_ended)
            (void)uv_timer_start(&child->timer, on_late, KILL_MS, 0);
        if (!is_reading && child->is_long)
            begin_time(child);
        if (child->is_stream)
            end_if_over(child);
        return;
    }
    unlink_child(&children->waiting, child);
    free_child(child);
}

void sl_children_close(struct sl_children *children, void (*on_closed)(void *self), void *self)
{
    if (!children)
        return;
    children->is_closing = true;
    children->on_closed = on_closed;
    children->self = self;
    while (children->waiting) {
        struct sl_child *child = children->waiting;

        children->waiting = child->next;
        free_child(child);
    }
    for (struct sl_child *child = children->working; child; child = child->next) {
        child->request = NULL;
        child->is_at_end = true;
        (void)uv_process_kill(&child->process, SIGKILL);
    }
    if (!children->working)
        free_children(children);
}
