// Schedules: when something is to run. Pure: no clock, no threads; the only files read are those of
// the time zone, when a schedule is made. A schedule that is made never changes, so that any number
// of threads may ask it.
//
// There are three kinds:
//   cron      local times that match an expression (schedule/cron.h)
//   days      every n-th day (`1d`, `2w`) at a local time: 23, 24 or 25 hours apart
//   seconds   every n seconds, minutes or hours (`15m`, `24h`): always just as far apart
//
// Where local clocks change (daylight saving time, or a zone that moves), cron and days do what
// Debian's cron does (cron(8), NOTES):
//   - a time that is left out runs once, at the moment at which clocks are set forward. However
//     many of its times are left out at once, that is one run.
//   - a time that comes twice runs once, the first time (Dagster: the second);
//   - but an expression whose hours, minutes or seconds begin with '*' runs in both hours;
//   - and one of every hour has nothing to make up for: it follows the time that passes.
// Other than Debian's cron it makes up for what is left out of all other expressions, also of hours
// like */2 and of minutes like */15 in some hours: there that cron loses a run.
// systemd timers lose what is left out (systemd issue 5595) and all runs of an hour that comes
// again (8647); Quartz's triggers may miss and repeat runs (Best Practices, Daylight Savings Time
// Tips). No run is lost here. Clocks set by more than 3 hours, as by a day in Pacific/Apia in 2011,
// are no different: cron takes that for a correction, but a zone's data have none.
//
// A calendar's days are those of the time that was meant: what makes up for a time that was left
// out counts as of the day on which that would have been.
#ifndef SL_SCHEDULE_SCHEDULE_H
#define SL_SCHEDULE_SCHEDULE_H

#include "schedule/calendar.h"
#include "schedule/cron.h"
#include "schedule/zone.h"

enum sl_schedule_kind { SL_SCHEDULE_CRON, SL_SCHEDULE_DAYS, SL_SCHEDULE_SECONDS };

struct sl_schedule {
    enum sl_schedule_kind kind;
    struct sl_zone zone;
    struct sl_calendar calendar; // may be filled before it is asked
    struct sl_cron cron;         // days: the time of day alone
    int64_t step;                // days: days; seconds: seconds
    int64_t anchor;              // days: a day; seconds: seconds since 1970-01-01 UTC
};

// What a user writes; either cron or every.
struct sl_schedule_text {
    const char *cron;
    const char *every;  // "15m": a whole number and one of s, m, h, d, w
    const char *anchor; // every: a date or timestamp from which it is counted, before and after.
                        // NULL: 1970-01-01T00:00 in the zone; for weeks the Monday 1970-01-05
    const char *zone;   // NULL: UTC
};

struct sl_schedule_tick {
    int64_t at_us; // since 1970-01-01 UTC
    bool is_moved; // makes up for times that the clocks left out, and is none of the schedule's own
    bool is_second; // local clocks have shown this time before
};

// SL_E_CRON, SL_E_CRON_NEVER, SL_E_INTERVAL, SL_E_TIME_ZONE; *ret is untouched then. Errors about
// cron and every have line 1 and the column in that text, others no place; none has a file.
SL_MUST int sl_schedule_parse(const struct sl_schedule_text *text, struct sl_schedule *ret,
                              struct sl_err *err);
void sl_schedule_clear(struct sl_schedule *schedule); // NULL and twice are fine

// The first tick after, and the last one before, a time, which itself does not count. False: there
// is none in the four hundred years that follow or precede, or up to the year 9999. To find the
// stretch of time in which a zone's offset holds takes most of the time: *cache keeps the last one
// for the next call, {0} to begin with. It may be shared by all schedules of one zone, but not by
// threads; NULL: none.
bool sl_schedule_next(const struct sl_schedule *schedule, int64_t after_us,
                      struct sl_zone_span *cache, struct sl_schedule_tick *ret);
bool sl_schedule_previous(const struct sl_schedule *schedule, int64_t before_us,
                          struct sl_zone_span *cache, struct sl_schedule_tick *ret);
// The ticks after `after_us` up to `until_us` (which counts): the first `max` of them, in order.
// Returns how many there are, at most `max`. `ticks` may be NULL to only count them.
size_t sl_schedule_between(const struct sl_schedule *schedule, int64_t after_us, int64_t until_us,
                           struct sl_schedule_tick *ticks, size_t max);

#endif
