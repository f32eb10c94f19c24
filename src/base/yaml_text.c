#include "base/yaml_text.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

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

// A quoted scalar on its way to what it means.
struct quoted {
    const char *at;
    const char *end;
    struct sl_buf *text;
    size_t
        solid; // length of the text without the blanks at its end, which vanish before a line break
};

static void add_character(struct sl_buf *text, uint32_t c)
{
    if (c < 0x80) {
        sl_buf_add_char(text, (char)c);
    } else if (c < 0x800) {
        sl_buf_add_char(text, (char)(0xC0 | c >> 6));
        sl_buf_add_char(text, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        sl_buf_add_char(text, (char)(0xE0 | c >> 12));
        sl_buf_add_char(text, (char)(0x80 | (c >> 6 & 0x3F)));
        sl_buf_add_char(text, (char)(0x80 | (c & 0x3F)));
    } else {
        sl_buf_add_char(text, (char)(0xF0 | c >> 18));
        sl_buf_add_char(text, (char)(0x80 | (c >> 12 & 0x3F)));
        sl_buf_add_char(text, (char)(0x80 | (c >> 6 & 0x3F)));
        sl_buf_add_char(text, (char)(0x80 | (c & 0x3F)));
    }
}

static bool take_hex(struct quoted *quoted, int digits, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < digits; i++, quoted->at++) {
        static const char hex[] = "0123456789abcdef";
        const char *digit;

        if (quoted->at == quoted->end || !isxdigit((unsigned char)*quoted->at))
            return false;
        digit = strchr(hex, tolower((unsigned char)*quoted->at));
        *ret = *ret * 16 + (uint32_t)(digit - hex);
    }
    return true;
}

// \u with four digits; as in JSON, two surrogates make one character.
static bool take_unicode(struct quoted *quoted, int digits)
{
    uint32_t high;
    uint32_t low;

    if (!take_hex(quoted, digits, &high))
        return false;
    if (high >= 0xD800 && high < 0xDC00 && quoted->end - quoted->at >= 6 &&
        memcmp(quoted->at, "\\u", 2) == 0) {
        quoted->at += 2;
        if (!take_hex(quoted, 4, &low) || low < 0xDC00 || low > 0xDFFF)
            return false;
        high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    }
    if (high > 0x10FFFF || (high >= 0xD800 && high < 0xE000))
        return false;
    add_character(quoted->text, high);
    return true;
}

static bool is_break(char c)
{
    return c == '\n' || c == '\r';
}

static void skip_blanks(struct quoted *quoted)
{
    while (quoted->at < quoted->end && (*quoted->at == ' ' || *quoted->at == '\t'))
        quoted->at++;
}

static void skip_break(struct quoted *quoted)
{
    if (quoted->end - quoted->at >= 2 && memcmp(quoted->at, "\r\n", 2) == 0)
        quoted->at++;
    quoted->at++;
}

// Breaks with the blanks around them: the first is a blank, or nothing if empty lines follow or it
// is escaped; each empty line is a line break.
static void fold_lines(struct quoted *quoted, bool is_escaped)
{
    size_t breaks = 0;

    skip_break(quoted);
    skip_blanks(quoted);
    while (quoted->at < quoted->end && is_break(*quoted->at)) {
        breaks++;
        skip_break(quoted);
        skip_blanks(quoted);
    }
    if (breaks == 0 && !is_escaped)
        sl_buf_add_char(quoted->text, ' ');
    for (size_t i = 0; i < breaks; i++)
        sl_buf_add_char(quoted->text, '\n');
}

// What stands behind a backslash.
static bool take_escape(struct quoted *quoted)
{
    static const char names[] = "0abtnvfre \"/\\\t";
    static const char values[] = "\0\a\b\t\n\v\f\r\x1B \"/\\\t";
    static const char wide_names[] = "N_LP";
    static const uint32_t wide_values[] = {0x85, 0xA0, 0x2028, 0x2029};
    const char *name;
    char c;

    if (quoted->at == quoted->end || *quoted->at == '\0')
        return false;
    if (is_break(*quoted->at)) {
        fold_lines(quoted, true);
        return true;
    }
    c = *quoted->at++;
    if (c == 'x' || c == 'u' || c == 'U')
        return take_unicode(quoted, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    if ((name = strchr(names, c)))
        sl_buf_add_char(quoted->text, values[name - names]);
    else if ((name = strchr(wide_names, c)))
        add_character(quoted->text, wide_values[name - wide_names]);
    else
        return false;
    return true;
}

bool sl_yaml_unquote(const char *text, size_t length, size_t at, char quote, struct sl_buf *ret)
{
    struct quoted quoted = {.at = text + at, .end = text + length, .text = ret};

    quoted.solid = ret->length;
    while (quoted.at < quoted.end && !ret->has_failed) {
        char c = *quoted.at;

        if (is_break(c)) {
            ret->length = quoted.solid;
            fold_lines(&quoted, false);
        } else if (c == quote && quote == '\'' && quoted.end - quoted.at >= 2 &&
                   quoted.at[1] == quote) {
            sl_buf_add_char(ret, quote);
            quoted.at += 2;
        } else if (c == quote) {
            return true;
        } else {
            quoted.at++;
            if (c == '\\' && quote == '"') {
                if (!take_escape(&quoted))
                    return false;
            } else {
                sl_buf_add_char(ret, c);
            }
        }
        if (c != ' ' && c != '\t')
            quoted.solid = ret->length;
    }
    return false;
}
