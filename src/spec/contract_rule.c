// quality entries of type custom for engine 'sluice': {kind, its options, where, mostly, ...}.
#include "spec/contract_file.h"
#include "spec/rule_options.h"

#include <string.h>

static const char *name_of(const struct sl_odcs_quality *quality)
{
    return quality->name ? quality->name : quality->id;
}

bool sl_odcs_dimension(const char *text, enum sl_rule_dimension *ret)
{
    static const char *const shorts[] = {"ac", "cp", "cf", "cs", "cv", "tm", "uq"};

    for (int i = 0; sl_rule_dimension_names[i]; i++)
        if (sl_str_equal_nocase(text, sl_rule_dimension_names[i]) ||
            sl_str_equal_nocase(text, shorts[i])) {
            *ret = (enum sl_rule_dimension)(i + 1);
            return true;
        }
    return false;
}

// Kinds of checks of tables that may be taken for kinds of rules, and what says it of each row;
// NULL: only all rows together can say it. Those above know the kinds; a test compares.
static const struct {
    const char *check, *rule;
} check_kinds[] = {
    {"accepted_values", "kind: enum"},
    {"distinct_count", NULL},
    {"distinct_share", NULL},
    {"distribution", NULL},
    {"drift", NULL},
    {"duplicate_count", NULL},
    {"duplicate_share", NULL},
    {"freshness", "kind: age"},
    {"functional_dependency", NULL},
    {"max_value", "kind: range"},
    {"mean", NULL},
    {"metric", NULL},
    {"min_value", "kind: range"},
    {"missing", "required: true"},
    {"monotonic", NULL},
    {"no_gaps", NULL},
    {"not_null", "required: true"},
    {"null_share", "required: true"},
    {"quantile", NULL},
    {"reconcile", NULL},
    {"relationships", "relationships: [{to: TABLE.COLUMN}]"},
    {"row_count", NULL},
    {"row_count_change", NULL},
    {"sql", "kind: expression"},
    {"stddev", NULL},
    {"sum", NULL},
};

static const char *hint_of_check(struct sl_arena *arena, const char *name)
{
    for (size_t i = 0; i < sizeof check_kinds / sizeof *check_kinds; i++) {
        const char *check = check_kinds[i].check, *rule = check_kinds[i].rule;
        if (!sl_str_equal_nocase(check, name))
            continue;
        return rule ? sl_arena_printf(arena,
                                      "it is a kind of check, of the whole table ('check: %s'); "
                                      "what rejects each such row is '%s'",
                                      check, rule)
                    : sl_arena_printf(arena,
                                      "it is a kind of check, of the whole table: 'check: %s'; no "
                                      "rule says it of a row",
                                      check);
    }
    return NULL;
}

int sl_odcs_unknown_kind(struct sl_odcs_reader *reader, const struct sl_yaml *name,
                         enum sl_code code, struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    struct sl_strs known = {0};
    const char *hint;

    for (const struct sl_rule_form *form = sl_rule_forms; form->name; form++)
        SL_TRY(sl_strs_add(&known, arena, form->name, err));
    hint = hint_of_check(arena, name->text);
    if (!hint)
        hint = sl_did_you_mean(arena, name->text, known.items, known.count);
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, code, name->place,
            hint ? hint : "`sluice ls --checks` lists the kinds", "'%s' is no kind of rule",
            name->text);
    return SL_OK;
}

// NULL, after a diagnostic, if the kind is unknown or cannot stand here.
static int find_form(struct sl_odcs_reader *reader, const struct sl_yaml *options,
                     const struct sl_rule_form **ret, struct sl_err *err)
{
    const struct sl_yaml *kind = sl_yaml_get(options, "kind");
    const struct sl_rule_form *form;
    const char *hint = NULL;

    *ret = NULL;
    if (!kind) {
        *ret = sl_rule_form_find("expression");
        return SL_OK;
    }
    form = sl_rule_form_find(kind->kind == SL_YAML_SCALAR ? kind->text : "");
    if (!form)
        return sl_odcs_unknown_kind(reader, kind, SL_E_VALUE_INVALID, err);
    if (form->stands & (reader->column ? SL_RULE_AT_COLUMN : SL_RULE_AT_TABLE)) {
        *ret = form;
        return SL_OK;
    }
    if (strcmp(form->name, "unique") == 0)
        hint = "write 'unique: true' at the column";
    else if (form->stands)
        hint = "write it under 'quality' of the column";
    else if (strcmp(form->name, "required") == 0)
        hint = "write 'required: true' at the column; for some rows only there is 'required_if'";
    else
        hint = "every column has it by its logicalType";
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_RULE, kind->place, hint,
            "a rule of kind '%s' cannot stand here", form->name);
    return SL_OK;
}

static bool is_blank(const char *text)
{
    return text && text[strspn(text, " \t\r\n")] == '\0';
}

static void complain(struct sl_odcs_reader *reader, const struct sl_rule *rule, const char *key,
                     const char *hint, const char *message)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_RULE, sl_yaml_place(rule->node, key),
            hint, "%s", message);
}

static void check_options(struct sl_odcs_reader *reader, const struct sl_rule_form *form,
                          const struct sl_rule *rule)
{
    double share;
    char name[32];
    const char *pattern_problem;

    if (is_blank(rule->where))
        complain(reader, rule, "where", "a condition such as country = 'DE'", "'where' is empty");
    if (form->has_sql && is_blank(rule->text) && strcmp(form->name, "expression") != 0)
        complain(reader, rule, "when", "a condition such as status = 'paid'", "'when' is empty");
    if (rule->mostly && (!sl_str_to_double(rule->mostly, &share) || !(share > 0 && share <= 1)))
        complain(reader, rule, "mostly", "0.95 lets one row in twenty break the rule",
                 "'mostly' is a share above 0 and at most 1");
    if (reader->column && form->types && !(form->types & (1U << reader->column->type.kind)))
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_RULE, rule->place, NULL,
                "a rule of kind '%s' is for %s, and column '%s' is %s", form->name, form->type_name,
                reader->column->name, sl_type_name(reader->column->type, name));
    if (strcmp(form->name, "format") == 0 && rule->text)
        (void)sl_odcs_is_format(reader, rule->text, sl_yaml_place(rule->node, "format"));
    if (sl_str_ends(form->name, "pattern") && rule->text) {
        pattern_problem = sl_odcs_pattern_problem(rule->text);
        if (pattern_problem)
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_RULE,
                    sl_yaml_place(rule->node, "pattern"), NULL,
                    "column '%s': '%s' is no regular expression: %s", reader->column->name,
                    rule->text, pattern_problem);
    }
}

static const char *first_text(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (texts[i])
            return texts[i];
    return NULL;
}

static int seconds(const struct sl_rule *rule, const char *key, int64_t value,
                   struct sl_arena *arena, const char **ret, struct sl_err *err)
{
    if (!sl_load_has(rule->node, key))
        return SL_OK;
    *ret = sl_arena_printf(arena, "%lld", (long long)value);
    SL_TRY_NEW(*ret, err);
    return SL_OK;
}

static const char *choice(const struct sl_rule *rule, const char *key, int index)
{
    const struct sl_opt *row = sl_rule_rows;

    while (strcmp(row->name, key) != 0)
        row++;
    return sl_load_has(rule->node, key) ? row->values[index] : NULL;
}

// The options into the members that the kind uses.
static int take_options(struct sl_odcs_reader *reader, const struct sl_rule_form *form,
                        const struct sl_rule_options *options, struct sl_rule *rule,
                        struct sl_err *err)
{
    struct sl_arena *arena = &reader->project->arena;
    const char *subject = reader->column ? reader->column->name : options->column;
    const char *texts[] = {options->expression, options->pattern,
                           options->format,     options->of,
                           options->when,       choice(rule, "is", options->letters)};

    rule->text = first_text(texts, sizeof texts / sizeof *texts);
    rule->values = options->values;
    rule->min = options->min;
    rule->max = options->max;
    SL_TRY(seconds(rule, "min_age", options->min_age_s, arena, &rule->min, err));
    SL_TRY(seconds(rule, "max_age", options->max_age_s, arena, &rule->max, err));
    rule->is_min_exclusive = options->is_min_exclusive;
    rule->is_max_exclusive = options->is_max_exclusive;
    if (form->has_subject && subject)
        SL_TRY(sl_strs_add(&rule->columns, arena, subject, err));
    if (options->to)
        SL_TRY(sl_strs_add(&rule->columns, arena, options->to, err));
    for (size_t i = 0; i < options->columns.count; i++)
        SL_TRY(sl_strs_add(&rule->columns, arena, options->columns.items[i], err));
    rule->operation = options->is_exact ? "exactly" : choice(rule, "op", options->operation);
    rule->tolerance = options->tolerance;
    rule->where = options->where;
    rule->mostly = options->mostly;
    rule->message = options->message;
    if (sl_load_has(rule->node, "severity"))
        rule->severity = (enum sl_rule_severity)options->severity;
    if (sl_load_has(rule->node, "dimension"))
        rule->dimension = (enum sl_rule_dimension)(options->dimension + 1);
    return SL_OK;
}

static void check_subject(struct sl_odcs_reader *reader, const struct sl_rule_form *form,
                          const struct sl_rule *rule)
{
    const struct sl_yaml *column = sl_yaml_get(rule->node, "column");

    if (!form->has_subject)
        return;
    if (reader->column && column)
        complain(reader, rule, "column", "take it out: the rule stands at its column",
                 "'column' is for rules of the table");
    if (!reader->column && !column)
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, rule->node->place,
                NULL, "key 'column' is missing in 'implementation'");
}

static int read_map(struct sl_odcs_reader *reader, const struct sl_rule_form *form,
                    struct sl_rule *rule, bool *ret, struct sl_err *err)
{
    struct sl_project *project = reader->project;
    struct sl_rule_options options = {0};
    size_t errors = project->diags.error_count;
    const struct sl_yaml *severity = sl_yaml_get(rule->node, "severity");
    const struct sl_opt *rows;

    *ret = false;
    if (severity && severity->kind == SL_YAML_SCALAR &&
        sl_odcs_report_hold(reader, severity->text, severity->place))
        return SL_OK;
    SL_TRY(sl_rule_form_rows(form, &project->arena, &rows, err));
    SL_TRY(sl_opt_read(rows, rule->node, "'implementation'", &options, NULL, &project->arena,
                       &project->diags, err));
    SL_TRY(take_options(reader, form, &options, rule, err));
    check_options(reader, form, rule);
    check_subject(reader, form, rule);
    *ret = project->diags.error_count == errors;
    return SL_OK;
}

static int add_expression(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                          struct sl_rule rule, bool is_severity_given, struct sl_err *err)
{
    if (!rule.text)
        return SL_OK;
    if (is_blank(rule.text))
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_RULE,
                sl_yaml_place(quality->implementation, "expression"),
                "an expression is true for good rows, such as amount > 0",
                "the expression of rule '%s' is empty", name_of(quality));
    return sl_odcs_add_rule(reader, rule, name_of(quality), is_severity_given, err);
}

int sl_odcs_own_rule(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                     struct sl_rule rule, struct sl_err *err)
{
    const struct sl_yaml *node = quality->implementation;
    const struct sl_rule_form *form = sl_rule_form_find("expression");
    struct sl_diags *diags = &reader->project->diags;
    bool is_given = quality->severity != NULL || sl_load_has(node, "severity");
    bool is_good = true;

    if (node && node->kind != SL_YAML_SCALAR)
        SL_TRY(find_form(reader, node, &form, err));
    if (!form)
        return SL_OK;
    rule.kind = form->name;
    if (!name_of(quality) && strcmp(form->name, "expression") == 0) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, quality->node->place,
                "rejected rows carry the name, such as 'name: paid-orders-have-an-amount'",
                "a rule for engine 'sluice' has no 'name'");
        return SL_OK;
    }
    if (!node) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_KEY_MISSING, quality->node->place,
                "write 'implementation: {expression: \"amount > 0\"}'",
                "a rule for engine 'sluice' has no 'implementation'");
        return SL_OK;
    }
    if (node->kind == SL_YAML_SCALAR) {
        rule.text = node->text;
        return add_expression(reader, quality, rule, is_given, err);
    }
    rule.node = node;
    SL_TRY(read_map(reader, form, &rule, &is_good, err));
    if (strcmp(form->name, "expression") == 0)
        return add_expression(reader, quality, rule, is_given, err);
    // One that is not whole would only be complained of again.
    return is_good ? sl_odcs_add_rule(reader, rule, name_of(quality), is_given, err) : SL_OK;
}
