// Inside base/opt: values as texts, shared by the reader of files and the command line parser.
#ifndef SL_BASE_OPT_VALUE_H
#define SL_BASE_OPT_VALUE_H

#include "base/opt.h"

// The field of `row` in *into.
static inline void *sl_opt_field(const struct sl_opt *row, void *into)
{
    return (char *)into + row->offset;
}

// Reads `text` into the field of a row of a scalar type; false if it does not fit, and the field is
// untouched. Text is not copied.
bool sl_opt_set(const struct sl_opt *row, const char *text, void *into);
// "a whole number", "one of full, append": what a row takes, for messages. Written into `buffer`,
// cut if need be.
const char *sl_opt_expectation(const struct sl_opt *row, char *buffer, size_t size);
// How many names an ENUM has.
size_t sl_opt_value_count(const struct sl_opt *row);
// True for rows that are no key of a file and no flag: "@place".
bool sl_opt_is_special(const struct sl_opt *row);

#endif
