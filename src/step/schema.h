// How the result of a query is stored in a table.
#ifndef SL_STEP_SCHEMA_H
#define SL_STEP_SCHEMA_H

#include "api/engine.h"

// The type a column of `type` has in a table: itself, or where Delta has no such type the nearest
// that loses nothing: a HUGEINT (what sum() over integers gives) becomes BIGINT and a TIMESTAMP_NS
// a TIMESTAMP, and a value that they do not hold exactly fails the step; times, intervals, UUIDs
// become text.
const char *sl_storage_type(const char *type);
// Where a type has none for what is in it, as STRUCT(a "NULL"), or is none: the first such place,
// NULL if there is none.
const char *sl_type_find_unknown(const char *type);
// The type with `leaf` at each of these places; the type itself if there is none. NULL: no memory.
const char *sl_type_fill_unknown(const char *type, const char *leaf, struct sl_arena *arena);
// "select cast(a as BIGINT) as a, b from (<query>)"
void sl_stored_select(const struct sl_column *columns, size_t count, const char *query,
                      struct sl_buf *sql);
bool sl_columns_equal(const struct sl_column *a, size_t a_count, const struct sl_column *b,
                      size_t b_count);
// The column of this name, or else of this name in another case. NULL: there is none.
const struct sl_column *sl_column_find(const struct sl_column *columns, size_t count,
                                       const char *name);
// The column that an entry of `order_by` names: "a", "a asc", "a desc"; a column whose name is just
// the entry comes first. NULL: there is none.
const struct sl_column *sl_column_ordered(const struct sl_column *columns, size_t count,
                                          const char *entry, bool *ret_is_asc);

#endif
