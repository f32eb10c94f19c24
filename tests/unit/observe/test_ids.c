#include "../base/test.h"
#include "observe/ids.h"
#include "observe/openlineage.h"
#include "spec/observe.h"

#include <string.h>

#define RUN "066b1c4b-6a04-45ea-bcb0-720cdab0f332"

static void
a_step_has_the_same_uuid_whenever_it_is_asked_for_and_another_in_another_run(void **state)
{
    char one[37], again[37], other[37], next[37];
    struct sl_err err = {0};
    (void)state;
    assert_int_equal(sl_step_uuid(RUN, "cleanse orders", one, &err), SL_OK);
    assert_int_equal(sl_step_uuid(RUN, "cleanse orders", again, &err), SL_OK);
    assert_int_equal(sl_step_uuid(RUN, "cleanse order", other, &err), SL_OK);
    assert_int_equal(
        sl_step_uuid("166b1c4b-6a04-45ea-bcb0-720cdab0f332", "cleanse orders", next, &err), SL_OK);
    assert_string_equal(one, again);
    assert_string_not_equal(one, other);
    assert_string_not_equal(one, next);
    assert_int_equal(strlen(one), 36);
    assert_int_equal(one[14], '8'); // version 8
    assert_non_null(strchr("89ab", one[19]));
}

static void a_trace_has_the_id_of_its_run_and_is_never_zero(void **state)
{
    char trace[33], span[17], other[17];
    struct sl_err err = {0};
    (void)state;
    assert_int_equal(sl_trace_id(RUN, trace, &err), SL_OK);
    assert_string_equal(trace, "066b1c4b6a0445eabcb0720cdab0f332");
    static const char *const odd[] = {"", "nightly", "00000000-0000-0000-0000-000000000000",
                                      RUN "0"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        assert_int_equal(sl_trace_id(odd[i], trace, &err), SL_OK);
        assert_int_equal(strlen(trace), 32);
        assert_int_equal(strspn(trace, "0123456789abcdef"), 32);
        assert_true(strspn(trace, "0") < 32);
    }
    assert_int_equal(sl_span_id(RUN, NULL, 0, span, &err), SL_OK);
    assert_int_equal(sl_span_id(RUN, "", 0, other, &err), SL_OK);
    assert_string_not_equal(span, other);
    assert_int_equal(strlen(span), 16);
}

static void a_traceparent_is_read_as_the_w3c_says(void **state)
{
    static const char whole[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    static const char *const wrong[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    struct sl_trace_parent parent;
    (void)state;
    assert_true(sl_trace_parent_parse(whole, &parent));
    assert_string_equal(parent.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(parent.span_id, "b7ad6b7169203331");
    assert_true(parent.is_sampled);
    assert_true(sl_trace_parent_parse(
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02-more", &parent));
    assert_false(parent.is_sampled);
    assert_false(sl_trace_parent_parse(NULL, &parent));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(sl_trace_parent_parse(wrong[i], &parent));
}

static void pairs_of_variables_are_percent_decoded(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_attribute *pairs = NULL;
    struct sl_err err = {0};
    size_t count = 0;
    bool is_valid;
    (void)state;
    sl_arena_init(&arena, 0);
    assert_int_equal(sl_pairs_parse(" a = 1 ,b=two%20w%C3%B6rds%2C,c=x=y,,d=50%,e=%4", &arena,
                                    &pairs, &count, &is_valid, &err),
                     SL_OK);
    assert_true(is_valid);
    static const char *const expected[] = {"a",   "1", "b", "two w\xC3\xB6rds,", "c", "x=y", "d",
                                           "50%", "e", "%4"};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(pairs[i].key, expected[2 * i]);
        assert_string_equal(pairs[i].value, expected[2 * i + 1]);
    }
    static const char *const wrong[] = {"a", "=1", "a=1,b"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(sl_pairs_parse(wrong[i], &arena, &pairs, &count, &is_valid, &err), SL_OK);
        assert_false(is_valid);
    }
}

static void a_path_is_a_uri(void **state)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_err err = {0};
    const char *uri;
    (void)state;
    sl_arena_init(&arena, 0);
    assert_int_equal(sl_file_uri("/data/my lake/100%/\xC3\xA9#?[*].csv", &arena, &uri, &err),
                     SL_OK);
    assert_string_equal(uri, "file:///data/my%20lake/100%25/%C3%A9%23%3F%5B%2A%5D.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_step_has_the_same_uuid_whenever_it_is_asked_for_and_another_in_another_run),
        cmocka_unit_test(a_trace_has_the_id_of_its_run_and_is_never_zero),
        cmocka_unit_test(a_traceparent_is_read_as_the_w3c_says),
        cmocka_unit_test(pairs_of_variables_are_percent_decoded),
        cmocka_unit_test(a_path_is_a_uri),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
