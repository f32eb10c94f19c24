// Reading a column: the SQL that takes a raw value to the column's type, layer by layer, so that
// each is computed once.
//
//     "~r3"  the raw value
//     "~q3"  a bare cast of it: cheap, but DuckDB's casts round, cut and forget zones
//     "~k3"  whether that cast is beyond doubt: by a cheap look at the form, or that it prints as
//            it was read
//     "~t3"  the trimmed text
//     "~x3"  the same after null texts and default
//     "~y3"  the value: the bare cast where it is beyond doubt, else cast after a strict look at
//            the text's form
//     name   the same, if its year is one that tables can hold
//
// Nearly all values are beyond doubt, and most of the time would go into texts that nobody reads.
// So only SL_PASS_ALL, which sees few rows, has "~x3" for every row; the others have it where the
// bare cast is in doubt, and null elsewhere.
#ifndef SL_CONTRACT_READ_H
#define SL_CONTRACT_READ_H

#include "contract/compile.h"

// Space, tab, line ends, and the no-break space that spreadsheets leave.
#define SL_READING_BLANKS "' \t\r\n\xC2\xA0'"

struct sl_nest;
struct sl_merge;

struct sl_reading {
    const struct sl_contract_column *column;
    const char *type;     // the clean column's, as the engine names it
    const char *raw_name; // NULL: the source has no such column
    const char *raw_type;
    size_t index;
    const char *received; // SQL: the raw value as text
    bool is_required;     // a row without a value is rejected
    bool is_type_warned;  // the type rule only warns: rows may be good whose value is none
    bool is_set_aside;    // so may rows whose value breaks other rules (contract/aside.h)
    // SQL of the rules, over the prepared relation:
    const char *text;   // null where there is no value
    const char *value;  // the clean column
    const char *absent; // boolean: there is no value
    // Boolean, or NULL: rules over the text and value hold for granted where it is false. Then
    // these two need not be null there.
    const char *guard;
    const struct sl_merge *merge; // of a raw value out of several columns (contract/alias.h)
    const struct sl_nest *nest; // of an object or array, and of what is in one; NULL: it is neither
};
// `raw` NULL: the source has no such column.
SL_MUST int sl_reading_init(struct sl_reading *reading, const struct sl_contract_column *column,
                            const struct sl_column *raw, size_t index, struct sl_arena *arena,
                            struct sl_err *err);
// The value is "~h3" from here on, and its name what is left of it.
SL_MUST int sl_reading_set_aside(struct sl_reading *reading, struct sl_arena *arena,
                                 struct sl_err *err);

// The type that a column of the clean table is stored in: Delta has neither times nor JSON, both
// are text.
const char *sl_reading_type(const struct sl_contract_column *column, struct sl_arena *arena);
// "array" or "object": what else JSON of which nothing is said is asked to be, because a rule that
// rejects counts its items or members, whatever the row; else NULL.
const char *sl_reading_shape(const struct sl_contract_column *column);
// "a decimal(12,2)", "an integer", "a date of the format '%d.%m.%Y'": for messages.
void sl_reading_describe(const struct sl_contract_column *column, struct sl_buf *text);

// The same for rules over SL_PASS_FLAGGED.
SL_MUST int sl_reading_flagged(const struct sl_reading *reading, struct sl_arena *arena,
                               struct sl_reading *ret, struct sl_err *err);

// One layer's select items for the column, each preceded by ", ". Layers that have nothing for it
// add nothing.
typedef void sl_reading_layer(const struct sl_reading *reading, enum sl_pass_rows rows,
                              struct sl_buf *sql);
sl_reading_layer sl_reading_raw, sl_reading_doubt, sl_reading_trimmed, sl_reading_text,
    sl_reading_value, sl_reading_held;

// Whether a raw value of type `from`, which is no text, has a cast to the column's type that is
// exact or null. All others go through their text and its strict form.
bool sl_reading_is_exact(const struct sl_contract_column *column, const char *from,
                         const char *type);
// That cast of the SQL `value`, or a null if there is none; returns whether there is.
bool sl_reading_cast(const struct sl_contract_column *column, const char *from, const char *type,
                     const char *value, struct sl_buf *sql);
// The strict look at a text and the cast, null for what it refuses. Years are not looked at yet.
void sl_reading_strict(const struct sl_contract_column *column, const char *type, const char *text,
                       struct sl_buf *sql);
// The same of columns with formats (spec/value_format.h).
void sl_reading_numbers(const struct sl_contract_column *column, const char *type, const char *text,
                        struct sl_buf *sql);
void sl_reading_booleans(const struct sl_contract_column *column, const char *text,
                         struct sl_buf *sql);
bool sl_reading_is_number(enum sl_type_kind kind);
// Whether a raw value of type `from` is one of the column's kind already, so that the column's
// formats say nothing of its text.
bool sl_reading_is_typed(const struct sl_contract_column *column, const char *from);
// sl_reading_strict() without them.
void sl_reading_unformatted(const struct sl_contract_column *column, const char *type,
                            const char *text, struct sl_buf *sql);

bool sl_reading_has_years(enum sl_type_kind kind);
// "between date '0001-01-01' and date '9999-12-31'"
void sl_reading_years(const struct sl_contract_column *column, struct sl_buf *sql);

// ('a', 'b')
void sl_sql_list(const struct sl_strs *values, struct sl_buf *sql);

#endif
