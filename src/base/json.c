#include "base/json.h"

#include "base/clock.h"

#include "base/buf.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Out of memory jansson 2.14 may report a syntax error, return half a value, or print half a text
// as if it were whole. It tells nobody, so its allocations are watched: after a failure nothing of
// the result counts.
static _Thread_local bool is_out_of_memory;

static void *watched_malloc(size_t size)
{
    void *memory = malloc(size);

    is_out_of_memory = is_out_of_memory || !memory;
    return memory;
}

// Before main, since no thread may use jansson while its functions change.
__attribute__((constructor)) static void watch_allocations(void)
{
    json_set_alloc_funcs(watched_malloc, free);
}

void sl_json_free(json_t **json)
{
    if (!json)
        return;
    json_decref(*json);
    *json = NULL;
}

// The end of the number that begins at `at`; *ret_is_integer says whether it has neither fraction
// nor exponent.
static char *number_end(char *at, const char *end, bool *ret_is_integer)
{
    *ret_is_integer = true;
    for (; at < end && (isdigit((unsigned char)*at) || strchr("+-.eE", *at)); at++)
        if (strchr(".eE", *at))
            *ret_is_integer = false;
    return at;
}

// Overwrites integers beyond 64 signed bits by the nearest that fits, padded with blanks, so that
// places stay.
static void saturate_integers(char *text, size_t length)
{
    char *end = text + length;
    bool is_text = false;

    for (char *at = text; at < end; at++) {
        if (is_text && *at == '\\')
            at++;
        else if (*at == '"')
            is_text = !is_text;
        else if (!is_text && (isdigit((unsigned char)*at) || *at == '-')) {
            bool is_integer;
            char *after = number_end(at, end, &is_integer);

            errno = 0;
            if (is_integer && (strtoll(at, NULL, 10), errno == ERANGE)) {
                const char *most = *at == '-' ? "-9223372036854775808" : "9223372036854775807";

                memset(at, ' ', (size_t)(after - at));
                memcpy(at, most, strlen(most));
            }
            at = after - 1;
        }
    }
}

// jansson holds integers as int64_t and refuses larger ones, which engines do write (2^64-1 for
// "unknown").
static json_t *parse_saturated(const char *text, size_t length, size_t flags, json_error_t *error)
{
    SL_AUTO(sl_buf_clear) struct sl_buf copy = SL_BUF_INIT;

    sl_buf_add_bytes(&copy, text, length);
    is_out_of_memory = copy.has_failed;
    if (is_out_of_memory)
        return NULL;
    saturate_integers(copy.text, copy.length);
    return json_loadb(copy.text, copy.length, flags, error);
}

static int parse(const char *text, size_t length, const char *name, size_t flags, json_t **ret,
                 struct sl_err *err)
{
    json_error_t error = {0};
    json_t *json;

    is_out_of_memory = false;
    json = json_loadb(text, length, flags, &error);
    if (!json && json_error_code(&error) == json_error_numeric_overflow)
        json = parse_saturated(text, length, flags, &error);
    if (is_out_of_memory) {
        json_decref(json);
        return sl_fail_memory(err);
    }
    if (!json) {
        (void)sl_fail(err, SL_E_JSON_SYNTAX, "'%s' is not valid JSON: %s", name, error.text);
        (void)sl_err_at(err, name, error.line, error.column);
        return SL_E_JSON_SYNTAX;
    }
    *ret = json;
    return SL_OK;
}

int sl_json_parse(const char *text, size_t length, const char *name, json_t **ret,
                  struct sl_err *err)
{
    return parse(text, length, name, JSON_DECODE_ANY, ret, err);
}

int sl_json_parse_data(const char *text, size_t length, const char *name, json_t **ret,
                       struct sl_err *err)
{
    return parse(text, length, name, JSON_DECODE_ANY | JSON_ALLOW_NUL, ret, err);
}

int sl_json_print(const json_t *json, char **ret, struct sl_err *err)
{
    char *text;

    is_out_of_memory = false;
    text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text || is_out_of_memory) {
        free(text);
        return sl_fail_memory(err);
    }
    *ret = text;
    return SL_OK;
}

json_t *sl_json_string(const char *text)
{
    SL_AUTO(sl_buf_clear) struct sl_buf quoted = SL_BUF_INIT;
    json_t *json = json_string(text); // refuses what is no UTF-8

    if (json)
        return json;
    sl_buf_add_json_string(&quoted, text);
    return quoted.has_failed ? NULL : json_loadb(quoted.text, quoted.length, JSON_DECODE_ANY, NULL);
}

json_t *sl_json_string_or_null(const char *text)
{
    return text ? sl_json_string(text) : json_null();
}

json_t *sl_json_time(int64_t time_us)
{
    char text[32];
    return time_us ? json_string(sl_clock_format(time_us, text)) : json_null();
}

json_t *sl_json_strs(const struct sl_strs *texts)
{
    SL_AUTO(sl_json_free) json_t *list = json_array();
    for (size_t i = 0; list && i < texts->count; i++)
        if (json_array_append_new(list, sl_json_string(texts->items[i])) != 0)
            return NULL;
    return json_incref(list);
}

const char *sl_json_text(const json_t *object, const char *key, const char *otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? json_string_value(value) : otherwise;
}

int64_t sl_json_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : otherwise;
}

bool sl_json_bool(const json_t *object, const char *key, bool otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}
