#include "engine/duckdb/query.h"

#include <stdlib.h>
#include <string.h>

// A list value of texts, to be destroyed by the caller; NULL when memory is out or a text is not
// valid UTF-8.
static duckdb_value list_of_texts(const struct sl_duckdb_library *library, const char *const *texts,
                                  size_t count)
{
    duckdb_logical_type type = library->create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_value *values = calloc(count ? count : 1, sizeof *values);
    duckdb_value list = NULL;
    size_t done = 0;

    while (values && done < count) {
        values[done] = library->create_varchar_length(texts[done], strlen(texts[done]));
        if (!values[done])
            break;
        done++;
    }
    if (values && type && done == count)
        list = library->create_list_value(type, values, count);
    for (size_t i = 0; i < done; i++)
        library->destroy_value(&values[i]);
    free(values);
    library->destroy_logical_type(&type);
    return list;
}

struct trees {
    const struct sl_duckdb_library *library;
    struct sl_arena *arena;
    const char **json;
    size_t done, count;
};

static int add_tree(void *self, duckdb_data_chunk chunk, idx_t row, struct sl_err *err)
{
    struct trees *trees = self;
    const char *text;
    size_t length;

    if (trees->done == trees->count ||
        !sl_duckdb_text(trees->library, trees->library->data_chunk_get_vector(chunk, 0), row, &text,
                        &length))
        return sl_fail(err, SL_E_INTERNAL, "the parser gives no tree");
    trees->json[trees->done] = sl_arena_strndup(trees->arena, text, length);
    SL_TRY_NEW(trees->json[trees->done], err);
    trees->done++;
    return SL_OK;
}

// All texts go as one parameter, so that the time is that of parsing alone. UNNEST keeps their
// order.
int sl_duckdb_parse(struct sl_session *base, const char *const *texts, size_t count,
                    struct sl_arena *arena, const char **ret_json, struct sl_err *err)
{
    struct sl_duckdb_session *session = sl_duckdb_session_of(base);
    const struct sl_duckdb_library *library = session->library;
    struct sl_duckdb_sql sql = {
        .text = "select json_serialize_sql(text, skip_null := false, skip_empty := false, "
                "skip_default := false) from (select unnest($1::varchar[]) as text)"};
    SL_AUTO(sl_duckdb_answer_clear)
    struct sl_duckdb_answer answer = SL_DUCKDB_ANSWER_INIT(session);
    struct trees trees = {.library = library, .arena = arena, .count = count};
    duckdb_value list;
    int code;

    trees.json = SL_NEW_ARRAY(arena, const char *, count);
    SL_TRY_NEW(trees.json, err);
    list = list_of_texts(library, texts, count);
    if (!list)
        return sl_fail(err, SL_E_ENGINE, "a SQL text is not UTF-8");
    code = sl_duckdb_prepare(session, &sql, &answer, err);
    if (code == SL_OK && library->bind_value(answer.statement, 1, list) != DuckDBSuccess)
        code = sl_duckdb_fail(err, library->prepare_error(answer.statement), &sql);
    library->destroy_value(&list);
    SL_TRY(code);
    SL_TRY(sl_duckdb_run(&answer, &sql, false, err));
    SL_TRY(sl_duckdb_each_row(&answer, &sql, add_tree, &trees, err));
    if (trees.done != count)
        return sl_fail(err, SL_E_INTERNAL, "%zu trees of %zu texts", trees.done, count);
    for (size_t i = 0; i < count; i++)
        ret_json[i] = trees.json[i];
    return SL_OK;
}
