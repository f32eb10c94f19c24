// Types and schemas: the engine's spelling ("DECIMAL(12,2)", "STRUCT(a INTEGER)[]") <-> Delta's
// JSON ("Schema Serialization Format").
//
// Mapped: BOOLEAN boolean, TINYINT byte, SMALLINT short, INTEGER integer, BIGINT long, FLOAT float,
// DOUBLE double, DECIMAL(p,s) decimal, VARCHAR string, BLOB binary, DATE date, TIMESTAMP
// timestamp_ntz, TIMESTAMP WITH TIME ZONE timestamp, STRUCT struct, T[] array, MAP map. Everything
// else is refused with the cast that helps: what a table holds would not be what was written.
#ifndef SL_TABLE_DELTA_SCHEMA_H
#define SL_TABLE_DELTA_SCHEMA_H

#include "api/engine.h"
#include "base/buf.h"
#include "base/json.h"

// Appends the JSON type of an engine type; `column` is for messages. SL_E_TABLE_SCHEMA. Sets
// *has_ntz if a TIMESTAMP without zone is in it, never clears it ("Timestamp without timezone").
SL_MUST int sl_delta_type_print(const char *column, const char *type, struct sl_buf *json,
                                bool *has_ntz, struct sl_err *err);
// The engine's spelling of a JSON type. SL_E_TABLE_FEATURE for a type it does not know.
SL_MUST int sl_delta_type_parse(const char *column, const json_t *type, struct sl_buf *ret,
                                struct sl_err *err);
// A whole schemaString. SL_E_TABLE_SCHEMA also for names that differ only in case: Delta takes them
// for one.
SL_MUST int sl_delta_schema_print(const struct sl_column *columns, size_t count,
                                  struct sl_buf *json, bool *has_ntz, struct sl_err *err);
// SL_E_TABLE_LOG if it is not a schema.
SL_MUST int sl_delta_schema_parse(const char *schema_json, struct sl_arena *arena,
                                  struct sl_column **ret, size_t *ret_count, struct sl_err *err);
// The schema of a table after a commit that may only add columns: the table's own, with what it
// says of its columns, and the new ones behind. *ret is NULL if nothing is new. SL_E_TABLE_SCHEMA
// if a column vanished or has another type.
SL_MUST int sl_delta_schema_extend(const char *schema_json, const struct sl_column *columns,
                                   size_t count, struct sl_arena *arena, const char **ret,
                                   bool *has_ntz, struct sl_err *err);
// Whether the type is a leaf, that is, neither STRUCT nor MAP nor a list.
bool sl_delta_type_is_leaf(const char *type);
// Whether the engine quotes this word in a type.
bool sl_delta_is_keyword(const char *name);

#endif
