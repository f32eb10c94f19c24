// Time and randomness, replaceable in tests.
//
// SLUICE_CLOCK=2026-01-31T00:00:00Z fixes the wall clock (each reading is one microsecond later),
// for reproducible tests.
#ifndef SL_BASE_CLOCK_H
#define SL_BASE_CLOCK_H

#include <stdint.h>

int64_t sl_clock_now_us(void);       // since 1970-01-01 UTC
int64_t sl_clock_monotonic_us(void); // for durations
// "2026-01-31T00:00:00.000000Z"; buffers of 32 bytes are enough.
const char *sl_clock_format(int64_t time_us, char buffer[32]);
// Date or timestamp with or without zone (then UTC) -> microseconds; 0 on success, -1 if it cannot
// be read. Years are 0000 to 9999.
int sl_clock_parse(const char *text, int64_t *ret_us);
// Any number; with SLUICE_CLOCK, which wants runs that are the same, one that follows from `seed`.
uint64_t sl_random(const char *seed, uint64_t number);
// A random UUID version 4, lower case.
const char *sl_uuid(char buffer[37]);

#endif
