// The SQL of the pass as a whole: the layers of the prepared relation, the flag, the reasons, the
// payload.
#ifndef SL_CONTRACT_RELATION_H
#define SL_CONTRACT_RELATION_H

#include "contract/rule.h"

struct sl_relation_input {
    const struct sl_contract_table *table;
    const struct sl_column *raw;
    size_t raw_count;
    struct sl_reading *readings; // per contract column
    struct sl_arena *arena;
    bool has_protected; // a column of clean
};
// Fills heads, select, tail, is_bad, reasons, warnings, filter, payload and corrupt from the pass's
// rules.
SL_MUST int sl_relation_build(const struct sl_relation_input *input, struct sl_pass *pass,
                              struct sl_err *err);

#endif
