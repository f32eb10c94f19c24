#include "run/last_words.h"

#include "base/log.h"
#include "base/str.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEPT_BYTES 16384
#define MOST_LINES 20
#define MOST_READS 64

struct sl_last_words {
    int fd;
    uv_poll_t *poller;
    json_t *fields; // of a task that it runs; NULL: it runs none
    size_t used;
    size_t told; // of these: said already, and kept for the report
    char bytes[KEPT_BYTES];
};

static void write_out(const char *text, size_t length)
{
    while (length) {
        ssize_t written = write(STDERR_FILENO, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return; // nobody reads it
        text += written;
        length -= (size_t)written;
    }
}

// What is no text could do anything to a terminal.
static void make_text(char *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t step = sl_utf8_length(bytes + at, length - at);
        bool is_text = step && ((unsigned char)bytes[at] >= ' ' || strchr("\n\t\r", bytes[at]));
        if (!is_text || !bytes[at])
            bytes[at] = '?';
        at += step ? step : 1;
    }
}

// A log of JSON lines stays one.
static void write_lines(const json_t *fields, const char *text, size_t length)
{
    while (length) {
        const char *end = memchr(text, '\n', length);
        size_t line = end ? (size_t)(end - text) : length;
        if (line && fields)
            sl_log(SL_LOG_INFO, fields, "%s: %.*s", sl_json_text(fields, "step", ""), (int)line,
                   text);
        else if (line)
            sl_log(SL_LOG_WARN, NULL, "a worker says: %.*s", (int)line, text);
        text += line + (end != NULL);
        length -= line + (end != NULL);
    }
}

static void tell(const struct sl_last_words *words, const char *text, size_t length)
{
    if (sl_log_format() == SL_LOG_JSON)
        write_lines(words->fields, text, length);
    else
        write_out(text, length);
}

static void tell_up_to(struct sl_last_words *words, size_t end)
{
    if (end <= words->told)
        return;
    make_text(words->bytes + words->told, end - words->told);
    tell(words, words->bytes + words->told, end - words->told);
    words->told = end;
}

static void pass_on(struct sl_last_words *words, size_t length)
{
    tell_up_to(words, length);
    words->used -= length;
    words->told -= length;
    memmove(words->bytes, words->bytes + length, words->used);
}

// Only a line that is longer than that is cut.
static size_t whole_lines(const char *text, size_t length)
{
    const char *end = memrchr(text, '\n', length);
    return end ? (size_t)(end - text) + 1 : length;
}

// False if there is nothing more, for now or for ever.
static bool read_some(struct sl_last_words *words)
{
    if (words->used == KEPT_BYTES)
        pass_on(words, whole_lines(words->bytes, KEPT_BYTES / 2));
    ssize_t got = read(words->fd, words->bytes + words->used, KEPT_BYTES - words->used);
    if (got > 0)
        words->used += (size_t)got;
    return got > 0 || (got < 0 && errno == EINTR);
}

// What a task says is told as it comes, line by line.
static void tell_lines(struct sl_last_words *words)
{
    const char *end = words->fields ? memrchr(words->bytes, '\n', words->used) : NULL;
    if (end)
        tell_up_to(words, (size_t)(end - words->bytes) + 1);
}

// One read: a child that writes without end does not keep the loop.
static void on_readable(uv_poll_t *poller, int status, int events)
{
    struct sl_last_words *words = poller->data;
    (void)events;
    if (!read_some(words) && (status < 0 || errno != EAGAIN))
        uv_poll_stop(poller);
    tell_lines(words);
}

static int watch(struct sl_last_words *words, uv_loop_t *loop, struct sl_err *err)
{
    words->poller = calloc(1, sizeof *words->poller);
    SL_TRY_NEW(words->poller, err);
    int code = uv_poll_init(loop, words->poller, words->fd);
    if (code != 0) {
        free(words->poller);
        words->poller = NULL;
        return sl_fail(err, SL_E_INTERNAL, "cannot watch a pipe: %s", uv_strerror(code));
    }
    words->poller->data = words;
    (void)uv_poll_start(words->poller, UV_READABLE, on_readable);
    return SL_OK;
}

int sl_last_words_open(uv_loop_t *loop, struct sl_last_words **ret, int *ret_write_fd,
                       struct sl_err *err)
{
    SL_AUTO(sl_last_words_close) struct sl_last_words *words = calloc(1, sizeof *words);
    int ends[2];
    SL_TRY_NEW(words, err);
    words->fd = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "cannot make a pipe");
    words->fd = ends[0];
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    if (watch(words, loop, err) != SL_OK) {
        close(ends[1]);
        return err->code;
    }
    *ret_write_fd = ends[1];
    *ret = words;
    words = NULL;
    return SL_OK;
}

void sl_last_words_forget(const struct sl_last_words *words)
{
    if (words)
        close(words->fd);
}

// What is in the pipe, but not for ever what a child goes on to write.
static void drain(struct sl_last_words *words)
{
    for (int i = 0; i < MOST_READS && read_some(words); i++)
        ;
}

void sl_last_words_name(struct sl_last_words *words, json_t *fields)
{
    json_t *before = words->fields;
    words->fields = fields ? json_incref(fields) : NULL;
    json_decref(before);
}

void sl_last_words_pass_on(struct sl_last_words *words)
{
    drain(words);
    pass_on(words, words->used);
}

// Where the last lines begin; a line is cut only if it is the last and too long alone.
static size_t tail_of(const char *text, size_t length)
{
    size_t lines = 0, tail = length;
    for (size_t at = length; at > 0 && length - at < SL_LAST_WORDS_BYTES - 1; at--) {
        if (text[at - 1] != '\n' || at == length)
            continue;
        tail = at;
        if (++lines == MOST_LINES)
            return tail;
    }
    if (length < SL_LAST_WORDS_BYTES)
        return 0;
    return tail < length ? tail : length - (SL_LAST_WORDS_BYTES - 1);
}

// Masked before it is cut: half a secret is not found.
void sl_last_words_take(struct sl_last_words *words, char ret[SL_LAST_WORDS_BYTES])
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    drain(words);
    if (words->told)
        tell_lines(words);
    make_text(words->bytes, words->used);
    char *copy = sl_arena_strndup(&arena, words->bytes, words->used);
    const char *text = copy ? sl_log_mask(copy, &arena) : "";
    size_t length = strlen(text), tail = tail_of(text, length);
    if (!words->told)
        tell(words, text, tail);
    words->used = words->told = 0;
    snprintf(ret, SL_LAST_WORDS_BYTES, "%s", text + tail);
    for (length = strlen(ret); length && ret[length - 1] == '\n';)
        ret[--length] = '\0';
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

void sl_last_words_close(struct sl_last_words **words)
{
    struct sl_last_words *old = *words;
    if (!old)
        return;
    if (old->fd >= 0)
        sl_last_words_pass_on(old);
    if (old->poller) {
        uv_poll_stop(old->poller);
        uv_close((uv_handle_t *)old->poller, free_handle);
    }
    if (old->fd >= 0)
        close(old->fd);
    json_decref(old->fields);
    free(old);
    *words = NULL;
}
