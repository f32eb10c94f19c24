#include "schedule/cron.h"
#include "schedule/days.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void dates_and_days_are_two_names_of_one_thing(void **state)
{
    int64_t days = SL_DAY_MIN;
    int weekday = 1; // 0001-01-01 was a Monday

    (void)state;
    for (int year = 1; year <= 9999; year += year < 2200 && year > 1800 ? 1 : 7) {
        days = sl_days_of(year, 1, 1);
        weekday = sl_date_of(days).weekday;
        for (int month = 1; month <= 12; month++)
            for (int day = 1; day <= sl_month_days(year, month); day++, days++) {
                const struct sl_date date = sl_date_of(days);
                assert_int_equal(sl_days_of(year, month, day), days);
                assert_true(date.year == year && date.month == month && date.day == day);
                assert_int_equal(date.weekday, weekday);
                weekday = (weekday + 1) % 7;
            }
    }
    assert_int_equal(sl_days_of(1970, 1, 1), 0);
    assert_int_equal(sl_date_of(0).weekday, 4);
    assert_int_equal(sl_days_of(1, 1, 1), SL_DAY_MIN);
    assert_int_equal(sl_days_of(9999, 12, 31), SL_DAY_MAX);
}

static void fields_become_sets(void **state)
{
    static const struct {
        const char *text;
        uint64_t seconds, minutes, hours, days, months, weekdays;
    } cases[] = {
        {"0 0 1 1 0", 1, 1, 1, 1 << 1, 1 << 1, 1},
        {"5 0 0 1 1 7", 1 << 5, 1, 1, 1 << 1, 1 << 1, 1},
        {"1,3-5 */6 1 JAN,mar-May MON-fri", 1, 2 | 8 | 16 | 32, 1 | 1 << 6 | 1 << 12 | 1 << 18, 2,
         2 | 8 | 16 | 32, 62},
        {"58-1 22-2/2 30-2 NOV-FEB FRI-MON", 1, 3 | UINT64_C(3) << 58, 1 << 22 | 1 | 1 << 2,
         UINT64_C(3) << 30 | 6, 3 << 11 | 6, 32 | 64 | 1 | 2},
        {"50/5 20/2 28/1 10/1 5/1", 1, UINT64_C(1) << 50 | UINT64_C(1) << 55, 1 << 20 | 1 << 22,
         UINT64_C(15) << 28, 7 << 10, 96},
        {"0 0 ? * 5-7", 1, 1, 1, UINT64_C(0xfffffffe), 0x1ffe, 32 | 64 | 1},
        {"0 0 ? * 7-2", 1, 1, 1, UINT64_C(0xfffffffe), 0x1ffe, 7},
        {"0 0 ? * 0-7", 1, 1, 1, UINT64_C(0xfffffffe), 0x1ffe, 127},
        {" \t0  0\t* * * ", 1, 1, 1, UINT64_C(0xfffffffe), 0x1ffe, 127},
        {"@Weekly", 1, 1, 1, UINT64_C(0xfffffffe), 0x1ffe, 1},
        {"@yearly", 1, 1, 1, 2, 2, 127},
        {"@annually", 1, 1, 1, 2, 2, 127},
        {"@monthly", 1, 1, 1, 2, 0x1ffe, 127},
        {"@daily", 1, 1, 1, UINT64_C(0xfffffffe), 0x1ffe, 127},
        {"@midnight", 1, 1, 1, UINT64_C(0xfffffffe), 0x1ffe, 127},
        {"@hourly ", 1, 1, 0xffffff, UINT64_C(0xfffffffe), 0x1ffe, 127},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_cron cron;
        struct sl_err err = {0};

        if (sl_cron_parse(cases[i].text, &cron, &err) != SL_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        assert_int_equal(cron.seconds, cases[i].seconds);
        assert_int_equal(cron.minutes, cases[i].minutes);
        assert_int_equal(cron.hours, cases[i].hours);
        assert_int_equal(cron.days, cases[i].days);
        assert_int_equal(cron.months, cases[i].months);
        assert_int_equal(cron.weekdays, cases[i].weekdays);
    }
}

// The days of one month that match, as "1 15".
static void days_are_found(void **state)
{
    static const struct {
        const char *text;
        int year, month;
        const char *days;
    } cases[] = {
        {"0 0 L * *", 2026, 2, "28"},
        {"0 0 L * *", 2028, 2, "29"},
        {"0 0 L * *", 1900, 2, "28"},
        {"0 0 L-2,L * *", 2026, 4, "28 30"},
        {"0 0 * * 5L", 2026, 5, "29"},
        {"0 0 * * FRIL,sunl", 2026, 5, "29 31"},
        {"0 0 * * FRI#2", 2026, 5, "8"},
        {"0 0 * * 7#1,MON#5", 2026, 5, "3"},
        {"0 0 * * 7#1,MON#5", 2026, 6, "7 29"},
        {"0 0 LW * *", 2026, 5, "29"},  // the 31st is a Sunday
        {"0 0 LW * *", 2026, 10, "30"}, // ... a Saturday
        {"0 0 LW * *", 2026, 6, "30"},
        {"0 0 15W * *", 2026, 8, "14"},  // a Saturday
        {"0 0 15W * *", 2026, 11, "16"}, // a Sunday
        {"0 0 15W * *", 2026, 7, "15"},
        {"0 0 1W * *", 2026, 8, "3"},   // a Saturday
        {"0 0 1W * *", 2026, 2, "2"},   // a Sunday
        {"0 0 31W * *", 2026, 5, "29"}, // a Sunday
        {"0 0 31W * *", 2026, 6, ""},
        {"0 0 31W * *", 2026, 10, "30"},
        {"0 0 30W * *", 2026, 5, "29"},
        {"0 0 1W,15W,LW * *", 2026, 8, "3 14 31"},
        // Either is enough if both are restricted, ...
        {"0 0 13 * FRI", 2026, 3, "6 13 20 27"},
        {"0 0 13 * FRI", 2026, 5, "1 8 13 15 22 29"},
        {"0 0 L * MON#1", 2026, 5, "4 31"},
        // ... unless one begins with a star.
        {"0 0 */10 * SUN", 2026, 5, "31"},
        {"0 0 1-7 * */7", 2026, 5, "3"},
        {"0 0 ? * 1", 2026, 5, "4 11 18 25"},
        {"0 0 13 * ?", 2026, 5, "13"},
        {"0 0 1-31 * MON", 2026, 2,
         "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 "
         "25 26 27 28"},
        {"0 0 28-2 5 *", 2026, 5, "1 2 28 29 30 31"},
        {"0 0 1 6 *", 2026, 5, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_cron cron;
        struct sl_err err = {0};
        char days[128] = "";

        if (sl_cron_parse(cases[i].text, &cron, &err) != SL_OK)
            fail_msg("%s: %s", cases[i].text, err.message);
        for (int day = 1; day <= sl_month_days(cases[i].year, cases[i].month); day++) {
            const struct sl_date date = sl_date_of(sl_days_of(cases[i].year, cases[i].month, day));
            const size_t length = strlen(days);
            if (sl_cron_has_day(&cron, &date))
                (void)snprintf(days + length, sizeof days - length, "%s%d", length ? " " : "", day);
        }
        if (strcmp(days, cases[i].days) != 0)
            fail_msg("%s in %d-%d: %s, not %s", cases[i].text, cases[i].year, cases[i].month, days,
                     cases[i].days);
    }
}

static void hours_that_follow_the_time_that_passes_are_told_from_those_of_the_clock(void **state)
{
    static const struct {
        const char *text;
        bool is_hourly, is_repeating;
    } cases[] = {
        {"30 2 * * *", false, false},    {"30 * * * *", true, true},
        {"*/15 * * * *", true, true},    {"30 */2 * * *", false, true},
        {"*/15 2 * * *", false, true},   {"30 0-23 * * *", true, true},
        {"30 1-23 * * *", false, false}, {"0,30 2 * * *", false, false},
        {"* 30 2 * * *", false, true},   {"5 30 2 * * *", false, false},
        {"@hourly", true, true},         {"@daily", false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_cron cron;
        struct sl_err err = {0};

        assert_int_equal(sl_cron_parse(cases[i].text, &cron, &err), SL_OK);
        assert_int_equal(cron.is_hourly, cases[i].is_hourly);
        assert_int_equal(cron.is_repeating, cases[i].is_repeating);
    }
}

static void mistakes_are_told_with_field_and_column(void **state)
{
    static const struct {
        const char *text;
        enum sl_code code;
        int column;
        const char *words;
    } cases[] = {
        {"", SL_E_CRON, 1, "found 0 cron fields"},
        {"*", SL_E_CRON, 1, "found 1 cron field in '*', expected 5 or 6"},
        {"* * * *", SL_E_CRON, 1, "found 4 cron fields"},
        {"0 0 0 * * * 2026", SL_E_CRON, 1, "found 7 cron fields"},
        {"60 * * * *", SL_E_CRON, 1, "'minute' at column 1: found '60', expected 0 to 59"},
        {"0 24 * * *", SL_E_CRON, 3, "'hour' at column 3: found '24', expected 0 to 23"},
        {"0 0 0 * *", SL_E_CRON, 5, "'day of month' at column 5: found '0'"},
        {"0 0 32 * *", SL_E_CRON, 5, "found '32', expected 1 to 31, L or W"},
        {"0 0 * 13 *", SL_E_CRON, 7, "'month' at column 7: found '13', expected 1 to 12 or JAN"},
        {"0 0 * JANUARY *", SL_E_CRON, 7, "found 'JANUARY'"},
        {"0 0 * * 8", SL_E_CRON, 9, "'day of week' at column 9: found '8', expected 0 to 7"},
        {"0 0 * * 99999999999999999999", SL_E_CRON, 9, "found '99999999999999999999'"},
        {"99 0 0 * * *", SL_E_CRON, 1, "'second' at column 1: found '99'"},
        {"  0   0 * * FOO", SL_E_CRON, 13, "'day of week' at column 13: found 'FOO'"},
        {"1,,2 * * * *", SL_E_CRON, 3, "found nothing, expected 0 to 59"},
        {"1, * * * *", SL_E_CRON, 3, "found nothing"},
        {"1- * * * *", SL_E_CRON, 3, "found nothing"},
        {"-1 * * * *", SL_E_CRON, 1, "found '-1'"},
        {"*/0 * * * *", SL_E_CRON, 3, "found '0', expected a step of 1 to 60"},
        {"*/ * * * *", SL_E_CRON, 3, "found nothing, expected a step"},
        {"*/61 * * * *", SL_E_CRON, 3, "found '61', expected a step of 1 to 60"},
        {"0 */25 * * *", SL_E_CRON, 5, "expected a step of 1 to 24"},
        {"? * * * *", SL_E_CRON, 1, "found '?'"},
        {"*5 * * * *", SL_E_CRON, 1, "found '*5'"},
        {"5#1 * * * *", SL_E_CRON, 1, "found '5#1'"},
        {"0 0 * * L", SL_E_CRON, 9, "expected a weekday before L"},
        {"0 0 * * FRI#6", SL_E_CRON, 9, "found 'FRI#6', expected a weekday and #1 to #5"},
        {"0 0 * * 8#1", SL_E_CRON, 9, "found '8#1'"},
        {"0 0 * * MON-FRIL", SL_E_CRON, 9, "found 'MON-FRIL'"},
        {"0 0 L-31 * *", SL_E_CRON, 5, "expected L-1 to L-30"},
        {"0 0 32W * *", SL_E_CRON, 5, "expected 1W to 31W"},
        {"0 0 W * *", SL_E_CRON, 5, "found 'W'"},
        {"0 0 1 * * \xff", SL_E_CRON, 11, "'day of week'"},
        {"@reboot", SL_E_CRON, 1, "found '@reboot', expected one of @hourly"},
        {"@daily 5", SL_E_CRON, 1, "found '@daily 5'"},
        {"0 0 30 2 *", SL_E_CRON_NEVER, 5, "never comes"},
        {"0 0 31 4,6,9,11 *", SL_E_CRON_NEVER, 5, "never comes"},
        {"0 0 L-29 FEB ?", SL_E_CRON_NEVER, 5, "never comes"},
        {"0 0 0 31W 2 *", SL_E_CRON_NEVER, 7, "never comes"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sl_cron cron = {.seconds = 42};
        struct sl_err err = {0};

        assert_int_equal(sl_cron_parse(cases[i].text, &cron, &err), cases[i].code);
        if (!strstr(err.message, cases[i].words) || err.column != cases[i].column || err.line != 1)
            fail_msg("'%s': '%s' at column %d", cases[i].text, err.message, err.column);
        assert_int_equal(cron.seconds, 42); // untouched
    }
}

static void what_comes_every_28_years_is_possible(void **state)
{
    struct sl_cron cron;
    struct sl_err err = {0};
    char text[2000];

    (void)state;
    assert_int_equal(sl_cron_parse("0 0 * 2 FRI#5", &cron, &err), SL_OK);
    assert_int_equal(sl_cron_parse("0 0 29 2 *", &cron, &err), SL_OK);
    assert_int_equal(sl_cron_parse("0 0 30 2 FRI", &cron, &err), SL_OK);
    memset(text, '*', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(sl_cron_parse(text, &cron, &err), SL_E_CRON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_and_days_are_two_names_of_one_thing),
        cmocka_unit_test(fields_become_sets),
        cmocka_unit_test(days_are_found),
        cmocka_unit_test(hours_that_follow_the_time_that_passes_are_told_from_those_of_the_clock),
        cmocka_unit_test(mistakes_are_told_with_field_and_column),
        cmocka_unit_test(what_comes_every_28_years_is_possible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
