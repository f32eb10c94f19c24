#include "engine/duckdb/session.h"

#include <string.h>

void sl_duckdb_answer_clear(struct sl_duckdb_answer *answer)
{
    if (answer->has_result)
        answer->library->destroy_result(&answer->result);
    if (answer->statement)
        answer->library->destroy_prepare(&answer->statement);
    answer->has_result = false;
}

int sl_duckdb_prepare(struct sl_duckdb_session *session, const struct sl_duckdb_sql *sql,
                      struct sl_duckdb_answer *answer, struct sl_err *err)
{
    const struct sl_duckdb_library *library = session->library;

    if (library->prepare(session->connection, sql->text, &answer->statement) == DuckDBSuccess)
        return SL_OK;
    return sl_duckdb_fail(err, library->prepare_error(answer->statement), sql);
}

int sl_duckdb_run(struct sl_duckdb_answer *answer, const struct sl_duckdb_sql *sql,
                  bool is_streaming, struct sl_err *err)
{
    const struct sl_duckdb_library *library = answer->library;
    duckdb_state state = is_streaming
                             ? library->execute_prepared_streaming(answer->statement,
                                                                   &answer->result)
                             : library->execute_prepared(answer->statement, &answer->result);

    answer->has_result = true;
    if (state == DuckDBSuccess)
        return SL_OK;
    return sl_duckdb_fail(err, library->result_error(&answer->result), sql);
}

int sl_duckdb_do(struct sl_duckdb_session *session, const char *text,
                 struct sl_duckdb_answer *answer, struct sl_err *err)
{
    struct sl_duckdb_sql sql = {.text = text};
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer own = SL_DUCKDB_ANSWER_INIT(session);

    if (!answer)
        answer = &own;
    SL_TRY(sl_duckdb_prepare(session, &sql, answer, err));
    return sl_duckdb_run(answer, &sql, false, err);
}

int sl_duckdb_fetch(struct sl_duckdb_answer *answer, const struct sl_duckdb_sql *sql,
                    duckdb_data_chunk *ret, struct sl_err *err)
{
    duckdb_data_chunk chunk = answer->library->fetch_chunk(answer->result);
    const char *message = chunk ? NULL : answer->library->result_error(&answer->result);

    // Of a streamed result the end and a failure look alike but for the message.
    if (message && message[0])
        return sl_duckdb_fail(err, message, sql);
    *ret = chunk;
    return SL_OK;
}

int sl_duckdb_prepare_select(struct sl_duckdb_session *session, const struct sl_duckdb_sql *sql,
                             struct sl_duckdb_answer *answer, struct sl_err *err)
{
    SL_TRY(sl_duckdb_prepare(session, sql, answer, err));
    if (session->library->prepared_statement_type(answer->statement) !=
        DUCKDB_STATEMENT_TYPE_SELECT)
        return sl_fail(err, SL_E_ENGINE, "the statement is no SELECT");
    if (session->library->nparams(answer->statement) > 0)
        return sl_fail(err, SL_E_ENGINE, "the SELECT has parameters");
    return SL_OK;
}

bool sl_duckdb_text(const struct sl_duckdb_library *library, duckdb_vector vector, idx_t row,
                    const char **ret, size_t *ret_length)
{
    const uint64_t *validity = library->vector_get_validity(vector);
    const duckdb_string_t *text = (const duckdb_string_t *)library->vector_get_data(vector) + row;

    if (validity && !(validity[row / 64] >> (row % 64) & 1))
        return false;
    *ret_length = text->value.inlined.length;
    *ret = *ret_length <= sizeof text->value.inlined.inlined ? text->value.inlined.inlined
                                                             : text->value.pointer.ptr;
    return true;
}

// The byte after a quoted part ('..', "..", $tag$..$tag$), a comment, or one byte; *ret_is_blank
// tells whether it leaves nothing behind.
static const char *skip_part(const char *at, bool *ret_is_blank)
{
    const char *end = NULL;
    size_t tag;

    *ret_is_blank = strchr(" \t\r\n\f\v;", *at) != NULL;
    if (at[0] == '-' && at[1] == '-') {
        *ret_is_blank = true;
        return at + strcspn(at, "\n");
    }
    if (at[0] == '/' && at[1] == '*') {
        *ret_is_blank = true;
        end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    if (*at == '\'' || *at == '"') {
        end = strchr(at + 1, *at);
        return end ? end + 1 : at + strlen(at);
    }
    if (*at == '$') {
        tag = 1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        if (at[tag] == '$')
            for (end = at + tag + 1; (end = strchr(end, '$')) != NULL; end++)
                if (strncmp(end, at, tag + 1) == 0)
                    return end + tag + 1;
    }
    return at + 1;
}

size_t sl_duckdb_sql_length(const char *sql)
{
    const char *end = sql;

    for (const char *at = sql; *at;) {
        bool is_blank;
        at = skip_part(at, &is_blank);
        if (!is_blank)
            end = at;
    }
    return (size_t)(end - sql);
}
