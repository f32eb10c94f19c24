// YAML (libfyaml) as a tree of plain nodes with their places. Strict: one document, UTF-8, no
// duplicate keys, keys are scalars, aliases and merge keys are refused, depth at most 256, size at
// most 8 MiB.
#ifndef SL_BASE_YAML_H
#define SL_BASE_YAML_H

#include "base/diag.h"

enum sl_yaml_kind { SL_YAML_NULL, SL_YAML_SCALAR, SL_YAML_LIST, SL_YAML_MAP };

struct sl_yaml {
    enum sl_yaml_kind kind;
    struct sl_place place;
    const char *text;       // scalar as written (after unquoting); "" for null
    bool is_quoted;         // quoted or block scalar: never a number, boolean or null
    struct sl_yaml **items; // list: items; map: values
    struct sl_yaml **keys;  // map only: scalars, parallel to items
    size_t count;
};

// Parses `text`; `file` is what places name and first_line/first_column where the text begins in it
// (1, 1 for a whole file; a model's settings begin inside a comment). Every syntax error becomes a
// diagnostic; then *ret is NULL, unless all that is wrong are keys that stand twice: the first
// value counts, so that the rest can be looked at. An empty text gives a null node. Fails only when
// memory is out.
SL_MUST int sl_yaml_parse(const char *text, size_t length, const char *file, int first_line,
                          int first_column, struct sl_arena *arena, struct sl_diags *diags,
                          struct sl_yaml **ret, struct sl_err *err);
// The value of a key, or NULL. `map` may be NULL or no map.
struct sl_yaml *sl_yaml_get(const struct sl_yaml *map, const char *key);
// The place of a key's value, or the map's own place if the key is absent.
struct sl_place sl_yaml_place(const struct sl_yaml *map, const char *key);
// "a list", "a number", ...: what was found, for messages.
const char *sl_yaml_describe(const struct sl_yaml *node);
// Back to JSON (numbers, booleans and null recognised as in the YAML core schema); for parts that
// are kept unread.
struct json_t;
SL_MUST int sl_yaml_to_json(const struct sl_yaml *node, struct json_t **ret, struct sl_err *err);
// The tree as YAML, in blocks: a text gets quotes where it would mean something else without, what
// is not quoted stands as it is. And as indented JSON. Only trees that the parser gave, or no
// deeper ones.
struct sl_buf;
void sl_yaml_print(const struct sl_yaml *node, struct sl_buf *text);
void sl_yaml_print_json(const struct sl_yaml *node, struct sl_buf *text);

#endif
