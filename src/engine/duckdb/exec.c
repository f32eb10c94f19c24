// Statements that are run for what they do.
#include "engine/duckdb/query.h"

#include <string.h>

// The row count that a finished statement reports: directly, or (CREATE TABLE AS) as its only
// value.
static int64_t count_affected(const struct sl_duckdb_library *library, duckdb_result *result)
{
    int64_t affected = (int64_t)library->rows_changed(result);
    duckdb_data_chunk chunk;

    if (library->result_return_type(*result) != DUCKDB_RESULT_TYPE_NOTHING ||
        library->column_count(result) != 1 || library->column_type(result, 0) != DUCKDB_TYPE_BIGINT)
        return affected;
    chunk = library->fetch_chunk(*result);
    if (chunk && library->data_chunk_get_size(chunk) == 1)
        affected =
            *(const int64_t *)library->vector_get_data(library->data_chunk_get_vector(chunk, 0));
    library->destroy_data_chunk(&chunk);
    return affected;
}

static int run_statement(struct sl_duckdb_session *session, duckdb_extracted_statements statements,
                         idx_t at, const struct sl_duckdb_sql *sql, int64_t *ret_affected,
                         struct sl_err *err)
{
    const struct sl_duckdb_library *library = session->library;
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);

    if (library->prepare_extracted_statement(session->connection, statements, at,
                                             &answer.statement) != DuckDBSuccess)
        return sl_duckdb_fail(err, library->prepare_error(answer.statement), sql);
    SL_TRY(sl_duckdb_run(&answer, sql, false, err));
    *ret_affected = count_affected(library, &answer.result);
    return SL_OK;
}

static int run_one(struct sl_duckdb_session *session, const struct sl_duckdb_sql *sql,
                   int64_t *affected, struct sl_err *err)
{
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);

    SL_TRY(sl_duckdb_run_whole(session, sql, &answer, err));
    if (affected)
        *affected = count_affected(session->library, &answer.result);
    return SL_OK;
}

int sl_duckdb_exec(struct sl_session *base, const char *sql, int64_t *affected, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    const struct sl_duckdb_library *library = session->library;
    struct sl_duckdb_sql whole = {.text = sql, .user_bytes = strlen(sql)};
    bool is_whole = session->engine->is_for_few_rows || whole.user_bytes >= SL_DUCKDB_LONG_SQL;
    duckdb_extracted_statements statements = NULL;
    session->is_used = true;
    if (is_whole && !strchr(sql, ';'))
        return run_one(session, &whole, affected, err);
    idx_t count = library->extract_statements(session->connection, sql, &statements);
    int64_t last = 0;
    int code = SL_OK;

    if (count == 0 && library->extract_statements_error(statements))
        code = sl_duckdb_fail(err, library->extract_statements_error(statements), &whole);
    if (is_whole && count == 1)
        code = run_one(session, &whole, &last, err);
    for (idx_t i = 0; i < count && !(is_whole && count == 1) && code == SL_OK; i++)
        code = run_statement(session, statements, i, &whole, &last, err);
    library->destroy_extracted(&statements);
    if (code == SL_OK && affected)
        *affected = last;
    return code;
}

int sl_duckdb_create_view(struct sl_session *base, const char *schema, const char *name,
                          const char *sql, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    SL_AUTO(sl_buf_clear) struct sl_buf before = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    struct sl_duckdb_sql whole;
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);

    session->is_used = true;
    sl_buf_add(&before, "create schema if not exists ");
    sl_buf_add_sql_name(&before, schema);
    SL_TRY(sl_buf_check(&before, err));
    SL_TRY(sl_duckdb_do(session, before.text, NULL, err));
    sl_buf_reset(&before);
    sl_buf_add(&before, "create or replace view ");
    sl_buf_add_sql_name(&before, schema);
    sl_buf_add_char(&before, '.');
    sl_buf_add_sql_name(&before, name);
    sl_buf_add(&before, " as (");
    SL_TRY(sl_buf_check(&before, err));
    SL_TRY(sl_duckdb_wrap(before.text, sql, "\n)", &text, &whole, err));
    return sl_duckdb_run_whole(session, &whole, &answer, err);
}
