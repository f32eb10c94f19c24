// dbt's schema.yml: models, seeds, snapshots and the tables of sources, with their columns, tests
// and constraints.
#include "contract/exchange/tree.h"

#include <ctype.h>
#include <string.h>

// A test as it is being read: at a column, or at the table.
struct test {
    struct sl_exchange *exchange;
    const char *name;             // "accepted_values"
    const struct sl_yaml *values; // its arguments, NULL: none
    struct sl_place place;
    bool is_warning;
    struct sl_yaml *object;
    struct sl_yaml *column;      // NULL: at the table
    const char *column_name;     // NULL: at the table
    const struct sl_yaml *shape; // the column as dbt has it
};

static void tell_lost(const struct test *test, const char *why)
{
    sl_x_lost(test->exchange, test->place, "test '%s' of %s '%s'%s%s", test->name,
              test->column ? "column" : "table",
              test->column ? test->column_name : sl_x_get(test->object, "name"), why ? ": " : "",
              why ? why : "");
}

// A rule that only warns says so under its kind: sluice.severity: {enum: warn}.
static void keep_severity(const struct test *test, const char *kind)
{
    struct sl_yaml *custom = sl_yaml_get(test->column, "customProperties");
    struct sl_yaml *map = NULL;
    if (!test->is_warning)
        return;
    for (size_t i = 0; i < sl_x_count(custom); i++)
        if (sl_str_equal(sl_x_get(custom->items[i], "property"), "sluice.severity"))
            map = sl_yaml_get(custom->items[i], "value");
    if (!map) {
        map = sl_x_map(test->exchange);
        sl_x_custom(test->exchange, test->column, "sluice.severity", map);
    }
    sl_x_put_text(test->exchange, map, kind, "warn");
}

static void add_expression(const struct test *test, const char *expression)
{
    struct sl_yaml *owner = test->column ? test->column : test->object;
    const char *given = sl_x_get(test->values, "name");
    const char *base = strrchr(test->name, '.') ? strrchr(test->name, '.') + 1 : test->name;
    const struct sl_yaml *before = sl_yaml_get(owner, "quality");
    const char *where = test->column ? test->column_name : sl_x_get(test->object, "name");
    const char *name =
        given ? given
              : sl_x_printf(test->exchange, "%s_%s_%zu", where, base, sl_x_count(before) + 1);
    sl_x_expression(test->exchange, owner, name, expression);
    struct sl_yaml *quality = sl_yaml_get(owner, "quality");
    if (test->is_warning && sl_x_count(quality))
        sl_x_put_text(test->exchange, quality->items[quality->count - 1], "severity", "warning");
}

static void read_not_null(const struct test *test)
{
    sl_x_put_true(test->exchange, test->column, "required");
    keep_severity(test, "required");
}

static void read_unique(const struct test *test)
{
    sl_x_put_true(test->exchange, test->column, "unique");
    keep_severity(test, "unique");
}

static void read_accepted(const struct test *test)
{
    const struct sl_yaml *values = sl_yaml_get(test->values, "values");
    if (!values)
        values = sl_yaml_get(test->values, "value_set");
    if (!sl_x_count(values)) {
        tell_lost(test, "it has no list of values");
        return;
    }
    sl_x_enum(test->exchange, test->column, values);
    keep_severity(test, "enum");
}

// "ref('customers')", "source('shop', 'customers')" -> customers
static const char *table_of(struct sl_exchange *exchange, const char *reference)
{
    const char *end = reference ? strrchr(reference, reference[strcspn(reference, "'\"")]) : NULL;
    const char *begin = end;
    if (!end || !*end || end == reference)
        return reference && !strchr(reference, '(') ? reference : NULL;
    while (begin > reference && begin[-1] != *end)
        begin--;
    return sl_x_printf(exchange, "%.*s", (int)(end - begin), begin);
}

static void read_relationship(const struct test *test)
{
    struct sl_yaml *relation = sl_x_map(test->exchange);
    const char *table = table_of(test->exchange, sl_x_get(test->values, "to"));
    const char *field = sl_x_get(test->values, "field");
    if (!table || !field) {
        tell_lost(test, "it has no 'to: ref(...)' and 'field'");
        return;
    }
    sl_x_put_text(test->exchange, relation, "type", "foreignKey");
    sl_x_put_text(test->exchange, relation, "to",
                  sl_x_printf(test->exchange, "%s.%s", table, field));
    sl_x_push(test->exchange, sl_x_list_at(test->exchange, test->column, "relationships"),
              relation);
}

static bool is_number(const struct sl_yaml *node)
{
    double value;
    return node && node->kind == SL_YAML_SCALAR && sl_str_to_double(node->text, &value);
}

static void read_range(const struct test *test)
{
    const struct sl_yaml *min = sl_yaml_get(test->values, "min_value");
    const struct sl_yaml *max = sl_yaml_get(test->values, "max_value");
    enum sl_type_kind kind = sl_x_type_of(test->column).type.kind;
    bool is_open = sl_str_equal(sl_x_get(test->values, "inclusive"), "false") ||
                   sl_x_is_true(test->values, "strictly");
    bool is_plain = kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
    if ((min && !is_number(min)) || (max && !is_number(max)) || !is_plain) {
        const char *name = test->column_name;
        if (min)
            add_expression(test, sl_x_printf(test->exchange, "\"%s\" %s %s", name,
                                             is_open ? ">" : ">=", min->text));
        if (max)
            add_expression(test, sl_x_printf(test->exchange, "\"%s\" %s %s", name,
                                             is_open ? "<" : "<=", max->text));
        return;
    }
    sl_x_option(test->exchange, test->column, is_open ? "exclusiveMinimum" : "minimum", min);
    sl_x_option(test->exchange, test->column, is_open ? "exclusiveMaximum" : "maximum", max);
    keep_severity(test, "range");
}

static void read_pattern(const struct test *test)
{
    const char *pattern = sl_x_get(test->values, "regex");
    if (!pattern || sl_x_type_of(test->column).type.kind != SL_TYPE_TEXT) {
        tell_lost(test, pattern ? "only texts have a pattern" : "it has no 'regex'");
        return;
    }
    sl_x_option(test->exchange, test->column, "pattern", sl_x_text(test->exchange, pattern));
    keep_severity(test, "pattern");
}

static void read_not_empty(const struct test *test)
{
    add_expression(test, sl_x_printf(test->exchange, "trim(\"%s\") <> ''", test->column_name));
}

// At a column the expression is what stands behind the column's name.
static void read_expression(const struct test *test)
{
    const char *expression = sl_x_get(test->values, "expression");
    if (!expression)
        tell_lost(test, "it has no 'expression'");
    else if (test->column)
        add_expression(test,
                       sl_x_printf(test->exchange, "\"%s\" %s", test->column_name, expression));
    else
        add_expression(test, expression);
}

static void read_combination(const struct test *test)
{
    struct sl_yaml *rule = sl_x_map(test->exchange);
    const struct sl_yaml *columns = sl_yaml_get(test->values, "combination_of_columns");
    if (!columns)
        columns = sl_yaml_get(test->values, "column_list");
    if (!sl_x_count(columns)) {
        tell_lost(test, "it names no columns");
        return;
    }
    sl_x_put_text(test->exchange, rule, "type", "library");
    sl_x_put_text(test->exchange, rule, "metric", "duplicateValues");
    sl_x_put(test->exchange, sl_x_map_at(test->exchange, rule, "arguments"), "properties", columns);
    sl_x_put_int(test->exchange, rule, "mustBe", 0);
    if (test->is_warning)
        sl_x_put_text(test->exchange, rule, "severity", "warning");
    sl_x_push(test->exchange, sl_x_list_at(test->exchange, test->object, "quality"), rule);
}

static const struct {
    const char *name;
    bool is_for_column, is_for_table;
    void (*read)(const struct test *test);
} tests[] = {
    {"not_null", true, false, read_not_null},
    {"unique", true, false, read_unique},
    {"accepted_values", true, false, read_accepted},
    {"relationships", true, false, read_relationship},
    {"dbt_utils.accepted_range", true, false, read_range},
    {"dbt_utils.not_empty_string", true, false, read_not_empty},
    {"dbt_utils.expression_is_true", true, true, read_expression},
    {"dbt_utils.unique_combination_of_columns", false, true, read_combination},
    {"dbt_expectations.expect_column_values_to_not_be_null", true, false, read_not_null},
    {"dbt_expectations.expect_column_values_to_be_unique", true, false, read_unique},
    {"dbt_expectations.expect_column_values_to_be_in_set", true, false, read_accepted},
    {"dbt_expectations.expect_column_values_to_be_between", true, false, read_range},
    {"dbt_expectations.expect_column_values_to_match_regex", true, false, read_pattern},
    {"dbt_expectations.expect_compound_columns_to_be_unique", false, true, read_combination},
};

static void apply_test(const struct test *test)
{
    bool is_column = test->column != NULL;
    const char *condition = sl_x_get(sl_yaml_get(test->shape, "config"), "where");
    if (!condition)
        condition = sl_x_get(test->values, "where");
    if (!condition)
        condition = sl_x_get(test->values, "row_condition");
    if (condition) {
        tell_lost(test, "it holds only for some rows ('where')");
        return;
    }
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (strcmp(tests[i].name, test->name) == 0 &&
            (is_column ? tests[i].is_for_column : tests[i].is_for_table)) {
            tests[i].read(test);
            return;
        }
    tell_lost(test, "a contract has no such rule");
}

// "not_null", {not_null: {severity: warn}}, {accepted_values: {arguments: {values: [..]}}}, {name:
// .., test_name: not_null, ...}
static void read_test(struct test test, const struct sl_yaml *node)
{
    test.place = node->place;
    if (node->kind == SL_YAML_SCALAR) {
        test.name = node->text;
    } else if (sl_x_get(node, "test_name")) {
        test.name = sl_x_get(node, "test_name");
        test.shape = test.values = node;
    } else if (sl_x_is_map(node) && node->count > 0) {
        // Beside the test's name there may be {config: ..., name: ...}.
        size_t at = 0;
        while (at + 1 < node->count &&
               (!strcmp(node->keys[at]->text, "config") || !strcmp(node->keys[at]->text, "name")))
            at++;
        test.name = node->keys[at]->text;
        test.shape = test.values = node->items[at];
    } else {
        sl_x_wrong(test.exchange, node->place, NULL, "a test is %s, expected a name or a map",
                   sl_yaml_describe(node));
        return;
    }
    if (sl_x_is_map(sl_yaml_get(test.values, "arguments")))
        test.values = sl_yaml_get(test.values, "arguments");
    const char *severity = sl_x_get(sl_yaml_get(test.shape, "config"), "severity");
    if (!severity)
        severity = sl_x_get(test.shape, "severity");
    test.is_warning = sl_str_equal_nocase(severity, "warn");
    apply_test(&test);
}

static void read_tests(struct test test, const struct sl_yaml *owner)
{
    static const char *const keys[] = {"tests", "data_tests"};
    for (size_t k = 0; k < 2; k++) {
        const struct sl_yaml *list = sl_yaml_get(owner, keys[k]);
        for (size_t i = 0; i < sl_x_count(list); i++)
            read_test(test, list->items[i]);
    }
}

// --- Constraints of dbt's own contracts ---

static struct sl_yaml *find_column(const struct sl_yaml *object, const char *name)
{
    const struct sl_yaml *properties = sl_yaml_get(object, "properties");
    for (size_t i = 0; i < sl_x_count(properties); i++)
        if (sl_str_equal_nocase(sl_x_get(properties->items[i], "name"), name))
            return properties->items[i];
    return NULL;
}

static void apply_constraint(struct test test, const char *type, const struct sl_yaml *constraint,
                             const struct sl_strs *columns)
{
    struct sl_exchange *exchange = test.exchange;
    const char *expression = sl_x_get(constraint, "expression");
    bool is_key = strcmp(type, "primary_key") == 0;
    const struct sl_yaml *others = sl_yaml_get(constraint, "to_columns");
    const char *other = table_of(exchange, sl_x_get(constraint, "to"));
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
        add_expression(&test, expression);
    } else if (strcmp(type, "unique") == 0 && columns->count > 1) {
        test.values = sl_x_map(exchange);
        sl_x_put(exchange, (struct sl_yaml *)(uintptr_t)test.values, "column_list",
                 sl_x_texts(exchange, columns));
        read_combination(&test);
    } else if (strcmp(type, "foreign_key") == 0 && other && others) {
        struct sl_strs names = {0};
        for (size_t i = 0; i < sl_x_count(others); i++)
            if (sl_strs_add(&names, exchange->arena, others->items[i]->text, NULL) != SL_OK)
                exchange->has_failed = true;
        sl_x_reference(exchange, test.object, &(struct sl_x_reference){columns, other, &names});
    } else if (!is_key && strcmp(type, "not_null") != 0 && strcmp(type, "unique") != 0) {
        test.place = constraint->place;
        test.name = type;
        tell_lost(&test, "a constraint that a contract has no word for");
    }
}

static void read_constraints(struct test test, const struct sl_yaml *owner)
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
    sl_x_put_text(exchange, property, "description", sl_x_get(column, "description"));
    keep_meta(exchange, column, property);
    struct test test = {
        .exchange = exchange, .object = object, .column = property, .column_name = name};
    read_constraints(test, column);
    read_tests(test, column);
}

static void read_table(struct sl_exchange *exchange, const struct sl_yaml *table,
                       struct sl_yaml *contract)
{
    const char *name = sl_x_get(table, "name");
    const struct sl_yaml *columns = sl_yaml_get(table, "columns");
    const struct sl_yaml *tables = sl_yaml_get(contract, "schema");
    struct test test = {.exchange = exchange};
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
    read_tests(test, table);
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
