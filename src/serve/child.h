// Commands of this program that answer requests, in child processes: `sluice show TABLE --json`.
// So the service has no engine in it, and what a request costs ends with it.
#ifndef SL_SERVE_CHILD_H
#define SL_SERVE_CHILD_H

#include "serve/request.h"

struct sl_children;
// At most so many at once; others wait for their turn, in order.
SL_MUST int sl_children_open(uv_loop_t *loop, const struct sl_http_options *options,
                             struct sl_children **ret, struct sl_err *err);
// Kills them. Nobody is told; `on_closed` when the loop has closed all handles.
void sl_children_close(struct sl_children *children, void (*on_closed)(void *self), void *self);

// Begins the route's command, or lets it wait. request->on_answer is called when request->answer is
// there: the JSON that it printed, with a status by its exit code and error. SL_E_SERVE_BUSY: too
// many wait.
SL_MUST int sl_child_begin(struct sl_request *request, struct sl_err *err);
// Nobody listens any more: what only reads is ended, and what has not begun; else it goes on.
void sl_child_forget(struct sl_child *child);
// Of an answer that is a stream: up to so many bytes of it. 0: there are none now, on_answer will
// be called; SL_CHILD_END: that was all; SL_CHILD_CUT: the command failed in the middle. After
// either the child is gone.
#define SL_CHILD_END (-1)
#define SL_CHILD_CUT (-2)
ssize_t sl_child_take(struct sl_child *child, char *to, size_t most);
// The words of the command line, up to a NULL: no value of the request can become an option. For
// tests.
SL_MUST int sl_child_words(struct sl_request *request, struct sl_strs *ret, struct sl_err *err);

#endif
