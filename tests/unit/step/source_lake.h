// A source of files and its raw table in a temporary folder, for tests of the ingest step.
#ifndef TESTS_STEP_SOURCE_LAKE_H
#define TESTS_STEP_SOURCE_LAKE_H

#include "api/kinds.h"
#include "step/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

struct source_lake {
    char folder[64]; // of the project; files go to data/ in it
    struct sl_engine *engine;
    struct sl_session *session;
    struct sl_arena arena;
    struct sl_project project;
    struct sl_source source;
    const char *paths[2];
    struct sl_step_context context;
    struct sl_step_progress progress;
    struct sl_step_result result;
    struct sl_err err;
    atomic_bool stop;
};

// What the source's parts do beyond being files, once each: the hook is called around start() and
// finish() of the real connector.
struct source_hooks {
    struct source_lake *lake;
    void (*on_start)(struct source_lake *lake);
    void (*on_finish)(struct source_lake *lake, struct sl_source_end *end);
    bool breaks_sql; // the engine is given nonsense
    int starts, careful_starts;
};
extern struct source_hooks source_hooks;

int source_lake_setup(void **state);
int source_lake_teardown(void **state);

// Writes data/NAME, one millisecond later than the one before.
void source_lake_put(struct source_lake *lake, const char *name, const char *text);
void source_lake_put_bytes(struct source_lake *lake, const char *name, const void *bytes,
                           size_t length);
void source_lake_touch(struct source_lake *lake, const char *name);
void source_lake_remove(struct source_lake *lake, const char *name);
const char *source_lake_path(struct source_lake *lake, const char *name);
void source_lake_set_path(struct source_lake *lake, const char *pattern); // default data/*

int source_lake_run(struct source_lake *lake);
// Fails the test if the step does, or has another outcome.
void source_lake_must(struct source_lake *lake, enum sl_step_outcome outcome);
struct sl_pending source_lake_pending(struct source_lake *lake);
struct sl_delta_snapshot source_lake_snapshot(struct source_lake *lake);
// "id VARCHAR, ..." of the raw table, without the four columns of every raw table.
const char *source_lake_columns(struct source_lake *lake);
// All rows by _source and _position: cells by '|', null as '-', but _ingested_at; _corrupt as
// DuckDB prints it.
const char *source_lake_rows(struct source_lake *lake);
// One value over the view raw.orders.
const char *source_lake_query(struct source_lake *lake, const char *sql);
void source_lake_exec(struct source_lake *lake, const char *sql);
// As OPTIMIZE and DELETE of other programs do it: the rows in one new file, without tags.
void source_lake_rewrite(struct source_lake *lake, const char *select);

#endif
