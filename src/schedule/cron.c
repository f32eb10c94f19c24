#include "schedule/cron.h"

#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX_BYTES 1024
#define CYCLE_YEARS 400 // after which the calendar repeats itself, weekdays too

enum field_kind { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELD_COUNT };

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field {
    const char *name;
    int min, max;
    const char *const *names; // of the values from `min` on
    int name_count;
    const char *expected;
} fields[FIELD_COUNT] = {
    [SECOND] = {"second", 0, 59, NULL, 0, "0 to 59"},
    [MINUTE] = {"minute", 0, 59, NULL, 0, "0 to 59"},
    [HOUR] = {"hour", 0, 23, NULL, 0, "0 to 23"},
    [DAY] = {"day of month", 1, 31, NULL, 0, "1 to 31, L or W"},
    [MONTH] = {"month", 1, 12, month_names, 12, "1 to 12 or JAN to DEC"},
    [WEEKDAY] = {"day of week", 0, 7, weekday_names, 7, "0 to 7 or SUN to SAT"},
};

static const struct {
    const char *name;
    const char *text;
} nicknames[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

// The reading of one field.
struct reader {
    const char *text; // the whole expression
    const char *at;   // what is read next
    const char *end;  // of the field
    enum field_kind kind;
    struct sl_cron *cron;
    struct sl_err *err;
};

static int fail_at(struct sl_err *err, const char *text, const char *at)
{
    return sl_err_at(err, "", 1, (int)(at - text) + 1);
}

// What stands at `at` up to the next separator, for messages.
static int shown_length(const struct reader *reader, const char *at)
{
    size_t length = strcspn(at, ", \t");

    if (length > (size_t)(reader->end - at))
        length = (size_t)(reader->end - at);
    return length > 40 ? 40 : (int)length;
}

static int fail_field(const struct reader *reader, const char *at, const char *expected)
{
    const int length = shown_length(reader, at);

    (void)sl_fail(reader->err, SL_E_CRON,
                  "cron field '%s' at column %d: found %s%.*s%s, expected %s",
                  fields[reader->kind].name, (int)(at - reader->text) + 1, length ? "'" : "",
                  length ? length : 7, length ? at : "nothing", length ? "'" : "", expected);
    return fail_at(reader->err, reader->text, at);
}

static bool is_at(const struct reader *reader, char c)
{
    return reader->at < reader->end && toupper((unsigned char)*reader->at) == c;
}

static bool take(struct reader *reader, char c)
{
    if (!is_at(reader, c))
        return false;
    reader->at++;
    return true;
}

static bool take_number(struct reader *reader, int *ret)
{
    const char *start = reader->at;
    int value = 0;

    for (; reader->at < reader->end && isdigit((unsigned char)*reader->at); reader->at++)
        value = value < 10000 ? value * 10 + (*reader->at - '0') : value;
    *ret = value;
    return reader->at > start;
}

static bool take_name(struct reader *reader, int *ret)
{
    const struct field *field = &fields[reader->kind];

    for (int i = 0; i < field->name_count; i++)
        if (reader->end - reader->at >= 3 && strncasecmp(reader->at, field->names[i], 3) == 0) {
            reader->at += 3;
            *ret = field->min + i;
            return true;
        }
    return false;
}

static int take_value(struct reader *reader, int *ret)
{
    const struct field *field = &fields[reader->kind];
    const char *start = reader->at;

    if (!take_number(reader, ret) && !take_name(reader, ret))
        return fail_field(reader, start, field->expected);
    if (*ret < field->min || *ret > field->max)
        return fail_field(reader, start, field->expected);
    return SL_OK;
}

static void set_value(struct sl_cron *cron, enum field_kind kind, int value)
{
    switch (kind) {
    case SECOND:
        cron->seconds |= UINT64_C(1) << value;
        break;
    case MINUTE:
        cron->minutes |= UINT64_C(1) << value;
        break;
    case HOUR:
        cron->hours |= UINT32_C(1) << value;
        break;
    case DAY:
        cron->days |= UINT32_C(1) << value;
        break;
    case MONTH:
        cron->months = (uint16_t)(cron->months | 1u << value);
        break;
    case WEEKDAY:
        cron->weekdays = (uint8_t)(cron->weekdays | 1u << value % 7);
        break;
    case FIELD_COUNT:
        break;
    }
}

// From first to last by `step`; a range that wraps goes through the field's end.
static void set_range(const struct reader *reader, int first, int last, int step)
{
    const struct field *field = &fields[reader->kind];
    const int size = reader->kind == WEEKDAY ? 7 : field->max - field->min + 1;

    if (last < first)
        last += size;
    for (int value = first; value <= last; value += step)
        set_value(reader->cron, reader->kind,
                  reader->kind == WEEKDAY ? value % 7 : (value - field->min) % size + field->min);
}

static int take_step(struct reader *reader, int *ret)
{
    const struct field *field = &fields[reader->kind];
    char expected[64];

    *ret = 1;
    if (!take(reader, '/'))
        return SL_OK;
    const char *start = reader->at;
    const int size = reader->kind == WEEKDAY ? 7 : field->max - field->min + 1;
    (void)snprintf(expected, sizeof expected, "a step of 1 to %d", size);
    if (!take_number(reader, ret) || *ret < 1)
        return fail_field(reader, start, expected);
    if (*ret > size) {
        (void)fail_field(reader, start, expected);
        return sl_err_hint(reader->err,
                           "a step counts within its field and begins anew with it; for "
                           "an even distance of any length use an interval, as 90m");
    }
    return SL_OK;
}

// L, L-n, LW and nW; *ret_taken tells whether it was one of them.
static int take_special_day(struct reader *reader, bool *ret_taken)
{
    const char *start = reader->at;
    int number;

    *ret_taken = false;
    if (take(reader, 'L')) {
        *ret_taken = true;
        number = 0;
        if (take(reader, 'W')) {
            reader->cron->is_last_workday = true;
            return SL_OK;
        }
        if (take(reader, '-') && (!take_number(reader, &number) || number < 1 || number > 30))
            return fail_field(reader, start, "L-1 to L-30");
        reader->cron->last_days |= UINT32_C(1) << number;
        return SL_OK;
    }
    if (!take_number(reader, &number) || !take(reader, 'W')) {
        reader->at = start;
        return SL_OK;
    }
    *ret_taken = true;
    if (number < 1 || number > 31)
        return fail_field(reader, start, "1W to 31W");
    reader->cron->workdays |= UINT32_C(1) << number;
    return SL_OK;
}

// nL and n#m; *ret_taken tells whether it was one of them.
static int take_special_weekday(struct reader *reader, bool *ret_taken)
{
    const char *start = reader->at;
    int weekday, number;

    *ret_taken = false;
    if (is_at(reader, 'L'))
        return fail_field(reader, start, "a weekday before L, as 5L or FRIL for the last Friday");
    if ((!take_number(reader, &weekday) && !take_name(reader, &weekday)) ||
        (!is_at(reader, 'L') && !is_at(reader, '#'))) {
        reader->at = start;
        return SL_OK;
    }
    *ret_taken = true;
    if (weekday > 7)
        return fail_field(reader, start, fields[WEEKDAY].expected);
    if (take(reader, 'L')) {
        reader->cron->last_weekdays = (uint8_t)(reader->cron->last_weekdays | 1u << weekday % 7);
        return SL_OK;
    }
    reader->at++;
    if (!take_number(reader, &number) || number < 1 || number > 5)
        return fail_field(reader, start, "a weekday and #1 to #5");
    uint8_t *nth = &reader->cron->nth_weekdays[weekday % 7];
    *nth = (uint8_t)(*nth | 1u << number);
    return SL_OK;
}

static int take_part(struct reader *reader)
{
    const struct field *field = &fields[reader->kind];
    const bool is_day = reader->kind == DAY || reader->kind == WEEKDAY;
    bool is_special = false;
    int first, last, step;

    if (reader->kind == DAY)
        SL_TRY(take_special_day(reader, &is_special));
    else if (reader->kind == WEEKDAY)
        SL_TRY(take_special_weekday(reader, &is_special));
    if (is_special)
        return SL_OK;
    if (take(reader, '*') || (is_day && take(reader, '?'))) {
        SL_TRY(take_step(reader, &step));
        set_range(reader, field->min, reader->kind == WEEKDAY ? 6 : field->max, step);
        return SL_OK;
    }
    SL_TRY(take_value(reader, &first));
    last = first;
    const bool is_range = take(reader, '-');
    if (is_range)
        SL_TRY(take_value(reader, &last));
    const bool has_step = is_at(reader, '/');
    SL_TRY(take_step(reader, &step));
    if (has_step && !is_range)
        last = reader->kind == WEEKDAY ? 6 : field->max;
    if (has_step && !is_range && first > last) // 7/2
        first = 0;
    set_range(reader, first, last, step);
    return SL_OK;
}

static int take_field(struct reader *reader)
{
    const char *part;

    do {
        part = reader->at;
        SL_TRY(take_part(reader));
        if (reader->at < reader->end && *reader->at != ',')
            return fail_field(reader, part, fields[reader->kind].expected);
    } while (reader->at < reader->end && *reader->at++ == ',');
    return SL_OK;
}

static int fail_count(const char *text, int count, struct sl_err *err)
{
    (void)sl_fail(err, SL_E_CRON, "found %d cron field%s in '%.80s', expected 5 or 6", count,
                  count == 1 ? "" : "s", text);
    (void)sl_err_hint(err, "%s",
                      count == 7
                          ? "there is no field for years"
                          : "minute, hour, day of month, month, day of week; with six fields, "
                            "seconds stand before them");
    return sl_err_at(err, "", 1, 1);
}

static int expand(const char *text, const char **ret, struct sl_err *err)
{
    const size_t length = strcspn(text, " \t");

    if (text[0] != '@') {
        *ret = text;
        return SL_OK;
    }
    for (size_t i = 0; i < sizeof nicknames / sizeof *nicknames; i++)
        if (strlen(nicknames[i].name) == length &&
            strncasecmp(nicknames[i].name, text, length) == 0 &&
            text[length + strspn(text + length, " \t")] == '\0') {
            *ret = nicknames[i].text;
            return SL_OK;
        }
    (void)sl_fail(err, SL_E_CRON,
                  "found '%.40s', expected one of @hourly, @daily, @midnight, @weekly, @monthly, "
                  "@yearly, @annually",
                  text);
    return sl_err_at(err, "", 1, 1);
}

static bool is_star(const char *field)
{
    return field[0] == '*' || field[0] == '?';
}

static bool has_day_ever(const struct sl_cron *cron)
{
    for (int year = 2000; year < 2000 + CYCLE_YEARS; year++)
        for (int month = 1; month <= 12; month++) {
            if (!(cron->months >> month & 1u))
                continue;
            const int count = sl_month_days(year, month);
            struct sl_date date = sl_date_of(sl_days_of(year, month, 1));
            for (; date.day <= count; date.day++, date.weekday = (date.weekday + 1) % 7)
                if (sl_cron_has_day(cron, &date))
                    return true;
        }
    return false;
}

int sl_cron_parse(const char *text, struct sl_cron *ret, struct sl_err *err)
{
    struct sl_cron cron = {0};
    const char *starts[FIELD_COUNT + 1], *expression;
    int count = 0;

    if (strlen(text) > TEXT_MAX_BYTES)
        return sl_fail(err, SL_E_CRON, "a cron expression of %zu bytes is longer than %d",
                       strlen(text), TEXT_MAX_BYTES);
    SL_TRY(expand(text + strspn(text, " \t"), &expression, err));
    for (const char *at = expression + strspn(expression, " \t"); *at;) {
        if (count <= FIELD_COUNT)
            starts[count] = at;
        count++;
        at += strcspn(at, " \t");
        at += strspn(at, " \t");
    }
    if (count != FIELD_COUNT && count != FIELD_COUNT - 1)
        return fail_count(text, count, err);
    const int skipped = FIELD_COUNT - count;
    cron.seconds = skipped ? 1 : 0;
    for (int i = skipped; i < FIELD_COUNT; i++) {
        const char *start = starts[i - skipped];
        struct reader reader = {.text = text,
                                .at = start,
                                .end = start + strcspn(start, " \t"),
                                .kind = (enum field_kind)i,
                                .cron = &cron,
                                .err = err};
        SL_TRY(take_field(&reader));
    }
    cron.has_days = !is_star(starts[DAY - skipped]);
    cron.has_weekdays = !is_star(starts[WEEKDAY - skipped]);
    cron.is_hourly = cron.hours == 0xffffff;
    cron.is_repeating = cron.is_hourly || is_star(starts[HOUR - skipped]) ||
                        is_star(starts[MINUTE - skipped]) || (!skipped && is_star(starts[SECOND]));
    if (!has_day_ever(&cron)) {
        (void)sl_fail(err, SL_E_CRON_NEVER, "the cron expression '%.80s' never comes", text);
        (void)sl_err_hint(err, "no year has such a day in these months");
        return fail_at(err, text, starts[DAY - skipped]);
    }
    *ret = cron;
    return SL_OK;
}

// The nearest day from Monday to Friday within the month is this one.
static bool is_workday_of(const struct sl_cron *cron, const struct sl_date *date, int last)
{
    uint32_t wanted = UINT32_C(1) << date->day;

    if (date->weekday == 0 || date->weekday == 6)
        return false;
    if (date->weekday == 1) {
        wanted |= UINT32_C(1) << (date->day - 1); // bit 0 is never set
        if (date->day == 3)
            wanted |= UINT32_C(1) << 1;
    }
    if (date->weekday == 5) {
        if (date->day < last)
            wanted |= UINT32_C(1) << (date->day + 1);
        if (date->day + 2 == last)
            wanted |= UINT32_C(1) << last;
    }
    return (cron->workdays & wanted) != 0;
}

static bool has_month_day(const struct sl_cron *cron, const struct sl_date *date)
{
    const int last = sl_month_days(date->year, date->month);

    if (cron->days >> date->day & 1u || cron->last_days >> (last - date->day) & 1u)
        return true;
    if (cron->workdays && is_workday_of(cron, date, last))
        return true;
    return cron->is_last_workday && date->weekday >= 1 && date->weekday <= 5 &&
           (date->day == last || (date->weekday == 5 && date->day + 2 >= last));
}

static bool has_weekday(const struct sl_cron *cron, const struct sl_date *date)
{
    if (cron->weekdays >> date->weekday & 1u)
        return true;
    if (cron->nth_weekdays[date->weekday] >> ((date->day - 1) / 7 + 1) & 1u)
        return true;
    return cron->last_weekdays >> date->weekday & 1u &&
           date->day + 7 > sl_month_days(date->year, date->month);
}

bool sl_cron_has_day(const struct sl_cron *cron, const struct sl_date *date)
{
    if (!(cron->months >> date->month & 1u))
        return false;
    const bool has_day = has_month_day(cron, date), has_name = has_weekday(cron, date);
    return cron->has_days && cron->has_weekdays ? has_day || has_name : has_day && has_name;
}
