// Digests: equal for texts that mean the same letter by letter.
#include "sql/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_difference_but_places_and_blanks_counts(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } pairs[] = {
        {"{\"x\":1,\"query_location\":7}", "{\"x\":1,\"query_location\":99}", true},
        {"{\"query_location\":7,\"x\":1}", "{\"query_location\":18446744073709551615,\"x\":1}",
         true},
        {"{ \"x\" : 1 , \"query_location\" : 7 }", "{\"x\":1,\"query_location\":8}", true},
        {"{\"x\":[1,2]}", "{\"x\": [1,\n2]}", true},
        {"{\"x\":1}", "{\"x\":2}", false},
        {"{\"x\":\"a b\"}", "{\"x\":\"a  b\"}", false},
        {"{\"x\":\"a\"}", "{\"x\":\"A\"}", false},
        {"{\"x\":9007199254740993}", "{\"x\":9007199254740992}", false},
        {"{\"x\":\"query_location\"}", "{\"x\":\"query_locatio\"}", false},
        {"{\"x\":[\"query_location\",1]}", "{\"x\":[\"query_location\",2]}", false},
        {"{\"x\":\"\\\"query_location\\\":1\"}", "{\"x\":\"\\\"query_location\\\":2\"}", false},
        {"{\"x\":\"\\\\\",\"query_location\":1}", "{\"x\":\"\\\\\",\"query_location\":2}", true},
        {"{\"position\":1}", "{\"position\":2}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char a[65], b[65];
        struct sl_err err = {0};

        assert_int_equal(sl_query_digest(pairs[i].a, a, &err), SL_OK);
        assert_int_equal(sl_query_digest(pairs[i].b, b, &err), SL_OK);
        assert_int_equal(strlen(a), 64);
        if ((strcmp(a, b) == 0) != pairs[i].is_same)
            fail_msg("%s and %s", pairs[i].a, pairs[i].b);
    }
}

static void a_cut_tree_has_a_digest_all_the_same(void **state)
{
    static const char *const texts[] = {"", "{\"x", "{\"x\\", "{\"query_location\"",
                                        "{\"query_location\":"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char hex[65];
        struct sl_err err = {0};

        assert_int_equal(sl_query_digest(texts[i], hex, &err), SL_OK);
        assert_int_equal(strlen(hex), 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_difference_but_places_and_blanks_counts),
        cmocka_unit_test(a_cut_tree_has_a_digest_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
