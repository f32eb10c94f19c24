// Words that SQL keeps for itself, where they were meant as the name of a column.
#ifndef SL_BASE_RESERVED_H
#define SL_BASE_RESERVED_H

#include <stdbool.h>
#include <stddef.h>

// Of the word, twice.
#define SL_RESERVED_HINT "'%s' is a word of SQL: a column of that name is written \"%s\""

enum { SL_RESERVED_MAX = 32 };

// Whether a reserved word stands at a syntax error, or just before it, as a column would: `select
// at, x`, `where to = 1`. The offset is in bytes. *ret: the word as it is written.
bool sl_reserved_at(const char *sql, size_t offset, char ret[SL_RESERVED_MAX]);

#endif
