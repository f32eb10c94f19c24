// Time zones by their IANA names, with the data of the machine (tzdata).
//
// The data are read by GLib's GTimeZone, which keeps one copy for the whole process, also knows the
// rules beyond the last change that a file lists, and may be used by several threads at once
// (switching TZ for localtime() may not). Of GLib 2.74 one fault is known: from the winter of 2038
// on, which its data describe by a rule only, Europe/Dublin is an hour off half of the year.
#ifndef SL_SCHEDULE_ZONE_H
#define SL_SCHEDULE_ZONE_H

#include "base/err.h"

#include <stdint.h>

struct sl_zone {
    void *handle;   // GTimeZone; NULL: UTC
    char name[128]; // as it was given; "UTC" if none was
};

// A stretch of time in which the zone's offset does not change: start_s <= t < end_s. It may be cut
// short where nothing changes; then the neighbour has the same offset.
struct sl_zone_span {
    int64_t start_s; // seconds since 1970-01-01 UTC
    int64_t end_s;
    int64_t offset_s; // local time is UTC plus this
    // What local clocks showed when the span began: less than start_s + offset_s where times were
    // left out, more where times come twice.
    int64_t shown_s;
};

// `name` may be NULL or "": UTC. SL_E_TIME_ZONE if the machine knows no such zone.
SL_MUST int sl_zone_open(const char *name, struct sl_zone *ret, struct sl_err *err);
void sl_zone_clear(struct sl_zone *zone); // NULL and twice are fine
struct sl_zone_span sl_zone_span_at(const struct sl_zone *zone, int64_t at_s);
// The time at which local clocks show `local_s` (seconds since 1970-01-01 on the clock). Of two,
// the first; of a time that is left out, the moment at which it was.
int64_t sl_zone_to_utc(const struct sl_zone *zone, int64_t local_s);
// "2026-03-29T03:00:00+02:00", or with Z in UTC; buffers of 40 bytes are enough.
const char *sl_zone_format(const struct sl_zone *zone, int64_t at_us, char buffer[40]);
// A date or timestamp; one without Z or offset is the zone's local time. False if it cannot be
// read.
bool sl_zone_parse(const struct sl_zone *zone, const char *text, int64_t *ret_us);

#endif
