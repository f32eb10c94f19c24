#include "run/wakes.h"

#include <stdlib.h>

struct sl_wakes {
    struct sl_wakes_options options;
    uv_poll_t *poller; // NULL: it does not listen
};

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

// Before the library closes its socket.
static void stop(struct sl_wakes *wakes)
{
    if (!wakes->poller)
        return;
    uv_poll_stop(wakes->poller);
    uv_close((uv_handle_t *)wakes->poller, free_handle);
    wakes->poller = NULL;
}

static void on_readable(uv_poll_t *poller, int status, int events)
{
    struct sl_wakes *wakes = poller->data;
    struct sl_err err = {0};
    int which = 0;
    (void)events;
    if (status == 0 && sl_state_woken(wakes->options.state, &which, &err) == SL_OK) {
        if (which)
            wakes->options.on_wake(wakes->options.owner, which);
        return;
    }
    stop(wakes);
    wakes->options.on_lost(wakes->options.owner, err.code ? err.message : uv_strerror(status));
}

static int listen_again(struct sl_wakes *wakes, struct sl_err *err)
{
    int fd = -1;
    SL_TRY(sl_state_listen(wakes->options.state, &fd, err));
    uv_poll_t *poller = calloc(1, sizeof *poller);
    SL_TRY_NEW(poller, err);
    int code = uv_poll_init(wakes->options.loop, poller, fd);
    if (code != 0) {
        free(poller);
        return sl_fail(err, SL_E_INTERNAL, "cannot watch the state store: %s", uv_strerror(code));
    }
    wakes->poller = poller;
    poller->data = wakes;
    (void)uv_poll_start(poller, UV_READABLE | UV_DISCONNECT, on_readable);
    return SL_OK;
}

int sl_wakes_open(const struct sl_wakes_options *options, struct sl_wakes **ret, struct sl_err *err)
{
    SL_AUTO(sl_wakes_close) struct sl_wakes *wakes = calloc(1, sizeof *wakes);
    SL_TRY_NEW(wakes, err);
    wakes->options = *options;
    SL_TRY(listen_again(wakes, err));
    *ret = wakes;
    wakes = NULL;
    return SL_OK;
}

void sl_wakes_close(struct sl_wakes **wakes)
{
    if (!*wakes)
        return;
    stop(*wakes);
    free(*wakes);
    *wakes = NULL;
}

void sl_wakes_mend(struct sl_wakes *wakes)
{
    struct sl_err ignored = {0};
    if (!wakes->poller && listen_again(wakes, &ignored) == SL_OK)
        wakes->options.on_wake(wakes->options.owner, SL_WAKE_ALL);
}
