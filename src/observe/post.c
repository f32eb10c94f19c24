#include "observe/post.h"

#include "base/clock.h"
#include "base/curl.h"
#include "spec/alerts.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_MS 3000L
#define WHOLE_MS 10000L
#define MOST_CONNECTIONS 8L

struct sl_poster {
    const struct sl_receiver *receiver;
    CURLM *multi;
    struct curl_slist *headers;
    bool has_begun;
};

struct transfer {
    struct sl_curl curl;
    struct sl_post *post;
};

int sl_poster_open(const struct sl_receiver *receiver, struct sl_poster **ret, struct sl_err *err)
{
    SL_AUTO(sl_poster_close) struct sl_poster *poster = calloc(1, sizeof *poster);
    SL_TRY_NEW(poster, err);
    poster->receiver = receiver;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sl_fail_memory(err);
    poster->has_begun = true;
    poster->multi = curl_multi_init();
    SL_TRY_NEW(poster->multi, err);
    curl_multi_setopt(poster->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, MOST_CONNECTIONS);
    SL_TRY(sl_curl_append(&poster->headers, "Content-Type: application/json", err));
    SL_TRY(sl_curl_append(&poster->headers, "Expect:", err)); // no extra round trip before the body
    for (size_t i = 0; i < receiver->headers.count; i++)
        SL_TRY(sl_curl_append(&poster->headers, receiver->headers.items[i], err));
    *ret = poster;
    poster = NULL;
    return SL_OK;
}

void sl_poster_close(struct sl_poster **poster)
{
    if (!*poster)
        return;
    curl_multi_cleanup((*poster)->multi);
    curl_slist_free_all((*poster)->headers);
    if ((*poster)->has_begun)
        curl_global_cleanup();
    free(*poster);
    *poster = NULL;
}

static int set_up(struct sl_poster *poster, struct transfer *transfer, struct sl_err *err)
{
    const struct sl_receiver *receiver = poster->receiver;
    const struct sl_curl_options options = {.url = receiver->url,
                                            .ca_file = receiver->ca_file,
                                            .is_local = sl_url_is_local(receiver->url),
                                            .connect_ms = CONNECT_MS,
                                            .whole_ms = WHOLE_MS,
                                            .owner = transfer};
    SL_TRY(sl_curl_open(&transfer->curl, &options, err));
    CURL *curl = transfer->curl.handle;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->post->length);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, transfer->post->body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, poster->headers);
    return curl_multi_add_handle(poster->multi, curl) == CURLM_OK ? SL_OK : sl_fail_memory(err);
}

// A key that is wrong, or a path, is mended by people, and what waits is as good then.
static bool is_mended_by_people(long status)
{
    return status == 401 || status == 403 || status == 404;
}

static void end_transfer(struct transfer *transfer, CURLcode result)
{
    struct sl_post *post = transfer->post;
    struct sl_curl_end end;
    sl_curl_end(&transfer->curl, result, "HTTP", &end);
    (void)snprintf(post->text, sizeof post->text, "%s", end.text);
    (void)snprintf(post->answer, sizeof post->answer, "%s", transfer->curl.answer);
    post->was_answered = end.status > 0;
    post->was_taken = end.status >= 200 && end.status < 300;
    post->may_pass = end.may_pass || is_mended_by_people(end.status);
    post->wait_s = end.wait_s;
}

static int perform(struct sl_poster *poster, int64_t until_us, struct sl_err *err)
{
    int running = 1, left;
    int64_t left_ms;
    while (running > 0 && (left_ms = (until_us - sl_clock_monotonic_us()) / 1000) > 0) {
        if (curl_multi_perform(poster->multi, &running) != CURLM_OK)
            return sl_fail_memory(err);
        for (CURLMsg *ended; (ended = curl_multi_info_read(poster->multi, &left));) {
            struct transfer *transfer = NULL;
            if (ended->msg != CURLMSG_DONE)
                continue;
            curl_easy_getinfo(ended->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
            end_transfer(transfer, ended->data.result);
        }
        if (running > 0)
            (void)curl_multi_poll(poster->multi, NULL, 0, (int)left_ms, NULL);
    }
    return SL_OK;
}

int sl_post_all(struct sl_poster *poster, struct sl_post *posts, size_t count, int64_t until_us,
                struct sl_err *err)
{
    struct transfer *transfers = calloc(count ? count : 1, sizeof *transfers);
    int code = transfers ? SL_OK : sl_fail_memory(err);
    for (size_t i = 0; i < count && code == SL_OK; i++) {
        posts[i].was_taken = posts[i].was_answered = false;
        posts[i].may_pass = true;
        posts[i].wait_s = 0;
        posts[i].answer[0] = '\0';
        (void)snprintf(posts[i].text, sizeof posts[i].text, "there was no answer in time");
        transfers[i].post = &posts[i];
        code = set_up(poster, &transfers[i], err);
    }
    if (code == SL_OK)
        code = perform(poster, until_us, err);
    for (size_t i = 0; transfers && i < count; i++)
        if (transfers[i].curl.handle) {
            curl_multi_remove_handle(poster->multi, transfers[i].curl.handle);
            sl_curl_close(&transfers[i].curl);
        }
    free(transfers);
    return code;
}
