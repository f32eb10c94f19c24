// What is the same for every document that goes to a server by libcurl: how it is asked, and what
// came of it.
#ifndef SL_BASE_CURL_H
#define SL_BASE_CURL_H

#include "base/err.h"

#include <curl/curl.h>

// One transfer. It stays where it is until the handle is gone.
struct sl_curl {
    CURL *handle;
    char answer[1024]; // the beginning of what it said, in one line
    size_t answer_length;
    char trouble[CURL_ERROR_SIZE];
};
struct sl_curl_options {
    const char *url;
    const char *ca_file; // NULL: the system's
    bool is_local;       // no proxy is asked
    long connect_ms, whole_ms;
    void *owner; // CURLINFO_PRIVATE of the handle
};
// No redirections are followed. Texts in `options` are copied by libcurl.
SL_MUST int sl_curl_open(struct sl_curl *curl, const struct sl_curl_options *options,
                         struct sl_err *err);
void sl_curl_close(struct sl_curl *curl);
SL_MUST int sl_curl_append(struct curl_slist **list, const char *text, struct sl_err *err);

struct sl_curl_end {
    long status;    // 0: it could not be asked, or did not answer
    bool may_pass;  // the same may be taken another time without anybody's doing
    int64_t wait_s; // that the server asks for; 0: it does not
    char text[400]; // what it said, or why it could not be asked; secrets masked
};
// `protocol`: "HTTP", before the status in the text.
void sl_curl_end(const struct sl_curl *curl, CURLcode result, const char *protocol,
                 struct sl_curl_end *ret);

#endif
