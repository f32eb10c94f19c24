// The parts of the model step, shared between its files.
#ifndef SL_STEP_MODEL_H
#define SL_STEP_MODEL_H

#include "step/step.h"

struct sl_model_input {
    const char *table, *name, *folder;
    enum sl_layer layer;
    int64_t version;    // now
    const char *id;     // of the table
    int64_t built_from; // -1: the table was not an input then
    bool is_driving;
};

// How much of the result is recomputed.
enum sl_model_scope {
    SL_SCOPE_ALL,        // everything, from all rows of all inputs
    SL_SCOPE_ALL_ROWS,   // the query over all rows of all inputs, held against the table's rows
    SL_SCOPE_NEW_ROWS,   // the query over the driving table's new files gives just the new rows
    SL_SCOPE_PARTITIONS, // the partitions that changed rows of the driving table belong to
    SL_SCOPE_NONE,       // the inputs have new versions but no changed rows
};

struct sl_model_step {
    struct sl_step_context *context;
    const struct sl_model *model;
    const struct sl_query *query;
    const char *fingerprint;
    const char *app_id; // "model daily_revenue"
    const char *folder; // of the output table
    struct sl_delta_head head;
    struct sl_record record;
    struct sl_model_input *inputs;
    size_t input_count;
    const struct sl_delta_snapshot *driving_schema; // of the driving table, once it is needed
    bool only_foresees;                             // the driving table's view is not needed
    enum sl_model_scope scope;
    const char *why;          // for people
    const char *changed_by;   // another program, rows of the table; NULL: none did
    const char *value_prefix; // PARTITIONS: names of columns with the values, "~p" and a number
    const char *const *const
        *touched; // PARTITIONS: values per touched partition, as the engine's text
    size_t touched_count;
    struct sl_column *columns; // of the query
    size_t column_count;
    struct sl_column *stored; // of the table
    size_t stored_count;
    // The settings' columns, spelled as the result spells them.
    const char **partition_by, **key, **order_by;
    const char *updated_at; // snapshot; NULL: none
    bool *is_asc;           // parallel to order_by
    struct sl_staged staged;
    enum sl_delta_mode commit_mode;
    const struct sl_backfill_chunk
        *chunk;       // of a backfill; NULL: the step goes on from its position
    bool is_narrowed; // of a chunk: the driving table's view gives the rows of its partitions only
    const char *const *removed; // files of the table that give way, where only a part does
    size_t removed_count;
    struct sl_balance balance;
};

// Chooses the scope, never by guess: anything not proven to be partial is recomputed whole. Narrows
// the driving table's view.
SL_MUST int sl_model_scope(struct sl_model_step *step, struct sl_err *err);
// Whether the driving table's view holds all of its rows.
static inline bool sl_model_reads_all(const struct sl_model_step *step)
{
    return step->scope == SL_SCOPE_ALL || step->scope == SL_SCOPE_ALL_ROWS ||
           (step->chunk && !step->is_narrowed);
}
// How far the table has come, and what its inputs are now.
SL_MUST int sl_model_look(struct sl_model_step *step, struct sl_err *err);
// Views, columns, and the rows of the scope, staged.
SL_MUST int sl_model_compute(struct sl_model_step *step, struct sl_step_result *result,
                             struct sl_err *err);
// Views of all inputs that the query reads, and the query's columns.
SL_MUST int sl_model_describe(struct sl_model_step *step, struct sl_err *err);
// The commit of what is staged, but for its record.
SL_MUST int sl_model_commit(struct sl_model_step *step, struct sl_delta_commit *ret,
                            struct sl_err *err);
SL_MUST int sl_model_fill_result(struct sl_model_step *step, int64_t version,
                                 struct sl_step_result *ret, struct sl_err *err);
// The expression over the driving table's columns that gives a partition column; NULL: none does.
const char *sl_model_partition_expression(const struct sl_model_step *step, const char *name);
// Sets value_prefix.
SL_MUST int sl_model_name_values(struct sl_model_step *step, const struct sl_model_input *driving,
                                 struct sl_err *err);
// "(select <expression> as "~p0", ..., * from <files>)"
SL_MUST int sl_model_partition_rows(struct sl_model_step *step,
                                    const struct sl_model_input *driving,
                                    const struct sl_delta_file *files, size_t count,
                                    struct sl_buf *sql, struct sl_err *err);
// The driving table's view gives the rows of the partitions in the temporary table _touched only.
SL_MUST int sl_model_narrow(struct sl_model_step *step, const struct sl_model_input *driving,
                            struct sl_err *err);
// Stages the rows of `sql` as Parquet files of the output table.
SL_MUST int sl_model_stage(struct sl_model_step *step, const char *sql, struct sl_err *err);
// Write mode merge: the newest row per key of `sql`, against the table's rows when the scope is new
// rows.
SL_MUST int sl_model_merge(struct sl_model_step *step, const char *sql, struct sl_err *err);
// What of the table gives way, in files and rows; of new rows that are merged, sl_model_merge finds
// it.
SL_MUST int sl_model_replaced(struct sl_model_step *step, struct sl_err *err);
// Runs the model's checks on the table as it would be after the commit; SL_E_CHECK_FAILED names all
// that fail, each with an example.
// The table as it would be after the commit, as a relation.
SL_MUST int sl_model_scan(const struct sl_model_step *step, struct sl_scan *ret,
                          struct sl_err *err);
SL_MUST int sl_model_audit(struct sl_model_step *step, struct sl_step_result *result,
                           struct sl_err *err);

#endif
