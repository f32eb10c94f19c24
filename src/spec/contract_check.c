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

    if (strcmp(rule->kind, "enum") == 0 && !is_in(rule, column->type, text))
        complain(reader, place, "default", text, "is not among its valid values");
    else if (strcmp(rule->kind, "range") == 0 && sl_odcs_value(column->type, text, &value) &&
             !is_in_range(rule, column->type, value))
        complain(reader, place, "default", text, "is outside of its range");
    else if (strcmp(rule->kind, "length") == 0 && !is_in_length(rule, text))
        complain(reader, place, "default", text, "does not have a length that is allowed");
}

static void check_enum(struct sl_odcs_reader *reader, const struct sl_rule *rule)
{
    long double value;

    for (size_t i = 0; i < rule->values.count; i++)
        if (!sl_odcs_value(reader->column->type, rule->values.items[i], &value))
            complain(reader, rule->place, "valid value", rule->values.items[i],
                     "is not of the column's type");
}

void sl_odcs_check_column(struct sl_odcs_reader *reader, struct sl_place default_place)
{
    const struct sl_contract_column *column = reader->column;
    long double value;

    for (size_t i = 0; i < column->rule_count; i++)
        if (strcmp(column->rules[i].kind, "enum") == 0)
            check_enum(reader, &column->rules[i]);
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
        if (column->rules[i].severity == SL_RULE_REJECT)
            check_default(reader, default_place, &column->rules[i]);
}
