#include "api/queue.h"

#include "api/leases.h"
#include "state/store.h"

#include <stdlib.h>

// --- ticks

struct tick_list {
    struct sl_tick *rows;
    size_t count;
};

static int take_tick(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct tick_list *list = to;
    struct sl_tick tick = {.pipeline = sl_row_text(row, 0),
                           .trigger = sl_row_text(row, 1),
                           .tick_us = sl_row_number(row, 2)};
    return SL_PUSH(row->arena, list->rows, list->count, tick) ? SL_OK : sl_fail_memory(err);
}

int sl_state_ticks(struct sl_state *state, struct sl_arena *arena, struct sl_tick **ret,
                   size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project)};
    struct tick_list list = {0};
    SL_TRY(
        SL_RUN_WITH(state,
                    "select pipeline, trigger_key, tick_us from ticks where project = ?1 order by "
                    "pipeline, trigger_key",
                    params, .on_row = take_tick, .to = &list, .arena = arena));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

static int ticks_json(const struct sl_tick *ticks, size_t count, char **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *list = json_array();
    SL_TRY_NEW(list, err);
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_pack("[o, o, I]", sl_json_string(ticks[i].pipeline),
                                                  sl_json_string(ticks[i].trigger),
                                                  (json_int_t)ticks[i].tick_us)) != 0)
            return sl_fail_memory(err);
    return sl_json_print(list, ret, err);
}

int sl_state_set_ticks(struct sl_state *state, const struct sl_tick *ticks, size_t count,
                       struct sl_err *err)
{
    char *text = NULL;
    SL_TRY(ticks_json(ticks, count, &text, err));
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(text)};
    int code = sl_write_one(
        state,
        &(struct sl_statement){
            .sql =
                "insert into ticks (project, pipeline, trigger_key, tick_us) select cast(?1 as "
                "text), e.value->>0, e.value->>1, cast(e.value->>2 as bigint) from json_each(?2) "
                "as e where true on conflict (project, pipeline, trigger_key) do update set "
                "tick_us = excluded.tick_us",
            .params = params,
            .count = 2},
        0, err);
    free(text);
    return code;
}

// --- pauses

int sl_state_pause(struct sl_state *state, const struct sl_pause *pause, bool *ret_is_new,
                   struct sl_err *err)
{
    const struct sl_param names[] = {SL_TEXT(state->project), SL_TEXT(pause->pipeline)};
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(pause->pipeline),
                                      SL_TEXT(pause->who), SL_TEXT(pause->why),
                                      SL_NUMBER(pause->at_us)};
    int64_t before = 0;
    SL_TRY(sl_write_begin(state, err));
    int code = SL_RUN_WITH(state, "delete from pauses where project = ?1 and pipeline = ?2", names,
                           .ret_changed = &before);
    if (code == SL_OK)
        code = SL_RUN(state,
                      "insert into pauses (project, pipeline, who, why, at_us) values (?1, ?2, ?3, "
                      "?4, ?5)",
                      params);
    SL_TRY(sl_write_end(state, code, SL_WAKE_DECISIONS, err));
    if (ret_is_new)
        *ret_is_new = before == 0;
    return SL_OK;
}

int sl_state_resume(struct sl_state *state, const char *pipeline, bool *ret_was_paused,
                    struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(pipeline)};
    int64_t changed = 0;
    SL_TRY(sl_write_one(
        state,
        &(struct sl_statement){.sql = "delete from pauses where project = ?1 and pipeline = ?2",
                               .params = params,
                               .count = 2,
                               .ret_changed = &changed},
        SL_WAKE_DECISIONS, err));
    if (ret_was_paused)
        *ret_was_paused = changed > 0;
    return SL_OK;
}

struct pause_list {
    struct sl_pause *rows;
    size_t count;
};

static int take_pause(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct pause_list *list = to;
    struct sl_pause pause = {.pipeline = sl_row_text(row, 0),
                             .who = sl_row_text(row, 1),
                             .why = sl_row_text(row, 2),
                             .at_us = sl_row_number(row, 3)};
    return SL_PUSH(row->arena, list->rows, list->count, pause) ? SL_OK : sl_fail_memory(err);
}

int sl_state_pauses(struct sl_state *state, struct sl_arena *arena, struct sl_pause **ret,
                    size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project)};
    struct pause_list list = {0};
    SL_TRY(SL_RUN_WITH(state,
                       "select pipeline, who, why, at_us from pauses where project = ?1 order by "
                       "pipeline",
                       params, .on_row = take_pause, .to = &list, .arena = arena));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

// --- the queue

static int insert_run(struct sl_state *state, const struct sl_queued *queued, int64_t *ret_changed,
                      struct sl_err *err)
{
    const struct sl_param params[] = {
        SL_TEXT(state->project),
        SL_TEXT(queued->run_id),
        SL_TEXT(queued->command ? queued->command : "run"),
        SL_TEXT(queued->environment),
        SL_NUMBER(queued->asked_us),
        SL_TEXT(queued->pipeline),
        SL_TEXT(queued->trigger),
        SL_NUMBER(queued->tick_us),
        SL_TEXT(queued->who),
        SL_TEXT(queued->row_json ? queued->row_json : queued->options_json),
    };
    return SL_RUN_WITH(
        state,
        "insert into runs (project, id, command, environment, status, started_us, "
        "ended_us, pid, ok, warn, error, skipped, quarantined, pipeline, trigger_key, "
        "tick_us, who, options) values (?1, ?2, ?3, ?4, 'queued', ?5, 0, 0, 0, 0, 0, 0, 0, ?6, "
        "?7, ?8, ?9, ?10) on conflict do nothing",
        params, .ret_changed = ret_changed);
}

static int insert_queued(struct sl_state *state, const struct sl_queued *queued, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(queued->run_id),
                                      SL_TEXT(queued->options_json ? queued->options_json : "{}")};
    const struct sl_param tick[] = {SL_TEXT(state->project), SL_TEXT(queued->pipeline),
                                    SL_TEXT(queued->trigger), SL_NUMBER(queued->tick_us)};
    SL_TRY(
        SL_RUN(state, "insert into queue (project, run_id, options) values (?1, ?2, ?3)", params));
    if (queued->tick_us <= 0 || !queued->pipeline || !queued->trigger)
        return SL_OK;
    return SL_RUN(state,
                  "insert into ticks (project, pipeline, trigger_key, tick_us) values (?1, ?2, ?3, "
                  "?4) on conflict (project, pipeline, trigger_key) do update set tick_us = "
                  "excluded.tick_us where excluded.tick_us > ticks.tick_us",
                  tick);
}

int sl_state_enqueue(struct sl_state *state, const struct sl_queued *queued, bool *ret_is_new,
                     struct sl_err *err)
{
    int64_t changed = 0;
    // A tick comes again: that it is handled is in the same commit.
    const bool comes_again = !queued->who && queued->tick_us > 0;
    SL_TRY(comes_again ? sl_write_begin_relaxed(state, err) : sl_write_begin(state, err));
    int code = insert_run(state, queued, &changed, err);
    if (code == SL_OK && changed > 0)
        code = insert_queued(state, queued, err);
    SL_TRY(sl_write_end(state, code, changed > 0 ? SL_WAKE_QUEUE : 0, err));
    *ret_is_new = changed > 0;
    return SL_OK;
}

struct queue_list {
    struct sl_queued *rows;
    size_t count;
};

static int take_queued(void *to, const struct sl_store_row *row, struct sl_err *err)
{
    struct queue_list *list = to;
    struct sl_queued queued = {
        .run_id = sl_row_text(row, 0),
        .command = sl_row_text(row, 1),
        .environment = sl_row_text(row, 2),
        .pipeline = sl_row_text(row, 3),
        .trigger = sl_row_text(row, 4),
        .tick_us = sl_row_number(row, 5),
        .who = sl_row_text(row, 6),
        .asked_us = sl_row_number(row, 7),
        .options_json = sl_row_text(row, 8),
        .is_cancelled = sl_row_number(row, 9) != 0,
    };
    return SL_PUSH(row->arena, list->rows, list->count, queued) ? SL_OK : sl_fail_memory(err);
}

int sl_state_queue(struct sl_state *state, struct sl_arena *arena, struct sl_queued **ret,
                   size_t *ret_count, struct sl_err *err)
{
    const struct sl_param params[] = {SL_TEXT(state->project)};
    struct queue_list list = {0};
    SL_TRY(SL_RUN_WITH(
        state,
        "select r.id, r.command, r.environment, r.pipeline, r.trigger_key, r.tick_us, "
        "r.who, r.started_us, q.options, case when exists (select 1 from audit as a where "
        "a.project = r.project and a.subject = r.id and a.what = 'cancel') then 1 else "
        "0 end from queue as q join runs as r on r.project = q.project and r.id = "
        "q.run_id where q.project = ?1 order by q.seq",
        params, .on_row = take_queued, .to = &list, .arena = arena));
    *ret = list.rows;
    *ret_count = list.count;
    return SL_OK;
}

int sl_state_dequeue(struct sl_state *state, const char *run_id, const char *status, int64_t at_us,
                     bool *ret_was_queued, struct sl_err *err)
{
    const struct sl_param names[] = {SL_TEXT(state->project), SL_TEXT(run_id)};
    const struct sl_param params[] = {SL_TEXT(state->project), SL_TEXT(run_id), SL_TEXT(status),
                                      SL_NUMBER(at_us)};
    int64_t changed = 0;
    SL_TRY(sl_write_begin(state, err));
    int code = SL_RUN_WITH(state, "delete from queue where project = ?1 and run_id = ?2", names,
                           .ret_changed = &changed);
    if (code == SL_OK && changed > 0)
        code = SL_RUN(state,
                      "update runs set status = ?3, ended_us = ?4 where project = ?1 and id = ?2",
                      params);
    SL_TRY(sl_write_end(state, code, changed > 0 ? SL_WAKE_QUEUE : 0, err));
    *ret_was_queued = changed > 0;
    return SL_OK;
}
