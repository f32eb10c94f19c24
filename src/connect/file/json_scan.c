#include "connect/file/json.h"

#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *at, *end;
    bool is_at_end;
    int depth;
};

static enum sl_json_outcome cut(const struct reader *reader)
{
    return reader->is_at_end ? SL_JSON_BAD : SL_JSON_MORE;
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && sl_json_is_blank(*reader->at))
        reader->at++;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Four digits; -1 if they are none.
static int32_t hex4(const char *at)
{
    int32_t code = 0;

    for (int i = 0; i < 4; i++) {
        int digit = hex(at[i]);

        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

// Behind "\u". Halves of pairs and U+0000 are text nowhere else, so they are not taken for text
// here.
static enum sl_json_outcome read_code(struct reader *reader)
{
    int32_t code;

    if (reader->end - reader->at < 4)
        return cut(reader);
    code = hex4(reader->at);
    reader->at += 4;
    if (code <= 0 || (code >= 0xDC00 && code < 0xE000))
        return SL_JSON_BAD;
    if (code < 0xD800 || code >= 0xE000)
        return SL_JSON_VALUE;
    if (reader->end - reader->at < 6)
        return cut(reader);
    if (reader->at[0] != '\\' || reader->at[1] != 'u')
        return SL_JSON_BAD;
    code = hex4(reader->at + 2);
    reader->at += 6;
    return code >= 0xDC00 && code < 0xE000 ? SL_JSON_VALUE : SL_JSON_BAD;
}

static enum sl_json_outcome read_escape(struct reader *reader)
{
    char c;

    if (reader->at == reader->end)
        return cut(reader);
    c = *reader->at++;
    if (c == 'u')
        return read_code(reader);
    return c != '\0' && strchr("\"\\/bfnrt", c) ? SL_JSON_VALUE : SL_JSON_BAD;
}

static enum sl_json_outcome read_string(struct reader *reader, struct sl_json_text *ret)
{
    *ret = (struct sl_json_text){.text = ++reader->at};
    for (;;) {
        while (reader->at < reader->end && *reader->at != '"' && *reader->at != '\\' &&
               (unsigned char)*reader->at >= 0x20)
            reader->at++;
        if (reader->at == reader->end)
            return cut(reader);
        char c = *reader->at++;
        if (c == '"')
            break;
        if (c != '\\')
            return SL_JSON_BAD;
        ret->has_escapes = true;
        enum sl_json_outcome outcome = read_escape(reader);
        if (outcome != SL_JSON_VALUE)
            return outcome;
    }
    ret->length = (size_t)(reader->at - 1 - ret->text);
    return SL_JSON_VALUE;
}

static size_t skip_digits(struct reader *reader)
{
    const char *from = reader->at;

    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t)(reader->at - from);
}

static bool take(struct reader *reader, const char *any)
{
    if (reader->at == reader->end || *reader->at == '\0' || !strchr(any, *reader->at))
        return false;
    reader->at++;
    return true;
}

static enum sl_json_outcome read_number(struct reader *reader)
{
    bool is_good = true;

    (void)take(reader, "-");
    if (!take(reader, "0"))
        is_good = skip_digits(reader) > 0;
    if (is_good && take(reader, "."))
        is_good = skip_digits(reader) > 0;
    if (is_good && take(reader, "eE")) {
        (void)take(reader, "+-");
        is_good = skip_digits(reader) > 0;
    }
    // Another digit might follow.
    if (reader->at == reader->end && !reader->is_at_end)
        return SL_JSON_MORE;
    return is_good ? SL_JSON_VALUE : SL_JSON_BAD;
}

static enum sl_json_outcome read_word(struct reader *reader, const char *word)
{
    size_t length = strlen(word);
    size_t left = (size_t)(reader->end - reader->at);

    if (left < length)
        return memcmp(reader->at, word, left) == 0 ? cut(reader) : SL_JSON_BAD;
    if (memcmp(reader->at, word, length) != 0)
        return SL_JSON_BAD;
    reader->at += length;
    return SL_JSON_VALUE;
}

static enum sl_json_outcome read_value(struct reader *reader, struct sl_json_text *text,
                                       enum sl_json_type *type);

// A name and its colon, up to the value.
static enum sl_json_outcome read_name(struct reader *reader, struct sl_json_text *ret)
{
    enum sl_json_outcome outcome;

    skip_blanks(reader);
    if (reader->at == reader->end)
        return cut(reader);
    if (*reader->at != '"')
        return SL_JSON_BAD;
    outcome = read_string(reader, ret);
    if (outcome != SL_JSON_VALUE)
        return outcome;
    skip_blanks(reader);
    if (reader->at == reader->end)
        return cut(reader);
    return *reader->at++ == ':' ? SL_JSON_VALUE : SL_JSON_BAD;
}

struct members {
    struct sl_json_member *items;
    size_t count, capacity;
};

static bool grow(struct members *members)
{
    size_t capacity = members->capacity ? 2 * members->capacity : 16;
    struct sl_json_member *items;

    if (members->count < members->capacity)
        return true;
    items = realloc(members->items, capacity * sizeof *items);
    if (!items)
        return false;
    members->items = items;
    members->capacity = capacity;
    return true;
}

// What follows an item: a comma (*ret_goes_on) or `close`.
static enum sl_json_outcome read_separator(struct reader *reader, char close, bool *ret_goes_on)
{
    skip_blanks(reader);
    if (reader->at == reader->end)
        return cut(reader);
    *ret_goes_on = *reader->at == ',';
    return *reader->at == ',' || *reader->at == close ? (reader->at++, SL_JSON_VALUE) : SL_JSON_BAD;
}

// True if the bracket just opened is closed at once.
static bool is_empty(struct reader *reader, char close)
{
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != close)
        return false;
    reader->at++;
    return true;
}

// `members` may be NULL.
static enum sl_json_outcome read_object(struct reader *reader, struct members *members)
{
    bool goes_on = true;

    reader->at++;
    if (is_empty(reader, '}'))
        return SL_JSON_VALUE;
    while (goes_on) {
        struct sl_json_member member = {0};
        enum sl_json_outcome outcome = read_name(reader, &member.name);

        if (outcome == SL_JSON_VALUE)
            outcome = read_value(reader, &member.value, &member.type);
        if (outcome == SL_JSON_VALUE)
            outcome = read_separator(reader, '}', &goes_on);
        if (outcome != SL_JSON_VALUE)
            return outcome;
        if (!members)
            continue;
        if (!grow(members))
            return SL_JSON_MEMORY;
        members->items[members->count++] = member;
    }
    return SL_JSON_VALUE;
}

static enum sl_json_outcome read_array(struct reader *reader)
{
    bool goes_on = true;

    reader->at++;
    if (is_empty(reader, ']'))
        return SL_JSON_VALUE;
    while (goes_on) {
        struct sl_json_text text;
        enum sl_json_type type;
        enum sl_json_outcome outcome = read_value(reader, &text, &type);

        if (outcome == SL_JSON_VALUE)
            outcome = read_separator(reader, ']', &goes_on);
        if (outcome != SL_JSON_VALUE)
            return outcome;
    }
    return SL_JSON_VALUE;
}

static enum sl_json_outcome read_plain(struct reader *reader, enum sl_json_type *type)
{
    switch (*reader->at) {
    case 'n':
        *type = SL_JSON_NULL;
        return read_word(reader, "null");
    case 't':
        *type = SL_JSON_WORD;
        return read_word(reader, "true");
    case 'f':
        *type = SL_JSON_WORD;
        return read_word(reader, "false");
    default:
        *type = SL_JSON_NUMBER;
        return read_number(reader);
    }
}

static enum sl_json_outcome read_value(struct reader *reader, struct sl_json_text *text,
                                       enum sl_json_type *type)
{
    enum sl_json_outcome outcome;
    const char *from;

    skip_blanks(reader);
    if (reader->at == reader->end)
        return cut(reader);
    if (++reader->depth > SL_JSON_DEEPEST)
        return SL_JSON_BAD;
    from = reader->at;
    if (*from == '"') {
        *type = SL_JSON_STRING;
        reader->depth--;
        return read_string(reader, text);
    }
    if (*from == '{' || *from == '[') {
        *type = *from == '{' ? SL_JSON_OBJECT : SL_JSON_ARRAY;
        outcome = *from == '{' ? read_object(reader, NULL) : read_array(reader);
    } else {
        outcome = read_plain(reader, type);
    }
    *text = (struct sl_json_text){.text = from, .length = (size_t)(reader->at - from)};
    reader->depth--;
    return outcome;
}

enum sl_json_outcome sl_json_scan(const char *from, const char *end, bool is_at_end,
                                  struct sl_json_member **ret_members, size_t *ret_capacity,
                                  size_t *ret_count, enum sl_json_type *ret_type, size_t *ret_size)
{
    struct reader reader = {.at = from, .end = end, .is_at_end = is_at_end};
    struct members members = {.items = *ret_members, .capacity = *ret_capacity};
    struct sl_json_text text;
    enum sl_json_outcome outcome;

    if (from < end && *from == '{') {
        *ret_type = SL_JSON_OBJECT;
        outcome = read_object(&reader, &members);
    } else {
        outcome = read_value(&reader, &text, ret_type);
    }
    *ret_members = members.items;
    *ret_capacity = members.capacity;
    *ret_count = members.count;
    *ret_size = (size_t)(reader.at - from);
    return outcome;
}

// --- escapes

static size_t put_code(uint32_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(unsigned char)(0xC0 | code >> 6);
        to[1] = (char)(unsigned char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(unsigned char)(0xE0 | code >> 12);
        to[1] = (char)(unsigned char)(0x80 | (code >> 6 & 0x3F));
        to[2] = (char)(unsigned char)(0x80 | (code & 0x3F));
        return 3;
    }
    to[0] = (char)(unsigned char)(0xF0 | code >> 18);
    to[1] = (char)(unsigned char)(0x80 | (code >> 12 & 0x3F));
    to[2] = (char)(unsigned char)(0x80 | (code >> 6 & 0x3F));
    to[3] = (char)(unsigned char)(0x80 | (code & 0x3F));
    return 4;
}

size_t sl_json_unescape(const struct sl_json_text *text, char *to)
{
    static const char from[] = "\"\\/bfnrt";
    static const char into[] = "\"\\/\b\f\n\r\t";
    const char *at = text->text;
    const char *end = at + text->length;
    size_t length = 0;

    while (at < end) {
        if (*at != '\\') {
            to[length++] = *at++;
        } else if (at[1] != 'u') {
            to[length++] = into[strchr(from, at[1]) - from];
            at += 2;
        } else {
            uint32_t code = (uint32_t)hex4(at + 2);

            at += 6;
            if (code >= 0xD800 && code < 0xE000) {
                code = 0x10000 + ((code - 0xD800) << 10) + ((uint32_t)hex4(at + 2) - 0xDC00);
                at += 6;
            }
            length += put_code(code, to + length);
        }
    }
    return length;
}
