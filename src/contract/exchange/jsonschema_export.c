// A contract -> JSON Schema 2020-12: the table's rows as objects. Several tables stand in $defs.
#include "contract/exchange/tree.h"

#include <stdio.h>
#include <string.h>

static struct sl_yaml *schema_of(struct sl_exchange *exchange, const struct sl_yaml *property,
                                 const char *path, bool is_required);

static void put_type(struct sl_exchange *exchange, struct sl_yaml *schema, const char *type,
                     bool is_nullable)
{
    if (!is_nullable) {
        sl_x_put_text(exchange, schema, "type", type);
        return;
    }
    struct sl_yaml *list = sl_x_list_at(exchange, schema, "type");
    sl_x_push(exchange, list, sl_x_text(exchange, type));
    sl_x_push(exchange, list, sl_x_text(exchange, "null"));
}

static const char *type_name(const struct sl_x_type *type)
{
    switch (type->type.kind) {
    case SL_TYPE_INTEGER:
        return "integer";
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
        return "number";
    case SL_TYPE_BOOLEAN:
        return "boolean";
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return type->is_array ? "array" : "object";
    case SL_TYPE_TEXT:
    case SL_TYPE_DATE:
    case SL_TYPE_TIMESTAMP:
    case SL_TYPE_TIMESTAMP_NTZ:
    case SL_TYPE_TIME:
        return "string";
    }
    return "string";
}

static const char *format_of(const struct sl_x_type *type, const struct sl_yaml *options)
{
    const char *format = sl_x_get(options, "format");
    switch (type->type.kind) {
    case SL_TYPE_DATE:
        return "date";
    case SL_TYPE_TIMESTAMP:
        return "date-time";
    case SL_TYPE_TIME:
        return "time";
    case SL_TYPE_TEXT:
        return sl_str_equal(format, "email") || sl_str_equal(format, "uuid") ||
                       sl_str_equal(format, "uri")
                   ? format
                   : NULL;
    case SL_TYPE_TIMESTAMP_NTZ:
    case SL_TYPE_INTEGER:
    case SL_TYPE_DECIMAL:
    case SL_TYPE_DOUBLE:
    case SL_TYPE_BOOLEAN:
    case SL_TYPE_JSON:
    case SL_TYPE_OBJECT:
    case SL_TYPE_ARRAY:
        return NULL;
    }
    return NULL;
}

// `wanted`: names that the object requires besides; NULL: none.
static void add_members(struct sl_exchange *exchange, const struct sl_yaml *properties,
                        const struct sl_yaml *wanted, const char *outer, struct sl_yaml *schema)
{
    struct sl_yaml *members = sl_x_map_at(exchange, schema, "properties");
    struct sl_yaml *required = sl_x_list(exchange);
    for (size_t i = 0; i < sl_x_count(properties); i++) {
        const struct sl_yaml *property = properties->items[i];
        const char *name = sl_x_get(property, "name");
        bool is_required = sl_x_is_true(property, "required") ||
                           sl_x_is_true(property, "primaryKey") ||
                           (name && sl_x_has_text(wanted, name));
        if (!name)
            continue;
        sl_x_put(exchange, members, name,
                 schema_of(exchange, property, sl_x_path(exchange, outer, property), is_required));
        if (is_required)
            sl_x_push(exchange, required, sl_x_text(exchange, name));
    }
    if (sl_x_count(required))
        sl_x_put(exchange, schema, "required", required);
}

// Rules that JSON Schema has no word for.
static void tell_lost(struct sl_exchange *exchange, const struct sl_yaml *property,
                      const char *path, const struct sl_x_type *type)
{
    const struct sl_yaml *quality = sl_yaml_get(property, "quality");
    const struct sl_yaml *options = sl_yaml_get(property, "logicalTypeOptions");
    const struct sl_yaml *values = sl_x_enum_of(property);
    enum sl_type_kind kind = type->type.kind;
    bool is_time = kind == SL_TYPE_DATE || kind == SL_TYPE_TIME || kind == SL_TYPE_TIMESTAMP ||
                   kind == SL_TYPE_TIMESTAMP_NTZ;
    for (size_t i = 0; i < sl_x_count(quality); i++)
        if (sl_yaml_get(sl_yaml_get(quality->items[i], "arguments"), "validValues") != values ||
            !values)
            sl_x_lost(exchange, quality->items[i]->place,
                      "column '%s': a quality rule has no counterpart in JSON Schema", path);
    for (size_t i = 0; sl_x_is_map(options) && i < options->count; i++) {
        const char *key = options->keys[i]->text;
        if (is_time && sl_str_ends(key, "imum"))
            sl_x_lost(exchange, options->items[i]->place,
                      "column '%s': '%s' of a date or time has no counterpart in JSON Schema", path,
                      key);
        else if (strcmp(key, "format") == 0 && kind != SL_TYPE_INTEGER &&
                 !(kind == SL_TYPE_TEXT && format_of(type, options)))
            sl_x_lost(exchange, options->items[i]->place,
                      "column '%s': format '%s' has no counterpart in JSON Schema", path,
                      options->items[i]->text);
    }
}

static void add_rules(struct sl_exchange *exchange, const struct sl_yaml *property,
                      const struct sl_x_type *type, bool is_required, struct sl_yaml *schema)
{
    static const char *const texts[] = {"minLength", "maxLength", "pattern", NULL};
    static const char *const numbers[] = {"minimum",          "maximum",    "exclusiveMinimum",
                                          "exclusiveMaximum", "multipleOf", NULL};
    static const char *const arrays[] = {"minItems", "maxItems", "uniqueItems", NULL};
    static const char *const objects[] = {"minProperties", "maxProperties", NULL};
    static const char *const none[] = {NULL};
    const struct sl_yaml *options = sl_yaml_get(property, "logicalTypeOptions");
    const char *name = type_name(type);
    const char *const *keys = type->type.kind == SL_TYPE_TEXT ? texts
                              : strcmp(name, "integer") == 0 || strcmp(name, "number") == 0
                                  ? numbers
                              : strcmp(name, "array") == 0  ? arrays
                              : strcmp(name, "object") == 0 ? objects
                                                            : none;
    for (; *keys; keys++)
        if (sl_yaml_get(options, *keys))
            sl_x_put(exchange, schema, *keys, sl_yaml_get(options, *keys));
    if (type->type.kind == SL_TYPE_TEXT && type->length)
        sl_x_put_int(exchange, schema, "maxLength", type->length);
    const struct sl_yaml *values = sl_x_enum_of(property);
    if (values) {
        struct sl_yaml *list = sl_x_list(exchange);
        for (size_t i = 0; i < values->count; i++)
            sl_x_push(exchange, list,
                      strcmp(name, "string") == 0 ? sl_x_text(exchange, values->items[i]->text)
                                                  : values->items[i]);
        struct sl_yaml *null = is_required ? NULL : sl_x_map(exchange);
        if (null)
            null->kind = SL_YAML_NULL;
        sl_x_push(exchange, list, null);
        sl_x_put(exchange, schema, "enum", list);
    }
}

static void add_default(struct sl_exchange *exchange, const struct sl_yaml *property,
                        const struct sl_x_type *type, struct sl_yaml *schema)
{
    const char *value = sl_x_default_of(property);
    const char *name = type_name(type);
    if (value)
        sl_x_put(exchange, schema, "default",
                 strcmp(name, "string") == 0 ? sl_x_text(exchange, value)
                                             : sl_x_bare(exchange, value));
}

static struct sl_yaml *schema_of(struct sl_exchange *exchange, const struct sl_yaml *property,
                                 const char *path, bool is_required)
{
    struct sl_yaml *schema = sl_x_map(exchange);
    struct sl_x_type type = sl_x_type_of(property);
    const struct sl_yaml *items = sl_yaml_get(property, "items");
    const struct sl_yaml *examples = sl_yaml_get(property, "examples");
    sl_x_put_text(exchange, schema, "title", sl_x_get(property, "businessName"));
    sl_x_put_text(exchange, schema, "description", sl_x_get(property, "description"));
    put_type(exchange, schema, type_name(&type), !is_required);
    sl_x_put_text(exchange, schema, "format",
                  format_of(&type, sl_yaml_get(property, "logicalTypeOptions")));
    add_rules(exchange, property, &type, is_required, schema);
    tell_lost(exchange, property, path, &type);
    if (sl_x_is_list(examples))
        sl_x_put(exchange, schema, "examples", examples);
    add_default(exchange, property, &type, schema);
    sl_x_add_extensions(exchange, property, schema);
    if (sl_x_is_map(items))
        sl_x_put(exchange, schema, "items",
                 schema_of(exchange, items, sl_x_path(exchange, path, items),
                           sl_x_is_true(items, "required")));
    const struct sl_yaml *wanted =
        sl_yaml_get(sl_yaml_get(property, "logicalTypeOptions"), "required");
    if (type.is_object && sl_x_is_list(sl_yaml_get(property, "properties")))
        add_members(exchange, sl_yaml_get(property, "properties"), wanted, path, schema);
    else if (type.is_object && sl_x_count(wanted))
        sl_x_put(exchange, schema, "required", wanted);
    return schema;
}

static void fill_table(struct sl_exchange *exchange, const struct sl_yaml *object,
                       struct sl_yaml *schema)
{
    const struct sl_yaml *quality = sl_yaml_get(object, "quality");
    sl_x_put_text(exchange, schema, "description", sl_x_get(object, "description"));
    sl_x_put_text(exchange, schema, "type", "object");
    add_members(exchange, sl_yaml_get(object, "properties"), NULL, NULL, schema);
    for (size_t i = 0; i < sl_x_count(quality); i++)
        sl_x_lost(exchange, quality->items[i]->place,
                  "table '%s': a quality rule has no counterpart in JSON Schema",
                  sl_x_get(object, "name"));
}

void sl_x_jsonschema_export(struct sl_exchange *exchange, const struct sl_yaml *contract,
                            struct sl_buf *text)
{
    struct sl_yaml *root = sl_x_map(exchange);
    const struct sl_yaml *tables = sl_yaml_get(contract, "schema");
    bool is_one = sl_x_count(tables) == 1;
    sl_x_put_text(exchange, root, "$schema", "https://json-schema.org/draft/2020-12/schema");
    sl_x_put_text(exchange, root, "title", sl_x_get(is_one ? tables->items[0] : contract, "name"));
    if (is_one)
        fill_table(exchange, tables->items[0], root);
    for (size_t i = 0; !is_one && i < sl_x_count(tables); i++) {
        struct sl_yaml *schema = sl_x_map(exchange);
        const char *name = sl_x_get(tables->items[i], "name");
        fill_table(exchange, tables->items[i], schema);
        if (name)
            sl_x_put(exchange, sl_x_map_at(exchange, root, "$defs"), name, schema);
    }
    static const char *const known[] = {"classification", "businessName",   "examples",
                                        "sluice.default", "sluice.aliases", NULL};
    sl_x_tell_rest(exchange, contract, "JSON Schema", known);
    if (root)
        sl_yaml_print_json(root, text);
}
