#include "engine/duckdb/session.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#define SHORTEST_PAUSE_NS 20000L
#define LONGEST_PAUSE_NS 1000000L

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

static void wait_for_others(long *pause_ns)
{
    const struct timespec pause = {.tv_nsec = *pause_ns};
    (void)nanosleep(&pause, NULL);
    *pause_ns = *pause_ns * 2 < LONGEST_PAUSE_NS ? *pause_ns * 2 : LONGEST_PAUSE_NS;
}

// The engine's own loop would spin while its other threads work, and take a core from them, from
// other steps and from a database on the same machine.
static int run_tasks(const struct sl_duckdb_library *library, duckdb_pending_result pending,
                     const struct sl_duckdb_sql *sql, struct sl_err *err)
{
    long pause_ns = SHORTEST_PAUSE_NS;
    for (;;)
        switch (library->pending_execute_task(pending)) {
        case DUCKDB_PENDING_RESULT_READY:
            return SL_OK;
        case DUCKDB_PENDING_ERROR:
            return sl_duckdb_fail(err, library->pending_error(pending), sql);
        case DUCKDB_PENDING_NO_TASKS_AVAILABLE:
            wait_for_others(&pause_ns);
            break;
        case DUCKDB_PENDING_RESULT_NOT_READY:
            pause_ns = SHORTEST_PAUSE_NS;
            break;
        default:
            return sl_fail(err, SL_E_INTERNAL, "the engine is in a state that is not known");
        }
}

static int run_pending(struct sl_duckdb_answer *answer, const struct sl_duckdb_sql *sql,
                       struct sl_err *err)
{
    const struct sl_duckdb_library *library = answer->library;
    duckdb_pending_result pending = NULL;
    int code = SL_OK;

    if (library->pending_prepared(answer->statement, &pending) != DuckDBSuccess)
        code = sl_duckdb_fail(err, library->pending_error(pending), sql);
    else
        code = run_tasks(library, pending, sql, err);
    if (code == SL_OK) {
        answer->has_result = true;
        if (library->execute_pending(pending, &answer->result) != DuckDBSuccess)
            code = sl_duckdb_fail(err, library->result_error(&answer->result), sql);
    }
    library->destroy_pending(&pending);
    return code;
}

int sl_duckdb_run(struct sl_duckdb_answer *answer, const struct sl_duckdb_sql *sql,
                  bool is_streaming, struct sl_err *err)
{
    const struct sl_duckdb_library *library = answer->library;

    if (!is_streaming)
        return run_pending(answer, sql, err);
    answer->has_result = true;
    if (library->execute_prepared_streaming(answer->statement, &answer->result) == DuckDBSuccess)
        return SL_OK;
    return sl_duckdb_fail(err, library->result_error(&answer->result), sql);
}

// The engine's own loop spins only while it waits for other threads.
int sl_duckdb_run_whole(struct sl_duckdb_session *session, const struct sl_duckdb_sql *sql,
                        struct sl_duckdb_answer *answer, struct sl_err *err)
{
    const struct sl_duckdb_library *library = session->library;

    if (!session->engine->is_for_few_rows && strlen(sql->text) < SL_DUCKDB_LONG_SQL) {
        SL_TRY(sl_duckdb_prepare(session, sql, answer, err));
        return sl_duckdb_run(answer, sql, false, err);
    }
    answer->has_result = true;
    if (library->query(session->connection, sql->text, &answer->result) == DuckDBSuccess)
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
    return sl_duckdb_run_whole(session, &sql, answer, err);
}

int sl_duckdb_hurry(struct sl_session *base, bool is_on, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);

    assert(is_on || session->hurry_count > 0);
    session->hurry_count -= !is_on; // whatever comes: who turned it on is through with it
    int code = SL_OK;
    if (session->hurry_count == 0)
        code = sl_duckdb_do(session, is_on ? "pragma disable_optimizer" : "pragma enable_optimizer",
                            NULL, err);
    session->hurry_count += is_on && code == SL_OK;
    session->is_used = session->is_used || code != SL_OK; // then how it is set is not known
    return code;
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

bool sl_duckdb_text(const struct sl_duckdb_library *library, duckdb_vector vector, idx_t row,
                    const char **ret, size_t *ret_length)
{
    const uint64_t *validity = library->vector_get_validity(vector);
    const duckdb_string_t *text = (const duckdb_string_t *)library->vector_get_data(vector) + row;

    if (!sl_duckdb_is_valid(validity, row))
        return false;
    *ret_length = text->value.inlined.length;
    *ret = *ret_length <= sizeof text->value.inlined.inlined ? text->value.inlined.inlined
                                                             : text->value.pointer.ptr;
    return true;
}

// The end of a quoted text that begins at `at`; with escapes, \' does not end it.
static const char *skip_quoted(const char *at, bool has_escapes)
{
    char quote = *at++;

    for (; *at; at++) {
        if (*at == quote)
            return at + 1;
        if (has_escapes && *at == '\\' && at[1])
            at++;
    }
    return at;
}

// The end of $tag$..$tag$, or of the dollar sign if none begins here.
static const char *skip_dollars(const char *at)
{
    size_t tag = 1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789_");
    const char *end = at[tag] == '$' ? strchr(at + tag + 1, '$') : NULL;

    for (; end; end = strchr(end + 1, '$'))
        if (strncmp(end, at, tag + 1) == 0)
            return end + tag + 1;
    return at + 1;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c & '\x80') != 0;
}

// The end of the word, text, comment or single byte that begins at `at`. *ret_is_blank tells
// whether it means nothing.
static const char *skip_part(const char *at, bool *ret_is_blank)
{
    const char *end = at;

    *ret_is_blank =
        strchr(" \t\r\n\f\v;", *at) || strncmp(at, "--", 2) == 0 || strncmp(at, "/*", 2) == 0;
    if (strncmp(at, "--", 2) == 0)
        return at + strcspn(at, "\n");
    if (strncmp(at, "/*", 2) == 0) {
        end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    if (*at == '\'' || *at == '"')
        return skip_quoted(at, false);
    if (*at == '$')
        return skip_dollars(at);
    if (!is_word(*at))
        return at + 1;
    while (is_word(*end) || (end > at && *end == '$'))
        end++;
    if (end == at + 1 && (*at == 'e' || *at == 'E') && *end == '\'')
        return skip_quoted(end, true);
    return end;
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

int sl_duckdb_wrap(const char *before, const char *sql, const char *after, struct sl_buf *buf,
                   struct sl_duckdb_sql *ret, struct sl_err *err)
{
    size_t length = sl_duckdb_sql_length(sql);

    sl_buf_add(buf, before);
    sl_buf_add_bytes(buf, sql, length);
    sl_buf_add(buf, after);
    SL_TRY(sl_buf_check(buf, err));
    *ret = (struct sl_duckdb_sql){
        .text = buf->text, .prefix_bytes = strlen(before), .user_bytes = length};
    return SL_OK;
}
