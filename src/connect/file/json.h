// Reads JSON (RFC 8259, nothing else) one object at a time, and gives each member's text just as it
// is written: 1.10 stays 1.10. Pure: bytes in, places out.
#ifndef SL_CONNECT_FILE_JSON_H
#define SL_CONNECT_FILE_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum sl_json_outcome {
    SL_JSON_MORE,  // the value does not end in what there is
    SL_JSON_VALUE, // found
    SL_JSON_BAD,   // not JSON
    SL_JSON_MEMORY,
};
enum sl_json_type {
    SL_JSON_NULL,
    SL_JSON_WORD,
    SL_JSON_NUMBER,
    SL_JSON_STRING,
    SL_JSON_OBJECT,
    SL_JSON_ARRAY
};

struct sl_json_text {
    const char *text; // a string's without its quotes, escapes still in it
    size_t length;
    bool has_escapes;
};
struct sl_json_member {
    struct sl_json_text name, value;
    enum sl_json_type type; // of the value
};

// The value that begins at `from`, without blanks around it. *ret_size: its length. Of an object,
// *ret_members (grown with realloc, the caller's to free) gets the members, in order.
enum sl_json_outcome sl_json_scan(const char *from, const char *end, bool is_at_end,
                                  struct sl_json_member **ret_members, size_t *ret_capacity,
                                  size_t *ret_count, enum sl_json_type *ret_type, size_t *ret_size);
// Writes a string's text without escapes to `to`, which has room for text->length bytes; gives its
// length.
size_t sl_json_unescape(const struct sl_json_text *text, char *to);
static inline bool sl_json_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

#endif
