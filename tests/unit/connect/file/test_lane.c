// The way to the engine: long lines ask for care, and a reader that goes away ends the writing.
#include "splitting.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void a_line_too_long_for_the_fast_way_asks_for_care(void **state)
{
    struct splitting splitting;
    size_t length = SL_LANE_LINE_BYTES + 10;
    char *text = malloc(length + 32);

    (void)state;
    splitting_init(&splitting);
    assert_non_null(text);
    strcpy(text, "a\nx\n");
    memset(text + 4, 'y', length);
    strcpy(text + 4 + length, "\nz\n");
    splitting_write(&splitting, text, strlen(text));
    assert_int_equal(splitting_run(&splitting, 0), SL_OK);
    assert_true(splitting.lane.needs_care);
    assert_int_equal(splitting.lane.longest_bytes, length + strlen("3,,\n"));
    splitting.lane.is_careful = true;
    assert_int_equal(splitting_run(&splitting, 0), SL_OK);
    assert_false(splitting.lane.needs_care);
    assert_int_equal(splitting.lane.records, 3);
    assert_int_equal(splitting.records.length, strlen("2: [x]\n3: []\n4: [z]\n") + length);
    free(text);
    splitting_clear(&splitting);
}

static void a_corrupt_line_counts_twice_its_length(void **state)
{
    struct splitting splitting;
    size_t length = SL_LANE_LINE_BYTES / 2 + 10;
    char *text = malloc(length + 32);

    (void)state;
    splitting_init(&splitting);
    assert_non_null(text);
    strcpy(text, "a,b\n");
    memset(text + 4, 'y', length);
    strcpy(text + 4 + length, "\n1,2\n");
    splitting_write(&splitting, text, strlen(text));
    assert_int_equal(splitting_run(&splitting, 0), SL_OK);
    assert_true(splitting.lane.needs_care);
    free(text);
    splitting_clear(&splitting);
}

static void writing_ends_when_nobody_reads(void **state)
{
    struct sl_lane lane = {.delimiter = ',', .quote = '"', .column_count = 1};
    struct sl_err err = {0};
    int fds[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    lane.fd = fds[1];
    assert_int_equal(sl_lane_verbatim(&lane, 1, "x", 1, &err), SL_OK);
    assert_int_equal(sl_lane_flush(&lane, &err), SL_E_INTERRUPTED);
    assert_true(lane.is_gone);
    sl_lane_clear(&lane);
    close(fds[1]);
}

static void the_sum_of_positions_wraps_at_two_to_the_63(void **state)
{
    struct sl_lane lane = {.fd = -1, .delimiter = ',', .quote = '"', .column_count = 1};

    (void)state;
    assert_int_equal(sl_lane_verbatim(&lane, INT64_MAX, "x", 1, NULL), SL_OK);
    assert_int_equal(sl_lane_verbatim(&lane, 3, "x", 1, NULL), SL_OK);
    assert_int_equal(lane.position_sum, 2);
    sl_lane_clear(&lane);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_too_long_for_the_fast_way_asks_for_care),
        cmocka_unit_test(a_corrupt_line_counts_twice_its_length),
        cmocka_unit_test(writing_ends_when_nobody_reads),
        cmocka_unit_test(the_sum_of_positions_wraps_at_two_to_the_63),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
