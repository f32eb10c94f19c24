#include "schedule/match.h"

#define CYCLE_DAYS INT64_C(146097) // after which the Gregorian calendar repeats itself

// The lowest bit from `from` on, the highest up to `upto`; -1: none.
static int bit_from(uint64_t bits, int from)
{
    bits = from > 63 ? 0 : bits & ~UINT64_C(0) << from;
    return bits ? __builtin_ctzll(bits) : -1;
}

static int bit_upto(uint64_t bits, int upto)
{
    bits = upto < 0 ? 0 : bits & ~UINT64_C(0) >> (63 - upto);
    return bits ? 63 - __builtin_clzll(bits) : -1;
}

static int64_t time_of(int hour, int minute, int second)
{
    return hour * INT64_C(3600) + minute * 60 + second;
}

static int64_t first_time(const struct sl_cron *cron)
{
    return time_of(bit_from(cron->hours, 0), bit_from(cron->minutes, 0),
                   bit_from(cron->seconds, 0));
}

static int64_t last_time(const struct sl_cron *cron)
{
    return time_of(bit_upto(cron->hours, 63), bit_upto(cron->minutes, 63),
                   bit_upto(cron->seconds, 63));
}

// Of one day, in seconds; -1: none is left.
static int64_t time_from(const struct sl_cron *cron, int64_t time)
{
    const int hour = (int)(time / 3600), minute = (int)(time / 60 % 60);
    int found;

    if (cron->hours >> hour & 1u) {
        if (cron->minutes >> minute & 1u &&
            (found = bit_from(cron->seconds, (int)(time % 60))) >= 0)
            return time_of(hour, minute, found);
        if ((found = bit_from(cron->minutes, minute + 1)) >= 0)
            return time_of(hour, found, bit_from(cron->seconds, 0));
    }
    if ((found = bit_from(cron->hours, hour + 1)) < 0)
        return -1;
    return time_of(found, bit_from(cron->minutes, 0), bit_from(cron->seconds, 0));
}

static int64_t time_upto(const struct sl_cron *cron, int64_t time)
{
    const int hour = (int)(time / 3600), minute = (int)(time / 60 % 60);
    int found;

    if (cron->hours >> hour & 1u) {
        if (cron->minutes >> minute & 1u &&
            (found = bit_upto(cron->seconds, (int)(time % 60))) >= 0)
            return time_of(hour, minute, found);
        if ((found = bit_upto(cron->minutes, minute - 1)) >= 0)
            return time_of(hour, found, bit_upto(cron->seconds, 63));
    }
    if ((found = bit_upto(cron->hours, hour - 1)) < 0)
        return -1;
    return time_of(found, bit_upto(cron->minutes, 63), bit_upto(cron->seconds, 63));
}

static bool has_day(const struct sl_schedule *schedule, const struct sl_date *date, int64_t day)
{
    if (schedule->kind == SL_SCHEDULE_CRON && !sl_cron_has_day(&schedule->cron, date))
        return false;
    if (schedule->kind == SL_SCHEDULE_DAYS && (day - schedule->anchor) % schedule->step != 0)
        return false;
    return sl_calendar_has(&schedule->calendar, date, day);
}

static bool has_month(const struct sl_schedule *schedule, int month)
{
    return schedule->kind != SL_SCHEDULE_CRON || schedule->cron.months >> month & 1u;
}

// Whole months and distances between days are skipped, so that rare days are found fast.
bool sl_match_day_from(const struct sl_schedule *schedule, int64_t day, int64_t *ret_day)
{
    const int64_t last = day > SL_DAY_MAX - CYCLE_DAYS ? SL_DAY_MAX : day + CYCLE_DAYS;
    const bool is_days = schedule->kind == SL_SCHEDULE_DAYS;

    if (day < SL_DAY_MIN)
        day = SL_DAY_MIN;
    if (is_days)
        day = schedule->anchor -
              sl_floor_div(schedule->anchor - day, schedule->step) * schedule->step;
    while (day <= last) {
        const struct sl_date date = sl_date_of(day);
        if (!has_month(schedule, date.month)) {
            day += sl_month_days(date.year, date.month) - date.day + 1;
            continue;
        }
        if (has_day(schedule, &date, day)) {
            *ret_day = day;
            return true;
        }
        day += is_days ? schedule->step : 1;
    }
    return false;
}

bool sl_match_day_upto(const struct sl_schedule *schedule, int64_t day, int64_t *ret_day)
{
    const int64_t first = day < SL_DAY_MIN + CYCLE_DAYS ? SL_DAY_MIN : day - CYCLE_DAYS;
    const bool is_days = schedule->kind == SL_SCHEDULE_DAYS;

    if (day > SL_DAY_MAX)
        day = SL_DAY_MAX;
    if (is_days)
        day = schedule->anchor +
              sl_floor_div(day - schedule->anchor, schedule->step) * schedule->step;
    while (day >= first) {
        const struct sl_date date = sl_date_of(day);
        if (!has_month(schedule, date.month)) {
            day -= date.day;
            continue;
        }
        if (has_day(schedule, &date, day)) {
            *ret_day = day;
            return true;
        }
        day -= is_days ? schedule->step : 1;
    }
    return false;
}

bool sl_match_next(const struct sl_schedule *schedule, int64_t local_s, int64_t *ret_s)
{
    const int64_t today = sl_floor_div(local_s, SL_DAY_SECONDS);
    int64_t day;

    if (!sl_match_day_from(schedule, today, &day))
        return false;
    if (day == today) {
        const int64_t time = time_from(&schedule->cron, local_s - today * SL_DAY_SECONDS);
        if (time >= 0) {
            *ret_s = today * SL_DAY_SECONDS + time;
            return true;
        }
        if (!sl_match_day_from(schedule, today + 1, &day))
            return false;
    }
    *ret_s = day * SL_DAY_SECONDS + first_time(&schedule->cron);
    return true;
}

bool sl_match_previous(const struct sl_schedule *schedule, int64_t local_s, int64_t *ret_s)
{
    const int64_t today = sl_floor_div(local_s, SL_DAY_SECONDS);
    int64_t day;

    if (!sl_match_day_upto(schedule, today, &day))
        return false;
    if (day == today) {
        const int64_t time = time_upto(&schedule->cron, local_s - today * SL_DAY_SECONDS);
        if (time >= 0) {
            *ret_s = today * SL_DAY_SECONDS + time;
            return true;
        }
        if (!sl_match_day_upto(schedule, today - 1, &day))
            return false;
    }
    *ret_s = day * SL_DAY_SECONDS + last_time(&schedule->cron);
    return true;
}
