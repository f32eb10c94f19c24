// Any bytes are a file: split in one piece and in small ones it gives the same records, each of
// them well formed in the lane and further down in the file than the one before. The first byte
// chooses the format, the second one the size of the pieces.
#include "fuzz.h"

#include "connect/file/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct outcome {
    int code;
    char *lines;
    size_t length;
    struct sl_lane lane;
};

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static const struct dialect {
    enum sl_split_format format;
    const char *delimiter, *quote, *escape, *comment, *encoding;
    bool has_header;
    int64_t skip_lines;
} dialects[] = {
    {SL_SPLIT_CSV, ",", "\"", "\"", "", "utf-8", true, 0},
    {SL_SPLIT_CSV, ",", "\"", "\"", "#", "utf-8", false, 0},
    {SL_SPLIT_CSV, "||", "\"", "\"", "", "utf-8", false, 1},
    {SL_SPLIT_CSV, ";", "'", "\\", "#", "utf-8", true, 0},
    {SL_SPLIT_CSV, "\t", "", "", "", "latin-1", false, 0},
    {SL_SPLIT_CSV, ",", "\"", "\"", "", "utf-16", false, 0},
    {SL_SPLIT_CSV, "x", "q", "", "", "utf-8", false, 0},
    {SL_SPLIT_LINES, ",", "\"", "\"", "", "utf-8", true, 0},
    {SL_SPLIT_ARRAY, ",", "\"", "\"", "", "utf-8", true, 0},
};

static char *read_lines(int fd, size_t *ret_length)
{
    off_t length = lseek(fd, 0, SEEK_END);
    char *lines = malloc((size_t)length + 1);

    must(lines && pread(fd, lines, (size_t)length, 0) == length);
    *ret_length = (size_t)length;
    return lines;
}

static int split_twice(const struct dialect *dialect, const char *path, size_t chunk_bytes,
                       struct sl_arena *arena, struct sl_split *split, struct sl_lane *lane)
{
    struct sl_source_options options = {
        .encoding = dialect->encoding,
        .quote = dialect->quote,
        .escape = dialect->escape,
        .comment = dialect->comment,
        .has_header = dialect->has_header,
        .skip_lines = dialect->skip_lines,
        .max_record_bytes = 64,
    };
    const struct sl_split_file file = {path, &options, dialect->format, dialect->delimiter,
                                       chunk_bytes};
    struct sl_strs names;

    SL_TRY(sl_split_open(&file, NULL, arena, split, NULL));
    names = split->names;
    sl_split_clear(split);
    SL_TRY(sl_split_open(&file, &names, arena, split, NULL));
    sl_split_set_lane(split, lane);
    return sl_split_run(split, lane, NULL);
}

static struct outcome run(const struct dialect *dialect, const char *path, size_t chunk_bytes)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_split split = {.scratch = SL_BUF_INIT, .raw = SL_BUF_INIT};
    struct outcome outcome = {.lane = {.fd = memfd_create("lane", MFD_CLOEXEC)}};

    must(outcome.lane.fd >= 0);
    outcome.code = split_twice(dialect, path, chunk_bytes, &arena, &split, &outcome.lane);
    outcome.lines = read_lines(outcome.lane.fd, &outcome.length);
    close(outcome.lane.fd);
    sl_split_clear(&split);
    sl_lane_clear(&outcome.lane);
    return outcome;
}

// Passes one field, which ends at a delimiter or the line's end.
static const char *pass_field(const struct sl_lane *lane, const char *at, const char *end)
{
    if (at < end && *at == lane->quote) {
        for (at++;; at++) {
            must(at < end);
            if (*at == lane->quote && (at + 1 == end || *++at != lane->quote))
                break;
        }
    } else {
        while (at < end && *at != lane->delimiter && *at != '\n')
            must(*at++ != lane->quote);
    }
    must(at < end && (*at == lane->delimiter || *at == '\n'));
    return at;
}

static void check_lines(const struct outcome *outcome)
{
    const struct sl_lane *lane = &outcome->lane;
    const char *at = outcome->lines;
    const char *end = at + outcome->length;
    int64_t records = 0;
    int64_t before = 0;

    for (; at < end; at++, records++) {
        char *after;
        int64_t position = strtoll(at, &after, 10);

        must(position > before && *after == lane->delimiter);
        before = position;
        at = pass_field(lane, after + 1, end);
        for (size_t i = 0; i < lane->column_count; i++) {
            must(*at == lane->delimiter);
            at = pass_field(lane, at + 1, end);
        }
        must(*at == '\n');
    }
    must(records == lane->records && lane->corrupt <= records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd;

    if (size < 2)
        return 0;
    fd = memfd_create("file", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data + 2, size - 2) == (ssize_t)(size - 2));
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const struct dialect *dialect = &dialects[data[0] % (sizeof dialects / sizeof *dialects)];
    struct outcome whole = run(dialect, path, 0);
    struct outcome pieces = run(dialect, path, 1 + data[1] % 32);
    must(whole.code == pieces.code);
    if (whole.code == SL_OK) {
        must(whole.length == pieces.length && memcmp(whole.lines, pieces.lines, whole.length) == 0);
        whole.lines[whole.length] = '\0';
        check_lines(&whole);
    }
    free(whole.lines);
    free(pieces.lines);
    close(fd);
    return 0;
}
