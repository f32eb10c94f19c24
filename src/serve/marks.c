// What a run that waits will see besides what started it: changes of files and tables that came
// meanwhile. Their marks are kept in the state store when it begins, so that one that never begins
// moves none.
#include "serve/serve_inner.h"

#include <string.h>

int sl_mark_later(struct sl_service_run *run, const char *key, int64_t fingerprint,
                  struct sl_err *err)
{
    const struct sl_tick mark = {run->pipeline, sl_arena_strdup(&run->arena, key), fingerprint};
    SL_TRY_NEW(mark.trigger, err);
    sl_service_tell(SL_LOG_DEBUG, run, "it sees what has changed since, too (%s)", key);
    for (size_t i = 0; i < run->mark_count; i++)
        if (strcmp(run->marks[i].trigger, key) == 0) {
            run->marks[i].tick_us = fingerprint;
            return SL_OK;
        }
    return SL_PUSH(&run->arena, run->marks, run->mark_count, mark) ? SL_OK : sl_fail_memory(err);
}

void sl_marks_keep(struct sl_service_run *run)
{
    struct sl_err err = {0};
    if (run->mark_count &&
        sl_state_set_ticks(run->service->state, run->marks, run->mark_count, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, run, "the state store: %s", err.message);
    run->mark_count = 0;
}

// 0: none was kept.
static int64_t kept(const struct sl_tick *ticks, size_t count, const struct sl_tick *mark)
{
    for (size_t i = 0; i < count; i++)
        if (sl_str_equal(ticks[i].pipeline, mark->pipeline) &&
            sl_str_equal(ticks[i].trigger, mark->trigger))
            return ticks[i].tick_us;
    return 0;
}

void sl_marks_take_back(const struct sl_service_run *run)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_service *service = run->service;
    struct sl_tick *ticks;
    struct sl_err err = {0};
    size_t count;
    if (!run->mark_count || !service->watch)
        return;
    sl_arena_init(&arena, 0);
    if (sl_state_ticks(service->state, &arena, &ticks, &count, &err) != SL_OK) {
        sl_service_tell(SL_LOG_WARN, run, "what came while it waited starts no run: %s",
                        err.message);
        return;
    }
    for (size_t i = 0; i < run->mark_count; i++)
        sl_watch_take_back(service->watch, run->pipeline, run->marks[i].trigger,
                           kept(ticks, count, &run->marks[i]));
}
