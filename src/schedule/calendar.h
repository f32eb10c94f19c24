// Calendars: which days count. A day is what local clocks call one; a calendar knows no zone.
#ifndef SL_SCHEDULE_CALENDAR_H
#define SL_SCHEDULE_CALENDAR_H

#include "base/arena.h"
#include "schedule/days.h"

#include <stddef.h>

struct sl_day_range {
    bool is_yearly; // first and last are month * 100 + day; the last may come before the first
    int64_t first;  // else days since 1970-01-01
    int64_t last;   // inclusive
};
struct sl_day_set {
    struct sl_day_range *ranges;
    size_t count;
    uint8_t weekdays; // bits 0 (Sunday) to 6
};
// All zero: every day counts.
struct sl_calendar {
    struct sl_day_set skip; // never these
    struct sl_day_set only; // if there are any: none but these
};

// Adds one item: a date (2026-12-25), a day of every year (12-25), a weekday (SAT, saturday), or a
// range of two dates or days (2026-12-24..2027-01-02, 12-24..01-02) or weekdays (SAT-SUN,
// FRI..MON). SL_E_CALENDAR says what is wrong with it. At most 10,000 ranges a set.
SL_MUST int sl_day_set_add(struct sl_day_set *set, const char *text, struct sl_arena *arena,
                           struct sl_err *err);
bool sl_calendar_has(const struct sl_calendar *calendar, const struct sl_date *date, int64_t days);

#endif
