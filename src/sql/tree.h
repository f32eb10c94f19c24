// The engine's syntax tree (DuckDB's json_serialize_sql) as plain nodes in an arena.
//
// It has its own small reader because the tree holds 64-bit numbers without sign (a place that is
// not known is 2^64 - 1), which jansson refuses, and because thousands of models are read at every
// start.
#ifndef SL_SQL_TREE_H
#define SL_SQL_TREE_H

#include "base/arena.h"

#include <stdint.h>

enum sl_ast_kind {
    SL_AST_NULL,
    SL_AST_BOOL,
    SL_AST_NUMBER,
    SL_AST_TEXT,
    SL_AST_LIST,
    SL_AST_MAP,
};

struct sl_ast {
    enum sl_ast_kind kind;
    bool truth;
    const char *key;      // in a map; else NULL
    const char *text;     // text and number; a NUL in a text has become U+FFFD
    struct sl_ast *first; // list and map: members in order
    struct sl_ast *next;  // the next member of the same list or map
    struct sl_sql_cte
        *cte; // after sl_sql_scan: of an entry of a cte_map, and of a BASE_TABLE that names it
};

// SL_E_JSON_SYNTAX, or SL_E_LIMIT if it is nested too deeply to be walked.
SL_MUST int sl_ast_parse(const char *json, struct sl_arena *arena, struct sl_ast **ret,
                         struct sl_err *err);

// The first member; NULL if `parent` is NULL or has none.
const struct sl_ast *sl_ast_first(const struct sl_ast *parent);
// A member of a map; NULL if `map` is NULL or no map, or the member is absent or null.
const struct sl_ast *sl_ast_get(const struct sl_ast *map, const char *key);
const char *sl_ast_text(const struct sl_ast *map, const char *key); // "" if absent
bool sl_ast_is(const struct sl_ast *map, const char *key, const char *text);
bool sl_ast_true(const struct sl_ast *map, const char *key);
size_t sl_ast_count(const struct sl_ast *list);
// Where a node begins in the SQL text, in bytes; SIZE_MAX if it is not known.
size_t sl_ast_location(const struct sl_ast *map);
// An expression of this class: "COLUMN_REF", "FUNCTION", ...
bool sl_ast_is_class(const struct sl_ast *node, const char *name);

#endif
