// Rules of one column that contradict each other or its default: no row could ever be right.
#include "spec/contract_file.h"

#include <string.h>

// "column 'status': the default 'x' <claim>"
static void complain(struct sl_odcs_reader *reader, struct sl_place place, const char *what,
                     const char *value, const char *claim)
{
    sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, place, NULL,
            "column '%s': the %s '%s' %s", reader->column->name, what, value, claim);
}

static bool is_same(struct sl_type type, const char *a, const char *b)
{
    long double left;
    long double right;

    if (type.kind == SL_TYPE_TEXT || type.kind == SL_TYPE_BOOLEAN || type.kind >= SL_TYPE_JSON)
        return strcmp(a, b) == 0;
    return sl_odcs_value(type, a, &left) && sl_odcs_value(type, b, &right) && left == right;
}

static bool is_in(const struct sl_rule *rule, struct sl_type type, const char *text)
{
    for (size_t i = 0; i < rule->values.count; i++)
        if (is_same(type, rule->values.items[i], text))
            return true;
    return false;
}

static bool is_in_range(const struct sl_rule *rule, struct sl_type type, long double value)
{
    long double bound;

    if (rule->min && sl_odcs_value(type, rule->min, &bound) &&
        (value < bound || (value == bound && rule->is_min_exclusive)))
        return false;
    if (rule->max && sl_odcs_value(type, rule->max, &bound) &&
        (value > bound || (value == bound && rule->is_max_exclusive)))
        return false;
    return true;
}

static bool is_in_length(const struct sl_rule *rule, const char *text)
{
    int64_t length = 0;
    int64_t bound;

    for (; *text; text++)
        length += ((unsigned char)*text & 0xC0) != 0x80; // characters, not bytes
    if (rule->min && sl_str_to_int64(rule->min, &bound) && length < bound)
        return false;
    return !(rule->max && sl_str_to_int64(rule->max, &bound) && length > bound);
}

static void check_default(struct sl_odcs_reader *reader, struct sl_place place,
                          const struct sl_rule *rule)
{
    const struct sl_contract_column *column = reader->column;
    const char *text = column->otherwise;
    long double value;

    if (strcmp(rule->kind, "not_in") == 0 && is_in(rule, column->type, text))
        complain(reader, place, "default", text, "is among its forbidden values");
    else if (strcmp(rule->kind, "enum") == 0 && !is_in(rule, column->type, text))
        complain(reader, place, "default", text, "is not among its valid values");
    else if (strcmp(rule->kind, "range") == 0 && sl_odcs_value(column->type, text, &value) &&
             !is_in_range(rule, column->type, value))
        complain(reader, place, "default", text, "is outside of its range");
    else if (strcmp(rule->kind, "length") == 0 && !is_in_length(rule, text))
        complain(reader, place, "default", text, "does not have a length that is allowed");
}

// Whether a value keeps a rule of one of these kinds; true of other kinds.
static bool keeps(const struct sl_rule *rule, struct sl_type type, const char *text)
{
    long double value;

    if (strcmp(rule->kind, "enum") == 0)
        return is_in(rule, type, text);
    if (strcmp(rule->kind, "not_in") == 0)
        return !is_in(rule, type, text);
    if (strcmp(rule->kind, "range") == 0)
        return !sl_odcs_value(type, text, &value) || is_in_range(rule, type, value);
    if (strcmp(rule->kind, "length") == 0)
        return is_in_length(rule, text);
    return true;
}

// All values of an enum break the other rule.
static bool is_emptied(const struct sl_rule *list, const struct sl_rule *rule, struct sl_type type)
{
    for (size_t i = 0; i < list->values.count; i++)
        if (keeps(rule, type, list->values.items[i]))
            return false;
    return list->values.count > 0;
}

// Two ranges, or one with itself, that have no value in common.
static bool is_empty_range(const struct sl_rule *low, const struct sl_rule *high,
                           struct sl_type type)
{
    long double min, max;

    return low->max && high->min && sl_odcs_value(type, low->max, &max) &&
           sl_odcs_value(type, high->min, &min) &&
           (max < min || (max == min && (low->is_max_exclusive || high->is_min_exclusive)));
}

static void check_pair(struct sl_odcs_reader *reader, const struct sl_rule *first,
                       const struct sl_rule *second)
{
    struct sl_type type = reader->column->type;
    bool are_ranges = strcmp(first->kind, "range") == 0 && strcmp(second->kind, "range") == 0;
    bool is_impossible = (strcmp(first->kind, "enum") == 0 && is_emptied(first, second, type)) ||
                         (strcmp(second->kind, "enum") == 0 && is_emptied(second, first, type)) ||
                         (are_ranges && (is_empty_range(first, second, type) ||
                                         is_empty_range(second, first, type)));

    if (is_impossible)
        sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, second->place, NULL,
                "column '%s': no value can keep both of its rules '%s' and '%s'",
                reader->column->name, first->id, second->id);
}

// A rule for all rows.
static bool is_strict(const struct sl_rule *rule)
{
    return rule->severity != SL_RULE_WARN && !rule->where && !rule->mostly;
}

static void check_rules(struct sl_odcs_reader *reader)
{
    const struct sl_contract_column *column = reader->column;

    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];

        if (rule->node && strcmp(rule->kind, "range") == 0 &&
            is_empty_range(rule, rule, column->type))
            sl_diag(&reader->project->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT,
                    sl_yaml_place(rule->node, "min"), NULL,
                    "column '%s': no value lies between the minimum %s and the maximum %s",
                    column->name, rule->min, rule->max);
        for (size_t k = 0; k < i; k++)
            if (is_strict(rule) && is_strict(&column->rules[k]))
                check_pair(reader, &column->rules[k], rule);
    }
}

static void check_enum(struct sl_odcs_reader *reader, const struct sl_rule *rule)
{
    long double value;

    for (size_t i = 0; i < rule->values.count; i++)
        if (!sl_odcs_value(reader->column->type, rule->values.items[i], &value))
            complain(reader, rule->place,
                     strcmp(rule->kind, "enum") == 0 ? "valid value" : "forbidden value",
                     rule->values.items[i], "is not of the column's type");
}

void sl_odcs_check_column(struct sl_odcs_reader *reader, struct sl_place default_place)
{
    const struct sl_contract_column *column = reader->column;
    long double value;

    for (size_t i = 0; i < column->rule_count; i++)
        if (strcmp(column->rules[i].kind, "enum") == 0 ||
            strcmp(column->rules[i].kind, "not_in") == 0)
            check_enum(reader, &column->rules[i]);
    check_rules(reader);
    sl_odcs_check_counts(reader);
    // A default is read as if it came from the source: in a declared format it is the engine's
    // affair.
    if (!column->otherwise || column->formats.count)
        return;
    if (!sl_odcs_value(column->type, column->otherwise, &value)) {
        complain(reader, default_place, "default", column->otherwise,
                 "is not of the column's type");
        return;
    }
    for (size_t i = 0; i < column->rule_count; i++)
        if (is_strict(&column->rules[i]))
            check_default(reader, default_place, &column->rules[i]);
}
