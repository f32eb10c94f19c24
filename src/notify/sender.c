// Sending from `serve`: a child process whenever a message is due.
#include "base/clock.h"
#include "notify/courier.h"
#include "notify/inner.h"

#include <stdlib.h>

#define ASK_AGAIN_US INT64_C(10000000) // where the store could not say what is due

struct sl_sender {
    struct sl_notify *notify;
    struct sl_courier *courier;
};

static int64_t next_us(void *owner)
{
    const struct sl_sender *sender = owner;
    struct sl_err ignored = {0};
    int64_t ret = 0;
    const struct sl_notify *notify = sender->notify;
    int code = sl_alert_store_next(notify->store, notify->project->environment, &ret, &ignored);
    return code == SL_OK ? ret : sl_clock_now_us() + ASK_AGAIN_US;
}

int sl_sender_open(struct sl_notify *notify, const struct sl_sender_options *options,
                   struct sl_sender **ret, struct sl_err *err)
{
    static const char *const words[] = {"alerts", "send", NULL};
    struct sl_sender *sender = NULL;
    *ret = NULL;
    if (!notify)
        return SL_OK;
    sender = calloc(1, sizeof *sender);
    SL_TRY_NEW(sender, err);
    sender->notify = notify;
    const struct sl_courier_options courier = {.loop = options->loop,
                                               .program = options->program,
                                               .words = words,
                                               .folder = options->folder,
                                               .environment = options->environment,
                                               .settings = options->settings,
                                               .next_us = next_us,
                                               .owner = sender};
    if (sl_courier_open(&courier, &sender->courier, err) != SL_OK) {
        free(sender);
        return err->code;
    }
    *ret = sender;
    return SL_OK;
}

void sl_sender_wake(struct sl_sender *sender)
{
    if (sender)
        sl_courier_wake(sender->courier);
}

void sl_sender_close(struct sl_sender **sender)
{
    if (!*sender)
        return;
    sl_courier_close(&(*sender)->courier);
    free(*sender);
    *sender = NULL;
}
