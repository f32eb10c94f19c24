// Whether a condition is true or false, and cannot fail, for every row that has a value in all
// columns: a rule that is null, or cannot be computed, is kept.
#ifndef SL_CONTRACT_CERTAIN_H
#define SL_CONTRACT_CERTAIN_H

#include "spec/contract.h"
#include "sql/tree.h"

// `node`: an expression of the engine's tree, over columns of `table`. Only forms that are sure.
bool sl_condition_is_certain(const struct sl_contract_table *table, const struct sl_ast *node);

#endif
