// Waiting for a server that may be gone. The kernel tells of a lost connection by tcp_user_timeout,
// but not where this machine's own link is down: nothing is sent then that could be missed.
#include "base/clock.h"
#include "state/postgres.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

// Longer than statement_timeout.
#define MOST_WAIT_US (16 * INT64_C(1000000))
#define MOST_WAIT_OF_SERVICE_US INT64_C(2500000)

static bool wait_readable(int fd, int64_t deadline_us)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    for (;;) {
        int64_t left_us = deadline_us - sl_clock_monotonic_us();
        int ready = left_us > 0 ? poll(&poller, 1, (int)(left_us / 1000) + 1) : 0;
        if (ready >= 0 || errno != EINTR)
            return ready != 0;
    }
}

PGresult *sl_postgres_store_result(struct sl_postgres_store *store, PGconn *connection, int is_sent)
{
    const struct sl_libpq *pq = &store->libpq;
    int64_t deadline_us =
        sl_clock_monotonic_us() + (store->is_service ? MOST_WAIT_OF_SERVICE_US : MOST_WAIT_US);
    PGresult *last = NULL, *next;
    if (!is_sent)
        return NULL;
    for (;;) {
        while (pq->PQisBusy(connection)) {
            int fd = pq->PQsocket(connection);
            if (!wait_readable(fd, deadline_us)) {
                store->failed_us = sl_clock_monotonic_us();
                (void)shutdown(fd, SHUT_RDWR); // what is read next is its end
            }
            if (!pq->PQconsumeInput(connection))
                break;
        }
        next = pq->PQgetResult(connection);
        if (!next)
            return last;
        pq->PQclear(last);
        last = next;
    }
}
