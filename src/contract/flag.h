// The flag of SL_PASS_FLAGGED in fewer expressions: which rules' parts others cover. The flag says
// only whether any rule is broken, and the engine computes every part for every row.
#ifndef SL_CONTRACT_FLAG_H
#define SL_CONTRACT_FLAG_H

#include "contract/compile.h"
#include "contract/read.h"

// `rules` are those of one column, compiled. Changes their `flag` only.
SL_MUST int sl_flag_shorten(const struct sl_reading *reading, struct sl_pass_rule *rules,
                            size_t count, struct sl_arena *arena, struct sl_err *err);

#endif
