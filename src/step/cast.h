// Casts that lose nothing.
#ifndef SL_STEP_CAST_H
#define SL_STEP_CAST_H

#include "api/engine.h"

// Whether every value of type `from` is a value of type `to`: integers in larger ones, in decimals
// and doubles that have the digits, decimals in wider ones, dates in timestamps, anything in text.
bool sl_type_widens(const char *from, const char *to);
// `name` cast to `to`, as SQL: where the types do not tell that nothing is lost, each value is
// looked at, and the statement fails for one that does not come back as it was: "<what>, which
// cannot hold 3.7 exactly<advice>".
void sl_cast_exactly(const struct sl_column *column, const char *to, const char *what,
                     const char *advice, struct sl_buf *sql);

#endif
