// What the kinds of check share: reading arguments and keeping texts.
#ifndef SL_CHECK_ARGUMENT_H
#define SL_CHECK_ARGUMENT_H

#include "api/check.h"
#include "base/str.h"

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
// Takes the text over into the arena.
SL_MUST int sl_check_keep(const struct sl_check_input *input, const struct sl_buf *text,
                          const char **ret, struct sl_err *err);
// "a" or "a, b": names for people.
void sl_check_say(const struct sl_strs *names, struct sl_buf *text);

#endif
