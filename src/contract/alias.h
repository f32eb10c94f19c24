// Columns that the source had under other names. Below the prepared relation the raw one is
// wrapped, so that such a column has under its name what the row has under the first of its names:
//
//     "~o3"  the raw value under the column's own name, as received
//     "~c3"  of names that have other types each: the value as the type of the clean column, where
//            it comes under a name of which a cast gives that; the others come as text
//     "~u3"  of such names and a column with formats: whether the row's text was a value of the
//            column's kind under its name, of which they say nothing
//
// Which names a row is read under is told by its _ingested_at, so that it is the same whenever it
// is read.
#ifndef SL_CONTRACT_ALIAS_H
#define SL_CONTRACT_ALIAS_H

#include "contract/read.h"

// How a raw value is put together.
struct sl_merge {
    const char *name, *type; // of the wrapped relation's column
    const char *value;       // SQL over the raw relation, r
    bool has_original;       // raw has a column of this name, too
    const char *cast;        // SQL over the raw relation: "~c3"; NULL: there is none
    const char *typed;       // the same: "~u3"
    // Over the prepared relation: names that have other values each, and what to say of it. NULL:
    // there is one name only.
    const char *differs, *message;
};

struct sl_alias_input {
    const struct sl_contract_table *table; // as extended by sl_drift_extend
    const struct sl_column *raw;
    size_t raw_count;
    struct sl_arena *arena;
};

// The alias that a raw column has in the contract, or NULL; *ret_column (may be NULL) is whose it
// is.
const struct sl_contract_alias *sl_alias_find(const struct sl_contract_table *table,
                                              const char *raw_name,
                                              const struct sl_contract_column **ret_column);
// The table with aliases of its own, on which who knows the rows may set is_over.
SL_MUST int sl_alias_copy(const struct sl_contract_table *table, struct sl_arena *arena,
                          struct sl_contract_table **ret, struct sl_err *err);
// " and ...": true of rows, over the prepared relation, that came when the name was over. Nothing
// for what is no alias.
void sl_alias_late(const struct sl_contract_table *table, const char *raw_name, struct sl_buf *sql);
// What the table's column at `index` is read from where that is not the raw column of its name
// as it stands; else *ret is NULL.
SL_MUST int sl_alias_merge(const struct sl_alias_input *input, size_t index,
                           const struct sl_merge **ret, struct sl_err *err);
// "(select * replace (...) from ", and what ends it; nothing where no reading is merged.
void sl_alias_wrap(const struct sl_reading *readings, size_t count, struct sl_buf *sql);
bool sl_alias_is_any(const struct sl_reading *readings, size_t count);
// ", cast(null as VARCHAR) as "~o3"": what sl_merge.differs looks at.
void sl_alias_nulls(const struct sl_alias_input *input, struct sl_buf *sql);

#endif
