// The calls of sl_engine_duckdb that run statements, and reading of their rows.
#ifndef SL_ENGINE_DUCKDB_QUERY_H
#define SL_ENGINE_DUCKDB_QUERY_H

#include "engine/duckdb/session.h"

// What a null partition value is called in the name of a folder.
#define SL_DUCKDB_HIVE_NULL "__HIVE_DEFAULT_PARTITION__"

int sl_duckdb_exec(struct sl_session *session, const char *sql, int64_t *affected,
                   struct sl_err *err);
int sl_duckdb_query(struct sl_session *session, const char *sql, int64_t max_rows,
                    struct sl_result **ret, struct sl_err *err);
int sl_duckdb_describe(struct sl_session *session, const char *sql, struct sl_arena *arena,
                       struct sl_column **ret, size_t *ret_count, struct sl_err *err);
int sl_duckdb_create_view(struct sl_session *session, const char *schema, const char *name,
                          const char *sql, struct sl_err *err);
int sl_duckdb_parse(struct sl_session *session, const char *const *sql, size_t count,
                    struct sl_arena *arena, const char **ret_json, struct sl_err *err);
int sl_duckdb_scan_sql(struct sl_session *session, const struct sl_scan *scan, struct sl_buf *sql,
                       struct sl_err *err);
int sl_duckdb_stage(struct sl_session *session, const char *sql,
                    const struct sl_stage_options *options, struct sl_arena *arena,
                    struct sl_staged *ret, struct sl_err *err);

// Calls `row` for each row of an answer that has run; it may fail and so end the loop.
typedef int sl_duckdb_row(void *self, duckdb_data_chunk chunk, idx_t row, struct sl_err *err);
SL_MUST int sl_duckdb_each_row(struct sl_duckdb_answer *answer, const struct sl_duckdb_sql *sql,
                               sl_duckdb_row *row, void *self, struct sl_err *err);

#endif
