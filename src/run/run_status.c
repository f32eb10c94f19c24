#include "run/run_status.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIELDS_TO_START 20 // of /proc/PID/stat, from the state on: proc_pid_stat(5)
#define SLACK_US ((int64_t)2000000)

struct process {
    char name[64];
    char state;
    int64_t began_us; // by the clock of now; 0: not known
};

static int64_t boot_us(void)
{
    struct timespec since_boot;
    return clock_gettime(CLOCK_BOOTTIME, &since_boot) == 0
               ? sl_clock_now_us() - since_boot.tv_sec * 1000000 - since_boot.tv_nsec / 1000
               : 0;
}

// "1234 (name) S 1 ...": the name may hold anything.
static bool look(int64_t pid, struct process *ret)
{
    char path[64], text[1024] = "";
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "re");
    bool is_read = file && fgets(text, sizeof text, file);
    if (file)
        fclose(file);
    char *name = strchr(text, '('), *end = strrchr(text, ')');
    if (!is_read || !name || !end || end[1] != ' ')
        return false;
    *ret = (struct process){.state = end[2]};
    snprintf(ret->name, sizeof ret->name, "%.*s", (int)(end - name - 1), name + 1);
    const char *at = end + 2;
    for (int i = 1; at && i < FIELDS_TO_START; i++) {
        at = strchr(at, ' ');
        at += at != NULL;
    }
    long ticks = sysconf(_SC_CLK_TCK);
    int64_t boot = boot_us();
    if (at && ticks > 0 && boot)
        ret->began_us = boot + strtoll(at, NULL, 10) * 1000000 / ticks;
    return true;
}

// Nobody has waited for it yet; or its number is another program's by now, which began after the
// run did. A clock that was set forward meanwhile makes processes younger: the name has to differ,
// too.
static bool is_another(int64_t pid, int64_t since_us)
{
    struct process process, self;
    if (!look(pid, &process))
        return false;
    if (process.state == 'Z' || process.state == 'X')
        return true;
    return look(getpid(), &self) && process.began_us > since_us + SLACK_US &&
           strcmp(process.name, self.name) != 0;
}

const char *sl_run_status(const struct sl_run_row *run)
{
    char host[256] = "";
    if (run->ended_us || !sl_str_equal(run->status, "running"))
        return run->status;
    (void)gethostname(host, sizeof host - 1);
    bool is_here = run->pid > 0 && (!run->host || strcmp(run->host, host) == 0);
    bool is_gone = is_here && ((kill((pid_t)run->pid, 0) != 0 && errno == ESRCH) ||
                               is_another(run->pid, run->started_us));
    return is_gone || (!is_here && run->is_unheld) ? "killed" : run->status;
}
