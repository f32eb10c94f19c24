// UTF-8, one character at a time.
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H

#include <stddef.h>

// Length in bytes (1..4) of the well-formed character that begins at `bytes`, of which `length` can
// be read; 0 if there is none: a stray or missing continuation byte, an overlong form, a surrogate,
// or more than U+10FFFF (Unicode 15, table 3-7).
size_t sl_utf8_length(const char *bytes, size_t length);
// The largest length up to `length` that does not cut a character of well-formed `text` in two.
size_t sl_utf8_cut(const char *text, size_t length);

#endif
