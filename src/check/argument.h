// What the kinds of check share: reading arguments and keeping texts.
#ifndef SL_CHECK_ARGUMENT_H
#define SL_CHECK_ARGUMENT_H

#include "api/check.h"
#include "base/str.h"

// Whether it is a key that every check may have beside its kind: name, where, ...
bool sl_check_is_common(const char *key);
// A list of texts, or one alone. If it is neither, or empty, that is a diagnostic and `ret` stays
// empty. `what` says what is expected: "column".
SL_MUST int sl_check_list(const struct sl_check_input *input, const struct sl_yaml *node,
                          const char *what, struct sl_strs *ret, struct sl_err *err);
// A key of a map that must be a scalar; NULL, with a diagnostic if it is required and missing, or
// no scalar.
const char *sl_check_text(const struct sl_check_input *input, const char *key, bool is_required);
// Diagnostic for keys that are not in `known` (ended by NULL), or arguments that are no map. True
// if there is none.
bool sl_check_is_map(const struct sl_check_input *input, const char *const *known);
// Reads arguments that are a map (none at all is an empty one) by their rows. *ret_is_right is
// false after a diagnostic.
SL_MUST int sl_check_read(const struct sl_check_input *input, const struct sl_opt *rows, void *into,
                          bool *ret_is_right, struct sl_err *err);
// The column that is given or, without one, the one that the check stands at; false, with a
// diagnostic, if there is neither.
bool sl_check_has_column(const struct sl_check_input *input, const char **column);
SL_MUST int sl_check_default_columns(const struct sl_check_input *input, struct sl_strs *columns,
                                     struct sl_err *err);
bool sl_check_has_columns(const struct sl_check_input *input, const struct sl_strs *columns);
// The columns of {columns: [a, b]}, [a, b] or a, else the one that the check stands at.
SL_MUST int sl_check_columns(const struct sl_check_input *input, struct sl_strs *ret,
                             struct sl_err *err);
// One value for the columns of a row together; null if one of them is.
void sl_check_add_row(const struct sl_strs *columns, struct sl_buf *sql);
// "a", "b"
void sl_check_add_names(const struct sl_strs *columns, struct sl_buf *sql);
// 'a', 'b'
void sl_check_add_strings(const struct sl_strs *values, struct sl_buf *sql);
// Whether a text is "layer.table"; else a diagnostic at the key's place.
bool sl_check_is_table(const struct sl_check_input *input, const char *key, const char *table);
// Takes the text over into the arena.
SL_MUST int sl_check_keep(const struct sl_check_input *input, const struct sl_buf *text,
                          const char **ret, struct sl_err *err);
// "a" or "a, b": names for people.
void sl_check_say(const struct sl_strs *names, struct sl_buf *text);

#endif
