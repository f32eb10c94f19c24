// Cron expressions: text -> the sets of values that each field takes. No zones, no clock.
//
// Five fields (minute, hour, day of month, month, day of week) or six (seconds first), separated by
// blanks. A field is a list of parts, joined by commas:
//
//   *            every value; ? says the same in the two day fields
//   5            one value; months and weekdays also by name (MON, jan), Sunday is 0 and 7
//   9-17         a range; one that ends below its beginning wraps around (FRI-MON, 22-2)
//   */15 9-17/2  every n-th value of what stands before; 5/20 is 5-59/20
//   L L-3        (day of month) the last day of the month, the third before it
//   15W LW       (day of month) the day from Monday to Friday that is nearest to the 15th within
//                the month, or the last such day of the month
//   5L FRIL      (day of week) the last Friday of the month
//   FRI#2        (day of week) the second Friday of the month
//
// or one of @yearly (@annually), @monthly, @weekly, @daily (@midnight), @hourly.
//
// As in Vixie's cron (crontab(5)): if both day fields are restricted, which is to say that neither
// begins with '*' or '?', a day that matches either is meant; else it must match both.
#ifndef SL_SCHEDULE_CRON_H
#define SL_SCHEDULE_CRON_H

#include "base/err.h"
#include "schedule/days.h"

#include <stdint.h>

struct sl_cron {
    uint64_t seconds; // bit per value
    uint64_t minutes;
    uint32_t hours;
    uint32_t days;      // bit per day of the month
    uint32_t last_days; // bit n: the n-th day before the last (L: 0)
    uint32_t workdays;  // bit per day of the month: nW
    uint16_t months;    // bits 1 to 12
    uint8_t weekdays;   // bits 0 to 6
    uint8_t last_weekdays;
    uint8_t nth_weekdays[7]; // per weekday, bits 1 to 5
    bool is_last_workday;    // LW
    bool has_days;           // the day of month is restricted
    bool has_weekdays;       // the day of week is restricted
    // All hours: it follows the time that passes, not the clock.
    bool is_hourly;
    // So it is, or seconds, minutes or hours begin with '*': times that come twice are all meant.
    bool is_repeating;
};

// SL_E_CRON names field, what was found and what was expected, with line 1 and the column in
// `text`; SL_E_CRON_NEVER if there is no such day, as the 30th of February.
SL_MUST int sl_cron_parse(const char *text, struct sl_cron *ret, struct sl_err *err);
// Whether the date's month, day and weekday match.
bool sl_cron_has_day(const struct sl_cron *cron, const struct sl_date *date);

#endif
