#include "contract/flag.h"

#include "base/clock.h"
#include "base/matches.h"
#include "contract/rule.h"

#include <string.h>

// Longer patterns stay apart: what the engine compiles of one is limited.
enum { LONGEST_PATTERN = 500 };
// A constant costs a tenth of a millisecond before the pass begins, one for each value and rule.
enum { LONGEST_LIST = 20 };

#define BLANKS "[ \\t\\r\\n\\x{A0}]"

// A condition, or a part of the rows, may let a row pass that another rule would flag.
static bool is_plain(const struct sl_pass_rule *rule)
{
    return !rule->is_warning && rule->flag && !(rule->rule && rule->rule->where);
}

static struct sl_pass_rule *find(struct sl_pass_rule *rules, size_t count, const char *kind)
{
    for (size_t i = 0; i < count; i++)
        if (is_plain(&rules[i]) && sl_str_equal(rules[i].kind, kind))
            return &rules[i];
    return NULL;
}

// A required value is missing, or is none of the type: in both cases there is no value.
static int join_own(const struct sl_reading *reading, struct sl_pass_rule *rules, size_t count,
                    struct sl_arena *arena, struct sl_err *err)
{
    struct sl_pass_rule *required = find(rules, count, "required");
    struct sl_pass_rule *type = find(rules, count, "type");
    if (!required || !type)
        return SL_OK;
    type->flag = sl_arena_printf(arena, "%s is null", reading->value);
    SL_TRY_NEW(type->flag, err);
    required->flag = NULL;
    return SL_OK;
}

// Whether `b` is truly above `a`: the nearest doubles of two numbers keep their order or are equal.
static bool is_above(const struct sl_reading *reading, const char *a, const char *b)
{
    double x, y;
    int64_t at, bt;
    if (sl_reading_has_years(reading->column->type.kind))
        return sl_clock_parse(a, &at) == 0 && sl_clock_parse(b, &bt) == 0 && at < bt;
    return sl_str_to_double(a, &x) && sl_str_to_double(b, &y) && x < y;
}

static bool is_number(enum sl_type_kind kind)
{
    return kind == SL_TYPE_INTEGER || kind == SL_TYPE_DECIMAL || kind == SL_TYPE_DOUBLE;
}

static bool is_looser(const struct sl_reading *reading, const struct sl_rule *rule,
                      struct sl_pass_rule *rules, size_t count)
{
    bool has_min = !rule->min, has_max = !rule->max;
    for (size_t i = 0; i < count; i++) {
        const struct sl_rule *other = rules[i].rule;
        if (!other || !sl_str_equal(rules[i].kind, "range") || rules[i].is_warning || other->where)
            continue;
        has_min |= other->min && rule->min && is_above(reading, rule->min, other->min);
        has_max |= other->max && rule->max && is_above(reading, other->max, rule->max);
    }
    return has_min && has_max;
}

// The tightest bound is never dropped, for none is tighter.
static void drop_looser_ranges(const struct sl_reading *reading, struct sl_pass_rule *rules,
                               size_t count)
{
    enum sl_type_kind kind = reading->column->type.kind;
    if (!is_number(kind) && !sl_reading_has_years(kind))
        return;
    for (size_t i = 0; i < count; i++)
        if (rules[i].rule && is_plain(&rules[i]) && sl_str_equal(rules[i].kind, "range") &&
            is_looser(reading, rules[i].rule, rules, count))
            rules[i].flag = NULL;
}

// Whether it has a brace outside of brackets, where one is a character.
static bool has_repetition(const char *pattern)
{
    bool is_in_class = false;
    for (const char *at = pattern; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '{' && !is_in_class)
            return true;
        else if (*at == '[' && !is_in_class) {
            is_in_class = true;
            // The first one, or the first after ^, is a member and does not end them.
            at += at[1] == '^';
            at += at[1] == ']';
        } else if (*at == ']') {
            is_in_class = false;
        }
    }
    return false;
}

// The pattern that a text which breaks the rule has somewhere; NULL: it is not said by one.
static const char *pattern_of(const struct sl_pass_rule *rule)
{
    if (sl_str_equal(rule->kind, "printable"))
        return "\\p{Cc}";
    if (sl_str_equal(rule->kind, "trimmed"))
        return "^" BLANKS "|" BLANKS "$";
    if (!sl_str_equal(rule->kind, "not_pattern") || !rule->rule || !rule->rule->text)
        return NULL;
    // A quotation may be left open, and counted repetitions become large.
    bool is_apart = strstr(rule->rule->text, "\\Q") || has_repetition(rule->rule->text) ||
                    strlen(rule->rule->text) > LONGEST_PATTERN;
    return is_apart ? NULL : rule->rule->text;
}

// One look at the text for all patterns that it must not have.
static int join_patterns(const struct sl_reading *reading, struct sl_pass_rule *rules, size_t count,
                         struct sl_arena *arena, struct sl_err *err)
{
    SL_AUTO(sl_buf_clear) struct sl_buf pattern = SL_BUF_INIT;
    SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
    struct sl_reading quick;
    struct sl_pass_rule *last = NULL;
    size_t joined = 0;
    for (size_t i = 0; i < count && pattern.length < LONGEST_PATTERN; i++) {
        const char *own = is_plain(&rules[i]) ? pattern_of(&rules[i]) : NULL;
        if (!own)
            continue;
        sl_buf_addf(&pattern, "%s(?:%s)", joined++ ? "|" : "", own);
    }
    if (joined < 2)
        return SL_OK;
    SL_TRY(sl_buf_check(&pattern, err));
    SL_TRY(sl_reading_flagged(reading, arena, &quick, err));
    for (size_t i = 0; i < count && joined > 0; i++)
        if (is_plain(&rules[i]) && pattern_of(&rules[i])) {
            last = &rules[i];
            last->flag = NULL;
            joined--;
        }
    bool is_guarded = quick.guard && !quick.is_required;
    sl_buf_addf(&sql, "%s%s", is_guarded ? quick.guard : "", is_guarded ? " and " : "");
    sl_buf_add_sql_matches(&sql, quick.text, pattern.text);
    SL_TRY(sl_buf_check(&sql, err));
    last->flag = sl_arena_strndup(arena, sql.text, sql.length);
    return last->flag ? SL_OK : sl_fail_memory(err);
}

// Kinds that look at nothing but the text.
static bool is_of_text(const struct sl_pass_rule *rule)
{
    static const char *const kinds[] = {"length", "case",      "pattern",  "not_pattern", "format",
                                        "prefix", "suffix",    "contains", "not_in",      "enum",
                                        "digits", "printable", "trimmed"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (sl_str_equal(rule->kind, kinds[i]))
            return rule->rule && is_plain(rule);
    return false;
}

// Whether one of the listed values breaks the rule, in constants, which the engine computes before
// it begins.
static int any_breaks(const struct sl_reading *reading, const struct sl_strs *values,
                      const struct sl_pass_rule *rule, struct sl_arena *arena, struct sl_buf *sql,
                      struct sl_err *err)
{
    SL_AUTO(sl_diags_clear) struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_reading constant = *reading;
    struct sl_rule_site site = {
        .rule = rule->rule, .reading = &constant, .arena = arena, .diags = &diags};
    for (size_t i = 0; i < values->count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf literal = SL_BUF_INIT;
        SL_AUTO(sl_buf_clear) struct sl_buf broken = SL_BUF_INIT;
        SL_AUTO(sl_buf_clear) struct sl_buf message = SL_BUF_INIT;
        sl_buf_add_sql_string(&literal, values->items[i]);
        SL_TRY(sl_buf_check(&literal, err));
        constant.text = constant.value = literal.text;
        if (!sl_rule_compile(sl_rule_kind_find(rule->kind), &site, &broken, &message))
            return sl_fail(err, SL_E_INTERNAL, "rule '%s' compiles once only", rule->name);
        SL_TRY(sl_buf_check(&broken, err));
        sl_buf_addf(sql, "%scoalesce(%s, false)", i ? " or " : "", broken.text);
    }
    return SL_OK;
}

// A text that is one of a list breaks no rule that none of the list breaks; one that is not is
// flagged already.
static int trust_list(const struct sl_reading *reading, struct sl_pass_rule *rules, size_t count,
                      bool *ret_is_trusted, struct sl_arena *arena, struct sl_err *err)
{
    const struct sl_pass_rule *list = find(rules, count, "enum");
    *ret_is_trusted = list && list->rule && list->rule->values.count <= LONGEST_LIST;
    for (size_t i = 0; i < count && *ret_is_trusted; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        if (&rules[i] == list || !is_of_text(&rules[i]) || sl_str_equal(rules[i].kind, "enum"))
            continue;
        sl_buf_add(&sql, "(");
        SL_TRY(any_breaks(reading, &list->rule->values, &rules[i], arena, &sql, err));
        sl_buf_addf(&sql, ") and (%s)", rules[i].flag);
        SL_TRY(sl_buf_check(&sql, err));
        rules[i].flag = sl_arena_strndup(arena, sql.text, sql.length);
        SL_TRY_NEW(rules[i].flag, err);
    }
    return SL_OK;
}

// A function of a column that Parquet holds as a dictionary is computed for the dictionary, a list
// behind IN for each row.
static int look_up_lists(const struct sl_reading *quick, struct sl_pass_rule *rules, size_t count,
                         struct sl_arena *arena, struct sl_err *err)
{
    bool is_guarded = quick->guard && !quick->is_required;
    for (size_t i = 0; i < count; i++) {
        SL_AUTO(sl_buf_clear) struct sl_buf sql = SL_BUF_INIT;
        bool is_enum = sl_str_equal(rules[i].kind, "enum");
        if (!is_of_text(&rules[i]) || (!is_enum && !sl_str_equal(rules[i].kind, "not_in")))
            continue;
        sl_buf_addf(&sql, "%s%s%slist_contains([", is_guarded ? quick->guard : "",
                    is_guarded ? " and " : "", is_enum ? "not " : "");
        for (size_t k = 0; k < rules[i].rule->values.count; k++) {
            sl_buf_add(&sql, k ? ", " : "");
            sl_buf_add_sql_string(&sql, rules[i].rule->values.items[k]);
        }
        sl_buf_addf(&sql, "], %s)", quick->text);
        SL_TRY(sl_buf_check(&sql, err));
        rules[i].flag = sl_arena_strndup(arena, sql.text, sql.length);
        SL_TRY_NEW(rules[i].flag, err);
    }
    return SL_OK;
}

// What only holds where the text as received is the value.
static int shorten_text(const struct sl_reading *reading, struct sl_pass_rule *rules, size_t count,
                        struct sl_arena *arena, struct sl_err *err)
{
    struct sl_reading quick;
    bool is_trusted = false;
    SL_TRY(sl_reading_flagged(reading, arena, &quick, err));
    if (quick.text == quick.value && sl_str_equal(reading->raw_type, "VARCHAR")) {
        SL_TRY(look_up_lists(&quick, rules, count, arena, err));
        SL_TRY(trust_list(reading, rules, count, &is_trusted, arena, err));
    }
    // Of a list that is trusted nothing is left to join, or too little to be told apart.
    return is_trusted ? SL_OK : join_patterns(reading, rules, count, arena, err);
}

int sl_flag_shorten(const struct sl_reading *reading, struct sl_pass_rule *rules, size_t count,
                    struct sl_arena *arena, struct sl_err *err)
{
    // One form for all rows, or other rules see another value than those that set it aside.
    if (reading->nest || reading->is_set_aside)
        return SL_OK;
    SL_TRY(join_own(reading, rules, count, arena, err));
    drop_looser_ranges(reading, rules, count);
    return shorten_text(reading, rules, count, arena, err);
}
