// sluice schedule next SCHEDULE: when a cron expression or an interval comes.
#include "cli/cli.h"

#include "base/clock.h"
#include "schedule/schedule.h"

#include <ctype.h>
#include <string.h>

#define COUNT_MAX 10000
#define TOTAL_MAX 1000000

struct next_options {
    struct sl_common common;
    const char *schedule;
    const char *zone;
    const char *after;
    const char *before;
    const char *until;
    const char *anchor;
    struct sl_strs skip;
    struct sl_strs only;
    int64_t count;
};

static const struct sl_opt rows[] = {
    {"schedule", SL_OPT_STRING, offsetof(struct next_options, schedule), NULL,
     "A cron expression (in quotes), or an interval like 15m, 24h, 1d, 2w.",
     SL_OPT_POSITIONAL | SL_OPT_REQUIRED, .placeholder = "SCHEDULE"},
    {"zone", SL_OPT_STRING, offsetof(struct next_options, zone), "UTC",
     "Time zone of the schedule, and of times without one.", 0, .letter = 'z',
     .placeholder = "ZONE"},
    {"after", SL_OPT_STRING, offsetof(struct next_options, after), NULL,
     "Times after this one; else after now.", 0, .placeholder = "TIME"},
    {"before", SL_OPT_STRING, offsetof(struct next_options, before), NULL,
     "Times before this one, the latest first.", 0, .placeholder = "TIME"},
    {"until", SL_OPT_STRING, offsetof(struct next_options, until), NULL,
     "Times up to this one, and how many there are.", 0, .placeholder = "TIME"},
    {"count", SL_OPT_INT, offsetof(struct next_options, count), "5", "How many to print.", 0,
     .letter = 'n', .placeholder = "N"},
    {"anchor", SL_OPT_STRING, offsetof(struct next_options, anchor), NULL,
     "Of an interval: a time at which it comes; else 1970-01-01 in the zone.", 0,
     .placeholder = "TIME"},
    {"skip", SL_OPT_STRINGS, offsetof(struct next_options, skip), NULL,
     "Days on which it does not come: 2026-12-25, 12-25, SAT-SUN, 2026-12-24..2027-01-02.",
     SL_OPT_WORDS, .placeholder = "DAY"},
    {"only", SL_OPT_STRINGS, offsetof(struct next_options, only), NULL,
     "The only days on which it comes.", SL_OPT_WORDS, .placeholder = "DAY"},
    SL_COMMON_ROWS,
    {0},
};

// Errors point into `text`.
static void show_text(struct sl_cli *cli, const char *text, const char *name)
{
    cli->sql = text;
    cli->sql_name = name;
}

static int read_time(const struct sl_zone *zone, const char *text, const char *option,
                     int64_t *ret_us, struct sl_err *err)
{
    if (sl_zone_parse(zone, text, ret_us))
        return SL_OK;
    (void)sl_fail(err, SL_E_USAGE, "found '%s' for %s, expected a date or timestamp", text, option);
    return sl_err_hint(err, "2026-03-29, 2026-03-29T01:30 in the zone, or 2026-03-29T01:30:00Z");
}

static int read_days(const struct next_options *options, struct sl_schedule *schedule,
                     struct sl_arena *arena, struct sl_err *err)
{
    for (size_t i = 0; i < options->skip.count; i++) {
        show_text(options->common.cli, options->skip.items[i], "the day given");
        SL_TRY(sl_day_set_add(&schedule->calendar.skip, options->skip.items[i], arena, err));
    }
    for (size_t i = 0; i < options->only.count; i++) {
        show_text(options->common.cli, options->only.items[i], "the day given");
        SL_TRY(sl_day_set_add(&schedule->calendar.only, options->only.items[i], arena, err));
    }
    return SL_OK;
}

static int check_options(const struct next_options *options, struct sl_err *err)
{
    if (options->count < 1 || options->count > COUNT_MAX)
        return sl_fail(err, SL_E_USAGE, "found %lld for --count, expected 1 to %d",
                       (long long)options->count, COUNT_MAX);
    if (options->before && (options->after || options->until))
        return sl_fail(err, SL_E_USAGE,
                       "--before looks back: it goes with neither --after nor "
                       "--until");
    return SL_OK;
}

static int parse(const struct next_options *options, struct sl_schedule *ret, struct sl_err *err)
{
    const bool is_interval =
        isdigit((unsigned char)options->schedule[0]) && !strpbrk(options->schedule, " \t");
    const struct sl_schedule_text text = {.cron = is_interval ? NULL : options->schedule,
                                          .every = is_interval ? options->schedule : NULL,
                                          .anchor = options->anchor,
                                          .zone = options->zone};

    if (options->anchor && !is_interval)
        return sl_fail(err, SL_E_USAGE, "--anchor goes with an interval, and '%s' is none",
                       options->schedule);
    show_text(options->common.cli, options->schedule, "the schedule given");
    return sl_schedule_parse(&text, ret, err);
}

// The ticks that were asked for: *ret_total is -1 unless --until counts them.
static int find(const struct next_options *options, const struct sl_schedule *schedule,
                struct sl_schedule_tick *ticks, size_t *ret_count, int64_t *ret_total,
                struct sl_err *err)
{
    int64_t from_us = sl_clock_now_us(), until_us = INT64_MAX;
    const char *from = options->before ? options->before : options->after;
    const size_t max = (size_t)options->count;
    struct sl_zone_span cache = {0};
    size_t count = 0;

    *ret_total = -1;
    if (from)
        SL_TRY(read_time(&schedule->zone, from, options->before ? "--before" : "--after", &from_us,
                         err));
    if (options->before) {
        for (; count < max && sl_schedule_previous(schedule, from_us, &cache, &ticks[count]);
             count++)
            from_us = ticks[count].at_us;
        *ret_count = count;
        return SL_OK;
    }
    if (options->until) {
        SL_TRY(read_time(&schedule->zone, options->until, "--until", &until_us, err));
        *ret_total = (int64_t)sl_schedule_between(schedule, from_us, until_us, NULL, TOTAL_MAX + 1);
    }
    *ret_count = sl_schedule_between(schedule, from_us, until_us, ticks, max);
    return SL_OK;
}

static const char *weekday(const char *local)
{
    static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    int64_t days;

    return sl_days_take(&local, &days) ? names[sl_date_of(days).weekday] : "";
}

static int print_json(const struct next_options *options, const struct sl_schedule *schedule,
                      const struct sl_schedule_tick *ticks, size_t count, int64_t total,
                      struct sl_err *err)
{
    json_t *list = json_array();
    SL_AUTO(sl_json_free)
    json_t *root =
        json_pack("{s:s, s:o, s:s, s:o}", "schema", "sluice.schedule/1", "schedule",
                  sl_json_string(options->schedule), "zone", schedule->zone.name, "ticks", list);
    SL_TRY_NEW(root, err);
    for (size_t i = 0; i < count; i++) {
        char utc[32], local[40];
        (void)sl_zone_format(&schedule->zone, ticks[i].at_us, local);
        json_t *tick = json_pack(
            "{s:s, s:s, s:s, s:b, s:b}", "utc", sl_time_text(ticks[i].at_us, utc), "local", local,
            "weekday", weekday(local), "makes_up", ticks[i].is_moved, "again", ticks[i].is_second);
        if (json_array_append_new(list, tick) != 0)
            return sl_fail_memory(err);
    }
    if (total >= 0 &&
        (json_object_set_new(root, "total", json_integer(total > TOTAL_MAX ? TOTAL_MAX : total)) ||
         json_object_set_new(root, "total_is_cut", json_boolean(total > TOTAL_MAX))))
        return sl_fail_memory(err);
    return sl_print_json(root, err);
}

static int print_text(const struct sl_schedule *schedule, const struct sl_schedule_tick *ticks,
                      size_t count, struct sl_arena *arena, struct sl_err *err)
{
    static const char *const head[] = {"day", "local time", "UTC", ""};
    struct sl_grid grid;

    if (count == 0) {
        puts("it does not come");
        return SL_OK;
    }
    sl_grid_init(&grid, arena, 4, 0);
    SL_TRY(sl_grid_row(&grid, head, err));
    for (size_t i = 0; i < count; i++) {
        char utc[32], local[40];
        (void)sl_zone_format(&schedule->zone, ticks[i].at_us, local);
        const char *note = ticks[i].is_moved    ? "for times that the clocks leave out"
                           : ticks[i].is_second ? "clocks show this time again"
                                                : "";
        const char *cells[] = {weekday(local), sl_arena_strdup(arena, local),
                               sl_arena_strdup(arena, sl_time_text(ticks[i].at_us, utc)), note};
        SL_TRY_NEW(cells[1], err);
        SL_TRY_NEW(cells[2], err);
        SL_TRY(sl_grid_row(&grid, cells, err));
    }
    return sl_grid_print(&grid, stdout, err);
}

static int show(const struct next_options *options, struct sl_schedule *schedule,
                struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    char text[64], number[32];
    size_t count;
    int64_t total;

    sl_arena_init(&arena, 0);
    SL_TRY(read_days(options, schedule, &arena, err));
    struct sl_schedule_tick *ticks =
        SL_NEW_ARRAY(&arena, struct sl_schedule_tick, (size_t)options->count);
    SL_TRY_NEW(ticks, err);
    SL_TRY(find(options, schedule, ticks, &count, &total, err));
    if (options->common.json)
        return print_json(options, schedule, ticks, count, total, err);
    SL_TRY(print_text(schedule, ticks, count, &arena, err));
    if (total > TOTAL_MAX)
        printf("more than %s in all\n", sl_str_count(TOTAL_MAX, number));
    else if (total >= 0)
        printf("%s in all\n", sl_count_of(total, "time", text));
    return SL_OK;
}

static int run_next(const void *self, int *ret_exit, struct sl_err *err)
{
    const struct next_options *options = self;
    SL_AUTO(sl_schedule_clear) struct sl_schedule schedule = {0};

    (void)ret_exit;
    SL_TRY(check_options(options, err));
    SL_TRY(parse(options, &schedule, err));
    return show(options, &schedule, err);
}

static const char *const examples[] = {
    "sluice schedule next '30 2 * * MON-FRI' --zone Europe/Berlin",
    "sluice schedule next '0 6 L * *' --skip SAT-SUN 12-25 --count 12",
    "sluice schedule next 1d --zone America/New_York --anchor 2026-01-01T06:00",
    "sluice schedule next @hourly --after 2026-03-01 --until 2026-04-01", NULL};

const struct sl_command sl_command_schedule_next = {
    .name = "schedule next",
    .summary = "Tell when a cron expression or an interval comes, in local time and UTC.",
    .details =
        "Cron: five fields (minute, hour, day of month, month, day of week) or six (seconds "
        "first). "
        "Lists, ranges that may wrap (FRI-MON), steps\n"
        "(*/15), names (JAN, MON), Sunday as 0 and 7, ?, L (last day of the month), L-3, 15W (the "
        "nearest weekday), LW, 5L (last Friday), FRI#2 (second\n"
        "Friday); or @hourly, @daily, @weekly, @monthly, @yearly. If both day fields are "
        "restricted, "
        "either is enough, unless one begins with *.\n"
        "\n"
        "Intervals: 30s, 15m, 24h are always as long; 1d and 2w are days of the zone and keep the "
        "time of day.\n"
        "\n"
        "Where clocks are set forward, times that are left out come once, at that moment. Where "
        "they "
        "are set back, a time comes once, the first time,\n"
        "but both times where hours, minutes or seconds are * or */n. What comes every hour "
        "follows "
        "the time that passes.",
    .rows = rows,
    .options_bytes = sizeof(struct next_options),
    .examples = examples,
    .run = run_next,
};
