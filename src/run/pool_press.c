// What a pool does to workers at work.
#include "run/pool_inner.h"

#include "base/clock.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_PROCESSES 1000
#define MOST_DEPTH 32
#define BELOW_US 1000000

// --- one

static struct sl_member *member_at(const struct sl_pool *pool, size_t job)
{
    for (size_t i = 0; i < pool->options.size; i++)
        if (pool->members[i].is_busy && pool->members[i].job == job)
            return &pool->members[i];
    return NULL;
}

static void interrupt(struct sl_member *member)
{
    SL_AUTO(sl_json_free) json_t *message = json_pack("{s:b}", "interrupt", 1);
    struct sl_err ignored = {0};
    atomic_store(&member->seat->is_aborted, true);
    if (!member->interrupted_us)
        member->interrupted_us = sl_clock_monotonic_us();
    if (message && member->is_busy)
        (void)!sl_message_send(member->fd, message,
                               sl_worker_message_max(&member->pool->options.worker), &ignored);
}

void sl_pool_drain_job(struct sl_pool *pool, size_t job)
{
    struct sl_member *member = member_at(pool, job);
    if (member)
        atomic_store(&member->seat->is_draining, true);
}

void sl_pool_stop(struct sl_pool *pool, size_t job)
{
    struct sl_member *member = member_at(pool, job);
    if (member)
        interrupt(member);
}

static void kill_job(struct sl_pool *pool, size_t job, enum sl_kill why)
{
    struct sl_member *member = member_at(pool, job);
    if (member)
        sl_member_kill(member, why);
}

void sl_pool_kill_job(struct sl_pool *pool, size_t job)
{
    kill_job(pool, job, SL_KILL_LATE);
}

void sl_pool_cut_off(struct sl_pool *pool, size_t job)
{
    kill_job(pool, job, SL_KILL_CUT_OFF);
}

// What it holds now; 0 if nobody knows.
static int64_t resident_bytes(pid_t pid)
{
    char path[64];
    long long total, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lld %lld", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

// Its share of what it has in common with others; what it holds if nobody knows.
static int64_t share_bytes(pid_t pid)
{
    char path[64], line[128];
    long long kilobytes = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && kilobytes < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "Pss: %lld kB", &kilobytes) != 1)
            kilobytes = -1;
    if (file)
        fclose(file);
    return kilobytes < 0 ? resident_bytes(pid) : kilobytes * 1024;
}

struct weighing {
    int64_t (*bytes_of)(pid_t pid);
    int64_t bytes;
    size_t left; // processes to be looked at
};

// Adds what is below a process: children of any of its threads. Its own child is the program's
// guard (step/program.c), whose pages are the worker's.
static void weigh_below(pid_t pid, int depth, struct weighing *weighing)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = depth < MOST_DEPTH ? opendir(path) : NULL;
    for (struct dirent *thread; threads && (thread = readdir(threads));) {
        int child;
        if (*thread->d_name == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread->d_name);
        FILE *file = fopen(path, "re");
        while (file && weighing->left && fscanf(file, "%d", &child) == 1) {
            weighing->left--;
            weighing->bytes += depth ? weighing->bytes_of(child) : 0;
            weigh_below(child, depth + 1, weighing);
        }
        if (file)
            fclose(file);
    }
    if (threads)
        closedir(threads);
}

static int64_t below_bytes(pid_t worker, int64_t (*bytes_of)(pid_t pid))
{
    struct weighing weighing = {.bytes_of = bytes_of, .left = MOST_PROCESSES};
    weigh_below(worker, 0, &weighing);
    return weighing.bytes;
}

void sl_pool_weigh(const struct sl_pool *pool, size_t *ret_workers, int64_t *ret_bytes)
{
    *ret_workers = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < pool->options.size; i++) {
        if (!pool->members[i].pid)
            continue;
        (*ret_workers)++;
        *ret_bytes += resident_bytes(pool->members[i].pid) + pool->members[i].below_bytes;
    }
}

// The program of a task is looked at less often: it may be many processes. What they share counts
// once, which is dearer to ask for.
static void look_below(struct sl_member *member, int64_t most_bytes)
{
    int64_t now_us = sl_clock_monotonic_us();
    if (now_us - member->below_us < BELOW_US)
        return;
    member->below_us = now_us;
    member->below_bytes = below_bytes(member->pid, resident_bytes);
    if (member->below_bytes && resident_bytes(member->pid) + member->below_bytes > most_bytes)
        member->below_bytes = below_bytes(member->pid, share_bytes);
}

static void limit_memory(struct sl_member *member, int64_t most_bytes)
{
    look_below(member, most_bytes);
    int64_t held_bytes = resident_bytes(member->pid) + member->below_bytes;
    if (held_bytes <= most_bytes)
        return;
    member->held_bytes = held_bytes;
    sl_member_kill(member, SL_KILL_TOO_LARGE);
}

void sl_pool_limit_memory(struct sl_pool *pool, int64_t most_bytes)
{
    pool->most_bytes = most_bytes;
    for (size_t i = 0; i < pool->options.size; i++)
        if (pool->members[i].is_busy)
            limit_memory(&pool->members[i], most_bytes);
}

// As a stop that nobody has asked for yet; one by a debugger is none.
static bool is_at_rest(const struct sl_member *member)
{
    siginfo_t found = {0};
    return waitid(P_PID, (id_t)member->pid, &found, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           found.si_pid == member->pid;
}

static void press(struct sl_member *member, int64_t now_us)
{
    const struct sl_pool *pool = member->pool;
    int64_t patience_us = sl_pool_patience_us(pool);
    if (!is_at_rest(member))
        member->stopped_since_us = 0;
    else if (!member->stopped_since_us)
        member->stopped_since_us = now_us;
    if (member->stopped_since_us && now_us - member->stopped_since_us > patience_us)
        sl_member_kill(member, SL_KILL_STOPPED);
    else if (member->interrupted_us && now_us - member->interrupted_us > patience_us)
        sl_member_kill(member, SL_KILL_DEAF);
}

void sl_pool_press(struct sl_pool *pool, size_t job)
{
    struct sl_member *member = member_at(pool, job);
    if (member)
        press(member, sl_clock_monotonic_us());
}

void sl_pool_interrupt(struct sl_pool *pool, int times)
{
    for (size_t i = 0; i < pool->options.size; i++) {
        struct sl_member *member = &pool->members[i];
        if (!member->is_busy)
            continue;
        atomic_store(&member->seat->is_draining, true);
        if (times > 1)
            interrupt(member);
        if (times > 2)
            sl_member_kill(member, SL_KILL_CUT_OFF);
    }
}

void sl_pool_press_all(struct sl_pool *pool)
{
    int64_t now_us = sl_clock_monotonic_us();
    for (size_t i = 0; i < pool->options.size; i++)
        if (pool->members[i].is_busy)
            press(&pool->members[i], now_us);
}

void sl_pool_share(struct sl_pool *pool, size_t parts)
{
    for (size_t i = 0; i < pool->options.size; i++)
        atomic_store(&pool->members[i].seat->parts, (int64_t)parts);
}
