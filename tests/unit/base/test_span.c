#include "base/span.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct sl_span_limits counts = {0, INFINITY, true};
static const struct sl_span_limits shares = {0, 1, false};
static const struct sl_span_limits numbers = {-INFINITY, INFINITY, false};

static struct sl_spans of(double min, bool is_min_open, double max, bool is_max_open,
                          const struct sl_span_limits *limits)
{
    const struct sl_span span = {min, max, is_min_open, is_max_open};
    struct sl_spans spans;
    sl_spans_init(&spans);
    sl_spans_narrow(&spans, &span);
    sl_spans_limit(&spans, limits);
    return spans;
}

static struct sl_spans without(double min, bool is_min_open, double max, bool is_max_open,
                               const struct sl_span_limits *limits)
{
    const struct sl_span hole = {min, max, is_min_open, is_max_open};
    struct sl_spans spans;
    sl_spans_init(&spans);
    assert_true(sl_spans_cut(&spans, &hole));
    sl_spans_limit(&spans, limits);
    return spans;
}

static bool are_equal(struct sl_spans a, struct sl_spans b)
{
    return sl_spans_are_within(&a, &b) && sl_spans_are_within(&b, &a);
}

static bool is_within(struct sl_spans a, struct sl_spans b)
{
    return sl_spans_are_within(&a, &b);
}

static void what_has_the_same_numbers_is_the_same(void **state)
{
    (void)state;
    assert_true(
        are_equal(of(10, true, INFINITY, false, &counts), of(11, false, INFINITY, false, &counts)));
    assert_true(are_equal(of(10, true, INFINITY, false, &counts),
                          of(10.5, false, INFINITY, false, &counts)));
    assert_false(are_equal(of(10, true, INFINITY, false, &numbers),
                           of(11, false, INFINITY, false, &numbers)));
    assert_true(are_equal(of(-5, false, 3, true, &counts), of(0, false, 2, false, &counts)));
    assert_true(are_equal(of(0.5, false, 7, false, &shares), of(0.5, false, 1, false, &shares)));
    assert_true(
        are_equal(without(0, false, 0, false, &counts), of(1, false, INFINITY, false, &counts)));
    assert_true(
        are_equal(without(4, true, 6, true, &counts), without(5, false, 5, false, &counts)));
    // at most 4 or at least 5, of whole numbers, is all of them; of others it is not
    assert_true(
        are_equal(without(4, true, 5, true, &counts), of(0, false, INFINITY, false, &counts)));
    assert_int_equal(without(4, true, 5, true, &numbers).count, 2);
}

static void nothing_is_left_of_what_excludes_itself(void **state)
{
    (void)state;
    assert_int_equal(of(3, true, 4, true, &counts).count, 0);
    assert_int_equal(of(3, true, 4, true, &numbers).count, 1);
    assert_int_equal(of(5, false, 5, true, &numbers).count, 0);
    assert_int_equal(of(-INFINITY, false, 0, true, &counts).count, 0);
    assert_int_equal(of(1, true, INFINITY, false, &shares).count, 0);
    assert_int_equal(without(0, false, INFINITY, false, &counts).count, 0);
}

static void a_part_is_within_the_whole_and_not_the_other_way_round(void **state)
{
    (void)state;
    assert_true(is_within(of(1, true, 9, false, &numbers), of(1, false, 9, false, &numbers)));
    assert_false(is_within(of(1, false, 9, false, &numbers), of(1, true, 9, false, &numbers)));
    assert_true(is_within(of(7, false, 9, false, &numbers), without(4, false, 6, false, &numbers)));
    assert_false(
        is_within(of(5, false, 9, false, &numbers), without(4, false, 6, false, &numbers)));
    assert_true(
        is_within(without(3, false, 7, false, &numbers), without(4, false, 6, false, &numbers)));
    assert_false(
        is_within(without(4, false, 6, false, &numbers), without(3, false, 7, false, &numbers)));
    assert_true(
        is_within(of(2, true, 1, true, &numbers), of(5, false, 5, false, &numbers))); // nothing
}

static void holes_are_taken_out_as_long_as_there_is_room(void **state)
{
    struct sl_spans spans;
    (void)state;
    sl_spans_init(&spans);
    for (int i = 0; i < SL_SPANS_MAX; i++) {
        const struct sl_span hole = {i, i, false, false};
        assert_int_equal(sl_spans_cut(&spans, &hole), i + 1 < SL_SPANS_MAX);
    }
    assert_int_equal(spans.count, SL_SPANS_MAX);
    const struct sl_span rest = {0.5, 1.5, false, false};
    sl_spans_narrow(&spans, &rest);
    assert_int_equal(spans.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_the_same_numbers_is_the_same),
        cmocka_unit_test(nothing_is_left_of_what_excludes_itself),
        cmocka_unit_test(a_part_is_within_the_whole_and_not_the_other_way_round),
        cmocka_unit_test(holes_are_taken_out_as_long_as_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
