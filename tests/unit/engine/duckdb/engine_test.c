#include "engine_test.h"

static int open_with(struct sl_engine_options options, void **state)
{
    struct context *context = calloc(1, sizeof *context);

    assert_non_null(context);
    check_ok(context, sl_engine_duckdb.open(&options, &context->engine, &context->err));
    *state = context;
    return 0;
}

int open_engine(void **state)
{
    return open_with((struct sl_engine_options){.memory_bytes = 400000000, .threads = 2}, state);
}

int open_engine_for_few_rows(void **state)
{
    return open_with((struct sl_engine_options){.memory_bytes = 400000000, .is_for_few_rows = true},
                     state);
}

int close_engine(void **state)
{
    struct context *context = *state;

    sl_engine_close(&context->engine);
    free(context);
    return 0;
}

int open_session(void **state)
{
    struct context *context = *state;
    void *folder;

    sl_arena_init(&context->arena, 0);
    sl_err_clear(&context->err);
    check_ok(context, sl_engine_duckdb.connect(context->engine, &context->session, &context->err));
    if (enter_folder(&folder) != 0)
        return -1;
    context->folder = folder;
    return 0;
}

int close_session(void **state)
{
    struct context *context = *state;
    void *folder = context->folder;

    sl_session_close(&context->session);
    sl_arena_clear(&context->arena);
    return leave_folder(&folder);
}

void check_ok(struct context *context, int code)
{
    if (code != SL_OK)
        print_error("%s (%s)\n", context->err.message, context->err.hint);
    assert_int_equal(code, SL_OK);
}

void exec(struct context *context, const char *sql)
{
    check_ok(context, sl_engine_duckdb.exec(context->session, sql, NULL, &context->err));
}

const char *query(struct context *context, const char *sql)
{
    SL_AUTO(sl_result_free) struct sl_result *result = NULL;
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *copy;

    check_ok(context, sl_engine_duckdb.query(context->session, sql, 0, &result, &context->err));
    for (int64_t row = 0; row < sl_result_rows(result); row++) {
        sl_buf_add(&text, row ? "\n" : "");
        for (size_t i = 0; i < sl_result_columns(result); i++) {
            const char *cell = sl_result_text(result, row, i);
            sl_buf_addf(&text, "%s%s", i ? "|" : "", cell ? cell : "NULL");
        }
    }
    check_ok(context, sl_buf_check(&text, &context->err));
    copy = sl_arena_strdup(&context->arena, text.text);
    assert_non_null(copy);
    return copy;
}
