// Inside schedule: cron and days over local times, as if clocks were never changed.
#ifndef SL_SCHEDULE_MATCH_H
#define SL_SCHEDULE_MATCH_H

#include "schedule/schedule.h"

// The first match at or after, the last match at or before `local_s` (seconds since 1970-01-01 on
// the clock). False if none is within four hundred years, or the years 1 to 9999.
bool sl_match_next(const struct sl_schedule *schedule, int64_t local_s, int64_t *ret_s);
bool sl_match_previous(const struct sl_schedule *schedule, int64_t local_s, int64_t *ret_s);
// The same for whole days (since 1970-01-01); of intervals of seconds, those that the calendar has.
bool sl_match_day_from(const struct sl_schedule *schedule, int64_t day, int64_t *ret_day);
bool sl_match_day_upto(const struct sl_schedule *schedule, int64_t day, int64_t *ret_day);

#endif
