// What the engine's built-in functions do to rows.
#ifndef SL_SQL_FUNCTIONS_H
#define SL_SQL_FUNCTIONS_H

#include "sql/tree.h"

enum sl_function_kind {
    SL_FUNCTION_SCALAR,    // of its arguments alone, row by row
    SL_FUNCTION_AGGREGATE, // many rows to one
    SL_FUNCTION_UNNEST,    // one row to many
    SL_FUNCTION_VOLATILE,  // reads the clock, chance, or the session
    SL_FUNCTION_UNKNOWN,   // not built in: anything may happen
};

// Of an expression of class FUNCTION.
enum sl_function_kind sl_function_kind(const struct sl_ast *call);
// A table function that gives the same rows for the same arguments: unnest, range, ...
bool sl_function_is_pure_table(const char *name);
// A table function whose rows come from files or another database.
bool sl_function_reads_files(const char *name);
// Of such a call: a path among its arguments that is relative; NULL: none, as far as is written.
const char *sl_function_relative_path(const struct sl_ast *call);
// Of an expression of class FUNCTION: it gives the time.
bool sl_function_reads_clock(const struct sl_ast *call);
// A name that the engine takes for a call if there is no such column: current_date.
bool sl_function_is_clock_name(const char *name);
// Of an expression of class FUNCTION: its lambdas are such. Elsewhere their arrow is the operator
// that takes a value out of JSON.
bool sl_function_takes_lambda(const struct sl_ast *call);

#endif
