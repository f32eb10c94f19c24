// The command of ${exec:...}: run by the shell in the project's folder, its output read through a
// pipe.
#include "spec/load.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define MOST_BYTES ((size_t)64 << 10)
#define TIMEOUT_MS 30000

extern char **environ;

// A process group of its own, so that a command that hangs is ended with its children.
static int spawn_shell(const char *command, const char *folder, int output, pid_t *ret)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failure;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    failure = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failure)
        failure = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!failure) // its messages may hold the secret, which nobody knows yet
        failure =
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!failure)
        failure = posix_spawn_file_actions_addchdir_np(&actions, folder);
    if (!failure)
        failure = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (!failure)
        failure = posix_spawn(ret, "/bin/sh", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}

// Everything up to the end of the pipe. False on too much of it, a NUL byte, or a timeout.
static bool read_output(int fd, struct sl_buf *out, const char **ret_why)
{
    int64_t deadline_us = sl_clock_monotonic_us() + (int64_t)TIMEOUT_MS * 1000;
    char part[4096];

    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int64_t left_ms = (deadline_us - sl_clock_monotonic_us()) / 1000;
        ssize_t count;

        *ret_why = "did not end within 30 seconds";
        if (left_ms <= 0 || (poll(&poll_fd, 1, (int)left_ms) == 0))
            return false;
        count = read(fd, part, sizeof part);
        if (count < 0 && errno != EINTR && errno != EAGAIN) {
            *ret_why = "cannot be read from";
            return false;
        }
        if (count == 0)
            return true;
        if (count < 0)
            continue;
        *ret_why =
            memchr(part, '\0', (size_t)count) ? "printed a NUL byte" : "printed more than 64 KiB";
        if (memchr(part, '\0', (size_t)count) || out->length + (size_t)count > MOST_BYTES)
            return false;
        sl_buf_add_bytes(out, part, (size_t)count);
    }
}

static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

// Never shows what the command printed: it may be a part of the secret.
static int run(pid_t pid, int fd, const char *command, struct sl_buf *out, struct sl_err *err)
{
    const char *why = NULL;
    bool is_whole = read_output(fd, out, &why);
    int status;

    if (!is_whole)
        (void)kill(-pid, SIGKILL);
    status = wait_for(pid);
    if (!is_whole)
        return sl_fail(err, SL_E_SECRET_MISSING, "command '%s' %s", command, why);
    if (WIFSIGNALED(status))
        return sl_fail(err, SL_E_SECRET_MISSING, "command '%s' was ended by signal %d", command,
                       WTERMSIG(status));
    if (WEXITSTATUS(status) != 0) {
        (void)sl_fail(err, SL_E_SECRET_MISSING, "command '%s' ended with code %d", command,
                      WEXITSTATUS(status));
        return sl_err_hint(err, "it runs by sh in the folder of sluice.yml; its messages may hold "
                                "secrets and are not shown: run it there to see them");
    }
    return sl_buf_check(out, err);
}

int sl_secrets_run(const char *command, const char *folder, struct sl_arena *arena,
                   const char **ret, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf out = SL_BUF_INIT;
    SL_AUTO(sl_fd_close) int read_fd = -1;
    SL_AUTO(sl_fd_close) int write_fd = -1;
    int fds[2];
    pid_t pid = -1;
    int failure;
    size_t length;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "open a pipe");
    read_fd = fds[0];
    write_fd = fds[1];
    failure = spawn_shell(command, folder, write_fd, &pid);
    if (failure)
        return sl_fail_errno(err, failure, "start command '%s'", command);
    sl_fd_close(&write_fd);
    SL_TRY(run(pid, read_fd, command, &out, err));
    length = out.length;
    while (length > 0 && (out.text[length - 1] == '\n' || out.text[length - 1] == '\r'))
        length--;
    *ret = sl_arena_strndup(arena, out.text, length);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}
