#include "contract/aside.h"
#include "contract/possible.h"
#include "contract/rule.h"
#include "sql/columns.h"

#include <string.h>

bool sl_possible_is_present(const struct sl_contract_column *column)
{
    bool is_let_through = false;
    for (size_t k = 0; k < column->rule_count; k++)
        is_let_through |=
            sl_contract_is_own_rule(&column->rules[k]) && !sl_possible_is_strict(&column->rules[k]);
    return sl_contract_is_required(column) && !is_let_through;
}

static const struct sl_contract_column *required(const struct sl_possible *possible,
                                                 const char *name)
{
    const struct sl_contract_table *table = possible->table;
    for (size_t i = 0; i < table->column_count; i++)
        if (sl_str_equal_nocase(table->columns[i].name, name))
            return sl_possible_is_present(&table->columns[i]) ? &table->columns[i] : NULL;
    return NULL;
}

// True for every row that has a value where one is required. Only forms that are sure.
static bool holds(const struct sl_possible *possible, const struct sl_ast *node)
{
    const struct sl_ast *children = sl_ast_first(sl_ast_get(node, "children"));
    const struct sl_ast *value = sl_ast_get(node, "value");
    if (sl_ast_is_class(node, "CAST"))
        return holds(possible, sl_ast_get(node, "child"));
    if (sl_ast_is_class(node, "CONSTANT")) {
        const struct sl_ast *truth = sl_ast_get(value, "value");
        return truth &&
               (truth->kind == SL_AST_BOOL
                    ? truth->truth
                    : sl_ast_is(sl_ast_get(value, "type"), "id", "VARCHAR") &&
                          (sl_str_equal(truth->text, "t") || sl_str_equal(truth->text, "true")));
    }
    if (sl_ast_is(node, "type", "OPERATOR_IS_NOT_NULL")) {
        const struct sl_ast *names = sl_ast_get(children, "column_names");
        return sl_ast_count(names) == 1 && required(possible, sl_ast_first(names)->text);
    }
    bool is_and = sl_ast_is(node, "type", "CONJUNCTION_AND");
    if (!is_and && !sl_ast_is(node, "type", "CONJUNCTION_OR"))
        return false;
    for (const struct sl_ast *part = children; part; part = part->next)
        if (holds(possible, part) != is_and)
            return !is_and;
    return is_and;
}

int sl_possible_parse(const struct sl_possible *possible, const char *condition,
                      const struct sl_ast **ret, struct sl_err *err)
{
    return sl_sql_conditions(possible->session, &condition, 1, possible->arena, ret, err);
}

static int is_always(const struct sl_possible *possible, const char *condition, bool *ret,
                     struct sl_err *err)
{
    const struct sl_ast *node;
    SL_TRY(sl_possible_parse(possible, condition, &node, err));
    *ret = node && holds(possible, node);
    return SL_OK;
}

static void tell(const struct sl_possible *possible, const struct sl_rule *rule, const char *what)
{
    sl_diag(possible->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place, NULL,
            "no row can keep the rule '%s': %s", rule->id, what);
}

static int check_absent(const struct sl_possible *possible, const struct sl_rule *rule,
                        struct sl_err *err)
{
    const char *name = rule->columns.count ? rule->columns.items[0] : rule->column;
    bool is_certain;
    if (!name || !rule->text || !required(possible, name))
        return SL_OK;
    SL_TRY(is_always(possible, rule->text, &is_certain, err));
    const char *what =
        sl_arena_printf(possible->arena, "column '%s' is required, and '%s' is true for every row",
                        name, rule->text);
    SL_TRY_NEW(what, err);
    if (is_certain)
        tell(possible, rule, what);
    return SL_OK;
}

// Of columns of which one at most may have a value two are required.
static int check_alone(const struct sl_possible *possible, const struct sl_rule *rule,
                       struct sl_err *err)
{
    const char *first = NULL;
    for (size_t i = 0; i < rule->columns.count; i++) {
        const char *name = rule->columns.items[i];
        if (!required(possible, name))
            continue;
        if (first) {
            const char *what = sl_arena_printf(
                possible->arena, "columns '%s' and '%s' are both required", first, name);
            SL_TRY_NEW(what, err);
            tell(possible, rule, what);
            return SL_OK;
        }
        first = name;
    }
    return SL_OK;
}

static int check_rules(const struct sl_possible *possible, const struct sl_rule *rules,
                       size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *rule = &rules[i];
        if (!sl_possible_is_strict(rule))
            continue;
        if (sl_str_equal(rule->kind, "absent_if"))
            SL_TRY(check_absent(possible, rule, err));
        else if (sl_str_equal(rule->kind, "not_both") ||
                 (sl_str_equal(rule->kind, "one_of_columns") &&
                  sl_str_equal(rule->operation, "exactly")))
            SL_TRY(check_alone(possible, rule, err));
    }
    return SL_OK;
}

// A list of which every value means that there is none.
static void check_list(const struct sl_possible *possible, const struct sl_contract_column *column)
{
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        size_t nulls = 0;
        if (!sl_possible_is_strict(rule) || !sl_str_equal(rule->kind, "enum"))
            continue;
        for (size_t k = 0; k < rule->values.count; k++)
            nulls += sl_strs_has(&column->null_values, rule->values.items[k]);
        if (nulls > 0 && nulls == rule->values.count)
            sl_diag(possible->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place, NULL,
                    "column '%s' is required, and all values of its rule '%s' mean null "
                    "('sluice.nullValues')",
                    sl_contract_path(column), rule->id);
    }
}

static void check_lists(const struct sl_possible *possible,
                        const struct sl_contract_column *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sl_possible_is_present(&columns[i]) && !columns[i].otherwise)
            check_list(possible, &columns[i]);
        check_lists(possible, columns[i].fields, columns[i].field_count);
    }
}

// The operator of a check that 0 does not keep; NULL: it may pass.
static const struct sl_yaml *refuses_none(const struct sl_yaml *metric)
{
    static const struct {
        const char *name;
        bool is_open;
    } operators[] = {
        {"mustBe", false}, {"mustBeGreaterThan", true}, {"mustBeGreaterOrEqualTo", false}};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        const struct sl_yaml *node = sl_yaml_get(metric, operators[i].name);
        double bound;
        if (!node || node->kind != SL_YAML_SCALAR || !sl_str_to_double(node->text, &bound))
            continue;
        if (bound > 0 || (bound == 0 && operators[i].is_open))
            return node;
    }
    const struct sl_yaml *pair = sl_yaml_get(metric, "mustBeBetween");
    double low;
    bool is_pair = pair && pair->kind == SL_YAML_LIST && pair->count == 2 &&
                   pair->items[0]->kind == SL_YAML_SCALAR;
    return is_pair && sl_str_to_double(pair->items[0]->text, &low) && low >= 0 ? pair : NULL;
}

// Nulls that must be there are counted in clean, where a required column has none.
static void check_metric(const struct sl_possible *possible, const struct sl_yaml *check)
{
    const struct sl_yaml *metric = sl_yaml_get(check, "metric");
    const struct sl_yaml *name = sl_yaml_get(metric, "metric");
    const struct sl_yaml *column = sl_yaml_get(check, "column");
    const struct sl_yaml *severity = sl_yaml_get(check, "severity");
    bool counts_nulls =
        name && (sl_str_equal(name->text, "nullValues") || sl_str_equal(name->text, "nullCheck"));
    const struct sl_contract_column *found =
        counts_nulls && column ? required(possible, column->text) : NULL;
    const struct sl_yaml *refused =
        found && !sl_aside_is_column(possible->table, found) ? refuses_none(metric) : NULL;
    if (refused && !(severity && sl_str_equal(severity->text, "warn")))
        sl_diag(possible->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, refused->place, NULL,
                "column '%s' is required, so that it has no nulls and the check can never pass",
                found->name);
}

int sl_possible_nulls(const struct sl_possible *possible, struct sl_err *err)
{
    const struct sl_contract_table *table = possible->table;
    const struct sl_yaml *checks = table->checks;
    for (size_t i = 0; checks && checks->kind == SL_YAML_LIST && i < checks->count; i++)
        check_metric(possible, checks->items[i]);
    check_lists(possible, table->columns, table->column_count);
    for (size_t i = 0; i < table->column_count; i++)
        SL_TRY(check_rules(possible, table->columns[i].rules, table->columns[i].rule_count, err));
    return check_rules(possible, table->rules, table->rule_count, err);
}
