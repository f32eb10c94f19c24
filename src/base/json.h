// JSON (jansson) as Sluice uses it: for logs, records and small results. Rows never pass through
// it.
#ifndef SL_BASE_JSON_H
#define SL_BASE_JSON_H

#include "base/str.h"

#include <jansson.h>
#include <stdint.h>

// Values of data files that are nested deeper are refused, so that no input exhausts the stack.
#define SL_JSON_DEEPEST 500

void sl_json_free(json_t **json); // for SL_AUTO
// Parses one value; SL_E_JSON_SYNTAX with line and column, `name` being the file or table it came
// from. Integers beyond 64 signed bits saturate.
SL_MUST int sl_json_parse(const char *text, size_t length, const char *name, json_t **ret,
                          struct sl_err *err);
// The same for values that came from outside: their texts may hold NUL bytes, as
// json_string_length() tells.
SL_MUST int sl_json_parse_data(const char *text, size_t length, const char *name, json_t **ret,
                               struct sl_err *err);
// A text as a value; bytes that are no UTF-8, as a file's name may hold, become U+FFFD. NULL out of
// memory.
json_t *sl_json_string(const char *text);
json_t *sl_json_string_or_null(const char *text); // null for NULL
json_t *sl_json_time(int64_t time_us);            // "2026-01-31T12:00:00.000000Z"; null for 0
json_t *sl_json_strs(const struct sl_strs *texts);
// Compact text, keys in order of insertion; free() it.
SL_MUST int sl_json_print(const json_t *json, char **ret, struct sl_err *err);
// Members with a default; a wrong type gives the default.
const char *sl_json_text(const json_t *object, const char *key, const char *otherwise);
int64_t sl_json_int(const json_t *object, const char *key, int64_t otherwise);
bool sl_json_bool(const json_t *object, const char *key, bool otherwise);

#endif
