// What a request asks for: "/api/v1/runs?status=ok&limit=5" in parts. Pure.
#ifndef SL_SERVE_URI_H
#define SL_SERVE_URI_H

#include "base/str.h"

enum { SL_URI_PARTS = 16, SL_URI_PARAMETERS = 64 };

struct sl_uri_parameter {
    const char *name, *value; // decoded; "limit" alone has the value ""
};

struct sl_uri {
    struct sl_strs parts; // of the path, decoded: "api", "v1", "runs"; none: "/"
    struct sl_uri_parameter *parameters;
    size_t parameter_count;
};

// Decodes percent signs (and "+" after the "?"), each part by itself, so that a "/" can be part of
// a value. SL_E_SERVE_REQUEST: it does not begin with "/", has empty parts, a wrong percent sign, a
// control character, bytes that are no UTF-8, or too many parts.
SL_MUST int sl_uri_parse(const char *text, struct sl_arena *arena, struct sl_uri *ret,
                         struct sl_err *err);
// The value of a parameter, the first if there are several; NULL: none.
const char *sl_uri_get(const struct sl_uri *uri, const char *name);

#endif
