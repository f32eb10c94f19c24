#include "schedule/calendar.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

#define RANGES_MAX 10000

static const char *const weekday_names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                            "thursday", "friday", "saturday"};

enum item_kind { NOTHING, DATE, YEARLY, WEEKDAY };

struct item {
    enum item_kind kind;
    int64_t value;
};

static bool take_weekday(const char **text, int64_t *ret)
{
    const size_t length = strspn(*text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    for (int i = 0; i < 7; i++)
        if ((length == 3 || length == strlen(weekday_names[i])) &&
            strncasecmp(*text, weekday_names[i], length) == 0) {
            *text += length;
            *ret = i;
            return true;
        }
    return false;
}

// "12-25": any day that a leap year has.
static bool take_yearly(const char **text, int64_t *ret)
{
    char date[] = "2000-00-00";
    const char *at = date;
    int64_t days;

    if (strnlen(*text, 5) < 5)
        return false;
    memcpy(date + 5, *text, 5);
    if (!sl_days_take(&at, &days))
        return false;
    const struct sl_date found = sl_date_of(days);
    *text += 5;
    *ret = found.month * 100 + found.day;
    return true;
}

static struct item take_item(const char **text)
{
    struct item item = {NOTHING, 0};

    if (sl_days_take(text, &item.value))
        item.kind = DATE;
    else if (take_yearly(text, &item.value))
        item.kind = YEARLY;
    else if (take_weekday(text, &item.value))
        item.kind = WEEKDAY;
    return item;
}

static int fail_item(const char *text, const char *at, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_CALENDAR,
                  "found '%.40s' at column %d of the day '%.80s', expected a date (2026-12-25), a "
                  "day of every year (12-25), a weekday (SAT), or a range of two of one kind "
                  "(2026-12-24..2027-01-02, SAT-SUN)",
                  at, (int)(at - text) + 1, text);
    return sl_err_at(err, "", 1, (int)(at - text) + 1);
}

static void add_weekdays(struct sl_day_set *set, int64_t first, int64_t last)
{
    for (int64_t day = first; day <= last + (last < first ? 7 : 0); day++)
        set->weekdays = (uint8_t)(set->weekdays | 1u << day % 7);
}

int sl_day_set_add(struct sl_day_set *set, const char *text, struct sl_arena *arena,
                   struct sl_err *err)
{
    const char *at = text;
    const struct item first = take_item(&at);
    struct item last = first;

    if (first.kind == NOTHING)
        return fail_item(text, at, err);
    const size_t dash = sl_str_starts(at, "..") ? 2 : first.kind == WEEKDAY && *at == '-' ? 1 : 0;
    if (dash) {
        const char *start = at += dash;
        last = take_item(&at);
        if (last.kind != first.kind)
            return fail_item(text, start, err);
        if (last.kind == DATE && last.value < first.value) {
            (void)sl_fail(err, SL_E_CALENDAR, "the range of days '%.80s' ends before it begins",
                          text);
            return sl_err_at(err, "", 1, 1);
        }
    }
    if (*at)
        return fail_item(text, at, err);
    if (first.kind == WEEKDAY) {
        add_weekdays(set, first.value, last.value);
        return SL_OK;
    }
    const struct sl_day_range range = {first.kind == YEARLY, first.value, last.value};
    if (set->count >= RANGES_MAX)
        return sl_fail(err, SL_E_CALENDAR, "more than %d days in one list", RANGES_MAX);
    if (!SL_PUSH(arena, set->ranges, set->count, range))
        return sl_fail_memory(err);
    return SL_OK;
}

static bool has_day(const struct sl_day_set *set, const struct sl_date *date, int64_t days)
{
    const int64_t yearly = date->month * 100 + date->day;

    if (set->weekdays >> date->weekday & 1u)
        return true;
    for (size_t i = 0; i < set->count; i++) {
        const struct sl_day_range *range = &set->ranges[i];
        const int64_t value = range->is_yearly ? yearly : days;
        const bool is_late = value >= range->first, is_early = value <= range->last;
        if (range->first <= range->last ? is_late && is_early : is_late || is_early)
            return true;
    }
    return false;
}

bool sl_calendar_has(const struct sl_calendar *calendar, const struct sl_date *date, int64_t days)
{
    const struct sl_day_set *only = &calendar->only;

    if ((only->count || only->weekdays) && !has_day(only, date, days))
        return false;
    return !has_day(&calendar->skip, date, days);
}
