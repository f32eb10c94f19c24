#include "serve/client.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "serve/listen.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 5000, ANSWER_MS = 60000, LOOK_MS = 2000 };
#define MOST_ANSWER_BYTES ((size_t)64 << 20)

char *sl_client_part(struct sl_arena *arena, const char *text)
{
    char *out = sl_arena_alloc(arena, strlen(text) * 3 + 1), *to = out;

    for (; out && *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._~", *text))
            *to++ = *text;
        else
            to += sprintf(to, "%%%02X", (unsigned)(unsigned char)*text);
    }
    return out;
}

static size_t on_bytes(char *bytes, size_t one, size_t count, void *self)
{
    struct sl_buf *text = self;

    sl_buf_add_bytes(text, bytes, one * count);
    return text->has_failed ? 0 : one * count;
}

static void free_curl(CURL **curl)
{
    curl_easy_cleanup(*curl);
}

static void free_list(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static int fail_nobody(const char *folder, const char *why, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_SERVE_NOBODY, "nobody answers on %s/" SL_SERVE_SOCKET ": %s", folder,
                  why);
    return sl_err_hint(err, "start the service with `sluice serve`");
}

// What the service said was wrong, as our own error.
static int fail_as_told(const json_t *answer, long status, struct sl_err *err)
{
    const json_t *told = json_object_get(answer, "error");
    enum sl_code code = sl_code_find(sl_json_text(told, "code", ""));
    const char *hint = sl_json_text(told, "hint", "");

    (void)sl_fail(err, code == SL_OK ? SL_E_SERVE_REQUEST : code, "%s",
                  sl_json_text(told, "message", "the service gave no reason"));
    if (!json_is_object(told))
        return sl_err_context(err, "status %ld", status);
    return *hint ? sl_err_hint(err, "%s", hint) : (int)err->code;
}

struct sending {
    const char *method, *url, *socket, *body; // body NULL: none
    struct curl_slist *headers;
    long answer_ms;
};

static bool prepare(CURL *curl, const struct sending *sending, struct sl_buf *text)
{
    return curl_easy_setopt(curl, CURLOPT_URL, sending->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, sending->socket) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, sending->method) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, sending->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                            sending->answer_ms < CONNECT_MS ? sending->answer_ms
                                                            : (long)CONNECT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, sending->answer_ms) == CURLE_OK &&
           (!sending->body ||
            curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, sending->body) == CURLE_OK) &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, text) == CURLE_OK;
}

static int read_answer(CURL *curl, const struct sl_buf *text, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_json_free) json_t *answer = NULL;
    struct sl_err wrong = {0};
    long status = 0;

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    SL_TRY(sl_buf_check(text, err));
    bool is_json = sl_json_parse(text->text, text->length, "the answer", &answer, &wrong) == SL_OK;
    if (status >= 400)
        return fail_as_told(answer, status, err);
    if (!is_json)
        return sl_fail(err, SL_E_SERVE_NOBODY,
                       "what answers on " SL_SERVE_SOCKET
                       " is no `sluice serve`: its answer is no JSON");
    *ret = answer;
    answer = NULL;
    return SL_OK;
}

static int ask_for(long answer_ms, const char *folder, const char *method, const char *path,
                   const json_t *body, json_t **ret, struct sl_err *err)
{
    SL_AUTO(sl_fd_close) int folder_fd = sl_listen_open_folder(folder);
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf url = SL_BUF_INIT;
    SL_AUTO(free_list) struct curl_slist *headers = NULL;
    char socket[64], *sent = NULL;

    if (folder_fd < 0)
        return fail_nobody(folder, strerror(errno), err);
    sl_listen_short_path(folder_fd, socket);
    SL_AUTO(free_curl) CURL *curl = curl_easy_init();
    headers = curl_slist_append(NULL, "Content-Type: application/json");
    sl_buf_addf(&url, "http://localhost%s", path);
    SL_TRY(sl_buf_check(&url, err));
    if (!curl || !headers)
        return sl_fail_memory(err);
    if (body)
        SL_TRY(sl_json_print(body, &sent, err));
    else
        sent = strcmp(method, "POST") == 0 ? strdup("") : NULL;
    text.max_bytes = MOST_ANSWER_BYTES;
    const struct sending sending = {method, url.text, socket, sent, headers, answer_ms};
    bool is_prepared = prepare(curl, &sending, &text);
    free(sent);
    if (!is_prepared)
        return sl_fail_memory(err);
    CURLcode wrong = curl_easy_perform(curl);
    if (wrong == CURLE_COULDNT_CONNECT)
        return fail_nobody(folder, "no `sluice serve` is at work on this project", err);
    if (wrong == CURLE_OPERATION_TIMEDOUT)
        return sl_fail(err, SL_E_SERVE_BUSY, "the service gave no answer in time");
    if (wrong != CURLE_OK)
        return fail_nobody(folder, curl_easy_strerror(wrong), err);
    return read_answer(curl, &text, ret, err);
}

int sl_client_ask(const char *folder, const char *method, const char *path, const json_t *body,
                  json_t **ret, struct sl_err *err)
{
    return ask_for(ANSWER_MS, folder, method, path, body, ret, err);
}

int sl_client_look(const char *folder, const char *path, json_t **ret, struct sl_err *err)
{
    return ask_for(LOOK_MS, folder, "GET", path, NULL, ret, err);
}
