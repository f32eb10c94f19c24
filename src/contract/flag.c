#include "contract/flag.h"

#include "base/clock.h"

#include <string.h>

// Longer patterns stay apart: what the engine compiles of one is limited.
enum { LONGEST_PATTERN = 500 };

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
    bool is_apart = strstr(rule->rule->text, "\\Q") || strchr(rule->rule->text, '{') ||
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
    sl_buf_addf(&sql, "%s%sregexp_matches(%s, ", is_guarded ? quick.guard : "",
                is_guarded ? " and " : "", quick.text);
    sl_buf_add_sql_string(&sql, pattern.text);
    sl_buf_add(&sql, ")");
    SL_TRY(sl_buf_check(&sql, err));
    last->flag = sl_arena_strndup(arena, sql.text, sql.length);
    return last->flag ? SL_OK : sl_fail_memory(err);
}

int sl_flag_shorten(const struct sl_reading *reading, struct sl_pass_rule *rules, size_t count,
                    struct sl_arena *arena, struct sl_err *err)
{
    // One form for all rows, or other rules see another value than those that set it aside.
    if (reading->nest || reading->is_set_aside)
        return SL_OK;
    SL_TRY(join_own(reading, rules, count, arena, err));
    drop_looser_ranges(reading, rules, count);
    return join_patterns(reading, rules, count, arena, err);
}
