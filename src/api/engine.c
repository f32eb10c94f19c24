#include "api/engine.h"

#include "api/result.h"

#include <assert.h>
#include <stdlib.h>

void sl_engine_close(struct sl_engine **engine)
{
    if (!engine || !*engine)
        return;
    (*engine)->kind->close(*engine);
    *engine = NULL;
}

void sl_session_close(struct sl_session **session)
{
    if (!session || !*session)
        return;
    (*session)->kind->disconnect(*session);
    *session = NULL;
}

int sl_result_new(size_t limit_bytes, struct sl_result **ret, struct sl_err *err)
{
    struct sl_result *result = calloc(1, sizeof *result);

    SL_TRY_NEW(result, err);
    sl_arena_init(&result->arena, limit_bytes);
    *ret = result;
    return SL_OK;
}

int sl_result_add_column(struct sl_result *result, const char *name, const char *type,
                         struct sl_err *err)
{
    struct sl_column column = {
        .name = sl_arena_strdup(&result->arena, name),
        .type = sl_arena_strdup(&result->arena, type),
    };

    assert(result->cell_count == 0);
    SL_TRY_NEW(column.name, err);
    SL_TRY_NEW(column.type, err);
    if (!SL_PUSH(&result->arena, result->columns, result->column_count, column))
        return sl_fail_memory(err);
    return SL_OK;
}

int sl_result_add_cell(struct sl_result *result, const char *text, size_t length,
                       struct sl_err *err)
{
    const char *copy = text ? sl_arena_strndup(&result->arena, text, length) : NULL;

    assert(result->column_count > 0);
    if (text)
        SL_TRY_NEW(copy, err);
    if (!SL_PUSH(&result->arena, result->cells, result->cell_count, copy))
        return sl_fail_memory(err);
    return SL_OK;
}

int64_t sl_result_rows(const struct sl_result *result)
{
    return result->column_count ? (int64_t)(result->cell_count / result->column_count) : 0;
}

size_t sl_result_columns(const struct sl_result *result)
{
    return result->column_count;
}

const char *sl_result_name(const struct sl_result *result, size_t column)
{
    assert(column < result->column_count);
    return result->columns[column].name;
}

const char *sl_result_type(const struct sl_result *result, size_t column)
{
    assert(column < result->column_count);
    return result->columns[column].type;
}

const char *sl_result_text(const struct sl_result *result, int64_t row, size_t column)
{
    assert(row >= 0 && row < sl_result_rows(result) && column < result->column_count);
    return result->cells[(size_t)row * result->column_count + column];
}

int64_t sl_result_int(const struct sl_result *result, int64_t row, size_t column)
{
    int64_t value = 0;

    (void)sl_str_to_int64(sl_result_text(result, row, column), &value);
    return value;
}

void sl_result_free(struct sl_result **result)
{
    if (!result || !*result)
        return;
    sl_arena_clear(&(*result)->arena);
    free(*result);
    *result = NULL;
}
