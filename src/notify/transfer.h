// One message on its way to a server, by libcurl.
#ifndef SL_NOTIFY_TRANSFER_H
#define SL_NOTIFY_TRANSFER_H

#include "base/arena.h"
#include "spec/alerts.h"

#include <curl/curl.h>

struct sl_transfer;

struct sl_answer {
    bool was_taken;
    bool may_pass;  // the same may be taken another time without anybody's doing
    int64_t wait_s; // that the server asks for; 0: it does not
    char text[400]; // what it said, or why it could not be asked; secrets masked
};

// `body`: a document of schema sluice.alert/1. The arena must outlive the transfer.
SL_MUST int sl_transfer_new(const struct sl_channel *channel, const char *body,
                            struct sl_arena *arena, struct sl_transfer **ret, struct sl_err *err);
void sl_transfer_free(struct sl_transfer **transfer); // for SL_AUTO
CURL *sl_transfer_handle(struct sl_transfer *transfer);
// What came of it. `result` as curl gives it.
void sl_transfer_end(struct sl_transfer *transfer, CURLcode result, struct sl_answer *ret);

#endif
