// Backfills as JSON: what was asked for, a plan, and what a worker has to know of a chunk.
#include "run/backfill.h"

#include "base/clock.h"

#include <string.h>

// --- partitions: [["2026-01-01", null], ...]

static json_t *partitions_json(const char *const *const *partitions, size_t count, size_t width)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        json_t *values = json_array();
        for (size_t k = 0; values && k < width; k++)
            if (json_array_append_new(values, sl_json_string_or_null(partitions[i][k])) != 0)
                return json_decref(values), json_decref(list), NULL;
        if (json_array_append_new(list, values) != 0)
            return json_decref(list), NULL;
    }
    return list;
}

static int take_partition(const json_t *values, size_t width, struct sl_arena *arena,
                          const char *const **ret, struct sl_err *err)
{
    const char **items = SL_NEW_ARRAY(arena, const char *, width + 1);
    SL_TRY_NEW(items, err);
    if (json_array_size(values) != width)
        return sl_fail(err, SL_E_JSON_SYNTAX, "a partition has not its %zu values", width);
    for (size_t i = 0; i < width; i++) {
        const json_t *value = json_array_get(values, i);
        if (json_is_null(value))
            continue;
        if (!json_is_string(value))
            return sl_fail(err, SL_E_JSON_SYNTAX, "a partition's value is no text");
        items[i] = sl_arena_strdup(arena, json_string_value(value));
        SL_TRY_NEW(items[i], err);
    }
    *ret = items;
    return SL_OK;
}

static int take_partitions(const json_t *list, size_t width, struct sl_arena *arena,
                           const char *const *const **ret, struct sl_err *err)
{
    const size_t count = json_array_size(list);
    const char *const **items = SL_NEW_ARRAY(arena, const char *const *, count + 1);
    SL_TRY_NEW(items, err);
    for (size_t i = 0; i < count; i++)
        SL_TRY(take_partition(json_array_get(list, i), width, arena, &items[i], err));
    *ret = items;
    return SL_OK;
}

static int take_text(const json_t *json, const char *key, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    const char *text = sl_json_text(json, key, NULL);
    *ret = text ? sl_arena_strdup(arena, text) : NULL;
    return text && !*ret ? sl_fail_memory(err) : SL_OK;
}

// --- a chunk

json_t *sl_backfill_chunk_json(const struct sl_backfill *backfill, size_t index, bool is_again)
{
    const struct sl_backfill_part *part = &backfill->parts[index];
    const struct sl_backfill_table *table = &backfill->plan->tables[part->table];
    const struct sl_backfill_found *found = &table->found;
    const struct sl_backfill_plan *plan = backfill->plan;
    return json_pack(
        "{s:s, s:s, s:b, s:I, s:I, s:o, s:I, s:I, s:I, s:I}", "id", plan->id, "choice",
        plan->choice_json, "newest_first", plan->newest_first, "chunk", (json_int_t)plan->chunk,
        "concurrency", (json_int_t)plan->concurrency, "partitions",
        partitions_json(found->partitions + part->from, part->count, found->width), "width",
        (json_int_t)found->width, "done", (json_int_t)found->done, "total",
        (json_int_t)table->total, "since", (json_int_t)(is_again ? found->version : -1));
}

int sl_backfill_chunk_parse(const json_t *json, struct sl_arena *arena,
                            struct sl_backfill_chunk *ret, struct sl_err *err)
{
    const json_t *partitions = json_object_get(json, "partitions");
    const int64_t width = sl_json_int(json, "width", -1);
    struct sl_backfill_mark mark = {.done = sl_json_int(json, "done", -1),
                                    .total = sl_json_int(json, "total", -1),
                                    .newest_first = sl_json_bool(json, "newest_first", false),
                                    .chunk = sl_json_int(json, "chunk", 0),
                                    .concurrency = sl_json_int(json, "concurrency", 0)};
    SL_TRY(take_text(json, "id", arena, &mark.id, err));
    SL_TRY(take_text(json, "choice", arena, &mark.choice, err));
    if (!mark.id || !mark.choice || width < 1 || width > INT16_MAX || mark.done < 0 ||
        mark.total < 1 || !json_array_size(partitions))
        return sl_fail(err, SL_E_JSON_SYNTAX, "a chunk is not whole");
    mark.width = (size_t)width;
    mark.partition_count = json_array_size(partitions);
    SL_TRY(take_partitions(partitions, mark.width, arena, &mark.partitions, err));
    *ret = (struct sl_backfill_chunk){.mark = mark, .since = sl_json_int(json, "since", -1)};
    return SL_OK;
}

// --- a plan

static json_t *table_json(const struct sl_backfill_table *table)
{
    const struct sl_backfill_found *found = &table->found;
    return json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "table",
                     table->node->name, "partitions",
                     partitions_json(found->partitions, found->count, found->width), "width",
                     (json_int_t)found->width, "rows_in", (json_int_t)found->rows_in, "rows_out",
                     (json_int_t)found->rows_out, "version", (json_int_t)found->version, "done",
                     (json_int_t)found->done, "total", (json_int_t)table->total, "chunk",
                     (json_int_t)table->chunk, "elapsed_ms", (json_int_t)table->elapsed_ms);
}

json_t *sl_backfill_plan_pack(const struct sl_backfill_plan *plan)
{
    json_t *tables = json_array();
    for (size_t i = 0; tables && i < plan->count; i++)
        if (json_array_append_new(tables, table_json(&plan->tables[i])) != 0)
            return json_decref(tables), NULL;
    return json_pack("{s:s, s:b, s:b, s:b, s:I, s:I, s:s, s:o}", "id", plan->id, "is_resumed",
                     plan->is_resumed, "has_new_inputs", plan->has_new_inputs, "newest_first",
                     plan->newest_first, "chunk", (json_int_t)plan->chunk, "concurrency",
                     (json_int_t)plan->concurrency, "choice", plan->choice_json, "tables", tables);
}

static int take_table(const json_t *json, const struct sl_graph *graph, struct sl_arena *arena,
                      struct sl_backfill_table *ret, struct sl_err *err)
{
    const json_t *partitions = json_object_get(json, "partitions");
    const char *name = sl_json_text(json, "table", "");
    struct sl_backfill_found *found = &ret->found;
    ret->node = sl_graph_node(graph, name);
    if (!ret->node)
        return sl_fail(err, SL_E_INTERNAL, "'%s' was planned and is no step", name);
    found->count = json_array_size(partitions);
    found->width = (size_t)sl_json_int(json, "width", 0);
    found->rows_in = sl_json_int(json, "rows_in", -1);
    found->rows_out = sl_json_int(json, "rows_out", -1);
    found->version = sl_json_int(json, "version", -1);
    found->done = sl_json_int(json, "done", 0);
    ret->total = sl_json_int(json, "total", 0);
    ret->chunk = (size_t)sl_json_int(json, "chunk", 1);
    ret->elapsed_ms = sl_json_int(json, "elapsed_ms", -1);
    return take_partitions(partitions, found->width, arena, &found->partitions, err);
}

int sl_backfill_plan_unpack(const json_t *json, const struct sl_graph *graph,
                            struct sl_arena *arena, struct sl_backfill_plan *ret,
                            struct sl_err *err)
{
    const json_t *tables = json_object_get(json, "tables");
    *ret = (struct sl_backfill_plan){.is_resumed = sl_json_bool(json, "is_resumed", false),
                                     .has_new_inputs = sl_json_bool(json, "has_new_inputs", false),
                                     .newest_first = sl_json_bool(json, "newest_first", false),
                                     .chunk = sl_json_int(json, "chunk", 0),
                                     .concurrency = sl_json_int(json, "concurrency", 0)};
    (void)snprintf(ret->id, sizeof ret->id, "%s", sl_json_text(json, "id", ""));
    SL_TRY(take_text(json, "choice", arena, &ret->choice_json, err));
    ret->tables = SL_NEW_ARRAY(arena, struct sl_backfill_table, json_array_size(tables) + 1);
    SL_TRY_NEW(ret->tables, err);
    if (!ret->choice_json)
        return sl_fail(err, SL_E_JSON_SYNTAX, "a plan is not whole");
    for (; ret->count < json_array_size(tables); ret->count++)
        SL_TRY(take_table(json_array_get(tables, ret->count), graph, arena,
                          &ret->tables[ret->count], err));
    return SL_OK;
}

// --- what was asked for

json_t *sl_backfill_asked_json(const struct sl_backfill_asked *asked)
{
    const struct sl_backfill_choice *choice = &asked->options.choice;
    const enum sl_backfill_order order = asked->options.order;
    return json_pack("{s:o, s:s*, s:s*, s:o, s:b, s:b, s:s*, s:s*, s:I, s:s*, s:I, s:b}", "tables",
                     sl_json_strs(&choice->tables), "from", choice->from, "to", choice->to,
                     "partitions", sl_json_strs(&choice->partitions), "stale", choice->is_stale,
                     "allow_empty", choice->may_empty, "resume", asked->options.resume, "id",
                     asked->options.id, "chunk", (json_int_t)asked->options.chunk, "order",
                     order == SL_BACKFILL_NEWEST   ? "newest"
                     : order == SL_BACKFILL_OLDEST ? "oldest"
                                                   : NULL,
                     "concurrency", (json_int_t)asked->options.concurrency, "downstream",
                     asked->downstream);
}

static int take_texts(const json_t *list, struct sl_arena *arena, struct sl_strs *ret,
                      struct sl_err *err)
{
    const json_t *item;
    size_t i;
    json_array_foreach (list, i, item) {
        if (!json_is_string(item))
            return sl_fail(err, SL_E_JSON_SYNTAX, "what is no text stands in a list of texts");
        const char *copy = sl_arena_strdup(arena, json_string_value(item));
        SL_TRY_NEW(copy, err);
        SL_TRY(sl_strs_add(ret, arena, copy, err));
    }
    return SL_OK;
}

int sl_backfill_asked_parse(const json_t *json, struct sl_arena *arena,
                            struct sl_backfill_asked *ret, struct sl_err *err)
{
    struct sl_backfill_asked asked = {0};
    struct sl_backfill_choice *choice = &asked.options.choice;
    const char *order = sl_json_text(json, "order", NULL);
    SL_TRY(take_texts(json_object_get(json, "tables"), arena, &choice->tables, err));
    SL_TRY(take_texts(json_object_get(json, "partitions"), arena, &choice->partitions, err));
    SL_TRY(take_text(json, "from", arena, &choice->from, err));
    SL_TRY(take_text(json, "to", arena, &choice->to, err));
    SL_TRY(take_text(json, "resume", arena, &asked.options.resume, err));
    SL_TRY(take_text(json, "id", arena, &asked.options.id, err));
    asked.downstream = sl_json_bool(json, "downstream", false);
    choice->is_stale = sl_json_bool(json, "stale", false);
    choice->may_empty = sl_json_bool(json, "allow_empty", false);
    asked.options.chunk = sl_json_int(json, "chunk", 0);
    asked.options.concurrency = sl_json_int(json, "concurrency", 0);
    asked.options.order = !order                          ? SL_BACKFILL_AUTO
                          : sl_str_equal(order, "newest") ? SL_BACKFILL_NEWEST
                                                          : SL_BACKFILL_OLDEST;
    if (asked.options.order == SL_BACKFILL_OLDEST && !sl_str_equal(order, "oldest"))
        return sl_fail(err, SL_E_USAGE, "the order is '%.40s', expected oldest or newest", order);
    *ret = asked;
    return SL_OK;
}

static int usage(const char *text, struct sl_err *err)
{
    return sl_fail(err, SL_E_USAGE, "%s", text);
}

// Of dates and times as they are mostly written; what else a column may hold, planning compares.
static int check_order(const struct sl_backfill_choice *choice, struct sl_err *err)
{
    const int64_t day_us = INT64_C(86400000000);
    int64_t from_us, to_us;
    if (!choice->from || !choice->to || sl_clock_parse(choice->from, &from_us) != 0 ||
        sl_clock_parse(choice->to, &to_us) != 0)
        return SL_OK;
    if (strlen(choice->to) == strlen("2026-01-31"))
        to_us += day_us - 1;
    if (from_us <= to_us)
        return SL_OK;
    return sl_fail(err, SL_E_BACKFILL_CHOICE,
                   "--from %s is later than --to %s: no partition is between them", choice->from,
                   choice->to);
}

int sl_backfill_asked_check(const struct sl_backfill_asked *asked, struct sl_err *err)
{
    const struct sl_backfill_options *options = &asked->options;
    const struct sl_backfill_choice *choice = &options->choice;
    bool has_choice = choice->tables.count || choice->from || choice->to ||
                      choice->partitions.count || choice->is_stale || choice->may_empty;
    if (options->resume && has_choice)
        return usage("--resume says by itself which tables and partitions are meant", err);
    if (!options->resume && !choice->tables.count)
        return usage("no table is named", err);
    if (options->chunk < 0)
        return usage("--chunk is negative, expected 0 or more", err);
    if (options->concurrency < 0)
        return usage("--concurrency is negative, expected 0 or more", err);
    return check_order(choice, err);
}
