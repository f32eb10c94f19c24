// Any bytes are the target of a request: decoded into parts that hold no control character, for
// which there is a route or not, or an error that says why.
#include "fuzz.h"

#include "serve/routes.h"

#include <stdlib.h>
#include <string.h>

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_text(const char *text)
{
    for (; *text; text++)
        must((unsigned char)*text >= ' ');
}

static void check_route(const struct sl_uri *uri, const char *method, struct sl_arena *arena)
{
    const char *values[SL_ROUTE_NAMES] = {0}, *allow = NULL;
    const struct sl_route *route = sl_route_find(method, uri, values, arena, &allow);
    must(!route || strcmp(route->method, method) == 0);
    for (size_t i = 0; route && i < SL_ROUTE_NAMES && values[i]; i++)
        check_text(values[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_uri uri = {0};
    struct sl_err err = {0};
    sl_arena_init(&arena, 0);
    const char *text = sl_arena_strndup(&arena, (const char *)data, size);
    must(text != NULL);
    if (sl_uri_parse(text, &arena, &uri, &err) != SL_OK) {
        must(err.code == SL_E_SERVE_REQUEST && err.message[0]);
        return 0;
    }
    must(text[0] == '/' && uri.parts.count <= SL_URI_PARTS &&
         uri.parameter_count <= SL_URI_PARAMETERS);
    for (size_t i = 0; i < uri.parts.count; i++)
        check_text(uri.parts.items[i]);
    check_route(&uri, "GET", &arena);
    check_route(&uri, "POST", &arena);
    return 0;
}
