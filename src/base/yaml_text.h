// Inside base/yaml: looking at the text itself, beside the parser.
#ifndef SL_BASE_YAML_TEXT_H
#define SL_BASE_YAML_TEXT_H

#include <stddef.h>

// Offset of the first byte that no text may hold (broken UTF-8, NUL), with its 0-based line and
// column in characters; `length` if all is well.
size_t sl_yaml_bad_byte(const char *text, size_t length, int *ret_line, int *ret_column);
// Blanks in front of the first line with content at or after `at`, the start of a line; -1 if there
// is none.
int sl_yaml_indent(const char *text, size_t length, size_t at);

#endif
