#include "base/opt_value.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

size_t sl_opt_value_count(const struct sl_opt *row)
{
    size_t count = 0;

    while (row->values && row->values[count])
        count++;
    return count;
}

bool sl_opt_is_special(const struct sl_opt *row)
{
    return row->name[0] == '@';
}

static bool set_bool(const char *text, bool *field)
{
    if (!sl_str_equal_nocase(text, "true") && !sl_str_equal_nocase(text, "false"))
        return false;
    *field = sl_str_equal_nocase(text, "true");
    return true;
}

static bool set_enum(const struct sl_opt *row, const char *text, int *field)
{
    for (size_t i = 0; i < sl_opt_value_count(row); i++)
        if (strcmp(row->values[i], text) == 0) {
            *field = (int)i;
            return true;
        }
    return false;
}

bool sl_opt_set(const struct sl_opt *row, const char *text, void *into)
{
    void *field = sl_opt_field(row, into);

    switch (row->type) {
    case SL_OPT_STRING:
        *(const char **)field = text;
        return true;
    case SL_OPT_INT:
        return sl_str_to_int64(text, field);
    case SL_OPT_DOUBLE:
        return sl_str_to_double(text, field);
    case SL_OPT_BOOL:
        return set_bool(text, field);
    case SL_OPT_DURATION:
        return sl_str_to_duration(text, field);
    case SL_OPT_BYTES:
        return sl_str_to_bytes(text, field);
    case SL_OPT_ENUM:
        return set_enum(row, text, field);
    case SL_OPT_STRINGS:
    case SL_OPT_OBJECT:
    case SL_OPT_LIST:
    case SL_OPT_NODE:
        return false;
    }
    return false;
}

static const char *describe_enum(const struct sl_opt *row, char *buffer, size_t size)
{
    size_t length = (size_t)snprintf(buffer, size, "one of");

    for (size_t i = 0; i < sl_opt_value_count(row) && length < size; i++)
        length +=
            (size_t)snprintf(buffer + length, size - length, "%s %s", i ? "," : "", row->values[i]);
    return buffer;
}

const char *sl_opt_expectation(const struct sl_opt *row, char *buffer, size_t size)
{
    switch (row->type) {
    case SL_OPT_STRING:
        return "a text";
    case SL_OPT_INT:
        return "a whole number";
    case SL_OPT_DOUBLE:
        return "a number";
    case SL_OPT_BOOL:
        return "true or false";
    case SL_OPT_DURATION:
        return "a duration in whole seconds, such as 30s, 15m, 24h, 90d, 2w";
    case SL_OPT_BYTES:
        return "a size such as 512MB, 4GB, 1GiB";
    case SL_OPT_ENUM:
        return describe_enum(row, buffer, size);
    case SL_OPT_STRINGS:
        return "a text or a list of texts";
    case SL_OPT_OBJECT:
        return "a map";
    case SL_OPT_LIST:
        return row->flags & SL_OPT_BY_NAME ? "a map of names" : "a list";
    case SL_OPT_NODE:
        return "anything";
    }
    return "";
}
