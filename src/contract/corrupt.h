// What is wrong with a record that could not be split into columns.
#ifndef SL_CONTRACT_CORRUPT_H
#define SL_CONTRACT_CORRUPT_H

#include "base/buf.h"

// VARCHAR SQL over "~corrupt" and _source, for such a row: where JSON ends to be JSON, what is
// found there and what could stand there. `is_hidden`: without a word of the record.
void sl_corrupt_says(bool is_hidden, struct sl_buf *sql);

#endif
