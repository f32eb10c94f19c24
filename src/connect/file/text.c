#include "connect/file/text.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << 20)
#define RAW_BYTES ((size_t)1 << 16)
// No UTF-8 text has this byte: behind it stands an odd last byte of UTF-16, in two halves.
#define ODD_MARK 0xFF

int sl_text_open(const char *path, const struct sl_text_options *options, struct sl_text *ret,
                 struct sl_err *err)
{
    struct sl_text text = {
        .encoding = options->encoding,
        .chunk_bytes = options->chunk_bytes ? options->chunk_bytes : CHUNK_BYTES,
    };

    SL_TRY(sl_input_open(path, &text.input, err));
    *ret = text;
    return SL_OK;
}

void sl_text_close(struct sl_text *text)
{
    sl_input_close(&text->input);
    free(text->bytes);
    *text = (struct sl_text){0};
}

// Room for `bytes` behind the window, which moves to the front first.
static int make_room(struct sl_text *text, size_t bytes, struct sl_err *err)
{
    size_t length = text->end - text->start;
    size_t capacity = text->capacity ? text->capacity : bytes;
    char *grown;

    if (text->capacity - text->end >= bytes)
        return SL_OK;
    // Moving more than what becomes free would make small steps through large records dear.
    if (length <= text->start && text->capacity - length >= bytes) {
        memmove(text->bytes, text->bytes + text->start, length);
        text->start = 0;
        text->end = length;
        return SL_OK;
    }
    while (capacity - text->end < bytes || capacity < text->end)
        capacity *= 2;
    grown = realloc(text->bytes, capacity);
    SL_TRY_NEW(grown, err);
    text->bytes = grown;
    text->capacity = capacity;
    return SL_OK;
}

// --- decoding

static void put(struct sl_text *text, unsigned byte)
{
    text->bytes[text->end++] = (char)(unsigned char)byte;
}

// Halves of pairs too: as three bytes that are not well-formed.
static void put_code(struct sl_text *text, uint32_t code)
{
    if (code < 0x80) {
        put(text, code);
        return;
    }
    if (code < 0x800) {
        put(text, 0xC0 | (code >> 6));
    } else if (code < 0x10000) {
        put(text, 0xE0 | (code >> 12));
        put(text, 0x80 | ((code >> 6) & 0x3F));
    } else {
        put(text, 0xF0 | (code >> 18));
        put(text, 0x80 | ((code >> 12) & 0x3F));
        put(text, 0x80 | ((code >> 6) & 0x3F));
    }
    put(text, 0x80 | (code & 0x3F));
}

static uint32_t unit_at(const struct sl_text *text, const unsigned char *raw)
{
    if (text->encoding == SL_TEXT_UTF16_BE)
        return (uint32_t)raw[0] << 8 | raw[1];
    return (uint32_t)raw[1] << 8 | raw[0];
}

// Decodes what is whole; gives how much that was.
static size_t decode_utf16(struct sl_text *text, const unsigned char *raw, size_t length)
{
    size_t at = 0;

    while (length - at >= 2) {
        uint32_t code = unit_at(text, raw + at);
        bool is_high = code >= 0xD800 && code < 0xDC00;

        if (is_high && length - at < 4 && !text->is_at_end)
            break;
        if (is_high && length - at >= 4) {
            uint32_t low = unit_at(text, raw + at + 2);

            if (low >= 0xDC00 && low < 0xE000) {
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                at += 2;
            }
        }
        put_code(text, code);
        at += 2;
    }
    if (text->is_at_end && at < length) {
        put(text, ODD_MARK);
        put(text, 0x80U | (raw[at] >> 4));
        put(text, 0x80U | (raw[at] & 0x0FU));
        at++;
    }
    return at;
}

// Reads bytes, decodes them, and keeps those of a character that is not yet whole.
static int fill_decoded(struct sl_text *text, struct sl_err *err)
{
    size_t want = text->chunk_bytes < RAW_BYTES ? text->chunk_bytes : RAW_BYTES;
    unsigned char raw[RAW_BYTES + sizeof text->raw];
    size_t length = 0;
    size_t used;

    memcpy(raw, text->raw, text->raw_length);
    SL_TRY(sl_input_read(text->input, raw + text->raw_length, want, &length, err));
    text->is_at_end = length == 0;
    length += text->raw_length;
    SL_TRY(make_room(text, 2 * length + 4, err));
    if (text->encoding == SL_TEXT_LATIN1) {
        for (size_t i = 0; i < length; i++)
            put_code(text, raw[i]);
        used = length;
    } else {
        used = decode_utf16(text, raw, length);
    }
    text->raw_length = length - used;
    memcpy(text->raw, raw + used, text->raw_length);
    return SL_OK;
}

// --- the window

static int fill_plain(struct sl_text *text, struct sl_err *err)
{
    size_t length = 0;

    SL_TRY(make_room(text, text->chunk_bytes, err));
    SL_TRY(sl_input_read(text->input, text->bytes + text->end, text->chunk_bytes, &length, err));
    text->end += length;
    text->is_at_end = length == 0;
    return SL_OK;
}

// Reads the first bytes and finds out how the text is encoded.
static int begin(struct sl_text *text, struct sl_err *err)
{
    size_t length = 0;
    size_t count;
    size_t mark = 0;
    unsigned char *raw = text->raw;

    do {
        SL_TRY(sl_input_read(text->input, raw + length, 4 - length, &count, err));
        length += count;
    } while (count > 0 && length < 4);
    text->is_begun = true;
    text->raw_length = length;
    if (text->encoding == SL_TEXT_LATIN1)
        return SL_OK;
    if (length >= 2 && raw[0] == 0xFF && raw[1] == 0xFE) {
        text->encoding = SL_TEXT_UTF16;
        mark = 2;
    } else if (length >= 2 && raw[0] == 0xFE && raw[1] == 0xFF) {
        text->encoding = SL_TEXT_UTF16_BE;
        mark = 2;
    } else if (text->encoding == SL_TEXT_UTF8 && length >= 3 &&
               memcmp(raw, "\xEF\xBB\xBF", 3) == 0) {
        mark = 3;
    } else if (text->encoding == SL_TEXT_UTF16 && length >= 2 && raw[0] == 0) {
        // Without a mark: the first character is ASCII in any file of columns.
        text->encoding = SL_TEXT_UTF16_BE;
    }
    memmove(raw, raw + mark, length - mark);
    text->raw_length -= mark;
    if (text->encoding != SL_TEXT_UTF8)
        return SL_OK;
    SL_TRY(make_room(text, text->chunk_bytes + sizeof text->raw, err));
    memcpy(text->bytes + text->end, raw, text->raw_length);
    text->end += text->raw_length;
    text->raw_length = 0;
    return SL_OK;
}

int sl_text_fill(struct sl_text *text, struct sl_err *err)
{
    if (text->is_at_end)
        return SL_OK;
    if (!text->is_begun)
        SL_TRY(begin(text, err));
    return text->encoding == SL_TEXT_UTF8 ? fill_plain(text, err) : fill_decoded(text, err);
}

int sl_text_fill_to(struct sl_text *text, size_t bytes, struct sl_err *err)
{
    while (!text->is_at_end && text->end - text->start < bytes)
        SL_TRY(sl_text_fill(text, err));
    return SL_OK;
}

// --- and back

static void put_unit(const struct sl_text *text, uint32_t unit, struct sl_buf *ret)
{
    unsigned char high = (unsigned char)(unit >> 8);
    unsigned char low = (unsigned char)(unit & 0xFF);
    bool is_big = text->encoding == SL_TEXT_UTF16_BE;

    sl_buf_add_char(ret, (char)(is_big ? high : low));
    sl_buf_add_char(ret, (char)(is_big ? low : high));
}

// One code of our own decoding, which is well-formed but for halves of pairs; gives its length.
static size_t code_at(const unsigned char *at, uint32_t *ret)
{
    if (at[0] < 0x80) {
        *ret = at[0];
        return 1;
    }
    if (at[0] < 0xE0) {
        *ret = (at[0] & 0x1FU) << 6 | (at[1] & 0x3FU);
        return 2;
    }
    if (at[0] < 0xF0) {
        *ret = (at[0] & 0x0FU) << 12 | (at[1] & 0x3FU) << 6 | (at[2] & 0x3FU);
        return 3;
    }
    *ret = (at[0] & 0x07U) << 18 | (at[1] & 0x3FU) << 12 | (at[2] & 0x3FU) << 6 | (at[3] & 0x3FU);
    return 4;
}

void sl_text_raw(const struct sl_text *text, const char *from, size_t length, struct sl_buf *ret)
{
    const unsigned char *at = (const unsigned char *)from;
    const unsigned char *end = at + length;
    uint32_t code = 0;

    if (text->encoding == SL_TEXT_UTF8) {
        sl_buf_add_bytes(ret, from, length);
        return;
    }
    while (at < end) {
        if (*at == ODD_MARK) {
            sl_buf_add_char(ret, (char)(unsigned char)((at[1] & 0x0F) << 4 | (at[2] & 0x0F)));
            at += 3;
            continue;
        }
        at += code_at(at, &code);
        if (text->encoding == SL_TEXT_LATIN1) {
            sl_buf_add_char(ret, (char)(unsigned char)code);
        } else if (code < 0x10000) {
            put_unit(text, code, ret);
        } else {
            put_unit(text, 0xD800 + ((code - 0x10000) >> 10), ret);
            put_unit(text, 0xDC00 + ((code - 0x10000) & 0x3FF), ret);
        }
    }
}

bool sl_text_is_utf8(const char *bytes, size_t length)
{
    size_t at = 0;

    while (at < length) {
        uint64_t word;
        size_t size;

        if (length - at >= sizeof word) {
            memcpy(&word, bytes + at, sizeof word);
            if ((word & 0x8080808080808080U) == 0) {
                at += sizeof word;
                continue;
            }
        }
        size = sl_utf8_length(bytes + at, length - at);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}
