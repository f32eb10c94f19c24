#include "base/automaton.h"
#include "contract/possible.h"
#include "contract/rule.h"

#include <string.h>

// The texts that one rule takes; NULL in *ret for rules of which that is not known.
static int texts_of(const struct sl_possible *possible, const struct sl_rule *rule,
                    struct sl_automaton **ret, struct sl_err *err)
{
    struct sl_arena *arena = possible->arena;
    int64_t least = 0, most = SL_PATTERN_ENDLESS;
    *ret = NULL;
    if (sl_str_equal(rule->kind, "pattern") && rule->text)
        return sl_automaton_of_pattern(rule->text, SL_REACH_ANYWHERE, arena, ret, err);
    if (sl_str_equal(rule->kind, "format")) {
        const char *pattern = sl_format_pattern(rule->text);
        return pattern ? sl_automaton_of_pattern(pattern, SL_REACH_WHOLE, arena, ret, err) : SL_OK;
    }
    if (sl_str_equal(rule->kind, "enum"))
        return sl_automaton_of_texts(&rule->values, SL_REACH_WHOLE, arena, ret, err);
    // Other characters than those of ASCII may have a case or none.
    if (sl_str_equal(rule->kind, "case"))
        return sl_automaton_of_pattern(sl_str_equal(rule->text, "upper") ? "[^a-z]*" : "[^A-Z]*",
                                       SL_REACH_WHOLE, arena, ret, err);
    if (sl_str_equal(rule->kind, "digits"))
        return sl_automaton_of_pattern("[0-9]+", SL_REACH_WHOLE, arena, ret, err);
    if (sl_str_equal(rule->kind, "prefix"))
        return sl_automaton_of_texts(&rule->values, SL_REACH_FRONT, arena, ret, err);
    if (sl_str_equal(rule->kind, "suffix"))
        return sl_automaton_of_texts(&rule->values, SL_REACH_BACK, arena, ret, err);
    if (sl_str_equal(rule->kind, "contains"))
        return sl_automaton_of_texts(&rule->values, SL_REACH_ANYWHERE, arena, ret, err);
    if (!sl_str_equal(rule->kind, "length") || (rule->min && !sl_str_to_int64(rule->min, &least)) ||
        (rule->max && !sl_str_to_int64(rule->max, &most)))
        return SL_OK;
    return sl_automaton_of_length(least, most, arena, ret, err);
}

// The reader of the contract compares these with each other.
static bool is_compared_before(const struct sl_rule *a, const struct sl_rule *b)
{
    bool has_list = sl_str_equal(a->kind, "enum") || sl_str_equal(b->kind, "enum");
    bool has_length = sl_str_equal(a->kind, "length") || sl_str_equal(b->kind, "length");
    return has_list && has_length;
}

// A digit is in whatever can be read as one of these.
static bool needs_digit(const struct sl_contract_column *column)
{
    enum sl_type_kind kind = column->type.kind;
    return !column->formats.count &&
           (kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DATE ||
            kind == SL_TYPE_TIMESTAMP || kind == SL_TYPE_TIMESTAMP_NTZ || kind == SL_TYPE_TIME);
}

static int check_alone(const struct sl_possible *possible, const struct sl_contract_column *column,
                       const struct sl_rule *rule, const struct sl_automaton *texts,
                       struct sl_err *err)
{
    struct sl_automaton *all, *digits;
    bool is_empty, has_no_digit = false;
    SL_TRY(sl_automaton_of_length(0, SL_PATTERN_ENDLESS, possible->arena, &all, err));
    SL_TRY(sl_automaton_of_pattern("[0-9]", SL_REACH_ANYWHERE, possible->arena, &digits, err));
    SL_TRY(sl_automata_exclude(texts, all, possible->arena, &is_empty, err));
    if (needs_digit(column))
        SL_TRY(sl_automata_exclude(texts, digits, possible->arena, &has_no_digit, err));
    if (is_empty)
        sl_diag(possible->diags, SL_SEVERITY_ERROR, SL_E_RULE, rule->place, NULL,
                "rule '%s': there is no text that it takes, so that nothing can pass", rule->id);
    else if (has_no_digit)
        sl_diag(possible->diags, SL_SEVERITY_ERROR, SL_E_CONTRACT, rule->place, NULL,
                "column '%s': no value of its type can keep its rule '%s'",
                sl_contract_path(column), rule->id);
    return SL_OK;
}

// The texts that all of the rules but one take; rules of which they are not known do not count.
// NULL if that is not known.
static int meet_all(const struct sl_possible *possible, struct sl_automaton *const *texts,
                    size_t count, size_t but, struct sl_automaton **ret, struct sl_err *err)
{
    *ret = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!texts[i] || i == but)
            continue;
        if (!*ret)
            *ret = texts[i];
        else
            SL_TRY(sl_automata_meet(*ret, texts[i], possible->arena, ret, err));
        if (!*ret)
            return SL_OK;
    }
    return SL_OK;
}

static int is_empty(const struct sl_possible *possible, const struct sl_automaton *texts, bool *ret,
                    struct sl_err *err)
{
    struct sl_automaton *all;
    *ret = false;
    if (!texts)
        return SL_OK;
    SL_TRY(sl_automaton_of_length(0, SL_PATTERN_ENDLESS, possible->arena, &all, err));
    return sl_automata_exclude(texts, all, possible->arena, ret, err);
}

// Of rules that exclude each other only together those without which there is a text left.
static int check_together(const struct sl_possible *possible,
                          const struct sl_contract_column *column, struct sl_automaton **texts,
                          struct sl_err *err)
{
    const struct sl_rule **rules =
        SL_NEW_ARRAY(possible->arena, const struct sl_rule *, column->rule_count);
    struct sl_automaton *whole;
    bool is_none;
    size_t count = 0;
    SL_TRY_NEW(rules, err);
    SL_TRY(meet_all(possible, texts, column->rule_count, SIZE_MAX, &whole, err));
    SL_TRY(is_empty(possible, whole, &is_none, err));
    for (size_t i = 0; i < column->rule_count && is_none; i++) {
        bool is_still = false;
        if (!texts[i])
            continue;
        SL_TRY(meet_all(possible, texts, column->rule_count, i, &whole, err));
        SL_TRY(is_empty(possible, whole, &is_still, err));
        if (is_still)
            texts[i] = NULL;
        else
            rules[count++] = &column->rules[i];
    }
    return count > 2 ? sl_possible_excludes_all(possible, column, rules, count, err) : SL_OK;
}

static int check_column(const struct sl_possible *possible, const struct sl_contract_column *column,
                        struct sl_err *err)
{
    struct sl_automaton **texts =
        SL_NEW_ARRAY(possible->arena, struct sl_automaton *, column->rule_count);
    size_t known = 0, told = possible->diags->count;
    bool is_text = column->type.kind == SL_TYPE_TEXT;
    SL_TRY_NEW(texts, err);
    for (size_t i = 0; i < column->rule_count; i++) {
        const struct sl_rule *rule = &column->rules[i];
        bool is_judged = is_text || sl_str_equal(rule->kind, "pattern");
        texts[i] = NULL;
        if (sl_possible_is_strict(rule) && is_judged)
            SL_TRY(texts_of(possible, rule, &texts[i], err));
        if (texts[i])
            SL_TRY(check_alone(possible, column, rule, texts[i], err));
        known += texts[i] != NULL;
    }
    for (size_t i = 0; i < column->rule_count; i++)
        for (size_t k = 0; k < i; k++) {
            bool is_excluded = false;
            if (texts[i] && texts[k] && !is_compared_before(&column->rules[i], &column->rules[k]))
                SL_TRY(sl_automata_exclude(texts[k], texts[i], possible->arena, &is_excluded, err));
            if (is_excluded)
                sl_possible_excludes(possible, column, &column->rules[k], &column->rules[i]);
        }
    if (known > 2 && possible->diags->count == told)
        return check_together(possible, column, texts, err);
    return SL_OK;
}

static int check_columns(const struct sl_possible *possible,
                         const struct sl_contract_column *columns, size_t count, struct sl_err *err)
{
    for (size_t i = 0; i < count; i++) {
        SL_TRY(check_column(possible, &columns[i], err));
        SL_TRY(check_columns(possible, columns[i].fields, columns[i].field_count, err));
    }
    return SL_OK;
}

int sl_possible_texts(const struct sl_possible *possible, struct sl_err *err)
{
    return check_columns(possible, possible->table->columns, possible->table->column_count, err);
}
