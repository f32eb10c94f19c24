// After a service before this one: what it was asked for, and what it was killed over.
#include "base/clock.h"
#include "serve/serve_inner.h"

#include <string.h>

// --- what has been done of it

#define MOST_HOPS 64 // of runs that go on with each other

static int add_done(struct sl_service_run *run, const char *id, struct sl_arena *arena,
                    struct sl_strs *ret, struct sl_err *err)
{
    struct sl_step_row *steps;
    size_t count;
    SL_TRY(sl_state_steps(run->service->state, id, arena, &steps, &count, err));
    for (size_t i = 0; i < count; i++)
        if (sl_str_starts(steps[i].name, "task.") && strcmp(steps[i].status, "ok") == 0)
            SL_TRY(sl_strs_add(ret, &run->arena, steps[i].name, err));
    return SL_OK;
}

// NULL: there is none of this id.
static int find_row(const struct sl_service *service, const char *id, struct sl_arena *arena,
                    const struct sl_run_row **ret, struct sl_err *err)
{
    const struct sl_run_filter filter = {.id = id, .limit = 1};
    struct sl_run_row *rows;
    size_t count;
    SL_TRY(sl_state_runs(service->state, &filter, arena, &rows, &count, err));
    *ret = count ? rows : NULL;
    return SL_OK;
}

// The run that this one went on with; NULL: it began by itself.
static int find_earlier(const struct sl_service *service, const char *id, struct sl_arena *arena,
                        const char **ret, struct sl_err *err)
{
    const struct sl_run_row *row;
    *ret = NULL;
    SL_TRY(find_row(service, id, arena, &row, err));
    return row && row->options_json ? sl_queued_earlier(row->options_json, arena, ret, err) : SL_OK;
}

// What somebody has done of this run by `sluice retry` since it began.
static int add_retried(struct sl_service_run *run, const char *id, struct sl_arena *arena,
                       struct sl_strs *ret, struct sl_err *err)
{
    const struct sl_service *service = run->service;
    const char *environment = sl_service_project(service)->environment;
    const struct sl_run_row *killed, *by;
    struct sl_step_row *steps;
    size_t count;
    SL_TRY(find_row(service, id, arena, &killed, err));
    if (!killed)
        return SL_OK;
    SL_TRY(
        sl_state_last(service->state, environment, SL_OUTCOMES_DONE, arena, &steps, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!sl_str_starts(steps[i].name, "task.") || steps[i].started_us < killed->started_us)
            continue;
        SL_TRY(find_row(service, steps[i].run_id, arena, &by, err));
        if (by && strcmp(by->command, "retry") == 0)
            SL_TRY(sl_strs_add(ret, &run->arena, steps[i].name, err));
    }
    return SL_OK;
}

int sl_service_done_tasks(struct sl_service_run *run, struct sl_strs *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const char *at = run->backfill ? NULL : run->goes_on_with;
    int code = SL_OK;
    sl_arena_init(&arena, 0);
    if (at)
        code = add_retried(run, at, &arena, ret, err);
    for (int hops = 0; at && code == SL_OK && hops < MOST_HOPS; hops++) {
        code = add_done(run, at, &arena, ret, err);
        if (code == SL_OK)
            code = find_earlier(run->service, at, &arena, &at, err);
    }
    return code;
}

static bool does_rest_of(const struct sl_service_run *run, const char *id)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err ignored = {0};
    const char *at = run->goes_on_with;
    sl_arena_init(&arena, 0);
    for (int hops = 0; at && hops < MOST_HOPS; hops++) {
        if (strcmp(at, id) == 0)
            return true;
        if (find_earlier(run->service, at, &arena, &at, &ignored) != SL_OK)
            return false;
    }
    return false;
}

struct sl_service_run *sl_service_find_later(struct sl_service *service, const char *id)
{
    struct sl_service_run *run = sl_service_find(service, id);
    for (struct sl_service_run *at = service->runs; at && !run; at = at->next)
        if (at->state != SL_RUN_ENDED && (sl_backfill_goes_on_with(at, id) || does_rest_of(at, id)))
            run = at;
    return run;
}

// --- what waits, and what was at work

static int take_queued(struct sl_service *service, const struct sl_queued *queued,
                       struct sl_err *err)
{
    const struct sl_asked asked = {.pipeline = queued->pipeline ? queued->pipeline : "",
                                   .trigger = queued->trigger ? queued->trigger : "by hand",
                                   .who = queued->who,
                                   .tick_us = queued->tick_us,
                                   .options = {.command = queued->command}};
    struct sl_service_run *run = NULL;
    int code = sl_service_make_run(service, &asked, &run, err);
    if (code == SL_OK)
        code = sl_queued_read(run, queued->options_json, err);
    if (code != SL_OK) {
        sl_service_free_run(run);
        return code;
    }
    snprintf(run->id, sizeof run->id, "%s", queued->run_id);
    run->asked_us = queued->asked_us;
    sl_service_append(service, run);
    if (queued->is_cancelled)
        sl_service_give_up(run, "cancelled");
    return SL_OK;
}

// It was killed before it had ended; nobody wants it any more.
static int end_cancelled(struct sl_service *service, struct sl_run_row *row, struct sl_err *err)
{
    sl_service_tell(SL_LOG_INFO, NULL, "run %s was killed after %s had cancelled it: it has ended",
                    row->id, row->cancelled_by);
    row->status = "cancelled";
    row->ended_us = sl_clock_now_us();
    return sl_state_end(service->state, row, err);
}

// Its service was killed, or the one that took it up, when what goes on with it was in the queue
// already, or has run since, and it had not ended yet.
static int find_rest(const struct sl_service *service, const struct sl_run_row *row, bool *ret,
                     struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_run_filter filter = {.rest_of = row->id, .with_waiting = true, .limit = 1};
    struct sl_run_row *rows;
    size_t count;
    sl_arena_init(&arena, 0);
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        if ((*ret = sl_str_equal(at->goes_on_with, row->id)))
            return SL_OK;
    SL_TRY(sl_state_runs(service->state, &filter, &arena, &rows, &count, err));
    *ret = count > 0;
    return SL_OK;
}

// Whoever runs a backfill by the command is no service, and may be at work.
static int recover_backfill(struct sl_service *service, struct sl_run_row *row, struct sl_err *err)
{
    bool was_ours = true, is_gone_on_with;
    if (row->cancelled_us) // only what the service does can be cancelled
        return end_cancelled(service, row, err);
    SL_TRY(find_rest(service, row, &is_gone_on_with, err));
    if (!is_gone_on_with)
        SL_TRY(sl_backfill_recover(service, row, &was_ours, err));
    if (!was_ours)
        return SL_OK;
    row->status = "interrupted";
    row->ended_us = sl_clock_now_us();
    return sl_state_end(service->state, row, err);
}

static int again(struct sl_service *service, const struct sl_run_row *row, struct sl_arena *arena,
                 struct sl_err *err)
{
    struct sl_asked asked = {.pipeline = row->pipeline ? row->pipeline : SL_NO_PIPELINE,
                             .trigger = "after a kill",
                             .who = row->who,
                             .is_unattended = true,
                             .goes_on_with = row->id};
    SL_AUTO(sl_json_free) json_t *options = NULL;
    struct sl_service_run *run;
    const char *why;
    if (row->pipeline && !sl_project_pipeline(sl_service_project(service), row->pipeline))
        return SL_OK;
    if (sl_str_equal(row->command, "apply")) {
        sl_service_tell(SL_LOG_WARN, NULL,
                        "run %s was killed, and is not gone on with: whether its plan still holds "
                        "is to be asked again",
                        row->id);
        return SL_OK;
    }
    if (!row->pipeline && !row->options_json) {
        sl_service_tell(SL_LOG_WARN, NULL,
                        "run %s was killed, and is not gone on with: what it was asked for is not "
                        "known",
                        row->id);
        return SL_OK;
    }
    if (row->options_json)
        SL_TRY(sl_json_parse(row->options_json, strlen(row->options_json), "the history", &options,
                             err));
    SL_TRY(sl_queued_read_options(options, arena, &asked.options, err));
    asked.options.command = row->command;
    if (row->pipeline)
        sl_service_tell(SL_LOG_WARN, NULL, "run %s of '%s' was killed: the pipeline runs again",
                        row->id, row->pipeline);
    else
        sl_service_tell(SL_LOG_WARN, NULL, "run %s was killed: what it was asked for is done again",
                        row->id);
    return sl_service_ask(service, &asked, &run, &why, err);
}

// Environments share a state store.
static bool is_of_ours(const struct sl_service *service, const char *environment)
{
    return sl_str_equal(environment, sl_service_project(service)->environment);
}

// What a killed service had begun is gone on with: tables know how far they have come. A run by the
// command is of no service: nothing has triggered it.
static int resume_killed(struct sl_service *service, struct sl_run_row *row, struct sl_arena *arena,
                         struct sl_err *err)
{
    bool is_gone_on_with;
    if (!is_of_ours(service, row->environment))
        return SL_OK;
    if (!row->pipeline && sl_str_equal(row->command, "backfill"))
        return recover_backfill(service, row, err);
    if (!row->pipeline && !row->trigger)
        return SL_OK;
    if (row->cancelled_us)
        return end_cancelled(service, row, err);
    SL_TRY(find_rest(service, row, &is_gone_on_with, err));
    if (!is_gone_on_with)
        SL_TRY(again(service, row, arena, err));
    row->status = "interrupted";
    row->ended_us = sl_clock_now_us();
    return sl_state_end(service->state, row, err);
}

int sl_service_recover(struct sl_service *service, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_queued *queued;
    struct sl_run_row *rows;
    size_t count;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_state_queue(service->state, &arena, &queued, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_err trouble = {0};
        if (!is_of_ours(service, queued[i].environment))
            continue;
        if (take_queued(service, &queued[i], &trouble) != SL_OK)
            sl_service_tell(SL_LOG_ERROR, NULL, "run %s waits and cannot begin: %s",
                            queued[i].run_id, trouble.message);
    }
    const struct sl_run_filter killed = {.is_abandoned = true};
    SL_TRY(sl_state_runs(service->state, &killed, &arena, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_err trouble = {0};
        if (resume_killed(service, &rows[i], &arena, &trouble) != SL_OK)
            sl_service_tell(SL_LOG_ERROR, NULL, "run %s was killed, and is not gone on with: %s",
                            rows[i].id, trouble.message);
    }
    sl_service_admit(service);
    return SL_OK;
}
