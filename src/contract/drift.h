// What happens to columns of the source that the contract does not know.
#ifndef SL_CONTRACT_DRIFT_H
#define SL_CONTRACT_DRIFT_H

#include "contract/compile.h"

#define SL_DRIFT_RULE_SUFFIX ".unexpected"

// Whether a raw column is one that the contract should know and does not. An old name of a column
// is known until raw has rows that came after its last day.
bool sl_drift_is_unknown(const struct sl_contract_table *table, const struct sl_column *raw);
// The same, whatever rows there are.
bool sl_drift_may_be_unknown(const struct sl_contract_table *table, const struct sl_column *raw);
// The contract with the columns that it takes over from raw (drift.new_columns: evolve); the same
// if it takes none. They are optional, and what their type cannot hold is null and a warning.
SL_MUST int sl_drift_extend(const struct sl_contract_table *table, const struct sl_column *raw,
                            size_t raw_count, struct sl_arena *arena,
                            const struct sl_contract_table **ret, struct sl_err *err);
// The rule that a column of raw is empty, under quarantine_row and fail. `index` in raw.
SL_MUST int sl_drift_rule(const struct sl_contract_table *table, const struct sl_column *raw,
                          size_t index, struct sl_arena *arena, struct sl_pass_rule *ret,
                          struct sl_err *err);

#endif
