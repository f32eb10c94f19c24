// What a good contract has, and this one has not.
#ifndef SL_CONTRACT_LINT_H
#define SL_CONTRACT_LINT_H

#include "spec/contract.h"

// Adds a warning for each finding, at its place. What is wrong with the contract was told when it
// was read. `arena`: for hints.
void sl_contract_lint(const struct sl_contract *contract, struct sl_arena *arena,
                      struct sl_diags *diags);

#endif
