// A whole contract in words: what `contract show` prints.
#ifndef SL_CLI_CONTRACT_SHOW_H
#define SL_CLI_CONTRACT_SHOW_H

#include "cli/contract_file.h"

// A source of the project that one of the contract's tables governs.
struct sl_contract_use {
    const struct sl_source *source;
    const struct sl_contract_table *table; // of the contract as shown
};
struct sl_contract_uses {
    struct sl_contract_use *items;
    size_t count;
};

// "tier 2, owner ada": what stands in a part of the contract, but for the keys in `except` (ended
// by NULL, may be NULL). Adds nothing for a part that is empty or NULL.
void sl_contract_words(const struct sl_yaml *node, const char *const *except, struct sl_buf *text);
// The same with `before` in front, if there is anything.
void sl_contract_more(const char *before, const struct sl_yaml *node, const char *const *except,
                      struct sl_buf *text);
// "primary key position" of "primaryKeyPosition".
void sl_contract_key_words(const char *key, struct sl_buf *text);
// "'a', 'b'", "from 0 to 10": what a rule asks. Into an empty text.
void sl_contract_rule_words(const struct sl_rule *rule, struct sl_buf *text);
// "mask, first 2 kept"; nothing for a column without protection.
void sl_contract_personal_words(const struct sl_personal *personal, struct sl_buf *text);

// Whether no value of the column by itself comes twice.
bool sl_contract_is_unique(const struct sl_contract_column *column);

// The contract but for its tables; and one table.
void sl_contract_show_head(const struct sl_contract *contract, struct sl_buf *text);
SL_MUST int sl_contract_show_table(const struct sl_contract_table *table,
                                   const struct sl_contract_uses *uses, struct sl_arena *arena,
                                   struct sl_buf *text, struct sl_err *err);

#endif
