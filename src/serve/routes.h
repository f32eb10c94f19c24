// The one table of routes: what is answered, the OpenAPI document and the reference page come from
// these rows.
#ifndef SL_SERVE_ROUTES_H
#define SL_SERVE_ROUTES_H

#include "serve/request.h"

enum sl_value_type { SL_VALUE_TEXT, SL_VALUE_INT, SL_VALUE_BOOL, SL_VALUE_TEXTS, SL_VALUE_OBJECT };

// A parameter of the query (GET) or a member of the body (POST).
struct sl_route_value {
    const char *name;
    enum sl_value_type type;
    const char *summary;
    bool is_required;
    const char *const *words; // the only ones it may be, up to a NULL; NULL: any text
    // `command` is given the name of a file that holds it; an object always is one.
    bool is_file;
    const char *unless; // required, but where the value of this name is true
    const char *flag;   // of `command`: "--limit"; NULL: "--" and the name; "": it gets none
};

enum sl_route_flag {
    SL_ROUTE_STREAMS = 1,  // what the command prints may be large: it is passed on as it comes
    SL_ROUTE_READS = 2,    // nothing is changed: nobody has to be told, and it may be cut off
    SL_ROUTE_TABLES = 8,   // words that come from values name tables, and no files
    SL_ROUTE_CONFIRMS = 4, // it takes something away: `confirm` or `dry_run` has to be said
    // It may take hours: it has no limit of time but that of its client, and a place of its own
    // among the commands at work.
    SL_ROUTE_LONG = 16,
    // Lines as they come, from the first one on, until the command or its client ends, however it
    // does: it says by its lines what came of it.
    SL_ROUTE_FOLLOWS = 32,
    SL_ROUTE_FINDS = 64, // a file that the command does not find is what the path names (404)
};

enum { SL_ROUTE_FILES = 2 }; // of a route's values, at most
static inline bool sl_route_is_file(const struct sl_route_value *value)
{
    return value->is_file || value->type == SL_VALUE_OBJECT;
}

struct sl_route {
    const char *method; // "GET" (HEAD, too), "POST"
    const char *path;   // "/api/v1/runs/{run}/steps"
    const char *summary;
    const char *tag; // what it belongs to, in the document
    unsigned may;    // enum sl_may that it needs; 0: anybody may
    int status;      // of an answer that went well
    // Name of its schema, see serve/openapi.c; a text other than JSON: its type.
    const char *answers;
    const struct sl_route_value *values; // ends with a NULL name; may be NULL
    // Either answers at once,
    int (*handle)(struct sl_request *request, struct sl_err *err);
    // or a command of this program does: its words, up to a NULL. "{table}" alone is the value of
    // that name in the path, which comes behind "--". Values of the query and body become options.
    // One that has both is for the handler to choose; a list in the body is several words.
    const char *const *command;
    unsigned flags;       // enum sl_route_flag; a GET reads anyhow
    const char *who_flag; // of `command`: "--by", for who asks
};

extern const struct sl_route sl_routes[]; // ends with a NULL method
extern const char *const sl_route_run_statuses[];

// The route of a method and path; its values go to ret_values. NULL, and *ret_allow (in the arena)
// says which methods the path has ("GET, HEAD"; NULL: there is no such path).
const struct sl_route *sl_route_find(const char *method, const struct sl_uri *uri,
                                     const char *ret_values[SL_ROUTE_NAMES], struct sl_arena *arena,
                                     const char **ret_allow);
// Whether the values of the query and the body are what the route takes (SL_E_SERVE_REQUEST).
SL_MUST int sl_route_check(struct sl_request *request, struct sl_err *err);
const struct sl_route_value *sl_route_value_find(const struct sl_route *route,
                                                 const char *name); // NULL: it takes no such thing
// Only looks: by its method, its flags, or since it is asked what would be.
bool sl_route_is_reading(const struct sl_request *request);
// The OpenAPI 3.1 document; the same at each call.
SL_MUST int sl_openapi(json_t **ret, struct sl_err *err);
// The reference page.
void sl_openapi_markdown(struct sl_buf *text);

#endif
