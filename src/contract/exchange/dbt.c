// dbt's schema.yml: models, seeds, snapshots and the tables of sources, with their columns, tests
// and constraints.
#include "contract/exchange/dbt.h"

#include <ctype.h>
#include <string.h>

// --- Constraints of dbt's own contracts ---

static struct sl_yaml *find_column(const struct sl_yaml *object, const char *name)
{
    const struct sl_yaml *properties = sl_yaml_get(object, "properties");
    for (size_t i = 0; i < sl_x_count(properties); i++)
        if (sl_str_equal_nocase(sl_x_get(properties->items[i], "name"), name))
            return properties->items[i];
    return NULL;
}

static void apply_constraint(struct sl_x_test test, const char *type,
                             const struct sl_yaml *constraint, const struct sl_strs *columns)
{
    struct sl_exchange *exchange = test.exchange;
    const char *expression = sl_x_get(constraint, "expression");
    bool is_key = strcmp(type, "primary_key") == 0;
    const struct sl_yaml *others = sl_yaml_get(constraint, "to_columns");
    const char *other = sl_x_dbt_table(exchange, sl_x_get(constraint, "to"));
    for (size_t i = 0; i < columns->count; i++) {
        struct sl_yaml *column = find_column(test.object, columns->items[i]);
        if (strcmp(type, "not_null") == 0 || is_key)
            sl_x_put_true(exchange, column, "required");
        if (is_key)
            sl_x_put_true(exchange, column, "primaryKey");
        if (is_key && columns->count > 1)
            sl_x_put_int(exchange, column, "primaryKeyPosition", (int64_t)i + 1);
        if (strcmp(type, "unique") == 0 && columns->count == 1)
            sl_x_put_true(exchange, column, "unique");
    }
    if (strcmp(type, "check") == 0 && expression) {
        test.name = "check";
        sl_x_dbt_expression(&test, expression);
    } else if (strcmp(type, "unique") == 0 && columns->count > 1) {
        test.values = sl_x_map(exchange);
        sl_x_put(exchange, (struct sl_yaml *)(uintptr_t)test.values, "column_list",
                 sl_x_texts(exchange, columns));
        sl_x_dbt_combination(&test);
    } else if (strcmp(type, "foreign_key") == 0 && other && others) {
        struct sl_strs names = {0};
        for (size_t i = 0; i < sl_x_count(others); i++)
            if (sl_strs_add(&names, exchange->arena, others->items[i]->text, NULL) != SL_OK)
                exchange->has_failed = true;
        sl_x_reference(exchange, test.object, &(struct sl_x_reference){columns, other, &names});
    } else if (!is_key && strcmp(type, "not_null") != 0 && strcmp(type, "unique") != 0) {
        test.place = constraint->place;
        test.name = type;
        sl_x_dbt_lost(&test, "a constraint that a contract has no word for");
    }
}

static void read_constraints(struct sl_x_test test, const struct sl_yaml *owner)
{
    const struct sl_yaml *list = sl_yaml_get(owner, "constraints");
    for (size_t i = 0; i < sl_x_count(list); i++) {
        const struct sl_yaml *names = sl_yaml_get(list->items[i], "columns");
        const char *type = sl_x_get(list->items[i], "type");
        struct sl_strs columns = {0};
        if (!type) {
            sl_x_wrong(test.exchange, list->items[i]->place, NULL, "a constraint has no 'type'");
            continue;
        }
        if (test.column &&
            sl_strs_add(&columns, test.exchange->arena, test.column_name, NULL) != SL_OK)
            test.exchange->has_failed = true;
        for (size_t k = 0; !test.column && k < sl_x_count(names); k++)
            if (sl_strs_add(&columns, test.exchange->arena, names->items[k]->text, NULL) != SL_OK)
                test.exchange->has_failed = true;
        apply_constraint(test, type, list->items[i], &columns);
    }
}

// --- Tables and columns ---

static void keep_meta(struct sl_exchange *exchange, const struct sl_yaml *from, struct sl_yaml *to)
{
    const struct sl_yaml *config = sl_yaml_get(from, "config");
    const struct sl_yaml *meta = sl_yaml_get(from, "meta");
    const struct sl_yaml *tags = sl_yaml_get(from, "tags");
    meta = meta ? meta : sl_yaml_get(config, "meta");
    tags = tags ? tags : sl_yaml_get(config, "tags");
    for (size_t i = 0; sl_x_is_map(meta) && i < meta->count; i++)
        sl_x_custom(exchange, to, meta->keys[i]->text, meta->items[i]);
    if (tags && tags->kind == SL_YAML_SCALAR)
        sl_x_push(exchange, sl_x_list_at(exchange, to, "tags"), tags);
    else if (sl_x_is_list(tags))
        sl_x_put(exchange, to, "tags", tags);
}

static void read_column(struct sl_exchange *exchange, const struct sl_yaml *column,
                        struct sl_yaml *object)
{
    const char *name = sl_x_get(column, "name");
    const char *type = sl_x_get(column, "data_type");
    struct sl_yaml *properties = sl_x_list_at(exchange, object, "properties");
    if (!name) {
        sl_x_wrong(exchange, column->place, NULL, "a column has no 'name'");
        return;
    }
    struct sl_yaml *property = sl_x_property(exchange, properties, name, column->place);
    if (!type) {
        sl_x_put_text(exchange, property, "logicalType", "string");
        sl_x_lost(exchange, column->place, "column '%s' has no 'data_type': it becomes a text",
                  name);
    } else if (!sl_x_written_type(exchange, property, type)) {
        sl_x_lost(exchange, sl_yaml_place(column, "data_type"),
                  "column '%s': type '%s' is not known, so it becomes a text", name, type);
    }
    if (type && strchr(type, '<'))
        sl_x_lost(exchange, sl_yaml_place(column, "data_type"),
                  "column '%s': what is inside of '%s' is not described", name, type);
    sl_x_put_text(exchange, property, "description", sl_x_get(column, "description"));
    keep_meta(exchange, column, property);
    struct sl_x_test test = {
        .exchange = exchange, .object = object, .column = property, .column_name = name};
    read_constraints(test, column);
    sl_x_dbt_tests(test, column);
}

static void read_table(struct sl_exchange *exchange, const struct sl_yaml *table,
                       struct sl_yaml *contract)
{
    const char *name = sl_x_get(table, "name");
    const struct sl_yaml *columns = sl_yaml_get(table, "columns");
    const struct sl_yaml *tables = sl_yaml_get(contract, "schema");
    struct sl_x_test test = {.exchange = exchange};
    if (!name) {
        sl_x_wrong(exchange, table->place, NULL, "a table has no 'name'");
        return;
    }
    for (size_t i = 0; i < sl_x_count(tables); i++)
        if (sl_str_equal(sl_x_get(tables->items[i], "name"), name)) {
            sl_x_wrong(exchange, table->place, NULL, "table '%s' stands here twice", name);
            return;
        }
    test.object = sl_x_object(exchange, contract, name);
    sl_x_put_text(exchange, test.object, "physicalName", sl_x_get(table, "identifier"));
    sl_x_put_text(exchange, test.object, "description", sl_x_get(table, "description"));
    keep_meta(exchange, table, test.object);
    for (size_t i = 0; i < sl_x_count(columns); i++)
        read_column(exchange, columns->items[i], test.object);
    if (!sl_x_count(columns))
        sl_x_lost(exchange, table->place, "table '%s' has no columns", name);
    read_constraints(test, table);
    sl_x_dbt_tests(test, table);
}

// freshness: {warn_after: {count: 12, period: hour}} -> an agreement of the contract
static void read_freshness(struct sl_exchange *exchange, const struct sl_yaml *table,
                           const struct sl_yaml *source, struct sl_yaml *contract)
{
    const struct sl_yaml *freshness = sl_yaml_get(table, "freshness");
    const char *field = sl_x_get(table, "loaded_at_field");
    if (!freshness)
        freshness = sl_yaml_get(source, "freshness");
    if (!field)
        field = sl_x_get(source, "loaded_at_field");
    const struct sl_yaml *after = sl_yaml_get(freshness, "error_after");
    if (!sl_x_is_map(after))
        after = sl_yaml_get(freshness, "warn_after");
    const char *period = sl_x_get(after, "period");
    if (!period || !sl_yaml_get(after, "count"))
        return;
    struct sl_yaml *agreement = sl_x_map(exchange);
    sl_x_put_text(exchange, agreement, "property", "freshness");
    sl_x_put(exchange, agreement, "value", sl_yaml_get(after, "count"));
    sl_x_put_text(exchange, agreement, "unit", sl_x_printf(exchange, "%c", *period));
    sl_x_put_text(exchange, agreement, "element",
                  field ? sl_x_printf(exchange, "%s.%s", sl_x_get(table, "name"), field)
                        : sl_x_get(table, "name"));
    sl_x_push(exchange, sl_x_list_at(exchange, contract, "slaProperties"), agreement);
}

void sl_x_dbt_import(struct sl_exchange *exchange, const struct sl_yaml *input,
                     struct sl_yaml **ret)
{
    static const char *const kinds[] = {"models", "seeds", "snapshots"};
    struct sl_yaml *contract = sl_x_contract(exchange, NULL);
    const struct sl_yaml *sources = sl_yaml_get(input, "sources");
    if (!contract)
        return;
    for (size_t k = 0; k < 3; k++) {
        const struct sl_yaml *list = sl_yaml_get(input, kinds[k]);
        for (size_t i = 0; i < sl_x_count(list); i++)
            read_table(exchange, list->items[i], contract);
    }
    for (size_t i = 0; i < sl_x_count(sources); i++) {
        const struct sl_yaml *tables = sl_yaml_get(sources->items[i], "tables");
        for (size_t k = 0; k < sl_x_count(tables); k++) {
            read_table(exchange, tables->items[k], contract);
            read_freshness(exchange, tables->items[k], sources->items[i], contract);
        }
    }
    if (!sl_x_count(sl_yaml_get(contract, "schema")))
        sl_x_wrong(exchange, input->place, "models, seeds, snapshots or sources with tables",
                   "the file describes no table");
    *ret = contract;
}
