#include "run/lock.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCK_MAX_BYTES 256

// "1234 2026-01-31T12:00:00.000000Z". For people only: who holds the lock is what flock() says.
static void sign(int fd)
{
    char time[32], text[64];
    int length =
        snprintf(text, sizeof text, "%d %s\n", getpid(), sl_clock_format(sl_clock_now_us(), time));
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

int sl_run_lock(const char *state_folder, int *ret_fd, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *path = sl_path_join(&arena, state_folder, "run.lock");
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(state_folder, err));
    if (sl_fs_lock(path, false, ret_fd, err) != SL_OK)
        return err->code == SL_E_LOCKED ? explain(path, &arena, err) : (int)err->code;
    sign(*ret_fd);
    return SL_OK;
}
