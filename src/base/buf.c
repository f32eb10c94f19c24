#include "base/buf.h"

#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sl_buf_init(struct sl_buf *buf)
{
    *buf = (struct sl_buf)SL_BUF_INIT;
}

void sl_buf_clear(struct sl_buf *buf)
{
    size_t max_bytes;

    if (!buf)
        return;
    max_bytes = buf->max_bytes;
    if (buf->capacity > 0)
        free(buf->text);
    sl_buf_init(buf);
    buf->max_bytes = max_bytes;
}

void sl_buf_reset(struct sl_buf *buf)
{
    buf->length = 0;
    buf->has_failed = false;
    if (buf->capacity > 0)
        buf->text[0] = '\0';
}

// Makes room for `more` bytes and the final NUL.
static bool make_room(struct sl_buf *buf, size_t more)
{
    size_t need;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    char *text;

    if (buf->has_failed)
        return false;
    if (more > buf->max_bytes || buf->length > buf->max_bytes - more) {
        buf->has_failed = true;
        return false;
    }
    need = buf->length + more + 1;
    if (need <= buf->capacity)
        return true;
    while (capacity < need)
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    text = realloc(buf->capacity ? buf->text : NULL, capacity);
    if (!text) {
        buf->has_failed = true;
        return false;
    }
    text[buf->length] = '\0';
    buf->text = text;
    buf->capacity = capacity;
    return true;
}

void sl_buf_add_bytes(struct sl_buf *buf, const void *bytes, size_t length)
{
    if (length == 0 || !make_room(buf, length))
        return;
    memcpy(buf->text + buf->length, bytes, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void sl_buf_add(struct sl_buf *buf, const char *text)
{
    sl_buf_add_bytes(buf, text, strlen(text));
}

void sl_buf_add_char(struct sl_buf *buf, char c)
{
    sl_buf_add_bytes(buf, &c, 1);
}

void sl_buf_addf(struct sl_buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sl_buf_vaddf(buf, format, args);
    va_end(args);
}

void sl_buf_vaddf(struct sl_buf *buf, const char *format, va_list args)
{
    va_list again;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        buf->has_failed = true;
    else if (make_room(buf, (size_t)length)) {
        vsnprintf(buf->text + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
}

static void add_quoted(struct sl_buf *buf, const char *text, char quote)
{
    sl_buf_add_char(buf, quote);
    for (const char *at = text; *at; at++) {
        if (*at == quote)
            sl_buf_add_char(buf, quote);
        sl_buf_add_char(buf, *at);
    }
    sl_buf_add_char(buf, quote);
}

void sl_buf_add_sql_string(struct sl_buf *buf, const char *text)
{
    add_quoted(buf, text, '\'');
}

void sl_buf_add_sql_name(struct sl_buf *buf, const char *name)
{
    add_quoted(buf, name, '"');
}

static void add_json_char(struct sl_buf *buf, char c)
{
    switch (c) {
    case '"':
    case '\\':
        sl_buf_add_char(buf, '\\');
        sl_buf_add_char(buf, c);
        break;
    case '\n':
        sl_buf_add(buf, "\\n");
        break;
    case '\r':
        sl_buf_add(buf, "\\r");
        break;
    case '\t':
        sl_buf_add(buf, "\\t");
        break;
    case '\b':
        sl_buf_add(buf, "\\b");
        break;
    case '\f':
        sl_buf_add(buf, "\\f");
        break;
    default:
        if ((unsigned char)c < 0x20)
            sl_buf_addf(buf, "\\u%04X", (unsigned)c);
        else
            sl_buf_add_char(buf, c);
    }
}

void sl_buf_add_json_string(struct sl_buf *buf, const char *text)
{
    size_t left = strlen(text);

    sl_buf_add_char(buf, '"');
    while (left > 0) {
        size_t length = sl_utf8_length(text, left);

        if (length == 0)
            sl_buf_add(buf, "\xEF\xBF\xBD");
        else if (length == 1)
            add_json_char(buf, *text);
        else
            sl_buf_add_bytes(buf, text, length);
        text += length ? length : 1;
        left -= length ? length : 1;
    }
    sl_buf_add_char(buf, '"');
}

int sl_buf_check(const struct sl_buf *buf, struct sl_err *err)
{
    if (buf->has_failed)
        return sl_fail(err, SL_E_MEMORY, "out of memory: a text grew beyond %zu bytes",
                       buf->length);
    return SL_OK;
}

char *sl_buf_take(struct sl_buf *buf)
{
    char *text = NULL;

    // An empty buffer owns no memory yet, but the caller may free() what it gets.
    if (make_room(buf, 0)) {
        text = buf->text;
        buf->capacity = 0;
    }
    sl_buf_clear(buf);
    return text;
}
