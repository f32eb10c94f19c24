#include "run/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct sl_signals {
    void (*handler)(void *self, int times);
    void *self;
    pthread_t thread;
    int times; // read after the thread has ended
    sigset_t before;
};

static sigset_t caught(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR2); // our own: the end
    return set;
}

static void *listen_on(void *argument)
{
    struct sl_signals *signals = argument;
    sigset_t set = caught();
    int signal_number;
    while (sigwait(&set, &signal_number) == 0 && signal_number != SIGUSR2)
        signals->handler(signals->self, ++signals->times);
    return NULL;
}

int sl_signals_catch(void (*handler)(void *self, int times), void *self, struct sl_signals **ret,
                     struct sl_err *err)
{
    struct sl_signals *signals = calloc(1, sizeof *signals);
    SL_TRY_NEW(signals, err);
    sigset_t set = caught();
    signals->handler = handler;
    signals->self = self;
    pthread_sigmask(SIG_BLOCK, &set, &signals->before);
    if (pthread_create(&signals->thread, NULL, listen_on, signals) != 0) {
        pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
        free(signals);
        return sl_fail(err, SL_E_MEMORY, "cannot start a thread");
    }
    *ret = signals;
    return SL_OK;
}

void sl_signals_release(struct sl_signals **signals)
{
    if (!*signals)
        return;
    pthread_kill((*signals)->thread, SIGUSR2);
    pthread_join((*signals)->thread, NULL);
    if ((*signals)->times > 0) { // the run is over: one more Ctrl-C must not cut off its report
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
    }
    pthread_sigmask(SIG_SETMASK, &(*signals)->before, NULL);
    free(*signals);
    *signals = NULL;
}
