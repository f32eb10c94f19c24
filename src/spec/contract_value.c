// Values and patterns as texts, checked as far as it goes without an engine.
#include "spec/contract_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const char *skip_digits(const char *text)
{
    return text + strspn(text, "0123456789");
}

// -12, 12.5, .5, 1e6
static bool is_number(const char *text, bool is_whole)
{
    const char *at = text + (*text == '-' || *text == '+');
    const char *end = skip_digits(at);
    size_t digits = (size_t)(end - at);

    if (is_whole)
        return digits > 0 && *end == '\0';
    if (*end == '.') {
        at = end + 1;
        end = skip_digits(at);
        digits += (size_t)(end - at);
    }
    if (digits && (*end == 'e' || *end == 'E')) {
        at = end + 1 + (end[1] == '-' || end[1] == '+');
        end = skip_digits(at);
        digits = (size_t)(end - at);
    }
    return digits > 0 && *end == '\0';
}

// "12:30", "12:30:59.5" -> seconds
static bool read_time(const char *text, long double *ret)
{
    char *end;
    long hours = strtol(text, &end, 10);
    long minutes;
    long double seconds = 0;

    if (end - text != 2 || *end != ':' || strspn(text, "0123456789:.") != strlen(text))
        return false;
    text = end + 1;
    minutes = strtol(text, &end, 10);
    if (end - text != 2 || (*end && *end != ':'))
        return false;
    if (*end == ':') {
        text = end + 1;
        seconds = strtold(text, &end);
        if (end - text < 2 || *end)
            return false;
    }
    *ret = (long double)(hours * 3600 + minutes * 60) + seconds;
    return hours < 24 && minutes < 60 && seconds < 60;
}

bool sl_odcs_value(struct sl_type type, const char *text, long double *ret)
{
    int64_t time_us;

    *ret = 0;
    switch (type.kind) {
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        if (!is_number(text, type.kind == SL_TYPE_INTEGER))
            return false;
        *ret = strtold(text, NULL);
        return true;
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        if (sl_clock_parse(text, &time_us) != 0)
            return false;
        *ret = (long double)time_us;
        return true;
    case SL_TYPE_TIME:
        return read_time(text, ret);
    case SL_TYPE_BOOLEAN:
        return sl_str_equal_nocase(text, "true") || sl_str_equal_nocase(text, "false");
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
    case SL_TYPE_TEXT:
        return true;
    }
    return true;
}

// [...] from its opening bracket on; where it ends, or NULL. A ']' that comes first stands for
// itself.
static const char *skip_class(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    if (*at == ']')
        at++;
    for (; *at && *at != ']'; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (at[0] == '[' && at[1] == ':' && strstr(at, ":]"))
            at = strstr(at, ":]") + 1;
    }
    return *at ? at : NULL;
}

const char *sl_odcs_pattern_problem(const char *pattern)
{
    int depth = 0;

    for (const char *at = pattern; *at; at++) {
        if (*at == '\\') {
            if (*++at == '\0')
                return "it ends with a backslash";
        } else if (*at == '[') {
            at = skip_class(at);
            if (!at)
                return "a '[' is not closed";
        } else if (*at == '(') {
            depth++;
        } else if (*at == ')' && --depth < 0) {
            return "a ')' has no '('";
        }
    }
    return depth > 0 ? "a '(' is not closed" : NULL;
}
