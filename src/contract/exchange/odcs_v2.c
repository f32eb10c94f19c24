// ODCS v2.2: the same things under other names.
#include "contract/exchange/tree.h"

#include <string.h>

struct renaming {
    const char *from, *to; // to NULL: told as lost
};

static const struct renaming contract_keys[] = {
    {"version", "version"},
    {"status", "status"},
    {"tenant", "tenant"},
    {"datasetDomain", "domain"},
    {"dataProduct", "dataProduct"},
    {"description", "description"},
    {"tags", "tags"},
    {"price", "price"},
    {"roles", "roles"},
    {"contractCreatedTs", "contractCreatedTs"},
    {"authoritativeDefinitions", "authoritativeDefinitions"},
    {"customProperties", "customProperties"},
    {"slaDefaultColumn", "slaDefaultElement"},
    {0},
};
static const struct renaming table_keys[] = {
    {"physicalName", "physicalName"},
    {"description", "description"},
    {"authoritativeDefinitions", "authoritativeDefinitions"},
    {"tags", "tags"},
    {"dataGranularity", "dataGranularityDescription"},
    {"businessName", "businessName"},
    {0},
};
static const struct renaming column_keys[] = {
    {"isPrimaryKey", "primaryKey"},
    {"primaryKeyPosition", "primaryKeyPosition"},
    {"physicalName", "physicalName"},
    {"businessName", "businessName"},
    {"physicalType", "physicalType"},
    {"description", "description"},
    {"isUnique", "unique"},
    {"partitionStatus", "partitioned"},
    {"partitionKeyPosition", "partitionKeyPosition"},
    {"criticalDataElementStatus", "criticalDataElement"},
    {"tags", "tags"},
    {"classification", "classification"},
    {"transformSourceTables", "transformSourceObjects"},
    {"transformLogic", "transformLogic"},
    {"transformDescription", "transformDescription"},
    {"sampleValues", "examples"},
    {"encryptedColumnName", "encryptedName"},
    {"authoritativeDefinitions", "authoritativeDefinitions"},
    {0},
};

static bool is_in(const char *key, const char *const *keys)
{
    for (; *keys; keys++)
        if (strcmp(*keys, key) == 0)
            return true;
    return false;
}

// Takes the keys over; what is neither renamed nor in `apart` (which others take) is kept as a
// custom property, or told where it is none.
static void rename_all(struct sl_exchange *exchange, const struct sl_yaml *from,
                       const struct renaming *renamings, const char *const *apart,
                       struct sl_yaml *to)
{
    if (!sl_x_is_map(from)) {
        sl_x_wrong(exchange, from->place, NULL, "this is %s, expected a map",
                   sl_yaml_describe(from));
        return;
    }
    for (size_t i = 0; i < from->count; i++) {
        const char *key = from->keys[i]->text;
        const struct renaming *found = renamings;
        while (found->from && strcmp(found->from, key) != 0)
            found++;
        if (from->items[i]->kind == SL_YAML_NULL || is_in(key, apart))
            continue;
        if (found->from)
            sl_x_put(exchange, to, found->to, from->items[i]);
        else if (strcmp(key, "password") == 0)
            sl_x_lost(exchange, from->keys[i]->place, "a password has no place in a contract");
        else
            sl_x_custom(exchange, to, key, from->items[i]);
    }
}

static const char *logical_type(const char *name)
{
    static const char *const known[] = {"string",  "date",   "timestamp", "time",    "number",
                                        "integer", "object", "array",     "boolean", NULL};
    return name && is_in(name, known) ? name : NULL;
}

static void add_column(struct sl_exchange *exchange, const struct sl_yaml *column,
                       struct sl_yaml *properties)
{
    static const char *const apart[] = {"column", "logicalType", "isNullable", "name", NULL};
    const char *name = sl_x_get(column, "column");
    const char *type = sl_x_get(column, "logicalType");
    if (!name)
        name = sl_x_get(column, "name");
    if (!name) {
        sl_x_wrong(exchange, column->place, NULL, "a column has no name");
        return;
    }
    struct sl_yaml *property = sl_x_property(exchange, properties, name, column->place);
    sl_x_put_text(exchange, property, "logicalType", logical_type(type));
    if (type && !logical_type(type) && !sl_x_get(column, "physicalType"))
        sl_x_put_text(exchange, property, "physicalType", type);
    else if (type && !logical_type(type))
        sl_x_lost(exchange, sl_yaml_place(column, "logicalType"),
                  "column '%s': logicalType '%s' is none of the standard's", name, type);
    if (sl_str_equal(sl_x_get(column, "isNullable"), "false"))
        sl_x_put_true(exchange, property, "required");
    rename_all(exchange, column, column_keys, apart, property);
}

// v2's rules name a tool and its rule, and say nothing that could be evaluated.
static void add_rule(struct sl_exchange *exchange, const struct sl_yaml *rule,
                     struct sl_yaml *owner)
{
    static const struct renaming keys[] = {{"description", "description"},
                                           {"dimension", "dimension"},
                                           {"severity", "severity"},
                                           {"businessImpact", "businessImpact"},
                                           {"scheduleCronExpression", "schedule"},
                                           {0}};
    static const char *const apart[] = {"code", "type", "customProperties", NULL};
    struct sl_yaml *made = sl_x_map(exchange);
    const char *code = sl_x_get(rule, "code");
    sl_x_put_text(exchange, made, "name", code ? code : sl_x_get(rule, "templateName"));
    sl_x_put_text(exchange, made, "type", "text");
    rename_all(exchange, rule, keys, apart, made);
    if (sl_x_get(made, "schedule"))
        sl_x_put_text(exchange, made, "scheduler", "cron");
    sl_x_lost(exchange, rule->place,
              "quality rule '%s' is kept as a text: v2 does not say how it is evaluated",
              code ? code : "");
    sl_x_push(exchange, sl_x_list_at(exchange, owner, "quality"), made);
}

static void add_table(struct sl_exchange *exchange, const struct sl_yaml *table,
                      struct sl_yaml *contract)
{
    static const char *const apart[] = {"table", "columns", "quality", "name", NULL};
    const char *name = sl_x_get(table, "table");
    const struct sl_yaml *columns = sl_yaml_get(table, "columns");
    const struct sl_yaml *quality = sl_yaml_get(table, "quality");
    if (!name)
        name = sl_x_get(table, "name");
    if (!name) {
        sl_x_wrong(exchange, table->place, NULL, "a table of 'dataset' has no name");
        return;
    }
    struct sl_yaml *object = sl_x_object(exchange, contract, name);
    struct sl_yaml *properties = sl_x_list_at(exchange, object, "properties");
    rename_all(exchange, table, table_keys, apart, object);
    for (size_t i = 0; i < sl_x_count(columns); i++) {
        const struct sl_yaml *rules = sl_yaml_get(columns->items[i], "quality");
        size_t before = properties ? properties->count : 0;
        add_column(exchange, columns->items[i], properties);
        for (size_t k = 0; k < sl_x_count(rules) && properties && properties->count > before; k++)
            add_rule(exchange, rules->items[k], properties->items[before]);
    }
    for (size_t i = 0; i < sl_x_count(quality); i++)
        add_rule(exchange, quality->items[i], object);
}

static void add_team(struct sl_exchange *exchange, const struct sl_yaml *stakeholders,
                     struct sl_yaml *contract)
{
    static const struct renaming keys[] = {
        {"username", "username"},   {"role", "role"},
        {"name", "name"},           {"dateIn", "dateIn"},
        {"dateOut", "dateOut"},     {"replacedByUsername", "replacedByUsername"},
        {"comment", "description"}, {0}};
    static const char *const apart[] = {NULL};
    if (!sl_x_count(stakeholders))
        return;
    struct sl_yaml *members =
        sl_x_list_at(exchange, sl_x_map_at(exchange, contract, "team"), "members");
    for (size_t i = 0; i < stakeholders->count; i++) {
        struct sl_yaml *member = sl_x_map(exchange);
        rename_all(exchange, stakeholders->items[i], keys, apart, member);
        sl_x_push(exchange, members, member);
    }
}

static void add_agreements(struct sl_exchange *exchange, const struct sl_yaml *agreements,
                           struct sl_yaml *contract)
{
    for (size_t i = 0; i < sl_x_count(agreements); i++) {
        struct sl_yaml *made = sl_x_map(exchange);
        const struct sl_yaml *from = agreements->items[i];
        for (size_t k = 0; sl_x_is_map(from) && k < from->count; k++)
            sl_x_put(exchange, made,
                     strcmp(from->keys[k]->text, "column") ? from->keys[k]->text : "element",
                     from->items[k]);
        sl_x_push(exchange, sl_x_list_at(exchange, contract, "slaProperties"), made);
    }
}

struct sl_yaml *sl_x_odcs_v2(struct sl_exchange *exchange, const struct sl_yaml *input)
{
    static const char *const apart[] = {"kind",    "apiVersion",   "uuid",          "quantumName",
                                        "dataset", "stakeholders", "slaProperties", NULL};
    const char *name = sl_x_get(input, "quantumName");
    const struct sl_yaml *dataset = sl_yaml_get(input, "dataset");
    struct sl_yaml *contract =
        sl_x_contract(exchange, name ? name : sl_x_get(input, "datasetName"));
    if (!contract)
        return NULL;
    sl_x_put_text(exchange, contract, "id", sl_x_get(input, "uuid"));
    rename_all(exchange, input, contract_keys, apart, contract);
    for (size_t i = 0; i < sl_x_count(dataset); i++)
        add_table(exchange, dataset->items[i], contract);
    add_team(exchange, sl_yaml_get(input, "stakeholders"), contract);
    add_agreements(exchange, sl_yaml_get(input, "slaProperties"), contract);
    return contract;
}
