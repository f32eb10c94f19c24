// One request, inside the serve layer: what was asked, by whom, and what is answered.
#ifndef SL_SERVE_REQUEST_H
#define SL_SERVE_REQUEST_H

#include "serve/http.h"
#include "serve/uri.h"

struct sl_route;
struct sl_child;
struct sl_children;

enum { SL_ROUTE_NAMES = 3 }; // {name}s in a path, at most

struct sl_answer {
    int status; // of HTTP; 0: none yet
    const char *type;
    struct sl_buf text;
    int fd;            // in the place of text: a file, from its beginning; -1: none
    bool is_stream;    // in the place of text: what the child says from now on
    const char *allow; // of 405: "GET, HEAD"
};

struct sl_request {
    struct sl_arena arena;
    const struct sl_http_options *options;
    struct sl_err wrong; // of the path, found before there was anybody to tell it to
    struct sl_uri uri;
    const struct sl_route *route;
    const char *values[SL_ROUTE_NAMES]; // of the path's {name}s, in order
    bool is_local;                      // came over the unix socket
    const char *who;
    const char *traceparent; // header of that name; NULL: there is none
    unsigned rights;         // enum sl_may
    struct sl_buf body;
    bool is_too_large;
    size_t dropped_bytes; // of a body that is
    json_t *json;         // of the body, an object; NULL: it was empty
    struct sl_answer answer;
    bool is_begun, is_handled;
    struct sl_children *children; // who may answer
    struct sl_child *child;       // who does; NULL: none
    bool is_followed;             // its command's lines are passed on as they come
    // Once its command went well, this answers in its place; NULL: what it has printed does.
    int (*after_command)(struct sl_request *request, struct sl_err *err);
    void (*on_answer)(void *of); // a child has filled `answer`, or has more of a stream
    void *of;
};

// Answers. Each may be called once; on failure `answer` is that of the error.
SL_MUST int sl_answer_json(struct sl_request *request, int status, const json_t *json,
                           struct sl_err *err);
// {"error": {"code", "message", "hint"}}; the status follows from the code, unless one is given.
void sl_answer_error(struct sl_request *request, int status, const struct sl_err *err);
// 400, 403, 404, 409, 500, 503: what serve/control.h says.
int sl_answer_status(const struct sl_err *err);
// Does what the route says, or begins to: then answer.status is 0, and on_answer will be called.
void sl_request_handle(struct sl_request *request);
// Frees what it holds; a child that answers it goes on without anybody who listens.
void sl_request_clear(struct sl_request *request);

// A parameter of the query, or a member of the body where the route takes one. Values were checked
// against the route's rows already.
const char *sl_request_text(const struct sl_request *request, const char *name);
int64_t sl_request_int(const struct sl_request *request, const char *name, int64_t otherwise);
bool sl_request_bool(const struct sl_request *request, const char *name);
SL_MUST int sl_request_texts(struct sl_request *request, const char *name, struct sl_strs *ret,
                             struct sl_err *err);

#endif
