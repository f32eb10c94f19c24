// Structs as JSON objects and back, by a table of their fields: for what goes from one process to
// another. Both ends are the same program; what a table does not name does not travel.
#ifndef SL_BASE_FIELDS_H
#define SL_BASE_FIELDS_H

#include "base/json.h"

enum sl_field_kind {
    SL_FIELD_BOOL,
    SL_FIELD_INT,    // int64_t
    SL_FIELD_ENUM,   // an enum, by its number
    SL_FIELD_SIZE,   // size_t
    SL_FIELD_TEXT,   // const char *; NULL does not travel
    SL_FIELD_CHARS,  // char[], `count` bytes with its NUL
    SL_FIELD_TEXTS,  // struct sl_strs
    SL_FIELD_INTS,   // int64_t[count]
    SL_FIELD_STRUCT, // by value, with the fields `of`
    SL_FIELD_ARRAY,  // a pointer to items with the fields `of`, their number at `count_offset`
};

struct sl_field {
    const char *name; // NULL ends a table
    enum sl_field_kind kind;
    size_t offset;
    const struct sl_field *of;
    size_t count, count_offset, item_bytes;
};

#define SL_FIELD(type, member, kind_)            \
    {                                            \
#member, (kind_), offsetof(type, member) \
    }
#define SL_FIELD_CHARS_OF(type, member)                                                       \
    {                                                                                         \
#member, SL_FIELD_CHARS, offsetof(type, member), .count = sizeof(((type *)0)->member) \
    }
#define SL_FIELD_OF(type, member, table)                                \
    {                                                                   \
#member, SL_FIELD_STRUCT, offsetof(type, member), .of = (table) \
    }
#define SL_FIELD_MANY(type, member, number, table)                 \
    {                                                              \
#member, SL_FIELD_ARRAY, offsetof(type, member),           \
            .of = (table), .count_offset = offsetof(type, number), \
            .item_bytes = sizeof(*((type *)0)->member)             \
    }

// A struct that has grown has a member that may have to travel. (Of 64-bit machines.)
#define SL_IS_ALL_OF(type, bytes) \
    _Static_assert(sizeof(type) == (bytes), "a member is new: see its fields")

// NULL out of memory. Without the members that are zero, so what they are unpacked into begins as
// zeros.
json_t *sl_fields_pack(const struct sl_field *fields, const void *from);
// Members that are missing stay as they are in `into`; those of another type are SL_E_JSON_SYNTAX.
SL_MUST int sl_fields_unpack(const struct sl_field *fields, const json_t *object,
                             struct sl_arena *arena, void *into, struct sl_err *err);

#endif
