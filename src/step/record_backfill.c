// What a record says of backfills: which part of which one a commit is, and from which versions of
// the inputs partitions were read that the position has not reached.
#include "step/step.h"

static int append(json_t *list, json_t *item, struct sl_err *err)
{
    return json_array_append_new(list, item) == 0 ? SL_OK : sl_fail_memory(err);
}

static int print_partitions(const struct sl_backfill_mark *mark, json_t *list, struct sl_err *err)
{
    for (size_t i = 0; i < mark->partition_count; i++) {
        json_t *values = json_array();
        SL_TRY(append(list, values, err));
        for (size_t k = 0; k < mark->width; k++) {
            const char *text = mark->partitions[i][k];
            SL_TRY(append(values, text ? sl_json_string(text) : json_null(), err));
        }
    }
    return SL_OK;
}

int sl_record_print_backfill(const struct sl_record *record, json_t *root, struct sl_err *err)
{
    const struct sl_backfill_mark *mark = &record->backfill;
    if (mark->id) {
        json_t *list = json_array();
        json_t *object = json_pack(
            "{s:s, s:s, s:I, s:I, s:o*, s:o*, s:o*, s:o}", "id", mark->id, "choice", mark->choice,
            "done", (json_int_t)mark->done, "total", (json_int_t)mark->total, "order",
            mark->newest_first ? json_string("newest") : NULL, "chunk",
            mark->chunk ? json_integer(mark->chunk) : NULL, "concurrency",
            mark->concurrency ? json_integer(mark->concurrency) : NULL, "partitions", list);
        if (json_object_set_new(root, "backfill", object) != 0)
            return sl_fail_memory(err);
        SL_TRY(print_partitions(mark, list, err));
    }
    json_t *ahead = record->ahead_count ? json_array() : NULL;
    if (ahead && json_object_set_new(root, "ahead", ahead) != 0)
        return sl_fail_memory(err);
    for (size_t i = 0; i < record->ahead_count; i++) {
        json_t *item = json_object();
        SL_TRY(append(ahead, item, err));
        SL_TRY(sl_record_print_versions(item, "inputs", &record->ahead[i], err));
    }
    return SL_OK;
}

static int parse_values(const json_t *values, struct sl_arena *arena, struct sl_backfill_mark *mark,
                        const char ***ret, struct sl_err *err)
{
    if (json_array_size(values) != mark->width)
        return sl_fail(err, SL_E_TABLE_LOG,
                       "a commit names partitions of different numbers of columns");
    *ret = SL_NEW_ARRAY(arena, const char *, mark->width);
    SL_TRY_NEW(*ret, err);
    for (size_t i = 0; i < mark->width; i++) {
        const char *text = json_string_value(json_array_get(values, i));
        (*ret)[i] = text ? sl_arena_strdup(arena, text) : NULL;
        if (text)
            SL_TRY_NEW((*ret)[i], err);
    }
    return SL_OK;
}

static int64_t at_least_0(int64_t number)
{
    return number > 0 ? number : 0;
}

static int parse_mark(const json_t *object, struct sl_arena *arena, struct sl_backfill_mark *mark,
                      struct sl_err *err)
{
    const json_t *list = json_object_get(object, "partitions");
    const char *id = sl_json_text(object, "id", NULL);
    if (!id)
        return SL_OK;
    mark->id = sl_arena_strdup(arena, id);
    mark->choice = sl_arena_strdup(arena, sl_json_text(object, "choice", "{}"));
    SL_TRY_NEW(mark->id, err);
    SL_TRY_NEW(mark->choice, err);
    mark->done = sl_json_int(object, "done", 0);
    mark->total = sl_json_int(object, "total", 0);
    mark->newest_first = sl_str_equal(sl_json_text(object, "order", "oldest"), "newest");
    mark->chunk = at_least_0(sl_json_int(object, "chunk", 0));
    mark->concurrency = at_least_0(sl_json_int(object, "concurrency", 0));
    mark->width = json_array_size(json_array_get(list, 0));
    const char ***partitions = SL_NEW_ARRAY(arena, const char **, json_array_size(list));
    SL_TRY_NEW(partitions, err);
    for (size_t i = 0; i < json_array_size(list); i++)
        SL_TRY(parse_values(json_array_get(list, i), arena, mark, &partitions[i], err));
    mark->partitions = (const char *const *const *)partitions;
    mark->partition_count = json_array_size(list);
    return SL_OK;
}

int sl_record_parse_backfill(const json_t *root, struct sl_arena *arena, struct sl_record *record,
                             struct sl_err *err)
{
    const json_t *ahead = json_object_get(root, "ahead");
    SL_TRY(parse_mark(json_object_get(root, "backfill"), arena, &record->backfill, err));
    record->ahead = SL_NEW_ARRAY(arena, struct sl_table_versions, json_array_size(ahead));
    SL_TRY_NEW(record->ahead, err);
    for (size_t i = 0; i < json_array_size(ahead); i++)
        SL_TRY(sl_record_parse_versions(json_object_get(json_array_get(ahead, i), "inputs"), arena,
                                        &record->ahead[record->ahead_count++], err));
    return SL_OK;
}
