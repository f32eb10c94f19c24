// The fault build's counter of durable operations.
#include "base/fs.h"

#ifdef SL_FAULT

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_llong operation_count;

static void write_count(void)
{
    const char *path = getenv("SLUICE_FAULT_COUNT");
    FILE *file = path ? fopen(path, "we") : NULL;

    if (!file)
        return;
    fprintf(file, "%lld\n", atomic_load(&operation_count));
    fclose(file);
}

// "3" or "3:ENOSPC": true if it is the turn of operation `number`; *ret_errnum is EIO if nothing is
// named.
static bool is_turn(const char *setting, long long number, int *ret_errnum)
{
    const char *name = setting ? strchr(setting, ':') : NULL;

    *ret_errnum = EIO;
    if (name && strcmp(name, ":ENOSPC") == 0)
        *ret_errnum = ENOSPC;
    if (name && strcmp(name, ":EACCES") == 0)
        *ret_errnum = EACCES;
    return setting && strtoll(setting, NULL, 10) == number;
}

int sl_fault_point(const char *operation, struct sl_err *err)
{
    long long number = atomic_fetch_add(&operation_count, 1) + 1;
    int errnum;

    if (number == 1)
        atexit(write_count);
    if (is_turn(getenv("SLUICE_FAULT_KILL"), number, &errnum))
        kill(getpid(), SIGKILL);
    if (is_turn(getenv("SLUICE_FAULT_FAIL"), number, &errnum))
        return sl_fail_errno(err, errnum, "injected failure of operation %lld (%s)", number,
                             operation);
    return SL_OK;
}

#endif
