#include "../base/test.h"

#include "serve/overlap.h"

static void what_becomes_of_a_run_follows_from_the_policy(void **state)
{
    static const struct {
        const char *what;
        struct sl_overlap_state state; // overlap, max_runs, active, cancelling, queued, is_full
        struct sl_overlap_answer answer;
    } cases[] = {
        {"nothing is at work", {SL_OVERLAP_QUEUE, 1, 0, 0, 0, false}, {SL_OVERLAP_START, 0, 0}},
        {"it waits for the other", {SL_OVERLAP_QUEUE, 1, 1, 0, 0, false}, {SL_OVERLAP_WAIT, 0, 0}},
        {"two may run at once", {SL_OVERLAP_QUEUE, 2, 1, 0, 0, false}, {SL_OVERLAP_START, 0, 0}},
        {"those that wait come first",
         {SL_OVERLAP_QUEUE, 2, 1, 0, 1, false},
         {SL_OVERLAP_WAIT, 0, 0}},
        {"others take all the room", {SL_OVERLAP_QUEUE, 1, 0, 0, 0, true}, {SL_OVERLAP_WAIT, 0, 0}},
        {"the queue has an end",
         {SL_OVERLAP_QUEUE, 1, 1, 0, SL_OVERLAP_QUEUE_MAX, false},
         {SL_OVERLAP_LEAVE_OUT, 0, 0}},
        {"nothing is at work", {SL_OVERLAP_SKIP, 1, 0, 0, 0, false}, {SL_OVERLAP_START, 0, 0}},
        {"it is left out", {SL_OVERLAP_SKIP, 1, 1, 0, 0, false}, {SL_OVERLAP_LEAVE_OUT, 0, 0}},
        {"it is left out while the other is cancelled",
         {SL_OVERLAP_SKIP, 1, 1, 1, 0, false},
         {SL_OVERLAP_LEAVE_OUT, 0, 0}},
        {"others are no reason to leave it out",
         {SL_OVERLAP_SKIP, 1, 0, 0, 0, true},
         {SL_OVERLAP_WAIT, 0, 0}},
        {"one that waits for others is",
         {SL_OVERLAP_SKIP, 1, 0, 0, 1, true},
         {SL_OVERLAP_LEAVE_OUT, 0, 0}},
        {"nothing is at work",
         {SL_OVERLAP_CANCEL_OLDER, 1, 0, 0, 0, false},
         {SL_OVERLAP_START, 0, 0}},
        {"the older one is cancelled",
         {SL_OVERLAP_CANCEL_OLDER, 1, 1, 0, 0, false},
         {SL_OVERLAP_WAIT, 1, 0}},
        {"once, and what waits gives way",
         {SL_OVERLAP_CANCEL_OLDER, 1, 1, 1, 1, false},
         {SL_OVERLAP_WAIT, 0, 1}},
        {"the oldest of two",
         {SL_OVERLAP_CANCEL_OLDER, 2, 2, 0, 0, false},
         {SL_OVERLAP_WAIT, 1, 0}},
        {"as many as are too many, when the limit was lowered",
         {SL_OVERLAP_CANCEL_OLDER, 1, 3, 1, 0, false},
         {SL_OVERLAP_WAIT, 2, 0}},
        {"others take all the room",
         {SL_OVERLAP_CANCEL_OLDER, 1, 0, 0, 1, true},
         {SL_OVERLAP_WAIT, 0, 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_overlap_answer found = sl_overlap_decide(&cases[i].state);
        if (found.verdict != cases[i].answer.verdict || found.cancel != cases[i].answer.cancel ||
            found.drop != cases[i].answer.drop)
            fail_msg("%s (%s): found %d, %d, %d", cases[i].what,
                     sl_overlap_name(cases[i].state.overlap), (int)found.verdict, (int)found.cancel,
                     (int)found.drop);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_becomes_of_a_run_follows_from_the_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
