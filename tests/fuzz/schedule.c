// Any line is a schedule whose ticks go forward, and back by the same way, or an error that says
// why. The lines of an input: a cron expression or an interval, a zone, and days to skip.
#include "fuzz.h"

#include "base/str.h"
#include "schedule/schedule.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TICKS 4

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static char *take_line(char **text)
{
    char *line = strsep(text, "\n");

    return line ? line : (char *)"";
}

// A name that is none costs the search for the one that was meant, so that it is asked for by '?'.
static const char *zone_of(const char *line)
{
    static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Pacific/Apia",
                                        "Australia/Lord_Howe", "Africa/Casablanca"};

    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (strcmp(zones[i], line) == 0)
            return line;
    return line[0] == '?' ? line + 1 : "UTC";
}

static void check_ticks(const struct sl_schedule *schedule, int64_t after_us)
{
    struct sl_schedule_tick ticks[TICKS], again;
    const size_t count = sl_schedule_between(schedule, after_us, INT64_MAX, ticks, TICKS);

    for (size_t i = 0; i < count; i++)
        must(ticks[i].at_us > (i ? ticks[i - 1].at_us : after_us));
    for (size_t i = count; i-- > 1;) {
        must(sl_schedule_previous(schedule, ticks[i].at_us, NULL, &again));
        must(again.at_us == ticks[i - 1].at_us && again.is_moved == ticks[i - 1].is_moved);
    }
    if (count && sl_schedule_previous(schedule, ticks[0].at_us, NULL, &again)) {
        must(again.at_us <= after_us);
        must(sl_schedule_next(schedule, again.at_us, NULL, &again) &&
             again.at_us == ticks[0].at_us);
    }
}

static void add_days(struct sl_schedule *schedule, char *text, struct sl_arena *arena)
{
    struct sl_err err = {0};

    for (int i = 0; text && i < 20; i++) {
        const char *line = take_line(&text);
        struct sl_day_set *set = i % 3 == 2 ? &schedule->calendar.only : &schedule->calendar.skip;
        if (sl_day_set_add(set, line, arena, &err) != SL_OK)
            must(err.code == SL_E_CALENDAR && err.message[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    SL_AUTO(sl_schedule_clear) struct sl_schedule schedule = {0};
    struct sl_err err = {0};

    sl_arena_init(&arena, 0);
    char *text = sl_arena_strndup(&arena, (const char *)data, size);
    must(text != NULL);
    const char *when = take_line(&text), *zone = zone_of(take_line(&text));
    const bool is_interval = isdigit((unsigned char)when[0]) && !strpbrk(when, " \t");
    const struct sl_schedule_text given = {
        .cron = is_interval ? NULL : when, .every = is_interval ? when : NULL, .zone = zone};

    if (sl_schedule_parse(&given, &schedule, &err) != SL_OK) {
        must(err.code == SL_E_CRON || err.code == SL_E_CRON_NEVER || err.code == SL_E_INTERVAL ||
             err.code == SL_E_TIME_ZONE);
        must(err.message[0]);
        must(err.code == SL_E_TIME_ZONE || (err.line == 1 && err.column >= 1));
        return 0;
    }
    add_days(&schedule, text, &arena);
    check_ticks(&schedule, INT64_C(1774656000) * 1000000);
    check_ticks(&schedule, (int64_t)size * 7919 * 3600 * 1000000);
    return 0;
}
