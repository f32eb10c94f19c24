// Names of types in databases and file formats: physicalType.
#include "spec/contract_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name {
    const char *name;
    enum sl_type_kind kind;
    int bits;
};

// int8 has 8 bytes where it has any tradition (PostgreSQL, DuckDB); int16, int32, int64 count bits.
static const struct name names[] = {
    {"bigint", SL_TYPE_INTEGER, 64},
    {"bigserial", SL_TYPE_INTEGER, 64},
    {"byteint", SL_TYPE_INTEGER, 8},
    {"int", SL_TYPE_INTEGER, 32},
    {"int1", SL_TYPE_INTEGER, 8},
    {"int16", SL_TYPE_INTEGER, 16},
    {"int2", SL_TYPE_INTEGER, 16},
    {"int32", SL_TYPE_INTEGER, 32},
    {"int4", SL_TYPE_INTEGER, 32},
    {"int64", SL_TYPE_INTEGER, 64},
    {"int8", SL_TYPE_INTEGER, 64},
    {"integer", SL_TYPE_INTEGER, 32},
    {"long", SL_TYPE_INTEGER, 64},
    {"mediumint", SL_TYPE_INTEGER, 32},
    {"serial", SL_TYPE_INTEGER, 32},
    {"short", SL_TYPE_INTEGER, 16},
    {"smallint", SL_TYPE_INTEGER, 16},
    {"smallserial", SL_TYPE_INTEGER, 16},
    {"tinyint", SL_TYPE_INTEGER, 8},
    {"dec", SL_TYPE_DECIMAL, 0},
    {"decimal", SL_TYPE_DECIMAL, 0},
    {"bignumeric", SL_TYPE_DECIMAL, 0},
    {"number", SL_TYPE_DECIMAL, 0},
    {"numeric", SL_TYPE_DECIMAL, 0},
    {"double", SL_TYPE_DOUBLE, 0},
    {"double precision", SL_TYPE_DOUBLE, 0},
    {"float", SL_TYPE_DOUBLE, 0},
    {"float32", SL_TYPE_DOUBLE, 0},
    {"float4", SL_TYPE_DOUBLE, 0},
    {"float64", SL_TYPE_DOUBLE, 0},
    {"float8", SL_TYPE_DOUBLE, 0},
    {"real", SL_TYPE_DOUBLE, 0},
    {"bool", SL_TYPE_BOOLEAN, 0},
    {"boolean", SL_TYPE_BOOLEAN, 0},
    {"date", SL_TYPE_DATE, 0},
    {"time", SL_TYPE_TIME, 0},
    {"time without time zone", SL_TYPE_TIME, 0},
    {"datetime", SL_TYPE_TIMESTAMP_NTZ, 0},
    {"datetime2", SL_TYPE_TIMESTAMP_NTZ, 0},
    {"smalldatetime", SL_TYPE_TIMESTAMP_NTZ, 0},
    {"timestamp", SL_TYPE_TIMESTAMP_NTZ, 0},
    {"timestamp without time zone", SL_TYPE_TIMESTAMP_NTZ, 0},
    {"timestamp_ntz", SL_TYPE_TIMESTAMP_NTZ, 0},
    {"timestampntz", SL_TYPE_TIMESTAMP_NTZ, 0},
    {"datetimeoffset", SL_TYPE_TIMESTAMP, 0},
    {"timestamp with local time zone", SL_TYPE_TIMESTAMP, 0},
    {"timestamp with time zone", SL_TYPE_TIMESTAMP, 0},
    {"timestamp_ltz", SL_TYPE_TIMESTAMP, 0},
    {"timestamp_tz", SL_TYPE_TIMESTAMP, 0},
    {"timestampltz", SL_TYPE_TIMESTAMP, 0},
    {"timestamptz", SL_TYPE_TIMESTAMP, 0},
    {"array", SL_TYPE_JSON, 0},
    {"json", SL_TYPE_JSON, 0},
    {"jsonb", SL_TYPE_JSON, 0},
    {"list", SL_TYPE_JSON, 0},
    {"map", SL_TYPE_JSON, 0},
    {"object", SL_TYPE_JSON, 0},
    {"record", SL_TYPE_JSON, 0},
    {"row", SL_TYPE_JSON, 0},
    {"struct", SL_TYPE_JSON, 0},
    {"super", SL_TYPE_JSON, 0},
    {"variant", SL_TYPE_JSON, 0},
    {"bpchar", SL_TYPE_TEXT, 0},
    {"char", SL_TYPE_TEXT, 0},
    {"character", SL_TYPE_TEXT, 0},
    {"character varying", SL_TYPE_TEXT, 0},
    {"clob", SL_TYPE_TEXT, 0},
    {"longtext", SL_TYPE_TEXT, 0},
    {"mediumtext", SL_TYPE_TEXT, 0},
    {"nchar", SL_TYPE_TEXT, 0},
    {"ntext", SL_TYPE_TEXT, 0},
    {"nvarchar", SL_TYPE_TEXT, 0},
    {"nvarchar2", SL_TYPE_TEXT, 0},
    {"string", SL_TYPE_TEXT, 0},
    {"text", SL_TYPE_TEXT, 0},
    {"tinytext", SL_TYPE_TEXT, 0},
    {"uniqueidentifier", SL_TYPE_TEXT, 0},
    {"uuid", SL_TYPE_TEXT, 0},
    {"varchar", SL_TYPE_TEXT, 0},
    {"varchar2", SL_TYPE_TEXT, 0},
};
#define NAME_COUNT (sizeof names / sizeof *names)

// "Timestamp (6) with time zone" -> name "timestamp with time zone", arguments "6". False if it is
// too long or not closed.
static bool take_apart(const char *text, char name[64], char arguments[64])
{
    const char *open = strchr(text, '(');
    const char *close = open ? strchr(open, ')') : NULL;
    size_t length = 0;

    *arguments = '\0';
    if (open && (!close || close - open > 63))
        return false;
    if (open)
        snprintf(arguments, 64, "%.*s", (int)(close - open - 1), open + 1);
    for (const char *c = text; *c; c++) {
        if (open && c == open)
            c = close;
        if (c != close && !isspace((unsigned char)*c))
            name[length++] = (char)tolower((unsigned char)*c);
        else if (length && name[length - 1] != ' ')
            name[length++] = ' ';
        if (length == 63)
            return false;
    }
    while (length && name[length - 1] == ' ')
        length--;
    name[length] = '\0';
    return true;
}

static const struct name *find(const char *text)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (strcmp(names[i].name, text) == 0)
            return &names[i];
    return NULL;
}

// Decimals without precision: room for what comes, since what has more digits would be a reject.
static void set_decimal(const char *arguments, struct sl_physical *ret)
{
    char *rest = (char *)(uintptr_t)arguments;
    long precision = 38;
    long scale = *arguments ? 0 : 9;

    if (*arguments)
        precision = strtol(arguments, &rest, 10);
    rest += strspn(rest, " ");
    if (*rest == ',') {
        const char *begin = rest + 1;

        scale = strtol(begin, &rest, 10);
        if (rest == begin)
            precision = 0;
    }
    rest += strspn(rest, " ");
    if (*rest || precision < 1 || precision > 38 || scale < 0 || scale > precision)
        ret->problem =
            "a decimal has a precision of 1 to 38 and a scale of 0 up to that, as in decimal(12,2)";
    else
        ret->type = (struct sl_type){
            .kind = SL_TYPE_DECIMAL, .precision = (int)precision, .scale = (int)scale};
}

// varchar(20), varchar2(20 char); varchar(max) is any length.
static void set_length(const char *arguments, struct sl_physical *ret)
{
    char *end;
    long length = strtol(arguments, &end, 10);

    if (*arguments == '\0' || sl_str_equal_nocase(arguments, "max"))
        return;
    if (end == arguments || length < 1 || (*end && *end != ' '))
        ret->problem = "a text has a length of at least 1, as in varchar(20)";
    else
        ret->length = length;
}

static void set_type(const struct name *name, const char *arguments, struct sl_physical *ret)
{
    ret->is_known = true;
    ret->type = (struct sl_type){.kind = name->kind, .bits = name->bits};
    if (name->kind == SL_TYPE_DECIMAL)
        set_decimal(arguments, ret);
    else if (name->kind == SL_TYPE_TEXT)
        set_length(arguments, ret);
}

void sl_odcs_physical(const char *text, struct sl_physical *ret)
{
    char name[64];
    char arguments[64];
    const struct name *found;

    *ret = (struct sl_physical){.type = {.kind = SL_TYPE_TEXT}};
    // array<string>, struct<...>, map<...>, int[]: what is inside is no matter here.
    if (sl_str_ends(text, "[]") || strchr(text, '<')) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "<"), text);
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        found = sl_str_ends(text, "[]") ? find("array") : find(name);
        if (found && found->kind == SL_TYPE_JSON)
            set_type(found, "", ret);
        return;
    }
    if (!take_apart(text, name, arguments))
        return;
    found = find(name);
    if (found)
        set_type(found, arguments, ret);
}

const char *sl_odcs_physical_nearest(const char *text)
{
    const char *candidates[NAME_COUNT];
    char name[64];
    char arguments[64];

    if (!take_apart(text, name, arguments))
        return NULL;
    for (size_t i = 0; i < NAME_COUNT; i++)
        candidates[i] = names[i].name;
    return sl_str_nearest(name, candidates, NAME_COUNT);
}

const char *sl_type_name(struct sl_type type, char buffer[32])
{
    switch (type.kind) {
    case SL_TYPE_TEXT:
    case SL_TYPE_JSON: // text that is valid JSON
        return "VARCHAR";
    case SL_TYPE_INTEGER:
        return type.bits == 8    ? "TINYINT"
               : type.bits == 16 ? "SMALLINT"
               : type.bits == 32 ? "INTEGER"
                                 : "BIGINT";
    case SL_TYPE_DECIMAL:
        snprintf(buffer, 32, "DECIMAL(%d,%d)", type.precision, type.scale);
        return buffer;
    case SL_TYPE_DOUBLE:
        return "DOUBLE";
    case SL_TYPE_BOOLEAN:
        return "BOOLEAN";
    case SL_TYPE_DATE:
        return "DATE";
    case SL_TYPE_TIMESTAMP:
        return "TIMESTAMP WITH TIME ZONE";
    case SL_TYPE_TIMESTAMP_NTZ:
        return "TIMESTAMP";
    case SL_TYPE_TIME:
        return "TIME";
    case SL_TYPE_OBJECT:
        return "STRUCT";
    case SL_TYPE_ARRAY:
        return "LIST";
    }
    return "VARCHAR";
}
