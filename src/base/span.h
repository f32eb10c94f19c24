// Sets of numbers between bounds: what operators such as "greater than 10" let pass.
#ifndef SL_BASE_SPAN_H
#define SL_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct sl_span {
    double min, max; // -INFINITY, INFINITY: no bound
    bool is_min_open, is_max_open;
};
// The numbers that there are at all: a count is whole and from 0 on, a share from 0 to 1.
struct sl_span_limits {
    double min, max;
    bool is_whole;
};

// Some spans apart from each other, in their order. As many as there are after two holes and one
// narrowing; what is more is never asked for.
enum { SL_SPANS_MAX = 4 };
struct sl_spans {
    struct sl_span items[SL_SPANS_MAX];
    size_t count;
};

void sl_spans_init(struct sl_spans *spans); // all numbers
// Leaves what lies in `span` as well.
void sl_spans_narrow(struct sl_spans *spans, const struct sl_span *span);
// Leaves what lies outside of `hole`. Without room for one more span nothing is taken out, and it
// is false.
bool sl_spans_cut(struct sl_spans *spans, const struct sl_span *hole);
// Without the numbers that there are not; what has the same numbers is the same afterwards: of
// whole numbers "greater than 10" and "at least 11".
void sl_spans_limit(struct sl_spans *spans, const struct sl_span_limits *limits);
// Whether each number of `inner` is in `outer`. Of limited spans with the same limits.
bool sl_spans_are_within(const struct sl_spans *inner, const struct sl_spans *outer);

#endif
