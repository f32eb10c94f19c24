#include "base/span.h"

#include <math.h>

static bool is_empty(const struct sl_span *span)
{
    return span->min > span->max ||
           (span->min == span->max && (span->is_min_open || span->is_max_open));
}

static struct sl_span overlap(const struct sl_span *a, const struct sl_span *b)
{
    struct sl_span both = *a;
    if (b->min > both.min || (b->min == both.min && b->is_min_open)) {
        both.min = b->min;
        both.is_min_open = b->is_min_open;
    }
    if (b->max < both.max || (b->max == both.max && b->is_max_open)) {
        both.max = b->max;
        both.is_max_open = b->is_max_open;
    }
    return both;
}

void sl_spans_init(struct sl_spans *spans)
{
    *spans = (struct sl_spans){.items = {{.min = -INFINITY, .max = INFINITY}}, .count = 1};
}

void sl_spans_narrow(struct sl_spans *spans, const struct sl_span *span)
{
    size_t kept = 0;
    for (size_t i = 0; i < spans->count; i++) {
        struct sl_span both = overlap(&spans->items[i], span);
        if (!is_empty(&both))
            spans->items[kept++] = both;
    }
    spans->count = kept;
}

bool sl_spans_cut(struct sl_spans *spans, const struct sl_span *hole)
{
    const struct sl_span below = {-INFINITY, hole->min, false, !hole->is_min_open};
    const struct sl_span above = {hole->max, INFINITY, !hole->is_max_open, false};
    struct sl_spans cut = {.count = 0};
    for (size_t i = 0; i < spans->count; i++) {
        const struct sl_span parts[] = {overlap(&spans->items[i], &below),
                                        overlap(&spans->items[i], &above)};
        for (size_t k = 0; k < 2; k++) {
            if (is_empty(&parts[k]))
                continue;
            if (cut.count == SL_SPANS_MAX)
                return false;
            cut.items[cut.count++] = parts[k];
        }
    }
    *spans = cut;
    return true;
}

static void make_whole(struct sl_span *span)
{
    span->min = span->is_min_open ? floor(span->min) + 1 : ceil(span->min);
    span->max = span->is_max_open ? ceil(span->max) - 1 : floor(span->max);
    span->is_min_open = span->is_max_open = false;
}

// Whether nothing lies between the two.
static bool do_meet(const struct sl_span *low, const struct sl_span *high, bool is_whole)
{
    if (is_whole)
        return high->min <= low->max + 1;
    return high->min < low->max ||
           (high->min == low->max && !(high->is_min_open && low->is_max_open));
}

void sl_spans_limit(struct sl_spans *spans, const struct sl_span_limits *limits)
{
    const struct sl_span all = {.min = limits->min, .max = limits->max};
    size_t kept = 0;
    for (size_t i = 0; limits->is_whole && i < spans->count; i++)
        make_whole(&spans->items[i]);
    sl_spans_narrow(spans, &all);
    for (size_t i = 0; i < spans->count; i++) {
        const struct sl_span next = spans->items[i];
        struct sl_span *last = kept ? &spans->items[kept - 1] : NULL;
        if (!last || !do_meet(last, &next, limits->is_whole)) {
            spans->items[kept++] = next;
        } else if (next.max >= last->max) {
            last->is_max_open = next.is_max_open && (next.max > last->max || last->is_max_open);
            last->max = next.max;
        }
    }
    spans->count = kept;
}

bool sl_spans_are_within(const struct sl_spans *inner, const struct sl_spans *outer)
{
    for (size_t i = 0; i < inner->count; i++) {
        bool is_within = false;
        for (size_t k = 0; k < outer->count && !is_within; k++) {
            const struct sl_span both = overlap(&inner->items[i], &outer->items[k]);
            const struct sl_span *whole = &inner->items[i];
            is_within = both.min == whole->min && both.max == whole->max &&
                        both.is_min_open == whole->is_min_open &&
                        both.is_max_open == whole->is_max_open;
        }
        if (!is_within)
            return false;
    }
    return true;
}
