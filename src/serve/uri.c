#include "serve/uri.h"

#include "base/utf8.h"

#include <string.h>

static bool is_utf8(const char *bytes, size_t length)
{
    for (size_t at = 0, step; at < length; at += step) {
        step = sl_utf8_length(bytes + at, length - at);
        if (step == 0)
            return false;
    }
    return true;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The text up to `end`, decoded. Control characters have no business in names and numbers, and
// could steer a terminal that shows a log.
static int decode(const char *text, const char *end, bool is_query, struct sl_arena *arena,
                  const char **ret, struct sl_err *err)
{
    char *out = sl_arena_alloc(arena, (size_t)(end - text) + 1), *to = out;

    SL_TRY_NEW(out, err);
    for (; text < end; text++) {
        char c = *text;

        if (c == '%') {
            int high = end - text > 2 ? digit(text[1]) : -1, low = high < 0 ? -1 : digit(text[2]);

            if (low < 0)
                return sl_fail(err, SL_E_SERVE_REQUEST,
                               "the path has a '%%' that two hexadecimal digits do not follow");
            c = (char)(high * 16 + low);
            text += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if ((unsigned char)c < ' ' || c == 0x7f)
            return sl_fail(err, SL_E_SERVE_REQUEST, "the path has a control character");
        *to++ = c;
    }
    if (!is_utf8(out, (size_t)(to - out)))
        return sl_fail(err, SL_E_SERVE_REQUEST, "the path is no UTF-8");
    *ret = out;
    return SL_OK;
}

static int add_parameter(const char *text, const char *end, struct sl_arena *arena,
                         struct sl_uri *uri, struct sl_err *err)
{
    const char *equals = memchr(text, '=', (size_t)(end - text));
    struct sl_uri_parameter parameter = {"", ""};

    if (text == end)
        return SL_OK;
    if (uri->parameter_count == SL_URI_PARAMETERS)
        return sl_fail(err, SL_E_SERVE_REQUEST, "the path has more than %d parameters",
                       SL_URI_PARAMETERS);
    SL_TRY(decode(text, equals ? equals : end, true, arena, &parameter.name, err));
    if (equals)
        SL_TRY(decode(equals + 1, end, true, arena, &parameter.value, err));
    if (!SL_PUSH(arena, uri->parameters, uri->parameter_count, parameter))
        return sl_fail_memory(err);
    return SL_OK;
}

int sl_uri_parse(const char *text, struct sl_arena *arena, struct sl_uri *ret, struct sl_err *err)
{
    const char *end = text + strcspn(text, "?"), *query = *end ? end + 1 : end;
    struct sl_uri uri = {0};

    if (*text != '/')
        return sl_fail(err, SL_E_SERVE_REQUEST, "the path does not begin with '/'");
    while (text < end && text + 1 < end) {
        const char *part = text + 1, *decoded;

        text = memchr(part, '/', (size_t)(end - part));
        text = text ? text : end;
        if (uri.parts.count == SL_URI_PARTS || text == part)
            return sl_fail(err, SL_E_SERVE_REQUEST, "the path has %s",
                           text == part ? "an empty part" : "too many parts");
        SL_TRY(decode(part, text, false, arena, &decoded, err));
        SL_TRY(sl_strs_add(&uri.parts, arena, decoded, err));
    }
    while (*query) {
        const char *next = query + strcspn(query, "&");

        SL_TRY(add_parameter(query, next, arena, &uri, err));
        query = *next ? next + 1 : next;
    }
    *ret = uri;
    return SL_OK;
}

const char *sl_uri_get(const struct sl_uri *uri, const char *name)
{
    for (size_t i = 0; i < uri->parameter_count; i++)
        if (strcmp(uri->parameters[i].name, name) == 0)
            return uri->parameters[i].value;
    return NULL;
}
