// What no value and no row can ever keep: rules that exclude each other, or themselves.
#ifndef SL_CONTRACT_POSSIBLE_H
#define SL_CONTRACT_POSSIBLE_H

#include "contract/compile.h"
#include "sql/tree.h"

struct sl_possible {
    const struct sl_contract_table *table;
    const struct sl_column *raw;
    size_t raw_count;
    const struct sl_pass *pass;
    struct sl_session *session;
    struct sl_arena *arena;
    struct sl_diags *diags;
};
// For all rows, and rejecting.
bool sl_possible_is_strict(const struct sl_rule *rule);
// Whether every accepted row has a value there: it is required, and what is no value of its type
// rejects the row as well.
bool sl_possible_is_present(const struct sl_contract_column *column);
// The tree of a condition; NULL if it does not parse, or is too deep to be judged.
SL_MUST int sl_possible_parse(const struct sl_possible *possible, const char *condition,
                              const struct sl_ast **ret, struct sl_err *err);
// Texts that no two rules of a column take (possible_text.c): proven without the engine.
SL_MUST int sl_possible_texts(const struct sl_possible *possible, struct sl_err *err);
// Valid values and defaults, judged by the compiled rules of their column in the engine.
SL_MUST int sl_possible_values(const struct sl_possible *possible, struct sl_err *err);
// Numbers and days between the bounds of a column and of its type that are multiples of what they
// have to be, and fall on the days of the week that they have to
// (possible_number.c).
SL_MUST int sl_possible_numbers(const struct sl_possible *possible, struct sl_err *err);
// Columns that must have a value and must have none, by a rule, a list of values that all mean
// null, or a check that counts nulls (possible_null.c).
SL_MUST int sl_possible_nulls(const struct sl_possible *possible, struct sl_err *err);
// Two columns that must compare in ways of which one excludes the other (possible_compare.c).
SL_MUST int sl_possible_compares(const struct sl_possible *possible, struct sl_err *err);
// The same over more columns: orders that go round in a circle, or for which bounds leave no room
// (possible_chain.c). To be asked where no two rules exclude each other.
SL_MUST int sl_possible_chains(const struct sl_possible *possible, struct sl_err *err);
// Conditions that the engine finds to be true for no row (possible_row.c).
SL_MUST int sl_possible_rows(const struct sl_possible *possible, struct sl_err *err);

// "no value can keep both of its rules", at the second; once.
void sl_possible_excludes(const struct sl_possible *possible,
                          const struct sl_contract_column *column, const struct sl_rule *first,
                          const struct sl_rule *second);
// "no value can keep all of its rules", at the last of the `count` in the order of the contract.
SL_MUST int sl_possible_excludes_all(const struct sl_possible *possible,
                                     const struct sl_contract_column *column,
                                     const struct sl_rule *const *rules, size_t count,
                                     struct sl_err *err);
// True for what the engine says of a statement; out of memory, interrupted and the like are none.
bool sl_possible_is_refusal(enum sl_code code);

#endif
