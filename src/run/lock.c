#include "run/lock.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LOCK_MAX_BYTES 256
#define PAUSE_NS 20000000
#define MOST_PAUSES 500

#define OF_SERVICE " service"

// "1234 2026-01-31T12:00:00.000000Z", and who it is if it is no command. For people only: who holds
// the lock is what flock() says.
static void sign(int fd, const char *who)
{
    char time[32], text[64];
    int length = snprintf(text, sizeof text, "%d %s%s\n", getpid(),
                          sl_clock_format(sl_clock_now_us(), time), who);
    if (ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, text, (size_t)length, 0);
}

static int explain(const char *path, struct sl_arena *arena, struct sl_err *err)
{
    const char *text = "";
    size_t length;
    int64_t pid = 0;
    if (sl_fs_read(path, LOCK_MAX_BYTES, arena, &text, &length, NULL) != SL_OK)
        text = "";
    size_t digits = strspn(text, "0123456789");
    const char *number = sl_arena_strndup(arena, text, digits);
    bool is_signed = number && sl_str_to_int64(number, &pid) && text[digits] == ' ';
    sl_err_clear(err);
    if (is_signed && strstr(text, OF_SERVICE)) {
        (void)sl_fail(err, SL_E_LOCKED,
                      "a run of the service works on this project: process %lld, since %.19sZ",
                      (long long)pid, text + digits + 1);
        return sl_err_hint(err, "`sluice trigger PIPELINE` has the service run it beside that one; "
                                "`sluice status` shows the service's runs, also those that wait "
                                "for a person, `sluice cancel RUN` ends one");
    }
    if (is_signed)
        (void)sl_fail(err, SL_E_LOCKED,
                      "another run works on this project: process %lld, since %.19sZ",
                      (long long)pid, text + digits + 1);
    else
        (void)sl_fail(err, SL_E_LOCKED, "another run works on this project");
    return sl_err_hint(err,
                       "wait for it, or end it with Ctrl-C or `kill -INT %s`; `sluice status` "
                       "shows what it does",
                       is_signed ? number : "PID");
}

// Workers hold the lock, too: those of a controller that was killed until the kernel has taken away
// all that they had.
static bool is_of_the_dead(const char *path)
{
    char text[LOCK_MAX_BYTES] = "";
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(text, sizeof text, file);
    long pid = is_read ? strtol(text, NULL, 10) : 0;
    if (file)
        fclose(file);
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

int sl_lock_take(const char *path, int *ret_fd, struct sl_err *err)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    int code = sl_fs_lock(path, false, ret_fd, err);
    for (int i = 0; code == SL_E_LOCKED && i < MOST_PAUSES && is_of_the_dead(path); i++) {
        nanosleep(&pause, NULL);
        sl_err_clear(err);
        code = sl_fs_lock(path, false, ret_fd, err);
    }
    if (code == SL_OK)
        sign(*ret_fd, "");
    return code;
}

int sl_run_lock(const char *state_folder, int *ret_fd, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, state_folder, "run.lock");
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(state_folder, err));
    int code = sl_lock_take(path, ret_fd, err);
    return code == SL_E_LOCKED ? explain(path, &arena, err) : code;
}

int sl_run_lock_open(const char *state_folder, int *ret_fd, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, state_folder, "run.lock");
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(state_folder, err));
    *ret_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    return *ret_fd < 0 ? sl_fail_errno(err, errno, "cannot open '%s'", path) : SL_OK;
}

bool sl_run_lock_take(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return false;
    sign(fd, OF_SERVICE);
    return true;
}

void sl_run_lock_give_back(int fd)
{
    (void)flock(fd, LOCK_UN);
}
