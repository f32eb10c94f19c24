#include "serve/pipelines.h"

#include "base/clock.h"
#include "schedule/schedule.h"

bool sl_trigger_next(const struct sl_trigger *trigger, int64_t after_us, int64_t *ret_us)
{
    struct sl_schedule_tick tick;

    if (!trigger->schedule || !sl_schedule_next(trigger->schedule, after_us, NULL, &tick))
        return false;
    *ret_us = tick.at_us;
    return true;
}

bool sl_pipeline_next(const struct sl_pipeline *pipeline, int64_t after_us, int64_t *ret_us,
                      const struct sl_trigger **ret_trigger)
{
    const struct sl_trigger *first = NULL;
    int64_t first_us = INT64_MAX, at_us;

    for (size_t i = 0; i < pipeline->trigger_count; i++)
        if (sl_trigger_next(&pipeline->triggers[i], after_us, &at_us) && at_us < first_us) {
            first = &pipeline->triggers[i];
            first_us = at_us;
        }
    if (!first)
        return false;
    *ret_us = first_us;
    if (ret_trigger)
        *ret_trigger = first;
    return true;
}

static json_t *time_json(bool is_there, int64_t at_us)
{
    char text[32];

    return is_there ? json_string(sl_clock_format(at_us, text)) : json_null();
}

static int trigger_json(const struct sl_trigger *trigger, int64_t now_us, json_t *list,
                        struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char local[40] = "";
    int64_t next_us = 0;

    sl_arena_init(&arena, 0);
    const char *words = sl_trigger_words(trigger, &arena);
    SL_TRY_NEW(words, err);
    const bool has_next = sl_trigger_next(trigger, now_us, &next_us);
    if (has_next)
        (void)sl_zone_format(&trigger->schedule->zone, next_us, local);
    json_t *item =
        json_pack("{s:s, s:o, s:o, s:o, s:s?, s:s?}", "kind", sl_trigger_kind_name(trigger->kind),
                  "key", sl_json_string(trigger->key), "words", sl_json_string(words), "next",
                  time_json(has_next, next_us), "next_local", has_next ? local : NULL, "time_zone",
                  trigger->schedule ? trigger->schedule->zone.name : NULL);
    return json_array_append_new(list, item) == 0 ? SL_OK : sl_fail_memory(err);
}

static json_t *pause_json(const struct sl_pause *pause)
{
    if (!pause)
        return json_null();
    return json_pack("{s:s?, s:s?, s:o}", "who", pause->who, "why", pause->why, "at",
                     time_json(true, pause->at_us));
}

static json_t *run_json(const struct sl_run_row *run)
{
    if (!run)
        return json_null();
    return json_pack("{s:s, s:s, s:s?, s:s?, s:o, s:o, s:o}", "id", run->id, "status", run->status,
                     "trigger", run->trigger, "who", run->who, "tick",
                     time_json(run->tick_us != 0, run->tick_us), "started",
                     time_json(true, run->started_us), "ended",
                     time_json(run->ended_us != 0, run->ended_us));
}

int sl_pipeline_json(const struct sl_pipeline *pipeline, const struct sl_pipeline_state *state,
                     int64_t now_us, json_t **ret, struct sl_err *err)
{
    json_t *when = json_array();
    int64_t next_us = 0;
    const bool has_next = sl_pipeline_next(pipeline, now_us, &next_us, NULL);
    SL_AUTO(sl_json_free)
    json_t *root = json_pack(
        "{s:s, s:s, s:s?, s:s?, s:o, s:o, s:o, s:o, s:s, s:s, s:I, s:o, s:b, s:o, s:o, s:o}",
        "name", pipeline->name, "file", pipeline->file, "description", pipeline->description,
        "owner", pipeline->owner, "tags", sl_json_strs(&pipeline->tags), "select",
        sl_json_strs(&pipeline->select), "exclude", sl_json_strs(&pipeline->exclude), "when", when,
        "catch_up", sl_catch_up_name((enum sl_catch_up)pipeline->catch_up), "overlap",
        sl_overlap_name((enum sl_overlap)pipeline->overlap), "max_runs",
        (json_int_t)pipeline->max_runs, "deadline_s",
        pipeline->deadline_s ? json_integer(pipeline->deadline_s) : json_null(), "full_refresh",
        pipeline->full_refresh, "next", time_json(has_next, next_us), "paused",
        pause_json(state->pause), "last_run", run_json(state->last_run));

    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < pipeline->trigger_count; i++)
        SL_TRY(trigger_json(&pipeline->triggers[i], now_us, when, err));
    *ret = root;
    root = NULL;
    return SL_OK;
}
