// From local times to moments. Time is taken span by span; within one, local time is UTC plus a
// fixed offset. `shown_s` of a span is what clocks showed last: local times between it and the
// span's first one were left out, local times below it come for the second time.
#include "schedule/match.h"

#define SECOND_US INT64_C(1000000)
#define FIRST_S (SL_DAY_MIN * SL_DAY_SECONDS)
#define LAST_S (SL_DAY_MAX * SL_DAY_SECONDS)
// Clocks are never set by more than this: Pacific/Apia and others skipped a day.
#define SHIFT_MAX_S (INT64_C(25) * 3600)

static const struct sl_zone_span *span_at(const struct sl_schedule *schedule, int64_t at_s,
                                          struct sl_zone_span *span)
{
    if (at_s < span->start_s || at_s >= span->end_s)
        *span = sl_zone_span_at(&schedule->zone, at_s);
    return span;
}

// Whether some local time of the schedule was left out when the span began.
static bool makes_up(const struct sl_schedule *schedule, const struct sl_zone_span *span)
{
    int64_t local_s;

    return span->shown_s < span->start_s + span->offset_s && !schedule->cron.is_hourly &&
           sl_match_next(schedule, span->shown_s, &local_s) &&
           local_s < span->start_s + span->offset_s;
}

static struct sl_schedule_tick tick_of(const struct sl_zone_span *span, int64_t at_s)
{
    return (struct sl_schedule_tick){.at_us = at_s * SECOND_US,
                                     .is_second = at_s + span->offset_s < span->shown_s};
}

static bool next_local(const struct sl_schedule *schedule, int64_t at_s, struct sl_zone_span *cache,
                       struct sl_schedule_tick *ret)
{
    while (at_s <= LAST_S) {
        const struct sl_zone_span *span = span_at(schedule, at_s, cache);
        const int64_t end_s = span->end_s, offset_s = span->offset_s;
        int64_t from_s = at_s + offset_s, local_s, repeated_s;

        if (!schedule->cron.is_repeating && from_s < span->shown_s)
            from_s = span->shown_s;
        const bool is_found = sl_match_next(schedule, from_s, &local_s);
        const bool is_own = is_found && local_s == at_s + offset_s;
        if (at_s == span->start_s && !is_own && makes_up(schedule, span)) {
            *ret = (struct sl_schedule_tick){.at_us = at_s * SECOND_US, .is_moved = true};
            return true;
        }
        if (is_found && local_s - offset_s < end_s) {
            *ret = tick_of(span, local_s - offset_s);
            return true;
        }
        // Nothing lies between here and local_s, but what the next span may repeat.
        const bool may_repeat =
            schedule->cron.is_repeating &&
            sl_match_next(schedule, end_s + offset_s - SHIFT_MAX_S, &repeated_s) &&
            repeated_s < end_s + offset_s;
        if (!is_found && !may_repeat)
            return false;
        const int64_t jump_s = is_found ? local_s - offset_s - 2 * SHIFT_MAX_S : end_s;
        at_s = may_repeat || jump_s < end_s ? end_s : jump_s;
    }
    return false;
}

static bool previous_local(const struct sl_schedule *schedule, int64_t at_s,
                           struct sl_zone_span *cache, struct sl_schedule_tick *ret)
{
    while (at_s >= FIRST_S) {
        const struct sl_zone_span *span = span_at(schedule, at_s, cache);
        const int64_t start_s = span->start_s, offset_s = span->offset_s;
        int64_t low_s = start_s + offset_s, upto_s = at_s + offset_s, local_s;

        if (!schedule->cron.is_repeating && low_s < span->shown_s)
            low_s = span->shown_s;
        if (upto_s >= low_s && sl_match_previous(schedule, upto_s, &local_s) && local_s >= low_s) {
            *ret = tick_of(span, local_s - offset_s);
            return true;
        }
        if (makes_up(schedule, span)) {
            *ret = (struct sl_schedule_tick){.at_us = start_s * SECOND_US, .is_moved = true};
            return true;
        }
        // What clocks showed before the span began may be later than what they show now.
        if (upto_s < span->shown_s)
            upto_s = span->shown_s;
        if (!sl_match_previous(schedule, upto_s, &local_s))
            return false;
        const int64_t jump_s = local_s - offset_s + 2 * SHIFT_MAX_S;
        at_s = jump_s < start_s - 1 ? jump_s : start_s - 1;
    }
    return false;
}

static bool has_calendar(const struct sl_calendar *calendar)
{
    return calendar->skip.has_items || calendar->only.has_items;
}

static bool next_interval(const struct sl_schedule *schedule, int64_t at_s,
                          struct sl_zone_span *cache, struct sl_schedule_tick *ret)
{
    while (at_s <= LAST_S) {
        at_s = schedule->anchor -
               sl_floor_div(schedule->anchor - at_s, schedule->step) * schedule->step;
        const struct sl_zone_span *span = span_at(schedule, at_s, cache);
        const int64_t today = sl_floor_div(at_s + span->offset_s, SL_DAY_SECONDS);
        int64_t day = today;
        if (has_calendar(&schedule->calendar) && !sl_match_day_from(schedule, today, &day))
            return false;
        if (day == today) {
            *ret = tick_of(span, at_s);
            return true;
        }
        const int64_t day_s = sl_zone_to_utc(&schedule->zone, day * SL_DAY_SECONDS);
        at_s = day_s < span->end_s ? day_s : span->end_s;
    }
    return false;
}

static bool previous_interval(const struct sl_schedule *schedule, int64_t at_s,
                              struct sl_zone_span *cache, struct sl_schedule_tick *ret)
{
    while (at_s >= FIRST_S) {
        at_s = schedule->anchor +
               sl_floor_div(at_s - schedule->anchor, schedule->step) * schedule->step;
        const struct sl_zone_span *span = span_at(schedule, at_s, cache);
        const int64_t today = sl_floor_div(at_s + span->offset_s, SL_DAY_SECONDS);
        int64_t day = today;
        if (has_calendar(&schedule->calendar) && !sl_match_day_upto(schedule, today, &day))
            return false;
        if (day == today) {
            *ret = tick_of(span, at_s);
            return true;
        }
        const int64_t day_end_s = sl_zone_to_utc(&schedule->zone, (day + 1) * SL_DAY_SECONDS) - 1;
        at_s = day_end_s >= span->start_s ? day_end_s : span->start_s - 1;
    }
    return false;
}

// The first tick at or after `at_s`. *cache may be any span of the zone.
static bool next_from(const struct sl_schedule *schedule, int64_t at_s, struct sl_zone_span *cache,
                      struct sl_schedule_tick *ret)
{
    if (at_s < FIRST_S)
        at_s = FIRST_S;
    return schedule->kind == SL_SCHEDULE_SECONDS ? next_interval(schedule, at_s, cache, ret)
                                                 : next_local(schedule, at_s, cache, ret);
}

bool sl_schedule_next(const struct sl_schedule *schedule, int64_t after_us,
                      struct sl_zone_span *cache, struct sl_schedule_tick *ret)
{
    struct sl_zone_span own = {0};

    return next_from(schedule, sl_floor_div(after_us, SECOND_US) + 1, cache ? cache : &own, ret);
}

bool sl_schedule_previous(const struct sl_schedule *schedule, int64_t before_us,
                          struct sl_zone_span *cache, struct sl_schedule_tick *ret)
{
    struct sl_zone_span own = {0};
    int64_t at_s = sl_floor_div(before_us, SECOND_US) - (before_us % SECOND_US == 0);

    if (!cache)
        cache = &own;
    if (at_s > LAST_S)
        at_s = LAST_S;
    return schedule->kind == SL_SCHEDULE_SECONDS ? previous_interval(schedule, at_s, cache, ret)
                                                 : previous_local(schedule, at_s, cache, ret);
}

size_t sl_schedule_between(const struct sl_schedule *schedule, int64_t after_us, int64_t until_us,
                           struct sl_schedule_tick *ticks, size_t max)
{
    struct sl_zone_span cache = {0};
    struct sl_schedule_tick tick;
    int64_t at_s = sl_floor_div(after_us, SECOND_US) + 1;
    size_t count = 0;

    while (count < max && next_from(schedule, at_s, &cache, &tick) && tick.at_us <= until_us) {
        if (ticks)
            ticks[count] = tick;
        count++;
        at_s = tick.at_us / SECOND_US + 1;
    }
    return count;
}
