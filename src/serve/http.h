// HTTP of the service: libmicrohttpd without threads, driven by the caller's loop. It answers the
// routes of serve/routes.h and knows nothing of pipelines: what it is asked it asks the control
// (serve/control.h), the state store, read-only, or a command of this program, in a child process.
//
// Everything here runs on the loop's thread. A slow or silent client holds nobody up: it has one of
// a bounded number of connections until its time is over.
#ifndef SL_SERVE_HTTP_H
#define SL_SERVE_HTTP_H

#include "serve/control.h"

#include "api/state.h"
#include "spec/serve.h"

#include <uv.h>

struct sl_http_options {
    // "127.0.0.1:7410", "[::1]:7410", "localhost:0" (any free port); NULL: no TCP. An address that
    // other machines reach is refused (SL_E_SERVE_LISTEN) unless there is a token.
    const char *listen;
    // A socket that listens already, from systemd; -1: none. In the place of `listen`. It is the
    // http's from sl_http_open on, also where that fails.
    int fd;
    // Folder of the unix socket, serve.sock; NULL: none. However long it is.
    const char *socket_folder;
    // Tokens and names of hosts. Must outlive the http; may be NULL: no tokens.
    const struct sl_serve_spec *settings;
    const struct sl_control *control; // must outlive the http
    // For the routes that show what was: read on the loop's thread, never written. NULL: they say
    // that there is no state store. Must outlive the http.
    struct sl_state *state;
    const char *state_folder; // <state_folder>/logs/RUN.jsonl
    bool is_state_shared;     // a run may be another folder's
    const char *folder;       // of the project: children work in it
    const char *environment;  // --env of children; NULL: none
    struct sl_strs overrides; // --set of children
    const char *program;      // of children; NULL: this one
    // Limits; 0: as said here.
    size_t most_connections;   // 512; where few are left, who has said nothing for longest goes
    size_t most_request_bytes; // of a body: 1 MiB
    int64_t idle_s;            // of a connection that says nothing: 30
    int64_t head_s;            // for a request's head to be there: 10
    int64_t request_s;         // and its body: 60, and what it takes at 4 KiB a second
    int64_t reading_s;         // for a client to take some more of a stream: 10
    int64_t child_s;           // for a child to answer: 120
    size_t most_children;      // at once: 4; as many times eight wait for their turn
};

struct sl_http;
// Listens. SL_E_SERVE_LISTEN: the port is taken, the host cannot be found or may not be listened
// on; SL_E_SERVE_RUNNING: somebody answers on the unix socket. A socket that nobody answers on is
// removed; the new one has mode 0600. Texts of the options are copied. Ignores SIGPIPE from then
// on.
SL_MUST int sl_http_open(uv_loop_t *loop, const struct sl_http_options *options,
                         struct sl_http **ret, struct sl_err *err);
// The port it listens on; 0: no TCP.
int sl_http_port(const struct sl_http *http);
// After the project was read anew: tokens, hosts. The old settings may go after this.
void sl_http_reload(struct sl_http *http, const struct sl_serve_spec *settings);
// If the unix socket's file was removed there is a new one; who has come before is served on.
SL_MUST int sl_http_listen_again(struct sl_http *http, bool *ret_was_gone, struct sl_err *err);
// Closes all connections at once, kills its children and removes the unix socket. The loop has to
// run on until its handles are closed; then `on_closed` (may be NULL) is called and http is gone.
// Not from a function of the control.
void sl_http_close(struct sl_http *http, void (*on_closed)(void *self), void *self);

#endif
