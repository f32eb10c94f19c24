// The quality of a table in five scores, out of what its commits say.
#ifndef SL_RUN_QUALITY_H
#define SL_RUN_QUALITY_H

#include "run/run.h"

// One dimension. Its value is the mean of two shares, or the one there is: of the rows that break
// no row rule of the dimension, and of its checks that pass.
struct sl_score {
    double value;   // 0 to 1; -1: nothing is claimed
    bool has_rules; // row rules are of this dimension
    int64_t broken; // rows that break at least one of them
    int64_t checks, passed;
};
struct sl_quality {
    const char *table; // "clean.orders"
    int64_t version;   // -1: it is not there
    int64_t time_ms;   // of the version
    int64_t rows_in;   // of the newest commit that took rows: what reasons are out of; 0: none
    struct sl_reason_count *reasons;
    size_t reason_count;
    struct sl_broken broken;        // not known: at most as many rows as reasons
    struct sl_check_result *checks; // of the newest commit that was checked
    size_t check_count;
    struct sl_score scores[SL_DIMENSIONS];
};
// Fills the scores from the rest. `contract` says what its rules are about; NULL: it has none.
void sl_quality_score(struct sl_quality *quality, const struct sl_contract_table *contract);
// Reads it from the log of a table; needs no engine.
SL_MUST int sl_quality_read(const struct sl_node *node, const struct sl_project *project,
                            struct sl_arena *arena, struct sl_quality *ret, struct sl_err *err);
// {"timeliness": {"score", "rows", "broken", "checks", "passed"}, ...}; null where nothing is
// claimed. NULL out of memory.
json_t *sl_quality_json(const struct sl_quality *quality);

#endif
