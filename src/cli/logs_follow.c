#include "cli/logs.h"

#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_MS 1000
#define BLIND_MS 200 // without inotify
#define READ_BYTES 65536

struct reader {
    const struct sl_log_follow *follow;
    struct sl_arena arena;
    const char *folder;
    int fd, watch_fd;
    bool is_watching, is_over;
    int64_t ask_us;     // when to ask next, monotonic
    struct sl_buf rest; // of a line that is not whole yet
};

static void reader_clear(struct reader *reader)
{
    sl_fd_close(&reader->fd);
    sl_fd_close(&reader->watch_fd);
    sl_buf_clear(&reader->rest);
    sl_arena_clear(&reader->arena);
}

// The folder, since the file may come, go and come again.
static void watch(struct reader *reader)
{
    if (reader->watch_fd < 0)
        reader->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (reader->watch_fd >= 0 && !reader->is_watching)
        reader->is_watching =
            inotify_add_watch(reader->watch_fd, reader->folder,
                              IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0;
}

static void take_lines(struct reader *reader)
{
    char *text = reader->rest.text;
    size_t begin = 0, length = reader->rest.length;
    while (begin < length && !reader->is_over) {
        const char *end = memchr(text + begin, '\n', length - begin);
        if (!end)
            break;
        size_t width = (size_t)(end - text) - begin;
        reader->is_over = !reader->follow->on_line(reader->follow->self, text + begin, width);
        begin += width + 1;
    }
    memmove(text, text + begin, length - begin);
    reader->rest.length = length - begin;
    text[reader->rest.length] = '\0';
}

static int read_on(struct reader *reader, struct sl_err *err)
{
    char bytes[READ_BYTES];
    while (!reader->is_over) {
        ssize_t got = read(reader->fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sl_fail_errno(err, errno, "cannot read '%s'", reader->follow->path);
        if (got == 0)
            return SL_OK;
        sl_buf_add_bytes(&reader->rest, bytes, (size_t)got);
        SL_TRY(sl_buf_check(&reader->rest, err));
        take_lines(reader);
    }
    return SL_OK;
}

// True if there is another file of that name now, or this one is shorter than what was read.
static bool is_another(struct reader *reader)
{
    struct stat here, there;
    if (fstat(reader->fd, &here) != 0 || stat(reader->follow->path, &there) != 0)
        return false;
    if (here.st_ino == there.st_ino && here.st_dev == there.st_dev)
        return there.st_size < lseek(reader->fd, 0, SEEK_CUR);
    return true;
}

static int read_all(struct reader *reader, struct sl_err *err)
{
    for (;;) {
        if (reader->fd < 0)
            reader->fd = open(reader->follow->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (reader->fd < 0 && errno == ENOENT)
            return SL_OK;
        if (reader->fd < 0)
            return sl_fail_errno(err, errno, "cannot read '%s'", reader->follow->path);
        SL_TRY(read_on(reader, err));
        if (reader->is_over || !is_another(reader))
            return SL_OK;
        sl_fd_close(&reader->fd);
        reader->rest.length = 0;
    }
}

static int most_ms(const struct reader *reader)
{
    int64_t left_ms = (reader->ask_us - sl_clock_monotonic_us() + 999) / 1000;
    int64_t most = reader->is_watching ? ASK_MS : BLIND_MS;
    if (left_ms <= 0)
        return 0;
    return (int)(left_ms < most ? left_ms : most);
}

// Other runs write into the folder, too: that something is written does not say that this one is at
// work.
static void wait_for_more(struct reader *reader)
{
    char events[4096];
    struct pollfd waits = {.fd = reader->watch_fd, .events = POLLIN};
    if (poll(&waits, reader->is_watching, most_ms(reader)) > 0)
        while (read(reader->watch_fd, events, sizeof events) > 0)
            ;
    if (sl_clock_monotonic_us() < reader->ask_us)
        return;
    reader->is_over = reader->follow->is_over(reader->follow->self);
    reader->ask_us = sl_clock_monotonic_us() + ASK_MS * 1000;
}

int sl_log_follow(const struct sl_log_follow *follow, struct sl_err *err)
{
    SL_AUTO(reader_clear)
    struct reader reader = {.follow = follow, .fd = -1, .watch_fd = -1, .rest = SL_BUF_INIT};
    sl_arena_init(&reader.arena, 0);
    reader.folder = sl_path_folder(&reader.arena, follow->path);
    SL_TRY_NEW(reader.folder, err);
    while (!reader.is_over) {
        watch(&reader); // before reading: what comes in between is seen
        SL_TRY(read_all(&reader, err));
        fflush(stdout);
        if (reader.is_over)
            return SL_OK;
        wait_for_more(&reader);
        if (!reader.is_over)
            continue;
        reader.is_over = false; // what was written just before the end
        SL_TRY(read_all(&reader, err));
        return SL_OK;
    }
    return SL_OK;
}
