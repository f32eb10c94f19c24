#include "base/clock.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SECOND_US ((int64_t)1000000)
#define FIRST_SECOND -62167219200 // of year 0
#define LAST_SECOND 253402300799  // of year 9999

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0};

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

// SLUICE_FAULT_CLOCK=/file: so many microseconds, as the file says at each call, is the machine's
// clock ahead.
static int64_t fault_us(void)
{
    long long ahead_us = 0;
#ifdef SL_FAULT
    const char *path = getenv("SLUICE_FAULT_CLOCK");
    FILE *file = path ? fopen(path, "re") : NULL;
    if (file && fscanf(file, "%lld", &ahead_us) != 1)
        ahead_us = 0;
    if (file)
        (void)fclose(file);
#endif
    return ahead_us;
}

int64_t sl_clock_now_us(void)
{
    static atomic_int_fast64_t reading;
    const char *fixed = getenv("SLUICE_CLOCK");
    int64_t start_us;

    if (fixed && sl_clock_parse(fixed, &start_us) == 0)
        return start_us + atomic_fetch_add(&reading, 1);
    return read_clock(CLOCK_REALTIME) + fault_us();
}

int64_t sl_clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

const char *sl_clock_format(int64_t time_us, char buffer[32])
{
    int64_t second = time_us / SECOND_US;
    int64_t fraction = time_us % SECOND_US;
    time_t seconds;
    struct tm tm = {0};
    char whole[24]; // without the fraction

    if (fraction < 0) {
        fraction += SECOND_US;
        second--;
    }
    seconds = (time_t)second;
    gmtime_r(&seconds, &tm);
    const int year = tm.tm_year + 1900; // %Y does not pad it
    size_t zeros = 0;
    if (year >= 0 && year < 1000)
        zeros = year < 10 ? 3 : year < 100 ? 2 : 1;
    memset(whole, '0', zeros);
    strftime(whole + zeros, sizeof whole - zeros, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(buffer, 32, "%s.%06uZ", whole, (unsigned)fraction % 1000000u);
    return buffer;
}

// Reads exactly `digits` digits.
static bool take_digits(const char **text, int digits, int *ret)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)**text))
            return false;
        value = value * 10 + (*(*text)++ - '0');
    }
    *ret = value;
    return true;
}

static bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static bool take_date(const char **text, struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    bool is_leap;

    if (!take_digits(text, 4, &year) || !take_char(text, '-') ||
        !take_digits(text, 2, &tm->tm_mon) || !take_char(text, '-') ||
        !take_digits(text, 2, &tm->tm_mday) || tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1)
        return false;
    is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    tm->tm_year = year - 1900;
    tm->tm_mon -= 1;
    return tm->tm_mday <= days[tm->tm_mon] + (is_leap && tm->tm_mon == 1 ? 1 : 0);
}

// Digits beyond the microsecond are cut.
static bool take_fraction(const char **text, int64_t *ret_us)
{
    int64_t unit = SECOND_US / 10;

    if (!isdigit((unsigned char)**text))
        return false;
    *ret_us = 0;
    for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
        *ret_us += (**text - '0') * unit;
    return true;
}

static bool take_time(const char **text, struct tm *tm, int64_t *fraction_us)
{
    if (!take_digits(text, 2, &tm->tm_hour) || !take_char(text, ':') ||
        !take_digits(text, 2, &tm->tm_min))
        return false;
    if (take_char(text, ':') && !take_digits(text, 2, &tm->tm_sec))
        return false;
    if (take_char(text, '.') && !take_fraction(text, fraction_us))
        return false;
    return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec < 60;
}

// "", "Z", "+02", "+02:00", "+0200".
static bool take_zone(const char **text, int *ret_minutes)
{
    int hours;
    int minutes = 0;
    int sign = **text == '-' ? -1 : 1;

    *ret_minutes = 0;
    if (take_char(text, 'Z') || **text == '\0')
        return true;
    if (!take_char(text, '+') && !take_char(text, '-'))
        return false;
    if (!take_digits(text, 2, &hours))
        return false;
    if (**text != '\0' && ((void)take_char(text, ':'), !take_digits(text, 2, &minutes)))
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return hours < 24 && minutes < 60;
}

int sl_clock_parse(const char *text, int64_t *ret_us)
{
    struct tm tm = {0};
    int64_t fraction_us = 0;
    int zone_minutes = 0;

    if (!text || !take_date(&text, &tm))
        return -1;
    if (*text != '\0') {
        if (!take_char(&text, 'T') && !take_char(&text, ' '))
            return -1;
        if (!take_time(&text, &tm, &fraction_us) || !take_zone(&text, &zone_minutes))
            return -1;
    }
    if (*text != '\0')
        return -1;
    const int64_t second = (int64_t)timegm(&tm) - (int64_t)zone_minutes * 60;
    if (second < FIRST_SECOND || second > LAST_SECOND)
        return -1;
    *ret_us = second * SECOND_US + fraction_us;
    return 0;
}

// FNV-1a over the seed, then the finalizer of SplitMix64.
static uint64_t mix(const char *seed, uint64_t number)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325) ^ number;

    for (; *seed; seed++)
        value = (value ^ (unsigned char)*seed) * UINT64_C(0x100000001b3);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

uint64_t sl_random(const char *seed, uint64_t number)
{
    uint64_t random;

    if (getenv("SLUICE_CLOCK") || getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return mix(seed, number);
    return random;
}

const char *sl_uuid(char buffer[37])
{
    unsigned char random[16];
    char *at = buffer;

    // Cannot fail for so few bytes on any kernel that runs this (getrandom(2)); without randomness
    // names would collide, and tables with them, so going on is no choice.
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort();
    random[6] = (unsigned char)((random[6] & 0x0F) | 0x40); // version 4 (RFC 9562)
    random[8] = (unsigned char)((random[8] & 0x3F) | 0x80); // variant 10
    for (size_t i = 0; i < sizeof random; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        at += snprintf(at, 3, "%02x", random[i]);
    }
    return buffer;
}
