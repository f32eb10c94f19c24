// The dimensions: their names, those of the standard, and what each kind of rule is counted by.
#include "api/quality.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_are_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < SL_DIMENSIONS; i++) {
        enum sl_dimension dimension = SL_DIMENSIONS;

        assert_true(sl_dimension_parse(sl_dimension_name((enum sl_dimension)i), &dimension));
        assert_int_equal(dimension, i);
    }
}

static void the_standards_words_are_known(void **state)
{
    static const struct {
        const char *text;
        enum sl_dimension dimension;
    } words[] = {
        {"Conformity", SL_DIMENSION_CONFORMANCE},
        {"cf", SL_DIMENSION_CONFORMANCE},
        {"coverage", SL_DIMENSION_COMPLETENESS},
        {"cv", SL_DIMENSION_COMPLETENESS},
        {"uniqueness", SL_DIMENSION_CONSISTENCY},
        {"uq", SL_DIMENSION_CONSISTENCY},
        {"TIMELINESS", SL_DIMENSION_TIMELINESS},
        {"tm", SL_DIMENSION_TIMELINESS},
        {"ac", SL_DIMENSION_ACCURACY},
        {"cp", SL_DIMENSION_COMPLETENESS},
        {"cs", SL_DIMENSION_CONSISTENCY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        enum sl_dimension dimension = SL_DIMENSIONS;

        assert_true(sl_dimension_parse(words[i].text, &dimension));
        assert_int_equal(dimension, words[i].dimension);
    }
}

static void another_word_is_none_and_changes_nothing(void **state)
{
    enum sl_dimension dimension = SL_DIMENSION_ACCURACY;

    (void)state;
    assert_false(sl_dimension_parse("beauty", &dimension));
    assert_false(sl_dimension_parse("", &dimension));
    assert_int_equal(dimension, SL_DIMENSION_ACCURACY);
}

static void each_kind_of_rule_has_a_dimension(void **state)
{
    (void)state;
    assert_int_equal(sl_dimension_of_rule("required"), SL_DIMENSION_COMPLETENESS);
    assert_int_equal(sl_dimension_of_rule("type"), SL_DIMENSION_CONFORMANCE);
    assert_int_equal(sl_dimension_of_rule("range"), SL_DIMENSION_ACCURACY);
    assert_int_equal(sl_dimension_of_rule("expression"), SL_DIMENSION_CONSISTENCY);
    assert_int_equal(sl_dimension_of_rule("something new"), SL_DIMENSION_ACCURACY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(the_standards_words_are_known),
        cmocka_unit_test(another_word_is_none_and_changes_nothing),
        cmocka_unit_test(each_kind_of_rule_has_a_dimension),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
