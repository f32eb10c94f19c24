// Dates of the proleptic Gregorian calendar as days since 1970-01-01. Pure arithmetic, no zones.
#ifndef SL_SCHEDULE_DAYS_H
#define SL_SCHEDULE_DAYS_H

#include <stdbool.h>
#include <stdint.h>

#define SL_DAY_SECONDS INT64_C(86400)
// 0001-01-01 and 9999-12-31: outside of these, nothing is looked for.
#define SL_DAY_MIN INT64_C(-719162)
#define SL_DAY_MAX INT64_C(2932896)

struct sl_date {
    int year;
    int month;   // 1 to 12
    int day;     // 1 to 31
    int weekday; // 0: Sunday, ..., 6: Saturday
};

// Any month and day of the year 1 to 9999 that exists.
int64_t sl_days_of(int year, int month, int day);
struct sl_date sl_date_of(int64_t days);
int sl_month_days(int year, int month); // 28 to 31
// Reads "2026-03-29" and moves *text behind it; false if there is no such date.
bool sl_days_take(const char **text, int64_t *ret_days);

// Rounded down, also below zero.
static inline int64_t sl_floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

#endif
