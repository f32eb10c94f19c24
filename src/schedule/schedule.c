#include "schedule/schedule.h"

#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MAX_S (INT64_C(3660) * SL_DAY_SECONDS) // ten years
#define FIRST_MONDAY INT64_C(4)                     // 1970-01-05

static int fail_interval(const char *text, const char *expected, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_INTERVAL, "found '%.40s' as an interval, expected %s", text, expected);
    (void)sl_err_hint(err,
                      "1d is a day of the time zone, at the same time of day; 24h are always 24 "
                      "hours");
    return sl_err_at(err, "", 1, 1);
}

static int read_anchor(const struct sl_schedule_text *text, const struct sl_zone *zone,
                       bool is_weeks, int64_t *ret_s, struct sl_err *err)
{
    int64_t at_us;

    if (!text->anchor) {
        *ret_s = sl_zone_to_utc(zone, is_weeks ? FIRST_MONDAY * SL_DAY_SECONDS : 0);
        return SL_OK;
    }
    if (!sl_zone_parse(zone, text->anchor, &at_us)) {
        (void)sl_fail(err, SL_E_INTERVAL,
                      "found '%.40s' as an interval's anchor, expected a date or timestamp, as "
                      "2026-01-01 or 2026-01-01T06:00",
                      text->anchor);
        return (int)SL_E_INTERVAL;
    }
    *ret_s = sl_floor_div(at_us, 1000000);
    return SL_OK;
}

static void set_time(struct sl_cron *cron, int64_t time)
{
    cron->hours = UINT32_C(1) << time / 3600;
    cron->minutes = UINT64_C(1) << time / 60 % 60;
    cron->seconds = UINT64_C(1) << time % 60;
}

static int parse_every(const struct sl_schedule_text *text, struct sl_schedule *schedule,
                       struct sl_err *err)
{
    const char unit = text->every[0] ? text->every[strlen(text->every) - 1] : '\0';
    int64_t seconds, anchor_s;

    if (!sl_str_to_duration(text->every, &seconds))
        return fail_interval(text->every, "a whole number and one of s, m, h, d, w, as 15m or 1d",
                             err);
    if (seconds < 1 || seconds > STEP_MAX_S)
        return fail_interval(text->every, "1s to 3660d", err);
    SL_TRY(read_anchor(text, &schedule->zone, unit == 'w', &anchor_s, err));
    if (unit != 'd' && unit != 'w') {
        schedule->kind = SL_SCHEDULE_SECONDS;
        schedule->step = seconds;
        schedule->anchor = anchor_s;
        return SL_OK;
    }
    const int64_t local_s = anchor_s + sl_zone_span_at(&schedule->zone, anchor_s).offset_s;
    schedule->kind = SL_SCHEDULE_DAYS;
    schedule->step = seconds / SL_DAY_SECONDS;
    schedule->anchor = sl_floor_div(local_s, SL_DAY_SECONDS);
    set_time(&schedule->cron, local_s - schedule->anchor * SL_DAY_SECONDS);
    return SL_OK;
}

static int parse_kind(const struct sl_schedule_text *text, struct sl_schedule *schedule,
                      struct sl_err *err)
{
    if (text->every)
        return parse_every(text, schedule, err);
    schedule->kind = SL_SCHEDULE_CRON;
    return sl_cron_parse(text->cron, &schedule->cron, err);
}

int sl_schedule_parse(const struct sl_schedule_text *text, struct sl_schedule *ret,
                      struct sl_err *err)
{
    struct sl_schedule schedule = {0};

    SL_TRY(sl_zone_open(text->zone, &schedule.zone, err));
    const int code = parse_kind(text, &schedule, err);
    if (code != SL_OK) {
        sl_zone_clear(&schedule.zone);
        return code;
    }
    *ret = schedule;
    return SL_OK;
}

void sl_schedule_clear(struct sl_schedule *schedule)
{
    if (schedule)
        sl_zone_clear(&schedule->zone);
}
