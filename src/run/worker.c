#include "run/worker.h"

#include "base/log.h"
#include "run/socket.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WATCH_MS 100
#define MESSAGE_MAX_BYTES ((size_t)256 << 20)

struct sl_worker {
    int fd;
    struct sl_seat *seat;
    const struct sl_worker_kind *kind;
    pthread_mutex_t lock;
    pthread_cond_t has_news;
    json_t *request; // to be done
    bool is_busy, has_ended;
    struct sl_session *session; // at work
};

// --- messages

size_t sl_worker_message_max(const struct sl_worker_kind *kind)
{
    return kind->message_max_bytes ? kind->message_max_bytes : MESSAGE_MAX_BYTES;
}

int sl_message_send(int fd, const json_t *message, size_t max_bytes, struct sl_err *err)
{
    char *text = NULL;
    int code = SL_OK;
    SL_TRY(sl_json_print(message, &text, err));
    size_t length = strlen(text);
    uint32_t head = (uint32_t)length;
    if (length > max_bytes)
        code =
            sl_fail(err, SL_E_INTERNAL, "a message of %zu bytes, %zu at most", length, max_bytes);
    else if (!sl_socket_send_both(fd, &head, sizeof head, text, length))
        code = sl_fail_errno(err, errno, "cannot write to another process of this program");
    free(text);
    return code;
}

static json_t *receive(int fd, size_t max_bytes)
{
    uint32_t length;
    json_t *message = NULL;
    struct sl_err ignored = {0};
    if (!sl_socket_receive(fd, &length, sizeof length) || length > max_bytes)
        return NULL;
    char *text = malloc((size_t)length + 1);
    if (text && sl_socket_receive(fd, text, length))
        (void)!sl_json_parse(text, length, "a message", &message, &ignored);
    free(text);
    return message;
}

// --- the thread that listens

static void look_at_engine(struct sl_worker *worker)
{
    uint64_t rows = 0;
    pthread_mutex_lock(&worker->lock);
    // Whichever statement runs now: the message may have come between two.
    if (worker->session && atomic_load(&worker->seat->is_aborted))
        worker->session->kind->interrupt(worker->session);
    double share = worker->session ? worker->session->kind->progress(worker->session, &rows) : -1;
    pthread_mutex_unlock(&worker->lock);
    atomic_store(&worker->seat->engine_permille, share < 0 ? -1 : (int64_t)(share * 1000));
    atomic_store(&worker->seat->engine_rows, rows < INT64_MAX ? (int64_t)rows : 0);
}

static void take(struct sl_worker *worker, json_t *message)
{
    if (json_object_get(message, "interrupt")) {
        pthread_mutex_lock(&worker->lock);
        if (worker->session)
            worker->session->kind->interrupt(worker->session);
        pthread_mutex_unlock(&worker->lock);
        json_decref(message);
        return;
    }
    pthread_mutex_lock(&worker->lock);
    worker->request = message;
    worker->is_busy = true;
    pthread_cond_signal(&worker->has_news);
    pthread_mutex_unlock(&worker->lock);
}

static void *listen_on(void *argument)
{
    struct sl_worker *worker = argument;
    for (;;) {
        struct pollfd poller = {.fd = worker->fd, .events = POLLIN};
        pthread_mutex_lock(&worker->lock);
        bool is_busy = worker->is_busy;
        pthread_mutex_unlock(&worker->lock);
        int ready = poll(&poller, 1, is_busy ? WATCH_MS : -1);
        if (ready == 0) {
            look_at_engine(worker);
            worker->kind->adjust(worker->kind->self, worker->seat);
        }
        if (ready <= 0)
            continue;
        json_t *message = receive(worker->fd, sl_worker_message_max(worker->kind));
        if (!message)
            break;
        take(worker, message);
    }
    pthread_mutex_lock(&worker->lock);
    // Nobody is left to hear of the job: what it has not committed is no harm.
    if (worker->is_busy)
        _exit(1);
    worker->has_ended = true;
    pthread_cond_signal(&worker->has_news);
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

// --- the thread that works

static json_t *next_request(struct sl_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    while (!worker->request && !worker->has_ended)
        pthread_cond_wait(&worker->has_news, &worker->lock);
    json_t *request = worker->request;
    worker->request = NULL;
    pthread_mutex_unlock(&worker->lock);
    return request;
}

#ifdef SL_FAULT
#define NOISE_BYTES 300000
// SLUICE_FAULT_WORKER="bytes:/file", "object:/file" or "noise:/file": the worker that takes the
// file away sends bytes that are no reply, an object that is none, or says a lot that is no text.
static bool misbehave(const struct sl_worker *worker)
{
    const char *setting = getenv("SLUICE_FAULT_WORKER");
    const char *file = setting ? strchr(setting, ':') : NULL;
    char noise[NOISE_BYTES];
    if (!file || unlink(file + 1) != 0)
        return false;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 7919 >> 3);
    if (strncmp(setting, "noise:", 6) == 0)
        return fwrite(noise, 1, sizeof noise, stderr) == 0;
    if (strncmp(setting, "object:", 7) == 0)
        memcpy(noise, "\x0d\0\0\0{\"rows\": \"x\"}", 17);
    return sl_socket_send(worker->fd, noise, strncmp(setting, "object:", 7) == 0 ? 17 : 64);
}
#else
static bool misbehave(const struct sl_worker *worker)
{
    (void)worker;
    return false;
}
#endif

static int answer(struct sl_worker *worker, const json_t *request, bool *ret_is_last)
{
    struct sl_err err = {0};
    json_t *reply = NULL;
    worker->kind->work(worker->kind->self, worker, request, &reply);
    *ret_is_last = worker->kind->is_spent && worker->kind->is_spent(worker->kind->self);
    if (*ret_is_last && reply && json_object_set_new(reply, SL_LAST_REPLY, json_true()) == 0)
        worker->kind->end(worker->kind->self); // nobody waits for it afterwards
    else
        *ret_is_last = false;
    // Before the reply: what comes after it belongs to the next job.
    pthread_mutex_lock(&worker->lock);
    worker->is_busy = false;
    pthread_mutex_unlock(&worker->lock);
    if (reply && json_object_set_new(reply, SL_REPLY, json_true()) != 0) {
        json_decref(reply);
        reply = NULL;
    }
    if (misbehave(worker)) {
        json_decref(reply);
        return SL_OK;
    }
    size_t max_bytes = sl_worker_message_max(worker->kind);
    int code = reply ? sl_message_send(worker->fd, reply, max_bytes, &err) : sl_fail_memory(&err);
    json_decref(reply);
    if (code != SL_OK) // the last words, which the controller reads
        fprintf(stderr, "cannot reply: %s\n", err.message);
    return code;
}

int sl_worker_run(int fd, struct sl_seat *seat, const struct sl_worker_kind *kind)
{
    struct sl_worker worker = {.fd = fd, .seat = seat, .kind = kind};
    pthread_t listener;
    json_t *request;
    int code = 0;
    bool is_last = false;
    pthread_mutex_init(&worker.lock, NULL);
    pthread_cond_init(&worker.has_news, NULL);
    if (pthread_create(&listener, NULL, listen_on, &worker) != 0)
        return 1;
    while (code == 0 && !is_last && (request = next_request(&worker)) != NULL) {
        code = answer(&worker, request, &is_last) == SL_OK ? 0 : 1;
        json_decref(request);
    }
    if (code || is_last)
        _exit(code);
    pthread_join(listener, NULL);
    pthread_cond_destroy(&worker.has_news);
    pthread_mutex_destroy(&worker.lock);
    kind->end(kind->self);
    close(fd);
    return code;
}

// The controller alone decides what a Ctrl-C means.
static void reset_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
    sigset_t none;
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void sl_worker_begin(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    reset_signals();
}

void sl_worker_tell_crash(int signal)
{
    if (signal && signal != SIGKILL)
        sl_log(SL_LOG_WARN, NULL,
               "a worker process with nothing to do was ended by signal %d (%s): no step was lost",
               signal, strsignal(signal));
}

struct sl_seat *sl_worker_seat(struct sl_worker *worker)
{
    return worker->seat;
}

void sl_worker_watch(struct sl_worker *worker, struct sl_session *session)
{
    pthread_mutex_lock(&worker->lock);
    worker->session = session;
    pthread_mutex_unlock(&worker->lock);
}
