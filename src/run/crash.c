#include "run/crash.h"

#include "base/clock.h"
#include "base/fs.h"
#include "run/signals.h"
#include "run/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 2000000
#define ERRORS_MAX_BYTES ((size_t)1 << 20)

extern char **environ;

struct job {
    struct sl_world *world;
    const struct sl_crash_options *options;
    struct sl_arena *arena;
    struct sl_crash_report *report;
    struct sl_crash *crash;
    struct sl_session *session;
    const char *reference, *lake, *state; // folders
    int errors_fd; // what the child says is wrong, in memory: the disk may be what is
    const char **environment;
    struct sl_crash_look look;
    struct sl_temp temp;
    const char *seen_what; // what the reader saw that does not belong together
    int64_t last_number;
    atomic_bool is_stopped;
};

const char *sl_crash_phase_name(enum sl_crash_phase phase)
{
    return phase == SL_CRASH_REFRESH ? "refresh" : "first";
}

// --- a run as a process of its own

struct child {
    const char *lake, *state;
    bool is_refresh;
    int64_t kill_at; // 0: never
};

static int add(struct job *job, struct sl_strs *words, const char *prefix, const char *value,
               struct sl_err *err)
{
    const char *word = sl_arena_printf(job->look.arena, "%s%s", prefix, value);
    SL_TRY_NEW(word, err);
    return sl_strs_add(words, job->look.arena, word, err);
}

static int build_command(struct job *job, const struct child *child, const char ***ret,
                         struct sl_err *err)
{
    const struct sl_world_options *world = &job->options->world;
    struct sl_strs words = {0};
    SL_TRY(add(job, &words, "", "sluice", err));
    SL_TRY(add(job, &words, "", "run", err));
    SL_TRY(add(job, &words, "--project=", job->world->project->folder, err));
    if (world->environment)
        SL_TRY(add(job, &words, "--env=", world->environment, err));
    for (size_t i = 0; i < world->overrides.count; i++)
        SL_TRY(add(job, &words, "--set=", world->overrides.items[i], err));
    SL_TRY(add(job, &words, "--set=lake=", child->lake, err));
    SL_TRY(add(job, &words, "--set=state=", child->state, err));
    if (job->world->project->read_lake) // what it would borrow, no kill could touch
        SL_TRY(add(job, &words, "--set=reads=", job->world->project->environment, err));
    SL_TRY(add(job, &words, "", "--threads=1", err)); // the same order each time
    if (child->is_refresh) {
        SL_TRY(add(job, &words, "", "--full-refresh", err));
        SL_TRY(add(job, &words, "", "--yes", err));
    }
    for (size_t i = 0; i < job->world->graph.count; i++)
        if (job->world->graph.nodes[i].is_selected)
            SL_TRY(add(job, &words, "--select=", job->world->graph.nodes[i].name, err));
    const char **argv = SL_NEW_ARRAY(job->look.arena, const char *, words.count + 1);
    SL_TRY_NEW(argv, err);
    memcpy(argv, words.items, words.count * sizeof *argv);
    *ret = argv;
    return SL_OK;
}

static int build_environment(struct job *job, struct sl_err *err)
{
    size_t count = 0, kept = 0;
    char setting[64];
    while (environ[count])
        count++;
    job->environment = SL_NEW_ARRAY(job->arena, const char *, count + 2);
    SL_TRY_NEW(job->environment, err);
    for (size_t i = 0; i < count; i++)
        if (!sl_str_starts(environ[i], SL_CRASH_VARIABLE "="))
            job->environment[kept++] = environ[i];
    sl_crash_setting(job->crash, setting);
    job->environment[kept] = sl_arena_printf(job->arena, SL_CRASH_VARIABLE "=%s", setting);
    SL_TRY_NEW(job->environment[kept], err);
    return SL_OK;
}

static int spawn(struct job *job, const struct child *child, pid_t *ret, struct sl_err *err)
{
    posix_spawn_file_actions_t actions;
    const char **argv;
    int fd = sl_crash_fd(job->crash);
    SL_TRY(build_command(job, child, &argv, err));
    if (ftruncate(job->errors_fd, 0) != 0 || lseek(job->errors_fd, 0, SEEK_SET) != 0)
        return sl_fail_errno(err, errno, "cannot empty memory");
    if (posix_spawn_file_actions_init(&actions) != 0)
        return sl_fail_memory(err);
    int code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, job->errors_fd, 2);
    if (code == 0)
        code = posix_spawn_file_actions_adddup2(&actions, fd, fd); // it is inherited then
    if (code == 0)
        code = posix_spawn(ret, "/proc/self/exe", &actions, NULL, (char *const *)argv,
                           (char *const *)job->environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    return code == 0 ? SL_OK : sl_fail_errno(err, code, "cannot start a run");
}

// A reader beside the run: whatever it sees published belongs together.
static int watch(struct job *job, pid_t pid, int *ret_status, struct sl_err *err)
{
    const struct timespec pause = {.tv_nsec = POLL_NS};
    int code = SL_OK;
    for (;;) {
        SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
        struct sl_crash_look look = job->look;
        const char *what = NULL;
        int64_t seen = 0;
        pid_t ended = waitpid(pid, ret_status, WNOHANG);
        sl_arena_init(&arena, 0);
        look.arena = &arena;
        if (code == SL_OK)
            code = sl_crash_look_at_publications(&look, &job->last_number, &seen, &what, err);
        job->report->publications += seen;
        if (what && !job->seen_what)
            job->seen_what = sl_arena_strdup(job->arena, what);
        if (ended == pid)
            return code;
        if (ended < 0 && errno != EINTR)
            return sl_fail_errno(err, errno, "cannot wait for a run");
        (void)nanosleep(&pause, NULL);
    }
}

static int run(struct job *job, const struct child *child, int *ret_status, struct sl_err *err)
{
    pid_t pid;
    sl_crash_set(job->crash, child->kill_at);
    if (job->look.lake != child->lake)
        job->last_number = 0;
    job->look.lake = child->lake;
    SL_TRY(spawn(job, child, &pid, err));
    return watch(job, pid, ret_status, err);
}

static bool went_well(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const char *errors_of(struct job *job)
{
    const char *text;
    size_t length;
    struct sl_err ignored = {0};
    const char *path = sl_arena_printf(job->arena, "/proc/self/fd/%d", job->errors_fd);
    if (!path || sl_fs_read(path, ERRORS_MAX_BYTES, job->arena, &text, &length, &ignored) != SL_OK)
        return "";
    return text;
}

// --- one kill

static int add_failure(struct job *job, struct sl_crash_failure failure, struct sl_err *err)
{
    struct sl_crash_report *report = job->report;
    failure.what = failure.what ? sl_arena_strdup(job->arena, failure.what) : NULL;
    SL_TRY_NEW(failure.what, err);
    return SL_PUSH(job->arena, report->failures, report->failure_count, failure)
               ? SL_OK
               : sl_fail_memory(err);
}

static int judge(struct job *job, int status, const char **ret_what, struct sl_err *err)
{
    *ret_what = NULL;
    if (job->seen_what)
        *ret_what = job->seen_what;
    else if (!went_well(status))
        *ret_what = sl_arena_printf(job->arena, "the run after the kill ended with %d: %s",
                                    WIFEXITED(status) ? WEXITSTATUS(status) : -1, errors_of(job));
    else
        return sl_crash_look_at_tables(&job->look, job->report, ret_what, err);
    SL_TRY_NEW(*ret_what, err);
    return SL_OK;
}

static int kill_once(struct job *job, enum sl_crash_phase phase, int64_t step,
                     bool *ret_was_reached, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct child child = {.lake = job->lake,
                          .state = job->state,
                          .is_refresh = phase == SL_CRASH_REFRESH,
                          .kill_at = step};
    struct sl_crash_failure failure = {.phase = phase, .step = step};
    int status;
    sl_arena_init(&arena, 0);
    job->look.arena = &arena;
    job->seen_what = NULL;
    if (phase == SL_CRASH_FIRST) {
        SL_TRY(sl_fs_remove_tree(job->lake, err));
        SL_TRY(sl_fs_remove_tree(job->state, err));
        job->last_number = 0;
    }
    SL_TRY(run(job, &child, &status, err));
    *ret_was_reached = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    failure.operation = sl_arena_strdup(job->arena, sl_crash_operation(job->crash));
    SL_TRY_NEW(failure.operation, err);
    child.kill_at = 0;
    child.is_refresh = false;
    if (*ret_was_reached && !atomic_load(&job->is_stopped))
        SL_TRY(run(job, &child, &status, err));
    if (atomic_load(&job->is_stopped))
        return SL_OK;
    SL_TRY(judge(job, status, &failure.what, err));
    job->report->kills[phase] += *ret_was_reached;
    job->report->equal += *ret_was_reached && !failure.what;
    return failure.what ? add_failure(job, failure, err) : SL_OK;
}

// --- all of them

static void tell(const struct job *job, enum sl_crash_phase phase, int64_t done, int64_t total)
{
    const struct sl_crash_progress progress = {phase, done, total};
    if (job->options->on_kill)
        job->options->on_kill(job->options->self, &progress);
}

static int choose_steps(struct job *job, enum sl_crash_phase phase, int64_t **ret,
                        int64_t *ret_count, struct sl_err *err)
{
    const struct sl_crash_options *options = job->options;
    if (!options->at)
        return sl_crash_choose(job->report->steps[phase], options->kills, options->seed + phase,
                               job->arena, ret, ret_count, err);
    *ret = SL_NEW(job->arena, int64_t);
    SL_TRY_NEW(*ret, err);
    **ret = options->at;
    *ret_count = 1;
    return SL_OK;
}

static int run_phase(struct job *job, enum sl_crash_phase phase, struct sl_err *err)
{
    int64_t *steps, count;
    bool was_reached;
    if (job->options->at && job->options->at_phase != phase)
        return SL_OK;
    SL_TRY(choose_steps(job, phase, &steps, &count, err));
    for (int64_t i = 0; i < count && !atomic_load(&job->is_stopped); i++) {
        SL_TRY(kill_once(job, phase, steps[i], &was_reached, err));
        tell(job, phase, i + 1, count);
    }
    return SL_OK;
}

// What nothing has disturbed, and how many durable steps that takes.
static int run_undisturbed(struct job *job, const struct child *child, int64_t *ret_steps,
                           struct sl_err *err)
{
    int status;
    job->look.arena = job->arena;
    SL_TRY(run(job, child, &status, err));
    *ret_steps = sl_crash_count(job->crash);
    if (went_well(status) || atomic_load(&job->is_stopped))
        return SL_OK;
    (void)sl_fail(err, SL_E_PROJECT_INVALID, "a run that nobody kills does not end well: %s",
                  errors_of(job));
    return sl_err_hint(err, "`sluice run` must go well before it can be tested with kills");
}

static int run_all(struct job *job, struct sl_err *err)
{
    struct child reference = {.lake = job->look.reference_lake, .state = job->reference};
    struct child whole = {.lake = job->lake, .state = job->state};
    int64_t ignored;
    SL_TRY(run_undisturbed(job, &reference, &job->report->steps[SL_CRASH_FIRST], err));
    if (!job->options->at || job->options->at_phase == SL_CRASH_FIRST)
        SL_TRY(run_phase(job, SL_CRASH_FIRST, err));
    if (atomic_load(&job->is_stopped) || job->report->failure_count ||
        (job->options->at && job->options->at_phase == SL_CRASH_FIRST))
        return SL_OK; // a refresh of what is wrong already would tell nothing
    SL_TRY(run_undisturbed(job, &whole, &ignored, err));
    whole.is_refresh = true;
    SL_TRY(run_undisturbed(job, &whole, &job->report->steps[SL_CRASH_REFRESH], err));
    return run_phase(job, SL_CRASH_REFRESH, err);
}

static void on_signal(void *self, int times)
{
    struct job *job = self;
    (void)times;
    atomic_store(&job->is_stopped, true);
}

static int make_folder(struct job *job, struct sl_err *err)
{
    int code =
        sl_temp_make(job->world->project->temp_folder, "crashtest", job->arena, &job->temp, err);
    const char *folder = job->report->folder = job->temp.folder;
    SL_TRY(code);
    job->look.reference_lake = sl_path_join(job->arena, folder, "reference");
    job->reference = sl_path_join(job->arena, folder, "reference-state");
    job->lake = sl_path_join(job->arena, folder, "lake");
    job->state = sl_path_join(job->arena, folder, "state");
    SL_TRY_NEW(job->look.reference_lake, err);
    SL_TRY_NEW(job->reference, err);
    SL_TRY_NEW(job->lake, err);
    SL_TRY_NEW(job->state, err);
    return SL_OK;
}

static int crash_in(struct job *job, struct sl_err *err)
{
    struct sl_signals *signals = NULL;
    SL_TRY(build_environment(job, err));
    SL_TRY(sl_world_session(job->world, &job->session, err));
    job->look.session = job->session;
    SL_TRY(sl_signals_catch(on_signal, job, &signals, err));
    int code = run_all(job, err);
    sl_signals_release(&signals);
    job->report->was_interrupted = atomic_load(&job->is_stopped);
    return code;
}

static void select_up(struct sl_graph *graph, struct sl_node *node)
{
    if (node->kind == SL_NODE_TASK)
        return;
    node->is_selected = true;
    for (size_t i = 0; i < node->upstream_count; i++)
        select_up(graph, &graph->nodes[node->upstream[i]]);
}

// The steps that were asked for and all before them; no deliveries and tasks.
static int select_steps(struct job *job, struct sl_err *err)
{
    struct sl_graph *graph = &job->world->graph;
    SL_TRY(sl_graph_select(graph, &job->options->select, &job->options->exclude, job->arena, err));
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].kind == SL_NODE_LOAD || graph->nodes[i].kind == SL_NODE_TASK)
            graph->nodes[i].is_selected = false;
    bool has_any = false;
    for (size_t i = graph->count; i > 0; i--)
        if (graph->nodes[i - 1].is_selected) {
            select_up(graph, &graph->nodes[i - 1]);
            has_any = true;
        }
    return has_any ? SL_OK
                   : sl_fail(err, SL_E_SELECTOR,
                             "nothing but deliveries and tasks is selected, and "
                             "those are not made here");
}

// A test that has killed nothing, or compared nothing, must not look like one that was passed.
static int refuse_nothing(const struct job *job, struct sl_err *err)
{
    const struct sl_crash_report *report = job->report;
    const struct sl_crash_options *options = job->options;
    int64_t kills = report->kills[SL_CRASH_FIRST] + report->kills[SL_CRASH_REFRESH];
    if (report->was_interrupted || report->failure_count || (kills && report->tables))
        return SL_OK;
    if (kills)
        return sl_fail(err, SL_E_CRASHTEST,
                       "no table was compared: all follow the clock, chance or files");
    if (options->at)
        return sl_fail(err, SL_E_CRASHTEST, "step %lld is never reached: the %s run has %lld",
                       (long long)options->at, sl_crash_phase_name(options->at_phase),
                       (long long)report->steps[options->at_phase]);
    return sl_fail(err, SL_E_CRASHTEST,
                   "no run was killed: none came to the steps that were chosen");
}

int sl_world_crash(struct sl_world *world, const struct sl_crash_options *options,
                   struct sl_crash_report *ret, struct sl_err *err)
{
    SL_AUTO(sl_crash_free) struct sl_crash *crash = NULL;
    SL_AUTO(sl_fd_close) int errors_fd = memfd_create("sluice-errors", MFD_CLOEXEC);
    struct sl_err ignored = {0};
    struct job job = {.world = world,
                      .options = options,
                      .arena = &world->arena,
                      .report = ret,
                      .temp = SL_TEMP_INIT,
                      .look = {.world = world, .arena = &world->arena}};
    *ret = (struct sl_crash_report){0};
    if (errors_fd < 0)
        return sl_fail_errno(err, errno, "cannot make memory for messages");
    SL_TRY(sl_crash_new(&crash, err));
    job.crash = crash;
    job.errors_fd = errors_fd;
    SL_TRY(select_steps(&job, err));
    int code = make_folder(&job, err);
    if (code == SL_OK)
        code = crash_in(&job, err);
    if (code == SL_OK)
        code = refuse_nothing(&job, err);
    sl_session_close(&job.session);
    (void)!sl_temp_end(&job.temp, options->keep, &ignored);
    return code;
}
