// What a contract decides, as JSON that can be kept, and which rows a later contract may decide
// otherwise. Pure.
#ifndef SL_CONTRACT_CHANGE_H
#define SL_CONTRACT_CHANGE_H

#include "api/engine.h"
#include "base/json.h"
#include "spec/contract.h"

// Everything that decides what clean and quarantine hold, with the rules that columns have without
// being asked.
SL_MUST int sl_contract_state(const struct sl_contract_table *table, struct sl_arena *arena,
                              json_t **ret, struct sl_err *err);

// Takes out of a state the other names of columns that raw has no column for: to its rows a
// contract says the same with and without them.
void sl_contract_state_forget(json_t *state, const struct sl_column *raw, size_t raw_count);

// The contract that has this state; *ret is NULL if there is none, for the state is damaged. Places
// and budgets are no part of a state, and of a key only its id (personal_key_id). `digest` becomes
// the table's own.
SL_MUST int sl_contract_restore(const json_t *state, const char *digest, struct sl_arena *arena,
                                struct sl_contract_table **ret, struct sl_err *err);

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

// What a change means to whoever reads the clean table.
enum sl_contract_level {
    SL_CONTRACT_SAME,     // texts, owners, order
    SL_CONTRACT_ADDITIVE, // more columns, or stricter rules
    SL_CONTRACT_WEAKER,   // values may come that could not before
    SL_CONTRACT_BREAKING, // queries fail or mean something else, or readers must act
};
const char *sl_contract_level_name(enum sl_contract_level level); // "breaking"
struct sl_contract_difference {
    enum sl_contract_level level;
    const char *table, *column; // column may be NULL
    const char *what;           // "integer of 64 bits, was of 32"
};
struct sl_contract_diff {
    struct sl_contract_difference *items;
    size_t count;
    enum sl_contract_level level; // the highest
    struct sl_arena *arena;
};
// Compares two states of a table (sl_contract_state); either may be NULL: it is new, or gone.
SL_MUST int sl_contract_diff_table(const json_t *before, const json_t *now,
                                   struct sl_contract_diff *diff, struct sl_err *err);
// The rules among it; both are there.
SL_MUST int sl_contract_diff_rules(const json_t *before, const json_t *now,
                                   struct sl_contract_diff *diff, struct sl_err *err);
// Columns of a table without a contract as a state, to be compared with another such; those of
// `not_null` are known to have no nulls. Nested types are taken apart.
SL_MUST int sl_contract_columns_state(const struct sl_column *columns, size_t count,
                                      const struct sl_strs *not_null, struct sl_arena *arena,
                                      json_t **ret, struct sl_err *err);
// What of a contract no state holds, for it decides no row: classifications, dimensions, and the
// checks of the whole table.
SL_MUST int sl_contract_diff_claims(const struct sl_contract_table *before,
                                    const struct sl_contract_table *now,
                                    struct sl_contract_diff *diff, struct sl_err *err);
SL_MUST int sl_contract_diff_checks(const struct sl_contract_table *before,
                                    const struct sl_contract_table *now,
                                    struct sl_contract_diff *diff, struct sl_err *err);
// Copies the texts; `column` may be NULL.
SL_MUST int sl_contract_diff_add(struct sl_contract_diff *diff, enum sl_contract_level level,
                                 const char *table, const char *column, const char *what,
                                 struct sl_err *err);
// Whether it is known of a kind of rule what makes it stricter.
bool sl_contract_compares(const char *kind);
// Whether all that breaks the rule `now` of contract `now_contract` breaks the rule `before`, too.
bool sl_contract_rule_is_weaker(const json_t *now_contract, const json_t *before,
                                const json_t *now);

#endif
