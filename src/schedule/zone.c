#include "schedule/zone.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "schedule/days.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REACH_S (INT64_C(400) * SL_DAY_SECONDS) // how far a span looks for its ends
#define ZONES_MAX_BYTES ((size_t)1 << 20)
#define SECOND_US INT64_C(1000000)

static bool is_name(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";

    return name[0] != '/' && name[strspn(name, letters)] == '\0';
}

static const char *data_folder(void)
{
    const char *folder = getenv("TZDIR");

    return folder && folder[0] ? folder : "/usr/share/zoneinfo";
}

// GLib takes "+02:00" and rules of POSIX for zones too, and complains on stderr of files that are
// none: only a file that begins as zone data do is given to it.
static bool has_file(const char *name)
{
    char path[512], magic[4];
    bool is_data = false;

    if (snprintf(path, sizeof path, "%s/%s", data_folder(), name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "rb");
    if (file) {
        is_data = fread(magic, 1, sizeof magic, file) == sizeof magic &&
                  memcmp(magic, "TZif", sizeof magic) == 0;
        (void)fclose(file);
    }
    return is_data;
}

// The names in tzdata.zi, whose lines are "Z NAME ...", "L TARGET NAME" and others. Empty without
// it.
static void list_names(struct sl_arena *arena, struct sl_strs *names)
{
    char path[512];
    const char *text;
    size_t length;
    struct sl_err ignored = {0};

    (void)snprintf(path, sizeof path, "%s/tzdata.zi", data_folder());
    if (sl_fs_read(path, ZONES_MAX_BYTES, arena, &text, &length, &ignored) != SL_OK)
        return;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *name = line[0] == 'Z' || line[0] == 'L' ? strchr(line, ' ') : NULL;
        if (name && line[0] == 'L')
            name = strchr(name + 1, ' ');
        const char *found =
            name ? sl_arena_strndup(arena, name + 1, strcspn(name + 1, " \n")) : NULL;
        if (found && sl_strs_add(names, arena, found, &ignored) != SL_OK)
            return;
    }
}

// "berlin" and "europe/berlin" are meant to be Europe/Berlin.
static const char *nearest_name(const char *name, const struct sl_strs *names)
{
    for (size_t i = 0; i < names->count; i++) {
        const char *city = strrchr(names->items[i], '/');
        if (sl_str_equal_nocase(name, names->items[i]) ||
            (city && sl_str_equal_nocase(name, city + 1)))
            return names->items[i];
    }
    return sl_str_nearest(name, names->items, names->count);
}

static int fail_name(const char *name, struct sl_err *err)
{
    SL_AUTO(sl_arena_clear) struct sl_arena arena = {0};
    struct sl_strs names = {0};

    sl_arena_init(&arena, 0);
    (void)sl_fail(err, SL_E_TIME_ZONE, "'%.80s' is no time zone that this machine knows", name);
    list_names(&arena, &names);
    const char *nearest =
        strlen(name) < sizeof((struct sl_zone *)NULL)->name ? nearest_name(name, &names) : NULL;
    if (nearest)
        return sl_err_hint(err, "did you mean '%s'?", nearest);
    return sl_err_hint(err,
                       "zones have names like Europe/Berlin, America/New_York or UTC; their data "
                       "come with the package tzdata");
}

int sl_zone_open(const char *name, struct sl_zone *ret, struct sl_err *err)
{
    struct sl_zone zone = {0};

    if (!name || !name[0])
        name = "UTC";
    const bool is_utc = strcmp(name, "UTC") == 0 || strcmp(name, "Etc/UTC") == 0;
    if (!is_utc && strlen(name) < sizeof zone.name && is_name(name) && has_file(name))
        zone.handle = g_time_zone_new_identifier(name);
    if (!is_utc && !zone.handle)
        return fail_name(name, err);
    (void)snprintf(zone.name, sizeof zone.name, "%s", name);
    *ret = zone;
    return SL_OK;
}

void sl_zone_clear(struct sl_zone *zone)
{
    if (zone && zone->handle)
        g_time_zone_unref(zone->handle);
    if (zone)
        zone->handle = NULL;
}

static int find(const struct sl_zone *zone, int64_t at_s)
{
    return g_time_zone_find_interval(zone->handle, G_TIME_TYPE_UNIVERSAL, at_s);
}

// The first second after `low_s` (in interval `low`) and not after `high_s` that is in another one.
static int64_t find_end(const struct sl_zone *zone, int low, int64_t low_s, int64_t high_s)
{
    while (high_s - low_s > 1) {
        const int64_t middle_s = low_s + (high_s - low_s) / 2;
        if (find(zone, middle_s) == low)
            low_s = middle_s;
        else
            high_s = middle_s;
    }
    return high_s;
}

// The last second before `high_s` (in interval `high`) that is in another one.
static int64_t find_start(const struct sl_zone *zone, int high, int64_t low_s, int64_t high_s)
{
    while (high_s - low_s > 1) {
        const int64_t middle_s = low_s + (high_s - low_s) / 2;
        if (find(zone, middle_s) == high)
            high_s = middle_s;
        else
            low_s = middle_s;
    }
    return low_s;
}

struct sl_zone_span sl_zone_span_at(const struct sl_zone *zone, int64_t at_s)
{
    struct sl_zone_span span = {.start_s = at_s - REACH_S, .end_s = at_s + REACH_S};

    if (!zone->handle) {
        span.shown_s = span.start_s;
        return span;
    }
    const int here = find(zone, at_s);
    span.offset_s = g_time_zone_get_offset(zone->handle, here);
    if (find(zone, span.end_s) != here)
        span.end_s = find_end(zone, here, at_s, span.end_s);
    if (find(zone, span.start_s) == here) {
        span.shown_s = span.start_s + span.offset_s;
        return span;
    }
    const int64_t before_s = find_start(zone, here, span.start_s, at_s);
    span.start_s = before_s + 1;
    span.shown_s = span.start_s + g_time_zone_get_offset(zone->handle, find(zone, before_s));
    return span;
}

int64_t sl_zone_to_utc(const struct sl_zone *zone, int64_t local_s)
{
    // Offsets are less than a day and a half: begin before any that could show this time.
    struct sl_zone_span span = sl_zone_span_at(zone, local_s - 2 * SL_DAY_SECONDS);

    while (local_s >= span.end_s + span.offset_s)
        span = sl_zone_span_at(zone, span.end_s);
    const int64_t at_s = local_s - span.offset_s;
    return at_s < span.start_s ? span.start_s : at_s;
}

const char *sl_zone_format(const struct sl_zone *zone, int64_t at_us, char buffer[40])
{
    const int64_t at_s = sl_floor_div(at_us, SECOND_US);
    const int64_t offset_s =
        zone->handle ? g_time_zone_get_offset(zone->handle, find(zone, at_s)) : 0;
    const int64_t minutes = llabs(offset_s) / 60;
    char text[32];

    (void)sl_clock_format((at_s + offset_s) * SECOND_US, text);
    if (zone->handle)
        (void)snprintf(buffer, 40, "%.19s%c%02d:%02d", text, offset_s < 0 ? '-' : '+',
                       (int)(minutes / 60) % 100, (int)(minutes % 60));
    else
        (void)snprintf(buffer, 40, "%.19sZ", text);
    return buffer;
}

bool sl_zone_parse(const struct sl_zone *zone, const char *text, int64_t *ret_us)
{
    const char *time = text ? strpbrk(text, "Tt ") : NULL;
    int64_t at_us;

    if (!text || sl_clock_parse(text, &at_us) != 0)
        return false;
    if (!time || !strpbrk(time + 1, "Zz+-")) {
        const int64_t local_s = sl_floor_div(at_us, SECOND_US);
        at_us += (sl_zone_to_utc(zone, local_s) - local_s) * SECOND_US;
    }
    *ret_us = at_us;
    return true;
}
