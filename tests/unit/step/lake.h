// A lake in a temporary folder, with raw tables made from SQL, for tests of the cleanse step.
#ifndef TESTS_STEP_LAKE_H
#define TESTS_STEP_LAKE_H

#include "step/step.h"

struct lake {
    struct sl_engine *engine;
    struct sl_session *session;
    struct sl_arena arena;
    struct sl_project project;
    struct sl_source source;
    struct sl_contract_column columns[4];
    struct sl_contract_table contract;
    struct sl_step_context context;
    struct sl_step_result result;
    struct sl_err err;
    atomic_bool stop;
};

// A fresh lake and the contract of orders: id BIGINT key, amount DECIMAL(12,2) >= 0 required,
// updated_at TIMESTAMP order, note VARCHAR.
int lake_setup(void **state);
int lake_teardown(void **state);
// Empties the lake's folder.
void lake_reset(struct lake *lake);

// Adds a raw file named `source`; `values` are rows ('1', '2.50', '2025-01-01T00:00:00Z', 'note')
// in SQL. A row 'corrupt' in the first place is a corrupt line.
void lake_add(struct lake *lake, const char *source, const char *values);
// The same for a file made by any SELECT of id, amount, updated_at, note (all VARCHAR), with
// _position by its order.
void lake_add_select(struct lake *lake, const char *source, const char *select);
// The file's rows become these: as ingest does when a source file changed.
void lake_change(struct lake *lake, const char *source, const char *values);
void lake_remove(struct lake *lake, const char *source);

int lake_run(struct lake *lake);       // the step's code; result and err are in the lake
void lake_must_run(struct lake *lake); // fails the test if the step does

// The first column of a query over views clean.orders, quarantine.orders, raw.orders as they stand,
// rows joined by newlines.
const char *lake_query(struct lake *lake, const char *sql);
int64_t lake_version(struct lake *lake, enum sl_layer layer);
struct sl_record lake_record(struct lake *lake, enum sl_layer layer);
// The version of raw that the record of the layer's table was made from, and that table's id.
int64_t lake_built_from(struct lake *lake, enum sl_layer layer, const char **ret_id);
size_t lake_file_count(struct lake *lake, enum sl_layer layer);
// Writes a checkpoint and removes all commits from the log, as another tool's clean-up would.
void lake_clean_log(struct lake *lake, enum sl_layer layer);
// Removes the table.
void lake_drop(struct lake *lake, enum sl_layer layer);
// Takes back the newest commit, as if the process had died before it.
void lake_uncommit(struct lake *lake, enum sl_layer layer);
// Rows of clean and quarantine that must not depend on how the files came.
const char *lake_digest(struct lake *lake);
void lake_assert_balance(struct lake *lake, int64_t in, int64_t out, int64_t quarantined,
                         int64_t deduplicated, int64_t filtered);

#endif
