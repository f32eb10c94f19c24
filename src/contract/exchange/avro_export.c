// A contract -> an Avro record, or a list of them.
#include "contract/exchange/tree.h"

#include <ctype.h>
#include <string.h>

static struct sl_yaml *type_of(struct sl_exchange *exchange, const struct sl_yaml *property,
                               const char *path);

static bool is_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

// Names are letters, digits and '_' ("Names").
static const char *name_for(struct sl_exchange *exchange, const struct sl_yaml *owner)
{
    const char *name = sl_x_get(owner, "name");
    if (!name || is_name(name))
        return name;
    char *made = sl_x_printf(exchange, "%s%s", isdigit((unsigned char)*name) ? "_" : "", name);
    for (char *c = made; c && *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    sl_x_lost(exchange, owner->place, "the name '%s' is '%s' in Avro", name, made ? made : "");
    return made;
}

static struct sl_yaml *logical(struct sl_exchange *exchange, const char *type, const char *name)
{
    struct sl_yaml *schema = sl_x_map(exchange);
    sl_x_put_text(exchange, schema, "type", type);
    sl_x_put_text(exchange, schema, "logicalType", name);
    return schema;
}

static struct sl_yaml *decimal(struct sl_exchange *exchange, struct sl_type type)
{
    struct sl_yaml *schema = logical(exchange, "bytes", "decimal");
    sl_x_put_int(exchange, schema, "precision", type.precision);
    sl_x_put_int(exchange, schema, "scale", type.scale);
    return schema;
}

static bool are_symbols(const struct sl_yaml *values)
{
    for (size_t i = 0; i < sl_x_count(values); i++)
        if (values->items[i]->kind != SL_YAML_SCALAR || !is_name(values->items[i]->text))
            return false;
    return sl_x_count(values) > 0;
}

static struct sl_yaml *text_type(struct sl_exchange *exchange, const struct sl_yaml *property,
                                 const char *path)
{
    const struct sl_yaml *values = sl_x_enum_of(property);
    const char *format = sl_x_get(sl_yaml_get(property, "logicalTypeOptions"), "format");
    if (sl_str_equal(format, "uuid"))
        return logical(exchange, "string", "uuid");
    if (!are_symbols(values))
        return sl_x_text(exchange, "string");
    struct sl_yaml *schema = sl_x_map(exchange);
    struct sl_yaml *symbols = sl_x_list_at(exchange, schema, "symbols");
    sl_x_put_text(exchange, schema, "type", "enum");
    sl_x_put_text(exchange, schema, "name", path);
    for (size_t i = 0; i < values->count; i++)
        sl_x_push(exchange, symbols, sl_x_text(exchange, values->items[i]->text));
    return schema;
}

// The default as a value of the type; NULL: there is none that Avro writes as it is written here.
static struct sl_yaml *constant_of(struct sl_exchange *exchange, const struct sl_yaml *type,
                                   const char *text)
{
    const char *name = type && type->kind == SL_YAML_SCALAR ? type->text : NULL;
    const struct sl_yaml *symbols = sl_yaml_get(type, "symbols");
    int64_t whole;
    double number;
    if (sl_str_equal(name, "string") || sl_x_has_text(symbols, text))
        return sl_x_text(exchange, text);
    bool is_int = sl_str_equal(name, "int") && sl_str_to_int64(text, &whole) &&
                  whole >= INT32_MIN && whole <= INT32_MAX;
    bool is_long = sl_str_equal(name, "long") && sl_str_to_int64(text, &whole);
    bool is_number = (sl_str_equal(name, "float") || sl_str_equal(name, "double")) &&
                     sl_str_to_double(text, &number) && number - number == 0;
    bool is_boolean =
        sl_str_equal(name, "boolean") && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
    return is_int || is_long || is_number || is_boolean ? sl_x_bare(exchange, text) : NULL;
}

// The default of a union is one of its first type, so that null stands second then.
static void add_default(struct sl_exchange *exchange, const struct sl_yaml *property,
                        const struct sl_yaml *type, struct sl_yaml *field)
{
    const char *text = sl_x_default_of(property);
    struct sl_yaml *value = text ? constant_of(exchange, type, text) : NULL;
    if (text && !value)
        sl_x_lost(exchange, property->place,
                  "column '%s': its default '%s' has no counterpart in Avro",
                  sl_x_get(property, "name"), text);
    if (!value)
        return;
    if (sl_x_is_list(sl_yaml_get(field, "type"))) {
        struct sl_yaml *both = sl_x_list(exchange);
        sl_x_push(exchange, both, type);
        sl_x_push(exchange, both, sl_x_text(exchange, "null"));
        sl_x_put(exchange, field, "type", both);
    }
    sl_x_put(exchange, field, "default", value);
}

// Avro knows old names, but not until when they are good.
static void add_aliases(struct sl_exchange *exchange, const struct sl_yaml *property,
                        struct sl_yaml *field)
{
    const struct sl_yaml *aliases = sl_x_aliases_of(property);
    bool is_list = sl_x_is_list(aliases);
    for (size_t i = 0; aliases && i < (is_list ? aliases->count : 1); i++) {
        const struct sl_yaml *item = is_list ? aliases->items[i] : aliases;
        const char *name = item->kind == SL_YAML_SCALAR ? item->text : sl_x_get(item, "name");
        if (name && is_name(name))
            sl_x_push(exchange, sl_x_list_at(exchange, field, "aliases"),
                      sl_x_text(exchange, name));
        else if (name)
            sl_x_lost(exchange, item->place, "column '%s': its other name '%s' is no name in Avro",
                      sl_x_get(property, "name"), name);
    }
}

static struct sl_yaml *nullable(struct sl_exchange *exchange, const struct sl_yaml *type)
{
    struct sl_yaml *both = sl_x_list(exchange);
    sl_x_push(exchange, both, sl_x_text(exchange, "null"));
    sl_x_push(exchange, both, type);
    return both;
}

static struct sl_yaml *field_of(struct sl_exchange *exchange, const struct sl_yaml *property,
                                const char *path)
{
    struct sl_yaml *field = sl_x_map(exchange);
    const char *name = name_for(exchange, property);
    struct sl_yaml *type =
        type_of(exchange, property, sl_x_printf(exchange, "%s_%s", path, name ? name : ""));
    bool is_required = sl_x_is_true(property, "required") || sl_x_is_true(property, "primaryKey");
    sl_x_put_text(exchange, field, "name", name);
    if (is_required) {
        sl_x_put(exchange, field, "type", type);
    } else {
        struct sl_yaml *null = sl_x_map(exchange);
        sl_x_put(exchange, field, "type", nullable(exchange, type));
        if (null)
            null->kind = SL_YAML_NULL;
        sl_x_put(exchange, field, "default", null);
    }
    sl_x_put_text(exchange, field, "doc", sl_x_get(property, "description"));
    add_aliases(exchange, property, field);
    add_default(exchange, property, type, field);
    sl_x_add_extensions(exchange, property, field);
    if (!are_symbols(sl_x_enum_of(property)))
        sl_x_put(exchange, field, "x-enum", sl_x_enum_of(property));
    return field;
}

static struct sl_yaml *record_of(struct sl_exchange *exchange, const struct sl_yaml *properties,
                                 const char *name)
{
    struct sl_yaml *record = sl_x_map(exchange);
    sl_x_put_text(exchange, record, "type", "record");
    sl_x_put_text(exchange, record, "name", name);
    struct sl_yaml *fields = sl_x_list_at(exchange, record, "fields");
    for (size_t i = 0; i < sl_x_count(properties); i++)
        sl_x_push(exchange, fields, field_of(exchange, properties->items[i], name));
    for (size_t i = 0; i < sl_x_count(fields); i++)
        for (size_t k = 0; k < i; k++)
            if (sl_str_equal(sl_x_get(fields->items[i], "name"),
                             sl_x_get(fields->items[k], "name")))
                sl_x_wrong(exchange, properties->items[i]->place, "rename one of them",
                           "two columns of '%s' would be '%s' in Avro", name,
                           sl_x_get(fields->items[i], "name"));
    return record;
}

// An item is no field, so what Avro has no word for stands at its type.
static struct sl_yaml *item_of(struct sl_exchange *exchange, const struct sl_yaml *items,
                               const char *path)
{
    struct sl_yaml *type = type_of(exchange, items, sl_x_printf(exchange, "%s_item", path));
    const struct sl_yaml *values = are_symbols(sl_x_enum_of(items)) ? NULL : sl_x_enum_of(items);
    if (type && type->kind == SL_YAML_SCALAR && (sl_x_get(items, "physicalType") || values)) {
        struct sl_yaml *map = sl_x_map(exchange);
        sl_x_put(exchange, map, "type", type);
        type = map;
    }
    if (sl_x_is_map(type)) {
        sl_x_add_extensions(exchange, items, type);
        sl_x_put(exchange, type, "x-enum", values);
    }
    return sl_x_is_true(items, "required") ? type : nullable(exchange, type);
}

static struct sl_yaml *nested(struct sl_exchange *exchange, const struct sl_yaml *property,
                              bool is_array, const char *path)
{
    const struct sl_yaml *properties = sl_yaml_get(property, "properties");
    const struct sl_yaml *items = sl_yaml_get(property, "items");
    if (!is_array && sl_x_count(properties))
        return record_of(exchange, properties, path);
    if (!is_array || !sl_x_is_map(items)) {
        sl_x_lost(exchange, property->place,
                  "column '%s': what is inside is not described, so it is a string of JSON",
                  sl_x_get(property, "name") ? sl_x_get(property, "name") : "items");
        return sl_x_text(exchange, "string");
    }
    struct sl_yaml *schema = sl_x_map(exchange);
    sl_x_put_text(exchange, schema, "type", "array");
    sl_x_put(exchange, schema, "items", item_of(exchange, items, path));
    return schema;
}

static struct sl_yaml *type_of(struct sl_exchange *exchange, const struct sl_yaml *property,
                               const char *path)
{
    struct sl_x_type type = sl_x_type_of(property);
    switch (type.type.kind) {
    case SL_TYPE_TEXT:
        return text_type(exchange, property, path);
    case SL_TYPE_INTEGER:
        return sl_x_text(exchange, type.type.bits <= 32 ? "int" : "long");
    case SL_TYPE_DECIMAL:
        return decimal(exchange, type.type);
    case SL_TYPE_DOUBLE:
        return sl_x_text(exchange, "double");
    case SL_TYPE_BOOLEAN:
        return sl_x_text(exchange, "boolean");
    case SL_TYPE_DATE:
        return logical(exchange, "int", "date");
    case SL_TYPE_TIMESTAMP:
        return logical(exchange, "long", "timestamp-micros");
    case SL_TYPE_TIMESTAMP_NTZ:
        return logical(exchange, "long", "local-timestamp-micros");
    case SL_TYPE_TIME:
        return logical(exchange, "long", "time-micros");
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return nested(exchange, property, type.is_array, path);
    }
    return NULL;
}

// Rules are no part of a schema in Avro. `path`: of the column; NULL: `owner` is the table.
static void tell_rules(struct sl_exchange *exchange, const struct sl_yaml *owner, const char *path)
{
    const struct sl_yaml *quality = sl_yaml_get(owner, "quality");
    const struct sl_yaml *options = sl_yaml_get(owner, "logicalTypeOptions");
    const struct sl_yaml *values = sl_x_enum_of(owner);
    const char *what = path ? "column" : "table", *name = path ? path : sl_x_get(owner, "name");
    for (size_t i = 0; i < sl_x_count(quality); i++)
        if (!values ||
            sl_yaml_get(sl_yaml_get(quality->items[i], "arguments"), "validValues") != values)
            sl_x_lost(exchange, quality->items[i]->place,
                      "%s '%s': a quality rule has no counterpart in Avro", what, name);
    for (size_t i = 0; sl_x_is_map(options) && i < options->count; i++)
        if (strcmp(options->keys[i]->text, "timezone") != 0 &&
            !sl_str_equal(options->items[i]->text, "uuid"))
            sl_x_lost(exchange, options->items[i]->place,
                      "%s '%s': '%s' has no counterpart in Avro", what, name,
                      options->keys[i]->text);
    const struct sl_yaml *properties = sl_yaml_get(owner, "properties");
    const struct sl_yaml *items = sl_yaml_get(owner, "items");
    for (size_t i = 0; i < sl_x_count(properties); i++)
        tell_rules(exchange, properties->items[i], sl_x_path(exchange, path, properties->items[i]));
    if (sl_x_is_map(items))
        tell_rules(exchange, items, sl_x_path(exchange, path, items));
}

void sl_x_avro_export(struct sl_exchange *exchange, const struct sl_yaml *contract,
                      struct sl_buf *text)
{
    const struct sl_yaml *tables = sl_yaml_get(contract, "schema");
    struct sl_yaml *list = sl_x_list(exchange);
    for (size_t i = 0; i < sl_x_count(tables); i++) {
        const struct sl_yaml *object = tables->items[i];
        const struct sl_yaml *properties = sl_yaml_get(object, "properties");
        const char *name = name_for(exchange, object);
        struct sl_yaml *record = record_of(exchange, properties, name ? name : "table");
        sl_x_put_text(exchange, record, "doc", sl_x_get(object, "description"));
        tell_rules(exchange, object, NULL);
        sl_x_push(exchange, list, record);
    }
    static const char *const known[] = {"classification", "sluice.aliases", "sluice.default", NULL};
    sl_x_tell_rest(exchange, contract, "Avro", known);
    if (list && list->count)
        sl_yaml_print_json(list->count == 1 ? list->items[0] : list, text);
}
