// The SQL that protects personal values (spec/contract.h).
#ifndef SL_CONTRACT_PERSONAL_H
#define SL_CONTRACT_PERSONAL_H

#include "contract/rule.h"

#define SL_PERSONAL_TYPE "VARCHAR" // of every protected column

// Whether clean has the column's values in another form than received.
bool sl_personal_is_protected(const struct sl_contract_column *column);
bool sl_personal_is_any_protected(const struct sl_contract_table *table);
// The column whose protection values under this name of raw need: a protected one that is read from
// it, also under an old name, or that is called so while no other one is read from it. NULL: none.
const struct sl_contract_column *sl_personal_of_raw(const struct sl_contract_table *table,
                                                    const char *raw_name);
// The protected form of `value`, SQL of any type; null stays null. Not for what is dropped. The key
// is nowhere in it: it stands for variables of the session (sl_personal_key_sql), and without them
// the query fails.
void sl_personal_value(const struct sl_personal *personal, const char *value, struct sl_buf *sql);
// "~z3", or the quoted name of a column that is not protected: over the prepared relation.
void sl_personal_name_in(const struct sl_contract_table *table, const char *column,
                         struct sl_buf *sql);
// Whether a column of the contract is as it was received, of values that another one protects.
bool sl_personal_is_bare_twin(const struct sl_contract_table *table, const char *name);
// Whether the rule's own message might show a personal value; and one that does not.
bool sl_personal_is_judged(const struct sl_contract_table *table, const struct sl_rule *rule,
                           const struct sl_reading *reading);
void sl_personal_message(const struct sl_rule *rule, struct sl_buf *sql);

#endif
