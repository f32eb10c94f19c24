// Which columns COLUMNS(...) and `* LIKE` take, and the fields of struct types.
#ifndef SL_SQL_STAR_H
#define SL_SQL_STAR_H

#include "sql/scope.h"

enum sl_sql_pattern_kind {
    SL_SQL_PATTERN_ALL,
    SL_SQL_PATTERN_LIKE,
    SL_SQL_PATTERN_GLOB,
    SL_SQL_PATTERN_REGEX, // finds it anywhere in the name
    SL_SQL_PATTERN_FULL_REGEX,
    SL_SQL_PATTERN_NAMES,
    SL_SQL_PATTERN_UNKNOWN, // a lambda, or a regular expression of RE2's own kind
};
struct sl_sql_pattern {
    enum sl_sql_pattern_kind kind;
    const char *text;
    const struct sl_ast *names; // NAMES: list of constants
    bool is_negated;
    bool ignores_case;
};

// pattern.c
struct sl_sql_pattern sl_sql_columns_pattern(const struct sl_ast *star); // of COLUMNS(...)
struct sl_sql_pattern
sl_sql_call_pattern(const struct sl_ast *call); // of `* LIKE 'a%'` and its kin
bool sl_sql_pattern_takes(const struct sl_sql_pattern *pattern, const char *name);
// Names of a STRUCT type's fields; none if it is no such type, or cannot be read. `type` may be
// NULL.
SL_MUST int sl_sql_struct_names(struct sl_arena *arena, const char *type, struct sl_strs *ret,
                                struct sl_err *err);
// The same with their types, which are parallel to the names.
SL_MUST int sl_sql_struct_members(struct sl_arena *arena, const char *type,
                                  struct sl_strs *ret_names, struct sl_strs *ret_types,
                                  struct sl_err *err);
bool sl_sql_is_struct(const char *type);

// star.c
// The fields of a struct as columns; if its type is not known, the result is open.
SL_MUST int sl_sql_struct_fields(struct sl_sql_binder *binder, const struct sl_sql_value *value,
                                 struct sl_sql_relation *into, struct sl_err *err);

#endif
