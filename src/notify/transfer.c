#include "notify/transfer.h"

#include "base/log.h"
#include "notify/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L
#define WHOLE_MS 20000L
#define ANSWER_BYTES 256
#define MOST_WAIT_S 86400

struct sl_transfer {
    CURL *curl;
    const struct sl_channel *channel;
    struct sl_letter letter;
    struct curl_slist *headers, *recipients;
    size_t body_length, body_read;
    char answer[ANSWER_BYTES];
    size_t answer_length;
    char trouble[CURL_ERROR_SIZE];
    struct sl_arena *arena;
};

static size_t take_answer(char *bytes, size_t size, size_t count, void *self)
{
    struct sl_transfer *transfer = self;
    size_t room = sizeof transfer->answer - 1 - transfer->answer_length;
    size_t length = size * count < room ? size * count : room;
    for (size_t i = 0; i < length; i++) // it is told in one line
        transfer->answer[transfer->answer_length++] =
            (unsigned char)bytes[i] < ' ' || bytes[i] == 0x7f ? ' ' : bytes[i];
    return size * count; // the rest is of no interest
}

static size_t give_body(char *bytes, size_t size, size_t count, void *self)
{
    struct sl_transfer *transfer = self;
    size_t left = transfer->body_length - transfer->body_read;
    size_t length = size * count < left ? size * count : left;
    memcpy(bytes, transfer->letter.body + transfer->body_read, length);
    transfer->body_read += length;
    return length;
}

static int append(struct curl_slist **list, const char *text, struct sl_err *err)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    SL_TRY_NEW(longer, err);
    *list = longer;
    return SL_OK;
}

static int set_http(struct sl_transfer *transfer, struct sl_err *err)
{
    CURL *curl = transfer->curl;
    for (size_t i = 0; i < transfer->letter.headers.count; i++)
        SL_TRY(append(&transfer->headers, transfer->letter.headers.items[i], err));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body_length);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, transfer->letter.body);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
    return SL_OK;
}

// Mail that leaves this machine goes over TLS, or not at all. A relay on this machine often has a
// certificate that nobody can check.
static int set_mail(struct sl_transfer *transfer, struct sl_err *err)
{
    CURL *curl = transfer->curl;
    const struct sl_email *email = &transfer->channel->email;
    bool is_plain = sl_str_starts(email->smtp, "smtp://") && sl_url_is_local(email->smtp) &&
                    !transfer->channel->ca_file;
    for (size_t i = 0; i < email->to.count; i++)
        SL_TRY(append(&transfer->recipients, email->to.items[i], err));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(is_plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, email->from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, transfer->recipients);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
    if (email->user)
        curl_easy_setopt(curl, CURLOPT_USERNAME, email->user);
    if (email->password)
        curl_easy_setopt(curl, CURLOPT_PASSWORD, email->password);
    return SL_OK;
}

static int set_up(struct sl_transfer *transfer, struct sl_err *err)
{
    CURL *curl = transfer->curl;
    const char *url = transfer->letter.url;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->trouble);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, WHOLE_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sluice/" SL_VERSION);
    if (sl_url_is_local(url))
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (transfer->channel->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, transfer->channel->ca_file);
    return transfer->letter.is_mail ? set_mail(transfer, err) : set_http(transfer, err);
}

int sl_transfer_new(const struct sl_channel *channel, const char *body, struct sl_arena *arena,
                    struct sl_transfer **ret, struct sl_err *err)
{
    SL_AUTO(sl_transfer_free) struct sl_transfer *transfer = calloc(1, sizeof *transfer);
    SL_TRY_NEW(transfer, err);
    transfer->channel = channel;
    transfer->arena = arena;
    SL_TRY(sl_letter_write(channel, body, arena, &transfer->letter, err));
    transfer->body_length = strlen(transfer->letter.body);
    transfer->curl = curl_easy_init();
    SL_TRY_NEW(transfer->curl, err);
    SL_TRY(set_up(transfer, err));
    *ret = transfer;
    transfer = NULL;
    return SL_OK;
}

void sl_transfer_free(struct sl_transfer **transfer)
{
    if (!*transfer)
        return;
    curl_easy_cleanup((*transfer)->curl);
    curl_slist_free_all((*transfer)->headers);
    curl_slist_free_all((*transfer)->recipients);
    free(*transfer);
    *transfer = NULL;
}

CURL *sl_transfer_handle(struct sl_transfer *transfer)
{
    return transfer->curl;
}

static void tell(struct sl_transfer *transfer, struct sl_answer *ret, const char *text)
{
    const char *masked = sl_log_mask(text, transfer->arena);
    (void)snprintf(ret->text, sizeof ret->text, "%s", masked ? masked : "");
}

void sl_transfer_end(struct sl_transfer *transfer, CURLcode result, struct sl_answer *ret)
{
    long status = 0;
    curl_off_t wait_s = 0;
    char text[sizeof ret->text];
    *ret = (struct sl_answer){.may_pass = true};
    if (result != CURLE_OK) {
        tell(transfer, ret, transfer->trouble[0] ? transfer->trouble : curl_easy_strerror(result));
        return;
    }
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer->curl, CURLINFO_RETRY_AFTER, &wait_s);
    (void)snprintf(text, sizeof text, "%s %ld%s%s", transfer->letter.is_mail ? "SMTP" : "HTTP",
                   status, transfer->answer_length ? ": " : "", transfer->answer);
    tell(transfer, ret, text);
    ret->was_taken = transfer->letter.is_mail || (status >= 200 && status < 300);
    ret->may_pass = status == 408 || status == 425 || status == 429 || status >= 500;
    ret->wait_s = wait_s < 0 ? 0 : wait_s > MOST_WAIT_S ? MOST_WAIT_S : wait_s;
}
