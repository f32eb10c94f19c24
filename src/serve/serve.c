// The life of the service: what it opens, what wakes it, how it ends.
#include "serve/serve.h"

#include "base/clock.h"
#include "base/fs.h"
#include "run/known_lake.h"
#include "run/lock.h"
#include "run/spill.h"
#include "serve/serve_inner.h"
#include "serve/told.h"
#include "spec/serve.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_WAIT_MS 60000
#define END_MS 2000
#define AWAY_MS 1000
#define JUMP_US 10000000 // what the clock of a machine is not set by without a word
#define DAY_US ((int64_t)86400 * 1000000)
#define KEEP_US (365 * DAY_US)
#define KEEP_IDLE_US (7 * DAY_US)
#define FORGET_MS 1000 // between slices of what is old
#define SLICE_US 20000 // the loop does nothing else for longer, when many ticks are due

int64_t sl_service_now_us(void)
{
    return sl_clock_now_us();
}

// --- ticks

static void handle_tick(struct sl_service *service, const struct sl_due *due)
{
    struct sl_err err = {0};
    struct sl_service_run *run;
    const char *why;
    const struct sl_tick tick = {due->pipeline->name, due->trigger->key, due->tick_us};
    if (due->is_left_out) {
        sl_service_tell(SL_LOG_WARN, NULL, "%lld%s tick%s of '%s' (%s) %s missed and %s left out",
                        (long long)due->left_out, due->is_more ? " or more" : "",
                        due->left_out == 1 ? "" : "s", due->pipeline->name, due->trigger->key,
                        due->left_out == 1 ? "was" : "were", due->left_out == 1 ? "is" : "are");
        sl_metrics_tick_skipped(service->metrics, due->pipeline->name, "missed");
        if (sl_state_set_ticks(service->state, &tick, 1, &err) != SL_OK)
            sl_service_tell(SL_LOG_WARN, NULL, "the state store: %s", err.message);
        return;
    }
    const struct sl_asked asked = {
        .pipeline = due->pipeline->name, .trigger = due->trigger->key, .tick_us = due->tick_us};
    if (!sl_project_pipeline(sl_service_project(service), due->pipeline->name))
        return; // the project was read anew meanwhile
    if (sl_service_ask(service, &asked, &run, &why, &err) != SL_OK)
        sl_service_tell(SL_LOG_ERROR, NULL, "a tick of '%s' (%s) is lost: %s", due->pipeline->name,
                        due->trigger->key, err.message);
    else if (!run)
        sl_service_tell(SL_LOG_INFO, NULL, "a tick of '%s' (%s) starts no run: %s",
                        due->pipeline->name, due->trigger->key, why);
}

// Triggers that have begun now are known from now on, also after a kill.
static void keep_begun(struct sl_service *service)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_agenda_last *begun;
    struct sl_err err = {0};
    size_t count;
    sl_arena_init(&arena, 0);
    if (sl_agenda_begun(service->agenda, &arena, &begun, &count, &err) != SL_OK || !count)
        return;
    struct sl_tick *ticks = SL_NEW_ARRAY(&arena, struct sl_tick, count);
    for (size_t i = 0; ticks && i < count; i++)
        ticks[i] = (struct sl_tick){begun[i].pipeline, begun[i].key, begun[i].at_us};
    if (!ticks)
        return;
    if (sl_state_set_ticks(service->state, ticks, count, &err) == SL_OK)
        sl_agenda_begun_is_kept(service->agenda);
    else
        sl_service_tell(SL_LOG_WARN, NULL, "the state store: %s", err.message);
}

static void drop_due(struct sl_service *service)
{
    if (service->due_with)
        service->due_with->runs--;
    service->due_with = NULL;
    service->due_count = service->due_done = 0;
    sl_arena_clear(&service->due_arena);
}

static bool take_due(struct sl_service *service)
{
    struct sl_err err = {0};
    sl_arena_init(&service->due_arena, 0);
    if (sl_agenda_take_due(service->agenda, sl_service_now_us(), &service->due_arena, &service->due,
                           &service->due_count, &err) != SL_OK)
        sl_service_tell(SL_LOG_ERROR, NULL, "schedules: %s", err.message);
    if (err.code || !service->due_count) {
        drop_due(service);
        return false;
    }
    service->due_with = service->newest;
    service->due_with->runs++;
    return true;
}

// A slice of them: a pipeline that catches up may have thousands, and each is kept on the disk.
static void handle_due(struct sl_service *service)
{
    int64_t until_us = sl_clock_monotonic_us() + SLICE_US;
    do
        handle_tick(service, &service->due[service->due_done++]);
    while (service->due_done < service->due_count && sl_clock_monotonic_us() < until_us);
    if (service->due_done == service->due_count)
        drop_due(service);
}

static void forget_old(struct sl_service *service)
{
    struct sl_err err = {0};
    int64_t now_us = sl_service_now_us();
    bool is_more = false, has_more_idle = false;
    if (!service->has_more_to_forget && now_us - service->forgot_us < DAY_US)
        return;
    service->forgot_us = now_us;
    const int code = sl_state_forget(service->state, now_us - KEEP_US, &is_more, &err);
    if (code == SL_OK)
        (void)!sl_state_forget_idle(service->state, now_us - KEEP_IDLE_US, &has_more_idle, &err);
    service->has_more_to_forget = is_more || has_more_idle;
    if (err.code)
        sl_service_tell(SL_LOG_WARN, NULL, "the state store: %s", err.message);
}

// Of a machine's clock that was set: not of one that is drawn near step by step.
static void notice_clock(struct sl_service *service)
{
    int64_t wall_us = sl_service_now_us(), monotonic_us = sl_clock_monotonic_us();
    int64_t ahead_us = (wall_us - service->wall_us) - (monotonic_us - service->monotonic_us);
    bool is_first = service->monotonic_us == 0;
    char elapsed[32];
    service->wall_us = wall_us;
    service->monotonic_us = monotonic_us;
    if (is_first || (ahead_us < JUMP_US && ahead_us > -JUMP_US))
        return;
    const char *by = sl_str_elapsed((ahead_us < 0 ? -ahead_us : ahead_us) / 1000, elapsed);
    if (ahead_us > 0) {
        sl_agenda_serves_from(service->agenda, wall_us);
        sl_service_tell(SL_LOG_WARN, NULL,
                        "the machine's clock was set forward by %s: of the ticks in between each "
                        "pipeline's `catch_up` decides",
                        by);
    } else
        sl_service_tell(SL_LOG_WARN, NULL,
                        "the machine's clock was set back by %s: ticks that have been are not run "
                        "again",
                        by);
}

static void on_agenda(uv_timer_t *timer)
{
    struct sl_service *service = timer->data;
    if (service->stops)
        return;
    notice_clock(service);
    if (!service->due_count && !sl_service_keep_place(service))
        return;
    forget_old(service);
    if (service->due_count || take_due(service))
        handle_due(service);
    sl_service_wake(service);
}

void sl_service_wake(struct sl_service *service)
{
    int64_t now_us = sl_service_now_us();
    int64_t next_us = service->due_count ? now_us : sl_agenda_next_us(service->agenda);
    // Timers that are due at once come before all else, again and again.
    int64_t wait_ms = next_us <= now_us ? 1 : (next_us - now_us + 999) / 1000;
    notice_clock(service);
    keep_begun(service);
    if (wait_ms > MOST_WAIT_MS || next_us == SL_AGENDA_NEVER) // clocks are set
        wait_ms = MOST_WAIT_MS;
    if (service->has_more_to_forget && wait_ms > FORGET_MS)
        wait_ms = FORGET_MS;
    uv_update_time(&service->loop);
    (void)uv_timer_start(&service->agenda_timer, on_agenda, (uint64_t)wait_ms, 0);
}

// --- files and tables

static bool is_watched(enum sl_trigger_kind kind)
{
    return kind == SL_TRIGGER_FILES || kind == SL_TRIGGER_TABLE;
}

// It has not looked at its inputs yet, and will see what has come meanwhile. NULL: there is none.
static struct sl_service_run *one_that_waits(const struct sl_service *service,
                                             const struct sl_pipeline *pipeline)
{
    for (struct sl_service_run *at = service->runs; at; at = at->next)
        for (size_t i = 0; i < pipeline->trigger_count; i++)
            if (at->state == SL_RUN_QUEUED && !at->is_unkept &&
                is_watched(pipeline->triggers[i].kind) &&
                strcmp(at->pipeline, pipeline->name) == 0 &&
                (strcmp(at->trigger, pipeline->triggers[i].key) == 0 ||
                 strcmp(at->trigger, SL_AFTER_START) == 0 ||
                 (strcmp(at->trigger, SL_AFTER_EDIT) == 0 && !at->later)))
                return at;
    return NULL;
}

static void on_change(void *self, const struct sl_pipeline *pipeline,
                      const struct sl_trigger *trigger, int64_t fingerprint)
{
    struct sl_service *service = self;
    struct sl_err err = {0};
    struct sl_service_run *run;
    const char *why;
    const struct sl_tick seen = {pipeline->name, trigger->key, fingerprint};
    const struct sl_asked asked = {.pipeline = pipeline->name, .trigger = trigger->key};
    if (service->stops)
        return;
    struct sl_service_run *waiting = one_that_waits(service, pipeline);
    // First the run, then the mark: killed in between, it is told once more, and finds nothing.
    int code = waiting ? sl_mark_later(waiting, trigger->key, fingerprint, &err)
                       : sl_service_ask(service, &asked, &run, &why, &err);
    if (code == SL_OK && !waiting)
        code = sl_state_set_ticks(service->state, &seen, 1, &err);
    if (code != SL_OK)
        sl_service_tell(SL_LOG_ERROR, NULL, "'%s' (%s): %s", pipeline->name, trigger->key,
                        err.message);
}

// What had come before is looked at once, too: a run that finds nothing costs next to nothing. Of a
// table that is not there yet there is nothing to read.
static void on_watch_begin(void *self, const struct sl_pipeline *pipeline,
                           const struct sl_trigger *trigger, int64_t fingerprint)
{
    const struct sl_service *service = self;
    const struct sl_tick seen = {pipeline->name, trigger->key, fingerprint};
    struct sl_err err = {0};
    if (trigger->kind != SL_TRIGGER_TABLE || fingerprint != SL_WATCH_NO_TABLE)
        on_change(self, pipeline, trigger, fingerprint);
    else if (!service->stops && sl_state_set_ticks(service->state, &seen, 1, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, NULL, "the state store: %s", err.message);
}

static bool is_paused(void *self, const struct sl_pipeline *pipeline)
{
    const struct sl_service *service = self;
    return sl_agenda_is_paused(service->agenda, pipeline->name);
}

static void on_note(void *self, const char *text)
{
    (void)self;
    sl_service_tell(SL_LOG_WARN, NULL, "%s", text);
}

static bool is_key_of_watch(const struct sl_project *project, const struct sl_tick *tick)
{
    const struct sl_pipeline *pipeline = sl_project_pipeline(project, tick->pipeline);
    for (size_t i = 0; pipeline && i < pipeline->trigger_count; i++)
        if (strcmp(pipeline->triggers[i].key, tick->trigger) == 0)
            return is_watched(pipeline->triggers[i].kind);
    return false;
}

static int open_triggers(struct sl_service *service, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    const struct sl_project *project = sl_service_project(service);
    struct sl_tick *ticks;
    size_t count, last_count = 0, seen_count = 0;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_state_ticks(service->state, &arena, &ticks, &count, err));
    struct sl_agenda_last *last = SL_NEW_ARRAY(&arena, struct sl_agenda_last, count + 1);
    struct sl_watch_seen *seen = SL_NEW_ARRAY(&arena, struct sl_watch_seen, count + 1);
    SL_TRY_NEW(last, err);
    SL_TRY_NEW(seen, err);
    for (size_t i = 0; i < count; i++)
        if (is_key_of_watch(project, &ticks[i]))
            seen[seen_count++] =
                (struct sl_watch_seen){ticks[i].pipeline, ticks[i].trigger, ticks[i].tick_us};
        else
            last[last_count++] =
                (struct sl_agenda_last){ticks[i].pipeline, ticks[i].trigger, ticks[i].tick_us};
    const struct sl_watch_calls calls = {.on_change = on_change,
                                         .on_begin = on_watch_begin,
                                         .on_note = on_note,
                                         .is_paused = is_paused,
                                         .self = service};
    SL_TRY(sl_agenda_new(project, last, last_count, sl_service_now_us(), &service->agenda, err));
    SL_TRY(sl_watch_new(&service->loop, project, seen, seen_count, &calls, &service->watch, err));
    sl_service_take_seen_lake(service, ticks, count);
    sl_service_mind_lake(service);
    return SL_OK;
}

static int take_pauses(struct sl_service *service, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_pause *pauses;
    size_t count;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_state_pauses(service->state, &arena, &pauses, &count, err));
    for (size_t i = 0; i < count; i++)
        SL_TRY(sl_agenda_pause(service->agenda, pauses[i].pipeline, err));
    return SL_OK;
}

// --- the end

static void on_rest(uv_timer_t *timer)
{
    sl_service_rest(timer->data);
}

void sl_service_rest_soon(struct sl_service *service)
{
    (void)uv_timer_start(&service->rest_timer, on_rest, 0, 0);
}

void sl_service_leave(struct sl_service *service)
{
    uv_stop(&service->loop);
}

static void stop_runs(struct sl_service *service)
{
    struct sl_err ignored = {0};
    for (struct sl_service_run *at = service->runs; at; at = at->next)
        if (at->state == SL_RUN_AT_WORK)
            (void)!sl_service_interrupt(service, at, service->stops, &ignored);
}

static void tell_ready(struct sl_service *service)
{
    struct sl_err err = {0};
    if (sl_systemd_ready(service->systemd, "serving", &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, NULL, "%s", err.message);
}

static void reload(struct sl_service *service)
{
    struct sl_err ignored = {0};
    (void)!sl_systemd_reloading(service->systemd, &ignored);
    sl_service_reload(service);
    tell_ready(service);
}

static void on_edit_timer(uv_timer_t *timer)
{
    struct sl_service *service = timer->data;
    if (!service->stops && sl_service_project(service)->serve->reload == SL_RELOAD_AUTO)
        reload(service);
}

static void on_edit(void *self)
{
    struct sl_service *service = self;
    (void)uv_timer_start(&service->edit_timer, on_edit_timer, 0, 0);
}

static void on_edit_note(void *self, const char *text)
{
    (void)self;
    sl_service_tell(SL_LOG_WARN, NULL, "%s", text);
}

void sl_service_watch_edits(struct sl_service *service)
{
    const struct sl_project *project = sl_service_project(service);
    const struct sl_edits_options options = {.loop = &service->loop,
                                             .folder = project->folder,
                                             .on_change = on_edit,
                                             .on_note = on_edit_note,
                                             .self = service};
    struct sl_err err = {0};
    if (project->serve->reload == SL_RELOAD_SIGNAL || service->edits)
        return;
    if (sl_edits_open(&options, &service->edits, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, NULL, "the project's files are not watched: %s", err.message);
}

static void on_signal(uv_signal_t *handle, int number)
{
    static const char *const says[] = {"steps at work end, nothing new begins",
                                       "steps at work are interrupted", "workers are killed"};
    struct sl_service *service = handle->data;
    struct sl_err ignored = {0};
    if (service->is_ending) // told.c hears it
        return;
    if (number == SIGHUP) {
        reload(service);
        return;
    }
    service->stops = service->stops < 3 ? service->stops + 1 : 3;
    (void)!sl_systemd_stopping(service->systemd, says[service->stops - 1], &ignored);
    sl_service_tell(SL_LOG_INFO, NULL, "ending: %s", says[service->stops - 1]);
    stop_runs(service);
    sl_service_rest_soon(service);
}

static int watch_signals(struct sl_service *service, struct sl_err *err)
{
    static const int caught[SL_SERVICE_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    int code = 0;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; code == 0 && i < SL_SERVICE_SIGNALS; i++) {
        code = uv_signal_init(&service->loop, &service->signals[i]);
        service->signals[i].data = service;
        if (code == 0)
            code = uv_signal_start(&service->signals[i], on_signal, caught[i]);
    }
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no event loop: %s", uv_strerror(code));
}

// --- the beginning

static int lock_service(struct sl_service *service, struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    const char *path = sl_path_join(&service->arena, project->state_folder, "serve.lock");
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(project->state_folder, err));
    if (sl_lock_take(path, &service->serve_lock, err) == SL_E_LOCKED) {
        sl_err_clear(err);
        return sl_fail(err, SL_E_SERVE_RUNNING, "another service is at work on this project");
    }
    SL_TRY(err->code);
    SL_TRY(sl_run_lock_open(project->state_folder, &service->run_lock, err));
    if (sl_run_lock_take(service->run_lock)) { // no worker of anybody is at work
        sl_spill_sweep(project);
        sl_run_lock_give_back(service->run_lock);
    }
    return SL_OK;
}

static int open_state(struct sl_service *service, struct sl_err *err)
{
    struct sl_state_place place = sl_project_state(sl_service_project(service));
    const char *note = NULL;
    place.is_service = true;
    place.may_be_away = service->has_been;
    SL_TRY(sl_state_open(&place, &service->arena, &service->state, &note, err));
    if (note)
        sl_service_tell(SL_LOG_WARN, NULL, "%s", note);
    return SL_OK;
}

// The first that is not a unix socket: those of this project are its own. Who gets it closes it.
static int activated_socket(const struct sl_service *service)
{
    for (size_t i = 0; i < service->systemd->socket_count; i++)
        if (!service->systemd->sockets[i].is_local)
            return fcntl(service->systemd->sockets[i].fd, F_DUPFD_CLOEXEC, 3);
    return -1;
}

static int open_http(struct sl_service *service, struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    const char *listen = service->options.listen ? service->options.listen : project->serve->listen;
    service->control = sl_service_control(service);
    struct sl_http_options options = {.listen = sl_str_equal(listen, "none") ? NULL : listen,
                                      .fd = activated_socket(service),
                                      .socket_folder = project->state_folder,
                                      .settings = project->serve,
                                      .control = &service->control,
                                      .state = service->state,
                                      .state_folder = project->state_folder,
                                      .is_state_shared = project->state_url != NULL,
                                      .folder = project->folder,
                                      .environment = project->environment,
                                      .overrides = service->options.overrides};
    SL_TRY(sl_http_open(&service->loop, &options, &service->http, err));
    if (sl_http_port(service->http))
        sl_service_tell(SL_LOG_INFO, NULL, "listening on port %d", sl_http_port(service->http));
    return SL_OK;
}

// Others may have the port, on the same machine; when this one leads it has to be free.
void sl_service_stand_by(struct sl_service *service)
{
    struct sl_err err = {0};
    if (open_http(service, &err) != SL_OK)
        sl_service_tell(SL_LOG_WARN, NULL, "standing by, and not to be asked: %s", err.message);
}

int sl_service_open_alerts(struct sl_service *service, struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    const struct sl_sender_options options = {.loop = &service->loop,
                                              .folder = project->folder,
                                              .environment = project->environment,
                                              .settings = &service->options.overrides};
    SL_TRY(sl_notify_open(project, service->state, &service->notify, err));
    if (service->notify)
        SL_TRY(sl_sender_open(service->notify, &options, &service->sender, err));
    sl_sender_wake(service->sender); // for what the one before it has left
    return SL_OK;
}

void sl_service_close_alerts(struct sl_service *service)
{
    sl_sender_close(&service->sender);
    sl_notify_close(&service->notify);
}

static int init_timers(struct sl_service *service, struct sl_err *err)
{
    int code = uv_timer_init(&service->loop, &service->agenda_timer);
    if (code == 0)
        code = uv_timer_init(&service->loop, &service->rest_timer);
    if (code == 0)
        code = uv_timer_init(&service->loop, &service->lock_timer);
    if (code == 0)
        code = uv_timer_init(&service->loop, &service->room_timer);
    if (code == 0)
        code = uv_timer_init(&service->loop, &service->edit_timer);
    service->agenda_timer.data = service->rest_timer.data = service->lock_timer.data = service;
    service->room_timer.data = service->edit_timer.data = service;
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no timer: %s", uv_strerror(code));
}

int sl_service_lead(struct sl_service *service, struct sl_err *err)
{
    const struct sl_project *project = sl_service_project(service);
    SL_TRY(sl_service_open_alerts(service, err));
    SL_TRY(sl_service_open_telemetry(service, err));
    SL_TRY(open_triggers(service, err));
    SL_TRY(take_pauses(service, err));
    if (!service->http)
        SL_TRY(open_http(service, err));
    SL_TRY(sl_service_hand_out(service, err));
    sl_service_tell(SL_LOG_INFO, NULL, "serving '%s': %zu pipeline%s, %zu step%s", project->name,
                    SL_COUNT_OF(project->pipeline_count),
                    SL_COUNT_OF(service->newest->world.graph.count));
    sl_service_tell_tables(service);
    SL_TRY(sl_service_begin_health(service, err));
    SL_TRY(sl_service_recover(service, err));
    sl_service_ask_failed(service, SL_AFTER_START);
    sl_service_wake(service);
    return SL_OK;
}

static int begin(struct sl_service *service, struct sl_err *err)
{
    SL_TRY(init_timers(service, err));
    SL_TRY(sl_metrics_new(&service->metrics, err));
    SL_TRY(sl_generation_open(service, &service->newest, err));
    SL_TRY(lock_service(service, err));
    SL_TRY(sl_service_watch_place(service, err));
    SL_TRY(sl_generation_begin(service->newest, err));
    SL_TRY(open_state(service, err));
    if (!service->has_been) // else it looks before it leads
        SL_TRY(sl_lake_require(sl_service_project(service), service->state, service->lake, err));
    SL_TRY(watch_signals(service, err));
    sl_service_watch_edits(service);
    SL_TRY(sl_service_elect(service, err));
    SL_TRY(sl_systemd_start_watchdog(service->systemd, &service->loop, err));
    tell_ready(service);
    return SL_OK;
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    sl_courier_abandon(handle);
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

// What its timers would look at goes away while it ends. Signals are caught until the end.
static void silence(uv_handle_t *handle, void *service)
{
    if (handle->data != service)
        return;
    if (handle->type != UV_SIGNAL) {
        uv_close(handle, NULL);
        return;
    }
    uv_unref(handle);
}

static void on_patience_over(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

// Looks at files that are under way, and children, end by themselves; what does not is ended.
static void close_all(uv_loop_t *loop)
{
    uv_timer_t patience;
    if (uv_timer_init(loop, &patience) == 0) {
        (void)uv_timer_start(&patience, on_patience_over, END_MS, 0);
        uv_unref((uv_handle_t *)&patience);
        (void)uv_run(loop, UV_RUN_DEFAULT);
    }
    uv_walk(loop, close_handle, NULL);
    while (uv_run(loop, UV_RUN_DEFAULT) != 0)
        ;
    (void)uv_loop_close(loop);
}

static void end(struct sl_service *service)
{
    service->is_ending = true;
    drop_due(service);
    uv_walk(&service->loop, silence, service);
    if (service->http)
        sl_http_close(service->http, NULL, NULL);
    if (service->watch)
        sl_watch_close(service->watch);
    sl_edits_close(&service->edits);
    sl_sender_close(&service->sender);
    sl_courier_close(&service->courier);
    sl_systemd_stop_watchdog(service->systemd);
    if (service->newest) // of runs, too: while they are there
        sl_service_close_left(service);
    while (service->runs) {
        struct sl_service_run *run = service->runs;
        service->runs = run->next;
        sl_service_free_run(run);
    }
    while (service->newest) {
        struct sl_generation *generation = service->newest;
        service->newest = generation->next;
        sl_generation_close(generation);
    }
    sl_handout_close(&service->handout);
    close_all(&service->loop);
}

static void clear(struct sl_service *service)
{
    sl_notify_close(&service->notify);
    sl_service_clear_health(service);
    free(service->leader);
    free(service->lake_error);
    sl_map_clear(&service->edited);
    sl_agenda_free(&service->agenda);
    sl_metrics_free(&service->metrics);
    sl_json_free(&service->backfills);
    sl_state_close(&service->state);
    sl_fd_close(&service->run_lock);
    sl_fd_close(&service->serve_lock);
    sl_fd_close(&service->place_fd);
    free(service->reload_error);
    sl_arena_clear(&service->arena);
}

// The lead is lost, or the store is away: it stands by.
static bool is_passing(int code)
{
    return code == SL_E_STATE_FENCED || code == SL_E_STATE_CONNECT || code == SL_E_STATE_BUSY;
}

// Until it is told to end, or has lost the lead. *ret_has_begun is left as it is if it could not
// begin.
static int serve(const struct sl_serve_options *options, struct sl_systemd *systemd,
                 struct sl_told *told, bool *ret_has_begun, int *ret_exit, struct sl_err *err)
{
    struct sl_service service = {.options = *options,
                                 .systemd = systemd,
                                 .has_been = *ret_has_begun,
                                 .serve_lock = -1,
                                 .run_lock = -1,
                                 .place_fd = -1,
                                 .began_us = sl_clock_now_us()};
    sl_arena_init(&service.arena, 0);
    int code = uv_loop_init(&service.loop);
    if (code != 0) // libuv's codes are errno's
        return sl_fail_errno(err, -code, "cannot begin an event loop");
    code = begin(&service, err);
    if (code == SL_OK)
        code = sl_told_open(told, err);
    if (code == SL_OK) {
        *ret_has_begun = true;
        if (!sl_told_to_end(told)) // else before it could hear it
            uv_run(&service.loop, UV_RUN_DEFAULT);
        sl_service_resign(&service);
        *err = service.failure;
        code = (int)err->code;
    }
    end(&service);
    clear(&service);
    if (code == SL_OK)
        *ret_exit = service.stops > 1 ? 130 : 0;
    return code;
}

// One that has lost the lead stands by, as a new one would: nothing of what it knew may hold any
// more. Meanwhile its store may be out of reach.
static int serve_on(const struct sl_serve_options *options, struct sl_systemd *systemd,
                    int *ret_exit, struct sl_err *err)
{
    SL_AUTO(sl_told_close) struct sl_told told = {0};
    bool has_begun = false, has_told = false;
    for (;;) {
        int code = serve(options, systemd, &told, &has_begun, ret_exit, err);
        bool is_away = code != SL_E_STATE_FENCED;
        if (!has_begun || !is_passing(code))
            return code;
        if (is_away && !has_told)
            sl_service_tell(SL_LOG_WARN, NULL, "waiting for the state store: %s", err->message);
        has_told = is_away;
        sl_err_clear(err);
        sl_systemd_alive(systemd);
        if (is_away)
            sl_told_wait(&told, AWAY_MS);
        if (sl_told_to_end(&told)) // what it was about to do, another one does
            return SL_OK;
    }
}

int sl_serve(const struct sl_serve_options *options, int *ret_exit, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_systemd_close) struct sl_systemd systemd = {0};
    sl_arena_init(&arena, 0);
    SL_TRY(sl_systemd_open(&systemd, &arena, err));
    return serve_on(options, &systemd, ret_exit, err);
}
