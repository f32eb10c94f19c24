#include "cli/telemetry.h"

#include "base/clock.h"
#include "base/fs.h"
#include "observe/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_US 1000000
#define MOST_MS 5000
#define GRACE_MS 1000
#define PROGRAM "/proc/self/exe"
#define MOST_ARGUMENTS 256

extern char **environ;

// --- the process that sends

struct arguments {
    const char *items[MOST_ARGUMENTS];
    size_t count;
};

static void add(struct arguments *arguments, const char *text)
{
    if (arguments->count + 1 < MOST_ARGUMENTS)
        arguments->items[arguments->count++] = text;
}

static void fill(const struct sl_telling *telling, struct arguments *ret)
{
    static const char *const fixed[] = {"sluice",  "telemetry", "send", "--due",
                                        "--quiet", "--within",  "5s",   "--project"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add(ret, fixed[i]);
    add(ret, telling->project->folder);
    if (telling->project->environment) {
        add(ret, "--env");
        add(ret, telling->project->environment);
    }
    for (size_t i = 0; i < telling->common->settings.count; i++) {
        add(ret, "--set");
        add(ret, telling->common->settings.items[i]);
    }
    if (telling->common->log_format == SL_LOG_JSON) {
        add(ret, "--log-format");
        add(ret, "json");
    }
}

static int spawn(struct sl_telling *telling, int write_fd)
{
    struct arguments arguments = {0};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t usual;
    fill(telling, &arguments);
    sigemptyset(&usual);
    sigaddset(&usual, SIGINT);
    sigaddset(&usual, SIGTERM);
    sigaddset(&usual, SIGHUP);
    if (posix_spawn_file_actions_init(&files) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    (void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&files, write_fd, 1);
    (void)posix_spawnattr_setsigdefault(&attributes, &usual);
    // In a group of its own, so that Ctrl-C in a terminal is for the run alone.
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    int errnum = posix_spawn(&telling->child, PROGRAM, &files, &attributes,
                             (char *const *)arguments.items, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return errnum;
}

static void start(struct sl_telling *telling)
{
    int ends[2];
    telling->has_news = false;
    telling->next_us = sl_clock_monotonic_us() + PAUSE_US;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    int errnum = spawn(telling, ends[1]);
    close(ends[1]);
    if (errnum != 0) {
        telling->child = 0;
        close(ends[0]);
        sl_tell(telling->common, SL_LOG_WARN, "nobody is told of the run: %s",
                sl_code_info(SL_E_IO)->title);
        return;
    }
    telling->child_fd = ends[0];
}

static void reap(struct sl_telling *telling)
{
    while (waitpid(telling->child, NULL, 0) < 0 && errno == EINTR)
        ;
    close(telling->child_fd);
    telling->child = 0;
    telling->child_fd = -1;
    telling->next_us = sl_clock_monotonic_us() + PAUSE_US;
}

// Whether it has ended within a time; what it prints is nothing to us.
static bool has_ended(struct sl_telling *telling, int64_t until_us)
{
    char bytes[256];
    struct pollfd poll_fd = {.fd = telling->child_fd, .events = POLLIN};
    for (;;) {
        int64_t left_ms = (until_us - sl_clock_monotonic_us() + 999) / 1000;
        int found = poll(&poll_fd, 1, left_ms > 0 ? (int)left_ms : 0);
        if (found < 0 && errno == EINTR)
            continue;
        if (found <= 0)
            return false;
        if (read(telling->child_fd, bytes, sizeof bytes) <= 0)
            return true;
    }
}

static bool is_due(const struct sl_project *project)
{
    int64_t now_us = sl_clock_now_us();
    int64_t next_us = sl_deliver_next_us(project, now_us);
    return next_us && next_us <= now_us && !sl_spool_is_empty(project->state_folder);
}

// --- listening

static void on_start(void *self, const struct sl_outcome *outcome)
{
    struct sl_telling *telling = self;
    if (telling->below && telling->below->on_start)
        telling->below->on_start(telling->below->self, outcome);
    sl_observer_step_start(telling->observer, telling->run, outcome);
}

static void on_end(void *self, const struct sl_outcome *outcome)
{
    struct sl_telling *telling = self;
    if (telling->below && telling->below->on_end)
        telling->below->on_end(telling->below->self, outcome);
    sl_observer_step_end(telling->observer, outcome);
}

static void on_again(void *self, const struct sl_outcome *outcome)
{
    struct sl_telling *telling = self;
    if (telling->below && telling->below->on_again)
        telling->below->on_again(telling->below->self, outcome);
    sl_observer_step_again(telling->observer, outcome);
}

// What happens is told while the run goes on, at most once a second.
static void on_tick(void *self, const struct sl_outcome *const *running, size_t count)
{
    struct sl_telling *telling = self;
    if (telling->below && telling->below->on_tick)
        telling->below->on_tick(telling->below->self, running, count);
    telling->has_news |= sl_observer_has_news(telling->observer);
    if (telling->child && has_ended(telling, 0))
        reap(telling);
    if (telling->child || !telling->has_news || sl_clock_monotonic_us() < telling->next_us)
        return;
    telling->next_us = sl_clock_monotonic_us() + PAUSE_US;
    if (is_due(telling->project))
        start(telling);
}

static void on_interrupt(void *self, int times)
{
    const struct sl_telling *telling = self;
    if (telling->below && telling->below->on_interrupt)
        telling->below->on_interrupt(telling->below->self, times);
}

void sl_telling_open(struct sl_telling *telling, const struct sl_common *common,
                     const struct sl_world *world, const struct sl_run *run, const char *command,
                     const struct sl_listener *below)
{
    struct sl_err err = {0};
    const struct sl_observer_options options = {
        .project = world->project, .command = command, .has_parent = true};
    *telling = (struct sl_telling){.common = common,
                                   .project = world->project,
                                   .run = run,
                                   .below = below,
                                   .child_fd = -1,
                                   .next_us = sl_clock_monotonic_us() + PAUSE_US};
    telling->listener = (struct sl_listener){.on_start = on_start,
                                             .on_end = on_end,
                                             .on_again = on_again,
                                             .on_tick = on_tick,
                                             .on_interrupt = on_interrupt,
                                             .self = telling};
    if (world->project->observe)
        sl_spool_state_read(world->project->state_folder, &telling->before);
    if (sl_observer_open(&options, &telling->observer, &err) != SL_OK)
        sl_tell(common, SL_LOG_WARN, "nobody is told of the run: %s", err.message);
}

void sl_telling_end(struct sl_telling *telling, const struct sl_err *failure)
{
    sl_observer_run_end(telling->observer, telling->run, failure);
    telling->has_news |= sl_observer_has_news(telling->observer);
}

static void tell_way(const struct sl_telling *telling, enum sl_way way,
                     const struct sl_way_state *now)
{
    const char *thing = way == SL_WAY_TRACES ? "span" : "lineage event";
    int64_t refused = now->refused - telling->before.ways[way].refused;
    int64_t lost = now->lost - telling->before.ways[way].lost;
    char count[64];
    if (refused > 0)
        sl_tell(telling->common, SL_LOG_WARN, "%s %s refused: %s",
                sl_count_of(refused, thing, count), refused == 1 ? "was" : "were", now->refusal);
    if (lost > 0)
        sl_tell(telling->common, SL_LOG_WARN, "%s %s lost: nobody took them in time",
                sl_count_of(lost, thing, count), lost == 1 ? "is" : "are");
    if (now->attempts > 0)
        sl_tell(telling->common, SL_LOG_WARN, "%ss wait to be sent (`sluice telemetry`): %s", thing,
                now->error);
}

static void tell_failures(const struct sl_telling *telling)
{
    struct sl_spool_state state;
    sl_spool_state_read(telling->project->state_folder, &state);
    for (int way = 0; way < SL_WAYS; way++)
        if (sl_way_is_open(telling->project->observe, (enum sl_way)way))
            tell_way(telling, (enum sl_way)way, &state.ways[way]);
}

void sl_telling_send(struct sl_telling *telling)
{
    int64_t until_us = sl_clock_monotonic_us() + (int64_t)MOST_MS * 1000;
    if (!telling->observer || (!telling->has_news && !telling->child))
        return;
    if (telling->child && has_ended(telling, until_us))
        reap(telling);
    if (!telling->child && is_due(telling->project))
        start(telling);
    // It ends by itself in that time, and a little after where a server is slow.
    if (telling->child && has_ended(telling, until_us + (int64_t)GRACE_MS * 1000))
        reap(telling);
    tell_failures(telling);
}

void sl_telling_close(struct sl_telling *telling)
{
    if (telling->child) {
        (void)kill(telling->child, SIGTERM);
        reap(telling);
    }
    sl_observer_close(&telling->observer);
}
