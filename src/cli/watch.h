// Says on a terminal how far a long statement of a session has come, from a thread of its own.
#ifndef SL_CLI_WATCH_H
#define SL_CLI_WATCH_H

#include "cli/cli.h"

#include <pthread.h>

struct sl_watch {
    struct sl_session *session;
    const char *what; // "comparing"
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool is_running, is_over;
};
// Nothing happens where stderr is no terminal, or --quiet was said. The session must live until
// sl_watch_end, which clears the line.
void sl_watch_begin(struct sl_watch *watch, const struct sl_common *common,
                    struct sl_session *session, const char *what);
void sl_watch_end(struct sl_watch *watch); // for SL_AUTO; twice is fine

#endif
