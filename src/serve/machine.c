// The life of a worker on another machine: what it opens, what wakes it, how it ends.
#include "serve/machine_inner.h"

#include "base/clock.h"
#include "base/fs.h"
#include "run/lock.h"
#include "run/spill.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BEAT_MS 1000
#define PRESENT_MS 3000
#define WATCH_MS 100
#define ASK_NAME_MS 100
#define READING_MS 60000 // claims hold so long while the project is read anew

static void appear(struct sl_machine *machine, int64_t ttl_ms)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_worker_says says = {.machine = machine->name, .slots = (int64_t)machine->slot_count};
    struct sl_err err = {0};
    char *details = NULL;
    int code = SL_OK;
    sl_arena_init(&arena, 0);
    // Without the lake nothing is to be handed out to it.
    for (const struct sl_crew *at = machine->newest; code == SL_OK && at && !machine->lake_error;
         at = at->next)
        code = sl_strs_add(&says.codes, &arena, at->code, &err);
    if (code == SL_OK)
        code = sl_says_print(sl_worker_says_fields, &says, &details, &err);
    const struct sl_present self = {.name = machine->present, .details = details};
    if (code == SL_OK)
        code = sl_state_appear(machine->state, &self, ttl_ms, &err);
    if (code != SL_OK)
        sl_machine_trouble(machine, &err);
    free(details);
}

// --- the project

// Locks, caches and what does not fit into memory: a service or a run of the same folder has
// others.
static int own_folder(void *self, struct sl_project *project, struct sl_err *err)
{
    struct sl_machine *machine = self;
    if (!*machine->state_folder &&
        snprintf(machine->state_folder, sizeof machine->state_folder, "%s/workers/%s",
                 project->state_folder, machine->name) >= (int)sizeof machine->state_folder)
        return sl_fail(err, SL_E_USAGE, "the path of the state folder is too long");
    project->state_folder = machine->state_folder;
    return SL_OK;
}

static int read_world(struct sl_crew *crew, struct sl_err *err)
{
    const struct sl_machine_options *options = &crew->machine->options;
    const struct sl_world_options how = {.folder = options->folder,
                                         .environment = options->environment,
                                         .overrides = options->overrides,
                                         .resolve_secrets = true,
                                         .has_workers = true,
                                         .prepare = own_folder,
                                         .self = crew->machine};
    SL_TRY(sl_world_open(&how, &crew->world, err));
    if (sl_world_require_valid(&crew->world, err) != SL_OK) {
        const struct sl_diags *diags = &crew->world.project->diags;
        for (size_t i = 0; i < diags->count; i++) {
            const struct sl_err *one = &diags->items[i].err;
            if (diags->items[i].severity == SL_SEVERITY_ERROR)
                sl_machine_tell(SL_LOG_ERROR, NULL, "%s:%d:%d: %s (%s)", one->file, one->line,
                                one->column, one->message, sl_code_info(one->code)->id);
        }
        return err->code;
    }
    sl_world_close_engine(&crew->world); // that parsed models
    return sl_world_code(&crew->world, crew->code, err);
}

static void close_engine(void *owner)
{
    struct sl_crew *crew = owner;
    sl_world_close_engine(&crew->world);
}

static int open_pool(struct sl_crew *crew, struct sl_err *err)
{
    struct sl_machine *machine = crew->machine;
    crew->work = (struct sl_run_work){.world = &crew->world};
    const struct sl_pool_options options = {.loop = &machine->loop,
                                            .size = machine->slot_count,
                                            .worker = sl_run_worker(&crew->work),
                                            .on_reply = sl_machine_on_reply,
                                            .before_fork = close_engine,
                                            .files = &machine->lock,
                                            .file_count = 1,
                                            .owner = crew};
    return sl_pool_open(&options, &crew->pool, err);
}

static void close_crew(struct sl_crew *crew)
{
    if (!crew)
        return;
    sl_pool_close(&crew->pool);
    sl_world_close(&crew->world);
    free(crew);
}

static int open_crew(struct sl_machine *machine, struct sl_crew **ret, struct sl_err *err)
{
    struct sl_crew *crew = calloc(1, sizeof *crew);
    SL_TRY_NEW(crew, err);
    crew->machine = machine;
    int code = read_world(crew, err);
    if (code == SL_OK && !machine->slot_count) // the first one
        machine->slot_count = sl_run_worker_count(crew->world.project, machine->options.slots);
    if (code == SL_OK)
        code = open_pool(crew, err);
    if (code == SL_OK)
        *ret = crew;
    else
        close_crew(crew);
    return code;
}

static bool is_at_work(const struct sl_machine *machine, const struct sl_crew *crew)
{
    for (size_t i = 0; i < machine->slot_count; i++)
        if (machine->slots[i].state != SL_SLOT_FREE && machine->slots[i].crew == crew)
            return true;
    return false;
}

// A crew that nobody wants goes once its steps have ended.
static void sweep(struct sl_machine *machine)
{
    struct sl_crew **at = &machine->newest->next;
    while (*at) {
        struct sl_crew *old = *at;
        if (old->is_wanted || is_at_work(machine, old)) {
            at = &old->next;
            continue;
        }
        *at = old->next;
        close_crew(old);
    }
}

static void reload(struct sl_machine *machine)
{
    struct sl_crew *crew = NULL;
    struct sl_err err = {0};
    // The loop stands still while a large project is read.
    appear(machine, READING_MS);
    sl_machine_keep(machine, READING_MS);
    if (open_crew(machine, &crew, &err) != SL_OK) {
        sl_machine_tell(SL_LOG_ERROR, NULL, "the project was read anew and goes on as it was: %s",
                        err.message);
        return;
    }
    if (strcmp(crew->code, machine->newest->code) == 0) {
        close_crew(crew);
        return;
    }
    sl_machine_tell(SL_LOG_INFO, NULL, "the project was read anew: its code is %s now, was %s",
                    crew->code, machine->newest->code);
    crew->next = machine->newest;
    machine->newest = crew;
    *machine->told = '\0';
    sweep(machine);
}

// --- who leads, and with which code

static void tell_other(struct sl_machine *machine, const char *code)
{
    if (strcmp(machine->told, code) == 0)
        return;
    snprintf(machine->told, sizeof machine->told, "%s", code);
    sl_machine_tell(SL_LOG_WARN, NULL,
                    "its project is another one than that which is served: code %s here, %s there; "
                    "it claims nothing of that. Bring the project's files and the version of "
                    "Sluice to the same state on both machines, then send it SIGHUP",
                    machine->newest->code, code);
}

// The leader hands out what it names first, and what runs of before are at work with.
static void follow(struct sl_machine *machine, const struct sl_leader_says *says)
{
    const char *first = says->codes.count ? says->codes.items[0] : "";
    if (*first && strcmp(machine->newest->code, first) != 0 && strcmp(machine->tried, first) != 0) {
        snprintf(machine->tried, sizeof machine->tried, "%s", first);
        reload(machine);
    }
    for (struct sl_crew *at = machine->newest; at; at = at->next)
        at->is_wanted = sl_strs_has(&says->codes, at->code);
    machine->was_wanted = *first && strcmp(machine->newest->code, first) == 0;
    if (machine->was_wanted)
        *machine->told = '\0';
    else if (*first)
        tell_other(machine, first);
    sweep(machine);
}

static int find_leader(struct sl_machine *machine, struct sl_arena *arena,
                       struct sl_leader_says *ret, bool *ret_is_there, struct sl_err *err)
{
    const char *environment = machine->newest->world.project->environment;
    struct sl_present *there;
    size_t count;
    const char *name =
        sl_arena_printf(arena, SL_PRESENT_LEADER "%s", environment ? environment : "");
    SL_TRY_NEW(name, err);
    SL_TRY(sl_state_present(machine->state, name, arena, &there, &count, err));
    *ret_is_there = false;
    for (size_t i = 0; i < count && !*ret_is_there; i++)
        if (strcmp(there[i].name, name) == 0) {
            SL_TRY(sl_says_parse(sl_leader_says_fields, there[i].details, arena, ret, err));
            *ret_is_there = true;
        }
    return SL_OK;
}

static void end_with(struct sl_machine *machine, const struct sl_err *err)
{
    machine->failure = *err;
    sl_machine_give_up(machine);
    uv_stop(&machine->loop);
}

static void look_at_leader(struct sl_machine *machine)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_leader_says says = {0};
    struct sl_err err = {0};
    bool is_there, is_first = !machine->has_looked;
    sl_arena_init(&arena, 0);
    if (find_leader(machine, &arena, &says, &is_there, &err) != SL_OK) {
        sl_machine_trouble(machine, &err);
        return;
    }
    machine->has_looked = true;
    if (is_there)
        snprintf(machine->lake, sizeof machine->lake, "%s", says.lake ? says.lake : "");
    if (is_there && is_first && sl_machine_refuse_lake(machine, &err) != SL_OK) {
        end_with(machine, &err);
        return;
    }
    (void)sl_machine_sees_lake(machine);
    if (!is_there) {
        if (!machine->has_told_nobody)
            sl_machine_tell(SL_LOG_INFO, NULL, "nobody serves the project yet; waiting");
        machine->has_told_nobody = true;
        machine->was_wanted = false;
        for (struct sl_crew *at = machine->newest; at; at = at->next)
            at->is_wanted = false;
        return;
    }
    machine->has_told_nobody = false;
    follow(machine, &says);
}

// --- events

static void tell_ready(struct sl_machine *machine)
{
    char status[64 + SL_CODE_BYTES];
    struct sl_err err = {0};
    snprintf(status, sizeof status, "%zu steps at once, code %s", machine->slot_count,
             machine->newest->code);
    if (sl_systemd_ready(&machine->systemd, status, &err) != SL_OK)
        sl_machine_tell(SL_LOG_WARN, NULL, "%s", err.message);
}

static void on_beat(uv_timer_t *timer)
{
    struct sl_machine *machine = timer->data;
    sl_machine_keep(machine, SL_CLAIM_MS);
    sl_wakes_mend(machine->wakes);
    if (!machine->stops) {
        look_at_leader(machine);
        if (machine->failure.code)
            return;
        appear(machine, PRESENT_MS);
    }
    sl_machine_turn(machine);
}

static void on_turn(uv_timer_t *timer)
{
    sl_machine_turn(timer->data);
}

void sl_machine_soon(struct sl_machine *machine)
{
    if (!uv_is_active((uv_handle_t *)&machine->turn))
        (void)uv_timer_start(&machine->turn, on_turn, 0, 0);
}

static void on_watch(uv_timer_t *timer)
{
    struct sl_machine *machine = timer->data;
    int64_t most_bytes = machine->newest->world.project->worker_memory_bytes;
    for (size_t i = 0; i < machine->slot_count; i++)
        if (machine->slots[i].state == SL_SLOT_AT_WORK && machine->slots[i].asked)
            sl_pool_press(machine->slots[i].crew->pool, i);
    for (const struct sl_crew *at = machine->newest; at && most_bytes > 0; at = at->next)
        sl_pool_limit_memory(at->pool, most_bytes);
    sl_machine_watch(machine);
}

// One at rest wakes nobody ten times a second.
void sl_machine_watch(struct sl_machine *machine)
{
    bool is_busy = sl_machine_count(machine, SL_SLOT_AT_WORK) > 0;
    bool is_watching = uv_is_active((uv_handle_t *)&machine->watch) != 0;
    if (is_busy && !is_watching)
        (void)uv_timer_start(&machine->watch, on_watch, WATCH_MS, WATCH_MS);
    else if (!is_busy && is_watching)
        uv_timer_stop(&machine->watch);
}

static void on_wake(void *owner, int which)
{
    struct sl_machine *machine = owner;
    if (which & SL_WAKE_ASKED)
        sl_machine_keep(machine, SL_CLAIM_MS);
    if ((which & SL_WAKE_PRESENT) && !machine->stops) {
        bool was_wanted = machine->was_wanted;
        look_at_leader(machine);
        if (!was_wanted && machine->was_wanted)
            appear(machine, PRESENT_MS);
    }
    if (which & (SL_WAKE_JOBS | SL_WAKE_PRESENT) && !machine->failure.code)
        sl_machine_claim(machine);
}

static void on_lost(void *owner, const char *why)
{
    sl_machine_tell(SL_LOG_WARN, NULL, "the state store's notifications are lost: %s", why);
    (void)owner;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct sl_machine *machine = handle->data;
    struct sl_err ignored = {0};
    if (number == SIGHUP && machine->stops)
        return;
    if (number == SIGHUP) {
        *machine->tried = *machine->told = '\0';
        (void)!sl_systemd_reloading(&machine->systemd, &ignored);
        reload(machine);
        tell_ready(machine);
        look_at_leader(machine);
        appear(machine, PRESENT_MS);
        sl_machine_claim(machine);
        return;
    }
    machine->stops++;
    const char *how = machine->stops > 1 ? "steps at work are killed, and given back"
                                         : "steps at work end, nothing new is claimed";
    (void)!sl_systemd_stopping(&machine->systemd, how, &ignored);
    sl_machine_tell(SL_LOG_INFO, NULL, "ending: %s", how);
    (void)!sl_state_vanish(machine->state, machine->present, &ignored);
    if (machine->stops > 1)
        sl_machine_give_up(machine);
    sl_machine_soon(machine);
}

// --- the beginning and the end

static int watch_signals(struct sl_machine *machine, struct sl_err *err)
{
    static const int caught[SL_MACHINE_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    int code = 0;
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; code == 0 && i < SL_MACHINE_SIGNALS; i++) {
        code = uv_signal_init(&machine->loop, &machine->signals[i]);
        machine->signals[i].data = machine;
        if (code == 0)
            code = uv_signal_start(&machine->signals[i], on_signal, caught[i]);
    }
    uv_timer_t *const timers[] = {&machine->beat, &machine->turn, &machine->watch};
    for (size_t i = 0; code == 0 && i < sizeof timers / sizeof *timers; i++) {
        code = uv_timer_init(&machine->loop, timers[i]);
        timers[i]->data = machine;
    }
    return code == 0 ? SL_OK : sl_fail(err, SL_E_INTERNAL, "no event loop: %s", uv_strerror(code));
}

static int name_it(struct sl_machine *machine, struct sl_err *err)
{
    char host[64] = "", id[37];
    (void)gethostname(host, sizeof host - 1);
    machine->name =
        machine->options.name ? machine->options.name : sl_arena_strdup(&machine->arena, host);
    SL_TRY_NEW(machine->name, err);
    if (!*machine->name || strlen(machine->name) > 64 || strchr(machine->name, '/') ||
        *machine->name == '.')
        return sl_fail(err, SL_E_USAGE,
                       "'%s' cannot be the name of a worker: up to 64 characters, no '/' and no "
                       "'.' at the beginning",
                       machine->name);
    machine->holder = sl_arena_printf(&machine->arena, "%s" SL_HOLDER_ON "%s, process %d",
                                      machine->name, host, getpid());
    machine->present =
        sl_arena_printf(&machine->arena, SL_PRESENT_WORKER "%s %s", machine->name, sl_uuid(id));
    SL_TRY_NEW(machine->holder, err);
    SL_TRY_NEW(machine->present, err);
    return SL_OK;
}

// Of another process of this name: for how long it is known yet. 0: there is none.
static int look_for_name(struct sl_machine *machine, int64_t *ret_left_ms, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_present *there;
    size_t count;
    sl_arena_init(&arena, 0);
    const char *prefix = sl_arena_printf(&arena, SL_PRESENT_WORKER "%s ", machine->name);
    SL_TRY_NEW(prefix, err);
    SL_TRY(sl_state_present(machine->state, prefix, &arena, &there, &count, err));
    *ret_left_ms = 0;
    for (size_t i = 0; i < count; i++)
        if (strlen(there[i].name) == strlen(machine->present) && // and not of "NAME more"
            there[i].left_ms > *ret_left_ms)
            *ret_left_ms = there[i].left_ms;
    return SL_OK;
}

// On other machines, and in other copies of the project's folder. One that was killed is known for
// a while yet, but is not heard of again.
static int refuse_name(struct sl_machine *machine, struct sl_err *err)
{
    const int64_t until_us = sl_clock_monotonic_us() + (PRESENT_MS + BEAT_MS) * INT64_C(1000);
    int64_t before_ms, left_ms;
    SL_TRY(look_for_name(machine, &left_ms, err));
    while (left_ms > 0 && sl_clock_monotonic_us() < until_us) {
        before_ms = left_ms;
        uv_sleep(ASK_NAME_MS);
        SL_TRY(look_for_name(machine, &left_ms, err));
        if (left_ms <= before_ms)
            continue;
        (void)sl_fail(err, SL_E_WORKER_NAME,
                      "a worker named '%s' is at work on this project, on another machine or in "
                      "another folder",
                      machine->name);
        return sl_err_hint(err, "give this one another name: --name NAME");
    }
    return SL_OK;
}

static int lock_name(struct sl_machine *machine, struct sl_err *err)
{
    const struct sl_project *project = machine->newest->world.project;
    const char *path = sl_path_join(&machine->arena, project->state_folder, "worker.lock");
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(project->state_folder, err));
    if (sl_lock_take(path, &machine->lock, err) == SL_E_LOCKED) {
        sl_err_clear(err);
        (void)sl_fail(err, SL_E_WORKER_NAME, "a worker named '%s' is at work on this project",
                      machine->name);
        return sl_err_hint(err, "give this one another name: --name NAME");
    }
    SL_TRY(err->code);
    sl_spill_sweep(project); // nobody else has this folder
    return SL_OK;
}

static int open_state(struct sl_machine *machine, struct sl_err *err)
{
    struct sl_state_place place = sl_project_state(machine->newest->world.project);
    const struct sl_wakes_options wakes = {
        .loop = &machine->loop, .on_wake = on_wake, .on_lost = on_lost, .owner = machine};
    struct sl_wakes_options options = wakes;
    const char *note = NULL;
    if (!place.url) {
        (void)sl_fail(err, SL_E_WORKER_STATE,
                      "the state store is a file of this machine, which no other one sees");
        return sl_err_hint(err, "--state postgresql://user@host/database, the same as `sluice "
                                "serve` has");
    }
    place.is_service = true;
    SL_TRY(sl_state_open(&place, &machine->arena, &machine->state, &note, err));
    options.state = machine->state;
    return sl_wakes_open(&options, &machine->wakes, err);
}

static int begin(struct sl_machine *machine, struct sl_err *err)
{
    SL_TRY(sl_systemd_open(&machine->systemd, &machine->arena, err));
    SL_TRY(name_it(machine, err));
    SL_TRY(watch_signals(machine, err));
    SL_TRY(open_crew(machine, &machine->newest, err));
    SL_TRY(lock_name(machine, err));
    SL_TRY(open_state(machine, err));
    SL_TRY(sl_machine_refuse_lake(machine, err));
    SL_TRY(refuse_name(machine, err));
    sl_machine_tell(SL_LOG_INFO, NULL, "worker '%s' of '%s': %zu steps at once, code %s",
                    machine->name, machine->newest->world.project->name, machine->slot_count,
                    machine->newest->code);
    machine->heard_us = sl_clock_monotonic_us();
    (void)uv_timer_start(&machine->beat, on_beat, 0, BEAT_MS);
    tell_ready(machine);
    return sl_systemd_start_watchdog(&machine->systemd, &machine->loop, err);
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

// Nothing of it is to be woken once parts of it are gone.
static void stop_handles(struct sl_machine *machine)
{
    uv_timer_t *const timers[] = {&machine->beat, &machine->turn, &machine->watch};
    sl_wakes_close(&machine->wakes);
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        if (timers[i]->data)
            uv_timer_stop(timers[i]);
    for (size_t i = 0; i < SL_MACHINE_SIGNALS; i++)
        if (machine->signals[i].data && machine->signals[i].loop)
            uv_signal_stop(&machine->signals[i]);
}

static void end(struct sl_machine *machine)
{
    stop_handles(machine);
    while (machine->newest) {
        struct sl_crew *crew = machine->newest;
        machine->newest = crew->next;
        close_crew(crew);
    }
    for (int i = 0; i < 100 && uv_run(&machine->loop, UV_RUN_NOWAIT); i++)
        ;
    sl_systemd_close(&machine->systemd);
    uv_walk(&machine->loop, close_handle, NULL);
    while (uv_run(&machine->loop, UV_RUN_DEFAULT) != 0)
        ;
    (void)uv_loop_close(&machine->loop);
    for (size_t i = 0; i < machine->slot_count; i++) {
        free(machine->slots[i].id);
        free(machine->slots[i].run_id);
        free(machine->slots[i].step);
        free(machine->slots[i].reply);
    }
    sl_state_close(&machine->state);
    free(machine->lake_error);
    sl_fd_close(&machine->lock);
    sl_arena_clear(&machine->arena);
}

int sl_machine_serve(const struct sl_machine_options *options, int *ret_exit, struct sl_err *err)
{
    struct sl_machine *machine = calloc(1, sizeof *machine);
    struct sl_err ignored = {0};
    SL_TRY_NEW(machine, err);
    machine->options = *options;
    machine->lock = -1;
    sl_arena_init(&machine->arena, 0);
    int code = uv_loop_init(&machine->loop);
    if (code != 0) { // libuv's codes are errno's
        free(machine);
        return sl_fail_errno(err, -code, "cannot begin an event loop");
    }
    code = begin(machine, err);
    if (code == SL_OK) {
        uv_run(&machine->loop, UV_RUN_DEFAULT);
        (void)!sl_state_vanish(machine->state, machine->present, &ignored);
        *err = machine->failure;
        code = err->code;
        *ret_exit = machine->stops > 1 ? 130 : 0;
    }
    end(machine);
    free(machine);
    return code;
}
