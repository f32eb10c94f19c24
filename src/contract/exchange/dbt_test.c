// dbt's tests as rules of a contract.
#include "contract/exchange/dbt.h"

#include <string.h>

void sl_x_dbt_lost(const struct sl_x_test *test, const char *why)
{
    sl_x_lost(test->exchange, test->place, "test '%s' of %s '%s'%s%s", test->name,
              test->column ? "column" : "table",
              test->column ? test->column_name : sl_x_get(test->object, "name"), why ? ": " : "",
              why ? why : "");
}

// A rule that only warns says so under its kind: sluice.severity: {enum: warn}.
static void keep_severity(const struct sl_x_test *test, const char *kind)
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

void sl_x_dbt_expression(const struct sl_x_test *test, const char *expression)
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
    struct sl_yaml *rule = sl_x_count(quality) ? quality->items[quality->count - 1] : NULL;
    if (test->is_warning)
        sl_x_put_text(test->exchange, rule, "severity", "warning");
    if (test->mostly)
        sl_x_put(test->exchange, sl_yaml_get(rule, "implementation"), "mostly",
                 sl_x_bare(test->exchange, test->mostly));
}

static void read_not_null(const struct sl_x_test *test)
{
    if (test->mostly) {
        sl_x_dbt_expression(test,
                            sl_x_printf(test->exchange, "\"%s\" is not null", test->column_name));
        return;
    }
    sl_x_put_true(test->exchange, test->column, "required");
    keep_severity(test, "required");
}

static void read_unique(const struct sl_x_test *test)
{
    sl_x_put_true(test->exchange, test->column, "unique");
    keep_severity(test, "unique");
}

static void add_values(const struct sl_x_test *test, const struct sl_yaml *values)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "\"%s\" in (", test->column_name);
    for (size_t i = 0; i < values->count; i++) {
        sl_buf_add(&sql, i ? ", " : "");
        sl_buf_add_sql_string(&sql, values->items[i]->text);
    }
    sl_buf_add(&sql, ")");
    test->exchange->has_failed |= sql.has_failed;
    sl_x_dbt_expression(test, sql.has_failed ? NULL : sql.text);
}

static void read_accepted(const struct sl_x_test *test)
{
    const struct sl_yaml *values = sl_yaml_get(test->values, "values");
    if (!values)
        values = sl_yaml_get(test->values, "value_set");
    if (!sl_x_count(values)) {
        sl_x_dbt_lost(test, "it has no list of values");
        return;
    }
    if (test->mostly) {
        add_values(test, values);
        return;
    }
    sl_x_enum(test->exchange, test->column, values);
    keep_severity(test, "enum");
}

const char *sl_x_dbt_table(struct sl_exchange *exchange, const char *reference)
{
    const char *end = reference ? strrchr(reference, reference[strcspn(reference, "'\"")]) : NULL;
    const char *begin = end;
    if (!end || !*end || end == reference)
        return reference && !strchr(reference, '(') ? reference : NULL;
    while (begin > reference && begin[-1] != *end)
        begin--;
    return sl_x_printf(exchange, "%.*s", (int)(end - begin), begin);
}

static void read_relationship(const struct sl_x_test *test)
{
    struct sl_yaml *relation = sl_x_map(test->exchange);
    const char *table = sl_x_dbt_table(test->exchange, sl_x_get(test->values, "to"));
    const char *field = sl_x_get(test->values, "field");
    if (!table || !field) {
        sl_x_dbt_lost(test, "it has no 'to: ref(...)' and 'field'");
        return;
    }
    sl_x_put_text(test->exchange, relation, "type", "foreignKey");
    sl_x_put_text(test->exchange, relation, "to",
                  sl_x_printf(test->exchange, "%s.%s", table, field));
    if (test->is_warning)
        sl_x_custom(test->exchange, relation, "sluice.orphans", sl_x_text(test->exchange, "warn"));
    sl_x_push(test->exchange, sl_x_list_at(test->exchange, test->column, "relationships"),
              relation);
}

static bool is_number(const struct sl_yaml *node)
{
    double value;
    return node && node->kind == SL_YAML_SCALAR && sl_str_to_double(node->text, &value);
}

static void read_range(const struct sl_x_test *test)
{
    const struct sl_yaml *min = sl_yaml_get(test->values, "min_value");
    const struct sl_yaml *max = sl_yaml_get(test->values, "max_value");
    enum sl_type_kind kind = sl_x_type_of(test->column).type.kind;
    bool is_open = sl_str_equal(sl_x_get(test->values, "inclusive"), "false") ||
                   sl_x_is_true(test->values, "strictly");
    bool is_plain = kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
    if (test->mostly && min && max) { // one share of the rows keeps both
        const char *name = test->column_name;
        sl_x_dbt_expression(test, sl_x_printf(test->exchange, "\"%s\" %s %s and \"%s\" %s %s", name,
                                              is_open ? ">" : ">=", min->text, name,
                                              is_open ? "<" : "<=", max->text));
        return;
    }
    if ((min && !is_number(min)) || (max && !is_number(max)) || !is_plain || test->mostly) {
        const char *name = test->column_name;
        if (min)
            sl_x_dbt_expression(test, sl_x_printf(test->exchange, "\"%s\" %s %s", name,
                                                  is_open ? ">" : ">=", min->text));
        if (max)
            sl_x_dbt_expression(test, sl_x_printf(test->exchange, "\"%s\" %s %s", name,
                                                  is_open ? "<" : "<=", max->text));
        return;
    }
    sl_x_option(test->exchange, test->column, is_open ? "exclusiveMinimum" : "minimum", min);
    sl_x_option(test->exchange, test->column, is_open ? "exclusiveMaximum" : "maximum", max);
    keep_severity(test, "range");
}

static void read_pattern(const struct sl_x_test *test)
{
    const char *pattern = sl_x_get(test->values, "regex");
    if (!pattern || sl_x_type_of(test->column).type.kind != SL_TYPE_TEXT) {
        sl_x_dbt_lost(test, pattern ? "only texts have a pattern" : "it has no 'regex'");
        return;
    }
    if (test->mostly) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        sl_buf_addf(&sql, "regexp_matches(\"%s\", ", test->column_name);
        sl_buf_add_sql_string(&sql, pattern);
        sl_buf_add(&sql, ")");
        test->exchange->has_failed |= sql.has_failed;
        sl_x_dbt_expression(test, sql.has_failed ? NULL : sql.text);
        return;
    }
    sl_x_option(test->exchange, test->column, "pattern", sl_x_text(test->exchange, pattern));
    keep_severity(test, "pattern");
}

static void read_not_empty(const struct sl_x_test *test)
{
    sl_x_dbt_expression(test, sl_x_printf(test->exchange, "trim(\"%s\") <> ''", test->column_name));
}

// At a column the expression is what stands behind the column's name.
static void read_expression(const struct sl_x_test *test)
{
    const char *expression = sl_x_get(test->values, "expression");
    if (!expression)
        sl_x_dbt_lost(test, "it has no 'expression'");
    else if (test->column)
        sl_x_dbt_expression(
            test, sl_x_printf(test->exchange, "\"%s\" %s", test->column_name, expression));
    else
        sl_x_dbt_expression(test, expression);
}

void sl_x_dbt_combination(const struct sl_x_test *test)
{
    struct sl_yaml *rule = sl_x_map(test->exchange);
    const struct sl_yaml *columns = sl_yaml_get(test->values, "combination_of_columns");
    if (!columns)
        columns = sl_yaml_get(test->values, "column_list");
    if (!sl_x_count(columns)) {
        sl_x_dbt_lost(test, "it names no columns");
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
    bool is_for_column, is_for_table, has_share; // `mostly` can be said of it
    void (*read)(const struct sl_x_test *test);
} tests[] = {
    {"not_null", true, false, true, read_not_null},
    {"unique", true, false, false, read_unique},
    {"accepted_values", true, false, true, read_accepted},
    {"relationships", true, false, false, read_relationship},
    {"dbt_utils.accepted_range", true, false, true, read_range},
    {"dbt_utils.not_empty_string", true, false, true, read_not_empty},
    {"dbt_utils.expression_is_true", true, true, true, read_expression},
    {"dbt_utils.unique_combination_of_columns", false, true, false, sl_x_dbt_combination},
    {"dbt_expectations.expect_column_values_to_not_be_null", true, false, true, read_not_null},
    {"dbt_expectations.expect_column_values_to_be_unique", true, false, false, read_unique},
    {"dbt_expectations.expect_column_values_to_be_in_set", true, false, true, read_accepted},
    {"dbt_expectations.expect_column_values_to_be_between", true, false, true, read_range},
    {"dbt_expectations.expect_column_values_to_match_regex", true, false, true, read_pattern},
    {"dbt_expectations.expect_compound_columns_to_be_unique", false, true, false,
     sl_x_dbt_combination},
};

static void apply_test(const struct sl_x_test *test)
{
    bool is_column = test->column != NULL;
    const char *condition = sl_x_get(sl_yaml_get(test->shape, "config"), "where");
    if (!condition)
        condition = sl_x_get(test->values, "where");
    if (!condition)
        condition = sl_x_get(test->values, "row_condition");
    if (condition) {
        sl_x_dbt_lost(test, "it holds only for some rows ('where')");
        return;
    }
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (strcmp(tests[i].name, test->name) == 0 &&
            (is_column ? tests[i].is_for_column : tests[i].is_for_table)) {
            if (test->mostly && !tests[i].has_share)
                sl_x_dbt_lost(test, "a contract cannot let a share of rows break such a rule "
                                    "('mostly')");
            else
                tests[i].read(test);
            return;
        }
    sl_x_dbt_lost(test, "a contract has no such rule");
}

static const char *config_of(const struct sl_x_test *test, const char *key)
{
    const char *text = sl_x_get(sl_yaml_get(test->shape, "config"), key);
    return text ? text : sl_x_get(test->shape, key);
}

// "mostly: 0.9". False: it is no share, and the test is told as lost.
static bool read_share(struct sl_x_test *test)
{
    const char *mostly = sl_x_get(test->values, "mostly");
    double share = 1;
    if (!mostly)
        return true;
    if (!sl_str_to_double(mostly, &share) || !(share > 0 && share <= 1)) {
        sl_x_dbt_lost(test, "'mostly' is no share above 0 and at most 1");
        return false;
    }
    test->mostly = share < 1 ? mostly : NULL;
    return true;
}

// "!= 0", "> 0", ">=1": any row at all, as without it.
static bool is_any(const char *condition)
{
    char text[8] = "";
    size_t length = 0;
    for (; *condition; condition++)
        if (*condition != ' ' && length + 1 < sizeof text)
            text[length++] = *condition;
    return !strcmp(text, "!=0") || !strcmp(text, "<>0") || !strcmp(text, ">0") ||
           !strcmp(text, ">=1");
}

// dbt counts what broke the test, of all rows; a rule is about each row. What dbt would let pass
// must not be rejected, so it only warns.
static void read_threshold(struct sl_x_test *test)
{
    const char *key = test->is_warning ? "warn_if" : "error_if";
    const char *condition = config_of(test, key);
    if (!condition || is_any(condition))
        return;
    sl_x_dbt_lost(
        test, sl_x_printf(test->exchange, "'%s: %s': here it warns of each row", key, condition));
    test->is_warning = true;
}

// "not_null", {not_null: {severity: warn}}, {accepted_values: {arguments: {values: [..]}}}, {name:
// .., test_name: not_null, ...}
static void read_test(struct sl_x_test test, const struct sl_yaml *node)
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
    test.is_warning = sl_str_equal_nocase(config_of(&test, "severity"), "warn");
    if (!read_share(&test))
        return;
    read_threshold(&test);
    apply_test(&test);
}

void sl_x_dbt_tests(struct sl_x_test test, const struct sl_yaml *owner)
{
    static const char *const keys[] = {"tests", "data_tests"};
    for (size_t k = 0; k < 2; k++) {
        const struct sl_yaml *list = sl_yaml_get(owner, keys[k]);
        for (size_t i = 0; i < sl_x_count(list); i++)
            read_test(test, list->items[i]);
    }
}
