// Avro schemas (specification 1.12): a record is a table, its fields are the columns.
#include "contract/exchange/tree.h"

#include "base/map.h"

#include <string.h>

struct reader {
    struct sl_exchange *exchange;
    struct sl_map named;                      // full name -> its schema
    const char *space;                        // namespace around
    const struct sl_yaml *open[SL_X_DEEPEST]; // types around
    int depth;
};

// A schema without the null of a union.
struct choice {
    const struct sl_yaml *schema;
    bool is_nullable;
};

static void read_type(struct reader *reader, const struct sl_yaml *schema,
                      struct sl_yaml *property);

static const char *full_name(struct reader *reader, const struct sl_yaml *schema)
{
    const char *name = sl_x_get(schema, "name");
    const char *space = sl_x_get(schema, "namespace");
    if (!space)
        space = reader->space;
    if (!name || strchr(name, '.') || !space)
        return name;
    return sl_x_printf(reader->exchange, "%s.%s", space, name);
}

// Every record, enum and fixed of the file, so that they can be named wherever they stand.
static void note_names(struct reader *reader, const struct sl_yaml *schema)
{
    const char *before = reader->space;
    const char *type = sl_x_get(schema, "type");
    bool is_named = sl_str_equal(type, "record") || sl_str_equal(type, "enum") ||
                    sl_str_equal(type, "fixed") || sl_str_equal(type, "error");
    if (sl_x_is_map(schema) && is_named) {
        const char *name = full_name(reader, schema);
        if (name && sl_map_has(&reader->named, name))
            sl_x_wrong(reader->exchange, schema->place, NULL, "type '%s' is defined twice", name);
        if (name && sl_map_set(&reader->named, name, (void *)(uintptr_t)schema, NULL) != SL_OK)
            reader->exchange->has_failed = true;
        if (sl_x_get(schema, "namespace"))
            reader->space = sl_x_get(schema, "namespace");
    }
    for (size_t i = 0; schema && i < schema->count; i++) {
        bool is_data = sl_x_is_map(schema) && (!strcmp(schema->keys[i]->text, "default") ||
                                               !strcmp(schema->keys[i]->text, "symbols"));
        if (!is_data)
            note_names(reader, schema->items[i]);
    }
    reader->space = before;
}

static const struct sl_yaml *find_named(struct reader *reader, const char *name)
{
    const char *full = !strchr(name, '.') && reader->space
                           ? sl_x_printf(reader->exchange, "%s.%s", reader->space, name)
                           : name;
    const struct sl_yaml *found = full ? sl_map_get(&reader->named, full) : NULL;
    return found ? found : sl_map_get(&reader->named, name);
}

static bool is_null_type(const struct sl_yaml *schema)
{
    const char *type = schema->kind == SL_YAML_MAP ? sl_x_get(schema, "type") : schema->text;
    // the parser takes an unquoted null for nothing; in JSON the name is quoted
    return schema->kind == SL_YAML_NULL || sl_str_equal(type, "null");
}

static struct choice choose(struct reader *reader, const struct sl_yaml *schema)
{
    struct choice choice = {schema, false};
    size_t count = 0;
    if (!sl_x_is_list(schema))
        return choice;
    choice.schema = NULL;
    for (size_t i = 0; i < schema->count; i++) {
        if (is_null_type(schema->items[i])) {
            choice.is_nullable = true;
            continue;
        }
        choice.schema = schema->items[i];
        count++;
    }
    if (count != 1) {
        sl_x_lost(reader->exchange, schema->place, "a union of %zu types is carried over as a text",
                  count);
        choice.schema = NULL;
    }
    return choice;
}

static bool take_logical(struct reader *reader, const struct sl_yaml *schema,
                         struct sl_x_type *type, struct sl_yaml *property)
{
    static const struct {
        const char *name;
        enum sl_type_kind kind;
    } logicals[] = {
        {"date", SL_TYPE_DATE},
        {"time-millis", SL_TYPE_TIME},
        {"time-micros", SL_TYPE_TIME},
        {"timestamp-millis", SL_TYPE_TIMESTAMP},
        {"timestamp-micros", SL_TYPE_TIMESTAMP},
        {"timestamp-nanos", SL_TYPE_TIMESTAMP},
        {"local-timestamp-millis", SL_TYPE_TIMESTAMP_NTZ},
        {"local-timestamp-micros", SL_TYPE_TIMESTAMP_NTZ},
        {"local-timestamp-nanos", SL_TYPE_TIMESTAMP_NTZ},
    };
    const char *logical = sl_x_get(schema, "logicalType");
    int64_t precision = 0;
    int64_t scale = 0;
    for (size_t i = 0; i < sizeof logicals / sizeof *logicals; i++)
        if (sl_str_equal(logical, logicals[i].name)) {
            type->type = (struct sl_type){.kind = logicals[i].kind};
            return true;
        }
    if (sl_str_equal(logical, "uuid")) {
        sl_x_option(reader->exchange, property, "format", sl_x_text(reader->exchange, "uuid"));
        type->type = (struct sl_type){.kind = SL_TYPE_TEXT};
        return true;
    }
    if (!sl_str_equal(logical, "decimal"))
        return false;
    if (!sl_x_get(schema, "precision") ||
        !sl_str_to_int64(sl_x_get(schema, "precision"), &precision) ||
        (sl_x_get(schema, "scale") && !sl_str_to_int64(sl_x_get(schema, "scale"), &scale)) ||
        precision < 1 || precision > 38 || scale < 0 || scale > precision) {
        sl_x_wrong(reader->exchange, sl_yaml_place(schema, "precision"),
                   "a precision of 1 to 38 and a scale of 0 up to that",
                   "this is no decimal that a table can hold");
        return true;
    }
    type->type =
        (struct sl_type){.kind = SL_TYPE_DECIMAL, .precision = (int)precision, .scale = (int)scale};
    return true;
}

static bool take_primitive(const char *name, struct sl_x_type *type)
{
    static const struct {
        const char *name;
        enum sl_type_kind kind;
        int bits;
    } primitives[] = {
        {"string", SL_TYPE_TEXT, 0},   {"int", SL_TYPE_INTEGER, 32},
        {"long", SL_TYPE_INTEGER, 64}, {"float", SL_TYPE_DOUBLE, 0},
        {"double", SL_TYPE_DOUBLE, 0}, {"boolean", SL_TYPE_BOOLEAN, 0},
        {"bytes", SL_TYPE_TEXT, 0},    {"fixed", SL_TYPE_TEXT, 0},
        {"enum", SL_TYPE_TEXT, 0},     {"record", SL_TYPE_JSON, 0},
        {"map", SL_TYPE_JSON, 0},      {"array", SL_TYPE_JSON, 0},
    };
    for (size_t i = 0; i < sizeof primitives / sizeof *primitives; i++)
        if (sl_str_equal(primitives[i].name, name)) {
            type->type = (struct sl_type){.kind = primitives[i].kind, .bits = primitives[i].bits};
            type->is_array = strcmp(name, "array") == 0;
            return true;
        }
    return false;
}

static void read_field(struct reader *reader, const struct sl_yaml *field,
                       struct sl_yaml *properties)
{
    struct sl_exchange *exchange = reader->exchange;
    const char *name = sl_x_get(field, "name");
    const struct sl_yaml *type = sl_yaml_get(field, "type");
    const struct sl_yaml *otherwise = sl_yaml_get(field, "default");
    if (!name || !type) {
        sl_x_wrong(exchange, field->place, NULL, "a field has no '%s'", name ? "type" : "name");
        return;
    }
    struct choice choice = choose(reader, type);
    struct sl_yaml *property = sl_x_property(exchange, properties, name, field->place);
    if (!choice.is_nullable)
        sl_x_put_true(exchange, property, "required");
    sl_x_put_text(exchange, property, "description", sl_x_get(field, "doc"));
    if (choice.schema)
        read_type(reader, choice.schema, property);
    else
        sl_x_put_text(exchange, property, "logicalType", "string");
    enum sl_type_kind kind = sl_x_type_of(property).type.kind;
    bool is_encoded = kind == SL_TYPE_DATE || kind == SL_TYPE_TIME || kind == SL_TYPE_TIMESTAMP ||
                      kind == SL_TYPE_TIMESTAMP_NTZ || kind == SL_TYPE_DECIMAL;
    bool is_constant = otherwise && otherwise->kind == SL_YAML_SCALAR && kind != SL_TYPE_JSON;
    if (is_constant && is_encoded)
        sl_x_lost(exchange, otherwise->place,
                  "column '%s': its default is written as the bytes or the number behind its type",
                  name);
    else if (is_constant)
        sl_x_custom(exchange, property, "sluice.default", otherwise);
    sl_x_read_extensions(exchange, field, property);
}

static bool is_field(const struct sl_yaml *fields, const char *name)
{
    for (size_t i = 0; i < fields->count; i++)
        if (sl_str_equal_nocase(sl_x_get(fields->items[i], "name"), name))
            return true;
    return false;
}

// Old names of the record's fields become those of columns, each of one of them.
static struct sl_yaml *choose_aliases(struct reader *reader, const struct sl_yaml *fields,
                                      const struct sl_yaml *field, struct sl_yaml *taken)
{
    struct sl_exchange *exchange = reader->exchange;
    const struct sl_yaml *names = sl_yaml_get(field, "aliases");
    struct sl_yaml *kept = sl_x_list(exchange);
    for (size_t i = 0; i < sl_x_count(names); i++) {
        const struct sl_yaml *name = names->items[i];
        bool is_good = name->kind == SL_YAML_SCALAR && *name->text && reader->depth == 0;
        if (!is_good || is_field(fields, name->text) || sl_x_has_text(taken, name->text)) {
            sl_x_lost(exchange, name->place, "another name of field '%s'", sl_x_get(field, "name"));
        } else if (!sl_x_is_own(exchange, name->text, name->place)) {
            sl_x_push(exchange, taken, name);
            sl_x_push(exchange, kept, name);
        }
    }
    return kept;
}

static void read_aliases(struct reader *reader, const struct sl_yaml *fields,
                         const struct sl_yaml *properties)
{
    struct sl_yaml *taken = sl_x_list(reader->exchange);
    for (size_t i = 0; i < fields->count; i++) {
        const struct sl_yaml *field = fields->items[i];
        if (!sl_x_count(sl_yaml_get(field, "aliases")))
            continue;
        const struct sl_yaml *kept = choose_aliases(reader, fields, field, taken);
        for (size_t k = 0; sl_x_count(kept) && k < sl_x_count(properties); k++)
            if (sl_str_equal(sl_x_get(properties->items[k], "name"), sl_x_get(field, "name")) &&
                !sl_x_aliases_of(properties->items[k]))
                sl_x_custom(reader->exchange, properties->items[k], "sluice.aliases", kept);
    }
}

static void read_fields(struct reader *reader, const struct sl_yaml *record, struct sl_yaml *owner)
{
    const struct sl_yaml *fields = sl_yaml_get(record, "fields");
    const char *before = reader->space;
    if (!sl_x_is_list(fields)) {
        sl_x_wrong(reader->exchange, record->place, NULL, "a record has no list 'fields'");
        return;
    }
    if (sl_x_get(record, "namespace"))
        reader->space = sl_x_get(record, "namespace");
    struct sl_yaml *properties = sl_x_list_at(reader->exchange, owner, "properties");
    for (size_t i = 0; i < fields->count; i++)
        read_field(reader, fields->items[i], properties);
    read_aliases(reader, fields, properties);
    reader->space = before;
}

static void read_below(struct reader *reader, const struct sl_yaml *schema, const char *name,
                       struct sl_yaml *property)
{
    struct sl_exchange *exchange = reader->exchange;
    if (!sl_x_count_up(exchange, schema->place))
        return;
    if (reader->depth >= SL_X_DEEPEST) {
        sl_x_lost(exchange, schema->place,
                  "types nested more than %d levels deep are not described further", SL_X_DEEPEST);
        return;
    }
    for (int i = 0; i < reader->depth; i++)
        if (reader->open[i] == schema) {
            sl_x_lost(exchange, schema->place, "a record refers to itself; it is described once");
            return;
        }
    reader->open[reader->depth++] = schema;
    if (strcmp(name, "record") == 0) {
        read_fields(reader, schema, property);
    } else if (strcmp(name, "array") == 0 && sl_yaml_get(schema, "items")) {
        struct choice choice = choose(reader, sl_yaml_get(schema, "items"));
        struct sl_yaml *items = sl_x_map_at(exchange, property, "items");
        if (choice.schema)
            read_type(reader, choice.schema, items);
        else
            sl_x_put_text(exchange, items, "logicalType", "string");
        if (!choice.is_nullable)
            sl_x_put_true(exchange, items, "required");
        if (sl_x_is_map(choice.schema)) // at its type, for an item is no field
            sl_x_read_extensions(exchange, choice.schema, items);
    } else if (strcmp(name, "map") == 0) {
        sl_x_lost(exchange, schema->place, "the values of a map have no type in a contract");
    }
    reader->depth--;
}

static void read_type(struct reader *reader, const struct sl_yaml *schema, struct sl_yaml *property)
{
    struct sl_exchange *exchange = reader->exchange;
    struct sl_x_type type = {.type = {.kind = SL_TYPE_TEXT}};
    const char *name = schema->kind == SL_YAML_SCALAR ? schema->text : sl_x_get(schema, "type");
    if (schema->kind == SL_YAML_MAP && !name &&
        sl_yaml_get(schema, "type")) { // {type: {type: ...}}
        struct choice choice = choose(reader, sl_yaml_get(schema, "type"));
        if (choice.schema && choice.schema->kind == SL_YAML_MAP && reader->depth < SL_X_DEEPEST) {
            reader->open[reader->depth++] = schema;
            read_type(reader, choice.schema, property);
            reader->depth--;
            return;
        }
    }
    const struct sl_yaml *named = name ? find_named(reader, name) : NULL;
    if (name && named) {
        schema = named;
        name = sl_x_get(schema, "type");
    }
    if (!take_logical(reader, schema, &type, property) && !take_primitive(name, &type))
        sl_x_wrong(exchange, schema->place, NULL, "'%s' is no type of Avro, and none is named so",
                   name ? name : sl_yaml_describe(schema));
    sl_x_set_type(exchange, property, &type);
    if (sl_str_equal(name, "enum"))
        sl_x_enum(exchange, property, sl_yaml_get(schema, "symbols"));
    else if ((sl_str_equal(name, "bytes") || sl_str_equal(name, "fixed")) &&
             type.type.kind == SL_TYPE_TEXT)
        sl_x_lost(exchange, schema->place, "bytes are carried over as a text");
    if (type.type.kind == SL_TYPE_JSON && name)
        read_below(reader, schema, name, property);
}

static void read_record(struct reader *reader, const struct sl_yaml *record,
                        struct sl_yaml *contract)
{
    const char *name = sl_x_get(record, "name");
    if (!sl_str_equal(sl_x_get(record, "type"), "record") || !name) {
        sl_x_wrong(reader->exchange, record->place,
                   "a table is {\"type\": \"record\", \"name\": ..., \"fields\": [...]}",
                   "the schema is no record with a name");
        return;
    }
    const char *dot = strrchr(name, '.');
    struct sl_yaml *object = sl_x_object(reader->exchange, contract, dot ? dot + 1 : name);
    sl_x_put_text(reader->exchange, object, "description", sl_x_get(record, "doc"));
    read_fields(reader, record, object);
}

void sl_x_avro_import(struct sl_exchange *exchange, const struct sl_yaml *input,
                      struct sl_yaml **ret)
{
    struct reader reader = {.exchange = exchange};
    const char *name = sl_x_is_map(input) ? sl_x_get(input, "name") : NULL;
    const char *dot = name ? strrchr(name, '.') : NULL;
    struct sl_yaml *contract = sl_x_contract(exchange, dot ? dot + 1 : name);
    note_names(&reader, input);
    if (contract && sl_x_is_map(input))
        read_record(&reader, input, contract);
    for (size_t i = 0; contract && i < sl_x_count(input); i++)
        read_record(&reader, input->items[i], contract);
    sl_map_clear(&reader.named);
    *ret = contract;
}
