// Values that are set aside: the row comes into clean with null in their place, and quarantine
// keeps what was received.
//
//     "~h3"  the value as rules judge it
//     "~v7"  whether it breaks the pass's rule 7
//     name   the same where it breaks none of them: what clean keeps, and what rules over the row,
//            foreign keys and uniqueness see
#ifndef SL_CONTRACT_ASIDE_H
#define SL_CONTRACT_ASIDE_H

#include "contract/relation.h"

// Why values of the column cannot be set aside ("it is required"); NULL if they can.
const char *sl_aside_why_not(const struct sl_contract_table *table,
                             const struct sl_contract_column *column);
// Whether values that break the rule are set aside: it says so, or the source says so of types.
bool sl_aside_is_rule(const struct sl_contract_table *table,
                      const struct sl_contract_column *column, const struct sl_rule *rule);
// Whether any rule of the column does so.
bool sl_aside_is_column(const struct sl_contract_table *table,
                        const struct sl_contract_column *column);
// A diagnostic, and false, where a rule that says so cannot.
bool sl_aside_check(const struct sl_contract_table *table, const struct sl_contract_column *column,
                    const struct sl_rule *rule, struct sl_diags *diags);
// Makes the rule look at "~v7"; `index` in the pass. What it looked at becomes its test.
SL_MUST int sl_aside_take(struct sl_pass_rule *rule, size_t index, struct sl_arena *arena,
                          struct sl_err *err);

// The layers above the columns and below all else, each ended by " from "; how many they are, the
// same for all forms.
size_t sl_aside_add_layers(const struct sl_relation_input *input, const struct sl_pass *pass,
                           enum sl_pass_rows rows, struct sl_buf *sql);
// ", ... as "~aside""
void sl_aside_add_flag(const struct sl_pass *pass, struct sl_buf *sql);
// Fills is_aside, flag and set_aside of the pass.
SL_MUST int sl_aside_build(const struct sl_relation_input *input, struct sl_pass *pass,
                           struct sl_err *err);

#endif
