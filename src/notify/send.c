// Sending: what is due in the outbox, to all channels at once.
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "notify/inner.h"
#include "notify/message.h"
#include "notify/transfer.h"
#include "run/retry.h"

#include <string.h>

#define LOCK_FILE "alerts.lock"
#define MOST_AT_ONCE 50
#define CLAIM_MORE_MS 15000 // than the sending: for the note of what came of it

// Waits after attempts that failed.
static const struct sl_retry backoff = {
    .initial_s = 10, .factor = 2, .max_s = 3600, .has_jitter = true};

struct sending {
    struct sl_notify *notify;
    int64_t until_us; // monotonic
    CURLM *multi;
    struct sl_arena arena;
    struct sl_alert_message *messages;
    struct sl_transfer **transfers; // parallel to messages; NULL: it has ended
    size_t count;
    struct sl_sent *sent;
};

static void sending_clear(struct sending *sending)
{
    for (size_t i = 0; i < sending->count; i++)
        if (sending->transfers && sending->transfers[i]) {
            curl_multi_remove_handle(sending->multi, sl_transfer_handle(sending->transfers[i]));
            sl_transfer_free(&sending->transfers[i]);
        }
    curl_multi_cleanup(sending->multi);
    sl_arena_clear(&sending->arena);
}

// What the server said decides when it is tried again.
static int mark(struct sending *sending, struct sl_alert_message *message,
                const struct sl_answer *answer, struct sl_err *err)
{
    const struct sl_alerts *alerts = sending->notify->project->alerts;
    int64_t now_us = sl_clock_now_us();
    message->attempts++;
    message->error = answer->was_taken ? "" : answer->text;
    if (answer->was_taken) {
        message->sent_us = now_us;
        sending->sent->sent++;
        return sl_alert_store_mark(sending->notify->store, message, err);
    }
    sending->sent->failed++;
    int64_t wait_ms = sl_retry_wait_ms(&backoff, message->attempts,
                                       sl_random(message->id, (uint64_t)message->attempts));
    if (!answer->may_pass)
        wait_ms = backoff.max_s * 1000;
    if (wait_ms < answer->wait_s * 1000)
        wait_ms = answer->wait_s * 1000;
    message->next_us = now_us + wait_ms * 1000;
    if (message->next_us - message->created_us > alerts->give_up_after_s * 1000000)
        message->dead_us = now_us;
    return sl_alert_store_mark(sending->notify->store, message, err);
}

static int begin_one(struct sending *sending, size_t at, struct sl_err *err)
{
    struct sl_alert_message *message = &sending->messages[at];
    const struct sl_channel *channel =
        sl_alerts_channel(sending->notify->project->alerts, message->channel);
    struct sl_answer answer = {.text = "there is no such channel in sluice.yml"};
    if (!channel)
        return mark(sending, message, &answer, err);
    SL_TRY(sl_transfer_new(channel, message->body, &sending->arena, &sending->transfers[at], err));
    if (curl_multi_add_handle(sending->multi, sl_transfer_handle(sending->transfers[at])) !=
        CURLM_OK)
        return sl_fail_memory(err);
    return SL_OK;
}

static int end_one(struct sending *sending, const CURLMsg *ended, struct sl_err *err)
{
    struct sl_answer answer;
    for (size_t i = 0; i < sending->count; i++) {
        struct sl_transfer *transfer = sending->transfers[i];
        if (!transfer || sl_transfer_handle(transfer) != ended->easy_handle)
            continue;
        sl_transfer_end(transfer, ended->data.result, &answer);
        curl_multi_remove_handle(sending->multi, ended->easy_handle);
        sl_transfer_free(&sending->transfers[i]);
        return mark(sending, &sending->messages[i], &answer, err);
    }
    return SL_OK;
}

static int64_t left_ms(const struct sending *sending)
{
    int64_t left = (sending->until_us - sl_clock_monotonic_us()) / 1000;
    return left < 0 ? 0 : left;
}

static int perform(struct sending *sending, struct sl_err *err)
{
    int running = 1, left;
    while (running > 0 && left_ms(sending) > 0) {
        if (curl_multi_perform(sending->multi, &running) != CURLM_OK)
            return sl_fail_memory(err);
        for (CURLMsg *ended; (ended = curl_multi_info_read(sending->multi, &left));)
            if (ended->msg == CURLMSG_DONE)
                SL_TRY(end_one(sending, ended, err));
        if (running > 0)
            (void)curl_multi_poll(sending->multi, NULL, 0, (int)left_ms(sending), NULL);
    }
    struct sl_answer late = {.may_pass = true, .text = "there was no answer in time"};
    for (size_t i = 0; i < sending->count; i++)
        if (sending->transfers[i])
            SL_TRY(mark(sending, &sending->messages[i], &late, err));
    return SL_OK;
}

// *ret_count: how many there were to send.
static int send_batch(struct sl_notify *notify, int64_t by_us, int64_t until_us,
                      struct sl_sent *sent, size_t *ret_count, struct sl_err *err)
{
    SL_AUTO(sending_clear)
    struct sending sending = {.notify = notify, .until_us = until_us, .sent = sent};
    sl_arena_init(&sending.arena, 0);
    sending.multi = curl_multi_init();
    SL_TRY_NEW(sending.multi, err);
    size_t count;
    const struct sl_alert_due due = {.environment = notify->project->environment,
                                     .by_us = by_us,
                                     .ttl_ms = left_ms(&sending) + CLAIM_MORE_MS,
                                     .limit = MOST_AT_ONCE};
    SL_TRY(sl_alert_store_due(notify->store, &due, &sending.arena, &sending.messages, &count, err));
    sending.transfers = SL_NEW_ARRAY(&sending.arena, struct sl_transfer *, count);
    SL_TRY_NEW(sending.transfers, err);
    *ret_count = count;
    for (size_t i = 0; i < count; i++) {
        sending.count = i + 1;
        SL_TRY(begin_one(&sending, i, err));
    }
    return perform(&sending, err);
}

static int send_all(struct sl_notify *notify, enum sl_send_what what, int64_t until_us,
                    struct sl_sent *sent, struct sl_err *err)
{
    size_t count;
    if (what == SL_SEND_DEAD)
        SL_TRY(sl_alert_store_revive(notify->store, sl_clock_now_us(), err));
    // What has failed waits from then on, so that the batches end.
    int64_t by_us = what == SL_SEND_DUE ? sl_clock_now_us() : INT64_MAX;
    do {
        SL_TRY(send_batch(notify, by_us, until_us, sent, &count, err));
        by_us = sl_clock_now_us();
    } while (count > 0 && sl_clock_monotonic_us() < until_us);
    return SL_OK;
}

int sl_notify_send(struct sl_notify *notify, enum sl_send_what what, int64_t most_ms,
                   struct sl_sent *ret, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_fd_close) int lock_fd = -1;
    struct sl_err trouble = {0};
    *ret = (struct sl_sent){0};
    if (!notify)
        return SL_OK;
    int64_t until_us = sl_clock_monotonic_us() + most_ms * 1000;
    sl_arena_init(&arena, 0);
    SL_TRY(sl_alert_store_next(notify->store, notify->project->environment, &ret->next_us, err));
    if (!ret->next_us && what != SL_SEND_DEAD)
        return SL_OK;
    // One process of a machine sends: two would send the same twice. The kernel lets go of it after
    // a kill. Those of other machines claim what they send.
    const char *path = sl_path_join(&arena, notify->project->state_folder, LOCK_FILE);
    SL_TRY_NEW(path, err);
    SL_TRY(sl_fs_mkdirs(notify->project->state_folder, err));
    int code = sl_fs_lock(path, false, &lock_fd, &trouble);
    if (code == SL_E_LOCKED) {
        ret->was_busy = true;
        return SL_OK;
    }
    if (code != SL_OK) {
        *err = trouble;
        return code;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sl_fail_memory(err);
    code = send_all(notify, what, until_us, ret, err);
    curl_global_cleanup();
    SL_TRY(code);
    return sl_alert_store_next(notify->store, notify->project->environment, &ret->next_us, err);
}

static int test(const struct sl_channel *channel, const char *body, struct sl_arena *arena,
                struct sl_answer *ret, struct sl_err *err)
{
    SL_AUTO(sl_transfer_free) struct sl_transfer *transfer = NULL;
    SL_TRY(sl_transfer_new(channel, body, arena, &transfer, err));
    CURLcode result = curl_easy_perform(sl_transfer_handle(transfer));
    sl_transfer_end(transfer, result, ret);
    return SL_OK;
}

static int fail_channel(const struct sl_alerts *alerts, const char *name, struct sl_arena *arena,
                        struct sl_err *err)
{
    struct sl_strs names = {0};
    for (size_t i = 0; i < alerts->channels.count; i++)
        SL_TRY(sl_strs_add(&names, arena,
                           ((const struct sl_channel *)alerts->channels.items)[i].name, err));
    const char *hint = sl_did_you_mean(arena, name, names.items, names.count);
    (void)sl_fail(err, SL_E_ALERT_CHANNEL, "there is no channel '%s'", name);
    return sl_err_hint(err, "%s", hint ? hint : "channels are listed in sluice.yml under `alerts`");
}

int sl_notify_test(struct sl_notify *notify, const char *name, struct sl_arena *arena,
                   const char **ret_answer, struct sl_err *err)
{
    const struct sl_project *project = notify->project;
    const struct sl_channel *channel = sl_alerts_channel(project->alerts, name);
    struct sl_answer answer;
    char id[37];
    char *body = NULL;
    if (!channel)
        return fail_channel(project->alerts, name, arena, err);
    struct sl_alert_row alert = {.id = sl_uuid(id),
                                 .kind = "test",
                                 .subject = name,
                                 .summary = "this is a test: messages of alerts arrive here",
                                 .opened_us = sl_clock_now_us()};
    struct sl_event event = {.id = alert.id,
                             .project = project->name,
                             .environment = project->environment,
                             .alert = &alert,
                             .at_us = alert.opened_us};
    SL_TRY(sl_event_print(&event, &body, err));
    const char *kept = sl_arena_strdup(arena, body);
    free(body);
    SL_TRY_NEW(kept, err);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sl_fail_memory(err);
    int code = test(channel, kept, arena, &answer, err);
    curl_global_cleanup();
    SL_TRY(code);
    if (!answer.was_taken) {
        (void)sl_fail(err, SL_E_ALERT_UNSENT, "channel '%s' did not take the message: %s", name,
                      answer.text);
        return sl_err_hint(err, "its place and secrets are in sluice.yml under `alerts.channels`");
    }
    *ret_answer = sl_arena_strdup(arena, answer.text);
    SL_TRY_NEW(*ret_answer, err);
    return SL_OK;
}
