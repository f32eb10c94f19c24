// Reading a column: the SQL that takes a raw value to the column's type, layer by layer, so that
// each is computed once.
//
//     "~r3"  the raw value
//     "~q3"  a bare cast of it: cheap, but DuckDB's casts round, cut and forget zones
//     "~k3"  whether that cast is beyond doubt: for numbers, that it prints as it was read; for the
//     rest, by a cheap look at the form
//     "~t3"  the trimmed text (beyond doubt: the raw text itself)
//     "~x3"  the same after null texts and default
//     "~y3"  the value: the bare cast where it is beyond doubt, else cast after a strict look at
//     the text's form name   the same, if its year is one that tables can hold
#ifndef SL_CONTRACT_READ_H
#define SL_CONTRACT_READ_H

#include "contract/compile.h"

struct sl_reading {
    const struct sl_contract_column *column;
    const char *type;     // the clean column's, as the engine names it
    const char *raw_name; // NULL: the source has no such column
    const char *raw_type;
    size_t index;
    const char *text;     // SQL names in the prepared relation
    const char *value;    // SQL: the clean column
    const char *received; // SQL: the raw value as text
    // The rows are known to be good, and this column's type rule rejects: a bare cast that gives a
    // value gave the right one.
    bool is_trusted;
};
// `raw` NULL: the source has no such column.
SL_MUST int sl_reading_init(struct sl_reading *reading, const struct sl_contract_column *column,
                            const struct sl_column *raw, size_t index, struct sl_arena *arena,
                            struct sl_err *err);

// The type that a column of the clean table is stored in: Delta has neither times nor JSON, both
// are text.
const char *sl_reading_type(struct sl_type type, struct sl_arena *arena);
// "a decimal(12,2)", "an integer", "a date of the format '%d.%m.%Y'": for messages.
void sl_reading_describe(const struct sl_contract_column *column, struct sl_buf *text);

// One layer's select items for the column, each preceded by ", ". Layers that have nothing for it
// add nothing.
void sl_reading_raw(const struct sl_reading *reading, struct sl_buf *sql);
void sl_reading_doubt(const struct sl_reading *reading, struct sl_buf *sql);
void sl_reading_trimmed(const struct sl_reading *reading, struct sl_buf *sql);
void sl_reading_text(const struct sl_reading *reading, struct sl_buf *sql);
void sl_reading_value(const struct sl_reading *reading, struct sl_buf *sql);
void sl_reading_held(const struct sl_reading *reading, struct sl_buf *sql);

// The strict look at a text and the cast, null for what it refuses. Years are not looked at yet.
void sl_reading_strict(const struct sl_contract_column *column, const char *type, const char *text,
                       struct sl_buf *sql);

bool sl_reading_has_years(enum sl_type_kind kind);
// "between date '0001-01-01' and date '9999-12-31'"
void sl_reading_years(const struct sl_contract_column *column, struct sl_buf *sql);

// ('a', 'b')
void sl_sql_list(const struct sl_strs *values, struct sl_buf *sql);

#endif
