// Contract compiler: a contract table -> the SQL of one vectorised pass over raw rows. Pure: text in, text out.
//
// Raw rows are a relation with the source's columns (text as text, typed as typed) and _source (text), _position (bigint, 1-based
// record in the file), _ingested_at, _corrupt (blob: the bytes of a record that could not be split; then every other column of
// the source is null). The pass gives each raw row to exactly one of: clean, quarantine, deduplicated, filtered.
#ifndef SL_CONTRACT_COMPILE_H
#define SL_CONTRACT_COMPILE_H

#include "api/engine.h"
#include "spec/contract.h"

struct sl_pass {
    struct sl_column *columns; // of the clean table: the contract's, kept extra ones, then _source VARCHAR, _position BIGINT
    size_t column_count;
    const char *const *key; // primary key columns, in order
    size_t key_count;
    // Expressions over the raw relation, aliased r.
    const char **typed;   // per clean column: its value; null where it cannot be parsed
    const char *is_bad;   // boolean, never null: at least one rule of severity reject broken, or the line is corrupt
    const char *reasons;  // STRUCT(rule VARCHAR, "column" VARCHAR, message VARCHAR)[]: every broken rule of severity reject
    const char *warnings; // the same for severity warn; NULL if no rule warns
    const char *filter;   // boolean, never null; NULL if nothing is filtered
    const char *payload;  // VARCHAR: JSON object of the raw columns as received
    // "a.updated_at desc nulls last, a._source desc, a._position desc" with the alias left to the caller as %s.
    const char *const *order_columns; // names of clean columns, _source and _position last
    const bool *order_is_desc;
    size_t order_count;
};

// The columns of every quarantine table: payload VARCHAR, reasons STRUCT(...)[], at TIMESTAMP WITH TIME ZONE, run_id VARCHAR,
// _source VARCHAR, _position BIGINT, corrupt BLOB.
extern const struct sl_column sl_quarantine_columns[];
extern const size_t sl_quarantine_column_count;

// `raw` are the columns that the raw table has now; a contract column without its raw column is null everywhere, which is a reject
// where it is required, and a diagnostic (warning) in any case. Rules that cannot be compiled are diagnostics with their place.
SL_MUST int sl_contract_compile(const struct sl_contract_table *table, const struct sl_column *raw, size_t raw_count,
                                struct sl_arena *arena, struct sl_diags *diags, struct sl_pass *ret, struct sl_err *err);
// The clean table's columns without any raw table at hand: for `check`.
SL_MUST int sl_contract_columns(const struct sl_contract_table *table, struct sl_arena *arena, struct sl_column **ret,
                                size_t *ret_count, struct sl_err *err);

#endif
