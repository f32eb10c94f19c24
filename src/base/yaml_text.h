// Inside base/yaml: looking at the text itself, beside the parser.
#ifndef SL_BASE_YAML_TEXT_H
#define SL_BASE_YAML_TEXT_H

#include "base/buf.h"

// Offset of the first byte that no text may hold (broken UTF-8, NUL), with its 0-based line and
// column in characters; `length` if all is well.
size_t sl_yaml_bad_byte(const char *text, size_t length, int *ret_line, int *ret_column);
// Blanks in front of the first line with content at or after `at`, the start of a line; -1 if there
// is none.
int sl_yaml_indent(const char *text, size_t length, size_t at);
// A block scalar ('|' or '>').
struct sl_yaml_block {
    size_t start; // of the line after its header
    int least;    // column of what it belongs to; content is indented deeper
    bool is_folded;
};
// Adds what the block means, its indicators being read from the header line (YAML 1.2.2, 8.1).
// Returns where it ends.
size_t sl_yaml_unblock(const char *text, size_t length, const struct sl_yaml_block *block,
                       struct sl_buf *ret);
// Adds what the quoted scalar means that begins behind its quote (' or ") at `at`: escapes
// resolved, lines folded (YAML 1.2.2, 5.7, 7.3.1, 7.3.2). False if it does not end or has an
// unknown escape.
bool sl_yaml_unquote(const char *text, size_t length, size_t at, char quote, struct sl_buf *ret);

#endif
