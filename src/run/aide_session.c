// The sessions of an aide pass on what they are asked.
#include "api/kinds.h"
#include "api/result.h"
#include "run/aide_inner.h"

#include <stdlib.h>

// A question: its texts, and what comes back in an arena of its own.
struct question {
    struct sl_buf request;
    struct sl_arena arena;
    struct sl_wire reply;
};

static void question_clear(struct question *question)
{
    sl_buf_clear(&question->request);
    sl_arena_clear(&question->arena);
}

static void begin(struct question *question, enum sl_aide_request request)
{
    sl_buf_init(&question->request);
    sl_arena_init(&question->arena, 0);
    sl_wire_put_number(&question->request, request);
    sl_wire_put_number(&question->request, 0); // where the session is there: see sl_aide_ask
}

static int put_to(struct question *question, struct sl_session *session, struct sl_err *err)
{
    return sl_aide_ask((struct sl_aide_session *)session, &question->request, &question->arena,
                       &question->reply, err);
}

static int far_connect(struct sl_engine *engine, struct sl_session **ret, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    struct sl_aide_session *session = calloc(1, sizeof *session);
    SL_TRY_NEW(session, err);
    session->base = (struct sl_session){.kind = &sl_aide_kind, .engine = engine};
    begin(&question, SL_AIDE_CONNECT);
    if (put_to(&question, &session->base, err) != SL_OK) {
        free(session);
        return err ? (int)err->code : SL_E_ENGINE;
    }
    *ret = &session->base;
    return SL_OK;
}

static void far_disconnect(struct sl_session *session)
{
    SL_AUTO(question_clear) struct question question = {0};
    struct sl_err ignored = {0};
    begin(&question, SL_AIDE_DISCONNECT);
    (void)!put_to(&question, session, &ignored);
    free(session);
}

// A request of nothing but texts, answered with a number.
static int ask_texts(struct sl_session *session, enum sl_aide_request request,
                     const char *const texts[3], int64_t *ret, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    begin(&question, request);
    for (size_t i = 0; i < 3; i++)
        sl_wire_put_text(&question.request, texts[i]);
    SL_TRY(put_to(&question, session, err));
    if (ret)
        *ret = sl_wire_number(&question.reply);
    return SL_OK;
}

static int far_exec(struct sl_session *session, const char *sql, int64_t *affected,
                    struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_EXEC, (const char *const[3]){sql}, affected, err);
}

static int far_extend(struct sl_session *session, const char *name, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_EXTEND, (const char *const[3]){name}, NULL, err);
}

static int far_attach(struct sl_session *session, const char *path, const char *type,
                      const char *name, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_ATTACH, (const char *const[3]){path, type, name}, NULL, err);
}

static int far_detach(struct sl_session *session, const char *name, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_DETACH, (const char *const[3]){name}, NULL, err);
}

static int far_has_table(struct sl_session *session, const char *catalogue, const char *name,
                         bool *ret, struct sl_err *err)
{
    int64_t has_table = 0;
    SL_TRY(ask_texts(session, SL_AIDE_HAS_TABLE, (const char *const[3]){catalogue, name},
                     &has_table, err));
    *ret = has_table != 0;
    return SL_OK;
}

static int far_create_view(struct sl_session *session, const char *schema, const char *name,
                           const char *sql, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_CREATE_VIEW, (const char *const[3]){schema, name, sql}, NULL,
                     err);
}

static int far_hurry(struct sl_session *session, bool is_on, struct sl_err *err)
{
    return ask_texts(session, SL_AIDE_HURRY, (const char *const[3]){is_on ? "on" : NULL}, NULL,
                     err);
}

static int read_result(struct sl_wire *from, struct sl_result *result, struct sl_err *err)
{
    int64_t columns = sl_wire_number(from);
    for (int64_t i = 0; i < columns; i++) {
        const char *name = sl_wire_text(from), *type = sl_wire_text(from);
        if (!name || !type)
            return sl_fail(err, SL_E_INTERNAL, "a reply without its end");
        SL_TRY(sl_result_add_column(result, name, type, err));
    }
    while (columns && from->at < from->end) {
        size_t length;
        const char *text = sl_wire_bytes(from, &length);
        SL_TRY(sl_result_add_cell(result, text, length, err));
    }
    return SL_OK;
}

static int far_query(struct sl_session *session, const char *sql, int64_t max_rows,
                     struct sl_result **ret, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    begin(&question, SL_AIDE_QUERY);
    sl_wire_put_text(&question.request, sql);
    sl_wire_put_number(&question.request, max_rows);
    SL_TRY(put_to(&question, session, err));
    SL_TRY(sl_result_new(0, &result, err));
    SL_TRY(read_result(&question.reply, result, err));
    *ret = result;
    result = NULL;
    return SL_OK;
}

static int ask_columns(struct sl_session *session, enum sl_aide_request request, const char *text,
                       struct sl_arena *arena, struct sl_relation *ret, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    begin(&question, request);
    sl_wire_put_text(&question.request, text);
    SL_TRY(put_to(&question, session, err));
    ret->count = (size_t)sl_wire_number(&question.reply);
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, ret->count);
    SL_TRY_NEW(columns, err);
    for (size_t i = 0; i < ret->count; i++) {
        columns[i].name = sl_arena_strdup(arena, sl_wire_text(&question.reply));
        columns[i].type = sl_arena_strdup(arena, sl_wire_text(&question.reply));
        SL_TRY_NEW(columns[i].name, err);
        SL_TRY_NEW(columns[i].type, err);
    }
    ret->columns = columns;
    return SL_OK;
}

static int far_describe(struct sl_session *session, const char *sql, struct sl_arena *arena,
                        struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_relation found = {0};
    SL_TRY(ask_columns(session, SL_AIDE_DESCRIBE, sql, arena, &found, err));
    *ret = (struct sl_column *)found.columns;
    *ret_count = found.count;
    return SL_OK;
}

int sl_aide_foresee(struct sl_session *session, const char *source, struct sl_arena *arena,
                    struct sl_column **ret, size_t *ret_count, struct sl_err *err)
{
    struct sl_relation found = {0};
    SL_TRY(ask_columns(session, SL_AIDE_FORESEE, source, arena, &found, err));
    *ret = (struct sl_column *)found.columns;
    *ret_count = found.count;
    return SL_OK;
}

static int far_scan_sql(struct sl_session *session, const struct sl_scan *scan, struct sl_buf *sql,
                        struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    begin(&question, SL_AIDE_SCAN_SQL);
    struct sl_buf *request = &question.request;
    sl_wire_put_number(request, (int64_t)scan->column_count);
    sl_wire_put_number(request, (int64_t)scan->partition_count);
    sl_wire_put_number(request, (int64_t)scan->file_count);
    sl_wire_put_number(request, scan->row_count);
    sl_wire_put_number(request, scan->with_origin);
    for (size_t i = 0; i < scan->column_count; i++) {
        sl_wire_put_text(request, scan->columns[i].name);
        sl_wire_put_text(request, scan->columns[i].type);
    }
    for (size_t i = 0; i < scan->partition_count; i++)
        sl_wire_put_text(request, scan->partition_columns[i]);
    for (size_t i = 0; i < scan->file_count; i++) {
        sl_wire_put_text(request, scan->files[i].path);
        for (size_t k = 0; k < scan->partition_count; k++)
            sl_wire_put_text(request, scan->files[i].partition[k]);
    }
    SL_TRY(put_to(&question, session, err));
    size_t length;
    const char *text = sl_wire_bytes(&question.reply, &length);
    if (text)
        sl_buf_add_bytes(sql, text, length);
    return sl_buf_check(sql, err);
}

// The trees are the largest thing that is ever asked for: they stay where they were received.
static int far_parse(struct sl_session *session, const char *const *sql, size_t count,
                     struct sl_arena *arena, const char **ret_json, struct sl_err *err)
{
    SL_AUTO(question_clear) struct question question = {0};
    struct sl_wire reply;
    begin(&question, SL_AIDE_PARSE);
    sl_wire_put_number(&question.request, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        sl_wire_put_text(&question.request, sql[i]);
    SL_TRY(sl_aide_ask((struct sl_aide_session *)session, &question.request, arena, &reply, err));
    for (size_t i = 0; i < count; i++) {
        ret_json[i] = sl_wire_text(&reply);
        if (!ret_json[i])
            return sl_fail(err, SL_E_INTERNAL, "a reply without its end");
    }
    return SL_OK;
}

// --- what needs no engine, and what is not done there

static size_t far_sql_length(const char *sql)
{
    return sl_kinds.engines[0]->sql_length(sql);
}

static int64_t far_memory(int64_t asked_bytes)
{
    return sl_kinds.engines[0]->memory(asked_bytes);
}

// It has the machine to itself as long as no step is at work.
static int far_share(struct sl_engine *engine, int parts, struct sl_err *err)
{
    (void)engine;
    (void)parts;
    (void)err;
    return SL_OK;
}

static int far_stage(struct sl_session *session, const char *sql,
                     const struct sl_stage_options *options, struct sl_arena *arena,
                     struct sl_staged *ret, struct sl_err *err)
{
    (void)session;
    (void)sql;
    (void)options;
    (void)arena;
    (void)ret;
    return sl_fail(err, SL_E_INTERNAL, "files are staged by steps only");
}

static void far_interrupt(struct sl_session *session)
{
    (void)session;
}

static double far_progress(struct sl_session *session, uint64_t *ret_rows)
{
    (void)session;
    *ret_rows = 0;
    return -1;
}

const struct sl_engine_kind sl_aide_kind = {
    .name = "aide",
    .summary = "The engine in a process of its own.",
    .version = "",
    .close = sl_aide_close,
    .share = far_share,
    .memory = far_memory,
    .connect = far_connect,
    .disconnect = far_disconnect,
    .exec = far_exec,
    .query = far_query,
    .describe = far_describe,
    .hurry = far_hurry,
    .sql_length = far_sql_length,
    .scan_sql = far_scan_sql,
    .create_view = far_create_view,
    .stage = far_stage,
    .extend = far_extend,
    .attach = far_attach,
    .detach = far_detach,
    .has_table = far_has_table,
    .interrupt = far_interrupt,
    .progress = far_progress,
    .parse = far_parse,
};
