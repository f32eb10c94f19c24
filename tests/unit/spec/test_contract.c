#include "spec_test.h"

#define HEAD                                                                          \
    "apiVersion: v3.1.0\nkind: DataContract\nid: a\nversion: 1.0.0\nstatus: active\n" \
    "schema:\n  - name: orders\n    properties:\n"

// A project whose source `orders` has a contract with these columns, and more of the schema object
// in `rest`.
static struct sl_project *load_columns(const char *columns, const char *rest)
{
    char text[8192];

    put_file("sluice.yml", "name: shop\nquarantine: {max_rows: 7}\n");
    put_file("sources/orders.yml", "path: orders.csv\n");
    snprintf(text, sizeof text, HEAD "%s%s", columns, rest);
    put_file("contracts/orders.odcs.yml", text);
    return load_here();
}

static const struct sl_contract_table *table_of(const struct sl_project *project)
{
    if (project->diags.error_count)
        fail_msg("line %d: %s", project->diags.items[0].err.line,
                 project->diags.items[0].err.message);
    assert_non_null(sl_project_contract_for(project, &project->sources[0]));
    return sl_project_contract_for(project, &project->sources[0]);
}

static const struct sl_rule *rule_of(const struct sl_contract_column *column, const char *kind)
{
    for (size_t i = 0; i < column->rule_count; i++)
        if (strcmp(column->rules[i].kind, kind) == 0)
            return &column->rules[i];
    return NULL;
}

static const struct {
    const char *written, *type;
    int64_t max_length;
} types[] = {
    {"logicalType: string", "VARCHAR", 0},
    {"logicalType: integer", "BIGINT", 0},
    {"logicalType: number", "DOUBLE", 0},
    {"logicalType: boolean", "BOOLEAN", 0},
    {"logicalType: date", "DATE", 0},
    {"logicalType: timestamp", "TIMESTAMP WITH TIME ZONE", 0},
    {"logicalType: time", "TIME", 0},
    {"logicalType: object", "VARCHAR", 0},
    {"logicalType: array", "VARCHAR", 0},
    {"logicalType: integer, logicalTypeOptions: {format: i16}", "SMALLINT", 0},
    {"logicalType: integer, logicalTypeOptions: {format: u32}", "BIGINT", 0},
    {"logicalType: integer, logicalTypeOptions: {format: u64}", "DECIMAL(20,0)", 0},
    {"logicalType: timestamp, logicalTypeOptions: {timezone: false}", "TIMESTAMP", 0},
    {"logicalType: timestamp, physicalType: timestamp, logicalTypeOptions: {timezone: true}",
     "TIMESTAMP WITH TIME ZONE", 0},
    {"physicalType: 'decimal(12,2)'", "DECIMAL(12,2)", 0},
    {"physicalType: 'NUMERIC (10)'", "DECIMAL(10,0)", 0},
    {"physicalType: decimal", "DECIMAL(38,9)", 0},
    {"physicalType: tinyint", "TINYINT", 0},
    {"physicalType: int2", "SMALLINT", 0},
    {"physicalType: INT", "INTEGER", 0},
    {"physicalType: bigint", "BIGINT", 0},
    {"physicalType: double precision", "DOUBLE", 0},
    {"physicalType: float(53)", "DOUBLE", 0},
    {"physicalType: bool", "BOOLEAN", 0},
    {"physicalType: date", "DATE", 0},
    {"physicalType: timestamp", "TIMESTAMP", 0},
    {"physicalType: timestamptz", "TIMESTAMP WITH TIME ZONE", 0},
    {"physicalType: 'timestamp(6)  with time zone'", "TIMESTAMP WITH TIME ZONE", 0},
    {"physicalType: datetime2(7)", "TIMESTAMP", 0},
    {"physicalType: time", "TIME", 0},
    {"physicalType: jsonb", "VARCHAR", 0},
    {"physicalType: 'array<string>'", "VARCHAR", 0},
    {"physicalType: 'int[]'", "VARCHAR", 0},
    {"physicalType: varchar(20)", "VARCHAR", 20},
    {"physicalType: 'character varying(5)'", "VARCHAR", 5},
    {"physicalType: varchar2(10 char)", "VARCHAR", 10},
    {"physicalType: varchar(max)", "VARCHAR", 0},
    // The physical type says more of the logical one, or only how the source stores it.
    {"logicalType: integer, physicalType: smallint", "SMALLINT", 0},
    {"logicalType: integer, physicalType: 'numeric(20)'", "DECIMAL(20,0)", 0},
    {"logicalType: number, physicalType: 'decimal(9,3)'", "DECIMAL(9,3)", 0},
    {"logicalType: number, physicalType: int", "INTEGER", 0},
    {"logicalType: integer, physicalType: varchar(20)", "BIGINT", 0},
    {"logicalType: date, physicalType: timestamp", "TIMESTAMP", 0},
    {"logicalType: date, physicalType: text", "DATE", 0},
    {"logicalType: timestamp, physicalType: clob", "TIMESTAMP WITH TIME ZONE", 0},
    {"logicalType: time, physicalType: datetime", "TIME", 0},
    {"logicalType: boolean, physicalType: tinyint", "BOOLEAN", 0},
    {"logicalType: boolean, physicalType: number(1)", "BOOLEAN", 0},
    {"logicalType: integer, physicalType: double", "BIGINT", 0},
    {"logicalType: array, physicalType: super", "VARCHAR", 0},
    {"logicalType: object, physicalType: text", "VARCHAR", 0},
    {"logicalType: string, physicalType: varchar(3)", "VARCHAR", 3},
    {"logicalType: string, physicalType: uuid", "VARCHAR", 0},
    {"logicalType: string, physicalType: jsonb", "VARCHAR", 0},
};

static void logical_and_physical_type_make_the_columns_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        SL_AUTO(sl_project_free) struct sl_project *project = NULL;
        const struct sl_contract_column *column;
        const struct sl_rule *length;
        char columns[256];
        char name[32];
        char max[32] = "";

        snprintf(columns, sizeof columns, "      - {name: a, %s}\n", types[i].written);
        project = load_columns(columns, "");
        column = &table_of(project)->columns[0];
        length = rule_of(column, "length");
        if (types[i].max_length)
            snprintf(max, sizeof max, "%d", (int)types[i].max_length);
        if (strcmp(sl_type_name(column->type, name), types[i].type) != 0 ||
            strcmp(length ? length->max : "", max) != 0)
            fail_msg("%s: %s, length %s", types[i].written, sl_type_name(column->type, name),
                     length ? length->max : "free");
        assert_int_equal(rule_of(column, "type") != NULL, column->type.kind != SL_TYPE_TEXT);
        assert_int_equal(column->is_trimmed, column->type.kind != SL_TYPE_TEXT);
    }
}

static const struct {
    const char *written, *formats;
} formats[] = {
    {"yyyy-MM-dd", "%Y-%m-%d"},
    {"dd.MM.yy", "%d.%m.%y"},
    {"d/M/yyyy", "%-d/%-m/%Y"},
    {"yyyy-MM-ddTHH:mm:ssZ", "%Y-%m-%dT%H:%M:%S%z"},
    {"yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "%Y-%m-%dT%H:%M:%S.%g%z"},
    {"EEEE, d MMMM yyyy hh:mm a", "%A, %-d %B %Y %I:%M %p"},
    {"h 'o''clock'", "%-I o'clock"},
    {"%d.%m.%Y", "%d.%m.%Y"},
};

static void formats_become_strptimes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        SL_AUTO(sl_project_free) struct sl_project *project = NULL;
        const struct sl_contract_column *column;
        char columns[256];

        snprintf(columns, sizeof columns,
                 "      - name: a\n        logicalType: timestamp\n"
                 "        logicalTypeOptions: {format: \"%s\"}\n",
                 formats[i].written);
        project = load_columns(columns, "");
        column = &table_of(project)->columns[0];
        assert_int_equal(column->formats.count, 1);
        assert_string_equal(column->formats.items[0], formats[i].formats);
    }
}

static void options_and_quality_become_rules(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const struct sl_contract_table *table;
    const struct sl_contract_column *column;
    const struct sl_rule *rule;

    (void)state;
    project = load_columns(
        "      - name: amount\n        logicalType: number\n        required: true\n"
        "        logicalTypeOptions: {minimum: 0, exclusiveMaximum: 1000.5}\n"
        "      - name: status\n        logicalType: string\n        unique: true\n"
        "        logicalTypeOptions: {minLength: 1, maxLength: 9, pattern: '^[a-z]+$', format: "
        "email}\n"
        "        quality:\n"
        "          - {metric: invalidValues, arguments: {validValues: [open, paid, null]}, mustBe: "
        "0}\n"
        "          - {rule: validValues, validValues: [a], name: old-style, severity: info}\n"
        "          - {metric: nullValues, mustBe: 0, id: must}\n",
        "    quality:\n"
        "      - {type: custom, engine: sluice, name: paid, severity: error,\n"
        "         implementation: {expression: amount > 0, severity: warn, message: unpaid}}\n");
    table = table_of(project);
    column = &table->columns[0];
    rule = rule_of(column, "range");
    assert_string_equal(rule->id, "amount.range");
    assert_string_equal(rule->min, "0");
    assert_string_equal(rule->max, "1000.5");
    assert_true(!rule->is_min_exclusive && rule->is_max_exclusive);
    assert_int_equal(rule->place.line, 12);
    assert_true(column->is_required && rule_of(column, "required"));
    column = &table->columns[1];
    assert_string_equal(rule_of(column, "length")->min, "1");
    assert_string_equal(rule_of(column, "pattern")->text, "^[a-z]+$");
    assert_string_equal(rule_of(column, "format")->text, "email");
    assert_non_null(rule_of(column, "unique"));
    assert_int_equal(rule_of(column, "enum")->values.count, 2);
    assert_string_equal(rule_of(column, "enum")->id, "status.enum");
    assert_true(column->is_required);
    assert_string_equal(rule_of(column, "required")->id, "must");
    rule = &column->rules[column->rule_count - 2];
    assert_string_equal(rule->id, "old-style");
    assert_int_equal(rule->severity, SL_RULE_WARN);
    assert_int_equal(table->rule_count, 1);
    assert_string_equal(table->rules[0].kind, "expression");
    assert_string_equal(table->rules[0].message, "unpaid");
    assert_int_equal(table->rules[0].severity, SL_RULE_WARN);
    assert_null(table->rules[0].column);
}

static const struct {
    const char *options, *min, *max;
    bool is_min_exclusive, is_max_exclusive;
} ranges[] = {
    {"minimum: 1, maximum: 9", "1", "9", false, false},
    {"minimum: 1, exclusiveMinimum: 1", "1", NULL, true, false},
    {"minimum: 2, exclusiveMinimum: 1", "2", NULL, false, false},
    {"maximum: 9, exclusiveMaximum: 8", NULL, "8", false, true},
    {"minimum: 1, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false", "1", "9", true,
     false},
    {"format: u8", "0", "255", false, false},
    {"format: u8, minimum: 18", "18", "255", false, false},
};

static void of_two_bounds_the_tighter_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        SL_AUTO(sl_project_free) struct sl_project *project = NULL;
        const struct sl_rule *rule;
        char columns[256];

        snprintf(columns, sizeof columns,
                 "      - {name: a, logicalType: integer, logicalTypeOptions: {%s}}\n",
                 ranges[i].options);
        project = load_columns(columns, "");
        rule = rule_of(&table_of(project)->columns[0], "range");
        assert_non_null(rule);
        if (!sl_str_equal(rule->min, ranges[i].min) || !sl_str_equal(rule->max, ranges[i].max) ||
            rule->is_min_exclusive != ranges[i].is_min_exclusive ||
            rule->is_max_exclusive != ranges[i].is_max_exclusive)
            fail_msg("%s: %s to %s", ranges[i].options, rule->min, rule->max);
    }
}

static void custom_properties_are_read(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const struct sl_contract_table *table;
    const struct sl_contract_column *column;

    (void)state;
    project = load_columns(
        "      - name: day\n        physicalName: order day\n        logicalType: date\n"
        "        classification: restricted\n        description: when\n"
        "        customProperties:\n"
        "          - {property: sluice.formats, value: ['%d.%m.%Y', '%Y-%m-%d']}\n"
        "          - {property: sluice.default, value: 01.01.2024}\n"
        "          - {property: sluice.nullValues, value: ['', N/A]}\n"
        "          - {property: sluice.trim, value: false}\n"
        "          - {property: sluice.severity, value: warn}\n"
        "          - {property: team.note, value: 1}\n"
        "      - name: id\n        logicalType: integer\n        primaryKey: true\n"
        "        logicalTypeOptions: {minimum: 1}\n"
        "        customProperties: [{property: sluice.severity, value: {range: warn}}]\n",
        "    customProperties:\n"
        "      - {property: sluice.orderBy, value: [day desc, ID]}\n"
        "      - {property: sluice.filter, value: \"id = 'test'\"}\n"
        "      - {property: sluice.quarantine, value: {max_share: 0.5}}\n");
    table = table_of(project);
    column = &table->columns[0];
    assert_string_equal(column->source_name, "order day");
    assert_string_equal(column->formats.items[1], "%Y-%m-%d");
    assert_string_equal(column->otherwise, "01.01.2024");
    assert_string_equal(column->null_values.items[1], "N/A");
    assert_false(column->is_trimmed);
    assert_string_equal(column->classification, "restricted");
    assert_int_equal(rule_of(column, "type")->severity, SL_RULE_WARN);
    column = &table->columns[1];
    assert_int_equal(column->null_values.count, 1);
    assert_int_equal(rule_of(column, "range")->severity, SL_RULE_WARN);
    assert_int_equal(rule_of(column, "type")->severity, SL_RULE_REJECT);
    assert_int_equal(table->order_by.count, 2);
    assert_string_equal(table->filter, "id = 'test'");
    assert_true(table->has_budget && table->budget.max_share == 0.5);
    assert_int_equal(table->budget.max_rows, 7);
}

static void a_key_without_positions_is_in_the_order_of_its_columns(void **state)
{
    static const struct {
        const char *first, *second, *third;
        int positions[3];
    } keys[] = {
        {"primaryKey: true", "primaryKey: false", "primaryKey: true", {1, 0, 2}},
        {"primaryKey: true, primaryKeyPosition: 5",
         "primaryKey: true, primaryKeyPosition: 2",
         "primaryKey: true",
         {2, 1, 3}},
        {"primaryKey: true, primaryKeyPosition: -1",
         "primaryKeyPosition: -1",
         "primaryKey: true",
         {1, 0, 2}},
        {"unique: false", "unique: false", "unique: false", {0, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        SL_AUTO(sl_project_free) struct sl_project *project = NULL;
        char columns[512];

        snprintf(columns, sizeof columns,
                 "      - {name: a, logicalType: integer, %s}\n"
                 "      - {name: b, logicalType: integer, %s}\n"
                 "      - {name: c, logicalType: integer, %s}\n",
                 keys[i].first, keys[i].second, keys[i].third);
        project = load_columns(columns, "");
        for (size_t k = 0; k < 3; k++) {
            const struct sl_contract_column *column = &table_of(project)->columns[k];

            assert_int_equal(column->key_position, keys[i].positions[k]);
            assert_int_equal(column->is_required, keys[i].positions[k] > 0);
        }
    }
}

static void relationships_become_foreign_keys_to_tables_of_the_project(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const struct sl_contract_table *table;
    const struct sl_rule *rule;
    (void)state;
    put_file("sources/customers.yml", "path: customers.csv\n");
    put_file(
        "contracts/customers.odcs.yml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\n"
        "schema:\n  - name: people\n    physicalName: customers\n    properties:\n"
        "      - {name: id, logicalType: integer}\n      - {name: country, logicalType: string}\n");
    project = load_columns(
        "      - name: customer\n        logicalType: integer\n        relationships:\n"
        "          - {type: foreignKey, to: people.id}\n"
        "      - {name: country, logicalType: string}\n",
        "    relationships:\n      - from: [orders.customer, country]\n"
        "        to: [clean.customers.id, clean.customers.country]\n"
        "        customProperties: [{property: sluice.orphans, value: hold}]\n");
    table = table_of(project);
    if (strcmp(table->name, "orders") != 0)
        table = sl_project_contract_for(project, &project->sources[1]);
    rule = rule_of(&table->columns[0], "foreign_key");
    assert_non_null(rule);
    assert_string_equal(rule->id, "customer.foreign_key");
    assert_string_equal(rule->parent, "clean.customers"); // found by its schema object
    assert_int_equal(rule->severity, SL_RULE_REJECT);
    assert_int_equal(table->rule_count, 1);
    rule = &table->rules[0];
    assert_string_equal(rule->id, "customer_country.foreign_key");
    assert_null(rule->column);
    assert_int_equal(rule->severity, SL_RULE_HOLD);
    assert_int_equal(rule->columns.count, 2);
    assert_string_equal(rule->to.items[1], "country");
}

static void a_key_of_one_column_needs_no_unique_rule(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *one = NULL;
    SL_AUTO(sl_project_free) struct sl_project *two = NULL;

    (void)state;
    one = load_columns("      - {name: a, logicalType: integer, primaryKey: true, unique: true}\n",
                       "");
    assert_null(rule_of(&table_of(one)->columns[0], "unique"));
    two = load_columns("      - {name: a, logicalType: integer, primaryKey: true, unique: true}\n"
                       "      - {name: b, logicalType: integer, primaryKey: true}\n",
                       "");
    assert_non_null(rule_of(&table_of(two)->columns[0], "unique"));
}

static void what_is_not_used_is_kept_by_name(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;
    const struct sl_contract *contract;

    (void)state;
    put_file("sluice.yml", "name: shop\n");
    put_file(
        "contracts/a.yml", HEAD
        "      - {name: a, logicalType: integer, examples: [1], tags: [x], description: null}\n"
        "      - {name: b, logicalType: integer, examples: [1], transformLogic: a + 1}\n"
        "servers: []\nprice: {priceAmount: 1}\n"
        "description: {purpose: to count}\n"
        "team: {members: [{username: eva, role: Reader}, {username: ada, role: Owner}]}\n");
    project = load_here();
    contract = project->contracts[0];
    assert_string_equal(contract->description, "to count");
    assert_string_equal(contract->owner, "ada");
    assert_true(sl_strs_has(&contract->unread, "servers"));
    assert_true(sl_strs_has(&contract->unread, "price"));
    assert_true(sl_strs_has(&contract->unread, "schema.properties.examples"));
    assert_true(sl_strs_has(&contract->unread, "schema.properties.transformLogic"));
    assert_int_equal(contract->unread.count, 5);
    assert_int_equal(project->diags.error_count, 0);
}

// What is claimed of a whole table is kept as items that the kinds of check read.
static void quality_of_the_table_becomes_checks(void **state)
{
    static const struct {
        const char *kind, *key, *value, *name, *severity, *column;
    } wanted[] = {
        {"metric", "mustBeLessThan", "5", NULL, "fail", "a"},
        {"sql", "query", "select 1", "one", "warn", "a"},
        {"metric", "metric", "rowCount", NULL, "warn", NULL},
        {"row_count", "min", "1", NULL, "warn", NULL},
        {"unique", NULL, NULL, NULL, "fail", NULL},
        {"freshness", "max_age", "48h", "freshness", "warn", NULL},
        {"freshness", "max_age", "90s", "ly", "warn", NULL},
    };
    SL_AUTO(sl_project_free)
    struct sl_project *project = load_columns(
        "      - name: a\n        logicalType: date\n        quality:\n"
        "          - {metric: nullValues, mustBe: 0}\n"
        "          - {metric: nullValues, mustBeLessThan: 5}\n"
        "          - {type: sql, name: one, query: select 1, mustBe: 1, severity: info}\n",
        "    quality:\n"
        "      - {metric: rowCount, mustNotBe: 0, severity: low}\n"
        "      - {type: custom, engine: sluice, implementation: {check: row_count, min: 1, "
        "severity: warn}}\n"
        "      - {type: custom, engine: sluice, implementation: {check: {unique: [a]}}}\n"
        "slaProperties:\n"
        "  - {property: freshness, value: 2, unit: d, element: a}\n"
        "  - {property: ly, value: 1.5, unit: min, element: 'other.x, orders.a'}\n"
        "  - {property: freshness, value: 1, unit: fortnights, element: a}\n"
        "  - {property: retention, value: 3, unit: y, element: a}\n");
    const struct sl_contract_table *table = table_of(project);

    (void)state;
    assert_int_equal(project->diags.error_count, 0);
    assert_true(table->columns[0].is_required);
    assert_non_null(table->checks);
    assert_int_equal(table->checks->count, COUNT_OF(wanted));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        const struct sl_yaml *item = table->checks->items[i];
        const struct sl_yaml *name = sl_yaml_get(item, "name");
        const struct sl_yaml *column = sl_yaml_get(item, "column");

        assert_string_equal(item->keys[0]->text, wanted[i].kind);
        if (wanted[i].key)
            assert_string_equal(sl_yaml_get(item->items[0], wanted[i].key)->text, wanted[i].value);
        assert_true(sl_str_equal(name ? name->text : NULL, wanted[i].name));
        assert_true(sl_str_equal(column ? column->text : NULL, wanted[i].column));
        assert_string_equal(sl_yaml_get(item, "severity")->text, wanted[i].severity);
    }
    assert_true(sl_strs_has(&project->contracts[0]->unread, "slaProperties"));
}

static const char *digest_of(struct sl_arena *arena, const char *columns, const char *rest)
{
    SL_AUTO(sl_project_free) struct sl_project *project = load_columns(columns, rest);

    return sl_arena_strdup(arena, table_of(project)->digest);
}

static void the_digest_changes_with_what_decides_the_rows(void **state)
{
    static const struct {
        const char *columns, *rest;
        bool is_same;
    } variants[] = {
        {"      - {name: a, logicalType: integer}\n", "", true},
        {"      - {name: a, logicalType: integer, description: new, tags: [x], classification: "
         "public}\n",
         "    description: new\n", true},
        {"      - {name: a, logicalType: integer}\n",
         "    customProperties: [{property: sluice.quarantine, value: {max_rows: 1}}]\n", true},
        {"      - {name: b, logicalType: integer}\n", "", false},
        {"      - {name: a, logicalType: integer, physicalName: x}\n", "", false},
        {"      - {name: a, logicalType: number}\n", "", false},
        {"      - {name: a, physicalType: int}\n", "", false},
        {"      - {name: a, logicalType: integer, required: true}\n", "", false},
        {"      - {name: a, logicalType: integer, primaryKey: true}\n", "", false},
        {"      - {name: a, logicalType: integer, logicalTypeOptions: {minimum: 1}}\n", "", false},
        {"      - {name: a, logicalType: integer, logicalTypeOptions: {maximum: 1}}\n", "", false},
        {"      - {name: a, logicalType: integer, customProperties: [{property: sluice.trim, "
         "value: false}]}\n",
         "", false},
        {"      - {name: a, logicalType: integer, customProperties: [{property: sluice.default, "
         "value: 1}]}\n",
         "", false},
        {"      - {name: a, logicalType: integer, customProperties: [{property: sluice.nullValues, "
         "value: [x]}]}\n",
         "", false},
        {"      - {name: a, logicalType: integer, customProperties: [{property: sluice.severity, "
         "value: warn}]}\n",
         "", false},
        {"      - {name: a, logicalType: integer}\n",
         "    customProperties: [{property: sluice.filter, value: a = 1}]\n", false},
        {"      - {name: a, logicalType: integer}\n      - {name: b, logicalType: integer}\n", "",
         false},
        {"      - {name: a, logicalType: integer}\n",
         "    quality: [{metric: rowCount, mustBe: 1}]\n", false},
        {"      - {name: a, logicalType: integer}\n",
         "    quality: [{metric: rowCount, mustBe: 1, severity: info}]\n", false},
    };
    struct test_folder *folder = *state;
    const char *digests[COUNT_OF(variants)];

    for (size_t i = 0; i < COUNT_OF(variants); i++) {
        digests[i] = digest_of(&folder->arena, variants[i].columns, variants[i].rest);
        assert_int_equal(strlen(digests[i]), 64);
        if ((strcmp(digests[i], digests[0]) == 0) != variants[i].is_same)
            fail_msg("variant %zu", i);
        for (size_t k = 0; k < i; k++)
            assert_true(variants[i].is_same || strcmp(digests[i], digests[k]) != 0);
    }
}

static void a_source_is_governed_by_name_file_or_physical_name(void **state)
{
    SL_AUTO(sl_project_free) struct sl_project *project = NULL;

    (void)state;
    put_file("sluice.yml", "name: shop\n");
    put_file("sources/orders.yml", "path: a.csv\n");
    put_file("sources/clicks.yml", "path: b.csv\n");
    put_file("sources/other.yml", "path: c.csv\ncontract: contracts/c.odcs.yaml\n");
    put_file("sources/free.yml", "path: d.csv\n");
    put_file("contracts/a.yml", HEAD "      - {name: a, logicalType: integer}\n"
                                     "  - name: Clicks of the shop\n    physicalName: clicks\n"
                                     "    properties: [{name: b, logicalType: integer}]\n");
    put_file("contracts/c.odcs.yaml", HEAD "      - {name: c, logicalType: integer}\n");
    project = load_here();
    // The second contract has an `orders` too, so this one must say which it means.
    assert_int_equal(project->diags.error_count, 1);
    put_file("sources/orders.yml", "path: a.csv\ncontract: ./contracts/a.yml\n");
    sl_project_free(&project);
    project = load_good();
    assert_string_equal(
        sl_project_contract_for(project, sl_project_source(project, "orders"))->columns[0].name,
        "a");
    assert_string_equal(
        sl_project_contract_for(project, sl_project_source(project, "clicks"))->columns[0].name,
        "b");
    assert_string_equal(
        sl_project_contract_for(project, sl_project_source(project, "other"))->columns[0].name,
        "c");
    assert_null(sl_project_contract_for(project, sl_project_source(project, "free")));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(logical_and_physical_type_make_the_columns_type),
        IN_FOLDER(formats_become_strptimes),
        IN_FOLDER(options_and_quality_become_rules),
        IN_FOLDER(of_two_bounds_the_tighter_holds),
        IN_FOLDER(custom_properties_are_read),
        IN_FOLDER(a_key_without_positions_is_in_the_order_of_its_columns),
        IN_FOLDER(relationships_become_foreign_keys_to_tables_of_the_project),
        IN_FOLDER(a_key_of_one_column_needs_no_unique_rule),
        IN_FOLDER(what_is_not_used_is_kept_by_name),
        IN_FOLDER(quality_of_the_table_becomes_checks),
        IN_FOLDER(the_digest_changes_with_what_decides_the_rows),
        IN_FOLDER(a_source_is_governed_by_name_file_or_physical_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
