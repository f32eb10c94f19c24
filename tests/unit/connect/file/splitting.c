#include "splitting.h"

#include "base/fs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void splitting_init(struct splitting *splitting)
{
    *splitting = (struct splitting){
        .options = {.format = "csv",
                    .encoding = "utf-8",
                    .quote = "\"",
                    .escape = "\"",
                    .comment = "",
                    .has_header = true},
        .delimiter = ",",
        .names = SL_BUF_INIT,
        .records = SL_BUF_INIT,
    };
    strcpy(splitting->path, "/tmp/sluice-split-XXXXXX");
    int fd = mkstemp(splitting->path);
    assert_true(fd >= 0);
    close(fd);
    sl_arena_init(&splitting->arena, 0);
}

void splitting_clear(struct splitting *splitting)
{
    unlink(splitting->path);
    sl_buf_clear(&splitting->names);
    sl_buf_clear(&splitting->records);
    sl_arena_clear(&splitting->arena);
}

void splitting_write(struct splitting *splitting, const void *bytes, size_t length)
{
    int fd = open(splitting->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), (ssize_t)length);
    close(fd);
}

static void show(struct sl_buf *buf, unsigned char c)
{
    if (c == '\n' || c == '\r' || c == '\t')
        sl_buf_addf(buf, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c == '\\')
        sl_buf_add(buf, "\\\\");
    else if (c < 0x20 || c >= 0x7F)
        sl_buf_addf(buf, "\\x%02X", c);
    else
        sl_buf_add_char(buf, (char)c);
}

// One field of a lane's line: [text], or - for null. Gives what follows it.
static const char *show_field(const struct sl_lane *lane, const char *at, struct sl_buf *buf)
{
    bool is_quoted = *at == lane->quote;

    if (!is_quoted && (*at == lane->delimiter || *at == '\n')) {
        sl_buf_add_char(buf, '-');
        return at;
    }
    sl_buf_add_char(buf, '[');
    for (at += is_quoted;; at++) {
        if (is_quoted && *at == lane->quote && *++at != lane->quote)
            break;
        if (!is_quoted && (*at == lane->delimiter || *at == '\n'))
            break;
        show(buf, (unsigned char)*at);
    }
    sl_buf_add_char(buf, ']');
    return at;
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

// Reads the lane's lines as the engine must.
static void show_lines(struct splitting *splitting, const char *at, const char *end)
{
    const struct sl_lane *lane = &splitting->lane;
    struct sl_buf *buf = &splitting->records;

    while (at < end) {
        for (; *at != lane->delimiter; at++)
            sl_buf_add_char(buf, *at);
        at++;
        if (*at == lane->quote) {
            sl_buf_add(buf, "! ");
            for (at++; *at != lane->quote; at += 2)
                show(buf, (unsigned char)(digit(at[0]) << 4 | digit(at[1])));
            at++;
            for (size_t i = 0; i < lane->column_count; i++)
                assert_int_equal(*at++, lane->delimiter);
        } else {
            sl_buf_add_char(buf, ':');
            for (size_t i = 0; i < lane->column_count; i++) {
                assert_int_equal(*at++, lane->delimiter);
                sl_buf_add_char(buf, ' ');
                at = show_field(lane, at, buf);
            }
        }
        assert_int_equal(*at++, '\n');
        sl_buf_add_char(buf, '\n');
    }
}

static int run(struct splitting *splitting, struct sl_split *split, size_t chunk_bytes)
{
    const struct sl_split_file file = {splitting->path, &splitting->options, splitting->format,
                                       splitting->delimiter, chunk_bytes};
    struct sl_strs names;

    SL_TRY(sl_split_open(&file, NULL, &splitting->arena, split, &splitting->err));
    names = split->names;
    for (size_t i = 0; i < names.count; i++)
        sl_buf_addf(&splitting->names, "%s%s", i ? "," : "", names.items[i]);
    sl_split_clear(split);
    SL_TRY(sl_split_open(&file, &names, &splitting->arena, split, &splitting->err));
    sl_split_set_lane(split, &splitting->lane);
    return sl_split_run(split, &splitting->lane, &splitting->err);
}

int splitting_run(struct splitting *splitting, size_t chunk_bytes)
{
    struct sl_split split = {.scratch = SL_BUF_INIT, .raw = SL_BUF_INIT};
    int fd = memfd_create("lane", MFD_CLOEXEC);
    int code;

    assert_true(fd >= 0);
    sl_buf_reset(&splitting->names);
    sl_buf_reset(&splitting->records);
    sl_err_clear(&splitting->err);
    splitting->lane = (struct sl_lane){.fd = fd, .is_careful = splitting->lane.is_careful};
    code = run(splitting, &split, chunk_bytes);
    off_t length = lseek(fd, 0, SEEK_END);
    if (code == SL_OK && length > 0) {
        char *text = malloc((size_t)length);
        assert_non_null(text);
        assert_int_equal(pread(fd, text, (size_t)length, 0), length);
        show_lines(splitting, text, text + length);
        free(text);
    }
    sl_lane_clear(&splitting->lane);
    sl_split_clear(&split);
    close(fd);
    return code;
}
