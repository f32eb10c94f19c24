#include "cli/watch.h"

#include <time.h>

#define FIRST_MS 1000 // what is over sooner needs no words
#define EACH_MS 200
#define CLEAR_LINE "\r\033[K"

static struct timespec after(int64_t ms)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t ns = time.tv_nsec + ms % 1000 * 1000000;
    time.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    time.tv_nsec = (long)(ns % 1000000000);
    return time;
}

static void say(const struct sl_watch *watch)
{
    uint64_t rows = 0;
    char count[64];
    double share = watch->session->kind->progress(watch->session, &rows);
    fprintf(stderr, CLEAR_LINE "%s", watch->what);
    if (share >= 0 && share <= 1)
        fprintf(stderr, " %.0f %%", share * 100);
    if (rows > 0)
        fprintf(stderr, ", %s read", sl_count_of((int64_t)rows, "row", count));
    (void)fflush(stderr);
}

static void *run(void *self)
{
    struct sl_watch *watch = self;
    bool has_spoken = false;
    pthread_mutex_lock(&watch->lock);
    while (!watch->is_over) {
        const struct timespec deadline = after(has_spoken ? EACH_MS : FIRST_MS);
        int code = pthread_cond_timedwait(&watch->ended, &watch->lock, &deadline);
        if (code == 0 || watch->is_over)
            continue; // or it woke for no reason
        say(watch);
        has_spoken = true;
    }
    pthread_mutex_unlock(&watch->lock);
    if (has_spoken)
        fputs(CLEAR_LINE, stderr);
    return NULL;
}

void sl_watch_begin(struct sl_watch *watch, const struct sl_common *common,
                    struct sl_session *session, const char *what)
{
    pthread_condattr_t attributes;
    *watch = (struct sl_watch){.session = session, .what = what};
    if (!sl_is_terminal(stderr) || common->is_quiet || common->log_format != 0)
        return;
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    watch->is_running = pthread_create(&watch->thread, NULL, run, watch) == 0;
}

void sl_watch_end(struct sl_watch *watch)
{
    if (!watch->is_running)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->is_over = true;
    pthread_cond_signal(&watch->ended);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->ended);
    pthread_mutex_destroy(&watch->lock);
    watch->is_running = false;
}
