// Pairs of rules that no row can break together: of one the row has no value where the other needs
// one. What is not proven here may still be impossible.
#include "contract/rule.h"
#include "run/generate_job.h"

#include <string.h>

static bool is_one_of(const struct sl_pass_rule *rule, const char *const *kinds)
{
    for (size_t i = 0; rule->kind && kinds[i]; i++)
        if (sl_str_equal(rule->kind, kinds[i]))
            return true;
    return false;
}

// Rules that look at the value as its type, and those that look at the text. A row without the
// value breaks none of them, one whose value is none of its type none of the first.
static const char *const of_values[] = {
    "enum",        "not_in",     "range",        "multiple_of",  "decimal_places",
    "past",        "future",     "age",          "weekday",      "absent_if",
    "foreign_key", "compare",    "different",    "in_order",     "sum_of",
    "product_of",  "item_count", "unique_items", "member_count", "required_members",
    NULL};
static const char *const of_texts[] = {
    "length", "pattern", "not_pattern", "format",    "prefix",     "suffix",    "contains",
    "case",   "trimmed", "digits",      "printable", "json_valid", "json_keys", NULL};

// All of the columns that a rule is over must have a value for it to be broken: of these kinds the
// first alone, or the only one that there is, or both.
static bool needs_column(const struct sl_pass_rule *rule, const char *path)
{
    const struct sl_strs *columns = rule->rule ? &rule->rule->columns : NULL;
    if (!columns || columns->count == 0)
        return rule->column && sl_str_equal(rule->column, path);
    bool is_total = sl_str_equal(rule->kind, "sum_of");
    bool is_subject = is_total || sl_str_equal(rule->kind, "absent_if");
    bool is_few = columns->count == 2 || sl_str_equal(rule->kind, "product_of") ||
                  sl_str_equal(rule->kind, "foreign_key");
    for (size_t i = 0; i < (is_subject ? 1 : is_few ? columns->count : columns->count == 1); i++)
        if (sl_str_equal(columns->items[i], path))
            return true;
    return false;
}

// "a.b" is in "a".
static bool is_inside(const char *inner, const char *outer)
{
    size_t length = strlen(outer);
    return inner && strncmp(inner, outer, length) == 0 &&
           (inner[length] == '.' || inner[length] == '[');
}

static bool excludes(const struct sl_pass_rule *none, const struct sl_pass_rule *other)
{
    bool is_required = none->kind && sl_str_equal(none->kind, "required");
    bool is_type = none->kind && sl_str_equal(none->kind, "type");
    // Of an array one item may break the one rule and another item the other.
    if ((!is_required && !is_type) || !none->column || strstr(none->column, "[]"))
        return false;
    bool is_same = other->column && sl_str_equal(other->column, none->column);
    bool is_of_value = is_one_of(other, of_values), is_of_text = is_one_of(other, of_texts);
    if (is_same && other->kind && sl_str_equal(other->kind, is_required ? "type" : "required"))
        return true;
    if (is_inside(other->column, none->column))
        return is_of_value || is_of_text ||
               (other->kind &&
                (sl_str_equal(other->kind, "required") || sl_str_equal(other->kind, "type")));
    return (is_of_value || (is_required && is_of_text)) && needs_column(other, none->column);
}

// Before and after the same moment.
static bool are_opposite(const struct sl_pass_rule *a, const struct sl_pass_rule *b)
{
    return a->kind && b->kind && sl_str_equal(a->kind, "past") && sl_str_equal(b->kind, "future") &&
           sl_str_equal(a->column, b->column) && !strstr(a->column, "[]");
}

static bool has_all(const struct sl_strs *many, const struct sl_strs *few)
{
    for (size_t i = 0; i < few->count; i++)
        if (!sl_strs_has(many, few->items[i]))
            return false;
    return true;
}

// None of the columns has a value; of others that are among them two have one, or some.
static bool is_none_of(const struct sl_pass_rule *a, const struct sl_pass_rule *b)
{
    return a->kind && b->kind && a->rule && b->rule && sl_str_equal(a->kind, "one_of_columns") &&
           !sl_str_equal(a->rule->operation, "exactly") &&
           (sl_str_equal(b->kind, "not_both") || sl_str_equal(b->kind, "all_or_none")) &&
           has_all(&a->rule->columns, &b->rule->columns);
}

bool sl_generate_are_exclusive(const struct sl_generated *made,
                               const struct sl_generate_target *target)
{
    const struct sl_pass *pass = &made->pass;
    if (target->count < 2 || sl_generate_is_unique(made, target->rules[0]) ||
        sl_generate_is_unique(made, target->rules[1]))
        return false;
    const struct sl_pass_rule *a = &pass->rules[target->rules[0]];
    const struct sl_pass_rule *b = &pass->rules[target->rules[1]];
    return excludes(a, b) || excludes(b, a) || are_opposite(a, b) || are_opposite(b, a) ||
           is_none_of(a, b) || is_none_of(b, a);
}
