// `when` of pipelines/*.yml: what starts a run.
#include "spec/trigger.h"

#include <string.h>

#include "schedule/schedule.h"

#define FILES_SETTLE_S 2
#define MOST_SECONDS ((int64_t)366 * 86400)

static const char *const kind_names[] = {"cron", "every", "files", "table", "http", NULL};

static const struct sl_opt calendar_rows[] = {
    {.name = "skip",
     .type = SL_OPT_NODE,
     .offset = offsetof(struct sl_trigger_days, skip),
     .summary = "Days on which it does not come: 2026-12-25, 12-25, SAT-SUN, "
                "2026-12-24..2027-01-02.",
     .example = "[12-25, SAT-SUN]"},
    {.name = "only",
     .type = SL_OPT_NODE,
     .offset = offsetof(struct sl_trigger_days, only),
     .summary = "The only days on which it comes.",
     .example = "[MON-FRI]"},
    {0},
};

const struct sl_opt sl_trigger_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct sl_trigger_item, node)},
    {.name = "cron",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_trigger_item, cron),
     .flags = SL_OPT_PLAIN,
     .summary = "At the times of a cron expression of five or six fields; `sluice schedule next` "
                "tells when they are.",
     .example = "\"0 3 * * MON-FRI\""},
    {.name = "every",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_trigger_item, every),
     .flags = SL_OPT_PLAIN,
     .summary = "At an interval: 30s, 15m, 24h; 1d and 2w keep the time of day.",
     .example = "15m"},
    {.name = "files",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_trigger_item, files),
     .flags = SL_OPT_PLAIN,
     .summary = "When files of this source arrive, change or go.",
     .example = "orders"},
    {.name = "table",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_trigger_item, table),
     .flags = SL_OPT_PLAIN,
     .summary = "When this table gets a new version, by whomever.",
     .example = "curated.rates"},
    {.name = "http",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct sl_trigger_item, has_http),
     .summary = "By POST /api/v1/pipelines/NAME/runs.",
     .example = "true"},
    {.name = "time_zone",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_trigger_item, time_zone),
     .flags = SL_OPT_PLAIN,
     .summary = "cron, every: the time zone; that of sluice.yml if nothing is said.",
     .example = "Europe/Berlin"},
    {.name = "anchor",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_trigger_item, anchor),
     .flags = SL_OPT_PLAIN,
     .summary = "every: a time at which it comes; 1970-01-01 in the zone if nothing is said.",
     .example = "2026-01-01T06:00"},
    {.name = "calendar",
     .type = SL_OPT_OBJECT,
     .offset = offsetof(struct sl_trigger_item, calendar),
     .summary = "cron, every: the days that count.",
     .rows = calendar_rows},
    {.name = "settle",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_trigger_item, settle_s),
     .summary =
         "files, table: for so long nothing must have changed before the run begins, so "
         "that half-written files start none; whole seconds, from 0s; 2s for files if nothing "
         "is said.",
     .example = "30s"},
    {.name = "settle_max",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_trigger_item, settle_max_s),
     .otherwise = "10m",
     .summary = "files, table: what keeps changing is waited for no longer than this.",
     .example = "1h"},
    {.name = "poll",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_trigger_item, poll_s),
     .otherwise = "60s",
     .summary = "files, table: how often is looked besides, for file systems that send no events.",
     .example = "5m"},
    {0},
};

const char *sl_trigger_kind_name(enum sl_trigger_kind kind)
{
    return kind_names[kind];
}

// A pipeline that is read, and one of its triggers.
struct reading {
    struct sl_load *load;
    const struct sl_trigger_item *item;
    struct sl_trigger *trigger;
};

static void complain(const struct reading *reading, const char *key, const char *hint,
                     const char *message)
{
    sl_diag(&reading->load->project->diags, SL_SEVERITY_ERROR, SL_E_TRIGGER,
            sl_yaml_place(reading->item->node, key), hint, "%s", message);
}

// Which one it is; false after a diagnostic.
static bool find_kind(const struct reading *reading)
{
    const struct sl_yaml *node = reading->item->node;
    struct sl_diags *diags = &reading->load->project->diags;
    size_t count = 0;

    for (size_t i = 0; kind_names[i]; i++)
        if (sl_load_has(node, kind_names[i])) {
            reading->trigger->kind = (enum sl_trigger_kind)i;
            count++;
        }
    if (count != 1) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_TRIGGER, node ? node->place : (struct sl_place){0},
                "each item of 'when' is one of cron, every, files, table, http, with its settings",
                "an item of 'when' names %zu things that start a run, expected one", count);
        return false;
    }
    return reading->trigger->kind != SL_TRIGGER_HTTP || reading->item->has_http;
}

// Keys that mean nothing to it.
static void check_keys(const struct reading *reading)
{
    static const struct {
        const char *key;
        unsigned kinds; // for which it means something
    } keys[] = {
        {"time_zone", 1u << SL_TRIGGER_CRON | 1u << SL_TRIGGER_EVERY},
        {"calendar", 1u << SL_TRIGGER_CRON | 1u << SL_TRIGGER_EVERY},
        {"anchor", 1u << SL_TRIGGER_EVERY},
        {"settle", 1u << SL_TRIGGER_FILES | 1u << SL_TRIGGER_TABLE},
        {"settle_max", 1u << SL_TRIGGER_FILES | 1u << SL_TRIGGER_TABLE},
        {"poll", 1u << SL_TRIGGER_FILES | 1u << SL_TRIGGER_TABLE},
    };
    const enum sl_trigger_kind kind = reading->trigger->kind;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (sl_load_has(reading->item->node, keys[i].key) && !(keys[i].kinds >> kind & 1u))
            sl_diag(&reading->load->project->diags, SL_SEVERITY_ERROR, SL_E_TRIGGER,
                    sl_load_key_place(reading->item->node, keys[i].key), "take it out",
                    "'%s' does nothing for '%s'", keys[i].key, kind_names[kind]);
}

// What the schedule layer says, at its place in the file: errors about a text have a column in it.
static void report(const struct reading *reading, const struct sl_err *wrong)
{
    const struct sl_yaml *node = reading->item->node;
    const char *key = reading->trigger->kind == SL_TRIGGER_CRON ? "cron" : "every";
    const struct sl_yaml *value = sl_yaml_get(node, key);
    struct sl_place place = value ? value->place : node->place;

    if (wrong->code == SL_E_TIME_ZONE)
        place = sl_yaml_place(node, "time_zone");
    else if (wrong->code == SL_E_INTERVAL && wrong->column == 0)
        place = sl_yaml_place(node, "anchor");
    else if (value && wrong->column > 0)
        place.column += wrong->column - 1 + (value->is_quoted ? 1 : 0);
    sl_diag(&reading->load->project->diags, SL_SEVERITY_ERROR, wrong->code, place, wrong->hint,
            "%s", wrong->message);
}

static int read_calendar(const struct reading *reading, struct sl_calendar *calendar,
                         struct sl_err *err)
{
    struct sl_project *project = reading->load->project;
    const struct sl_trigger_days *days = &reading->item->calendar;

    if (days->skip)
        SL_TRY(sl_day_set_read(&calendar->skip, days->skip, &project->arena, &project->diags, err));
    if (days->only)
        SL_TRY(sl_day_set_read(&calendar->only, days->only, &project->arena, &project->diags, err));
    return SL_OK;
}

// One blank between fields: how they are set apart makes no other trigger.
static const char *with_single_blanks(const char *text, struct sl_arena *arena)
{
    char *copy = sl_arena_strdup(arena, text);
    char *to = copy;

    for (const char *from = text; copy && *from; from++) {
        const bool is_blank = *from == ' ' || *from == '\t';
        if (!is_blank)
            *to++ = *from;
        else if (to > copy && to[-1] != ' ')
            *to++ = ' ';
    }
    if (!copy)
        return NULL;
    if (to > copy && to[-1] == ' ')
        to--;
    *to = '\0';
    return copy;
}

static const char *key_of_schedule(const struct reading *reading, const char *zone)
{
    const char *anchor = reading->item->anchor;

    return sl_arena_printf(&reading->load->project->arena, "%s %s%s%s%s%s",
                           kind_names[reading->trigger->kind], reading->trigger->text,
                           anchor ? " from " : "", anchor ? anchor : "", *zone ? " " : "", zone);
}

static int read_schedule(const struct reading *reading, struct sl_err *err)
{
    struct sl_project *project = reading->load->project;
    const struct sl_trigger_item *item = reading->item;
    const char *zone = item->time_zone ? item->time_zone : project->time_zone;
    struct sl_schedule_text text = {
        .cron = item->cron, .every = item->every, .anchor = item->anchor, .zone = zone};
    struct sl_schedule *schedule = SL_NEW(&project->arena, struct sl_schedule);
    struct sl_err wrong = {0};

    SL_TRY_NEW(schedule, err);
    reading->trigger->text =
        with_single_blanks(item->cron ? item->cron : item->every, &project->arena);
    SL_TRY_NEW(reading->trigger->text, err);
    int code = sl_schedule_parse(&text, schedule, &wrong);
    // What the project's zone is, is checked there.
    if (code == SL_E_TIME_ZONE && !item->time_zone) {
        text.zone = zone = "UTC";
        code = sl_schedule_parse(&text, schedule, &wrong);
    }
    if (code == SL_E_MEMORY)
        return sl_fail_memory(err);
    if (code != SL_OK) {
        report(reading, &wrong);
        return SL_OK;
    }
    reading->trigger->schedule = schedule; // from here on it is cleared with the project
    SL_TRY(read_calendar(reading, &schedule->calendar, err));
    reading->trigger->key = key_of_schedule(reading, strcmp(zone, "UTC") == 0 ? "" : zone);
    SL_TRY_NEW(reading->trigger->key, err);
    return SL_OK;
}

static int read_files(const struct reading *reading, struct sl_err *err)
{
    struct sl_project *project = reading->load->project;
    const char *name = reading->item->files;
    struct sl_strs names = {0};

    reading->trigger->text = name;
    reading->trigger->source = sl_project_source(project, name);
    if (reading->trigger->source) {
        reading->trigger->key = sl_arena_printf(&project->arena, "files %s", name);
        SL_TRY_NEW(reading->trigger->key, err);
        return SL_OK;
    }
    for (size_t i = 0; i < project->source_count; i++)
        SL_TRY(sl_strs_add(&names, &project->arena, project->sources[i].name, err));
    const char *hint = sl_did_you_mean(&project->arena, name, names.items, names.count);
    sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_TRIGGER,
            sl_yaml_place(reading->item->node, "files"),
            hint ? hint : "'files' names a source, which is a file in sources/",
            "there is no source '%s'", name);
    return SL_OK;
}

static bool has_table(const struct sl_project *project, enum sl_layer layer, const char *name)
{
    const struct sl_source *source = sl_project_source(project, name);

    switch (layer) {
    case SL_LAYER_RAW:
        return source != NULL;
    case SL_LAYER_CLEAN:
    case SL_LAYER_QUARANTINE:
        return source && sl_project_contract_for(project, source);
    case SL_LAYER_CURATED:
        return sl_project_model(project, name) != NULL;
    }
    return false;
}

static int add_table(struct sl_project *project, struct sl_strs *names, const char *layer,
                     const char *name, struct sl_err *err)
{
    const char *table = sl_arena_printf(&project->arena, "%s.%s", layer, name);

    SL_TRY_NEW(table, err);
    return sl_strs_add(names, &project->arena, table, err);
}

static int refuse_table(const struct reading *reading, struct sl_err *err)
{
    struct sl_project *project = reading->load->project;
    const char *table = reading->item->table;
    struct sl_strs names = {0};

    for (size_t i = 0; i < project->source_count; i++) {
        const char *name = project->sources[i].name;
        SL_TRY(add_table(project, &names, "raw", name, err));
        if (!sl_project_contract_for(project, &project->sources[i]))
            continue;
        SL_TRY(add_table(project, &names, "clean", name, err));
        SL_TRY(add_table(project, &names, "quarantine", name, err));
    }
    for (size_t i = 0; i < project->model_count; i++)
        SL_TRY(add_table(project, &names, "curated", project->models[i].name, err));
    const char *hint = sl_did_you_mean(&project->arena, table, names.items, names.count);
    sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_TRIGGER,
            sl_yaml_place(reading->item->node, "table"),
            hint ? hint : "a table of the project with its layer, such as curated.daily_revenue",
            "there is no table '%s'", table);
    return SL_OK;
}

static int read_table(const struct reading *reading, struct sl_err *err)
{
    struct sl_project *project = reading->load->project;
    struct sl_trigger *trigger = reading->trigger;
    const struct sl_model *model;

    trigger->text = trigger->table = reading->item->table;
    if (!sl_table_parse(trigger->table, &trigger->layer, &trigger->table_name) ||
        !has_table(project, trigger->layer, trigger->table_name))
        return refuse_table(reading, err);
    model =
        trigger->layer == SL_LAYER_CURATED ? sl_project_model(project, trigger->table_name) : NULL;
    if (model && model->stands_for) { // an output: its latest version has the rows
        trigger->table_name = model->stands_for->name;
        trigger->table = sl_arena_printf(&project->arena, "curated.%s", trigger->table_name);
        SL_TRY_NEW(trigger->table, err);
    }
    if (model && (model->stands_for ? model->stands_for : model)->write == SL_WRITE_VIEW) {
        complain(reading, "table", "name the tables that it reads instead",
                 "a view has no versions of its own");
        return SL_OK;
    }
    trigger->key = sl_arena_printf(&project->arena, "table %s", trigger->text);
    SL_TRY_NEW(trigger->key, err);
    return SL_OK;
}

static void check_seconds(const struct reading *reading, const char *key, int64_t least,
                          int64_t *seconds)
{
    if (*seconds >= least && *seconds <= MOST_SECONDS)
        return;
    sl_diag(&reading->load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
            sl_yaml_place(reading->item->node, key), NULL, "'%s' must be from %ds to 366d", key,
            (int)least);
    *seconds = least;
}

static void check_waits(const struct reading *reading)
{
    struct sl_trigger *trigger = reading->trigger;

    trigger->settle_s = reading->item->settle_s;
    // A version of a table is there as a whole.
    if (!sl_load_has(reading->item->node, "settle"))
        trigger->settle_s = trigger->kind == SL_TRIGGER_TABLE ? 0 : FILES_SETTLE_S;
    trigger->settle_max_s = reading->item->settle_max_s;
    trigger->poll_s = reading->item->poll_s;
    check_seconds(reading, "settle", 0, &trigger->settle_s);
    check_seconds(reading, "settle_max", 0, &trigger->settle_max_s);
    check_seconds(reading, "poll", 1, &trigger->poll_s);
    if (trigger->settle_max_s >= trigger->settle_s)
        return;
    if (sl_load_has(reading->item->node, "settle_max"))
        complain(reading, "settle_max", "make 'settle_max' at least as long as 'settle'",
                 "'settle_max' is shorter than 'settle'");
    trigger->settle_max_s = trigger->settle_s;
}

static int read_trigger(const struct reading *reading, struct sl_err *err)
{
    if (!find_kind(reading))
        return SL_OK;
    check_keys(reading);
    check_waits(reading);
    switch (reading->trigger->kind) {
    case SL_TRIGGER_CRON:
    case SL_TRIGGER_EVERY:
        return read_schedule(reading, err);
    case SL_TRIGGER_FILES:
        return read_files(reading, err);
    case SL_TRIGGER_TABLE:
        return read_table(reading, err);
    case SL_TRIGGER_HTTP:
        reading->trigger->key = "http";
        return SL_OK;
    }
    return SL_OK;
}

// Whatever has no key was told to be wrong, and is none.
int sl_triggers_read(struct sl_load *load, const struct sl_opt_list *list,
                     struct sl_pipeline *pipeline, struct sl_err *err)
{
    SL_AUTO(sl_map_clear) struct sl_map keys = {0};
    const struct sl_trigger_item *items = list->items;

    pipeline->triggers = SL_NEW_ARRAY(&load->project->arena, struct sl_trigger, list->count);
    SL_TRY_NEW(pipeline->triggers, err);
    for (size_t i = 0; i < list->count; i++) {
        struct sl_trigger *trigger = &pipeline->triggers[pipeline->trigger_count++];
        const struct reading reading = {load, &items[i], trigger};

        *trigger = (struct sl_trigger){.text = "", .node = items[i].node};
        SL_TRY(read_trigger(&reading, err));
        if (!trigger->key) {
            pipeline->trigger_count--;
            continue;
        }
        if (sl_map_has(&keys, trigger->key))
            sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_TRIGGER, trigger->node->place,
                    "take one of them out", "'%s' stands twice in 'when'", trigger->key);
        SL_TRY(sl_map_set(&keys, trigger->key, trigger, err));
    }
    return SL_OK;
}

const char *sl_trigger_words(const struct sl_trigger *trigger, struct sl_arena *arena)
{
    const char *zone = trigger->schedule ? trigger->schedule->zone.name : "UTC";
    // What is every so many seconds has no time of day.
    const bool is_utc = strcmp(zone, "UTC") == 0 || trigger->schedule->kind == SL_SCHEDULE_SECONDS;

    switch (trigger->kind) {
    case SL_TRIGGER_CRON:
    case SL_TRIGGER_EVERY:
        return sl_arena_printf(arena, "%s %s%s%s%s", kind_names[trigger->kind], trigger->text,
                               is_utc ? "" : " (", is_utc ? "" : zone, is_utc ? "" : ")");
    case SL_TRIGGER_FILES:
        return sl_arena_printf(arena, "files of %s", trigger->text);
    case SL_TRIGGER_TABLE:
        return sl_arena_printf(arena, "new version of %s", trigger->text);
    case SL_TRIGGER_HTTP:
        return "HTTP";
    }
    return NULL;
}
