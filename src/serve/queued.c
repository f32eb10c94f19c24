// What a run was asked for, as text in the queue and in the history of the state store.
#include "serve/serve_inner.h"

#include <string.h>

int sl_queued_print(const struct sl_service_run *run, char **ret, struct sl_err *err)
{
    if (run->backfill) {
        SL_AUTO(sl_json_free)
        json_t *asked =
            json_pack("{s:O, s:s*}", "backfill", run->backfill, "goes_on_with", run->goes_on_with);
        *ret = asked ? json_dumps(asked, JSON_COMPACT) : NULL;
        return *ret ? SL_OK : sl_fail_memory(err);
    }
    json_t *select = sl_json_strs(&run->options.select);
    json_t *exclude = sl_json_strs(&run->options.exclude);
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:o*, s:o*, s:o*, s:o*, s:b, s:b, s:s*, s:O*, s:s*}", "select", select, "exclude",
        exclude, "allow_breaking", sl_json_strs(&run->options.may_break), "approve",
        sl_json_strs(&run->options.approved), "full_refresh", run->options.full_refresh,
        "fail_fast", run->options.fail_fast, "traceparent", run->options.traceparent, "plan",
        run->options.plan, "goes_on_with", run->goes_on_with);
    *ret = root && select && exclude ? json_dumps(root, JSON_COMPACT) : NULL;
    return *ret ? SL_OK : sl_fail_memory(err);
}

static int fail(struct sl_err *err)
{
    return sl_fail(err, SL_E_STATE, "the queue holds a run with options that are none");
}

static int read_strs(const json_t *array, struct sl_arena *arena, struct sl_strs *ret,
                     struct sl_err *err)
{
    size_t i;
    json_t *item;
    json_array_foreach (array, i, item) {
        if (!json_is_string(item))
            return fail(err);
        SL_TRY(sl_strs_add(ret, arena, json_string_value(item), err));
    }
    return SL_OK;
}

// A copy of a member; NULL where there is none.
static int read_text(const json_t *root, const char *name, struct sl_arena *arena, const char **ret,
                     struct sl_err *err)
{
    const char *text = sl_json_text(root, name, NULL);
    *ret = sl_arena_strdup(arena, text);
    return text && !*ret ? sl_fail_memory(err) : SL_OK;
}

int sl_queued_read_options(const json_t *root, struct sl_arena *arena, struct sl_start_options *ret,
                           struct sl_err *err)
{
    SL_TRY(read_strs(json_object_get(root, "select"), arena, &ret->select, err));
    SL_TRY(read_strs(json_object_get(root, "exclude"), arena, &ret->exclude, err));
    SL_TRY(read_strs(json_object_get(root, "allow_breaking"), arena, &ret->may_break, err));
    SL_TRY(read_strs(json_object_get(root, "approve"), arena, &ret->approved, err));
    ret->full_refresh = sl_json_bool(root, "full_refresh", false);
    ret->fail_fast = sl_json_bool(root, "fail_fast", false);
    return read_text(root, "traceparent", arena, &ret->traceparent, err);
}

// What was asked for is a backfill, or a run. The text holds all of a plan: it is parsed once.
int sl_queued_read(struct sl_service_run *run, const char *text, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    if (!text)
        return SL_OK;
    SL_TRY(sl_json_parse(text, strlen(text), "the queue", &root, err));
    SL_TRY(read_text(root, "goes_on_with", &run->arena, &run->goes_on_with, err));
    json_t *backfill = json_object_get(root, "backfill");
    if (!json_is_object(root) || (backfill && !json_is_object(backfill)))
        return fail(err);
    run->backfill = json_incref(backfill);
    if (!run->backfill) {
        if (json_is_object(json_object_get(root, "plan")))
            run->options.plan = json_incref(json_object_get(root, "plan"));
        return sl_queued_read_options(root, &run->arena, &run->options, err);
    }
    run->command = "backfill";
    run->pipeline = SL_BACKFILL_PIPELINE;
    return SL_OK;
}

int sl_queued_earlier(const char *text, struct sl_arena *arena, const char **ret,
                      struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *root = NULL;
    SL_TRY(sl_json_parse(text, strlen(text), "the history", &root, err));
    return read_text(root, "goes_on_with", arena, ret, err);
}
