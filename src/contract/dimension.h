// What rules are about, in the five dimensions of quality.
#ifndef SL_CONTRACT_DIMENSION_H
#define SL_CONTRACT_DIMENSION_H

#include "api/quality.h"
#include "spec/contract.h"

// Of the five, the one that the standard's seven come to.
enum sl_dimension sl_contract_dimension(const struct sl_rule *rule);
// Of the rule with this id, as reasons name it; those that columns have without being asked end
// with their kind.
enum sl_dimension sl_contract_dimension_named(const struct sl_contract_table *contract,
                                              const char *id);

#endif
