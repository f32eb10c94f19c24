// How steps are run: retries, time limits, pools and priorities.
#include "spec/load.h"

#include <stdlib.h>
#include <string.h>

#include "schedule/zone.h"

enum { MOST_ATTEMPTS = 1000, MOST_SLOTS = 1000, MOST_PRIORITY = 1000000, MOST_RUNS = 10000 };
#define MOST_SECONDS ((int64_t)366 * 86400)

static const struct sl_retry default_retry = {
    .attempts = 3, .initial_s = 1, .factor = 2, .max_s = 60, .max_time_s = 600, .has_jitter = true};

const struct sl_opt sl_retry_rows[] = {
    {.name = "attempts",
     .type = SL_OPT_INT,
     .offset = offsetof(struct sl_retry, attempts),
     .summary = "How often a step is tried at most, where its errors may pass by themselves; 1 for "
                "never again. 3 if nothing is said.",
     .example = "5"},
    {.name = "initial",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_retry, initial_s),
     .summary = "Longest wait before the second attempt; 1s if nothing is said.",
     .example = "2s"},
    {.name = "factor",
     .type = SL_OPT_DOUBLE,
     .offset = offsetof(struct sl_retry, factor),
     .summary = "By how much the wait grows from one attempt to the next; 2 if nothing is said.",
     .example = "2"},
    {.name = "max",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_retry, max_s),
     .summary = "No wait is longer; 60s if nothing is said.",
     .example = "5m"},
    {.name = "max_time",
     .type = SL_OPT_DURATION,
     .offset = offsetof(struct sl_retry, max_time_s),
     .summary = "No attempt begins later than this after the first one; 10m if nothing is said, 0s "
                "for no limit.",
     .example = "1h"},
    {.name = "jitter",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct sl_retry, has_jitter),
     .summary = "Whether each wait is drawn at random between none and its longest, so that many "
                "do not come back at once; true if nothing is said."},
    {.name = "missing_files",
     .type = SL_OPT_BOOL,
     .offset = offsetof(struct sl_retry, has_missing_files),
     .summary = "Whether a source that matches no file is waited for like an error that may pass; "
                "false if nothing is said."},
    {0},
};

static void refuse(struct sl_load *load, const struct sl_yaml *map, const char *key,
                   const char *what_is_expected)
{
    sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, key),
            NULL, "'%s' must be %s", key, what_is_expected);
}

// Puts *value in bounds, so that nothing later has to care.
static void check_number(struct sl_load *load, const struct sl_yaml *map, const char *key,
                         const int64_t bounds[2], int64_t *value)
{
    struct sl_buf text = SL_BUF_INIT;

    if (*value >= bounds[0] && *value <= bounds[1])
        return;
    sl_buf_addf(&text, "from %lld to %lld", (long long)bounds[0], (long long)bounds[1]);
    refuse(load, map, key, text.has_failed ? "smaller" : text.text);
    sl_buf_clear(&text);
    *value = bounds[0];
}

static void check_seconds(struct sl_load *load, const struct sl_yaml *map, const char *key,
                          int64_t least, int64_t *value)
{
    const struct sl_yaml *given = sl_yaml_get(map, key);
    int64_t seconds;
    if (*value >= least && *value <= MOST_SECONDS)
        return;
    if (!given || sl_str_to_duration(given->text, &seconds)) // else it was told when it was read
        refuse(load, map, key, least ? "from 1s to 366d" : "from 0s to 366d");
    *value = least;
}

static void read_retry(struct sl_load *load, const struct sl_yaml *map, const struct sl_retry *base,
                       struct sl_retry *retry)
{
    static const int64_t attempts[] = {1, MOST_ATTEMPTS};

    if (!sl_load_has(map, "attempts"))
        retry->attempts = base->attempts;
    if (!sl_load_has(map, "initial"))
        retry->initial_s = base->initial_s;
    if (!sl_load_has(map, "factor"))
        retry->factor = base->factor;
    if (!sl_load_has(map, "max"))
        retry->max_s = base->max_s;
    if (!sl_load_has(map, "max_time"))
        retry->max_time_s = base->max_time_s;
    if (!sl_load_has(map, "jitter"))
        retry->has_jitter = base->has_jitter;
    if (!sl_load_has(map, "missing_files"))
        retry->has_missing_files = base->has_missing_files;
    check_number(load, map, "attempts", attempts, &retry->attempts);
    check_seconds(load, map, "initial", 0, &retry->initial_s);
    check_seconds(load, map, "max", 0, &retry->max_s);
    check_seconds(load, map, "max_time", 0, &retry->max_time_s);
    if (!(retry->factor >= 1 && retry->factor <= 1000)) {
        refuse(load, map, "factor", "from 1 to 1000");
        retry->factor = 1;
    }
}

void sl_load_run_settings(struct sl_load *load, const struct sl_yaml *map, struct sl_retry *retry,
                          int64_t *timeout_s, int64_t *deadline_s)
{
    read_retry(load, sl_yaml_get(map, "retry"), &default_retry, retry);
    if (sl_load_has(map, "timeout"))
        check_seconds(load, map, "timeout", 1, timeout_s);
    if (sl_load_has(map, "deadline"))
        check_seconds(load, map, "deadline", 1, deadline_s);
}

void sl_load_runs(struct sl_load *load, const struct sl_yaml *map, const char *time_zone,
                  int64_t *max_runs)
{
    static const int64_t counts[] = {1, MOST_RUNS};
    SL_AUTO(sl_zone_clear) struct sl_zone zone = {0};
    struct sl_err wrong = {0};

    check_number(load, sl_yaml_get(map, "runs"), "max_runs", counts, max_runs);
    if (sl_load_has(map, "time_zone") && !strstr(time_zone, "${") &&
        sl_zone_open(time_zone, &zone, &wrong) != SL_OK)
        sl_diag_err(&load->project->diags, SL_SEVERITY_ERROR, &wrong,
                    sl_yaml_place(map, "time_zone"));
}

// --- pools

static bool take_slots(const struct sl_yaml *value, int64_t *ret)
{
    char *end;

    if (value->kind != SL_YAML_SCALAR || !*value->text)
        return false;
    *ret = strtoll(value->text, &end, 10);
    return !*end && *ret >= 1 && *ret <= MOST_SLOTS;
}

int sl_load_pools(struct sl_load *load, const struct sl_yaml *map, struct sl_pool_spec **ret,
                  size_t *ret_count, struct sl_err *err)
{
    struct sl_diags *diags = &load->project->diags;

    *ret = NULL;
    *ret_count = 0;
    if (!map || map->kind == SL_YAML_NULL)
        return SL_OK;
    if (map->kind != SL_YAML_MAP) {
        sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_TYPE, map->place, "write {warehouse: 2}",
                "'pools' is %s, expected a map of names and numbers", sl_yaml_describe(map));
        return SL_OK;
    }
    for (size_t i = 0; i < map->count; i++) {
        struct sl_pool_spec pool = {.name = map->keys[i]->text, .slots = 1};

        if (!take_slots(map->items[i], &pool.slots)) {
            pool.slots = 1;
            sl_diag(diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, map->items[i]->place,
                    "how many of its steps may run at once, such as 2",
                    "pool '%s' must have from 1 to %d slots", pool.name, MOST_SLOTS);
        }
        if (!SL_PUSH(&load->project->arena, *ret, *ret_count, pool))
            return sl_fail_memory(err);
    }
    return SL_OK;
}

static int check_pool(struct sl_load *load, const struct sl_yaml *map,
                      struct sl_execution *execution, struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct sl_strs names = {0};
    const char *hint;

    for (size_t i = 0; i < project->pool_count; i++) {
        if (strcmp(project->pools[i].name, execution->pool) == 0)
            return SL_OK;
        SL_TRY(sl_strs_add(&names, &project->arena, project->pools[i].name, err));
    }
    hint = sl_did_you_mean(&project->arena, execution->pool, names.items, names.count);
    if (!hint)
        hint = "write it down in " SL_PROJECT_FILE ", such as `pools: {warehouse: 2}`";
    sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, sl_yaml_place(map, "pool"),
            hint, "there is no pool '%s'", execution->pool);
    execution->pool = NULL;
    return SL_OK;
}

// `true` is anybody, `false` nobody has to; else a name, or a list of them.
static void read_approval(struct sl_load *load, const struct sl_yaml *map,
                          struct sl_execution *execution)
{
    const struct sl_yaml *value = sl_yaml_get(map, "approval");
    struct sl_strs *names = &execution->approvers;

    if (value && value->kind == SL_YAML_SCALAR && !value->is_quoted &&
        (sl_str_equal(value->text, "true") || sl_str_equal(value->text, "false"))) {
        execution->needs_approval = sl_str_equal(value->text, "true");
        *names = (struct sl_strs){0};
        return;
    }
    execution->needs_approval = value && value->kind != SL_YAML_NULL;
    for (size_t i = 0; i < names->count; i++)
        if (sl_str_is_empty(names->items[i]))
            refuse(load, map, "approval", "true, false, or a list of names or mail addresses");
    if (value && value->kind == SL_YAML_LIST && value->count == 0)
        refuse(load, map, "approval", "true, false, or a list of names or mail addresses");
}

int sl_load_execution(struct sl_load *load, const struct sl_yaml *map,
                      struct sl_execution *execution, struct sl_err *err)
{
    static const int64_t priorities[] = {-MOST_PRIORITY, MOST_PRIORITY};
    static const int64_t counts[] = {1, MOST_SLOTS};

    read_retry(load, sl_yaml_get(map, "retry"), &load->project->retry, &execution->retry);
    read_approval(load, map, execution);
    if (!sl_load_has(map, "timeout"))
        execution->timeout_s = load->project->timeout_s;
    else
        check_seconds(load, map, "timeout", 1, &execution->timeout_s);
    if (execution->priority < priorities[0] || execution->priority > priorities[1])
        check_number(load, map, "priority", priorities, &execution->priority);
    if (sl_load_has(map, "concurrency"))
        check_number(load, map, "concurrency", counts, &execution->concurrency);
    return execution->pool ? check_pool(load, map, execution, err) : SL_OK;
}
