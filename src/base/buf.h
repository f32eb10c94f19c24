// Buf: a growable text. Appends never fail at once: the first failure (memory, or the maximum size)
// sticks, later appends do nothing, and sl_buf_check reports it. `text` is always NUL-terminated
// and never NULL after sl_buf_init.
#ifndef SL_BASE_BUF_H
#define SL_BASE_BUF_H

#include "base/err.h"

#include <stdarg.h>

struct sl_buf {
    char *text;
    size_t length;
    size_t capacity;
    size_t max_bytes; // default 1 GiB
    bool has_failed;
};

#define SL_BUF_INIT                                      \
    {                                                    \
        .text = (char *)"", .max_bytes = (size_t)1 << 30 \
    }

void sl_buf_init(struct sl_buf *buf);
void sl_buf_clear(struct sl_buf *buf); // frees; usable again afterwards
void sl_buf_reset(struct sl_buf *buf); // keeps the memory
void sl_buf_add(struct sl_buf *buf, const char *text);
void sl_buf_add_bytes(struct sl_buf *buf, const void *bytes, size_t length);
void sl_buf_add_char(struct sl_buf *buf, char c);
void sl_buf_addf(struct sl_buf *buf, const char *format, ...) SL_PRINTF(2, 3);
void sl_buf_vaddf(struct sl_buf *buf, const char *format, va_list args) SL_PRINTF(2, 0);
// 'it''s': a SQL string literal (standard quoting, understood by every dialect here).
void sl_buf_add_sql_string(struct sl_buf *buf, const char *text);
// "order id": a SQL identifier in double quotes.
void sl_buf_add_sql_name(struct sl_buf *buf, const char *name);
// "a\nb": a JSON string literal. Invalid UTF-8 becomes U+FFFD.
void sl_buf_add_json_string(struct sl_buf *buf, const char *text);
SL_MUST int sl_buf_check(const struct sl_buf *buf, struct sl_err *err);
// Hands over the text; free() it. NULL after a failure.
char *sl_buf_take(struct sl_buf *buf);

#endif
