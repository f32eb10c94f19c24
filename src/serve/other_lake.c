// Triggers of files and tables remember what was there when they last started a run. That is of one
// lake: where another one takes its place, nothing of it has been done there.
#include "run/known_lake.h"
#include "serve/serve_inner.h"

#include <stdlib.h>

enum { LAST_FIELD = 24 }; // of a UUID: 48 random bits

// Whatever a trigger is about is another thing than that.
#define NOTHING_SEEN (-1)

static const char *key_of(const struct sl_project *project, struct sl_arena *arena)
{
    return project->environment ? sl_arena_printf(arena, "lake %s", project->environment) : "lake";
}

static int add_triggers(const struct sl_project *project, struct sl_arena *arena,
                        struct sl_tick **ticks, size_t *count, struct sl_err *err)
{
    for (size_t i = 0; i < project->pipeline_count; i++)
        for (size_t k = 0; k < project->pipelines[i].trigger_count; k++) {
            const struct sl_trigger *trigger = &project->pipelines[i].triggers[k];
            const struct sl_tick tick = {project->pipelines[i].name, trigger->key, NOTHING_SEEN};
            if (trigger->kind != SL_TRIGGER_FILES && trigger->kind != SL_TRIGGER_TABLE)
                continue;
            if (!SL_PUSH(arena, *ticks, *count, tick))
                return sl_fail_memory(err);
        }
    return SL_OK;
}

// The marks go with the number, or neither: who is killed here does it at its next start.
static int forget(struct sl_service *service, const char *key, int64_t lake, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_tick *ticks = NULL;
    size_t count = 0;
    sl_arena_init(&arena, 0);
    const struct sl_tick of_lake = {"", key, lake};
    if (!SL_PUSH(&arena, ticks, count, of_lake))
        return sl_fail_memory(err);
    if (service->seen_lake)
        SL_TRY(add_triggers(sl_service_project(service), &arena, &ticks, &count, err));
    SL_TRY(sl_state_set_ticks(service->state, ticks, count, err));
    for (size_t i = 1; i < count; i++)
        sl_watch_take_back(service->watch, ticks[i].pipeline, ticks[i].trigger, NOTHING_SEEN);
    return SL_OK;
}

void sl_service_take_seen_lake(struct sl_service *service, const struct sl_tick *ticks,
                               size_t count)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *key = key_of(sl_service_project(service), &arena);
    for (size_t i = 0; i < count; i++)
        if (!*ticks[i].pipeline && sl_str_equal(ticks[i].trigger, key))
            service->seen_lake = ticks[i].tick_us;
}

void sl_service_mind_lake(struct sl_service *service)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_project *project = sl_service_project(service);
    char here[SL_LAKE_ID_BYTES];
    struct sl_err err = {0};
    if (!service->watch || service->stops || sl_lake_find(project, here, &err) != SL_OK)
        return;
    const int64_t lake = (int64_t)strtoull(here + LAST_FIELD, NULL, 16) + 1;
    if (lake == service->seen_lake ||
        sl_lake_look(project, service->state, service->lake, &err) != SL_OK)
        return;
    sl_arena_init(&arena, 0);
    const char *key = key_of(project, &arena);
    err = (struct sl_err){0};
    if (!key || forget(service, key, lake, &err) != SL_OK) {
        sl_service_tell(SL_LOG_WARN, NULL, "the state store: %s", err.message);
        return;
    }
    if (service->seen_lake)
        sl_service_tell(SL_LOG_INFO, NULL,
                        "the lake is another one than before: what files and tables start looks at "
                        "all of theirs again");
    service->seen_lake = lake;
}
