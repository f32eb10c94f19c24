// The schema of a Delta table -> a table of a contract. PROTOCOL.md of delta-io/delta, "Schema
// Serialization Format", "CHECK Constraints", "Default Columns".
#include "contract/exchange/tree.h"

#include <string.h>

static void read_type(struct sl_exchange *exchange, const struct sl_yaml *type,
                      struct sl_yaml *property, int depth);

static void read_primitive(struct sl_exchange *exchange, const struct sl_yaml *type,
                           struct sl_yaml *property)
{
    static const struct {
        const char *name;
        enum sl_type_kind kind;
        int bits;
    } types[] = {{"string", SL_TYPE_TEXT, 0},         {"long", SL_TYPE_INTEGER, 64},
                 {"integer", SL_TYPE_INTEGER, 32},    {"short", SL_TYPE_INTEGER, 16},
                 {"byte", SL_TYPE_INTEGER, 8},        {"float", SL_TYPE_DOUBLE, 0},
                 {"double", SL_TYPE_DOUBLE, 0},       {"boolean", SL_TYPE_BOOLEAN, 0},
                 {"binary", SL_TYPE_TEXT, 0},         {"date", SL_TYPE_DATE, 0},
                 {"timestamp", SL_TYPE_TIMESTAMP, 0}, {"timestamp_ntz", SL_TYPE_TIMESTAMP_NTZ, 0}};
    struct sl_x_type found = {.type = {.kind = SL_TYPE_TEXT}};
    bool is_known = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, type->text) == 0) {
            found.type = (struct sl_type){.kind = types[i].kind, .bits = types[i].bits};
            is_known = true;
        }
    if (sl_str_starts(type->text, "decimal(")) {
        struct sl_yaml *probe = sl_x_map(exchange);
        is_known = sl_x_written_type(exchange, probe, type->text);
        found = sl_x_type_of(probe);
    }
    sl_x_set_type(exchange, property, &found);
    if (strcmp(type->text, "binary") == 0)
        sl_x_lost(exchange, type->place, "bytes are carried over as a text");
    else if (!is_known)
        sl_x_lost(exchange, type->place, "type '%s' is carried over as a text", type->text);
}

// {"expression": {"expression": "amount > 0"}}, as a text inside the metadata.
static void read_invariant(struct sl_exchange *exchange, const struct sl_yaml *text,
                           const char *column, struct sl_yaml *object)
{
    SL_AUTO(sl_diags_clear) struct sl_diags ignored = SL_DIAGS_INIT;
    struct sl_yaml *root = NULL;
    if (sl_yaml_parse(text->text, strlen(text->text), NULL, 1, 1, exchange->arena, &ignored, &root,
                      NULL) != SL_OK)
        exchange->has_failed = true;
    const char *expression = root ? sl_x_get(sl_yaml_get(root, "expression"), "expression") : NULL;
    if (expression)
        sl_x_expression(exchange, object, sl_x_printf(exchange, "%s_invariant", column),
                        expression);
    else
        sl_x_lost(exchange, text->place, "column '%s': its invariant cannot be read", column);
}

static void read_metadata(struct sl_exchange *exchange, const struct sl_yaml *field,
                          struct sl_yaml *property, struct sl_yaml *object)
{
    static const char *const known[] = {"comment", "delta.invariants", "CURRENT_DEFAULT",
                                        "delta.columnMapping.id",
                                        "delta.columnMapping.physicalName"};
    const struct sl_yaml *metadata = sl_yaml_get(field, "metadata");
    const char *name = sl_x_get(field, "name");
    sl_x_put_text(exchange, property, "description", sl_x_get(metadata, "comment"));
    if (sl_x_get(metadata, "CURRENT_DEFAULT")) {
        struct sl_exchange_column column = {.name = name,
                                            .otherwise = sl_x_get(metadata, "CURRENT_DEFAULT"),
                                            .place = field->place};
        sl_x_default(exchange, property, &column);
    }
    if (object && sl_x_get(metadata, "delta.invariants"))
        read_invariant(exchange, sl_yaml_get(metadata, "delta.invariants"), name, object);
    for (size_t i = 0; sl_x_is_map(metadata) && i < metadata->count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            is_known |= strcmp(known[k], metadata->keys[i]->text) == 0;
        if (!is_known)
            sl_x_lost(exchange, metadata->keys[i]->place, "column '%s': metadata '%s'", name,
                      metadata->keys[i]->text);
    }
}

// `object`: the table, for rules; NULL below its columns.
static void read_fields(struct sl_exchange *exchange, const struct sl_yaml *fields,
                        struct sl_yaml *owner, struct sl_yaml *object, int depth)
{
    struct sl_yaml *properties = sl_x_list_at(exchange, owner, "properties");
    for (size_t i = 0; i < sl_x_count(fields); i++) {
        const struct sl_yaml *field = fields->items[i];
        const char *name = sl_x_get(field, "name");
        if (!name || !sl_yaml_get(field, "type")) {
            sl_x_wrong(exchange, field->place, NULL, "a field of the schema has no name or type");
            return;
        }
        if (object && sl_x_is_own(exchange, name, field->place))
            continue;
        struct sl_yaml *property = sl_x_property(exchange, properties, name, field->place);
        read_type(exchange, sl_yaml_get(field, "type"), property, depth);
        if (sl_str_equal(sl_x_get(field, "nullable"), "false"))
            sl_x_put_true(exchange, property, "required");
        read_metadata(exchange, field, property, object);
    }
}

static void read_type(struct sl_exchange *exchange, const struct sl_yaml *type,
                      struct sl_yaml *property, int depth)
{
    const char *name = sl_x_get(type, "type");
    if (type->kind == SL_YAML_SCALAR) {
        read_primitive(exchange, type, property);
        return;
    }
    bool is_array = sl_str_equal(name, "array");
    sl_x_put_text(exchange, property, "logicalType", is_array ? "array" : "object");
    if (depth == SL_X_DEEPEST)
        sl_x_lost(exchange, type->place,
                  "types nested more than %d levels deep are not described further", SL_X_DEEPEST);
    else if (is_array && sl_yaml_get(type, "elementType")) {
        struct sl_yaml *items = sl_x_map_at(exchange, property, "items");
        read_type(exchange, sl_yaml_get(type, "elementType"), items, depth + 1);
        if (sl_str_equal(sl_x_get(type, "containsNull"), "false"))
            sl_x_put_true(exchange, items, "required");
    } else if (sl_str_equal(name, "struct"))
        read_fields(exchange, sl_yaml_get(type, "fields"), property, NULL, depth + 1);
    else
        sl_x_lost(exchange, type->place, "what is inside of a %s", name ? name : "type");
}

void sl_x_delta_table(struct sl_exchange *exchange, struct sl_yaml *contract,
                      const struct sl_exchange_delta *table)
{
    const struct sl_yaml *configuration = table->configuration;
    struct sl_yaml *object = sl_x_object(exchange, contract, table->name);
    read_fields(exchange, sl_yaml_get(table->schema, "fields"), object, object, 0);
    const struct sl_yaml *properties = sl_yaml_get(object, "properties");
    for (size_t i = 0; i < table->partition_columns.count; i++)
        for (size_t k = 0; k < sl_x_count(properties); k++)
            if (sl_str_equal(sl_x_get(properties->items[k], "name"),
                             table->partition_columns.items[i])) {
                sl_x_put_true(exchange, properties->items[k], "partitioned");
                sl_x_put_int(exchange, properties->items[k], "partitionKeyPosition",
                             (int64_t)i + 1);
            }
    for (size_t i = 0; sl_x_is_map(configuration) && i < configuration->count; i++) {
        const char *key = configuration->keys[i]->text;
        if (sl_str_starts(key, "delta.constraints."))
            sl_x_expression(exchange, object, key + strlen("delta.constraints."),
                            configuration->items[i]->text);
    }
}
