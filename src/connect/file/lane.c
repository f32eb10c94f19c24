#include "connect/file/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_BYTES ((size_t)1 << 18)
// More than a position, its delimiters and the line's end need.
#define FRAME_BYTES ((size_t)32)

void sl_lane_clear(struct sl_lane *lane)
{
    free(lane->bytes);
    lane->bytes = NULL;
    lane->used = lane->capacity = 0;
}

static int make_room(struct sl_lane *lane, size_t bytes, struct sl_err *err)
{
    size_t capacity = lane->capacity ? lane->capacity : 2 * FLUSH_BYTES;
    char *grown;

    if (lane->capacity - lane->used >= bytes)
        return SL_OK;
    while (capacity - lane->used < bytes)
        capacity *= 2;
    grown = realloc(lane->bytes, capacity);
    SL_TRY_NEW(grown, err);
    lane->bytes = grown;
    lane->capacity = capacity;
    return SL_OK;
}

int sl_lane_flush(struct sl_lane *lane, struct sl_err *err)
{
    size_t written = 0;

    while (written < lane->used) {
        ssize_t count = write(lane->fd, lane->bytes + written, lane->used - written);

        if (count >= 0) {
            written += (size_t)count;
        } else if (errno == EPIPE) {
            lane->is_gone = true;
            return sl_fail(err, SL_E_INTERRUPTED, "the engine does not read on");
        } else if (errno != EINTR) {
            return sl_fail_errno(err, errno, "cannot hand records to the engine");
        }
    }
    lane->used = 0;
    return SL_OK;
}

// Room must be there.
static void put(struct sl_lane *lane, char c)
{
    lane->bytes[lane->used++] = c;
}

static void put_position(struct sl_lane *lane, int64_t position)
{
    char digits[20];
    size_t at = sizeof digits;

    do
        digits[--at] = (char)('0' + position % 10);
    while ((position /= 10) > 0);
    memcpy(lane->bytes + lane->used, digits + at, sizeof digits - at);
    lane->used += sizeof digits - at;
}

static int begin(struct sl_lane *lane, int64_t position, size_t bytes, struct sl_err *err)
{
    SL_TRY(make_room(lane, bytes + FRAME_BYTES, err));
    lane->line_start = lane->used;
    put_position(lane, lane->base + position);
    put(lane, lane->delimiter);
    lane->records++;
    lane->position_sum =
        (int64_t)(((uint64_t)lane->position_sum + (uint64_t)position) & (uint64_t)INT64_MAX);
    return SL_OK;
}

int sl_lane_begin(struct sl_lane *lane, int64_t position, struct sl_err *err)
{
    return begin(lane, position, 0, err);
}

int sl_lane_end(struct sl_lane *lane, struct sl_err *err)
{
    size_t length;

    SL_TRY(make_room(lane, 1, err));
    put(lane, '\n');
    length = lane->used - lane->line_start;
    if (length > lane->longest_bytes)
        lane->longest_bytes = length;
    if (length > SL_LANE_LINE_BYTES && !lane->is_careful)
        lane->needs_care = true;
    if (lane->needs_care)
        lane->used = lane->line_start;
    return lane->used > FLUSH_BYTES ? sl_lane_flush(lane, err) : SL_OK;
}

int sl_lane_null(struct sl_lane *lane, struct sl_err *err)
{
    SL_TRY(make_room(lane, 1, err));
    put(lane, lane->delimiter);
    return SL_OK;
}

static bool needs_quotes(const struct sl_lane *lane, const char *text, size_t length)
{
    if (length == 0)
        return true;
    for (size_t i = 0; i < length; i++)
        if (text[i] == lane->delimiter || text[i] == lane->quote || text[i] == '\n' ||
            text[i] == '\r')
            return true;
    return false;
}

int sl_lane_text(struct sl_lane *lane, const char *text, size_t length, struct sl_err *err)
{
    SL_TRY(make_room(lane, 2 * length + 3, err));
    put(lane, lane->delimiter);
    if (!needs_quotes(lane, text, length)) {
        memcpy(lane->bytes + lane->used, text, length);
        lane->used += length;
        return SL_OK;
    }
    put(lane, lane->quote);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == lane->quote)
            put(lane, lane->quote);
        put(lane, text[i]);
    }
    put(lane, lane->quote);
    return SL_OK;
}

int sl_lane_verbatim(struct sl_lane *lane, int64_t position, const char *fields, size_t length,
                     struct sl_err *err)
{
    SL_TRY(begin(lane, position, length, err));
    put(lane, lane->delimiter);
    memcpy(lane->bytes + lane->used, fields, length);
    lane->used += length;
    return sl_lane_end(lane, err);
}

int sl_lane_corrupt(struct sl_lane *lane, int64_t position, const char *bytes, size_t length,
                    struct sl_err *err)
{
    static const char digits[] = "0123456789ABCDEF";

    SL_TRY(begin(lane, position, 2 * length + 2 + lane->column_count, err));
    // Even no bytes are something else than null.
    put(lane, lane->quote);
    for (size_t i = 0; i < length; i++) {
        put(lane, digits[(unsigned char)bytes[i] >> 4]);
        put(lane, digits[(unsigned char)bytes[i] & 0x0F]);
    }
    put(lane, lane->quote);
    for (size_t i = 0; i < lane->column_count; i++)
        put(lane, lane->delimiter);
    lane->corrupt++;
    return sl_lane_end(lane, err);
}
