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

// "12-25": any day that a leap year has, as the day of the year 2000.
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
    *text += 5;
    *ret = days;
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

static void add_yearly(struct sl_day_set *set, int64_t first, int64_t last)
{
    const int64_t size = sl_days_of(2001, 1, 1) - sl_days_of(2000, 1, 1);
    const int64_t end = last < first ? last + size : last;

    for (int64_t day = first; day <= end; day++) {
        const struct sl_date date = sl_date_of(day);
        set->yearly[date.month] |= UINT32_C(1) << date.day;
    }
}

// The first of the ranges that ends at or after `day`; the count if there is none.
static size_t find_range(const struct sl_day_set *set, int64_t day)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Joins it with the ranges that it touches.
static int add_range(struct sl_day_set *set, struct sl_day_range range, struct sl_arena *arena,
                     struct sl_err *err)
{
    const size_t at = find_range(set, range.first - 1);
    size_t end = at;

    for (; end < set->count && set->ranges[end].first <= range.last + 1; end++) {
        if (set->ranges[end].first < range.first)
            range.first = set->ranges[end].first;
        if (set->ranges[end].last > range.last)
            range.last = set->ranges[end].last;
    }
    if (end == at) {
        if (set->count >= RANGES_MAX)
            return sl_fail(err, SL_E_CALENDAR, "more than %d days in one list", RANGES_MAX);
        if (!SL_PUSH(arena, set->ranges, set->count, range))
            return sl_fail_memory(err);
        memmove(&set->ranges[at + 1], &set->ranges[at],
                (set->count - 1 - at) * sizeof *set->ranges);
    } else {
        memmove(&set->ranges[at + 1], &set->ranges[end], (set->count - end) * sizeof *set->ranges);
        set->count -= end - at - 1;
    }
    set->ranges[at] = range;
    return SL_OK;
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
    if (first.kind == DATE)
        SL_TRY(add_range(set, (struct sl_day_range){first.value, last.value}, arena, err));
    else if (first.kind == YEARLY)
        add_yearly(set, first.value, last.value);
    else
        add_weekdays(set, first.value, last.value);
    set->has_items = true;
    return SL_OK;
}

static int read_item(struct sl_day_set *set, const struct sl_yaml *item, struct sl_arena *arena,
                     struct sl_diags *diags, struct sl_err *err)
{
    struct sl_err wrong = {0};

    if (item->kind != SL_YAML_SCALAR) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, item->place, NULL,
                "found %s, expected a day or a range of days", sl_yaml_describe(item));
        return SL_OK;
    }
    if (sl_day_set_add(set, item->text, arena, &wrong) == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (wrong.code != SL_OK)
        sl_diag(diags, SL_SEVERITY_ERROR, wrong.code, item->place, wrong.hint, "%s", wrong.message);
    return SL_OK;
}

int sl_day_set_read(struct sl_day_set *set, const struct sl_yaml *list, struct sl_arena *arena,
                    struct sl_diags *diags, struct sl_err *err)
{
    if (list->kind != SL_YAML_LIST)
        return read_item(set, list, arena, diags, err);
    for (size_t i = 0; i < list->count; i++)
        SL_TRY(read_item(set, list->items[i], arena, diags, err));
    return SL_OK;
}

static bool has_day(const struct sl_day_set *set, const struct sl_date *date, int64_t day)
{
    if (set->weekdays >> date->weekday & 1u || set->yearly[date->month] >> date->day & 1u)
        return true;
    const size_t at = find_range(set, day);
    return at < set->count && set->ranges[at].first <= day;
}

bool sl_calendar_has(const struct sl_calendar *calendar, const struct sl_date *date, int64_t days)
{
    if (calendar->only.has_items && !has_day(&calendar->only, date, days))
        return false;
    return !calendar->skip.has_items || !has_day(&calendar->skip, date, days);
}
