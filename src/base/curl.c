#include "base/curl.h"

#include "base/arena.h"
#include "base/log.h"

#include <stdio.h>

#define MOST_WAIT_S 86400

static size_t take_answer(char *bytes, size_t size, size_t count, void *self)
{
    struct sl_curl *curl = self;
    size_t room = sizeof curl->answer - 1 - curl->answer_length;
    size_t length = size * count < room ? size * count : room;
    for (size_t i = 0; i < length; i++)
        curl->answer[curl->answer_length++] =
            (unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f ? ' ' : bytes[i];
    curl->answer[curl->answer_length] = '\0';
    return size * count; // the rest is of no interest
}

int sl_curl_open(struct sl_curl *curl, const struct sl_curl_options *options, struct sl_err *err)
{
    CURL *handle = curl_easy_init();
    SL_TRY_NEW(handle, err);
    *curl = (struct sl_curl){.handle = handle};
    curl_easy_setopt(handle, CURLOPT_URL, options->url);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, options->owner);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, curl->trouble);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, curl);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, options->connect_ms);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, options->whole_ms);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "sluice/" SL_VERSION);
    if (options->is_local)
        curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    if (options->ca_file)
        curl_easy_setopt(handle, CURLOPT_CAINFO, options->ca_file);
    return SL_OK;
}

void sl_curl_close(struct sl_curl *curl)
{
    curl_easy_cleanup(curl->handle);
    curl->handle = NULL;
}

int sl_curl_append(struct curl_slist **list, const char *text, struct sl_err *err)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    SL_TRY_NEW(longer, err);
    *list = longer;
    return SL_OK;
}

static void tell(struct sl_curl_end *ret, const char *text)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    sl_arena_init(&arena, 0);
    const char *masked = sl_log_mask(text, &arena);
    (void)snprintf(ret->text, sizeof ret->text, "%s", masked ? masked : "");
}

void sl_curl_end(const struct sl_curl *curl, CURLcode result, const char *protocol,
                 struct sl_curl_end *ret)
{
    long status = 0;
    curl_off_t wait_s = 0;
    char text[sizeof ret->text];
    *ret = (struct sl_curl_end){.may_pass = true};
    if (result != CURLE_OK) {
        tell(ret, curl->trouble[0] ? curl->trouble : curl_easy_strerror(result));
        return;
    }
    curl_easy_getinfo(curl->handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl->handle, CURLINFO_RETRY_AFTER, &wait_s);
    (void)snprintf(text, sizeof text, "%s %ld%s%.300s", protocol, status,
                   curl->answer[0] ? ": " : "", curl->answer);
    tell(ret, text);
    ret->status = status;
    ret->may_pass = status == 408 || status == 425 || status == 429 || status >= 500;
    ret->wait_s = wait_s < 0 ? 0 : wait_s > MOST_WAIT_S ? MOST_WAIT_S : wait_s;
}
