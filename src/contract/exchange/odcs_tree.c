// Building ODCS v3.1: contracts, tables, properties, their types and rules.
#include "contract/exchange/tree.h"

#include "spec/contract_file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct sl_yaml *sl_x_contract(struct sl_exchange *exchange, const char *name)
{
    struct sl_yaml *contract = sl_x_map(exchange);
    const char *own = exchange->name ? exchange->name : name ? name : exchange->otherwise;
    sl_x_put_text(exchange, contract, "apiVersion", "v3.1.0");
    sl_x_put_text(exchange, contract, "kind", "DataContract");
    sl_x_put_text(exchange, contract, "id", own);
    sl_x_put_text(exchange, contract, "name", own);
    sl_x_put_text(exchange, contract, "version", "1.0.0");
    sl_x_put_text(exchange, contract, "status", "draft");
    return contract;
}

struct sl_yaml *sl_x_object(struct sl_exchange *exchange, struct sl_yaml *contract,
                            const char *name)
{
    struct sl_yaml *schema = sl_x_list_at(exchange, contract, "schema");
    struct sl_yaml *object = sl_x_map(exchange);
    sl_x_put_text(exchange, object, "name", name);
    sl_x_put_text(exchange, object, "logicalType", "object");
    sl_x_push(exchange, schema, object);
    return object;
}

struct sl_yaml *sl_x_property(struct sl_exchange *exchange, struct sl_yaml *properties,
                              const char *name, struct sl_place place)
{
    struct sl_yaml *property = sl_x_map(exchange);
    for (size_t i = 0; i < sl_x_count(properties); i++)
        if (sl_str_equal_nocase(sl_x_get(properties->items[i], "name"), name)) {
            sl_x_wrong(exchange, place, "names that differ only in case are one column",
                       "column '%s' stands here twice", name);
            return property;
        }
    sl_x_put_text(exchange, property, "name", name);
    sl_x_push(exchange, properties, property);
    return property;
}

void sl_x_option(struct sl_exchange *exchange, struct sl_yaml *property, const char *key,
                 const struct sl_yaml *value)
{
    if (value)
        sl_x_put(exchange, sl_x_map_at(exchange, property, "logicalTypeOptions"), key, value);
}

void sl_x_custom(struct sl_exchange *exchange, struct sl_yaml *owner, const char *property,
                 const struct sl_yaml *value)
{
    struct sl_yaml *entry = sl_x_map(exchange);
    if (!value)
        return;
    sl_x_put_text(exchange, entry, "property", property);
    sl_x_put(exchange, entry, "value", value);
    sl_x_push(exchange, sl_x_list_at(exchange, owner, "customProperties"), entry);
}

void sl_x_enum(struct sl_exchange *exchange, struct sl_yaml *property, const struct sl_yaml *values)
{
    struct sl_yaml *rule = sl_x_map(exchange);
    struct sl_yaml *list = sl_x_list(exchange);
    for (size_t i = 0; i < sl_x_count(values); i++) {
        const struct sl_yaml *item = values->items[i];
        if (item->kind == SL_YAML_SCALAR && !sl_x_has_text(list, item->text))
            sl_x_push(exchange, list, item);
        else if (item->kind == SL_YAML_LIST || item->kind == SL_YAML_MAP)
            sl_x_lost(exchange, item->place, "a valid value is %s", sl_yaml_describe(item));
    }
    if (!sl_x_count(list))
        return;
    sl_x_put_text(exchange, rule, "type", "library");
    sl_x_put_text(exchange, rule, "metric", "invalidValues");
    sl_x_put(exchange, sl_x_map_at(exchange, rule, "arguments"), "validValues", list);
    sl_x_put_int(exchange, rule, "mustBe", 0);
    sl_x_push(exchange, sl_x_list_at(exchange, property, "quality"), rule);
}

void sl_x_expression(struct sl_exchange *exchange, struct sl_yaml *owner, const char *name,
                     const char *expression)
{
    struct sl_yaml *rule = sl_x_map(exchange);
    sl_x_put_text(exchange, rule, "name", name);
    sl_x_put_text(exchange, rule, "type", "custom");
    sl_x_put_text(exchange, rule, "engine", "sluice");
    sl_x_put_text(exchange, sl_x_map_at(exchange, rule, "implementation"), "expression",
                  expression);
    sl_x_push(exchange, sl_x_list_at(exchange, owner, "quality"), rule);
}

const struct sl_yaml *sl_x_enum_of(const struct sl_yaml *property)
{
    const struct sl_yaml *quality = sl_yaml_get(property, "quality");
    for (size_t i = 0; i < sl_x_count(quality); i++) {
        const struct sl_yaml *rule = quality->items[i];
        const struct sl_yaml *values = sl_yaml_get(sl_yaml_get(rule, "arguments"), "validValues");
        if (sl_str_equal(sl_x_get(rule, "metric"), "invalidValues") && sl_x_is_list(values) &&
            sl_str_equal(sl_x_get(rule, "mustBe"), "0"))
            return values;
    }
    return NULL;
}

static const struct sl_yaml *custom_of(const struct sl_yaml *property, const char *name)
{
    const struct sl_yaml *custom = sl_yaml_get(property, "customProperties");
    for (size_t i = 0; i < sl_x_count(custom); i++)
        if (sl_str_equal(sl_x_get(custom->items[i], "property"), name))
            return custom->items[i];
    return NULL;
}

const char *sl_x_path(struct sl_exchange *exchange, const char *outer,
                      const struct sl_yaml *property)
{
    const char *name = sl_x_get(property, "name");
    const char *path = !outer ? name
                       : name ? sl_x_printf(exchange, "%s.%s", outer, name)
                              : sl_x_printf(exchange, "%s[]", outer);
    return path ? path : "";
}

const char *sl_x_default_of(const struct sl_yaml *property)
{
    return sl_x_get(custom_of(property, "sluice.default"), "value");
}

const struct sl_yaml *sl_x_aliases_of(const struct sl_yaml *property)
{
    return sl_yaml_get(custom_of(property, "sluice.aliases"), "value");
}

// --- Types ---

static struct sl_type of_logical(const char *logical)
{
    static const struct {
        const char *name;
        enum sl_type_kind kind;
        int bits;
    } types[] = {{"string", SL_TYPE_TEXT, 0},         {"date", SL_TYPE_DATE, 0},
                 {"timestamp", SL_TYPE_TIMESTAMP, 0}, {"time", SL_TYPE_TIME, 0},
                 {"number", SL_TYPE_DOUBLE, 0},       {"integer", SL_TYPE_INTEGER, 64},
                 {"object", SL_TYPE_JSON, 0},         {"array", SL_TYPE_JSON, 0},
                 {"boolean", SL_TYPE_BOOLEAN, 0}};
    for (size_t i = 0; logical && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, logical) == 0)
            return (struct sl_type){.kind = types[i].kind, .bits = types[i].bits};
    return (struct sl_type){.kind = SL_TYPE_TEXT};
}

// As the contract's reader has it: the physical type counts where it says the logical one in more
// detail.
static bool is_detail(struct sl_type logical, enum sl_type_kind physical)
{
    bool is_stamp = physical == SL_TYPE_TIMESTAMP || physical == SL_TYPE_TIMESTAMP_NTZ;
    switch (logical.kind) {
    case SL_TYPE_TEXT:
        return physical == SL_TYPE_TEXT;
    case SL_TYPE_DATE:
        return physical == SL_TYPE_DATE || is_stamp;
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        return is_stamp;
    case SL_TYPE_DOUBLE:
        return physical == SL_TYPE_INTEGER || physical == SL_TYPE_DECIMAL ||
               physical == SL_TYPE_DOUBLE;
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
        return physical == SL_TYPE_INTEGER || physical == SL_TYPE_DECIMAL;
    case SL_TYPE_TIME:
    case SL_TYPE_BOOLEAN:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return false;
    }
    return false;
}

static int bits_of(const char *format)
{
    static const char *const formats[] = {"i8", "i16", "i32", "i64", "u8", "u16", "u32", NULL};
    static const int bits[] = {8, 16, 32, 64, 16, 32, 64};
    for (size_t i = 0; format && formats[i]; i++)
        if (strcmp(formats[i], format) == 0)
            return bits[i];
    return 0;
}

struct sl_x_type sl_x_type_of(const struct sl_yaml *property)
{
    const char *logical = sl_x_get(property, "logicalType");
    const char *physical = sl_x_get(property, "physicalType");
    const struct sl_yaml *options = sl_yaml_get(property, "logicalTypeOptions");
    struct sl_x_type type = {.type = of_logical(logical)};
    int bits = bits_of(sl_x_get(options, "format"));
    struct sl_physical found = {0};
    int64_t length;

    if (physical)
        sl_odcs_physical(physical, &found);
    if (found.is_known && !found.problem && (!logical || is_detail(type.type, found.type.kind))) {
        type.type = found.type;
        type.length = found.length;
    } else if (bits && type.type.kind == SL_TYPE_INTEGER) {
        type.type.bits = bits;
    }
    if (type.type.kind == SL_TYPE_TIMESTAMP && sl_str_equal(sl_x_get(options, "timezone"), "false"))
        type.type.kind = SL_TYPE_TIMESTAMP_NTZ;
    if (type.type.kind == SL_TYPE_TIMESTAMP_NTZ && sl_x_is_true(options, "timezone"))
        type.type.kind = SL_TYPE_TIMESTAMP;
    if (type.type.kind == SL_TYPE_TEXT && sl_x_get(options, "maxLength") &&
        sl_str_to_int64(sl_x_get(options, "maxLength"), &length) && length > 0 &&
        (!type.length || length < type.length))
        type.length = length;
    type.is_array = sl_str_equal(logical, "array") || sl_yaml_get(property, "items");
    type.is_object = type.type.kind == SL_TYPE_JSON && !type.is_array;
    return type;
}

struct sl_type sl_exchange_type_of(const struct sl_yaml *property)
{
    return sl_x_type_of(property).type;
}

static const char *logical_of(const struct sl_x_type *type)
{
    switch (type->type.kind) {
    case SL_TYPE_TEXT:
        return "string";
    case SL_TYPE_INTEGER:
        return "integer";
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        return "number";
    case SL_TYPE_BOOLEAN:
        return "boolean";
    case SL_TYPE_DATE:
        return "date";
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
        return "timestamp";
    case SL_TYPE_TIME:
        return "time";
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return type->is_array ? "array" : "object";
    }
    return "string";
}

void sl_x_set_type(struct sl_exchange *exchange, struct sl_yaml *property,
                   const struct sl_x_type *type)
{
    char name[32];
    bool has_detail = type->type.kind == SL_TYPE_INTEGER || type->type.kind == SL_TYPE_DECIMAL ||
                      type->type.kind == SL_TYPE_DOUBLE || type->type.kind == SL_TYPE_TIMESTAMP ||
                      type->type.kind == SL_TYPE_TIMESTAMP_NTZ;
    char *detail = has_detail ? sl_x_printf(exchange, "%s", sl_type_name(type->type, name)) : NULL;

    if (type->type.kind == SL_TYPE_TIMESTAMP)
        detail = sl_x_printf(exchange, "timestamptz");
    for (char *c = detail; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    sl_x_put_text(exchange, property, "logicalType", logical_of(type));
    sl_x_put_text(exchange, property, "physicalType", detail);
    if (type->length && type->type.kind == SL_TYPE_TEXT) {
        snprintf(name, sizeof name, "%lld", (long long)type->length);
        sl_x_option(exchange, property, "maxLength", sl_x_bare(exchange, name));
    }
}

bool sl_x_written_type(struct sl_exchange *exchange, struct sl_yaml *property, const char *type)
{
    struct sl_physical physical;
    struct sl_x_type found = {0};
    sl_odcs_physical(type, &physical);
    bool is_good = physical.is_known && !physical.problem;
    found.type = is_good ? physical.type : (struct sl_type){.kind = SL_TYPE_TEXT};
    found.is_array = sl_str_ends(type, "]") || sl_str_equal_nocase(type, "array") ||
                     strncasecmp(type, "array<", 6) == 0 || sl_str_equal_nocase(type, "list");
    sl_x_put_text(exchange, property, "logicalType", logical_of(&found));
    sl_x_put_text(exchange, property, "physicalType", type);
    return is_good;
}

// --- Attributes of our own ---

void sl_x_add_extensions(struct sl_exchange *exchange, const struct sl_yaml *property,
                         struct sl_yaml *to)
{
    if (sl_x_is_true(property, "primaryKey")) {
        sl_x_put_true(exchange, to, "x-primaryKey");
        sl_x_put(exchange, to, "x-primaryKeyPosition", sl_yaml_get(property, "primaryKeyPosition"));
    }
    if (sl_x_is_true(property, "unique"))
        sl_x_put_true(exchange, to, "x-unique");
    sl_x_put_text(exchange, to, "x-logicalType", sl_x_get(property, "logicalType"));
    sl_x_put_text(exchange, to, "x-physicalType", sl_x_get(property, "physicalType"));
    sl_x_put_text(exchange, to, "x-classification", sl_x_get(property, "classification"));
    sl_x_put(exchange, to, "x-aliases", sl_x_aliases_of(property));
}

void sl_x_read_extensions(struct sl_exchange *exchange, const struct sl_yaml *from,
                          struct sl_yaml *property)
{
    if (sl_x_is_true(from, "x-primaryKey")) {
        sl_x_put_true(exchange, property, "primaryKey");
        sl_x_put(exchange, property, "primaryKeyPosition",
                 sl_yaml_get(from, "x-primaryKeyPosition"));
    }
    if (sl_x_is_true(from, "x-unique"))
        sl_x_put_true(exchange, property, "unique");
    sl_x_put_text(exchange, property, "logicalType", sl_x_get(from, "x-logicalType"));
    sl_x_put_text(exchange, property, "physicalType", sl_x_get(from, "x-physicalType"));
    sl_x_put_text(exchange, property, "classification", sl_x_get(from, "x-classification"));
    if (sl_yaml_get(from, "x-aliases"))
        sl_x_custom(exchange, property, "sluice.aliases", sl_yaml_get(from, "x-aliases"));
    if (sl_x_is_list(sl_yaml_get(from, "x-enum")) && !sl_x_enum_of(property))
        sl_x_enum(exchange, property, sl_yaml_get(from, "x-enum"));
}

#define MOST_PARTS 100000

bool sl_x_count_up(struct sl_exchange *exchange, struct sl_place place)
{
    if (++exchange->part_count == MOST_PARTS)
        sl_x_wrong(exchange, place, "types that refer to others are written out at every place",
                   "it describes more than %d columns", MOST_PARTS);
    return exchange->part_count < MOST_PARTS;
}
