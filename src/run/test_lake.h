// The parts of running a test, shared between its files.
#ifndef SL_RUN_TEST_LAKE_H
#define SL_RUN_TEST_LAKE_H

#include "run/testing.h"

struct sl_test_clocks;

// A lake of one test, with the project as it sees it.
struct sl_test_lake {
    const struct sl_test_case *test;
    struct sl_test_outcome *outcome;
    const struct sl_test_clocks *clocks;
    struct sl_accepted_contracts *accepted;
    const struct sl_map *catalog; // columns of tables, as far as they are known
    struct sl_world world;        // the project's graph and engine over `project`
    struct sl_project project;
    const char *folder;
    const char *project_folder; // the real one
    struct sl_arena *arena;     // of the outcome
    size_t run;                 // now
    int64_t clock_us;
    const atomic_bool *stop;
    const struct sl_mutant *mutant; // or NULL
    int64_t shown_rows;             // of those that differ
};

// A session in which it is the time of the run, whoever asks.
SL_MUST int sl_test_session(struct sl_test_lake *lake, struct sl_session **ret, struct sl_err *err);
struct sl_step_context sl_test_context(struct sl_test_lake *lake, struct sl_session *session);

// Rows of a test as a relation of texts. Columns are as the test names them.
struct sl_test_relation {
    const char *sql; // for FROM: "~ord" BIGINT from 1 on, then the columns; no columns: no rows
    const char **columns;
    size_t count;
    int64_t row_count; // of inline rows; -1: unknown
};
SL_MUST int sl_test_relation(struct sl_test_lake *lake, struct sl_session *session,
                             const struct sl_test_table *table, struct sl_test_relation *ret,
                             struct sl_err *err);
// Where row `ord` stands, and its column, if they have a place of their own.
struct sl_place sl_test_row_place(const struct sl_test_table *table, int64_t ord,
                                  const char *column);
// A list, struct or map, which tests write as such.
bool sl_test_is_nested(const char *type);
// SQL that makes a value of `type` out of a text; null where it is none.
void sl_test_cast(const char *text_sql, const char *type, struct sl_buf *sql);
// SQL that is true where such a text is not just the value.
void sl_test_is_inexact(const char *text_sql, const char *value_sql, const char *type,
                        struct sl_buf *sql);
// A value as JSON: scalars as they are written where JSON has such, else as texts.
void sl_test_add_json(const struct sl_yaml *node, struct sl_buf *json);
// The columns of inline rows, in order of appearance.
SL_MUST int sl_test_columns(const struct sl_yaml *rows, struct sl_arena *arena, struct sl_strs *ret,
                            struct sl_err *err);
// The value of a column in a row, or NULL.
const struct sl_yaml *sl_test_value(const struct sl_yaml *row, const char *column);

// Gives what the run gives: files of sources, rows of tables.
SL_MUST int sl_test_give(struct sl_test_lake *lake, const struct sl_test_run *run,
                         struct sl_err *err);
// The bytes of a source's file with these rows, written as the source's files are.
SL_MUST int sl_test_write_source(struct sl_test_lake *lake, const struct sl_source *source,
                                 const struct sl_test_table *table, const char *path,
                                 struct sl_err *err);
// Compares a table with what is expected of it; differences become findings.
SL_MUST int sl_test_compare(struct sl_test_lake *lake, const struct sl_test_table *table,
                            struct sl_err *err);
// Adds what was not as expected, with `err` as it is; returns it for rows to be added, or NULL out
// of memory.
struct sl_test_finding *sl_test_find(struct sl_test_lake *lake, const struct sl_err *err,
                                     const char *table);

#endif
