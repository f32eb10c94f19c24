#include "step/program.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 100
#define GRACE_US ((int64_t)4 * 1000 * 1000)
#define EXIT_TRY_AGAIN 75 // EX_TEMPFAIL of sysexits.h
#define LAST_BYTES 400
#define MOST_NAME_BYTES 200
#define MOST_READS 1000 // of what is left when it has ended

extern char **environ;

struct running {
    const struct sl_program *program;
    pid_t pid;
    int output; // of the program
    int64_t stopped_us;
    char last[LAST_BYTES]; // of what it printed
    size_t last_length;
    bool was_cut; // there was more before it
};

static const char *name_of(const struct sl_program *program)
{
    return program->words->items[0];
}

static char **list(const struct sl_strs *words, char *const *more, struct sl_arena *arena)
{
    size_t more_count = 0;
    while (more && more[more_count])
        more_count++;
    char **ret = SL_NEW_ARRAY(arena, char *, more_count + words->count + 3);
    for (size_t i = 0; ret && i < more_count; i++)
        ret[i] = more[i];
    for (size_t i = 0; ret && i < words->count; i++)
        ret[more_count + i] = (char *)(uintptr_t)words->items[i];
    return ret;
}

// In a child, where other threads of the parent are no more: nothing but system calls.
_Noreturn static void become(const struct sl_program *program, char **argv, char **settings,
                             int output, int trouble)
{
    sigset_t none;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        dup2(output, STDERR_FILENO) >= 0 && chdir(program->folder) == 0)
        execvpe(argv[0], argv, settings);
    int why = errno;
    (void)!write(trouble, &why, sizeof why);
    _exit(127);
}

static void end_group(int number)
{
    (void)number;
    (void)kill(0, SIGKILL); // this process, too
}

// Between this process and the program, in the program's group: if this one is killed, the program
// ends with all that it has started. _Fork(), for fork() calls what an event loop wants to be done.
_Noreturn static void guard(const struct sl_program *program, char **argv, char **settings,
                            const int output[2], const int trouble[2], pid_t parent)
{
    int status = 0;
    setpgid(0, 0);
    signal(SIGUSR1, end_group);
    signal(SIGTERM, SIG_IGN); // that of the group is for the program
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
    if (getppid() != parent)
        _exit(1);
    pid_t pid = _Fork();
    if (pid == 0)
        become(program, argv, settings, output[1], trouble[1]);
    int why = pid < 0 ? errno : 0;
    if (why)
        (void)!write(trouble[1], &why, sizeof why);
    (void)close_range(3, ~0U, 0); // nobody waits for the end of a file because of this process
    while (!why && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status)) { // so is this one, as far as who waits for it can tell
        prctl(PR_SET_DUMPABLE, 0);
        signal(WTERMSIG(status), SIG_DFL);
        (void)raise(WTERMSIG(status));
    }
    _exit(why ? 127 : WEXITSTATUS(status));
}

static int start(struct running *running, struct sl_arena *arena, struct sl_err *err)
{
    static char shell[] = "/bin/sh", option[] = "-c";
    char *const before[] = {shell, option, NULL};
    const struct sl_program *program = running->program;
    char **argv = list(program->words, program->is_for_shell ? before : NULL, arena);
    char **settings = list(program->settings, environ, arena);
    int output[2], trouble[2], why = 0;
    SL_TRY_NEW(argv, err);
    SL_TRY_NEW(settings, err);
    if (pipe2(output, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "cannot make a pipe");
    if (pipe2(trouble, O_CLOEXEC) != 0) {
        close(output[0]);
        close(output[1]);
        return sl_fail_errno(err, errno, "cannot make a pipe");
    }
    pid_t parent = getpid();
    running->pid = _Fork();
    if (running->pid == 0)
        guard(program, argv, settings, output, trouble, parent);
    int failure = running->pid < 0 ? errno : 0;
    close(output[1]);
    close(trouble[1]);
    running->output = output[0];
    ssize_t told = failure ? 0 : read(trouble[0], &why, sizeof why); // ends when it is exec'd
    close(trouble[0]);
    if (failure)
        return sl_fail_errno(err, failure, "cannot start '%s'", name_of(program));
    if (told != (ssize_t)sizeof why)
        return SL_OK;
    (void)waitpid(running->pid, NULL, 0);
    running->pid = -1;
    (void)sl_fail(err, SL_E_TASK_FAILED, "cannot start '%s': %s", name_of(program), strerror(why));
    return sl_err_hint(err, why == ENOENT ? "is it there, as seen from the project's folder?"
                                          : "is it a program that may be executed?");
}

// --- while it runs

static void keep_last(struct running *running, const char *text, size_t length)
{
    running->was_cut |= running->last_length + length > LAST_BYTES;
    if (length > LAST_BYTES) {
        text += length - LAST_BYTES;
        length = LAST_BYTES;
    }
    size_t kept = running->last_length;
    if (kept > LAST_BYTES - length)
        kept = LAST_BYTES - length;
    memmove(running->last, running->last + running->last_length - kept, kept);
    memcpy(running->last + kept, text, length);
    running->last_length = kept + length;
}

static void print(const char *text, size_t length)
{
    for (ssize_t more; length; text += more, length -= (size_t)more) {
        more = write(STDERR_FILENO, text, length);
        if (more < 0 && errno == EINTR)
            more = 0;
        else if (more <= 0)
            break; // nobody reads it
    }
}

// False at the end of what it prints; *ret_more: there may be more now.
static bool pass_on(struct running *running, bool *ret_more)
{
    char part[4096];
    ssize_t got = read(running->output, part, sizeof part);
    *ret_more = got > 0 || (got < 0 && errno == EINTR);
    if (got <= 0)
        return got < 0 && (errno == EINTR || errno == EAGAIN);
    print(part, (size_t)got);
    keep_last(running, part, (size_t)got);
    return true;
}

static void look_at_abort(struct running *running)
{
    int64_t now_us = sl_clock_monotonic_us();
    if (!running->program->is_aborted || !atomic_load(running->program->is_aborted))
        return;
    if (!running->stopped_us)
        (void)kill(-running->pid, SIGTERM);
    else if (now_us - running->stopped_us > GRACE_US)
        (void)kill(-running->pid, SIGKILL);
    if (!running->stopped_us)
        running->stopped_us = now_us;
}

// A process that it leaves behind may keep the pipe open for ever: its own end is what counts.
static int wait_for_end(struct running *running)
{
    SL_AUTO(sl_fd_close) int end = pidfd_open(running->pid, 0);
    struct pollfd pollers[] = {{.fd = running->output, .events = POLLIN},
                               {.fd = end, .events = POLLIN}};
    int status = -1;
    bool has_more = true;
    (void)fcntl(running->output, F_SETFL, O_NONBLOCK);
    while (end >= 0 && !pollers[1].revents) {
        int ready = poll(pollers, 2, LOOK_MS);
        if (ready > 0 && pollers[0].revents && !pass_on(running, &has_more))
            pollers[0].fd = -1;
        look_at_abort(running);
    }
    has_more = pollers[0].fd >= 0;
    for (int i = 0; i < MOST_READS && has_more; i++)
        (void)pass_on(running, &has_more);
    if (running->last_length && running->last[running->last_length - 1] != '\n')
        print("\n", 1); // our own lines begin at their beginning
    while (waitpid(running->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

// What is no text could do anything to a terminal, and a zero byte would end the message.
static void make_text(char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t step = sl_utf8_length(text + at, length - at);
        if (!step || (unsigned char)text[at] < ' ')
            text[at] = '?';
        at += step ? step : 1;
    }
}

// The last line that it printed, for the message; of a long one the end.
static const char *last_line(struct running *running, struct sl_arena *arena)
{
    size_t end = running->last_length;
    while (end > 0 && (running->last[end - 1] == '\n' || running->last[end - 1] == '\r'))
        end--;
    size_t begin = end;
    while (begin > 0 && running->last[begin - 1] != '\n')
        begin--;
    bool is_cut = begin == 0 && running->was_cut;
    while (is_cut && begin < end && ((unsigned char)running->last[begin] & 0xC0) == 0x80)
        begin++; // the rest of a character
    make_text(running->last + begin, end - begin);
    const char *line = sl_arena_strndup(arena, running->last + begin, end - begin);
    return line && *line ? sl_arena_printf(arena, ": %s%s", is_cut ? "..." : "", line) : "";
}

// A script of many lines would leave no room for what it printed.
static const char *short_name(const struct sl_program *program, struct sl_arena *arena)
{
    const char *name = name_of(program);
    size_t length = strlen(name), kept = MOST_NAME_BYTES;
    if (length <= MOST_NAME_BYTES)
        return name;
    while (kept && ((unsigned char)name[kept] & 0xC0) == 0x80)
        kept--;
    return sl_arena_printf(arena, "%.*s...", (int)kept, name);
}

static int judge(struct running *running, int status, struct sl_arena *arena, struct sl_err *err)
{
    const char *name = short_name(running->program, arena), *line = last_line(running, arena);
    SL_TRY_NEW(name, err);
    SL_TRY_NEW(line, err);
    if (running->stopped_us)
        return sl_fail(err, SL_E_INTERRUPTED, "'%s' was stopped", name);
    if (status < 0)
        return sl_fail(err, SL_E_INTERNAL, "'%s' cannot be waited for", name);
    if (WIFSIGNALED(status))
        return sl_fail(err, SL_E_TASK_FAILED, "'%s' was ended by signal %d (%s)%s", name,
                       WTERMSIG(status), strsignal(WTERMSIG(status)), line);
    if (WEXITSTATUS(status) == EXIT_TRY_AGAIN)
        return sl_fail(err, SL_E_TASK_PASSING, "'%s' asks to be tried again (exit code %d)%s", name,
                       EXIT_TRY_AGAIN, line);
    if (WEXITSTATUS(status) != 0)
        return sl_fail(err, SL_E_TASK_FAILED, "'%s' ended with exit code %d%s", name,
                       WEXITSTATUS(status), line);
    return SL_OK;
}

int sl_program_run(const struct sl_program *program, struct sl_arena *arena, struct sl_err *err)
{
    struct running running = {.program = program, .output = -1};
    int code = start(&running, arena, err);
    if (code == SL_OK)
        code = judge(&running, wait_for_end(&running), arena, err);
    sl_fd_close(&running.output);
    return code;
}
