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

// A rule that only warns says so under its kind: sluice.severity: {enum: warn}. Of two tests of one
// kind the stricter counts.
static void keep_severity(const struct sl_x_test *test, const char *kind, bool was_there)
{
    struct sl_yaml *custom = sl_yaml_get(test->column, "customProperties");
    struct sl_yaml *map = NULL;
    for (size_t i = 0; i < sl_x_count(custom); i++)
        if (sl_str_equal(sl_x_get(custom->items[i], "property"), "sluice.severity"))
            map = sl_yaml_get(custom->items[i], "value");
    if (!test->is_warning && sl_x_get(map, kind))
        sl_x_put_text(test->exchange, map, kind, "reject");
    if (!test->is_warning || was_there)
        return;
    if (!map) {
        map = sl_x_map(test->exchange);
        sl_x_custom(test->exchange, test->column, "sluice.severity", map);
    }
    sl_x_put_text(test->exchange, map, kind, "warn");
}

static bool has_option(const struct sl_x_test *test, const char *key)
{
    return sl_yaml_get(sl_yaml_get(test->column, "logicalTypeOptions"), key) != NULL;
}

void sl_x_dbt_custom(const struct sl_x_test *test, struct sl_yaml *owner,
                     struct sl_yaml *implementation)
{
    struct sl_exchange *exchange = test->exchange;
    const char *given = sl_x_get(test->values, "name");
    const char *base = strrchr(test->name, '.') ? strrchr(test->name, '.') + 1 : test->name;
    const struct sl_yaml *before = sl_yaml_get(owner, "quality");
    const char *where = test->column ? test->column_name : sl_x_get(test->object, "name");
    struct sl_yaml *rule = sl_x_map(exchange);
    sl_x_put_text(exchange, rule, "name",
                  given ? given
                        : sl_x_printf(exchange, "%s_%s_%zu", where, base, sl_x_count(before) + 1));
    sl_x_put_text(exchange, rule, "type", "custom");
    sl_x_put_text(exchange, rule, "engine", "sluice");
    sl_x_put(exchange, rule, "implementation", implementation);
    if (test->is_warning)
        sl_x_put_text(exchange, rule, "severity", "warning");
    sl_x_push(exchange, sl_x_list_at(exchange, owner, "quality"), rule);
}

void sl_x_dbt_expression(const struct sl_x_test *test, const char *expression)
{
    struct sl_yaml *implementation = sl_x_map(test->exchange);
    sl_x_put_text(test->exchange, implementation, "expression", expression);
    sl_x_put_text(test->exchange, implementation, "where", test->where);
    if (test->mostly)
        sl_x_put(test->exchange, implementation, "mostly", sl_x_bare(test->exchange, test->mostly));
    sl_x_dbt_custom(test, test->column ? test->column : test->object, implementation);
}

// Of whom some rows, or a share of them, need not hold: only an expression can say that.
static bool is_partial(const struct sl_x_test *test)
{
    return test->mostly || test->where;
}

// "<column>" <operation> <text of SQL>
static void compare_column(const struct sl_x_test *test, const char *operation, const char *sql)
{
    sl_x_dbt_expression(
        test, sl_x_printf(test->exchange, "\"%s\" %s %s", test->column_name, operation, sql));
}

static void read_not_null(const struct sl_x_test *test)
{
    if (is_partial(test)) {
        compare_column(test, "is", "not null");
        return;
    }
    bool was_there = sl_x_is_true(test->column, "required");
    sl_x_put_true(test->exchange, test->column, "required");
    keep_severity(test, "required", was_there);
}

static void read_unique(const struct sl_x_test *test)
{
    bool was_there = sl_x_is_true(test->column, "unique");
    sl_x_put_true(test->exchange, test->column, "unique");
    keep_severity(test, "unique", was_there);
}

// ('a', 'it''s')
static void compare_values(const struct sl_x_test *test, const char *operation,
                           const struct sl_yaml *values)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    for (size_t i = 0; i < values->count; i++) {
        if (values->items[i]->kind != SL_YAML_SCALAR)
            continue;
        sl_buf_add(&sql, sql.length ? ", " : "(");
        sl_buf_add_sql_string(&sql, values->items[i]->text);
    }
    if (!sql.length)
        return;
    sl_buf_add(&sql, ")");
    test->exchange->has_failed |= sql.has_failed;
    if (!sql.has_failed)
        compare_column(test, operation, sql.text);
}

static const struct sl_yaml *values_of(const struct sl_x_test *test)
{
    const struct sl_yaml *values = sl_yaml_get(test->values, "values");
    if (!values)
        values = sl_yaml_get(test->values, "value_set");
    if (!sl_x_count(values))
        sl_x_dbt_lost(test, "it has no list of values");
    return sl_x_count(values) ? values : NULL;
}

// Lists of a boolean's values are often of numbers: [1, 0].
static const struct sl_yaml *booleans(const struct sl_x_test *test, const struct sl_yaml *values)
{
    struct sl_yaml *list = sl_x_list(test->exchange);
    for (size_t i = 0; i < values->count; i++) {
        const char *text = values->items[i]->text;
        bool is_true = sl_str_equal(text, "1"), is_false = sl_str_equal(text, "0");
        sl_x_push(test->exchange, list,
                  is_true || is_false ? sl_x_bare(test->exchange, is_true ? "true" : "false")
                                      : values->items[i]);
    }
    return list;
}

static void read_accepted(const struct sl_x_test *test)
{
    const struct sl_yaml *values = values_of(test);
    if (values && sl_x_type_of(test->column).type.kind == SL_TYPE_BOOLEAN)
        values = booleans(test, values);
    if (values && (is_partial(test) || sl_x_enum_of(test->column))) {
        compare_values(test, "in", values);
    } else if (values) {
        sl_x_enum(test->exchange, test->column, values);
        keep_severity(test, "enum", false);
    }
}

static void read_excluded(const struct sl_x_test *test)
{
    const struct sl_yaml *values = values_of(test);
    if (values)
        compare_values(test, "not in", values);
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

// "1=1", "true", "<name> is not null": of a key without a value a foreign key says nothing anyway.
static bool is_any_row(const char *condition, const char *name)
{
    SL_AUTO(sl_buf_clear) struct sl_buf plain = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf filled = SL_BUF_INIT;
    if (!condition)
        return true;
    for (; *condition; condition++)
        if (!strchr(" \t\r\n\"`()", *condition))
            sl_buf_add_char(&plain, *condition);
    sl_buf_addf(&filled, "%sisnotnull", name);
    return plain.length && !plain.has_failed && !filled.has_failed &&
           (sl_str_equal(plain.text, "1=1") || sl_str_equal_nocase(plain.text, "true") ||
            sl_str_equal_nocase(plain.text, filled.text));
}

static void read_relationship_where(const struct sl_x_test *test)
{
    const char *field = sl_x_get(test->values, "field");
    if (is_any_row(sl_x_get(test->values, "from_condition"), test->column_name) &&
        is_any_row(sl_x_get(test->values, "to_condition"), field ? field : ""))
        read_relationship(test);
    else
        sl_x_dbt_lost(test, "a foreign key is one of all rows, and leads to all rows: put its "
                            "conditions into the model that the rows come from");
}

bool sl_x_dbt_is_number(const struct sl_yaml *node)
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
    const char *low = is_open ? "exclusiveMinimum" : "minimum";
    const char *high = is_open ? "exclusiveMaximum" : "maximum";
    bool is_taken = has_option(test, low) || has_option(test, high);
    if ((min && !sl_x_dbt_is_number(min)) || (max && !sl_x_dbt_is_number(max)) || !is_plain ||
        is_partial(test) || is_taken) {
        if (min)
            compare_column(test, is_open ? ">" : ">=", min->text);
        if (max)
            compare_column(test, is_open ? "<" : "<=", max->text);
        return;
    }
    sl_x_option(test->exchange, test->column, low, min);
    sl_x_option(test->exchange, test->column, high, max);
    keep_severity(test, "range", false);
}

static void read_length(const struct sl_x_test *test)
{
    const struct sl_yaml *exactly = sl_yaml_get(test->values, "value");
    const struct sl_yaml *min = exactly ? exactly : sl_yaml_get(test->values, "min_value");
    const struct sl_yaml *max = exactly ? exactly : sl_yaml_get(test->values, "max_value");
    bool is_text = sl_x_type_of(test->column).type.kind == SL_TYPE_TEXT;
    if ((!min && !max) || (min && !sl_x_dbt_is_number(min)) || (max && !sl_x_dbt_is_number(max)) ||
        !is_text || sl_x_is_true(test->values, "strictly")) {
        sl_x_dbt_lost(test, is_text ? "its bounds are no numbers, or not part of what may be"
                                    : "only texts have a length");
        return;
    }
    if (is_partial(test) || has_option(test, "minLength") || has_option(test, "maxLength")) {
        sl_x_dbt_expression(test, sl_x_printf(test->exchange, "length(\"%s\") between %s and %s",
                                              test->column_name, min ? min->text : "0",
                                              max ? max->text : "2147483647"));
        return;
    }
    sl_x_option(test->exchange, test->column, "minLength", min);
    sl_x_option(test->exchange, test->column, "maxLength", max);
    keep_severity(test, "length", false);
}

static void match_column(const struct sl_x_test *test, const char *before, const char *pattern)
{
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    sl_buf_addf(&sql, "%sregexp_matches(\"%s\", ", before, test->column_name);
    sl_buf_add_sql_string(&sql, pattern);
    sl_buf_add(&sql, ")");
    test->exchange->has_failed |= sql.has_failed;
    sl_x_dbt_expression(test, sql.has_failed ? NULL : sql.text);
}

static const char *pattern_of(const struct sl_x_test *test)
{
    const char *pattern = sl_x_get(test->values, "regex");
    const char *flags = sl_x_get(test->values, "flags");
    bool is_text = sl_x_type_of(test->column).type.kind == SL_TYPE_TEXT;
    if (!pattern || !is_text)
        sl_x_dbt_lost(test, pattern ? "only texts have a pattern" : "it has no 'regex'");
    if (!pattern || !is_text || !flags || !*flags)
        return is_text ? pattern : NULL;
    if (!sl_str_equal(flags, "i")) {
        sl_x_dbt_lost(test, "its 'flags' are not known here");
        return NULL;
    }
    return sl_x_printf(test->exchange, "(?i)%s", pattern);
}

static void read_pattern(const struct sl_x_test *test)
{
    const char *pattern = pattern_of(test);
    if (pattern && (is_partial(test) || has_option(test, "pattern"))) {
        match_column(test, "", pattern);
    } else if (pattern) {
        sl_x_option(test->exchange, test->column, "pattern", sl_x_text(test->exchange, pattern));
        keep_severity(test, "pattern", false);
    }
}

static void read_not_pattern(const struct sl_x_test *test)
{
    const char *pattern = pattern_of(test);
    if (pattern)
        match_column(test, "not ", pattern);
}

// One column is greater than another one.
static void read_pair(const struct sl_x_test *test)
{
    const char *a = sl_x_get(test->values, "column_A"), *b = sl_x_get(test->values, "column_B");
    if (a && b)
        sl_x_dbt_expression(test,
                            sl_x_printf(test->exchange, "\"%s\" %s \"%s\"", a,
                                        sl_x_is_true(test->values, "or_equal") ? ">=" : ">", b));
    else
        sl_x_dbt_lost(test, "it has no 'column_A' and 'column_B'");
}

static void read_not_empty(const struct sl_x_test *test)
{
    bool is_as_it_is = sl_str_equal(sl_x_get(test->values, "trim_whitespace"), "false");
    sl_x_dbt_expression(test, sl_x_printf(test->exchange,
                                          is_as_it_is ? "\"%s\" <> ''" : "trim(\"%s\") <> ''",
                                          test->column_name));
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

enum {
    AT_COLUMN = 1,
    AT_TABLE = 2,
    PARTIAL = 4
}; // PARTIAL: `mostly` and `where` can be said of it
static const struct {
    const char *name;
    int is;
    void (*read)(const struct sl_x_test *test);
    const char *kind;
} tests[] = {
    {"not_null", AT_COLUMN | PARTIAL, read_not_null, NULL},
    {"unique", AT_COLUMN, read_unique, NULL},
    {"accepted_values", AT_COLUMN | PARTIAL, read_accepted, NULL},
    {"relationships", AT_COLUMN, read_relationship, NULL},
    {"dbt_utils.relationships_where", AT_COLUMN, read_relationship_where, NULL},
    {"dbt_utils.accepted_range", AT_COLUMN | PARTIAL, read_range, NULL},
    {"dbt_utils.not_accepted_values", AT_COLUMN | PARTIAL, read_excluded, NULL},
    {"dbt_utils.not_empty_string", AT_COLUMN | PARTIAL, read_not_empty, NULL},
    {"dbt_utils.expression_is_true", AT_COLUMN | AT_TABLE | PARTIAL, read_expression, NULL},
    {"dbt_utils.unique_combination_of_columns", AT_TABLE, sl_x_dbt_combination, NULL},
    {"dbt_utils.not_null_proportion", AT_COLUMN, sl_x_dbt_not_null_share, "null_share"},
    {"dbt_utils.recency", AT_TABLE, sl_x_dbt_recency, "freshness"},
    {"dbt_expectations.expect_column_values_to_not_be_null", AT_COLUMN | PARTIAL, read_not_null,
     NULL},
    {"dbt_expectations.expect_column_values_to_be_unique", AT_COLUMN, read_unique, NULL},
    {"dbt_expectations.expect_column_values_to_be_in_set", AT_COLUMN | PARTIAL, read_accepted,
     NULL},
    {"dbt_expectations.expect_column_values_to_not_be_in_set", AT_COLUMN | PARTIAL, read_excluded,
     NULL},
    {"dbt_expectations.expect_column_values_to_be_between", AT_COLUMN | PARTIAL, read_range, NULL},
    {"dbt_expectations.expect_column_value_lengths_to_be_between", AT_COLUMN | PARTIAL, read_length,
     NULL},
    {"dbt_expectations.expect_column_value_lengths_to_equal", AT_COLUMN | PARTIAL, read_length,
     NULL},
    {"dbt_expectations.expect_column_values_to_match_regex", AT_COLUMN | PARTIAL, read_pattern,
     NULL},
    {"dbt_expectations.expect_column_values_to_not_match_regex", AT_COLUMN | PARTIAL,
     read_not_pattern, NULL},
    {"dbt_expectations.expect_column_pair_values_A_to_be_greater_than_B", AT_TABLE | PARTIAL,
     read_pair, NULL},
    {"dbt_expectations.expect_compound_columns_to_be_unique", AT_TABLE, sl_x_dbt_combination, NULL},
    {"dbt_expectations.expect_table_row_count_to_be_between", AT_TABLE, sl_x_dbt_bounds,
     "row_count"},
    {"dbt_expectations.expect_column_mean_to_be_between", AT_COLUMN, sl_x_dbt_bounds, "mean"},
    {"dbt_expectations.expect_column_sum_to_be_between", AT_COLUMN, sl_x_dbt_bounds, "sum"},
    {"dbt_expectations.expect_column_stdev_to_be_between", AT_COLUMN, sl_x_dbt_bounds, "stddev"},
    {"dbt_expectations.expect_column_min_to_be_between", AT_COLUMN, sl_x_dbt_bounds, "min_value"},
    {"dbt_expectations.expect_column_max_to_be_between", AT_COLUMN, sl_x_dbt_bounds, "max_value"},
    {"dbt_expectations.expect_column_unique_value_count_to_be_between", AT_COLUMN, sl_x_dbt_bounds,
     "distinct_count"},
    {"dbt_expectations.expect_column_proportion_of_unique_values_to_be_between", AT_COLUMN,
     sl_x_dbt_bounds, "distinct_share"},
    {"dbt_expectations.expect_column_median_to_be_between", AT_COLUMN, sl_x_dbt_quantile,
     "quantile"},
    {"dbt_expectations.expect_column_quantile_values_to_be_between", AT_COLUMN, sl_x_dbt_quantile,
     "quantile"},
};

static void apply_test(struct sl_x_test test)
{
    test.where = sl_x_get(sl_yaml_get(test.shape, "config"), "where");
    if (!test.where)
        test.where = sl_x_get(test.values, "where");
    if (!test.where)
        test.where = sl_x_get(test.values, "row_condition");
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        if (strcmp(tests[i].name, test.name) != 0 ||
            !(tests[i].is & (test.column ? AT_COLUMN : AT_TABLE)))
            continue;
        test.kind = tests[i].kind;
        if (is_partial(&test) && !(tests[i].is & PARTIAL))
            sl_x_dbt_lost(&test, test.mostly ? "a contract cannot let a share of rows break such a "
                                               "rule ('mostly')"
                                             : "it holds only for some rows ('where')");
        else
            tests[i].read(&test);
        return;
    }
    sl_x_dbt_lost(&test,
                  "it is not known here; `sluice ls --checks` lists what a contract can say");
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
    apply_test(test);
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
