#include "check/compare.h"

#include "base/clock.h"

#include <string.h>

enum sl_check_order sl_check_together(enum sl_check_order a, enum sl_check_order b)
{
    if (a == SL_CHECK_AS_BEFORE || a == b)
        return b;
    return b == SL_CHECK_AS_BEFORE ? a : SL_CHECK_ANOTHER;
}

enum sl_check_order sl_check_order_of(bool is_stricter, bool is_weaker)
{
    if (is_stricter && is_weaker)
        return SL_CHECK_AS_BEFORE;
    return is_stricter ? SL_CHECK_STRICTER : is_weaker ? SL_CHECK_WEAKER : SL_CHECK_ANOTHER;
}

enum sl_check_order sl_check_turned(enum sl_check_order order)
{
    return order == SL_CHECK_STRICTER ? SL_CHECK_WEAKER
           : order == SL_CHECK_WEAKER ? SL_CHECK_STRICTER
                                      : order;
}

// --- What is written

static const struct sl_yaml *get(const struct sl_yaml *map, const char *path)
{
    const char *dot = strchr(path, '.');
    for (size_t i = 0; dot && map && map->kind == SL_YAML_MAP && i < map->count; i++)
        if (strlen(map->keys[i]->text) == (size_t)(dot - path) &&
            strncmp(map->keys[i]->text, path, (size_t)(dot - path)) == 0)
            return get(map->items[i], dot + 1);
    return dot ? NULL : sl_yaml_get(map, path);
}

const struct sl_yaml *sl_check_argument(const struct sl_check_pair *pair,
                                        const struct sl_check_side *side,
                                        const struct sl_check_term *term)
{
    const struct sl_yaml *arguments = side->arguments, *found;
    bool is_bare = arguments && (arguments->kind != SL_YAML_MAP);
    const char *other = term->otherwise && *term->otherwise == '=' ? term->otherwise + 1 : NULL;
    if (is_bare && sl_str_equal(pair->kind->bare, term->argument))
        return arguments;
    found = get(arguments, term->argument);
    if (!found && term->alias)
        found = get(arguments, term->alias);
    if (!found && other)
        found = get(arguments, other);
    bool is_column = sl_str_starts(term->argument, "column") || sl_str_equal(other, "column");
    return found || !is_column ? found : sl_yaml_get(side->item, "column");
}

const char *sl_check_text_of(const struct sl_check_pair *pair, const struct sl_check_side *side,
                             const struct sl_check_term *term)
{
    const struct sl_yaml *node = sl_check_argument(pair, side, term);
    if (node && node->kind == SL_YAML_SCALAR)
        return node->text;
    return !node && term->otherwise && *term->otherwise != '=' ? term->otherwise : NULL;
}

// --- Lists

struct sl_check_texts sl_check_texts_of(const struct sl_check_pair *pair,
                                        const struct sl_check_side *side,
                                        const struct sl_check_term *term)
{
    return (struct sl_check_texts){sl_check_argument(pair, side, term), term->otherwise};
}

size_t sl_check_count_of(const struct sl_check_texts *texts)
{
    if (!texts->node)
        return texts->otherwise && *texts->otherwise != '=' ? 1 : 0;
    return texts->node->kind == SL_YAML_LIST ? texts->node->count : 1;
}

// NULL: a null, which no list of values means.
const char *sl_check_text_at(const struct sl_check_texts *texts, size_t i)
{
    const struct sl_yaml *node = texts->node;
    if (!node)
        return texts->otherwise;
    if (node->kind == SL_YAML_LIST)
        node = node->items[i];
    return node->kind == SL_YAML_SCALAR ? node->text : NULL;
}

static bool has_all(const struct sl_check_texts *texts, const struct sl_check_texts *wanted)
{
    for (size_t i = 0; i < sl_check_count_of(wanted); i++) {
        const char *text = sl_check_text_at(wanted, i);
        bool is_found = !text;
        for (size_t k = 0; k < sl_check_count_of(texts) && !is_found; k++)
            is_found = sl_str_equal(text, sl_check_text_at(texts, k));
        if (!is_found)
            return false;
    }
    return true;
}

// Of a list of which fewer let less pass.
enum sl_check_order sl_check_compare_lists(const struct sl_check_pair *pair,
                                           const struct sl_check_term *term)
{
    const struct sl_check_texts old = sl_check_texts_of(pair, &pair->before, term);
    const struct sl_check_texts new = sl_check_texts_of(pair, &pair->now, term);
    return sl_check_order_of(has_all(&old, &new), has_all(&new, &old));
}

// --- Single values

static bool are_same_numbers(const char *a, const char *b)
{
    double first, second;
    return sl_str_to_double(a, &first) && sl_str_to_double(b, &second) && first == second &&
           strlen(a) <= 15 && strlen(b) <= 15;
}

bool sl_check_are_same(const struct sl_yaml *a, const struct sl_yaml *b)
{
    bool is_list = a->kind == SL_YAML_LIST || b->kind == SL_YAML_LIST;
    const struct sl_check_texts first = {a, NULL}, second = {b, NULL};
    if (is_list && a->kind != SL_YAML_MAP && b->kind != SL_YAML_MAP) {
        bool is_same = sl_check_count_of(&first) == sl_check_count_of(&second);
        for (size_t i = 0; is_same && i < sl_check_count_of(&first); i++)
            is_same = sl_check_text_at(&first, i) &&
                      sl_str_equal(sl_check_text_at(&first, i), sl_check_text_at(&second, i));
        return is_same;
    }
    if (a->kind != b->kind || a->count != b->count)
        return false;
    if (a->kind != SL_YAML_MAP)
        return sl_str_equal(a->text, b->text) || are_same_numbers(a->text, b->text);
    for (size_t i = 0; i < a->count; i++) {
        const struct sl_yaml *other = sl_yaml_get(b, a->keys[i]->text);
        if (!other || !sl_check_are_same(a->items[i], other))
            return false;
    }
    return true;
}

// Names of before v3.1 of the standard mean the same metrics.
const char *sl_check_metric_today(const char *text)
{
    static const char *const names[][2] = {{"nullCheck", "nullValues"},
                                           {"validValues", "invalidValues"},
                                           {"duplicateCount", "duplicateValues"}};
    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++)
        if (sl_str_equal(text, names[i][0]))
            return names[i][1];
    return text;
}

bool sl_check_is_fixed(const struct sl_check_pair *pair, const struct sl_check_term *term)
{
    const struct sl_yaml *a = sl_check_argument(pair, &pair->before, term);
    const struct sl_yaml *b = sl_check_argument(pair, &pair->now, term);
    const char *old = sl_check_text_of(pair, &pair->before, term),
               *new = sl_check_text_of(pair, &pair->now, term);
    if (sl_str_equal(term->argument, "metric"))
        return sl_str_equal(sl_check_metric_today(old), sl_check_metric_today(new));
    if (old && new)
        return sl_str_equal_nocase(old, new) &&
                       (term->sense == SL_CHECK_UNIT || sl_str_equal(old, new))
                   ? true
                   : are_same_numbers(old, new);
    return (!a && !b && old == new) || (a && b && sl_check_are_same(a, b));
}

bool sl_check_read_value(const char *text, double *ret)
{
    int64_t time_us;
    if (sl_str_to_double(text, ret))
        return strlen(text) <= 16;
    if (sl_clock_parse(text, &time_us) != 0)
        return false;
    *ret = (double)time_us;
    return true;
}

static bool read_amount(const char *text, double *ret)
{
    int64_t seconds;
    if (sl_check_read_value(text, ret))
        return true;
    if (!sl_str_to_duration(text, &seconds))
        return false;
    *ret = (double)seconds;
    return true;
}

// Without one everything passes.
enum sl_check_order sl_check_compare_less(const struct sl_check_pair *pair,
                                          const struct sl_check_term *term)
{
    const char *old = sl_check_text_of(pair, &pair->before, term),
               *new = sl_check_text_of(pair, &pair->now, term);
    double a, b;
    if (!old || !new)
        return sl_check_order_of(!old, !new);
    if (sl_str_equal(old, new))
        return SL_CHECK_AS_BEFORE;
    return read_amount(old, &a) && read_amount(new, &b) ? sl_check_order_of(b <= a, a <= b)
                                                        : SL_CHECK_ANOTHER;
}

enum sl_check_order sl_check_compare_flag(const struct sl_check_pair *pair,
                                          const struct sl_check_term *term)
{
    bool was = sl_str_equal(sl_check_text_of(pair, &pair->before, term), "true");
    bool is = sl_str_equal(sl_check_text_of(pair, &pair->now, term), "true");
    return sl_check_order_of(is || !was, was || !is);
}

// If no day is missing, no week is, and no month; weeks and months lie across each other.
enum sl_check_order sl_check_compare_grain(const struct sl_check_pair *pair,
                                           const struct sl_check_term *term)
{
    static const char *const grains[] = {"hour", "day", "week", "month"};
    const char *old = sl_check_text_of(pair, &pair->before, term),
               *new = sl_check_text_of(pair, &pair->now, term);
    int a = -1, b = -1;
    for (int i = 0; i < 4; i++) {
        a = sl_str_equal(old, grains[i]) ? i : a;
        b = sl_str_equal(new, grains[i]) ? i : b;
    }
    if (sl_str_equal(old, new))
        return SL_CHECK_AS_BEFORE;
    if (a < 0 || b < 0 || (a >= 2 && b >= 2))
        return SL_CHECK_ANOTHER;
    return sl_check_order_of(b < a, a < b);
}

static bool read_shares(const struct sl_yaml *shares, const char *value, struct sl_spans *ret)
{
    static const struct sl_span_limits limits = {.min = 0, .max = 1};
    const struct sl_yaml *range = sl_yaml_get(shares, value);
    struct sl_span span = {.min = 0, .max = 1};
    if (range && (range->kind != SL_YAML_LIST || range->count != 2 ||
                  !sl_str_to_double(range->items[0]->text, &span.min) ||
                  !sl_str_to_double(range->items[1]->text, &span.max)))
        return false;
    sl_spans_init(ret);
    sl_spans_narrow(ret, &span);
    sl_spans_limit(ret, &limits);
    return true;
}

// A value that is not listed may have any share.
enum sl_check_order sl_check_compare_shares(const struct sl_check_pair *pair,
                                            const struct sl_check_term *term)
{
    const struct sl_yaml *maps[] = {sl_check_argument(pair, &pair->before, term),
                                    sl_check_argument(pair, &pair->now, term)};
    enum sl_check_order order = SL_CHECK_AS_BEFORE;
    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; maps[m] && i < maps[m]->count; i++) {
            const char *value = maps[m]->keys[i]->text;
            struct sl_spans old, new;
            if (!read_shares(maps[0], value, &old) || !read_shares(maps[1], value, &new))
                return SL_CHECK_ANOTHER;
            order = sl_check_together(order, sl_check_order_of(sl_spans_are_within(&new, &old),
                                                               sl_spans_are_within(&old, &new)));
        }
    return order;
}
