// A file as UTF-8 text: a window that moves over it.
//
// UTF-16 and Latin-1 are decoded so that every input can be written back as it was: half of a
// UTF-16 pair and an odd last byte become byte sequences that no UTF-8 text has. A byte order mark
// is left out; one of UTF-16 is believed whatever was declared as UTF-8.
#ifndef SL_CONNECT_FILE_TEXT_H
#define SL_CONNECT_FILE_TEXT_H

#include "base/buf.h"
#include "connect/file/input.h"

enum sl_text_encoding { SL_TEXT_UTF8, SL_TEXT_UTF16, SL_TEXT_UTF16_BE, SL_TEXT_LATIN1 };

struct sl_text_options {
    enum sl_text_encoding encoding; // as declared
    size_t chunk_bytes;             // read at most so much at once; 0: 1 MiB
};

// text[start..end) is what was read and not yet passed. Moves with sl_text_fill.
struct sl_text {
    struct sl_input *input;
    enum sl_text_encoding encoding;
    size_t chunk_bytes;
    char *bytes;
    size_t start, end, capacity;
    bool is_at_end;       // nothing follows `end`
    bool is_begun;        // the byte order mark was looked for
    unsigned char raw[8]; // bytes of a character that is not yet whole
    size_t raw_length;
};

SL_MUST int sl_text_open(const char *path, const struct sl_text_options *options,
                         struct sl_text *ret, struct sl_err *err);
void sl_text_close(struct sl_text *text); // zeroed is fine; for SL_AUTO
// Reads on: the window grows at its end, or is_at_end becomes true.
SL_MUST int sl_text_fill(struct sl_text *text, struct sl_err *err);
// Reads until the window has `bytes` or the file ends.
SL_MUST int sl_text_fill_to(struct sl_text *text, size_t bytes, struct sl_err *err);
// Appends the bytes of the file that a part of the window stands for (after unpacking).
void sl_text_raw(const struct sl_text *text, const char *from, size_t length, struct sl_buf *ret);

// Whether it is well-formed UTF-8.
bool sl_text_is_utf8(const char *bytes, size_t length);

#endif
