#include "observe/post.h"

#include "base/clock.h"
#include "base/log.h"
#include "spec/alerts.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 3000L
#define WHOLE_MS 10000L
#define MOST_CONNECTIONS 8L
#define MOST_WAIT_S 86400

struct sl_poster {
    const struct sl_receiver *receiver;
    CURLM *multi;
    struct curl_slist *headers;
    bool has_begun;
};

struct transfer {
    CURL *curl;
    struct sl_post *post;
    size_t answer_length;
    char trouble[CURL_ERROR_SIZE];
};

static int add_header(struct sl_poster *poster, const char *line, struct sl_err *err)
{
    struct curl_slist *longer = curl_slist_append(poster->headers, line);
    SL_TRY_NEW(longer, err);
    poster->headers = longer;
    return SL_OK;
}

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
    SL_TRY(add_header(poster, "Content-Type: application/json", err));
    SL_TRY(add_header(poster, "Expect:", err)); // no extra round trip before the body
    for (size_t i = 0; i < receiver->headers.count; i++)
        SL_TRY(add_header(poster, receiver->headers.items[i], err));
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

static size_t take_answer(char *bytes, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    size_t room = sizeof transfer->post->answer - 1 - transfer->answer_length;
    size_t length = size * count < room ? size * count : room;
    for (size_t i = 0; i < length; i++)
        transfer->post->answer[transfer->answer_length++] =
            (unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f ? ' ' : bytes[i];
    transfer->post->answer[transfer->answer_length] = '\0';
    return size * count;
}

static int set_up(struct sl_poster *poster, struct transfer *transfer, struct sl_err *err)
{
    const struct sl_receiver *receiver = poster->receiver;
    CURL *curl = transfer->curl = curl_easy_init();
    SL_TRY_NEW(curl, err);
    curl_easy_setopt(curl, CURLOPT_URL, receiver->url);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->trouble);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sluice/" SL_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->post->length);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, transfer->post->body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, poster->headers);
    if (sl_url_is_local(receiver->url))
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (receiver->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, receiver->ca_file);
    return curl_multi_add_handle(poster->multi, curl) == CURLM_OK ? SL_OK : sl_fail_memory(err);
}

static void tell(struct sl_post *post, const char *text)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *masked = sl_log_mask(text, &arena);
    (void)snprintf(post->text, sizeof post->text, "%s", masked ? masked : "");
}

// A key that is wrong, or a path, is mended by people, and what waits is as good then.
static bool may_pass(long status)
{
    return status == 401 || status == 403 || status == 404 || status == 408 || status == 425 ||
           status == 429 || status >= 500;
}

static void end_transfer(struct transfer *transfer, CURLcode result)
{
    struct sl_post *post = transfer->post;
    long status = 0;
    curl_off_t wait_s = 0;
    char text[sizeof post->text];
    post->may_pass = true;
    if (result != CURLE_OK) {
        tell(post, transfer->trouble[0] ? transfer->trouble : curl_easy_strerror(result));
        return;
    }
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->curl, CURLINFO_RETRY_AFTER, &wait_s);
    (void)snprintf(text, sizeof text, "HTTP %ld%s%.300s", status, post->answer[0] ? ": " : "",
                   post->answer);
    tell(post, text);
    post->was_answered = true;
    post->was_taken = status >= 200 && status < 300;
    post->may_pass = may_pass(status);
    post->wait_s = wait_s < 0 ? 0 : wait_s > MOST_WAIT_S ? MOST_WAIT_S : wait_s;
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
        if (transfers[i].curl) {
            curl_multi_remove_handle(poster->multi, transfers[i].curl);
            curl_easy_cleanup(transfers[i].curl);
        }
    free(transfers);
    return code;
}
