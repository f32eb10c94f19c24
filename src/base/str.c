#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool sl_str_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool sl_str_equal_nocase(const char *a, const char *b)
{
    return a && b ? strcasecmp(a, b) == 0 : a == b;
}

bool sl_str_starts(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool sl_str_ends(const char *text, const char *suffix)
{
    size_t length = text ? strlen(text) : 0;
    size_t suffix_length = strlen(suffix);

    return text && length >= suffix_length &&
           memcmp(text + length - suffix_length, suffix, suffix_length) == 0;
}

bool sl_str_is_empty(const char *text)
{
    return !text || *text == '\0';
}

char *sl_str_slug(struct sl_arena *arena, const char *text)
{
    char *slug = sl_arena_alloc(arena, strlen(text) + 2);
    size_t length = 0;

    if (!slug)
        return NULL;
    for (; *text; text++) {
        if (isalnum((unsigned char)*text))
            slug[length++] = (char)tolower((unsigned char)*text);
        else if (length > 0 && slug[length - 1] != '_')
            slug[length++] = '_';
    }
    if (length > 0 && slug[length - 1] == '_')
        slug[--length] = '\0';
    if (length == 0)
        slug[0] = '_';
    return slug;
}

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text))
        text++;
    return text;
}

static const char *skip_sign(const char *text)
{
    return *text == '-' || *text == '+' ? text + 1 : text;
}

bool sl_str_is_whole(const char *text)
{
    const char *digits = skip_sign(text);

    return digits != skip_digits(digits) && *skip_digits(digits) == '\0';
}

bool sl_str_to_int64(const char *text, int64_t *ret)
{
    int64_t value;

    if (!text || !sl_str_is_whole(text))
        return false;
    errno = 0;
    value = strtoll(text, NULL, 10);
    if (errno == ERANGE)
        return false;
    *ret = value;
    return true;
}

// The end of a decimal number with optional fraction and exponent; NULL if there is none. strtod
// alone would also take "inf", "nan", hexadecimal and leading blanks.
static const char *skip_decimal(const char *text)
{
    const char *at = skip_digits(text);
    bool has_digits = at > text;

    if (*at == '.') {
        has_digits = has_digits || skip_digits(at + 1) > at + 1;
        at = skip_digits(at + 1);
    }
    if (!has_digits)
        return NULL;
    if (*at == 'e' || *at == 'E') {
        const char *exponent = skip_sign(at + 1);

        if (skip_digits(exponent) > exponent)
            at = skip_digits(exponent);
    }
    return at;
}

bool sl_str_to_double(const char *text, double *ret)
{
    const char *end = text ? skip_decimal(skip_sign(text)) : NULL;
    double value;

    if (!end || *end != '\0')
        return false;
    value = strtod(text, NULL);
    if (isinf(value))
        return false;
    *ret = value;
    return true;
}

bool sl_str_to_duration(const char *text, int64_t *ret_seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    const char *end = text ? skip_digits(text) : NULL;
    int64_t value;

    if (!end || end == text || *end == '\0' || end[1] != '\0')
        return false;
    errno = 0;
    value = strtoll(text, NULL, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].unit == *end)
            return errno != ERANGE && !__builtin_mul_overflow(value, units[i].seconds, ret_seconds);
    return false;
}

bool sl_str_to_bytes(const char *text, int64_t *ret_bytes)
{
    static const char letters[] = "KMGT";
    const char *unit = text ? skip_decimal(text) : NULL;
    const char *letter;
    double value;

    if (!unit || unit == text)
        return false;
    value = strtod(text, NULL);
    letter = *unit ? strchr(letters, toupper((unsigned char)*unit)) : NULL;
    if (letter) {
        bool is_binary = unit[1] == 'i';

        for (const char *power = letters; power <= letter; power++)
            value *= is_binary ? 1024 : 1000;
        unit += is_binary ? 2 : 1;
    }
    if (*unit == 'B' || *unit == 'b')
        unit++;
    if (*unit != '\0' || value >= (double)INT64_MAX)
        return false;
    *ret_bytes = (int64_t)value;
    return true;
}

const char *sl_str_count(int64_t value, char buffer[32])
{
    char digits[24];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%" PRIu64,
                                    value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    char *at = buffer;

    if (value < 0)
        *at++ = '-';
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return buffer;
}

const char *sl_str_size(int64_t size_bytes, char buffer[32])
{
    static const char *const units[] = {"KB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)size_bytes / 1000;
    size_t unit = 0;

    if (size_bytes < 1000) {
        snprintf(buffer, 32, "%" PRId64 " B", size_bytes);
        return buffer;
    }
    // 999.95 would be printed as 1000.0.
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    snprintf(buffer, 32, "%.1f %s", value, units[unit]);
    return buffer;
}

const char *sl_str_elapsed(int64_t elapsed_ms, char buffer[32])
{
    int64_t seconds = elapsed_ms / 1000;

    if (elapsed_ms < 1000)
        snprintf(buffer, 32, "%" PRId64 " ms", elapsed_ms);
    else if (elapsed_ms < 60000)
        // Cut, not rounded: 59,999 ms is not "60.00 s".
        snprintf(buffer, 32, "%" PRId64 ".%02" PRId64 " s", seconds, elapsed_ms % 1000 / 10);
    else if (seconds < 3600)
        snprintf(buffer, 32, "%" PRId64 " m %" PRId64 " s", seconds / 60, seconds % 60);
    else
        snprintf(buffer, 32, "%" PRId64 " h %" PRId64 " m", seconds / 3600, seconds % 3600 / 60);
    return buffer;
}

int sl_strs_add(struct sl_strs *list, struct sl_arena *arena, const char *text, struct sl_err *err)
{
    const char *copy = sl_arena_strdup(arena, text);

    if (!copy || !SL_PUSH(arena, list->items, list->count, copy))
        return sl_fail_memory(err);
    return SL_OK;
}

int sl_strs_copy(struct sl_strs *ret, const struct sl_strs *from, struct sl_arena *arena,
                 struct sl_err *err)
{
    *ret = (struct sl_strs){0};
    for (size_t i = 0; i < from->count; i++)
        SL_TRY(sl_strs_add(ret, arena, from->items[i], err));
    return SL_OK;
}

bool sl_strs_has(const struct sl_strs *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (sl_str_equal(list->items[i], text))
            return true;
    return false;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void sl_strs_sort(struct sl_strs *list)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, compare_texts);
}

const char *sl_str_duration(int64_t seconds, char buffer[32])
{
    int64_t minutes = seconds / 60, hours = seconds / 3600, days = seconds / 86400;
    if (seconds < 60)
        snprintf(buffer, 32, "%" PRId64 " s", seconds < 0 ? 0 : seconds);
    else if (hours < 1)
        snprintf(buffer, 32, "%" PRId64 " min", minutes);
    else if (hours < 48 && minutes % 60 == 0)
        snprintf(buffer, 32, "%" PRId64 " h", hours);
    else if (hours < 48)
        snprintf(buffer, 32, "%" PRId64 " h %" PRId64 " min", hours, minutes % 60);
    else
        snprintf(buffer, 32, "%" PRId64 " days", days);
    return buffer;
}
