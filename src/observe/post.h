// JSON documents on their way to a server, by libcurl.
#ifndef SL_OBSERVE_POST_H
#define SL_OBSERVE_POST_H

#include "base/arena.h"
#include "spec/observe.h"

struct sl_poster;
struct sl_post {
    const char *body;
    size_t length;
    // What came of it:
    bool was_taken;
    bool may_pass;     // the same may be taken another time without anybody's doing
    bool was_answered; // by a status of HTTP
    int64_t wait_s;    // that the server asks for; 0: it does not
    char text[400];    // what it said, or why it could not be asked; secrets masked
    char answer[1024]; // the beginning of its body
};
// Keeps connections open from one call to the next. Opens a thread of libcurl for names now and
// then: not for a process that forks workers afterwards.
SL_MUST int sl_poster_open(const struct sl_receiver *receiver, struct sl_poster **ret,
                           struct sl_err *err);
void sl_poster_close(struct sl_poster **poster); // for SL_AUTO
// Posts all of them, several at a time, and returns when all have answered or at `until_us`
// (monotonic).
SL_MUST int sl_post_all(struct sl_poster *poster, struct sl_post *posts, size_t count,
                        int64_t until_us, struct sl_err *err);

#endif
