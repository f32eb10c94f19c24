#include "run/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
#define CAUGHT_COUNT (sizeof caught / sizeof *caught)

struct sl_signals {
    void (*handler)(void *self, int times);
    void *self;
    pthread_t thread;
    int read_fd, write_fd;
    int times; // read after the thread has ended
    struct sigaction before[CAUGHT_COUNT];
};

// A handler is given nothing but the number, and may run on any thread, the engine's included: the
// one place where it can find the pipe.
static atomic_int pipe_fd = -1;

static void pass_on(int number)
{
    int before = errno;
    unsigned char byte = (unsigned char)number;
    (void)!write(atomic_load(&pipe_fd), &byte, 1);
    errno = before;
}

static void *listen_on(void *argument)
{
    struct sl_signals *signals = argument;
    unsigned char byte;
    ssize_t length;
    while ((length = read(signals->read_fd, &byte, 1)) == 1 || (length < 0 && errno == EINTR))
        if (length == 1)
            signals->handler(signals->self, ++signals->times);
    return NULL;
}

static int open_pipe(struct sl_signals *signals, struct sl_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return sl_fail_errno(err, errno, "make a pipe");
    signals->read_fd = ends[0];
    signals->write_fd = ends[1];
    if (pthread_create(&signals->thread, NULL, listen_on, signals) == 0)
        return SL_OK;
    close(ends[0]);
    close(ends[1]);
    return sl_fail(err, SL_E_MEMORY, "cannot start a thread");
}

int sl_signals_catch(void (*handler)(void *self, int times), void *self, struct sl_signals **ret,
                     struct sl_err *err)
{
    struct sl_signals *signals = calloc(1, sizeof *signals);
    SL_TRY_NEW(signals, err);
    signals->handler = handler;
    signals->self = self;
    if (open_pipe(signals, err) != SL_OK) {
        free(signals);
        return err->code;
    }
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    atomic_store(&pipe_fd, signals->write_fd);
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        sigaction(caught[i], &action, &signals->before[i]);
    *ret = signals;
    return SL_OK;
}

void sl_signals_release(struct sl_signals **signals)
{
    struct sl_signals *old = *signals;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (!old)
        return;
    // First no more signals, then no more pipe: its end is what the thread waits for.
    for (size_t i = 0; i < CAUGHT_COUNT; i++)
        sigaction(caught[i], &ignore, NULL);
    atomic_store(&pipe_fd, -1);
    close(old->write_fd);
    pthread_join(old->thread, NULL);
    close(old->read_fd);
    // After an interrupted run they stay ignored: one more Ctrl-C must not cut off its report.
    for (size_t i = 0; i < CAUGHT_COUNT && old->times == 0; i++)
        sigaction(caught[i], &old->before[i], NULL);
    free(old);
    *signals = NULL;
}
