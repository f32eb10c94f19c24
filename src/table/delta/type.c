// Reads a type in the engine's spelling and writes it as JSON, and back.
#include "table/delta/schema.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

// Deeper types are refused, so that no input exhausts the stack.
#define DEEPEST 128

struct name_pair {
    const char *engine, *delta;
};
static const struct name_pair primitives[] = {
    {"BOOLEAN", "boolean"},
    {"TINYINT", "byte"},
    {"SMALLINT", "short"},
    {"INTEGER", "integer"},
    {"BIGINT", "long"},
    {"FLOAT", "float"},
    {"DOUBLE", "double"},
    {"VARCHAR", "string"},
    {"BLOB", "binary"},
    {"DATE", "date"},
    {"TIMESTAMP", "timestamp_ntz"},
    {"TIMESTAMP WITH TIME ZONE", "timestamp"},
};
// Types that Delta does not have, and what to cast them to.
static const struct name_pair refused[] = {
    {"HUGEINT", "DECIMAL(38,0)"},  {"UHUGEINT", "DECIMAL(38,0)"}, {"BIGNUM", "DECIMAL(38,0)"},
    {"UTINYINT", "SMALLINT"},      {"USMALLINT", "INTEGER"},      {"UINTEGER", "BIGINT"},
    {"UBIGINT", "DECIMAL(20,0)"},  {"TIMESTAMP_S", "TIMESTAMP"},  {"TIMESTAMP_MS", "TIMESTAMP"},
    {"TIMESTAMP_NS", "TIMESTAMP"}, {"\"NULL\"", "INTEGER"},       {"NULL", "INTEGER"},
};

struct reader {
    const char *column; // for messages
    const char *type;   // whole, for messages
    const char *at;
    struct sl_buf *json;
    bool *has_ntz;
    int depth;
};

// Bytes of the type at the reader's place, or of the brackets there.
static size_t part_length(const struct reader *reader)
{
    int depth = 0;
    size_t length = 0;

    if (*reader->at == '[')
        return strcspn(reader->at, "]") + (strchr(reader->at, ']') != NULL);
    for (; reader->at[length] && (depth > 0 || !strchr(",)[", reader->at[length])); length++)
        depth += (reader->at[length] == '(') - (reader->at[length] == ')');
    return length;
}

// What to cast the type at the reader's place to.
static const char *cast_for(const struct reader *reader, size_t length)
{
    if (*reader->at == '[')
        return "[]";
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strlen(refused[i].engine) == length &&
            strncmp(reader->at, refused[i].engine, length) == 0)
            return refused[i].delta;
    return "VARCHAR";
}

static int refuse(const struct reader *reader, struct sl_err *err)
{
    size_t length = part_length(reader);

    (void)sl_fail(err, SL_E_TABLE_SCHEMA, "column '%s' has type %s, which Delta tables do not have",
                  reader->column, reader->type);
    return sl_err_hint(err, "cast(%s as %.*s%s%s)", reader->column,
                       (int)(reader->at - reader->type), reader->type, cast_for(reader, length),
                       reader->at + length);
}

static int refuse_nameless(const struct reader *reader, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_TABLE_SCHEMA, "column '%s' has type %s, whose fields have no names",
                  reader->column, reader->type);
    return sl_err_hint(err, "give them names, as in {'a': 1, 'b': 2}");
}

static bool take(struct reader *reader, const char *text)
{
    size_t length = strlen(text);

    if (strncmp(reader->at, text, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static int read_type(struct reader *reader, struct sl_err *err);

// A field's name, quoted or not, and the blank behind it.
static int read_name(struct reader *reader, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf name = SL_BUF_INIT;

    if (take(reader, "\"")) {
        for (; *reader->at && !(*reader->at == '"' && reader->at[1] != '"'); reader->at++) {
            reader->at += *reader->at == '"';
            sl_buf_add_char(&name, *reader->at);
        }
        if (!take(reader, "\""))
            return refuse_nameless(reader, err);
    } else {
        while (*reader->at && !strchr(" ,()\"", *reader->at))
            sl_buf_add_char(&name, *reader->at++);
    }
    if (name.length == 0 || !take(reader, " "))
        return refuse_nameless(reader, err);
    SL_TRY(sl_buf_check(&name, err));
    sl_buf_add_json_string(reader->json, name.text);
    return SL_OK;
}

// Behind "STRUCT(".
static int read_struct(struct reader *reader, struct sl_err *err)
{
    sl_buf_add(reader->json, "{\"type\":\"struct\",\"fields\":[");
    for (bool is_first = true; is_first || take(reader, ", "); is_first = false) {
        sl_buf_add(reader->json, is_first ? "{\"name\":" : ",{\"name\":");
        SL_TRY(read_name(reader, err));
        sl_buf_add(reader->json, ",\"type\":");
        SL_TRY(read_type(reader, err));
        sl_buf_add(reader->json, ",\"nullable\":true,\"metadata\":{}}");
    }
    sl_buf_add(reader->json, "]}");
    return take(reader, ")") ? SL_OK : refuse(reader, err);
}

// Behind "MAP(".
static int read_map(struct reader *reader, struct sl_err *err)
{
    sl_buf_add(reader->json, "{\"type\":\"map\",\"keyType\":");
    SL_TRY(read_type(reader, err));
    if (!take(reader, ", "))
        return refuse(reader, err);
    sl_buf_add(reader->json, ",\"valueType\":");
    SL_TRY(read_type(reader, err));
    sl_buf_add(reader->json, ",\"valueContainsNull\":true}");
    return take(reader, ")") ? SL_OK : refuse(reader, err);
}

// True at the end of a type's name: nothing that would make it another name follows.
static bool is_end(const char *at)
{
    return *at == '\0' || strchr(",)[", *at);
}

static int read_primitive(struct reader *reader, struct sl_err *err)
{
    int precision;
    int scale;
    int length = 0;

    if (sscanf(reader->at, "DECIMAL(%2d,%2d)%n", &precision, &scale, &length) == 2 && length > 0 &&
        is_end(reader->at + length)) {
        reader->at += length;
        sl_buf_addf(reader->json, "\"decimal(%d,%d)\"", precision, scale);
        return SL_OK;
    }
    for (size_t i = 0; i < sizeof primitives / sizeof *primitives; i++) {
        size_t size = strlen(primitives[i].engine);

        if (strncmp(reader->at, primitives[i].engine, size) != 0 || !is_end(reader->at + size))
            continue;
        reader->at += size;
        sl_buf_addf(reader->json, "\"%s\"", primitives[i].delta);
        *reader->has_ntz |= strcmp(primitives[i].engine, "TIMESTAMP") == 0;
        return SL_OK;
    }
    return refuse(reader, err);
}

static int read_base(struct reader *reader, struct sl_err *err)
{
    if (take(reader, "STRUCT("))
        return read_struct(reader, err);
    if (take(reader, "MAP("))
        return read_map(reader, err);
    return read_primitive(reader, err);
}

// Each "[]" behind a type wraps what was written for it, so that is taken out and put back inside.
static int wrap_lists(struct reader *reader, size_t start, struct sl_err *err)
{
    while (take(reader, "[]")) {
        SL_AUTO(sl_buf_clear) struct sl_buf element = SL_BUF_INIT;

        SL_TRY(sl_buf_check(reader->json, err));
        sl_buf_add(&element, reader->json->text + start);
        SL_TRY(sl_buf_check(&element, err));
        reader->json->length = start;
        sl_buf_addf(reader->json, "{\"type\":\"array\",\"elementType\":%s,\"containsNull\":true}",
                    element.text);
    }
    return *reader->at == '[' ? refuse(reader, err) : SL_OK;
}

static int read_type(struct reader *reader, struct sl_err *err)
{
    size_t start = reader->json->length;

    if (++reader->depth > DEEPEST)
        return sl_fail(err, SL_E_TABLE_SCHEMA, "the type of column '%s' is nested too deeply",
                       reader->column);
    SL_TRY(read_base(reader, err));
    SL_TRY(wrap_lists(reader, start, err));
    reader->depth--;
    return SL_OK;
}

int sl_delta_type_print(const char *column, const char *type, struct sl_buf *json, bool *has_ntz,
                        struct sl_err *err)
{
    struct reader reader = {column, type, type, json, has_ntz, 0};

    SL_TRY(read_type(&reader, err));
    if (*reader.at)
        return refuse(&reader, err);
    return sl_buf_check(json, err);
}

static int print_type(const char *column, const json_t *type, int depth, struct sl_buf *ret,
                      struct sl_err *err);

static int refuse_json(const char *column, const json_t *type, struct sl_err *err)
{
    const char *name =
        json_is_string(type) ? json_string_value(type) : sl_json_text(type, "type", "");

    return sl_fail(err, SL_E_TABLE_FEATURE,
                   "column '%s' has the Delta type '%s', which is not known here", column, name);
}

static void add_name(struct sl_buf *ret, const char *name)
{
    bool is_plain = isalpha((unsigned char)*name) || *name == '_';

    for (const char *at = name; *at; at++)
        is_plain = is_plain && (isalnum((unsigned char)*at) || *at == '_');
    if (is_plain && !sl_delta_is_keyword(name))
        sl_buf_add(ret, name);
    else
        sl_buf_add_sql_name(ret, name);
}

static int print_primitive(const char *column, const json_t *type, struct sl_buf *ret,
                           struct sl_err *err)
{
    const char *name = json_string_value(type);
    int precision;
    int scale;

    if (sscanf(name, "decimal(%2d,%2d)", &precision, &scale) == 2 && precision >= 1 &&
        precision <= 38 && scale >= 0 && scale <= precision) {
        sl_buf_addf(ret, "DECIMAL(%d,%d)", precision, scale);
        return SL_OK;
    }
    for (size_t i = 0; i < sizeof primitives / sizeof *primitives; i++) {
        if (strcmp(name, primitives[i].delta) == 0) {
            sl_buf_add(ret, primitives[i].engine);
            return SL_OK;
        }
    }
    return refuse_json(column, type, err);
}

static int print_struct(const char *column, const json_t *type, int depth, struct sl_buf *ret,
                        struct sl_err *err)
{
    const json_t *fields = json_object_get(type, "fields");
    const json_t *field;
    size_t i;

    if (json_array_size(fields) == 0)
        return refuse_json(column, type, err);
    sl_buf_add(ret, "STRUCT(");
    json_array_foreach (fields, i, field) {
        const char *name = sl_json_text(field, "name", "");

        if (*name == '\0')
            return refuse_json(column, type, err);
        sl_buf_add(ret, i ? ", " : "");
        add_name(ret, name);
        sl_buf_add_char(ret, ' ');
        SL_TRY(print_type(column, json_object_get(field, "type"), depth, ret, err));
    }
    sl_buf_add_char(ret, ')');
    return SL_OK;
}

static int print_map(const char *column, const json_t *type, int depth, struct sl_buf *ret,
                     struct sl_err *err)
{
    sl_buf_add(ret, "MAP(");
    SL_TRY(print_type(column, json_object_get(type, "keyType"), depth, ret, err));
    sl_buf_add(ret, ", ");
    SL_TRY(print_type(column, json_object_get(type, "valueType"), depth, ret, err));
    sl_buf_add_char(ret, ')');
    return SL_OK;
}

static int print_type(const char *column, const json_t *type, int depth, struct sl_buf *ret,
                      struct sl_err *err)
{
    const char *kind = sl_json_text(type, "type", "");

    if (depth > DEEPEST)
        return sl_fail(err, SL_E_TABLE_FEATURE, "the type of column '%s' is nested too deeply",
                       column);
    if (json_is_string(type))
        return print_primitive(column, type, ret, err);
    if (strcmp(kind, "struct") == 0)
        return print_struct(column, type, depth + 1, ret, err);
    if (strcmp(kind, "map") == 0)
        return print_map(column, type, depth + 1, ret, err);
    if (strcmp(kind, "array") != 0)
        return refuse_json(column, type, err);
    SL_TRY(print_type(column, json_object_get(type, "elementType"), depth + 1, ret, err));
    sl_buf_add(ret, "[]");
    return SL_OK;
}

int sl_delta_type_parse(const char *column, const json_t *type, struct sl_buf *ret,
                        struct sl_err *err)
{
    SL_TRY(print_type(column, type, 0, ret, err));
    return sl_buf_check(ret, err);
}

bool sl_delta_type_is_leaf(const char *type)
{
    return strncmp(type, "STRUCT(", 7) != 0 && strncmp(type, "MAP(", 4) != 0 && !strchr(type, '[');
}
