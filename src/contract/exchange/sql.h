// SQL of several dialects: what is written otherwise, and the statements of a file.
#ifndef SL_CONTRACT_EXCHANGE_SQL_H
#define SL_CONTRACT_EXCHANGE_SQL_H

#include "contract/exchange/tree.h"

struct sl_x_dialect {
    const char *name;
    char quote;                // around names
    bool has_checks, has_keys; // in CREATE TABLE
    bool has_lengths;          // varchar(20) counts
    const char *json;
    const char *types[7];    // text, double, boolean, date, timestamp with and without zone, time
    const char *integers[4]; // of 8 to 64 bits
    const char *decimal;
    const char *open, *colon, *close,
        *list; // nested types; open NULL: none; list NULL: "[]" behind
};

#endif
