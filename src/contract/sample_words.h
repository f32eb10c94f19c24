// What the SQL of a contract's rules says of values: words to try in the columns that it names.
#ifndef SL_CONTRACT_SAMPLE_WORDS_H
#define SL_CONTRACT_SAMPLE_WORDS_H

#include "api/engine.h"
#include "spec/contract.h"

struct sl_sample_hint {
    const char *path;     // of the column: "amount", "address.zip"
    struct sl_strs words; // constants beside it, and what is next to them
    struct sl_strs peers; // columns beside it
};
struct sl_sample_hints {
    struct sl_sample_hint *items;
    size_t count;
};
// Of all expressions, and conditions of rules. What does not parse has none.
SL_MUST int sl_sample_hints(const struct sl_contract_table *table, struct sl_session *session,
                            uint64_t seed, struct sl_arena *arena, struct sl_sample_hints *ret,
                            struct sl_err *err);
// NULL: nothing is said of it.
const struct sl_sample_hint *sl_sample_hint_of(const struct sl_sample_hints *hints,
                                               const char *path);

#endif
