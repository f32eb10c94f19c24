#include "schedule/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define TICKS_MAX 12

static struct sl_schedule make(const char *text, const char *zone)
{
    const bool is_interval = strchr(text, ' ') == NULL && text[0] != '@';
    struct sl_schedule schedule;
    struct sl_err err = {0};
    const struct sl_schedule_text given = {
        .cron = is_interval ? NULL : text, .every = is_interval ? text : NULL, .zone = zone};

    if (sl_schedule_parse(&given, &schedule, &err) != SL_OK)
        fail_msg("'%s' in %s: %s", text, zone, err.message);
    return schedule;
}

static int64_t at(const struct sl_schedule *schedule, const char *text)
{
    int64_t at_us;

    assert_true(sl_zone_parse(&schedule->zone, text, &at_us));
    return at_us;
}

// A tick in short: "2026-03-29T03:00+02:00", with "!" if it makes up for others, "=" if clocks have
// shown its time before.
static void write_tick(const struct sl_schedule *schedule, const struct sl_schedule_tick *tick,
                       char text[40])
{
    char local[40];

    (void)sl_zone_format(&schedule->zone, tick->at_us, local);
    (void)snprintf(text, 40, "%.16s%s%s%s", local, local + 19, tick->is_moved ? "!" : "",
                   tick->is_second ? "=" : "");
}

struct tick_case {
    const char *text, *zone, *after;
    const char *ticks[TICKS_MAX];
};

#define BERLIN "Europe/Berlin"
#define YORK "America/New_York"
#define HOWE "Australia/Lord_Howe"
#define APIA "Pacific/Apia"
#define CASA "Africa/Casablanca"

static const struct tick_case cases[] = {
    {"0 0 * * *",
     "UTC",
     "2026-02-27",
     {"2026-02-27T00:00Z", "2026-02-28T00:00Z", "2026-03-01T00:00Z"}},
    {"30 59 23 31 12 *", "UTC", "2026-01-01", {"2026-12-31T23:59Z", "2027-12-31T23:59Z"}},
    {"0 0 29 2 *", "UTC", "2097-01-01", {"2104-02-29T00:00Z", "2108-02-29T00:00Z"}},
    {"0 0 * 2 SUN#5",
     "UTC",
     "2033-01-01",
     {"2060-02-29T00:00Z", "2088-02-29T00:00Z", "2128-02-29T00:00Z"}},
    // Clocks from 02:00 to 03:00.
    {"30 2 * * *",
     BERLIN,
     "2026-03-28",
     {"2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00!", "2026-03-30T02:30+02:00"}},
    {"0 2 * * *", BERLIN, "2026-03-29", {"2026-03-29T03:00+02:00!", "2026-03-30T02:00+02:00"}},
    {"0 3 * * *", BERLIN, "2026-03-29", {"2026-03-29T03:00+02:00", "2026-03-30T03:00+02:00"}},
    {"0,20,40 2 * * *",
     BERLIN,
     "2026-03-29",
     {"2026-03-29T03:00+02:00!", "2026-03-30T02:00+02:00"}},
    {"0,30 2,3 * * *",
     BERLIN,
     "2026-03-29",
     {"2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00", "2026-03-30T02:00+02:00"}},
    {"*/30 2 * * *", BERLIN, "2026-03-29", {"2026-03-29T03:00+02:00!", "2026-03-30T02:00+02:00"}},
    {"*/30 1-3 * * *",
     BERLIN,
     "2026-03-29",
     {"2026-03-29T01:00+01:00", "2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00",
      "2026-03-29T03:30+02:00", "2026-03-30T01:00+02:00"}},
    {"30 * * * *",
     BERLIN,
     "2026-03-29T01:00",
     {"2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00", "2026-03-29T04:30+02:00"}},
    {"30 */2 * * *",
     BERLIN,
     "2026-03-29",
     {"2026-03-29T00:30+01:00", "2026-03-29T03:00+02:00!", "2026-03-29T04:30+02:00"}},
    {"30 */2 * * *",
     BERLIN,
     "2026-10-25",
     {"2026-10-25T00:30+02:00", "2026-10-25T02:30+02:00",
      "2026-10-25T02:30+01:00=", "2026-10-25T04:30+01:00"}},
    {"0 */24 * * *",
     "America/Sao_Paulo",
     "2018-11-03",
     {"2018-11-03T00:00-03:00", "2018-11-04T01:00-02:00!", "2018-11-05T00:00-02:00"}},
    {"59 59 1 * * *", BERLIN, "2026-03-29", {"2026-03-29T01:59+01:00", "2026-03-30T01:59+02:00"}},
    {"15 2 29 3 *", BERLIN, "2025-12-01", {"2026-03-29T03:00+02:00!", "2027-03-29T02:15+02:00"}},
    {"30 2 * * SUN", BERLIN, "2026-03-23", {"2026-03-29T03:00+02:00!", "2026-04-05T02:30+02:00"}},
    // Back from 03:00 to 02:00.
    {"30 2 * * *", BERLIN, "2026-10-25", {"2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"}},
    {"30 2 * * *", BERLIN, "2026-10-25T00:45Z", {"2026-10-26T02:30+01:00"}},
    {"0 3 * * *", BERLIN, "2026-10-25", {"2026-10-25T03:00+01:00"}},
    {"0,30 1-3 * * *",
     BERLIN,
     "2026-10-25",
     {"2026-10-25T01:00+02:00", "2026-10-25T01:30+02:00", "2026-10-25T02:00+02:00",
      "2026-10-25T02:30+02:00", "2026-10-25T03:00+01:00"}},
    {"30 * * * *",
     BERLIN,
     "2026-10-25T01:00",
     {"2026-10-25T01:30+02:00", "2026-10-25T02:30+02:00",
      "2026-10-25T02:30+01:00=", "2026-10-25T03:30+01:00"}},
    {"*/30 2 * * *",
     BERLIN,
     "2026-10-25",
     {"2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00",
      "2026-10-25T02:00+01:00=", "2026-10-25T02:30+01:00=", "2026-10-26T02:00+01:00"}},
    {"30 0-23 25 10 *",
     BERLIN,
     "2026-10-25T02:00",
     {"2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00=", "2026-10-25T03:30+01:00"}},
    {"30 2 * * *", YORK, "2026-03-07T12:00", {"2026-03-08T03:00-04:00!", "2026-03-09T02:30-04:00"}},
    {"30 1 * * *", YORK, "2026-10-31T12:00", {"2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"}},
    {"30 1 1 11 *", YORK, "2026-11-01T06:00Z", {"2027-11-01T01:30-04:00"}},
    {"45 * * * *",
     YORK,
     "2026-11-01T01:00",
     {"2026-11-01T01:45-04:00", "2026-11-01T01:45-05:00=", "2026-11-01T02:45-05:00"}},
    {"30 2 * * *", YORK, "2045-03-12", {"2045-03-12T03:00-04:00!", "2045-03-13T02:30-04:00"}},
    // By half an hour.
    {"15 2 * * *", HOWE, "2026-10-04", {"2026-10-04T02:30+11:00!", "2026-10-05T02:15+11:00"}},
    {"30 2 * * *", HOWE, "2026-10-04", {"2026-10-04T02:30+11:00", "2026-10-05T02:30+11:00"}},
    {"45 1 * * *", HOWE, "2026-04-05", {"2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"}},
    {"*/15 * * * *",
     HOWE,
     "2026-04-05T01:20",
     {"2026-04-05T01:30+11:00", "2026-04-05T01:45+11:00",
      "2026-04-05T01:30+10:30=", "2026-04-05T01:45+10:30=", "2026-04-05T02:00+10:30"}},
    // Without the 30th of December 2011, a Friday.
    {"0 9 * * *",
     APIA,
     "2011-12-29",
     {"2011-12-29T09:00-10:00", "2011-12-31T00:00+14:00!", "2011-12-31T09:00+14:00"}},
    {"0 9 30 * *", APIA, "2011-12-01", {"2011-12-31T00:00+14:00!", "2012-01-30T09:00+14:00"}},
    {"0 * * * *",
     APIA,
     "2011-12-29T22:30",
     {"2011-12-29T23:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T01:00+14:00"}},
    {"1d",
     APIA,
     "2011-12-29",
     {"2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00"}},
    {"24h",
     APIA,
     "2011-12-29",
     {"2011-12-29T01:00-10:00", "2011-12-31T01:00+14:00", "2012-01-01T01:00+14:00"}},
    // Back at the beginning of Ramadan, forward at its end.
    {"30 2 * * *", CASA, "2026-02-14T12:00", {"2026-02-15T02:30+01:00", "2026-02-16T02:30+00:00"}},
    {"30 2 * * *", CASA, "2026-03-21T12:00", {"2026-03-22T03:00+01:00!", "2026-03-23T02:30+01:00"}},
    // At midnight: the day begins at one, or a day has its last hour twice.
    {"0 0 * * *",
     "America/Sao_Paulo",
     "2018-11-03",
     {"2018-11-03T00:00-03:00", "2018-11-04T01:00-02:00!", "2018-11-05T00:00-02:00"}},
    {"0 * * * SAT",
     "America/Sao_Paulo",
     "2018-02-17T22:30",
     {"2018-02-17T23:00-02:00", "2018-02-17T23:00-03:00=", "2018-02-24T00:00-03:00"}},
    {"15m",
     "Asia/Kathmandu",
     "2026-01-01T00:20",
     {"2026-01-01T00:30+05:45", "2026-01-01T00:45+05:45"}},
    {"1d", BERLIN, "2026-03-28T12:00", {"2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"}},
    {"1w", BERLIN, "2026-03-25", {"2026-03-30T00:00+02:00", "2026-04-06T00:00+02:00"}},
    {"6h", BERLIN, "2026-03-28T20:00", {"2026-03-29T00:00+01:00", "2026-03-29T07:00+02:00"}},
    {"45s", "UTC", "2026-01-01", {"2026-01-01T00:00Z", "2026-01-01T00:00Z", "2026-01-01T00:01Z"}},
};

// What comes after a time, what comes up to the last of it, and the way back are one list. `after`
// counts here.
static void ticks_are_found_in_both_directions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct tick_case *given = &cases[i];
        struct sl_schedule schedule = make(given->text, given->zone);
        struct sl_schedule_tick ticks[TICKS_MAX], tick, alone;
        struct sl_zone_span cache = {0};
        int64_t after_us = at(&schedule, given->after) - 1;
        const int64_t start_us = after_us;
        char found[40];
        size_t count = 0;

        for (; count < TICKS_MAX && given->ticks[count]; count++) {
            assert_true(sl_schedule_next(&schedule, after_us, &cache, &tick));
            write_tick(&schedule, &tick, found);
            if (strcmp(found, given->ticks[count]) != 0)
                fail_msg("'%s' in %s: %s, not %s", given->text, given->zone, found,
                         given->ticks[count]);
            assert_true(sl_schedule_next(&schedule, after_us, NULL, &alone));
            assert_int_equal(alone.at_us, tick.at_us);
            assert_true(tick.at_us > after_us);
            after_us = tick.at_us;
        }
        assert_int_equal(sl_schedule_between(&schedule, start_us, after_us, ticks, TICKS_MAX),
                         count);
        assert_int_equal(sl_schedule_between(&schedule, start_us, after_us - 1, NULL, TICKS_MAX),
                         count - 1);
        after_us++;
        while (count-- > 0) {
            assert_true(sl_schedule_previous(&schedule, after_us, &cache, &tick));
            write_tick(&schedule, &tick, found);
            if (strcmp(found, given->ticks[count]) != 0)
                fail_msg("'%s' in %s, back: %s, not %s", given->text, given->zone, found,
                         given->ticks[count]);
            assert_memory_equal(&tick.at_us, &ticks[count].at_us, sizeof tick.at_us);
            after_us = tick.at_us;
        }
        assert_true(!sl_schedule_previous(&schedule, after_us, NULL, &tick) ||
                    tick.at_us <= start_us);
        sl_schedule_clear(&schedule);
    }
}

struct day_case {
    const char *text, *zone;
    const char *skip[4], *only[4];
    const char *after;
    const char *ticks[TICKS_MAX];
};

static const struct day_case day_cases[] = {
    {"0 6 * * *",
     "UTC",
     {"SAT-SUN", "05-01"},
     {0},
     "2026-04-30",
     {"2026-04-30T06:00Z", "2026-05-04T06:00Z"}},
    {"0 6 * * *",
     "UTC",
     {"12-24..01-06"},
     {0},
     "2026-12-23",
     {"2026-12-23T06:00Z", "2027-01-07T06:00Z"}},
    {"0 6 * * *",
     "UTC",
     {0},
     {"2026-02-01", "monday..TUE"},
     "2026-02-01",
     {"2026-02-01T06:00Z", "2026-02-02T06:00Z", "2026-02-03T06:00Z", "2026-02-09T06:00Z"}},
    {"0 6 * * *", "UTC", {"2026-02-03..2026-02-20"}, {"TUE"}, "2026-02-01", {"2026-02-24T06:00Z"}},
    // The day is the one in the zone: at 23:30 UTC it is tomorrow in Berlin.
    {"30 0 * * *",
     BERLIN,
     {"SUN"},
     {0},
     "2026-05-02",
     {"2026-05-02T00:30+02:00", "2026-05-04T00:30+02:00"}},
    // What makes up for the 30th is of the 30th.
    {"0 9 * * *",
     APIA,
     {"2011-12-30"},
     {0},
     "2011-12-29",
     {"2011-12-29T09:00-10:00", "2011-12-31T09:00+14:00"}},
    {"0 9 * * *",
     APIA,
     {"2011-12-31"},
     {0},
     "2011-12-29",
     {"2011-12-29T09:00-10:00", "2011-12-31T00:00+14:00!", "2012-01-01T09:00+14:00"}},
    {"0 * * * *", BERLIN, {0}, {"2026-10-25"}, "2026-10-25T23:00", {"2026-10-25T23:00+01:00"}},
    {"0 * * * *",
     "America/Sao_Paulo",
     {0},
     {"2018-02-17"},
     "2018-02-17T23:00",
     {"2018-02-17T23:00-02:00", "2018-02-17T23:00-03:00="}},
    {"8h",
     BERLIN,
     {"SAT-SUN"},
     {0},
     "2026-05-01",
     {"2026-05-01T01:00+02:00", "2026-05-01T09:00+02:00", "2026-05-01T17:00+02:00",
      "2026-05-04T01:00+02:00"}},
    {"30m",
     "America/Sao_Paulo",
     {0},
     {"2018-02-17"},
     "2018-02-17T23:15",
     {"2018-02-17T23:30-02:00", "2018-02-17T23:00-03:00=", "2018-02-17T23:30-03:00="}},
    {"2d", "UTC", {"01-03"}, {0}, "2026-01-01", {"2026-01-01T00:00Z", "2026-01-05T00:00Z"}},
};

static void days_of_the_calendar_are_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(day_cases); i++) {
        const struct day_case *given = &day_cases[i];
        struct sl_schedule schedule = make(given->text, given->zone);
        struct sl_arena arena;
        struct sl_err err = {0};
        struct sl_schedule_tick tick;
        char found[40];
        size_t count = 0;

        sl_arena_init(&arena, 0);
        for (size_t j = 0; given->skip[j]; j++)
            assert_int_equal(sl_day_set_add(&schedule.calendar.skip, given->skip[j], &arena, &err),
                             0);
        for (size_t j = 0; given->only[j]; j++)
            assert_int_equal(sl_day_set_add(&schedule.calendar.only, given->only[j], &arena, &err),
                             0);
        int64_t after_us = at(&schedule, given->after) - 1;
        for (; given->ticks[count]; count++) {
            assert_true(sl_schedule_next(&schedule, after_us, NULL, &tick));
            write_tick(&schedule, &tick, found);
            if (strcmp(found, given->ticks[count]) != 0)
                fail_msg("'%s' in %s: %s, not %s", given->text, given->zone, found,
                         given->ticks[count]);
            after_us = tick.at_us;
        }
        for (after_us++; count-- > 0; after_us = tick.at_us) {
            assert_true(sl_schedule_previous(&schedule, after_us, NULL, &tick));
            write_tick(&schedule, &tick, found);
            assert_string_equal(found, given->ticks[count]);
        }
        sl_schedule_clear(&schedule);
        sl_arena_clear(&arena);
    }
}

static void what_is_over_or_never_comes_has_no_tick(void **state)
{
    struct sl_schedule schedule = make("0 6 * * *", BERLIN);
    struct sl_arena arena;
    struct sl_err err = {0};
    struct sl_schedule_tick tick = {.at_us = 42};

    (void)state;
    sl_arena_init(&arena, 0);
    assert_int_equal(sl_day_set_add(&schedule.calendar.only, "2026-01-01", &arena, &err), SL_OK);
    assert_false(sl_schedule_next(&schedule, at(&schedule, "2026-01-01T06:00"), NULL, &tick));
    assert_false(sl_schedule_previous(&schedule, at(&schedule, "2026-01-01T06:00"), NULL, &tick));
    assert_int_equal(tick.at_us, 42);
    assert_int_equal(sl_schedule_between(&schedule, 0, INT64_MAX, NULL, 100), 1);
    assert_int_equal(sl_day_set_add(&schedule.calendar.skip, "01-01", &arena, &err), SL_OK);
    assert_int_equal(sl_schedule_between(&schedule, 0, INT64_MAX, NULL, 100), 0);
    sl_schedule_clear(&schedule);
    sl_schedule_clear(&schedule);
    sl_schedule_clear(NULL);
    sl_arena_clear(&arena);
}

static void the_ends_of_time_are_no_trap(void **state)
{
    static const char *const texts[] = {"* * * * * *", "0 0 * 2 FRI#5", "1d", "7s", "@yearly"};
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        for (size_t j = 0; j < COUNT_OF(times); j++) {
            struct sl_schedule schedule = make(texts[i], BERLIN);
            struct sl_schedule_tick tick;
            if (sl_schedule_next(&schedule, times[j], NULL, &tick))
                assert_true(tick.at_us > times[j]);
            else
                assert_true(times[j] > 0);
            if (sl_schedule_previous(&schedule, times[j], NULL, &tick))
                assert_true(tick.at_us < times[j]);
            else
                assert_true(times[j] < 0);
            sl_schedule_clear(&schedule);
        }
}

static void a_part_of_a_second_is_not_lost(void **state)
{
    struct sl_schedule schedule = make("* * * * * *", NULL);
    struct sl_schedule_tick tick;

    (void)state;
    for (int64_t second_us = -2000000; second_us <= 2000000; second_us += 1000000) {
        assert_true(sl_schedule_next(&schedule, second_us - 1, NULL, &tick));
        assert_int_equal(tick.at_us, second_us);
        assert_true(sl_schedule_next(&schedule, second_us, NULL, &tick));
        assert_int_equal(tick.at_us, second_us + 1000000);
        assert_true(sl_schedule_previous(&schedule, second_us + 1, NULL, &tick));
        assert_int_equal(tick.at_us, second_us);
        assert_true(sl_schedule_previous(&schedule, second_us, NULL, &tick));
        assert_int_equal(tick.at_us, second_us - 1000000);
    }
    sl_schedule_clear(&schedule);
}

// Wide bounds: hundreds of times what it takes here, and far from what walking second by second
// through years would.
static void many_and_rare_ticks_are_found_fast(void **state)
{
    struct sl_schedule often = make("*/5 * * * *", BERLIN), rare = make("0 0 29 2 *", BERLIN);
    struct sl_schedule_tick *ticks = calloc(10000, sizeof *ticks), tick;
    const int64_t start_us = sl_clock_monotonic_us();

    (void)state;
    assert_non_null(ticks);
    assert_int_equal(sl_schedule_between(&often, 0, INT64_MAX, ticks, 10000), 10000);
    assert_int_equal(ticks[9999].at_us, INT64_C(10000) * 300 * 1000000);
    assert_int_equal(sl_schedule_between(&often, 0, INT64_MAX, NULL, 1000000), 1000000);
    for (int i = 0; i < 1000; i++)
        assert_true(sl_schedule_next(&rare, at(&rare, "2096-03-01"), NULL, &tick));
    assert_true(sl_clock_monotonic_us() - start_us < 20000000);
    free(ticks);
    sl_schedule_clear(&often);
    sl_schedule_clear(&rare);
}

static void *ask(void *self)
{
    for (int i = 0; i < 200; i++) {
        struct sl_schedule own = make("30 2 * * *", i % 2 ? BERLIN : YORK);
        struct sl_schedule_tick tick, other;
        assert_true(sl_schedule_next(self, 0, NULL, &tick));
        assert_true(sl_schedule_next(self, tick.at_us, NULL, &other) && other.at_us > tick.at_us);
        sl_schedule_clear(&own);
    }
    return NULL;
}

static void threads_may_share_a_schedule(void **state)
{
    struct sl_schedule schedule = make("30 2 * * *", BERLIN);
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &schedule), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    sl_schedule_clear(&schedule);
}

static void mistakes_leave_the_schedule_alone(void **state)
{
    static const struct {
        struct sl_schedule_text text;
        enum sl_code code;
        int line;
        const char *words;
    } wrong[] = {
        {{.cron = "x"}, SL_E_CRON, 1, "found 1 cron field"},
        {{.cron = "0 0 * * 9", .zone = BERLIN}, SL_E_CRON, 1, "found '9'"},
        {{.cron = "@daily", .zone = "Berlin"}, SL_E_TIME_ZONE, 0, "'Berlin' is no time zone"},
        {{.cron = "@daily", .zone = "/etc/passwd"}, SL_E_TIME_ZONE, 0, "no time zone"},
        {{.cron = "@daily", .zone = "Europe"}, SL_E_TIME_ZONE, 0, "no time zone"},
        {{.cron = "@daily", .zone = "+02:00"}, SL_E_TIME_ZONE, 0, "no time zone"},
        {{.cron = "@daily", .zone = "Europe/../UTC"}, SL_E_TIME_ZONE, 0, "no time zone"},
        {{.every = ""}, SL_E_INTERVAL, 1, "found '' as an interval"},
        {{.every = "15"}, SL_E_INTERVAL, 1, "found '15' as an interval"},
        {{.every = "-1d"}, SL_E_INTERVAL, 1, "found '-1d' as an interval"},
        {{.every = "0d"}, SL_E_INTERVAL, 1, "expected 1s to 3660d"},
        {{.every = "3661d"}, SL_E_INTERVAL, 1, "expected 1s to 3660d"},
        {{.every = "99999999999999999999d"}, SL_E_INTERVAL, 1, "as an interval"},
        {{.every = "1d", .anchor = "x"}, SL_E_INTERVAL, 0, "anchor, expected a date or timestamp"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct sl_schedule schedule = {.step = 42};
        struct sl_err err = {0};

        assert_int_equal(sl_schedule_parse(&wrong[i].text, &schedule, &err), wrong[i].code);
        if (!strstr(err.message, wrong[i].words))
            fail_msg("%s", err.message);
        assert_int_equal(err.line, wrong[i].line);
        assert_int_equal(schedule.step, 42);
    }
}

static void days_that_cannot_be_read_are_told(void **state)
{
    static const struct {
        const char *text, *words;
        int column;
    } wrong[] = {
        {"", "found ''", 1},
        {"2026-02-29", "found '2026-02-29' at column 1", 1},
        {"02-30", "found '02-30'", 1},
        {"SA", "found 'SA'", 1},
        {"SATURDAYS", "found 'SATURDAYS'", 1},
        {"2026-01-01x", "found 'x' at column 11", 11},
        {"2026-01-01..", "found '' at column 13", 13},
        {"2026-01-01..SAT", "found '' at column 13", 13},
        {"SAT-", "found '' at column 5", 5},
        {"2026-01-02..2026-01-01", "ends before it begins", 1},
        {"2026-01-01-2026-01-02", "found '-2026-01-02' at column 11", 11},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct sl_day_set set = {0};
        struct sl_arena arena;
        struct sl_err err = {0};

        sl_arena_init(&arena, 0);
        assert_int_equal(sl_day_set_add(&set, wrong[i].text, &arena, &err), SL_E_CALENDAR);
        if ((!strstr(err.message, wrong[i].words) && i != 7) || err.column != wrong[i].column)
            fail_msg("'%s': %s", wrong[i].text, err.message);
        assert_int_equal(set.count, 0);
        sl_arena_clear(&arena);
    }
}

static bool counts(const struct sl_calendar *calendar, const char *text)
{
    int64_t day;

    assert_true(sl_days_take(&text, &day));
    const struct sl_date date = sl_date_of(day);
    return sl_calendar_has(calendar, &date, day);
}

static void ranges_of_days_are_joined(void **state)
{
    static const char *const items[] = {
        "2026-01-10", "2026-01-20", "2026-01-01..2026-01-03", "2026-01-15",
        "2026-01-11", "2026-01-09", "2026-01-02..2026-01-05"};
    struct sl_calendar calendar = {0};
    struct sl_arena arena;
    struct sl_err err = {0};

    (void)state;
    sl_arena_init(&arena, 0);
    for (size_t i = 0; i < COUNT_OF(items); i++)
        assert_int_equal(sl_day_set_add(&calendar.skip, items[i], &arena, &err), SL_OK);
    assert_int_equal(calendar.skip.count, 4); // 1-5, 9-11, 15, 20
    for (int day = 1; day <= 31; day++) {
        char text[16];
        const bool is_skipped = day <= 5 || (day >= 9 && day <= 11) || day == 15 || day == 20;
        (void)snprintf(text, sizeof text, "2026-01-%02d", day);
        assert_int_equal(counts(&calendar, text), !is_skipped);
    }
    assert_int_equal(sl_day_set_add(&calendar.skip, "2026-01-05..2026-01-19", &arena, &err), 0);
    assert_int_equal(calendar.skip.count, 1);
    assert_false(counts(&calendar, "2026-01-01") || counts(&calendar, "2026-01-20"));
    assert_true(counts(&calendar, "2025-12-31") && counts(&calendar, "2026-01-21"));
    sl_arena_clear(&arena);
}

// Days of twenty years, each by itself, in an order that is none.
static void long_lists_of_days_are_fast(void **state)
{
    struct sl_schedule schedule = make("0 6 * * *", BERLIN);
    struct sl_arena arena;
    struct sl_err err = {0};
    struct sl_schedule_tick tick;
    const int64_t start_us = sl_clock_monotonic_us();

    (void)state;
    sl_arena_init(&arena, 0);
    for (int64_t i = 0; i < 7300; i++) {
        const struct sl_date date = sl_date_of(20000 + i * 3331 % 7300 * 2);
        char text[24];
        (void)snprintf(text, sizeof text, "%d-%02d-%02d", date.year % 10000, date.month % 100,
                       date.day % 100);
        assert_int_equal(sl_day_set_add(&schedule.calendar.only, text, &arena, &err), SL_OK);
    }
    assert_int_equal(schedule.calendar.only.count, 7300);
    assert_int_equal(sl_schedule_between(&schedule, 0, INT64_MAX, NULL, 10000), 7300);
    assert_false(sl_schedule_next(&schedule, at(&schedule, "2200-01-01"), NULL, &tick));
    assert_true(sl_clock_monotonic_us() - start_us < 20000000);
    sl_schedule_clear(&schedule);
    sl_arena_clear(&arena);
}

static void days_are_read_from_yaml_with_their_places(void **state)
{
    static const char text[] = "skip:\n  - 2026-12-24..2026-12-26\n  - SAT-SUN\n  - 2026-02-30\n"
                               "  - [1]\n  - 05-01\nonly: monday\n";
    struct sl_calendar calendar = {0};
    struct sl_arena arena;
    struct sl_err err = {0};
    struct sl_diags diags = SL_DIAGS_INIT;
    struct sl_yaml *map;

    (void)state;
    sl_arena_init(&arena, 0);
    assert_int_equal(
        sl_yaml_parse(text, strlen(text), "sluice.yml", 1, 1, &arena, &diags, &map, &err), SL_OK);
    assert_int_equal(
        sl_day_set_read(&calendar.skip, sl_yaml_get(map, "skip"), &arena, &diags, &err), SL_OK);
    assert_int_equal(
        sl_day_set_read(&calendar.only, sl_yaml_get(map, "only"), &arena, &diags, &err), SL_OK);
    assert_int_equal(diags.error_count, 2);
    assert_int_equal(diags.items[0].err.code, SL_E_CALENDAR);
    assert_int_equal(diags.items[0].err.line, 4);
    assert_int_equal(diags.items[0].err.column, 5);
    assert_string_equal(diags.items[0].err.file, "sluice.yml");
    assert_int_equal(diags.items[1].err.code, SL_E_VALUE_TYPE);
    assert_int_equal(diags.items[1].err.line, 5);
    assert_true(counts(&calendar, "2026-12-21"));  // a Monday
    assert_false(counts(&calendar, "2026-12-22")); // a Tuesday
    assert_false(counts(&calendar, "2028-05-01")); // a Monday
    sl_diags_clear(&diags);
    sl_arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_found_in_both_directions),
        cmocka_unit_test(days_of_the_calendar_are_left_out),
        cmocka_unit_test(what_is_over_or_never_comes_has_no_tick),
        cmocka_unit_test(the_ends_of_time_are_no_trap),
        cmocka_unit_test(a_part_of_a_second_is_not_lost),
        cmocka_unit_test(many_and_rare_ticks_are_found_fast),
        cmocka_unit_test(threads_may_share_a_schedule),
        cmocka_unit_test(mistakes_leave_the_schedule_alone),
        cmocka_unit_test(days_that_cannot_be_read_are_told),
        cmocka_unit_test(ranges_of_days_are_joined),
        cmocka_unit_test(long_lists_of_days_are_fast),
        cmocka_unit_test(days_are_read_from_yaml_with_their_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
