#include "base/reserved.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// The error is at '^', which is no part of the text. NULL: no word is to be quoted.
static const struct {
    const char *sql, *word;
} texts[] = {
    {"select at^, x from t", "at"},
    {"select x, AT ^from t", "AT"},
    {"select max(at^) from t", "at"},
    {"select * from t where at ^> 1", "at"},
    {"select * from t where ^to = 1", "to"},
    {"select * from t where a = ^end", "end"},
    {"select * from t order by at^", "at"},
    {"select * from t group by ^order", "order"},
    {"select a + ^order + 1 from t", "order"},
    {"x and (at ^between 1 and 2)", "at"},
    {"^select", NULL},
    {"selec ^1", NULL},
    {"select ^from t", NULL},
    {"select a from t where ^and b", NULL},
    {"select a from t where^", NULL},
    {"select a b ^c", NULL},
    {"select 'at' ^x", NULL},
    {"select (^select)", NULL},
    {"^", NULL},
    {"a_very_long_word_that_is_no_word_of_sql_at_all^,", NULL},
};

static void words_that_stand_as_columns_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char sql[128] = "", word[SL_RESERVED_MAX];
        size_t offset = strcspn(texts[i].sql, "^");
        strncpy(sql, texts[i].sql, offset);
        strcat(sql, texts[i].sql + offset + 1);
        bool is_found = sl_reserved_at(sql, offset, word);
        if (is_found != (texts[i].word != NULL))
            fail_msg("%s", texts[i].sql);
        if (is_found)
            assert_string_equal(word, texts[i].word);
    }
}

static void places_behind_the_end_are_its_end(void **state)
{
    char word[SL_RESERVED_MAX];
    (void)state;
    assert_true(sl_reserved_at("select at", 1000, word));
    assert_string_equal(word, "at");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_stand_as_columns_are_found),
        cmocka_unit_test(places_behind_the_end_are_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
