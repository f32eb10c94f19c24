// JSON Schema (draft 7 to 2020-12) of an object -> a table of its members.
#include "contract/exchange/jsonschema.h"

#include <string.h>

struct reader {
    struct sl_exchange *exchange;
    struct sl_x_schemas schemas;
    const struct sl_yaml *open[SL_X_DEEPEST]; // schemas of the objects around
    int depth;
};

static void read_schema(struct reader *reader, const struct sl_yaml *schema,
                        struct sl_yaml *property);

// What a reference leads to, with all that allOf says.
static const struct sl_yaml *resolve(struct reader *reader, const struct sl_yaml *schema)
{
    return sl_x_schema_merge(&reader->schemas, sl_x_schema_resolve(&reader->schemas, schema));
}

// What is said beside all that is read; annotations say nothing of the values.
static void tell_unread(struct reader *reader, const struct sl_yaml *schema, bool is_table)
{
    static const char *const known[] = {"$schema",        "$id",
                                        "$ref",           "$defs",
                                        "definitions",    "$comment",
                                        "$anchor",        "title",
                                        "type",           "enum",
                                        "const",          "description",
                                        "format",         "minimum",
                                        "maximum",        "minLength",
                                        "maxLength",      "exclusiveMinimum",
                                        "pattern",        "required",
                                        "examples",       "default",
                                        "properties",     "exclusiveMaximum",
                                        "items",          "anyOf",
                                        "oneOf",          "allOf",
                                        "multipleOf",     "minItems",
                                        "maxItems",       "uniqueItems",
                                        "deprecated",     "readOnly",
                                        "writeOnly",      "example",
                                        "minProperties",  "maxProperties",
                                        "x-primaryKey",   "x-primaryKeyPosition",
                                        "x-unique",       "x-logicalType",
                                        "x-physicalType", "x-classification",
                                        "x-aliases",      "nullable"};
    for (size_t i = 0; i < schema->count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            is_known |= strcmp(known[k], schema->keys[i]->text) == 0;
        // Rules over several columns are for columns alone.
        is_known |= is_table && (sl_str_equal(schema->keys[i]->text, "dependentRequired") ||
                                 sl_str_equal(schema->keys[i]->text, "dependencies"));
        if (!is_known)
            sl_x_lost(reader->exchange, schema->keys[i]->place, "'%s' has no counterpart",
                      schema->keys[i]->text);
    }
}

static bool is_null_schema(const struct sl_yaml *schema)
{
    return sl_str_equal(sl_x_get(schema, "type"), "null");
}

// anyOf: [{...}, {type: null}] is the first, and may be null. *ret_null is set then.
static const struct sl_yaml *only_choice(struct reader *reader, const struct sl_yaml *schema,
                                         bool *ret_null)
{
    static const char *const keys[] = {"anyOf", "oneOf"};
    for (size_t k = 0; k < 2; k++) {
        const struct sl_yaml *list = sl_yaml_get(schema, keys[k]);
        const struct sl_yaml *found = NULL;
        size_t count = 0;
        for (size_t i = 0; i < sl_x_count(list); i++) {
            *ret_null |= is_null_schema(list->items[i]);
            if (!is_null_schema(list->items[i])) {
                found = list->items[i];
                count++;
            }
        }
        if (count == 1)
            return found;
        if (count > 1)
            sl_x_lost(reader->exchange, list->place,
                      "'%s' of %zu schemas: only what stands beside it is carried over", keys[k],
                      count);
    }
    return NULL;
}

// The type's name but for "null"; NULL: any or several. *ret_null: null is allowed.
static const char *type_name(struct reader *reader, const struct sl_yaml *schema, bool *ret_null)
{
    const struct sl_yaml *type = sl_yaml_get(schema, "type");
    const char *found = type && type->kind == SL_YAML_SCALAR ? type->text : NULL;
    size_t count = found != NULL;
    for (size_t i = 0; i < sl_x_count(type); i++) {
        if (sl_str_equal(type->items[i]->text, "null")) {
            *ret_null = true;
            continue;
        }
        found = type->items[i]->text;
        count++;
    }
    if (count > 1)
        sl_x_lost(reader->exchange, type->place, "a value of %zu types is carried over as a text",
                  count);
    return count == 1 ? found : NULL;
}

static bool is_only_integers(const struct sl_yaml *values)
{
    int64_t number;
    for (size_t i = 0; i < sl_x_count(values); i++)
        if (values->items[i]->kind != SL_YAML_NULL &&
            (values->items[i]->is_quoted || !sl_str_to_int64(values->items[i]->text, &number)))
            return false;
    return sl_x_count(values) > 0;
}

// "multipleOf: 0.01" says how many decimals there are.
static int scale_of(const char *multiple)
{
    int scale = 0;
    if (!multiple || !sl_str_starts(multiple, "0."))
        return -1;
    for (const char *c = multiple + 2; *c == '0' || *c == '1'; c++) {
        scale++;
        if (*c == '1')
            return c[1] == '\0' && scale <= 18 ? scale : -1;
    }
    return -1;
}

static struct sl_x_type type_of(struct reader *reader, const struct sl_yaml *schema,
                                const char *name)
{
    struct sl_x_type type = {.type = {.kind = SL_TYPE_TEXT}};
    const char *format = sl_x_get(schema, "format");
    const char *multiple = sl_x_get(schema, "multipleOf");
    if (!name && is_only_integers(sl_yaml_get(schema, "enum")))
        name = "integer";
    if (!name && sl_yaml_get(schema, "properties"))
        name = "object";
    if (sl_str_equal(name, "integer"))
        type.type = (struct sl_type){.kind = SL_TYPE_INTEGER,
                                     .bits = sl_str_equal(format, "int32") ? 32 : 64};
    // What we have exported says its type by itself.
    else if (sl_str_equal(name, "number") && scale_of(multiple) >= 0 &&
             !sl_yaml_get(schema, "x-logicalType"))
        type.type =
            (struct sl_type){.kind = SL_TYPE_DECIMAL, .precision = 38, .scale = scale_of(multiple)};
    else if (sl_str_equal(name, "number"))
        type.type.kind = SL_TYPE_DOUBLE;
    else if (sl_str_equal(name, "boolean"))
        type.type.kind = SL_TYPE_BOOLEAN;
    else if (sl_str_equal(name, "object") || sl_str_equal(name, "array"))
        type.type.kind = SL_TYPE_JSON;
    else if (sl_str_equal(format, "date"))
        type.type.kind = SL_TYPE_DATE;
    else if (sl_str_equal(format, "date-time"))
        type.type.kind = SL_TYPE_TIMESTAMP;
    else if (sl_str_equal(format, "time"))
        type.type.kind = SL_TYPE_TIME;
    else if (name && !sl_str_equal(name, "string"))
        sl_x_wrong(reader->exchange, sl_yaml_place(schema, "type"),
                   "string, number, integer, boolean, object, array or null",
                   "'%s' is no type of JSON Schema", name);
    type.is_array = sl_str_equal(name, "array");
    return type;
}

// 2.0 is a whole number in JSON Schema.
static const struct sl_yaml *whole(struct sl_exchange *exchange, const struct sl_yaml *value)
{
    double number;
    int64_t count;
    bool is_bare = value->kind == SL_YAML_SCALAR && !value->is_quoted;
    if (!is_bare || sl_str_to_int64(value->text, &count) ||
        !sl_str_to_double(value->text, &number) || !(number > -1e15 && number < 1e15) ||
        number != (double)(int64_t)number)
        return value;
    const char *text = sl_x_printf(exchange, "%lld", (long long)number);
    struct sl_yaml *made = text ? sl_x_bare(exchange, text) : NULL;
    if (made)
        made->place = value->place;
    return made;
}

// Rules over texts, numbers and lists, as far as they fit the type that was found.
static void read_rules(struct reader *reader, const struct sl_yaml *schema,
                       struct sl_yaml *property, enum sl_type_kind kind)
{
    static const char *const texts[] = {"minLength", "maxLength", "pattern"};
    static const char *const numbers[] = {"minimum", "maximum", "exclusiveMinimum",
                                          "exclusiveMaximum"};
    static const char *const known[] = {"email", "uuid", "uri"};
    struct sl_exchange *exchange = reader->exchange;
    const char *format = sl_x_get(schema, "format");
    bool is_text = kind == SL_TYPE_TEXT;
    bool is_number = kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
    bool is_told = !is_text || !format;
    for (size_t i = 0; i < 3 && is_text; i++)
        sl_x_option(exchange, property, texts[i], sl_yaml_get(schema, texts[i]));
    for (size_t i = 0; i < 4 && is_number; i++) {
        const struct sl_yaml *value = sl_yaml_get(schema, numbers[i]);
        sl_x_option(exchange, property, numbers[i],
                    value && kind == SL_TYPE_INTEGER ? whole(exchange, value) : value);
    }
    for (size_t i = 0; i < 3 && is_text; i++)
        if (sl_str_equal(format, known[i])) {
            sl_x_option(exchange, property, "format", sl_x_text(exchange, format));
            is_told = true;
        }
    if (!is_told)
        sl_x_lost(exchange, sl_yaml_place(schema, "format"),
                  "format '%s' is not checked by a contract", format);
    // Of a decimal without a type of its own it is the number of decimals.
    if (is_number && (kind != SL_TYPE_DECIMAL || sl_x_get(schema, "x-physicalType")))
        sl_x_option(exchange, property, "multipleOf", sl_yaml_get(schema, "multipleOf"));
}

// Whether more members are asked for than are described, of which alone a contract knows.
static bool is_beyond(const struct sl_yaml *schema, const char *key, const struct sl_yaml *value)
{
    const struct sl_yaml *members = sl_yaml_get(schema, "properties");
    int64_t least;
    return strcmp(key, "minProperties") == 0 && sl_x_is_map(members) &&
           sl_str_to_int64(value->text, &least) && least > (int64_t)members->count;
}

// Rules over a whole object or array. At a table, or at a value of another type, none of them has a
// meaning here.
static void read_counts(struct reader *reader, const struct sl_yaml *schema,
                        struct sl_yaml *property, const struct sl_x_type *type)
{
    static const char *const keys[] = {"minItems", "maxItems", "uniqueItems", "minProperties",
                                       "maxProperties"};
    struct sl_exchange *exchange = reader->exchange;
    bool is_nested = property && type->type.kind == SL_TYPE_JSON;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct sl_yaml *value = sl_yaml_get(schema, keys[i]);
        if (value && is_nested && sl_str_ends(keys[i], "Items") == type->is_array &&
            value->kind == SL_YAML_SCALAR && !is_beyond(schema, keys[i], value))
            sl_x_option(exchange, property, keys[i], whole(exchange, value));
        else if (value)
            sl_x_lost(exchange, sl_yaml_place(schema, keys[i]), "'%s' has no counterpart here",
                      keys[i]);
    }
}

static void read_values(struct reader *reader, const struct sl_yaml *schema,
                        struct sl_yaml *property, enum sl_type_kind kind)
{
    struct sl_exchange *exchange = reader->exchange;
    const struct sl_yaml *values = sl_yaml_get(schema, "enum");
    const struct sl_yaml *constant = sl_yaml_get(schema, "const");
    const struct sl_yaml *otherwise = sl_yaml_get(schema, "default");
    if (constant && constant->kind == SL_YAML_SCALAR && !values) {
        struct sl_yaml *list = sl_x_list(exchange);
        sl_x_push(exchange, list, constant);
        values = list;
    }
    if (values && kind != SL_TYPE_JSON)
        sl_x_enum(exchange, property, values);
    else if (values)
        sl_x_lost(exchange, values->place, "the values of an object or array are not checked");
    if (otherwise && otherwise->kind == SL_YAML_SCALAR && kind != SL_TYPE_JSON)
        sl_x_custom(exchange, property, "sluice.default", otherwise);
    if (sl_x_is_list(sl_yaml_get(schema, "examples")))
        sl_x_put(exchange, property, "examples", sl_yaml_get(schema, "examples"));
    sl_x_read_extensions(exchange, schema, property);
}

static void read_members(struct reader *reader, const struct sl_yaml *schema, bool is_table,
                         struct sl_yaml *owner)
{
    struct sl_exchange *exchange = reader->exchange;
    const struct sl_yaml *members = sl_yaml_get(schema, "properties");
    const struct sl_yaml *required = sl_yaml_get(schema, "required");
    struct sl_yaml *properties =
        sl_x_is_map(members) ? sl_x_list_at(exchange, owner, "properties") : NULL;
    for (size_t i = 0; sl_x_is_map(members) && i < members->count; i++) {
        const char *name = members->keys[i]->text;
        struct sl_yaml *property =
            sl_x_property(exchange, properties, name, members->keys[i]->place);
        if (sl_x_has_text(required, name))
            sl_x_put_true(exchange, property, "required");
        read_schema(reader, members->items[i], property);
    }
    // An object of which nothing else is said is JSON, whose members can be required all the same.
    if (!sl_x_is_map(members) && !is_table && sl_x_count(required)) {
        sl_x_option(exchange, owner, "required", required);
        return;
    }
    for (size_t i = 0; i < sl_x_count(required); i++)
        if (!sl_yaml_get(members, required->items[i]->text))
            sl_x_lost(exchange, required->items[i]->place, "'%s' is required and described nowhere",
                      required->items[i]->text);
}

// An item may be null if its type says so, or if it has none.
static void read_items(struct reader *reader, const struct sl_yaml *items, struct sl_yaml *property)
{
    static const char *const typed[] = {"type", "const", "enum", "anyOf", "oneOf", "$ref"};
    const struct sl_yaml *values = sl_yaml_get(items, "enum");
    struct sl_yaml *made = sl_x_map(reader->exchange);
    bool is_typed = false, has_null = false;
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
        is_typed |= sl_yaml_get(items, typed[i]) != NULL;
    for (size_t i = 0; i < sl_x_count(values); i++)
        has_null |= values->items[i]->kind == SL_YAML_NULL;
    if (is_typed && !(has_null && !sl_yaml_get(items, "type")))
        sl_x_put_true(reader->exchange, made, "required");
    read_schema(reader, items, made);
    for (size_t i = 0; made && i < made->count; i++)
        if (strcmp(made->keys[i]->text, "required") != 0 || sl_x_is_true(made, "required"))
            sl_x_put(reader->exchange, property, made->keys[i]->text, made->items[i]);
}

static void read_below(struct reader *reader, const struct sl_yaml *schema,
                       struct sl_yaml *property, const struct sl_x_type *type)
{
    const struct sl_yaml *items = sl_yaml_get(schema, "items");
    if (type->type.kind != SL_TYPE_JSON || !sl_x_count_up(reader->exchange, schema->place))
        return;
    if (reader->depth >= SL_X_DEEPEST) {
        sl_x_lost(reader->exchange, schema->place,
                  "objects nested more than %d levels deep are not described further",
                  SL_X_DEEPEST);
        return;
    }
    for (int i = 0; i < reader->depth; i++)
        if (reader->open[i] == schema) {
            sl_x_lost(reader->exchange, schema->place,
                      "a schema refers to itself; it is described once");
            return;
        }
    reader->open[reader->depth++] = schema;
    if (type->is_array && sl_x_is_map(items))
        read_items(reader, items, sl_x_map_at(reader->exchange, property, "items"));
    else if (!type->is_array)
        read_members(reader, schema, false, property);
    reader->depth--;
}

static void read_schema(struct reader *reader, const struct sl_yaml *schema,
                        struct sl_yaml *property)
{
    struct sl_exchange *exchange = reader->exchange;
    const struct sl_yaml *outer = schema;
    bool is_nullable = false;
    schema = resolve(reader, schema);
    if (!schema)
        return;
    const struct sl_yaml *choice = only_choice(reader, schema, &is_nullable);
    if (choice && !sl_yaml_get(schema, "type"))
        schema = resolve(reader, choice);
    if (!sl_x_is_map(schema)) {
        if (schema)
            sl_x_lost(exchange, schema->place, "a schema of 'true' or 'false' says no type");
        sl_x_put_text(exchange, property, "logicalType", "string");
        return;
    }
    is_nullable |= sl_x_is_true(schema, "nullable"); // as OpenAPI says it
    const char *name = type_name(reader, schema, &is_nullable);
    struct sl_x_type type = type_of(reader, schema, name);
    sl_x_set_type(exchange, property, &type);
    const char *about = sl_x_get(outer, "description") ? sl_x_get(outer, "description")
                                                       : sl_x_get(schema, "description");
    sl_x_put_text(exchange, property, "description", about);
    sl_x_put_text(exchange, property, "businessName", sl_x_get(schema, "title"));
    if (is_nullable && sl_x_is_true(property, "required")) // there, and may be null
        sl_x_put(exchange, property, "required", sl_x_bare(exchange, "false"));
    tell_unread(reader, schema, false);
    read_rules(reader, schema, property, type.type.kind);
    read_counts(reader, schema, property, &type);
    read_values(reader, schema, property, type.type.kind);
    read_below(reader, schema, property, &type);
}

static void add_dependent(struct sl_exchange *exchange, struct sl_yaml *object,
                          const struct sl_yaml *given, const struct sl_yaml *asked)
{
    const struct sl_yaml *properties = sl_yaml_get(object, "properties");
    SL_AUTO(sl_buf_clear) struct sl_buf when = SL_BUF_INIT;
    bool is_known[2] = {false, false};
    for (size_t i = 0; i < sl_x_count(properties); i++) {
        const char *name = sl_x_get(properties->items[i], "name");
        is_known[0] |= sl_str_equal(name, given->text);
        is_known[1] |= sl_str_equal(name, asked->text);
    }
    if (!is_known[0] || !is_known[1]) {
        sl_x_lost(exchange, asked->place, "'%s' needs '%s', and one of them is described nowhere",
                  given->text, asked->text);
        return;
    }
    struct sl_yaml *rule = sl_x_map(exchange);
    struct sl_yaml *code = sl_x_map_at(exchange, rule, "implementation");
    sl_buf_add_sql_name(&when, given->text);
    sl_buf_add(&when, " is not null");
    exchange->has_failed |= when.has_failed;
    sl_x_put_text(exchange, rule, "name",
                  sl_x_printf(exchange, "%s_needs_%s", given->text, asked->text));
    sl_x_put_text(exchange, rule, "type", "custom");
    sl_x_put_text(exchange, rule, "engine", "sluice");
    sl_x_put_text(exchange, code, "kind", "required_if");
    sl_x_put_text(exchange, code, "column", asked->text);
    sl_x_put_text(exchange, code, "when", when.text);
    sl_x_push(exchange, sl_x_list_at(exchange, object, "quality"), rule);
}

// Of a member that is there others must be there, too.
static void read_dependent(struct reader *reader, const struct sl_yaml *schema,
                           struct sl_yaml *object)
{
    static const char *const keys[] = {"dependentRequired", "dependencies"};
    struct sl_exchange *exchange = reader->exchange;
    for (size_t k = 0; k < 2; k++) {
        const struct sl_yaml *map = sl_yaml_get(schema, keys[k]);
        for (size_t i = 0; sl_x_is_map(map) && i < map->count; i++) {
            const struct sl_yaml *names = map->items[i];
            if (!sl_x_is_list(names))
                sl_x_lost(exchange, names->place,
                          "'%s' of '%s' is a schema, and has no counterpart", keys[k],
                          map->keys[i]->text);
            for (size_t n = 0; n < sl_x_count(names); n++)
                add_dependent(exchange, object, map->keys[i], names->items[n]);
        }
    }
}

static void read_table(struct reader *reader, const struct sl_yaml *schema, const char *name,
                       struct sl_yaml *contract)
{
    struct sl_yaml *object = sl_x_object(reader->exchange, contract, name);
    sl_x_put_text(reader->exchange, object, "description", sl_x_get(schema, "description"));
    tell_unread(reader, schema, true);
    read_counts(reader, schema, NULL, NULL);
    read_members(reader, schema, true, object);
    read_dependent(reader, schema, object);
}

void sl_x_jsonschema_import(struct sl_exchange *exchange, const struct sl_yaml *input,
                            struct sl_yaml **ret)
{
    struct reader reader = {.exchange = exchange, .schemas = {.exchange = exchange, .root = input}};
    const struct sl_yaml *schema = resolve(&reader, input);
    const struct sl_yaml *definitions = sl_yaml_get(input, "$defs");
    const char *title = sl_x_get(input, "title");
    char *name = title ? sl_str_slug(exchange->arena, title) : NULL;
    struct sl_yaml *contract = sl_x_contract(exchange, name);
    if (!definitions)
        definitions = sl_yaml_get(input, "definitions");
    if (!schema || !contract)
        return;
    // An array of objects is a table too.
    if (sl_str_equal(sl_x_get(schema, "type"), "array") &&
        sl_x_is_map(sl_yaml_get(schema, "items")))
        schema = resolve(&reader, sl_yaml_get(schema, "items"));
    if (schema && sl_yaml_get(schema, "properties"))
        read_table(&reader, schema, sl_x_get(contract, "name"), contract);
    for (size_t i = 0; schema && !sl_yaml_get(schema, "properties") && sl_x_is_map(definitions) &&
                       i < definitions->count;
         i++) {
        const struct sl_yaml *definition = resolve(&reader, definitions->items[i]);
        if (sl_yaml_get(definition, "properties"))
            read_table(&reader, definition, definitions->keys[i]->text, contract);
    }
    if (!sl_x_count(sl_yaml_get(contract, "schema")))
        sl_x_wrong(exchange, input->place, "a table is a schema with 'properties'",
                   "the schema describes no object");
    *ret = contract;
}
