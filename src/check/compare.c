// How a check stands to one that was there before: what each argument means says its kind.
#include "check/compare.h"

#include "check/must.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct sl_yaml *kind_key(const struct sl_yaml *item, const struct sl_yaml **ret)
{
    *ret = NULL;
    if (item->kind != SL_YAML_MAP)
        return item;
    for (size_t i = 0; i < item->count; i++)
        if (item->count == 1 || !sl_check_is_common(item->keys[i]->text)) {
            *ret = item->items[i]->kind == SL_YAML_NULL ? NULL : item->items[i];
            return item->keys[i];
        }
    return item;
}

// --- Bounds of the measure

static struct sl_span_limits limits_of(const struct sl_check_pair *pair,
                                       const struct sl_check_side *side)
{
    struct sl_span_limits limits = {.min = -INFINITY, .max = INFINITY};
    if (pair->kind->numbers == SL_CHECK_COUNT)
        limits = (struct sl_span_limits){0, INFINITY, true};
    if (pair->kind->numbers == SL_CHECK_SHARE)
        limits = (struct sl_span_limits){0, 1, false};
    for (const struct sl_check_term *term = pair->kind->terms; term->argument; term++) {
        const char *unit = term->sense == SL_CHECK_UNIT ? sl_check_text_of(pair, side, term) : NULL;
        if (unit && sl_str_equal_nocase(unit, "percent"))
            limits = (struct sl_span_limits){0, 100, false};
        if (sl_str_equal(unit, "true"))
            limits = (struct sl_span_limits){0, 1, false};
    }
    return limits;
}

static bool has_bounds(const struct sl_yaml *arguments)
{
    return sl_yaml_get(arguments, "min") || sl_yaml_get(arguments, "max") ||
           sl_yaml_get(arguments, "equals");
}

// Of a text in quotes it is not known whether the column has numbers.
static bool narrow(const struct sl_check_pair *pair, struct sl_check_side *side,
                   const struct sl_check_term *term)
{
    const struct sl_yaml *node = sl_yaml_get(side->arguments, term->argument);
    const char *text = node ? node->text : has_bounds(side->arguments) ? NULL : term->otherwise;
    struct sl_span span = {.min = -INFINITY, .max = INFINITY};
    double value, number;
    if (!text)
        return true;
    if (!sl_check_read_value(text, &value) || (pair->kind->numbers == SL_CHECK_VALUE && node &&
                                               node->is_quoted && sl_str_to_double(text, &number)))
        return false;
    if (!sl_str_equal(term->argument, "max"))
        span.min = value;
    if (!sl_str_equal(term->argument, "min"))
        span.max = value;
    sl_spans_narrow(&side->spans, &span);
    return true;
}

static void read_spans(const struct sl_check_pair *pair, struct sl_check_side *side)
{
    const struct sl_span_limits limits = limits_of(pair, side);
    side->has_spans = true;
    sl_spans_init(&side->spans);
    for (const struct sl_check_term *term = pair->kind->terms; term->argument; term++) {
        if (term->sense == SL_CHECK_OPERATOR)
            side->has_spans &= sl_check_must_spans(side->arguments, &side->spans);
        if (term->sense == SL_CHECK_BOUND)
            side->has_spans &= narrow(pair, side, term);
    }
    sl_spans_limit(&side->spans, &limits);
}

// Numbers here and dates there: the column has become another.
static bool are_comparable(const struct sl_check_pair *pair)
{
    static const char *const keys[] = {"min", "max", "equals"};
    int kinds = 0;
    double number;
    for (size_t i = 0; i < 3; i++) {
        const struct sl_yaml *nodes[] = {sl_yaml_get(pair->before.arguments, keys[i]),
                                         sl_yaml_get(pair->now.arguments, keys[i])};
        for (size_t k = 0; k < 2; k++)
            if (nodes[k])
                kinds |= sl_str_to_double(nodes[k]->text, &number) ? 1 : 2;
    }
    return pair->before.has_spans && pair->now.has_spans && kinds != 3;
}

static enum sl_check_order compare_bounds(const struct sl_check_pair *pair)
{
    static const char *const keys[] = {"min", "max", "equals"};
    if (are_comparable(pair))
        return sl_check_order_of(sl_spans_are_within(&pair->now.spans, &pair->before.spans),
                                 sl_spans_are_within(&pair->before.spans, &pair->now.spans));
    enum sl_check_order order = SL_CHECK_AS_BEFORE;
    for (size_t i = 0; i < 3; i++) {
        const struct sl_yaml *a = sl_yaml_get(pair->before.arguments, keys[i]);
        const struct sl_yaml *b = sl_yaml_get(pair->now.arguments, keys[i]);
        bool is_same = a && b && sl_str_equal(a->text, b->text) && a->is_quoted == b->is_quoted;
        if (a != b && !is_same)
            order = sl_check_together(order, sl_check_order_of(!a, !b));
    }
    return order;
}

// What a greater measure means under the bounds of both: AS_BEFORE where they differ in kind.
static enum sl_check_order when_greater(const struct sl_check_pair *pair)
{
    const struct sl_span_limits limits = limits_of(pair, &pair->now);
    const struct sl_check_side *sides[] = {&pair->before, &pair->now};
    bool is_from_above = true, is_from_below = true;
    for (size_t i = 0; i < 2; i++) {
        const struct sl_spans *spans = &sides[i]->spans;
        bool is_one = sides[i]->has_spans && spans->count == 1;
        is_from_above &=
            is_one && spans->items[0].min == limits.min && !spans->items[0].is_min_open;
        is_from_below &=
            is_one && spans->items[0].max == limits.max && !spans->items[0].is_max_open;
    }
    return is_from_above == is_from_below ? SL_CHECK_ANOTHER
           : is_from_above                ? SL_CHECK_STRICTER
                                          : SL_CHECK_WEAKER;
}

// `order`: STRICTER if the measure has become greater, or stays as it is.
static enum sl_check_order by_measure(const struct sl_check_pair *pair, enum sl_check_order order)
{
    enum sl_check_order greater = when_greater(pair);
    if (order == SL_CHECK_AS_BEFORE || order == SL_CHECK_ANOTHER || greater == SL_CHECK_ANOTHER)
        return order == SL_CHECK_AS_BEFORE ? order : SL_CHECK_ANOTHER;
    return greater == SL_CHECK_STRICTER ? order : sl_check_turned(order);
}

// --- All of it

static enum sl_check_order compare_term(const struct sl_check_pair *pair,
                                        const struct sl_check_term *term)
{
    switch (term->sense) {
    case SL_CHECK_FIXED:
    case SL_CHECK_UNIT:
        return sl_check_is_fixed(pair, term) ? SL_CHECK_AS_BEFORE : SL_CHECK_ANOTHER;
    case SL_CHECK_SET:
        return sl_check_compare_lists(pair, term) == SL_CHECK_AS_BEFORE ? SL_CHECK_AS_BEFORE
                                                                        : SL_CHECK_ANOTHER;
    case SL_CHECK_LESS:
        return sl_check_compare_less(pair, term);
    case SL_CHECK_FEWER:
        return sl_check_compare_lists(pair, term);
    case SL_CHECK_MORE:
        return sl_check_turned(sl_check_compare_lists(pair, term));
    case SL_CHECK_FLAG:
        return sl_check_compare_flag(pair, term);
    case SL_CHECK_SHARES:
        return sl_check_compare_shares(pair, term);
    case SL_CHECK_GRAIN:
        return sl_check_compare_grain(pair, term);
    case SL_CHECK_RAISES:
        return by_measure(pair, sl_check_turned(sl_check_compare_less(pair, term)));
    case SL_CHECK_RAISES_BY_LIST:
        return by_measure(pair, sl_check_turned(sl_check_compare_lists(pair, term)));
    case SL_CHECK_LOWERS_BY_LIST:
        return by_measure(pair, sl_check_compare_lists(pair, term));
    case SL_CHECK_BOUND:
    case SL_CHECK_OPERATOR:
        return SL_CHECK_AS_BEFORE; // all of them together
    }
    return SL_CHECK_ANOTHER;
}

static bool is_known(const struct sl_check_kind *kind, const char *path, bool *ret_is_map)
{
    size_t length = strlen(path);
    bool is_found = false;
    *ret_is_map = false;
    for (const struct sl_check_term *term = kind->terms; term->argument; term++) {
        is_found |= sl_str_equal(term->argument, path) || sl_str_equal(term->alias, path) ||
                    (term->sense == SL_CHECK_OPERATOR && sl_check_is_operator(path));
        *ret_is_map |= sl_str_starts(term->argument, path) && term->argument[length] == '.';
    }
    return is_found;
}

// Arguments that the kind knows nothing of: the standard allows any.
static bool has_the_same_rest(const struct sl_check_kind *kind, const struct sl_yaml *a,
                              const struct sl_yaml *b, const char *prefix)
{
    for (size_t i = 0; a && a->kind == SL_YAML_MAP && i < a->count; i++) {
        char path[128];
        bool is_map;
        const struct sl_yaml *other = sl_yaml_get(b, a->keys[i]->text);
        (void)snprintf(path, sizeof path, "%s%s", prefix, a->keys[i]->text);
        if (is_known(kind, path, &is_map))
            continue;
        if (is_map) {
            (void)snprintf(path, sizeof path, "%s%s.", prefix, a->keys[i]->text);
            if (!has_the_same_rest(kind, a->items[i], other, path))
                return false;
        } else if (!other || !sl_check_are_same(a->items[i], other)) {
            return false;
        }
    }
    return true;
}

static bool is_subject(enum sl_check_sense sense)
{
    return sense == SL_CHECK_FIXED || sense == SL_CHECK_SET || sense == SL_CHECK_UNIT;
}

static double mostly_of(const struct sl_yaml *item)
{
    const struct sl_yaml *node = sl_yaml_get(item, "mostly");
    double share;
    return node && sl_str_to_double(node->text, &share) ? share : 1;
}

static const char *where_of(const struct sl_yaml *item)
{
    const struct sl_yaml *node = sl_yaml_get(item, "where");
    return node ? node->text : NULL;
}

// A claim about all rows holds of those for which a condition is true.
static enum sl_check_order compare_rows(const struct sl_check_pair *pair)
{
    const char *old = where_of(pair->before.item), *new = where_of(pair->now.item);
    double was = mostly_of(pair->before.item), is = mostly_of(pair->now.item);
    enum sl_check_order order = sl_check_order_of(is >= was, is <= was);
    if (sl_str_equal(old, new))
        return order;
    if ((old && new) || !pair->kind->holds_of_parts || was < 1 || is < 1)
        return SL_CHECK_ANOTHER;
    return old ? SL_CHECK_STRICTER : SL_CHECK_WEAKER;
}

static bool read_pair(const struct sl_yaml *before, const struct sl_yaml *now,
                      struct sl_check_pair *ret)
{
    *ret = (struct sl_check_pair){.before.item = before, .now.item = now};
    const struct sl_yaml *old = kind_key(before, &ret->before.arguments);
    const struct sl_yaml *new = kind_key(now, &ret->now.arguments);
    ret->kind = sl_check_kind_find(new->text);
    if (!ret->kind || !ret->kind->terms || !sl_str_equal(old->text, new->text))
        return false;
    read_spans(ret, &ret->before);
    read_spans(ret, &ret->now);
    return has_the_same_rest(ret->kind, ret->before.arguments, ret->now.arguments, "") &&
           has_the_same_rest(ret->kind, ret->now.arguments, ret->before.arguments, "");
}

enum sl_check_order sl_check_compare(const struct sl_yaml *before, const struct sl_yaml *now)
{
    struct sl_check_pair pair;
    if (!read_pair(before, now, &pair))
        return SL_CHECK_ANOTHER;
    enum sl_check_order order = sl_check_together(compare_rows(&pair), compare_bounds(&pair));
    for (const struct sl_check_term *term = pair.kind->terms; term->argument; term++)
        order = sl_check_together(order, compare_term(&pair, term));
    return order;
}

bool sl_check_is_about_the_same(const struct sl_yaml *a, const struct sl_yaml *b)
{
    struct sl_check_pair pair;
    if (!read_pair(a, b, &pair))
        return false;
    for (const struct sl_check_term *term = pair.kind->terms; term->argument; term++)
        if (is_subject(term->sense) && compare_term(&pair, term) != SL_CHECK_AS_BEFORE)
            return false;
    return true;
}

// --- Nulls

static bool is_measure_of_nulls(const struct sl_check_pair *pair)
{
    const struct sl_yaml *metric = sl_yaml_get(pair->now.arguments, "metric");
    if (!metric)
        metric = sl_yaml_get(pair->now.arguments, "rule");
    return sl_str_equal(pair->kind->name, "null_share") ||
           sl_str_equal(pair->kind->name, "missing") ||
           (metric && (sl_str_equal(sl_check_metric_today(metric->text), "nullValues") ||
                       sl_str_equal(metric->text, "missingValues")));
}

int sl_check_not_null_columns(const struct sl_yaml *item, struct sl_arena *arena,
                              struct sl_strs *ret, struct sl_err *err)
{
    struct sl_check_pair pair;
    bool is_sound = read_pair(item, item, &pair);
    const struct sl_spans *spans = &pair.now.spans;
    if (!is_sound || where_of(item) || mostly_of(item) < 1)
        return SL_OK;
    if (!sl_str_equal(pair.kind->name, "not_null") &&
        (!is_measure_of_nulls(&pair) || !pair.now.has_spans || spans->count != 1 ||
         spans->items[0].max > 0))
        return SL_OK;
    for (const struct sl_check_term *term = pair.kind->terms; term->argument; term++) {
        const struct sl_check_texts names = sl_check_texts_of(&pair, &pair.now, term);
        bool is_columns = sl_str_starts(term->argument, "column") ||
                          sl_str_equal(term->argument, "arguments.properties");
        for (size_t i = 0; is_columns && i < sl_check_count_of(&names); i++)
            if (sl_check_text_at(&names, i))
                SL_TRY(sl_strs_add(ret, arena, sl_check_text_at(&names, i), err));
    }
    return SL_OK;
}
