// What a changed drift policy means to readers: every change of every word.
#include "contract/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static const struct {
    size_t index;
    const char *before, *now, *level;
} changes[] = {
    {0, "freeze", "evolve", "additive"},
    {0, "freeze", "quarantine_row", "additive"},
    {0, "freeze", "quarantine_value", "same"},
    {0, "freeze", "fail", "additive"},
    {0, "evolve", "freeze", "breaking"},
    {0, "evolve", "quarantine_row", "breaking"},
    {0, "evolve", "quarantine_value", "breaking"},
    {0, "evolve", "fail", "breaking"},
    {0, "quarantine_row", "freeze", "weaker"},
    {0, "quarantine_row", "evolve", "weaker"},
    {0, "quarantine_row", "quarantine_value", "weaker"},
    {0, "quarantine_row", "fail", "same"},
    {0, "quarantine_value", "freeze", "same"},
    {0, "quarantine_value", "evolve", "additive"},
    {0, "quarantine_value", "quarantine_row", "additive"},
    {0, "quarantine_value", "fail", "additive"},
    {0, "fail", "freeze", "weaker"},
    {0, "fail", "evolve", "weaker"},
    {0, "fail", "quarantine_row", "same"},
    {0, "fail", "quarantine_value", "weaker"},
    {1, "empty", "fail", "additive"},
    {1, "fail", "empty", "weaker"},
    {2, "quarantine_row", "quarantine_value", "weaker"},
    {2, "quarantine_row", "fail", "same"},
    {2, "quarantine_value", "quarantine_row", "additive"},
    {2, "quarantine_value", "fail", "additive"},
    {2, "fail", "quarantine_row", "same"},
    {2, "fail", "quarantine_value", "weaker"},
};

static json_t *state_of(size_t index, const char *word)
{
    json_int_t drift[3] = {0, 0, 0};
    while (sl_drift_words[index][drift[index]] &&
           strcmp(sl_drift_words[index][drift[index]], word) != 0)
        drift[index]++;
    assert_non_null(sl_drift_words[index][drift[index]]);
    json_t *state =
        json_pack("{s:s, s:[], s:[], s:[], s:s, s:[I, I, I]}", "name", "orders", "columns", "rules",
                  "order_by", "filter", "", "drift", drift[0], drift[1], drift[2]);
    assert_non_null(state);
    return state;
}

static void each_change_of_a_policy_has_its_level(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct sl_arena arena = {0};
        struct sl_err err = {0};
        struct sl_contract_diff diff = {.arena = &arena};
        json_t *before = state_of(changes[i].index, changes[i].before);
        json_t *now = state_of(changes[i].index, changes[i].now);
        sl_arena_init(&arena, 0);
        assert_int_equal(sl_contract_diff_table(before, now, &diff, &err), SL_OK);
        assert_int_equal(diff.count, 1);
        if (strcmp(sl_contract_level_name(diff.level), changes[i].level) != 0)
            fail_msg("%s -> %s: %s, expected %s", changes[i].before, changes[i].now,
                     sl_contract_level_name(diff.level), changes[i].level);
        json_decref(before);
        json_decref(now);
        sl_arena_clear(&arena);
    }
}

// As many changes as there are pairs of words.
static void no_word_is_left_out(void **state)
{
    (void)state;
    size_t pairs = 0;
    for (size_t i = 0; i < 3; i++) {
        size_t words = 0;
        while (sl_drift_words[i][words])
            words++;
        pairs += words * (words - 1);
    }
    assert_int_equal(pairs, sizeof changes / sizeof *changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_change_of_a_policy_has_its_level),
        cmocka_unit_test(no_word_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
