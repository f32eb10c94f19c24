// JSON Schema (draft 2020-12) out of option rows. References such as ${env:X} may stand for any
// scalar, so typed scalars take a text with "${" too.
#include "base/opt_value.h"

#include <string.h>

#define REFERENCE "\\\\$\\\\{"

static void add_schema(const struct sl_opt *rows, bool is_by_name, bool is_open,
                       struct sl_buf *json);

static void add_values(const struct sl_opt *row, struct sl_buf *json)
{
    sl_buf_add(json, "\"anyOf\":[{\"enum\":[");
    for (size_t i = 0; i < sl_opt_value_count(row); i++) {
        sl_buf_add(json, i ? "," : "");
        sl_buf_add_json_string(json, row->values[i]);
    }
    sl_buf_add(json, "]},{\"type\":\"string\",\"pattern\":\"" REFERENCE "\"}]");
}

static void add_list(const struct sl_opt *row, struct sl_buf *json)
{
    bool is_by_name = row->flags & SL_OPT_BY_NAME;

    sl_buf_add(json, is_by_name ? "\"type\":\"object\",\"additionalProperties\":"
                                : "\"type\":\"array\",\"items\":");
    add_schema(row->rows, is_by_name, row->flags & SL_OPT_OPEN, json);
}

static void add_members(const struct sl_opt *rows, bool is_by_name, bool is_open,
                        struct sl_buf *json);

static void add_type(const struct sl_opt *row, struct sl_buf *json)
{
    switch (row->type) {
    case SL_OPT_STRING:
        sl_buf_add(json, "\"type\":[\"string\",\"number\",\"boolean\"]");
        break;
    case SL_OPT_INT:
        sl_buf_add(json, "\"type\":[\"integer\",\"string\"],\"pattern\":\"" REFERENCE "\"");
        break;
    case SL_OPT_DOUBLE:
        sl_buf_add(json, "\"type\":[\"number\",\"string\"],\"pattern\":\"" REFERENCE "\"");
        break;
    case SL_OPT_BOOL:
        sl_buf_add(json, "\"type\":[\"boolean\",\"string\"],\"pattern\":\"" REFERENCE "\"");
        break;
    case SL_OPT_DURATION:
        sl_buf_add(json, "\"type\":\"string\",\"pattern\":\"^[0-9]+[smhdw]$|" REFERENCE "\"");
        break;
    case SL_OPT_BYTES:
        sl_buf_add(json, "\"type\":[\"integer\",\"string\"],"
                         "\"pattern\":\"^[0-9.]+([kKmMgGtT]i?)?[bB]?$|" REFERENCE "\"");
        break;
    case SL_OPT_ENUM:
        add_values(row, json);
        break;
    case SL_OPT_STRINGS:
        sl_buf_add(json, "\"type\":[\"string\",\"number\",\"boolean\",\"array\"],"
                         "\"items\":{\"type\":[\"string\",\"number\",\"boolean\"]}");
        break;
    case SL_OPT_OBJECT:
        add_members(row->rows, false, row->flags & SL_OPT_OPEN, json);
        break;
    case SL_OPT_LIST:
        add_list(row, json);
        break;
    case SL_OPT_NODE:
        sl_buf_add(json, "\"$comment\":\"checked by whoever reads it\"");
        if (row->rows) {
            sl_buf_add(json, ",\"anyOf\":[{\"not\":{\"type\":\"object\"}},");
            add_schema(row->rows, false, row->flags & SL_OPT_OPEN, json);
            sl_buf_add(json, "]");
        }
        break;
    }
}

static void add_default(const struct sl_opt *row, struct sl_buf *json)
{
    if (!row->otherwise)
        return;
    sl_buf_add(json, ",\"default\":");
    if (row->type == SL_OPT_INT || row->type == SL_OPT_DOUBLE || row->type == SL_OPT_BOOL)
        sl_buf_add(json, row->otherwise);
    else
        sl_buf_add_json_string(json, row->otherwise);
}

static void add_property(const struct sl_opt *row, struct sl_buf *json)
{
    sl_buf_add_json_string(json, row->name);
    sl_buf_add(json, ":{");
    add_type(row, json);
    if (row->summary) {
        sl_buf_add(json, ",\"description\":");
        sl_buf_add_json_string(json, row->summary);
    }
    add_default(row, json);
    if (row->example) {
        sl_buf_add(json, ",\"examples\":[");
        sl_buf_add_json_string(json, row->example);
        sl_buf_add(json, "]");
    }
    if (row->flags & SL_OPT_SECRET)
        sl_buf_add(json, ",\"writeOnly\":true");
    sl_buf_add(json, "}");
}

// In a map by name, the row "name" is the key and no property.
static bool is_property(const struct sl_opt *row, bool is_by_name)
{
    return !sl_opt_is_special(row) && !(is_by_name && strcmp(row->name, "name") == 0);
}

static void add_required(const struct sl_opt *rows, bool is_by_name, struct sl_buf *json)
{
    size_t count = 0;

    for (const struct sl_opt *row = rows; row->name; row++) {
        if (!is_property(row, is_by_name) || !(row->flags & SL_OPT_REQUIRED))
            continue;
        sl_buf_add(json, count++ ? "," : ",\"required\":[");
        sl_buf_add_json_string(json, row->name);
    }
    sl_buf_add(json, count ? "]" : "");
}

static void add_members(const struct sl_opt *rows, bool is_by_name, bool is_open,
                        struct sl_buf *json)
{
    size_t count = 0;

    sl_buf_add(json, "\"type\":\"object\",\"properties\":{");
    for (const struct sl_opt *row = rows; row->name; row++) {
        if (!is_property(row, is_by_name))
            continue;
        sl_buf_add(json, count++ ? "," : "");
        add_property(row, json);
    }
    sl_buf_add(json, "}");
    add_required(rows, is_by_name, json);
    sl_buf_add(json,
               is_open ? ",\"additionalProperties\":true" : ",\"additionalProperties\":false");
}

static void add_schema(const struct sl_opt *rows, bool is_by_name, bool is_open,
                       struct sl_buf *json)
{
    sl_buf_add(json, "{");
    add_members(rows, is_by_name, is_open, json);
    sl_buf_add(json, "}");
}

void sl_opt_schema(const struct sl_opt *rows, struct sl_buf *json)
{
    add_schema(rows, false, false, json);
}
