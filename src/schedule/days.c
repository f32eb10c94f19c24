#include "schedule/days.h"

#include <ctype.h>

// Both conversions count in eras of 400 years that begin on the first of March, so that the leap
// day is a year's last: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
#define ERA_DAYS 146097
#define ERA_SHIFT 719468 // from 0000-03-01 to 1970-01-01

int64_t sl_days_of(int year, int month, int day)
{
    const int64_t y = year - (month <= 2);
    const int64_t era = sl_floor_div(y, 400);
    const int64_t year_of_era = y - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * ERA_DAYS + day_of_era - ERA_SHIFT;
}

struct sl_date sl_date_of(int64_t days)
{
    const int64_t shifted = days + ERA_SHIFT;
    const int64_t era = sl_floor_div(shifted, ERA_DAYS);
    const int64_t day_of_era = shifted - era * ERA_DAYS;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month = (5 * day_of_year + 2) / 153; // 0: March
    const int64_t weekday = days + 4 - sl_floor_div(days + 4, 7) * 7;
    struct sl_date date = {.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
                           .month = (int)(month < 10 ? month + 3 : month - 9),
                           .weekday = (int)weekday};

    date.year = (int)(year_of_era + era * 400) + (date.month <= 2);
    return date;
}

int sl_month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && is_leap);
}

static bool take_digits(const char **text, int count, int *ret)
{
    *ret = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return false;
        *ret = *ret * 10 + (**text - '0');
    }
    return true;
}

bool sl_days_take(const char **text, int64_t *ret_days)
{
    const char *at = *text;
    int year, month, day;

    if (!take_digits(&at, 4, &year) || *at++ != '-' || !take_digits(&at, 2, &month) ||
        *at++ != '-' || !take_digits(&at, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > sl_month_days(year, month))
        return false;
    *ret_days = sl_days_of(year, month, day);
    *text = at;
    return true;
}
