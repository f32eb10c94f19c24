#include "base/yaml_text.h"

#include "base/utf8.h"

size_t sl_yaml_bad_byte(const char *text, size_t length, int *ret_line, int *ret_column)
{
    size_t at = 0;
    size_t size;

    *ret_line = 0;
    *ret_column = 0;
    // NUL is well-formed, but would end the text.
    while (at < length && text[at] != '\0' && (size = sl_utf8_length(text + at, length - at)) > 0) {
        *ret_column = text[at] == '\n' ? 0 : *ret_column + 1;
        *ret_line += text[at] == '\n';
        at += size;
    }
    return at;
}

int sl_yaml_indent(const char *text, size_t length, size_t at)
{
    int column = 0;

    for (; at < length; at++) {
        if (text[at] == ' ')
            column++;
        else if (text[at] == '\n' || text[at] == '\r')
            column = 0;
        else
            return column;
    }
    return -1;
}
