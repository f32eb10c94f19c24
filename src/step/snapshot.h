// Write mode snapshot: every version that a row ever had, each with the time in which it held.
//
// Per key the table is what follows from a set of events:
//   version  from its time on the row was so: its `updated_at`, or without one the clock of the run
//            that first saw it
//   gone     `deletes: close`: a run found the key missing from the result, at that run's clock
//   back     `deletes: close`: it was there again, in no newer version
// A version or `back` opens a row that holds until the next event. So the rows depend on which
// events there were, not on the order in which runs came to know of them; the table's own rows tell
// all former events again, and what the inputs no longer hold is never lost.
#ifndef SL_STEP_SNAPSHOT_H
#define SL_STEP_SNAPSHOT_H

#include "step/model.h"

#define SL_VALID_FROM "valid_from"
#define SL_VALID_TO "valid_to"
#define SL_IS_CURRENT "is_current"

// The columns of a model's table out of those of its query, in the arena: a snapshot has three
// more.
SL_MUST int sl_model_table_columns(const struct sl_model *model, const struct sl_column *columns,
                                   size_t count, struct sl_arena *arena, struct sl_column **ret,
                                   size_t *ret_count, struct sl_err *err);

// In step->stored: the table's columns in their order, new ones behind them. Refuses a result that
// lacks a column of the history, or has it in another type; and whatever would throw a history away
// without being told to.
SL_MUST int sl_snapshot_guard(struct sl_model_step *step, struct sl_err *err);
SL_MUST int sl_snapshot_columns(struct sl_model_step *step, struct sl_err *err);
// Stages the rows that change when the rows of `sql` have been seen, and proves that they tell one
// history per key.
SL_MUST int sl_snapshot_stage(struct sl_model_step *step, const char *sql, struct sl_err *err);
// What the table's history is told by, kept with the code.
SL_MUST int sl_snapshot_keep(struct sl_model_step *step, struct sl_err *err);

// Within the snapshot.
struct sl_snapshot {
    struct sl_model_step *step;
    struct sl_delta_snapshot table; // version -1: there is no history yet
    bool is_changed_code;           // of versions with one time, the one that is computed now wins
    const char *updated_at;         // quoted; NULL: the clock
    bool closes;
    const char *clock;       // SQL, in the type of valid_from
    const char *key, *key_a; // "k", "l"; _a."k", _a."l"
    const char *columns, *columns_a;
    const char *match; // _a."k" is not distinct from _b."k" and ...
    const char *same;  // the same for all columns of the query
    const char *order; // of two different versions with one time the first stays
    int64_t news, back, added, dropped;
};
// From the new rows (_rows) to the table's rows that they concern (_old) and all versions of these
// keys (_versions); then to what is added (_added) and what is dropped (_dropped).
SL_MUST int sl_snapshot_read(struct sl_snapshot *snapshot, const char *sql, struct sl_err *err);
SL_MUST int sl_snapshot_tell(struct sl_snapshot *snapshot, struct sl_err *err);
SL_MUST int sl_snapshot_exec(struct sl_snapshot *snapshot, const struct sl_buf *sql,
                             int64_t *ret_rows, struct sl_err *err);

#endif
