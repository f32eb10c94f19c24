// Calendars: which days count. A day is what local clocks call one; a calendar knows no zone.
#ifndef SL_SCHEDULE_CALENDAR_H
#define SL_SCHEDULE_CALENDAR_H

#include "base/yaml.h"
#include "schedule/days.h"

#include <stddef.h>

struct sl_day_range {
    int64_t first; // days since 1970-01-01
    int64_t last;  // inclusive
};
struct sl_day_set {
    struct sl_day_range *ranges; // sorted, with days between them
    size_t count;
    uint32_t yearly[13]; // per month (1 to 12), bit per day of the month
    uint8_t weekdays;    // bits 0 (Sunday) to 6
    bool has_items;
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
// Adds all items of a list, or a single one. What cannot be used becomes a diagnostic at its place.
// Fails only when memory is out.
SL_MUST int sl_day_set_read(struct sl_day_set *set, const struct sl_yaml *list,
                            struct sl_arena *arena, struct sl_diags *diags, struct sl_err *err);
bool sl_calendar_has(const struct sl_calendar *calendar, const struct sl_date *date, int64_t days);

#endif
