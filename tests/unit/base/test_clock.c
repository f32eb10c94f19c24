#include "test.h"

#include "base/clock.h"

#include <ctype.h>

static void times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t time_us;
    } cases[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:01Z", 1000000},
        {"2026-01-31T12:34:56.789Z", 1769862896789000},
        {"2026-01-31 12:34:56.789", 1769862896789000},
        {"2026-01-31T14:34:56.789+02:00", 1769862896789000},
        {"2026-01-31T14:34:56.789+0200", 1769862896789000},
        {"2026-01-31T10:34:56.789-02", 1769862896789000},
        {"2026-01-31T12:34:56.7890009999", 1769862896789000},
        {"2024-02-29", 1709164800000000},
        {"2000-02-29T00:00", 951782400000000},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"0001-01-01", -62135596800000000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_us = 42;

        assert_int_equal(sl_clock_parse(cases[i].text, &time_us), 0);
        assert_int_equal(time_us, cases[i].time_us);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const cases[] = {
        NULL,
        "",
        "x",
        "2026",
        "2026-1-01",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-01-32",
        "2026-04-31",
        "2025-02-29",
        "1900-02-29",
        "2026-01-01T",
        "2026-01-01T1:00",
        "2026-01-01T24:00",
        "2026-01-01T00:60",
        "2026-01-01T00:00:60",
        "2026-01-01T00:00:00.",
        "2026-01-01T00:00:00X",
        "2026-01-01T00:00:00+1",
        "2026-01-01T00:00:00+24",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00Zx",
        "2026-01-01x00:00",
        "2026-01-01T00:00:00+01:0",
        "2026-01-01 ",
        "2026/01-01",
        "2026-01/01",
        "2026-0a-01",
        "2026-01-0a",
        "2026-01-01T00.00",
        "2026-01-01T00:0",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2026-01-01T00:00:0",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t time_us = 42;

        assert_int_equal(sl_clock_parse(cases[i], &time_us), -1);
        assert_int_equal(time_us, 42);
    }
}

static void times_are_written_in_utc_to_the_microsecond(void **state)
{
    static const struct {
        int64_t time_us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {-1000000, "1969-12-31T23:59:59.000000Z"},
        {1769862896789001, "2026-01-31T12:34:56.789001Z"},
        {-31075660800000000, "0985-04-02T00:00:00.000000Z"},
        {-62167219200000000, "0000-01-01T00:00:00.000000Z"},
        {INT64_MAX, "294247-01-10T04:00:54.775807Z"},
        {INT64_MIN, "-290308-12-21T19:59:05.224192Z"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char buffer[32];

        assert_string_equal(sl_clock_format(cases[i].time_us, buffer), cases[i].text);
    }
}

static void a_fixed_clock_moves_by_a_microsecond_a_reading(void **state)
{
    int64_t start_us;
    int64_t first;

    (void)state;
    assert_int_equal(sl_clock_parse("2026-01-31", &start_us), 0);
    assert_int_equal(setenv("SLUICE_CLOCK", "2026-01-31T00:00:00Z", 1), 0);
    first = sl_clock_now_us();
    assert_true(first >= start_us && first < start_us + 1000);
    assert_int_equal(sl_clock_now_us(), first + 1);
    assert_int_equal(setenv("SLUICE_CLOCK", "yesterday", 1), 0);
    assert_true(sl_clock_now_us() > start_us + 1000000);
    assert_int_equal(unsetenv("SLUICE_CLOCK"), 0);
    assert_true(sl_clock_now_us() > start_us + 1000000);
}

static void the_monotonic_clock_never_goes_back(void **state)
{
    int64_t last = sl_clock_monotonic_us();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        int64_t now = sl_clock_monotonic_us();

        assert_true(now >= last);
        last = now;
    }
}

static void uuids_are_version_4_and_all_different(void **state)
{
    char uuids[100][37];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(uuids); i++) {
        const char *uuid = sl_uuid(uuids[i]);

        assert_int_equal(strlen(uuid), 36);
        for (size_t at = 0; at < 36; at++) {
            if (at == 8 || at == 13 || at == 18 || at == 23)
                assert_int_equal(uuid[at], '-');
            else
                assert_true(isxdigit((unsigned char)uuid[at]) && !isupper((unsigned char)uuid[at]));
        }
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(uuids[i], uuids[j]);
    }
}

static void random_numbers_follow_from_their_seed_where_the_clock_is_fixed(void **state)
{
    (void)state;
    setenv("SLUICE_CLOCK", "2026-01-31T00:00:00Z", 1);
    for (uint64_t i = 0; i < 100; i++) {
        assert_true(sl_random("load w.m", i) == sl_random("load w.m", i));
        assert_true(sl_random("load w.m", i) != sl_random("load w.m", i + 1));
        assert_true(sl_random("load w.m", i) != sl_random("load w.n", i));
    }
    unsetenv("SLUICE_CLOCK");
    assert_true(sl_random("load w.m", 1) != sl_random("load w.m", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_are_written_in_utc_to_the_microsecond),
        cmocka_unit_test(a_fixed_clock_moves_by_a_microsecond_a_reading),
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(uuids_are_version_4_and_all_different),
        cmocka_unit_test(random_numbers_follow_from_their_seed_where_the_clock_is_fixed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
