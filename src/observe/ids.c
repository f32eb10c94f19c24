#include "observe/ids.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

static bool is_hex(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!text[i] || !strchr("0123456789abcdef", text[i]))
            return false;
    return true;
}

static bool is_zero(const char *digits)
{
    return digits[strspn(digits, "0")] == '\0';
}

static int digest(const char *what, const char *run_id, const char *step, int attempt,
                  char ret_hex[65], struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char number[16];
    (void)snprintf(number, sizeof number, "%d", attempt);
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, what);
    sl_hash_add(hash, run_id);
    sl_hash_add(hash, step);
    sl_hash_add(hash, number);
    return sl_hash_end(hash, ret_hex, err);
}

int sl_step_uuid(const char *run_id, const char *step, char ret[37], struct sl_err *err)
{
    static const char variants[] = "89ab";
    char hex[65];
    SL_TRY(digest("run of a step", run_id, step, 0, hex, err));
    hex[12] = '8';
    hex[16] = variants[(strchr("0123456789abcdef", hex[16]) - "0123456789abcdef") & 3];
    (void)snprintf(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
    return SL_OK;
}

int sl_trace_id(const char *run_id, char ret[33], struct sl_err *err)
{
    char digits[33] = "", hex[65];
    size_t count = 0;
    for (const char *at = run_id; *at && count < 33; at++)
        if (*at != '-' && count++ < 32)
            digits[count - 1] = *at;
    if (count == 32 && is_hex(digits, 32) && !is_zero(digits)) {
        memcpy(ret, digits, 33);
        return SL_OK;
    }
    SL_TRY(digest("trace", run_id, NULL, 0, hex, err)); // a run with a name of another kind
    (void)snprintf(ret, 33, "%.32s", hex);
    return SL_OK;
}

int sl_span_id(const char *run_id, const char *step, int attempt, char ret[17], struct sl_err *err)
{
    char hex[65];
    SL_TRY(digest("span", run_id, step, attempt, hex, err));
    (void)snprintf(ret, 17, "%.16s", hex);
    if (is_zero(ret))
        ret[15] = '1';
    return SL_OK;
}

// "00-<32 digits>-<16 digits>-<2 digits>"; later versions may have more behind it.
bool sl_trace_parent_parse(const char *text, struct sl_trace_parent *ret)
{
    enum { TRACE = 3, SPAN = TRACE + 33, FLAGS = SPAN + 17, WHOLE = FLAGS + 2 };
    if (!text || strlen(text) < WHOLE || !is_hex(text, 2) || strncmp(text, "ff", 2) == 0 ||
        text[TRACE - 1] != '-' || text[SPAN - 1] != '-' || text[FLAGS - 1] != '-' ||
        !is_hex(text + TRACE, 32) || !is_hex(text + SPAN, 16) || !is_hex(text + FLAGS, 2))
        return false;
    if (text[WHOLE] && (strncmp(text, "00", 2) == 0 || text[WHOLE] != '-'))
        return false;
    (void)snprintf(ret->trace_id, sizeof ret->trace_id, "%.32s", text + TRACE);
    (void)snprintf(ret->span_id, sizeof ret->span_id, "%.16s", text + SPAN);
    ret->is_sampled = strchr("13579bdf", text[FLAGS + 1]) != NULL;
    return !is_zero(ret->trace_id) && !is_zero(ret->span_id);
}
