// What cannot be written: no run begins until there is room again, and what was left to be written
// is written then. A state store that turns out to be damaged is begun anew.
#include "base/clock.h"
#include "base/fs.h"
#include "run/history.h"
#include "run/known_lake.h"
#include "serve/serve_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FIRST_WAIT_MS 1000
#define MOST_WAIT_MS 60000
#define MET_US 1000000            // how often steps that meet it have it looked for
#define CALM_US INT64_C(60000000) // after which the next trouble is a new one
#define SLICE_US 20000            // the loop does nothing else for longer
#define ENOUGH_BYTES (UINT64_C(16) << 20)
#define ENOUGH_PERCENT 2 // of a small disk

// What a run has left to be written: its history, or that it waits no more.
struct sl_left {
    struct sl_history *history; // NULL: the row of a run that has none
    char id[37];
    const char *status;
    int64_t at_us;
    bool is_gone_on_with; // by a run that is to be kept before
    struct sl_left *next;
};

static bool is_no_room(enum sl_code code)
{
    return code == SL_E_NO_SPACE || code == SL_E_NO_PERMISSION || code == SL_E_STATE_READONLY;
}

static bool is_out_of_reach(enum sl_code code)
{
    return code == SL_E_STATE_BUSY || code == SL_E_STATE_CONNECT;
}

const char *sl_trouble_remedy(enum sl_code code)
{
    return code == SL_E_NO_PERMISSION || code == SL_E_STATE_READONLY
               ? "let the service's user write there"
               : "make room";
}

// --- what is left

static void append_left(struct sl_service *service, struct sl_left *left)
{
    struct sl_left **at = &service->left;
    while (*at)
        at = &(*at)->next;
    *at = left;
}

void sl_service_leave_history(struct sl_service_run *run, struct sl_history *history)
{
    struct sl_service *service = run->service;
    struct sl_left *left = calloc(1, sizeof *left);
    if (!left) {
        sl_history_close(&history); // which tells
        return;
    }
    left->history = history;
    left->is_gone_on_with = !sl_service_is_rest_kept(run);
    append_left(service, left);
    sl_service_look_for_room(service);
}

void sl_service_dequeue(struct sl_service *service, const struct sl_service_run *run,
                        const char *status)
{
    int64_t now_us = sl_clock_now_us();
    struct sl_err err = {0};
    bool was_queued;
    if (sl_state_dequeue(service->state, run->id, status, now_us, &was_queued, &err) == SL_OK)
        return;
    sl_service_tell(SL_LOG_WARN, run, "the state store: %s", err.message);
    struct sl_left *left =
        is_no_room(err.code) || is_out_of_reach(err.code) ? calloc(1, sizeof *left) : NULL;
    if (left) {
        memcpy(left->id, run->id, sizeof left->id);
        left->status = status;
        left->at_us = now_us;
        append_left(service, left);
    }
    sl_service_trouble(service, &err);
}

static int write_left(struct sl_service *service, struct sl_left *left, struct sl_err *err)
{
    bool was_queued;
    if (!left->history)
        return sl_state_dequeue(service->state, left->id, left->status, left->at_us, &was_queued,
                                err);
    return sl_history_try_again(left->history, err) ? SL_OK : (int)err->code;
}

static bool waits_unkept(const struct sl_service_run *run)
{
    return run->is_unkept && run->state == SL_RUN_QUEUED;
}

// What a run has left out is kept before that run has ended. Until then, on the monotonic clock:
// thousands may wait.
static int write_all_left(struct sl_service *service, int64_t until_us, struct sl_err *err)
{
    for (struct sl_service_run *at = service->runs; at; at = at->next) {
        if (!waits_unkept(at))
            continue;
        if (sl_clock_monotonic_us() >= until_us)
            return SL_OK;
        SL_TRY(sl_service_keep(at, err));
    }
    while (service->left && sl_clock_monotonic_us() < until_us) {
        struct sl_left *left = service->left;
        SL_TRY(write_left(service, left, err));
        service->left = left->next;
        sl_history_close(&left->history);
        free(left);
    }
    return SL_OK;
}

static bool has_left(const struct sl_service *service)
{
    for (const struct sl_service_run *at = service->runs; at; at = at->next)
        if (waits_unkept(at))
            return true;
    return service->left != NULL;
}

void sl_service_close_left(struct sl_service *service)
{
    struct sl_err err = {0};
    // What cannot be kept now either is done because its run has not ended: as after a kill.
    const bool is_unkept = write_all_left(service, INT64_MAX, &err) != SL_OK;
    for (const struct sl_service_run *at = service->runs; at; at = at->next) {
        if (!waits_unkept(at) || (!at->who && service->failure.code)) // its trigger comes again
            continue;
        if (at->goes_on_with && service->left)
            sl_service_tell(SL_LOG_WARN, at,
                            "it waited, and could not be kept: %s; the next service goes on with "
                            "run %.8s as after a kill",
                            err.message, at->goes_on_with);
        else
            sl_service_tell(SL_LOG_ERROR, at,
                            "it waited, and could not be kept for the next "
                            "service: %s",
                            err.message);
    }
    while (service->left) {
        struct sl_left *left = service->left;
        service->left = left->next;
        if (left->is_gone_on_with && is_unkept)
            sl_history_abandon(&left->history);
        sl_history_close(&left->history);
        free(left);
    }
    free(service->held_back);
    service->held_back = NULL;
}

// --- room

// Enough for the next steps to begin with, and a file can really be made.
static int require_room(const char *folder, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct statvfs disk;
    char page[4096] = "";
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, folder, ".room");
    SL_TRY_NEW(path, err);
    if (statvfs(folder, &disk) == 0 && disk.f_blocks) {
        uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
        uint64_t enough = (uint64_t)disk.f_blocks * disk.f_frsize / 100 * ENOUGH_PERCENT;
        if (free_bytes < (enough < ENOUGH_BYTES ? enough : ENOUGH_BYTES))
            return sl_fail(err, SL_E_NO_SPACE, "no space left in '%s'", folder);
    }
    int code = sl_fs_write(path, page, sizeof page, err);
    struct sl_err ignored = {0};
    (void)!sl_fs_remove(path, &ignored);
    return code;
}

static int look(struct sl_service *service, struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    SL_TRY(sl_fs_mkdirs(project->state_folder, err));
    SL_TRY(require_room(project->state_folder, err));
    if (sl_fs_exists(project->lake_folder)) // else it may be away: runs find that
        SL_TRY(require_room(project->lake_folder, err));
    return write_all_left(service, sl_clock_monotonic_us() + SLICE_US, err);
}

static void on_room(uv_timer_t *timer)
{
    sl_service_look_for_room(timer->data);
}

static void hold_back(struct sl_service *service, const struct sl_err *why)
{
    int64_t now_us = sl_clock_monotonic_us();
    bool is_new = !service->held_back;
    if (is_new && now_us > service->room_us + CALM_US)
        service->room_wait_ms = FIRST_WAIT_MS;
    else if (is_new && service->room_wait_ms < MOST_WAIT_MS)
        service->room_wait_ms *= 2;
    if (is_new) {
        service->held_back = strdup(why->message);
        sl_service_tell(SL_LOG_ERROR, NULL,
                        "no run begins until it can be written again: %s (%s); %s: then it goes on "
                        "by itself",
                        why->message, sl_code_info(SL_E_SERVE_HELD)->id,
                        sl_trouble_remedy(why->code));
    }
    (void)uv_timer_start(&service->room_timer, on_room, service->room_wait_ms, 0);
}

static void go_on(struct sl_service *service)
{
    if (!service->held_back)
        return;
    free(service->held_back);
    service->held_back = NULL;
    service->room_us = sl_clock_monotonic_us();
    sl_service_tell(SL_LOG_INFO, NULL, "there is room again: runs begin");
    sl_service_admit(service);
}

// --- runs that are done again

// The file or folder below it that the message names last, after the table; NULL: none.
static const char *named_in(const struct sl_err *err, const char *folder, struct sl_arena *arena)
{
    const size_t length = folder ? strlen(folder) : 0;
    const char *at = length ? strstr(err->message, folder) : NULL, *last = NULL;
    for (; at; at = strstr(at + length, folder))
        if (at[length] && strchr("/'\"", at[length]))
            last = at;
    return last ? sl_arena_strndup(arena, last, strcspn(last, "'\"")) : NULL;
}

// Of a database, which is a file, it is not told from its mode and folder whether it can be
// written.
static const char *named_in_target(const struct sl_err *err, const struct sl_project *project,
                                   struct sl_arena *arena)
{
    const char *named = NULL;
    for (size_t i = 0; i < project->target_count && !named; i++) {
        const struct sl_target *target = &project->targets[i];
        if (strcmp(target->type, "sqlite") != 0 && strcmp(target->type, "duckdb") != 0)
            named = named_in(err, target->path, arena);
    }
    return named;
}

static bool lacks_lake(struct sl_service *service)
{
    struct sl_err err = {0};
    return sl_lake_look(sl_service_project(service), service->state, service->lake, &err) != SL_OK;
}

// If so, it was only its history that found no room.
static bool has_done_all(const struct sl_service_run *run)
{
    const char *state = sl_run_state(sl_live_run(run->live));
    return !sl_live_err(run->live)->code &&
           (strcmp(state, "ok") == 0 || strcmp(state, "nothing") == 0);
}

// Under steps at work the lake may go: what each says of it then is not that. One look is for many
// steps, and one for the run's end.
static bool may_lack_lake(const struct sl_service_run *run, const struct sl_err *err)
{
    struct sl_service *service = run->service;
    const bool is_end = err == sl_live_err(run->live);
    if (sl_lake_is_refused((int)err->code))
        return true;
    if (is_end ? has_done_all(run) : !err->code)
        return false;
    if (!is_end && sl_clock_monotonic_us() - service->lake_looked_us < MET_US)
        return service->lacked_lake;
    service->lacked_lake = lacks_lake(service);
    service->lake_looked_us = sl_clock_monotonic_us();
    return service->lacked_lake;
}

void sl_service_met(struct sl_service_run *run, const struct sl_err *err)
{
    const struct sl_project *project = sl_live_run(run->live)->world->project;
    const char *blocked = NULL;
    if (!run->who && may_lack_lake(run, err)) // a person is told
        run->has_met_full = run->lacks_lake = true;
    if (!is_no_room(err->code))
        return;
    if (err->code == SL_E_NO_PERMISSION) {
        blocked = named_in(err, project->lake_folder, &run->arena);
        if (!blocked)
            blocked = named_in(err, project->state_folder, &run->arena);
        if (!blocked)
            blocked = named_in_target(err, project, &run->arena);
        if (!blocked)
            return; // a source
    }
    run->has_met_full = true;
    run->blocked = blocked ? blocked : run->blocked;
    if (sl_clock_monotonic_us() - run->service->met_us < MET_US) // thousands of steps may
        return;
    run->service->met_us = sl_clock_monotonic_us();
    sl_service_trouble(run->service, err);
}

static bool may(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

// What is not there, and its folder neither, says nothing. A folder that is there is enough: that
// above it may be another user's.
static bool is_blocked(const char *path)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_fs_stat stat;
    sl_arena_init(&arena, 0);
    const bool is_folder = path && sl_fs_stat(path, &stat, NULL) == SL_OK && stat.is_folder;
    const char *folder = is_folder || !path ? path : sl_path_folder(&arena, path);
    if (!folder || !may(folder, F_OK))
        return folder && errno == EACCES;
    return !may(folder, W_OK | X_OK) || (may(path, F_OK) && !may(path, R_OK));
}

static void wait_longer(uv_timer_t *timer);

static void on_later(uv_timer_t *timer)
{
    struct sl_service_run *run = timer->data;
    if ((run->lacks_lake && lacks_lake(run->service)) || is_blocked(run->blocked)) {
        wait_longer(timer);
        return;
    }
    sl_timer_close(&run->later);
    sl_service_admit(run->service);
}

static void wait_longer(uv_timer_t *timer)
{
    struct sl_service_run *run = timer->data;
    run->wait_ms = run->wait_ms ? run->wait_ms * 2 : FIRST_WAIT_MS;
    if (run->wait_ms > MOST_WAIT_MS)
        run->wait_ms = MOST_WAIT_MS;
    (void)uv_timer_start(timer, on_later, (uint64_t)run->wait_ms, 0);
}

static bool has_same(const struct sl_strs *a, const struct sl_strs *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return a->count == b->count;
}

static bool is_same(const struct sl_service_run *a, const struct sl_service_run *b)
{
    return strcmp(a->pipeline, b->pipeline) == 0 && strcmp(a->command, b->command) == 0 &&
           has_same(&a->options.select, &b->options.select) &&
           has_same(&a->options.exclude, &b->options.exclude) &&
           has_same(&a->options.may_break, &b->options.may_break) &&
           has_same(&a->options.approved, &b->options.approved) &&
           (a->options.plan == b->options.plan || json_equal(a->options.plan, b->options.plan)) &&
           a->options.full_refresh == b->options.full_refresh;
}

static bool is_asked_for(const struct sl_service_run *run)
{
    for (const struct sl_service_run *at = run->service->runs; at; at = at->next)
        if (at->state == SL_RUN_QUEUED && at->later && !at->waits_for_store && is_same(at, run))
            return true;
    return false;
}

// Without a timer it begins at once.
static void let_wait(struct sl_service_run *again, const struct sl_service_run *run)
{
    struct sl_err ignored = {0};
    again->blocked = sl_arena_strdup(&again->arena, run->blocked);
    again->lacks_lake = run->lacks_lake;
    again->wait_ms = run->wait_ms;
    again->later = sl_timer_new(&run->service->loop, again, &ignored);
    if (again->later)
        wait_longer(again->later);
}

bool sl_service_wait_a_moment(struct sl_service_run *run)
{
    struct sl_err ignored = {0};
    if (!run->waits_for_store)
        run->wait_ms = 0; // that was for something else
    if (run->wait_ms >= MOST_WAIT_MS)
        return false;
    run->waits_for_store = true;
    run->later = sl_timer_new(&run->service->loop, run, &ignored);
    if (run->later)
        wait_longer(run->later);
    return run->later != NULL;
}

void sl_service_wait(struct sl_service_run *run, int64_t wait_ms)
{
    struct sl_err ignored = {0};
    run->later = sl_timer_new(&run->service->loop, run, &ignored);
    if (run->later)
        (void)uv_timer_start(run->later, on_later, (uint64_t)wait_ms, 0);
}

void sl_service_ask_again(const struct sl_service_run *run)
{
    struct sl_asked asked = {.pipeline = run->pipeline,
                             .trigger = run->lacks_lake ? "after the lake was away"
                                        : run->blocked  ? "after a folder that could not be written"
                                                        : "after a full disk",
                             .who = run->who,
                             .is_unattended = true,
                             .goes_on_with = run->id, // tasks that have ended need not run again
                             .options = run->options};
    struct sl_service *service = run->service;
    const bool was_admitting = service->is_admitting;
    struct sl_service_run *again;
    struct sl_err err = {0};
    const char *why;
    if (!run->has_met_full || service->stops || run->interrupts || has_done_all(run) ||
        is_asked_for(run))
        return;
    asked.options.command = run->command;
    service->is_admitting = true;
    const int code = sl_service_ask(service, &asked, &again, &why, &err);
    service->is_admitting = was_admitting;
    if (code != SL_OK)
        sl_service_tell(SL_LOG_WARN, run, "it is not done again: %s", err.message);
    if (code != SL_OK || !again)
        return;
    let_wait(again, run);
    if (!run->wait_ms)
        sl_service_tell(SL_LOG_WARN, run,
                        run->lacks_lake
                            ? "what is missing is done when the lake is there again, by run %.8s"
                            : "what it could not write is done again when that is possible, by run "
                              "%.8s",
                        again->id);
}

// --- a damaged store

// A paused pipeline stays so, and what was made up for is not made up for again.
static int tell_new_store(struct sl_service *service, struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    int64_t now_us = sl_clock_now_us();
    for (size_t i = 0; i < project->pipeline_count; i++) {
        const struct sl_pipeline *pipeline = &project->pipelines[i];
        const struct sl_pause pause = {.pipeline = pipeline->name,
                                       .why = "as it was when the state store was damaged",
                                       .at_us = now_us};
        if (sl_agenda_is_paused(service->agenda, pipeline->name))
            SL_TRY(sl_state_pause(service->state, &pause, NULL, err));
        for (size_t k = 0; k < pipeline->trigger_count; k++) {
            const struct sl_trigger *trigger = &pipeline->triggers[k];
            const struct sl_tick tick = {pipeline->name, trigger->key, now_us};
            if (trigger->kind == SL_TRIGGER_CRON || trigger->kind == SL_TRIGGER_EVERY)
                SL_TRY(sl_state_set_ticks(service->state, &tick, 1, err));
        }
    }
    for (struct sl_service_run *at = service->runs; at; at = at->next)
        if (at->state == SL_RUN_QUEUED)
            SL_TRY(sl_service_keep(at, err));
    return SL_OK;
}

static void begin_anew(struct sl_service *service)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_state_place place = sl_project_state(sl_service_project(service));
    struct sl_err err = {0};
    const char *note = NULL;
    sl_arena_init(&arena, 0);
    place.is_service = true;
    if (!sl_service_keep_place(service)) // the new one is another's
        return;
    int code = sl_state_begin_anew(service->state, &place, &arena, &note, &err);
    if (code == SL_OK) {
        sl_service_tell(SL_LOG_ERROR, NULL, "%s (%s)", note, sl_code_info(SL_E_STATE_DAMAGED)->id);
        service->seen_lake = 0; // it does not know of it
        code = service->agenda ? tell_new_store(service, &err) : SL_OK;
    }
    if (code != SL_OK)
        sl_service_tell(SL_LOG_ERROR, NULL, "the state store: %s", err.message);
}

// ---

void sl_service_look_for_room(struct sl_service *service)
{
    struct sl_err err = {0};
    int code = look(service, &err);
    if (code == SL_OK && has_left(service)) {
        uv_update_time(&service->loop);
        (void)uv_timer_start(&service->room_timer, on_room, 1, 0); // the next slice
    } else if (code == SL_OK)
        go_on(service);
    else if (is_no_room(err.code))
        hold_back(service, &err);
    else if (err.code == SL_E_STATE_DAMAGED)
        begin_anew(service);
    else // busy, or out of reach: what is left waits on
        (void)uv_timer_start(&service->room_timer, on_room, FIRST_WAIT_MS, 0);
}

void sl_service_look_for_state(struct sl_service *service)
{
    struct sl_err err = {0};
    if (service->state && sl_state_require_kept(service->state, &err) == SL_E_STATE_DAMAGED)
        begin_anew(service);
}

void sl_service_trouble(struct sl_service *service, const struct sl_err *err)
{
    if (err->code == SL_E_STATE_DAMAGED)
        begin_anew(service);
    else if (is_no_room(err->code) && !service->held_back)
        sl_service_look_for_room(service);
    else if (is_out_of_reach(err->code) && !service->held_back) // what is not kept is, then
        (void)uv_timer_start(&service->room_timer, on_room, FIRST_WAIT_MS, 0);
}
