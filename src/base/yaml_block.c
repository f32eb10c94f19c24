// Block scalars, from the file's own bytes.
#include "base/yaml_text.h"

#include <string.h>

struct header {
    int digit;  // explicit indentation; 0: that of the first line with content
    char chomp; // '-', '+' or 0
};

// Lines on their way to a text.
struct folder {
    struct sl_buf *text;
    bool is_folded;
    bool has_content;
    bool is_spaced; // the last line with content began with a blank: its break stays
    size_t breaks;  // after the last line with content
};

// What follows '|' or '>' up to the line's end: indicators, then nothing or a comment.
static bool read_header(const char *at, const char *end, struct header *ret)
{
    *ret = (struct header){0};
    for (; at < end && strchr("+-123456789", *at) && *at; at++) {
        if (*at == '-' || *at == '+')
            ret->chomp = *at;
        else
            ret->digit = *at - '0';
    }
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at == end || *at == '#';
}

// The header stands at the end of the line before `start`; a comment may follow, and other such
// characters stand before.
static struct header find_header(const char *text, const struct sl_yaml_block *block)
{
    const char *end = text + (block->start ? block->start - 1 : 0);
    const char *at = end;
    struct header header = {0};

    while (at > text && at[-1] != '\n')
        at--;
    for (; at < end; at++)
        if (*at == (block->is_folded ? '>' : '|') && read_header(at + 1, end, &header))
            return header;
    return (struct header){0};
}

static void add_breaks(struct sl_buf *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sl_buf_add_char(text, '\n');
}

// Two lines of plain text with nothing between them are one line; empty lines between them are line
// breaks. Where a line begins with a blank, everything stays.
static void add_line(struct folder *folder, const char *line, size_t length)
{
    bool is_spaced = *line == ' ' || *line == '\t';
    bool is_joined = folder->is_folded && folder->has_content && !is_spaced && !folder->is_spaced;

    if (is_joined && folder->breaks == 1)
        sl_buf_add_char(folder->text, ' ');
    else
        add_breaks(folder->text, folder->breaks - (is_joined ? 1 : 0));
    sl_buf_add_bytes(folder->text, line, length);
    folder->has_content = true;
    folder->is_spaced = is_spaced;
    folder->breaks = 1;
}

size_t sl_yaml_unblock(const char *text, size_t length, const struct sl_yaml_block *block,
                       struct sl_buf *ret)
{
    struct header header = find_header(text, block);
    struct folder folder = {.text = ret, .is_folded = block->is_folded};
    int indent =
        header.digit ? block->least + header.digit : sl_yaml_indent(text, length, block->start);
    size_t at = block->start;

    if (indent <= block->least)
        indent = block->least + 1; // there is no content
    while (at < length && !ret->has_failed) {
        const char *line = text + at;
        const char *end = memchr(line, '\n', length - at);
        size_t size = end ? (size_t)(end - line) : length - at;
        size_t next = at + size + (end ? 1 : 0);
        int blanks = 0;

        size -= size > 0 && line[size - 1] == '\r';
        while ((size_t)blanks < size && blanks < indent && line[blanks] == ' ')
            blanks++;
        if ((size_t)blanks == size)
            folder.breaks++;
        else if (blanks == indent)
            add_line(&folder, line + blanks, size - (size_t)blanks);
        else
            break; // content that is indented less
        at = next;
    }
    if (header.chomp == '+')
        add_breaks(ret, folder.breaks);
    else if (header.chomp != '-' && folder.has_content)
        add_breaks(ret, 1);
    return at;
}
