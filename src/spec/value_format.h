// How a source writes its numbers and booleans: `sluice.formats` of such columns.
//
// Of a number a sample: "1.234,56", "1 234,56", "1'234.50", "(12.50)", "12,50-", "1.234,56 EUR". Of
// two signs between its digits the last one is the decimal sign; one that stands there twice, a
// blank or an apostrophe separates groups. "1.234" may be either, and is no format. Groups are of
// three digits, and a value may be without them.
//
// Of a boolean its two words: "ja/nein", "Y/N".
#ifndef SL_SPEC_VALUE_FORMAT_H
#define SL_SPEC_VALUE_FORMAT_H

#include "base/arena.h"
#include "spec/contract.h"

struct sl_number_format {
    const char *group;    // the sign between groups, "" none
    char decimal;         // '.', ',', or 0 for none
    bool has_brackets;    // around what is below zero
    bool has_sign_behind; // so it may stand
    const char *prefix;   // what must stand around, "" nothing
    const char *suffix;
};
// What is wrong with the text, as "it may be 1234 or 1.234"; NULL: nothing, then *ret is filled.
const char *sl_number_format_read(const char *text, struct sl_arena *arena,
                                  struct sl_number_format *ret);
// Whether it is how numbers are read that have no format.
bool sl_number_format_is_plain(const struct sl_number_format *format);

// The same of a boolean: its word for true, and that for false.
const char *sl_boolean_format_read(const char *text, struct sl_arena *arena, const char **ret_true,
                                   const char **ret_false);

#endif
