// The engine's types: "DECIMAL(12,2)", "STRUCT(a INTEGER, \"b c\" VARCHAR[])", "ENUM('a', 'b')".
#include "contract/exchange/tree.h"

#include <stdio.h>
#include <string.h>

struct reader {
    struct sl_exchange *exchange;
    struct sl_place place;
    int depth;
};

static void read_type(struct reader *reader, const char *type, size_t length,
                      struct sl_yaml *property);

// Where a quoted part that begins at `at` ends.
static size_t skip_quoted(const char *text, size_t at, size_t length)
{
    char quote = text[at];
    for (at++; at < length; at++)
        if (text[at] == quote) {
            if (at + 1 >= length || text[at + 1] != quote)
                return at + 1;
            at++;
        }
    return length;
}

// The end of the part that begins at `at`: before a comma of this level.
static size_t part_end(const char *text, size_t at, size_t length)
{
    int depth = 0;
    while (at < length) {
        if (text[at] == '"' || text[at] == '\'') {
            at = skip_quoted(text, at, length);
            continue;
        }
        if (text[at] == ',' && depth == 0)
            return at;
        depth += (text[at] == '(') - (text[at] == ')');
        at++;
    }
    return length;
}

static char *unquoted(struct reader *reader, const char *text, size_t length)
{
    char *made = sl_arena_strndup(reader->exchange->arena, text, length);
    char quote = length ? text[0] : '\0';
    reader->exchange->has_failed |= !made;
    if (!made || length < 2 || (quote != '"' && quote != '\''))
        return made;
    char *to = made;
    for (size_t i = 1; i + 1 < length; i++) {
        *to++ = text[i];
        i += text[i] == quote;
    }
    *to = '\0';
    return made;
}

static size_t skip_blanks(const char *text, size_t at, size_t length)
{
    while (at < length && text[at] == ' ')
        at++;
    return at;
}

// The members of STRUCT(...): name and type.
static void read_members(struct reader *reader, const char *text, size_t length,
                         struct sl_yaml *property)
{
    struct sl_yaml *properties = sl_x_list_at(reader->exchange, property, "properties");
    for (size_t at = 0; at < length;) {
        at = skip_blanks(text, at, length);
        size_t end = part_end(text, at, length);
        size_t name_end = at < length && text[at] == '"' ? skip_quoted(text, at, end)
                                                         : at + strcspn(text + at, " ,)");
        char *name = unquoted(reader, text + at, name_end - at);
        struct sl_yaml *member =
            name ? sl_x_property(reader->exchange, properties, name, reader->place) : NULL;
        size_t type_at = skip_blanks(text, name_end, end);
        read_type(reader, text + type_at, end - type_at, member);
        at = end + 1;
    }
}

static void read_enum(struct reader *reader, const char *text, size_t length,
                      struct sl_yaml *property)
{
    struct sl_yaml *values = sl_x_list(reader->exchange);
    for (size_t at = 0; at < length;) {
        at = skip_blanks(text, at, length);
        size_t end = part_end(text, at, length);
        sl_x_push(reader->exchange, values,
                  sl_x_text(reader->exchange, unquoted(reader, text + at, end - at)));
        at = end + 1;
    }
    sl_x_put_text(reader->exchange, property, "logicalType", "string");
    sl_x_enum(reader->exchange, property, values);
}

static void read_simple(struct reader *reader, const char *type, struct sl_yaml *property)
{
    static const struct {
        const char *engine;
        struct sl_type type;
        const char *lost;
    } types[] = {
        {"FLOAT", {.kind = SL_TYPE_DOUBLE}, NULL},
        {"UTINYINT", {.kind = SL_TYPE_INTEGER, .bits = 16}, NULL},
        {"USMALLINT", {.kind = SL_TYPE_INTEGER, .bits = 32}, NULL},
        {"UINTEGER", {.kind = SL_TYPE_INTEGER, .bits = 64}, NULL},
        {"UBIGINT", {.kind = SL_TYPE_DECIMAL, .precision = 20}, NULL},
        {"HUGEINT", {.kind = SL_TYPE_DECIMAL, .precision = 38}, NULL},
        {"UHUGEINT", {.kind = SL_TYPE_DECIMAL, .precision = 38}, NULL},
        {"BIGINT", {.kind = SL_TYPE_INTEGER, .bits = 64}, NULL},
        {"TIMESTAMP_S", {.kind = SL_TYPE_TIMESTAMP_NTZ}, NULL},
        {"TIMESTAMP_MS", {.kind = SL_TYPE_TIMESTAMP_NTZ}, NULL},
        {"TIMESTAMP_NS", {.kind = SL_TYPE_TIMESTAMP_NTZ}, "nanoseconds"},
        {"BLOB", {.kind = SL_TYPE_TEXT}, "bytes are carried over as a text"},
        {"BIT", {.kind = SL_TYPE_TEXT}, "bits are carried over as a text"},
        {"INTERVAL", {.kind = SL_TYPE_TEXT}, "an interval is carried over as a text"},
        {"TIME WITH TIME ZONE", {.kind = SL_TYPE_TIME}, "the zone of a time"},
        {"JSON", {.kind = SL_TYPE_JSON}, NULL},
    };
    struct sl_x_type found = {.type = {.kind = SL_TYPE_TEXT}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].engine, type) == 0) {
            found.type = types[i].type;
            if (types[i].lost)
                sl_x_lost(reader->exchange, reader->place, "type %s: %s", type, types[i].lost);
            sl_x_set_type(reader->exchange, property, &found);
            return;
        }
    struct sl_yaml *probe = sl_x_map(reader->exchange);
    if (!sl_x_written_type(reader->exchange, probe, type))
        sl_x_lost(reader->exchange, reader->place, "type %s is carried over as a text", type);
    else
        found = sl_x_type_of(probe);
    if (strcmp(type, "UUID") == 0)
        sl_x_option(reader->exchange, property, "format", sl_x_text(reader->exchange, "uuid"));
    sl_x_set_type(reader->exchange, property, &found);
}

static void read_list(struct reader *reader, const char *type, size_t length,
                      struct sl_yaml *property)
{
    size_t open = length;
    while (open > 0 && type[open - 1] != '[')
        open--;
    if (open && type[open] != ']')
        sl_x_lost(reader->exchange, reader->place, "the length of a list");
    sl_x_put_text(reader->exchange, property, "logicalType", "array");
    if (open > 1)
        read_type(reader, type, open - 1, sl_x_map_at(reader->exchange, property, "items"));
}

// The part between a type's brackets: "STRUCT(" ... ")". False if it does not begin so.
static bool has_inside(const char *type, size_t length, const char *name, const char **ret,
                       size_t *ret_length)
{
    size_t begin = strlen(name);
    if (length < begin + 2 || strncmp(type, name, begin) != 0 || type[begin] != '(' ||
        type[length - 1] != ')')
        return false;
    *ret = type + begin + 1;
    *ret_length = length - begin - 2;
    return true;
}

static void read_type(struct reader *reader, const char *type, size_t length,
                      struct sl_yaml *property)
{
    struct sl_exchange *exchange = reader->exchange;
    const char *inside;
    size_t inside_length;
    if (reader->depth == SL_X_DEEPEST) {
        sl_x_lost(exchange, reader->place,
                  "types nested more than %d levels deep are not described further", SL_X_DEEPEST);
        sl_x_put_text(exchange, property, "logicalType", "object");
        return;
    }
    reader->depth++;
    if (length && type[length - 1] == ']') {
        read_list(reader, type, length, property);
    } else if (has_inside(type, length, "STRUCT", &inside, &inside_length)) {
        sl_x_put_text(exchange, property, "logicalType", "object");
        read_members(reader, inside, inside_length, property);
    } else if (has_inside(type, length, "ENUM", &inside, &inside_length)) {
        read_enum(reader, inside, inside_length, property);
    } else if (has_inside(type, length, "MAP", &inside, &inside_length) ||
               has_inside(type, length, "UNION", &inside, &inside_length)) {
        sl_x_put_text(exchange, property, "logicalType", "object");
        sl_x_lost(exchange, reader->place, "what is inside of %.*s", (int)length, type);
    } else {
        char *name = sl_arena_strndup(exchange->arena, type, length);
        exchange->has_failed |= !name;
        if (name)
            read_simple(reader, name, property);
    }
    reader->depth--;
}

void sl_x_engine_type(struct sl_exchange *exchange, struct sl_yaml *property, const char *type,
                      struct sl_place place)
{
    struct reader reader = {.exchange = exchange, .place = place};
    read_type(&reader, type, strlen(type), property);
}
