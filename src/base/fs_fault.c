// Durable operations, counted where someone wants to know what becomes of each.
#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// --- crashtest

struct page {
    char token[37];
    atomic_llong kill_at, count;
    char operation[32];
};
struct sl_crash {
    struct page *page;
    int fd;
};

static struct page *armed; // set before there are threads
static pid_t controller;   // the process that armed it

// All of the program at once: a step runs in a process of its own, and the others die with the
// controller.
static void kill_all(void)
{
    if (controller && controller != getpid())
        kill(controller, SIGKILL);
    kill(getpid(), SIGKILL);
}

int sl_crash_new(struct sl_crash **ret, struct sl_err *err)
{
    SL_AUTO(sl_crash_free) struct sl_crash *crash = calloc(1, sizeof *crash);
    SL_TRY_NEW(crash, err);
    crash->fd = memfd_create("sluice-crashtest", MFD_CLOEXEC);
    if (crash->fd < 0 || ftruncate(crash->fd, sizeof *crash->page) != 0)
        return sl_fail_errno(err, errno, "cannot make memory to share");
    void *at = mmap(NULL, sizeof *crash->page, PROT_READ | PROT_WRITE, MAP_SHARED, crash->fd, 0);
    if (at == MAP_FAILED)
        return sl_fail_errno(err, errno, "cannot map memory to share");
    crash->page = at;
    (void)sl_uuid(crash->page->token);
    *ret = crash;
    crash = NULL;
    return SL_OK;
}

void sl_crash_free(struct sl_crash **crash)
{
    if (!crash || !*crash)
        return;
    if ((*crash)->page)
        (void)munmap((*crash)->page, sizeof *(*crash)->page);
    if ((*crash)->fd >= 0)
        close((*crash)->fd);
    free(*crash);
    *crash = NULL;
}

void sl_crash_set(struct sl_crash *crash, int64_t kill_at)
{
    atomic_store(&crash->page->count, 0);
    atomic_store(&crash->page->kill_at, kill_at);
    crash->page->operation[0] = '\0';
}

int64_t sl_crash_count(const struct sl_crash *crash)
{
    return atomic_load(&crash->page->count);
}

const char *sl_crash_operation(const struct sl_crash *crash)
{
    return crash->page->operation;
}

int sl_crash_fd(const struct sl_crash *crash)
{
    return crash->fd;
}

void sl_crash_setting(const struct sl_crash *crash, char ret[64])
{
    snprintf(ret, 64, "%d:%s", crash->fd, crash->page->token);
}

void sl_crash_arm(const char *setting)
{
    struct stat stat;
    char *token = NULL;
    long fd = setting ? strtol(setting, &token, 10) : -1;
    if (fd < 3 || fd > INT32_MAX || !token || *token != ':' || fstat((int)fd, &stat) != 0 ||
        !S_ISREG(stat.st_mode) || stat.st_size != (off_t)sizeof *armed)
        return;
    void *at = mmap(NULL, sizeof *armed, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    if (at == MAP_FAILED)
        return;
    struct page *page = at;
    if (strnlen(page->token, sizeof page->token) == sizeof page->token - 1 &&
        strcmp(page->token, token + 1) == 0)
        armed = page;
    else
        (void)munmap(at, sizeof *armed);
}

static void crash_point(const char *operation)
{
    long long number = atomic_fetch_add(&armed->count, 1) + 1;
    if (number != atomic_load(&armed->kill_at))
        return;
    // Of all threads one comes to this number, so that one writes.
    snprintf(armed->operation, sizeof armed->operation, "%s", operation);
    kill_all();
}

// --- the fault build

#ifdef SL_FAULT

static atomic_llong own_count;
static atomic_llong *operation_count = &own_count; // of all processes, once it is armed

static void write_count(void)
{
    const char *path = getenv("SLUICE_FAULT_COUNT");
    FILE *file = path && getpid() == controller ? fopen(path, "we") : NULL;

    if (!file)
        return;
    fprintf(file, "%lld\n", atomic_load(operation_count));
    fclose(file);
}

static bool is_stopped(pid_t pid)
{
    char path[32], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    bool is_read = file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1;
    if (file)
        fclose(file);
    return is_read && state == 'T';
}

// Who started the program sees it stopped, and lets it go on.
static void stop_all(void)
{
    if (!controller || controller == getpid()) {
        kill(getpid(), SIGSTOP);
        return;
    }
    kill(controller, SIGSTOP);
    do
        usleep(2000);
    while (is_stopped(controller));
}

// "3", "3:ENOSPC", or "3+" for all from there on: true if it is the turn of operation `number`;
// *ret_errnum is EIO if nothing is named.
static bool is_turn(const char *setting, long long number, int *ret_errnum)
{
    const char *name = setting ? strchr(setting, ':') : NULL;

    *ret_errnum = EIO;
    if (name && strcmp(name, ":ENOSPC") == 0)
        *ret_errnum = ENOSPC;
    if (name && strcmp(name, ":EACCES") == 0)
        *ret_errnum = EACCES;
    if (!setting)
        return false;
    char *end;
    long long turn = strtoll(setting, &end, 10);
    return *end == '+' ? number >= turn : number == turn;
}

static void kill_worker(const char *operation, long long number)
{
    fprintf(stderr, "killed at operation %lld (%s)\n", number, operation);
    kill(getpid(), SIGKILL);
}

static int fault_point(const char *operation, struct sl_err *err)
{
    long long number = atomic_fetch_add(operation_count, 1) + 1;
    int errnum;

    if (is_turn(getenv("SLUICE_FAULT_KILL"), number, &errnum))
        kill_all();
    if (is_turn(getenv("SLUICE_FAULT_KILL_WORKER"), number, &errnum) && controller &&
        controller != getpid())
        kill_worker(operation, number);
    if (is_turn(getenv("SLUICE_FAULT_STOP"), number, &errnum))
        stop_all();
    if (is_turn(getenv("SLUICE_FAULT_FAIL"), number, &errnum))
        return sl_fail_errno(err, errnum, "injected failure of operation %lld (%s)", number,
                             operation);
    return SL_OK;
}

#endif

void sl_fault_arm(void)
{
    controller = getpid();
#ifdef SL_FAULT
    void *at = mmap(NULL, sizeof *operation_count, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED)
        operation_count = at;
    atexit(write_count);
#endif
}

int sl_fault_point(const char *operation, struct sl_err *err)
{
    if (armed)
        crash_point(operation);
#ifdef SL_FAULT
    return fault_point(operation, err);
#else
    (void)err;
    return SL_OK;
#endif
}
