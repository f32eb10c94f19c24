// What serve/http.c (sockets, the loop) and serve/exchange.c (what MHD calls) share.
#ifndef SL_SERVE_HTTP_INNER_H
#define SL_SERVE_HTTP_INNER_H

#include "serve/child.h"

#include <microhttpd.h>

// One listening socket, and MHD behind it.
struct sl_server {
    struct sl_http *http;
    struct MHD_Daemon *mhd; // NULL: not there
    bool is_local;          // the unix socket
    bool has_closed;        // a connection, since it was last run
    int port;
    uv_poll_t poll;
    uv_timer_t timer;
    // Of the unix socket: the file that it made, and those before it, whose files were removed.
    uint64_t device, inode;
    struct sl_server *before;
};

// Those that are open, in a ring-free list. MHD knows only how long a connection says nothing; that
// a request comes to an end is for us to see.
struct sl_connection {
    struct sl_connection *before, *after;
    struct sl_server *server;
    int fd;
    int64_t until_us; // monotonic: what it is at must be done; 0: it waits for us
    int64_t said_us;  // when it last said something
    // It is sent a stream of a command that others wait for; so much of it it had not taken when it
    // was last looked at.
    bool is_reading;
    int left_bytes;
};

// A request and how to go on with it.
struct sl_exchange {
    struct sl_request request;
    struct MHD_Connection *mhd;
    struct sl_connection *connection;
    struct sl_exchange *before, *after; // of the suspended ones
    bool is_suspended;
    struct sl_watcher *watcher; // while it is
};
// Of a client, while it waits: whether it goes away.
struct sl_watcher {
    uv_poll_t poll;
    struct sl_exchange *exchange;
};

struct sl_http {
    uv_loop_t *loop;
    struct sl_http_options options; // with its defaults
    struct sl_arena arena;
    struct sl_server tcp;
    struct sl_server *local; // the newest one; NULL: there is none
    uv_timer_t sweep;        // at work while there are connections
    int open_handles;
    bool has_sweep;
    struct sl_connection *connections;
    struct sl_exchange *suspended;
    struct sl_children *children;
    bool is_closing;
    void (*on_closed)(void *self);
    void *self;
};

// Lets MHD do what there is to do, and says when it wants to be asked again.
void sl_server_drive(struct sl_server *server);
void sl_http_watch_time(struct sl_http *http); // there is a connection now
// The daemon of a socket that listens; the socket is MHD's from now on.
SL_MUST int sl_exchange_start(struct sl_server *server, int fd, struct sl_err *err);
// Goes on with what waits for a child, so that MHD can be stopped.
void sl_exchange_resume_all(struct sl_http *http);

#endif
