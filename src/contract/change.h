// What a contract decides, as JSON that can be kept, and which rows a later contract may decide
// otherwise. Pure.
#ifndef SL_CONTRACT_CHANGE_H
#define SL_CONTRACT_CHANGE_H

#include "base/json.h"
#include "spec/contract.h"

// Everything that decides what clean and quarantine hold, with the rules that columns have without
// being asked.
SL_MUST int sl_contract_state(const struct sl_contract_table *table, struct sl_arena *arena,
                              json_t **ret, struct sl_err *err);

// Which rows must be read again for the tables to be what the new contract makes of them all.
// Accepted rows stay as they are unless `why_all` is set, or one of them breaks an `unproven` rule.
struct sl_contract_change {
    const char *why_all;     // "column 'note' is new": every row; NULL: not so
    bool all_rejected;       // every rejected row, for it may have other reasons now
    struct sl_strs rules;    // else those that one of these rules has rejected, by id
    struct sl_strs unproven; // rules that may reject what was accepted before, by id
};
SL_MUST int sl_contract_compare(const json_t *before, const json_t *now, struct sl_arena *arena,
                                struct sl_contract_change *ret, struct sl_err *err);

#endif
