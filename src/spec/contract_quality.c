// quality: rules over rows, and checks of the whole table (contract_checks.c). What is neither is
// kept and reported.
#include "spec/contract_file.h"

#include <string.h>

bool sl_odcs_severity(const char *text, enum sl_rule_severity *ret)
{
    static const char *const rejecting[] = {"reject", "error", "critical", "high"};
    static const char *const warning[] = {"warn", "warning", "info", "low", "medium"};

    for (size_t i = 0; i < sizeof rejecting / sizeof *rejecting; i++)
        if (sl_str_equal_nocase(text, rejecting[i])) {
            *ret = SL_RULE_REJECT;
            return true;
        }
    for (size_t i = 0; i < sizeof warning / sizeof *warning; i++)
        if (sl_str_equal_nocase(text, warning[i])) {
            *ret = SL_RULE_WARN;
            return true;
        }
    bool is_value = sl_str_equal_nocase(text, sl_rule_severity_name(SL_RULE_VALUE));
    if (!is_value && !sl_str_equal_nocase(text, "fail"))
        return false;
    *ret = is_value ? SL_RULE_VALUE : SL_RULE_FAIL;
    return true;
}

bool sl_odcs_report_hold(struct sl_odcs_reader *reader, const char *text, struct sl_place place)
{
    if (!sl_str_equal_nocase(text, sl_rule_severity_name(SL_RULE_HOLD)))
        return false;
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place,
            "write it at an entry of 'relationships': "
            "customProperties: [{property: sluice.orphans, value: hold}]",
            "severity 'hold' is for rows that wait for a row of a table, so only foreign keys can "
            "have it");
    return true;
}

static const char *name_of(const struct sl_odcs_quality *quality)
{
    return quality->name ? quality->name : quality->id;
}

static const char *metric_of(const struct sl_odcs_quality *quality)
{
    return quality->metric ? quality->metric : quality->rule;
}

static int report_unevaluated(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                              const char *what, const char *why, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    const char *part =
        sl_arena_printf(arena, "schema.%squality: %s", reader->column ? "properties." : "", what);
    const char *name = name_of(quality);

    SL_TRY_NEW(part, err);
    sl_diag(&reader->project->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD,
            quality->node->place, why, "quality rule %s%s%s of %s '%s' is kept but not evaluated",
            name ? "'" : "", name ? name : what, name ? "'" : "",
            reader->column ? "column" : "table",
            reader->column ? reader->column->name : reader->table->name);
    return sl_odcs_unread(reader, part, err);
}

static bool is_number(const struct sl_yaml *node, double wanted)
{
    double value;

    return node->kind == SL_YAML_SCALAR && sl_str_to_double(node->text, &value) && value == wanted;
}

// Whether not a single row may break the metric; then it is a rule over rows. v3.0 needs no
// operator for validValues.
static bool is_for_every_row(const struct sl_odcs_quality *quality)
{
    bool is_percent = quality->unit && sl_str_equal_nocase(quality->unit, "percent");

    if (quality->must_be)
        return is_number(quality->must_be, 0);
    if (quality->must_be_at_most)
        return is_number(quality->must_be_at_most, 0);
    if (quality->must_be_less)
        return !is_percent && is_number(quality->must_be_less, 1);
    return quality->valid_values != NULL;
}

static int add_enum(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                    const struct sl_yaml *list, struct sl_rule rule, struct sl_err *err)
{
    struct sl_diags *diags = &reader->project->diags;

    rule.kind = "enum";
    rule.place = list->place;
    if (list->kind != SL_YAML_LIST || list->count == 0) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_RULE, list->place, "write 'validValues: [a, b]'",
                "'validValues' of column '%s' is %s, expected a list of values",
                reader->column->name,
                list->kind == SL_YAML_LIST ? "an empty list" : sl_yaml_describe(list));
        return SL_OK;
    }
    for (size_t i = 0; i < list->count; i++) {
        const struct sl_yaml *item = list->items[i];

        if (item->kind == SL_YAML_NULL) // a null is the affair of `required`
            continue;
        if (item->kind != SL_YAML_SCALAR)
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_RULE, item->place, NULL,
                    "a valid value of column '%s' is %s", reader->column->name,
                    sl_yaml_describe(item));
        else if (sl_strs_has(&rule.values, item->text))
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_RULE, item->place, NULL,
                    "'%s' stands twice among the valid values of column '%s'", item->text,
                    reader->column->name);
        else
            SL_TRY(sl_strs_add(&rule.values, &reader->project->arena, item->text, err));
    }
    return sl_odcs_add_rule(reader, rule, name_of(quality), quality->severity != NULL, err);
}

static int add_invalid_values(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                              struct sl_rule rule, struct sl_err *err)
{
    const struct sl_yaml *values = sl_yaml_get(quality->arguments, "validValues");
    const struct sl_yaml *pattern = sl_yaml_get(quality->arguments, "pattern");

    if (!values)
        values = quality->valid_values;
    if (values)
        SL_TRY(add_enum(reader, quality, values, rule, err));
    if (pattern && pattern->kind == SL_YAML_SCALAR) {
        rule.text = pattern->text;
        rule.place = pattern->place;
        SL_TRY(sl_odcs_add_pattern(reader, rule, values ? NULL : name_of(quality),
                                   quality->severity != NULL, err));
    }
    if (!values && !pattern)
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_RULE, quality->node->place,
                "write 'arguments: {validValues: [a, b]}' or 'arguments: {pattern: ...}'",
                "a rule of column '%s' does not say which values are valid", reader->column->name);
    return SL_OK;
}

static bool has_rule(const struct sl_contract_column *column, const char *kind)
{
    for (size_t i = 0; i < column->rule_count; i++)
        if (strcmp(column->rules[i].kind, kind) == 0)
            return true;
    return false;
}

// Metrics that may be rules over rows.
static bool is_row_metric(const char *metric)
{
    return strcmp(metric, "invalidValues") == 0 || strcmp(metric, "validValues") == 0 ||
           strcmp(metric, "nullValues") == 0;
}

// Not a single row twice: a rule, as `unique: true` is.
static int add_unique(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                      struct sl_rule rule, struct sl_err *err)
{
    const struct sl_yaml *list = sl_yaml_get(quality->arguments, "properties");

    rule.kind = "unique";
    rule.node = quality->arguments;
    for (size_t i = 0; i < list->count; i++)
        SL_TRY(sl_strs_add(&rule.columns, &reader->project->arena, list->items[i]->text, err));
    return sl_odcs_add_rule(reader, rule, name_of(quality), quality->severity != NULL, err);
}

// Several columns together of which no two rows may have the same.
static bool is_unique(const struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                      const char *metric)
{
    const struct sl_yaml *list = sl_yaml_get(quality->arguments, "properties");
    bool is_list = list && list->kind == SL_YAML_LIST && list->count > 0;

    for (size_t i = 0; is_list && i < list->count; i++)
        is_list = list->items[i]->kind == SL_YAML_SCALAR;
    return is_list && !reader->column && strcmp(metric, "duplicateValues") == 0 &&
           is_for_every_row(quality);
}

static int read_library(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                        struct sl_rule rule, struct sl_err *err)
{
    static const char *const known[] = {"nullValues",      "missingValues", "invalidValues",
                                        "duplicateValues", "rowCount",      "validValues",
                                        "duplicateCount",  "nullCheck"};
    const char *metric = metric_of(quality);
    const char *hint;
    bool is_known = false;

    if (!metric) {
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, quality->node->place,
                "a library rule has a metric, a custom one 'type: custom' and an engine",
                "this quality rule has no 'metric'");
        return SL_OK;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        is_known |= strcmp(metric, known[i]) == 0;
    if (!is_known) {
        hint = sl_did_you_mean(&reader->project->arena, metric, known, 5);
        return report_unevaluated(reader, quality, metric,
                                  hint ? hint : "the standard has no metric of this name", err);
    }
    if (is_unique(reader, quality, metric))
        return add_unique(reader, quality, rule, err);
    if (!reader->column || !is_row_metric(metric) || !is_for_every_row(quality)) {
        if (!sl_odcs_has_operator(quality))
            return report_unevaluated(reader, quality, metric,
                                      "it has no operator, such as 'mustBe: 0'", err);
        return sl_odcs_add_quality_check(reader, quality, "metric", rule.severity == SL_RULE_WARN,
                                         err);
    }
    if (strcmp(metric, "nullValues") != 0)
        return add_invalid_values(reader, quality, rule, err);
    rule.kind = "required";
    if (has_rule(reader->column, "required"))
        return SL_OK;
    reader->column->is_required = true;
    return sl_odcs_add_rule(reader, rule, name_of(quality), quality->severity != NULL, err);
}

static int read_custom(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                       struct sl_rule rule, struct sl_err *err)
{
    const char *part;

    bool is_check = sl_yaml_get(quality->implementation, "check") != NULL;
    if (quality->engine && strcmp(quality->engine, "sluice") == 0)
        return is_check
                   ? sl_odcs_add_custom_check(reader, quality, rule.severity == SL_RULE_WARN, err)
                   : sl_odcs_own_rule(reader, quality, rule, err);
    part = sl_arena_printf(&reader->project->arena, "schema.%squality: engine %s",
                           reader->column ? "properties." : "",
                           quality->engine ? quality->engine : "unnamed");
    SL_TRY_NEW(part, err);
    return sl_odcs_unread(reader, part, err);
}

static void read_dimension(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                           struct sl_rule *rule)
{
    if (quality->dimension && !sl_odcs_dimension(quality->dimension, &rule->dimension))
        sl_diag(&reader->project->diags, SL_SEVERITY_WARNING, SL_E_CONTRACT_UNREAD,
                sl_yaml_place(quality->node, "dimension"),
                "accuracy, completeness, conformity, consistency, coverage, timeliness or "
                "uniqueness",
                "dimension '%s' is not one of the standard's", quality->dimension);
}

static int read_quality(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                        struct sl_err *err)
{
    static const char *const types[] = {"library", "text", "sql", "custom"};
    const char *type = quality->type ? quality->type : quality->engine ? "custom" : "library";
    struct sl_rule rule = {.place = quality->node->place};
    struct sl_diags *diags = &reader->project->diags;

    if (quality->severity && !sl_odcs_severity(quality->severity, &rule.severity) &&
        !sl_odcs_report_hold(reader, quality->severity, sl_yaml_place(quality->node, "severity"))) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(quality->node, "severity"), "error, warning or info",
                "severity '%s' is not known", quality->severity);
    }
    read_dimension(reader, quality, &rule);
    if (strcmp(type, "library") == 0)
        return read_library(reader, quality, rule, err);
    if (strcmp(type, "custom") == 0)
        return read_custom(reader, quality, rule, err);
    if (strcmp(type, "sql") == 0 && !sl_odcs_has_operator(quality))
        return report_unevaluated(reader, quality, "sql", "it has no operator, such as 'mustBe: 0'",
                                  err);
    if (strcmp(type, "sql") == 0)
        return sl_odcs_add_quality_check(reader, quality, "sql", rule.severity == SL_RULE_WARN,
                                         err);
    if (strcmp(type, "text") != 0)
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(quality->node, "type"),
                sl_did_you_mean(&reader->project->arena, type, types, 4),
                "'%s' is no type of quality rule, which is one of library, text, sql, custom",
                type);
    return SL_OK;
}

int sl_odcs_quality_rules(struct sl_odcs_reader *reader, const struct sl_opt_list *quality,
                          struct sl_err *err)
{
    const struct sl_odcs_quality *items = quality->items;

    for (size_t i = 0; i < quality->count; i++)
        if (items[i].node && items[i].node->kind == SL_YAML_MAP)
            SL_TRY(read_quality(reader, &items[i], err));
    return SL_OK;
}
