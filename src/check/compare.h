// Inside of the comparison of checks (sl_check_compare): one argument of two claims of a kind.
#ifndef SL_CHECK_COMPARE_H
#define SL_CHECK_COMPARE_H

#include "base/span.h"
#include "check/kinds.h"

struct sl_check_side {
    const struct sl_yaml *item, *arguments; // arguments may be NULL: there are none
    struct sl_spans spans;                  // of the measure
    bool has_spans;
};
struct sl_check_pair {
    const struct sl_check_kind *kind;
    struct sl_check_side before, now;
};

// Of two things that both must be so.
enum sl_check_order sl_check_together(enum sl_check_order a, enum sl_check_order b);
enum sl_check_order sl_check_order_of(bool is_stricter, bool is_weaker); // "or as strict", each
enum sl_check_order sl_check_turned(enum sl_check_order order);

// What is written for an argument, or stands for it; NULL: nothing does.
const struct sl_yaml *sl_check_argument(const struct sl_check_pair *pair,
                                        const struct sl_check_side *side,
                                        const struct sl_check_term *term);
// The same as a text; NULL: it is none.
const char *sl_check_text_of(const struct sl_check_pair *pair, const struct sl_check_side *side,
                             const struct sl_check_term *term);
// The same as a list of texts, of which NULL is a null.
struct sl_check_texts {
    const struct sl_yaml *node;
    const char *otherwise;
};
struct sl_check_texts sl_check_texts_of(const struct sl_check_pair *pair,
                                        const struct sl_check_side *side,
                                        const struct sl_check_term *term);
size_t sl_check_count_of(const struct sl_check_texts *texts);
const char *sl_check_text_at(const struct sl_check_texts *texts, size_t i);

// By sense of the argument; lists as if fewer let less pass.
bool sl_check_is_fixed(const struct sl_check_pair *pair, const struct sl_check_term *term);
enum sl_check_order sl_check_compare_lists(const struct sl_check_pair *pair,
                                           const struct sl_check_term *term);
enum sl_check_order sl_check_compare_less(const struct sl_check_pair *pair,
                                          const struct sl_check_term *term);
enum sl_check_order sl_check_compare_flag(const struct sl_check_pair *pair,
                                          const struct sl_check_term *term);
enum sl_check_order sl_check_compare_grain(const struct sl_check_pair *pair,
                                           const struct sl_check_term *term);
enum sl_check_order sl_check_compare_shares(const struct sl_check_pair *pair,
                                            const struct sl_check_term *term);

bool sl_check_are_same(const struct sl_yaml *a, const struct sl_yaml *b);
// A number that a double tells from its neighbours, or the time of a date in microseconds. False:
// it is neither.
bool sl_check_read_value(const char *text, double *ret);
// The name in v3.1 of a metric, which may be one of before.
const char *sl_check_metric_today(const char *text);

#endif
