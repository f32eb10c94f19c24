// The variables of OpenLineage and OpenTelemetry:
// https://openlineage.io/docs/client/python/configuration
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
#include "spec/observe_inner.h"

#include <string.h>
#include <strings.h>

struct sl_said sl_observe_said(const struct sl_observing *it, const char *key, const char *written,
                               const char *variable)
{
    struct sl_said said = {.map = it->map, .key = key, .text = written};
    if (written || !variable)
        return said;
    said.text = sl_load_variable(it->load, variable, &said.origin);
    if (said.text && !*said.text) // an empty variable is none
        said.text = NULL;
    return said;
}

bool sl_observe_is(const struct sl_load *load, const char *variable, const char *value)
{
    const char *origin, *text = sl_load_variable(load, variable, &origin);
    return text && strcasecmp(text, value) == 0;
}

bool sl_observe_is_true(const struct sl_load *load, const char *variable)
{
    return sl_observe_is(load, variable, "true") || sl_observe_is(load, variable, "1");
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// Blanks around it are cut. A '%' that begins no byte stays.
static char *decode(const char *text, size_t length, struct sl_arena *arena)
{
    while (length > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        length--;
    }
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    char *copy = sl_arena_strndup(arena, text, length);
    size_t count = 0;
    for (size_t i = 0; copy && i < length; i++) {
        bool is_byte =
            copy[i] == '%' && i + 2 < length && digit(copy[i + 1]) >= 0 && digit(copy[i + 2]) >= 0;
        copy[count++] = is_byte ? (char)(digit(copy[i + 1]) * 16 + digit(copy[i + 2])) : copy[i];
        i += is_byte ? 2 : 0;
    }
    if (copy)
        copy[count] = '\0';
    return copy;
}

int sl_pairs_parse(const char *text, struct sl_arena *arena, struct sl_attribute **ret,
                   size_t *ret_count, bool *ret_is_valid, struct sl_err *err)
{
    struct sl_attribute *pairs = NULL;
    size_t count = 0;
    *ret_is_valid = false;
    while (*text) {
        size_t length = strcspn(text, ",");
        const char *equals = memchr(text, '=', length);
        struct sl_attribute pair;
        if (length > 0) {
            if (!equals)
                return SL_OK;
            pair.key = decode(text, (size_t)(equals - text), arena);
            pair.value = decode(equals + 1, (size_t)(text + length - equals - 1), arena);
            SL_TRY_NEW(pair.key, err);
            SL_TRY_NEW(pair.value, err);
            if (!*pair.key)
                return SL_OK;
            if (!SL_PUSH(arena, pairs, count, pair))
                return sl_fail_memory(err);
        }
        text += length + (text[length] == ',');
    }
    *ret = pairs;
    *ret_count = count;
    *ret_is_valid = true;
    return SL_OK;
}
