#include "notify/transfer.h"

#include "base/curl.h"
#include "notify/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L
#define WHOLE_MS 20000L

struct sl_transfer {
    struct sl_curl curl;
    const struct sl_channel *channel;
    struct sl_letter letter;
    struct curl_slist *headers, *recipients;
    size_t body_length, body_read;
};

static size_t give_body(char *bytes, size_t size, size_t count, void *self)
{
    struct sl_transfer *transfer = self;
    size_t left = transfer->body_length - transfer->body_read;
    size_t length = size * count < left ? size * count : left;
    memcpy(bytes, transfer->letter.body + transfer->body_read, length);
    transfer->body_read += length;
    return length;
}

static int set_http(struct sl_transfer *transfer, struct sl_err *err)
{
    CURL *curl = transfer->curl.handle;
    for (size_t i = 0; i < transfer->letter.headers.count; i++)
        SL_TRY(sl_curl_append(&transfer->headers, transfer->letter.headers.items[i], err));
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
    CURL *curl = transfer->curl.handle;
    const struct sl_email *email = &transfer->channel->email;
    bool is_plain = sl_str_starts(email->smtp, "smtp://") && sl_url_is_local(email->smtp) &&
                    !transfer->channel->ca_file;
    for (size_t i = 0; i < email->to.count; i++)
        SL_TRY(sl_curl_append(&transfer->recipients, email->to.items[i], err));
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
    const struct sl_curl_options options = {.url = transfer->letter.url,
                                            .ca_file = transfer->channel->ca_file,
                                            .is_local = sl_url_is_local(transfer->letter.url),
                                            .connect_ms = CONNECT_MS,
                                            .whole_ms = WHOLE_MS,
                                            .owner = transfer};
    SL_TRY(sl_curl_open(&transfer->curl, &options, err));
    return transfer->letter.is_mail ? set_mail(transfer, err) : set_http(transfer, err);
}

int sl_transfer_new(const struct sl_channel *channel, const char *body, struct sl_arena *arena,
                    struct sl_transfer **ret, struct sl_err *err)
{
    SL_AUTO(sl_transfer_free) struct sl_transfer *transfer = calloc(1, sizeof *transfer);
    SL_TRY_NEW(transfer, err);
    transfer->channel = channel;
    SL_TRY(sl_letter_write(channel, body, arena, &transfer->letter, err));
    transfer->body_length = strlen(transfer->letter.body);
    SL_TRY(set_up(transfer, err));
    *ret = transfer;
    transfer = NULL;
    return SL_OK;
}

void sl_transfer_free(struct sl_transfer **transfer)
{
    if (!*transfer)
        return;
    sl_curl_close(&(*transfer)->curl);
    curl_slist_free_all((*transfer)->headers);
    curl_slist_free_all((*transfer)->recipients);
    free(*transfer);
    *transfer = NULL;
}

CURL *sl_transfer_handle(struct sl_transfer *transfer)
{
    return transfer->curl.handle;
}

void sl_transfer_end(struct sl_transfer *transfer, CURLcode result, struct sl_answer *ret)
{
    bool is_mail = transfer->letter.is_mail;
    struct sl_curl_end end;
    sl_curl_end(&transfer->curl, result, is_mail ? "SMTP" : "HTTP", &end);
    *ret = (struct sl_answer){.may_pass = end.may_pass, .wait_s = end.wait_s};
    (void)snprintf(ret->text, sizeof ret->text, "%s", end.text);
    ret->was_taken = result == CURLE_OK && (is_mail || (end.status >= 200 && end.status < 300));
}
