// sluice.yml: its rows, its checks, and the values that hold after everything is laid over it.
#include "spec/load.h"
#include "spec/observe.h"
#include "spec/serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"

enum { SHORTEST_KEY = 16, KEY_ID_LENGTH = 16 };

// What sluice.yml says, and each of its environments.
struct settings {
    const char *name;
    const char *description;
    const char *lake;
    const char *reads;
    const char *state;
    struct sl_engine_settings {
        int64_t memory_bytes;
        int64_t worker_memory_bytes;
        int64_t threads;
        const char *temp;
        double price_per_hour;
        const char *currency;
    } engine;
    int64_t concurrency;
    struct sl_retry retry;
    int64_t timeout_s;
    int64_t deadline_s;
    const char *time_zone;
    struct sl_run_settings {
        int64_t max_runs;
    } runs;
    const struct sl_yaml *pools;
    struct sl_check_settings {
        int requirements;
        int deprecated;
    } checks;
    struct sl_budget quarantine;
    struct sl_personal_settings {
        const char *key;
        int check;
    } personal;
    struct sl_serve_spec serve;
    struct sl_alerts alerts;
    struct sl_observe_settings observe;
    struct sl_requirements defaults;
    struct sl_opt_list environments; // struct settings
    const struct sl_yaml *node;
};

static const char *const levels[] = {"off", "warn", "error", NULL};

static const struct sl_opt engine_rows[] = {
    {.name = "memory",
     .type = SL_OPT_BYTES,
     .offset = offsetof(struct sl_engine_settings, memory_bytes),
     .summary = "Memory that the engine may use; 60 % of the machine's if nothing is said.",
     .example = "4GB"},
    {.name = "worker_memory",
     .type = SL_OPT_BYTES,
     .offset = offsetof(struct sl_engine_settings, worker_memory_bytes),
     .summary = "Memory that a worker process may hold, the engine's and all else: one that holds "
                "more is killed and fails its step. No limit if nothing is said.",
     .example = "6GB"},
    {.name = "threads",
     .type = SL_OPT_INT,
     .offset = offsetof(struct sl_engine_settings, threads),
     .summary = "Threads of the engine; all cores if nothing is said, but one per 200 MB of memory "
                "at most.",
     .example = "2"},
    {.name = "temp",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_engine_settings, temp),
     .summary = "Folder for what does not fit into memory.",
     .example = "/tmp"},
    {.name = "price_per_hour",
     .type = SL_OPT_DOUBLE,
     .offset = offsetof(struct sl_engine_settings, price_per_hour),
     .summary = "What an hour of this machine costs: `plan` then says what a run will cost.",
     .example = "0.12"},
    {.name = "currency",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_engine_settings, currency),
     .summary = "Currency of the price.",
     .example = "EUR"},
    {0},
};

static const struct sl_opt check_rows[] = {
    {.name = "requirements",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_check_settings, requirements),
     .otherwise = "warn",
     .summary = "What `check` says of a missing owner, grain, freshness and the like.",
     .values = levels},
    {.name = "deprecated",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_check_settings, deprecated),
     .otherwise = "warn",
     .summary = "What `check` says of readers of a model whose last day, `deprecated`, is over.",
     .values = levels},
    {0},
};

static const struct sl_opt run_rows[] = {
    {.name = "max_runs",
     .type = SL_OPT_INT,
     .offset = offsetof(struct sl_run_settings, max_runs),
     .otherwise = "16",
     .summary = "Runs at once under `sluice serve`, of all pipelines.",
     .example = "4"},
    {0},
};

static const struct sl_opt personal_rows[] = {
    {.name = "key",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct sl_personal_settings, key),
     .flags = SL_OPT_SECRET,
     .summary = "Secret of at least 16 characters that hashes and tokens of personal values are "
                "made with.",
     .example = "${env:PERSONAL_KEY}"},
    {.name = "check",
     .type = SL_OPT_ENUM,
     .offset = offsetof(struct sl_personal_settings, check),
     .otherwise = "error",
     .summary = "What `check` says of a classified column that reaches a model or target without "
                "protection.",
     .values = levels},
    {0},
};

#define SETTING_ROWS                                                                              \
    {.name = "description",                                                                       \
     .type = SL_OPT_STRING,                                                                       \
     .offset = offsetof(struct settings, description),                                            \
     .summary = "What the project is for.",                                                       \
     .example = "Orders and revenue of the shop"},                                                \
        {.name = "lake",                                                                          \
         .type = SL_OPT_STRING,                                                                   \
         .offset = offsetof(struct settings, lake),                                               \
         .otherwise = "lake",                                                                     \
         .summary = "Folder of all tables.",                                                      \
         .example = "/srv/lake"},                                                                 \
        {.name = "reads",                                                                         \
         .type = SL_OPT_STRING,                                                                   \
         .offset = offsetof(struct settings, reads),                                              \
         .summary = "Environment whose tables are read where this one has none of its own.",      \
         .example = "prod"},                                                                      \
        {.name = "state",                                                                         \
         .type = SL_OPT_STRING,                                                                   \
         .offset = offsetof(struct settings, state),                                              \
         .otherwise = ".sluice",                                                                  \
         .summary =                                                                               \
             "Folder of history and caches, which may be deleted; or the URL of a "               \
             "PostgreSQL database for the history, postgresql://user@host/database (caches "      \
             "are then in .sluice). `?schema=NAME` chooses another schema than sluice.",          \
         .example = ".sluice"},                                                                   \
        {.name = "engine",                                                                        \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, engine),                                             \
         .summary = "Limits of the engine.",                                                      \
         .rows = engine_rows},                                                                    \
        {.name = "concurrency",                                                                   \
         .type = SL_OPT_INT,                                                                      \
         .offset = offsetof(struct settings, concurrency),                                        \
         .summary = "Steps at once; the number of cores if nothing is said.",                     \
         .example = "2"},                                                                         \
        {.name = "retry",                                                                         \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, retry),                                              \
         .summary = "When steps are tried again after an error that may pass by itself.",         \
         .rows = sl_retry_rows},                                                                  \
        {.name = "timeout",                                                                       \
         .type = SL_OPT_DURATION,                                                                 \
         .offset = offsetof(struct settings, timeout_s),                                          \
         .summary = "How long an attempt at a step may take; no limit if nothing is said.",       \
         .example = "1h"},                                                                        \
        {.name = "deadline",                                                                      \
         .type = SL_OPT_DURATION,                                                                 \
         .offset = offsetof(struct settings, deadline_s),                                         \
         .summary = "How long a run may take; no limit if nothing is said.",                      \
         .example = "6h"},                                                                        \
        {.name = "runs",                                                                          \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, runs),                                               \
         .summary = "Limits of runs.",                                                            \
         .rows = run_rows},                                                                       \
        {.name = "time_zone",                                                                     \
         .type = SL_OPT_STRING,                                                                   \
         .offset = offsetof(struct settings, time_zone),                                          \
         .otherwise = "UTC",                                                                      \
         .summary = "Time zone of schedules that name none.",                                     \
         .example = "Europe/Berlin"},                                                             \
        {.name = "pools",                                                                         \
         .type = SL_OPT_NODE,                                                                     \
         .offset = offsetof(struct settings, pools),                                              \
         .summary = "Names of pools, and how many of the steps that name one may run at once.",   \
         .example = "{warehouse: 2}"},                                                            \
        {.name = "checks",                                                                        \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, checks),                                             \
         .summary = "How strict `check` is.",                                                     \
         .rows = check_rows},                                                                     \
        {.name = "quarantine",                                                                    \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, quarantine),                                         \
         .summary = "How many rows may be rejected before a step fails.",                         \
         .rows = sl_budget_rows},                                                                 \
        {.name = "personal",                                                                      \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, personal),                                           \
         .summary = "Protection of personal values.",                                             \
         .rows = personal_rows},                                                                  \
        {.name = "serve",                                                                         \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, serve),                                              \
         .summary = "Where `sluice serve` listens, and who may ask it for what.",                 \
         .rows = sl_serve_rows},                                                                  \
        {.name = "alerts",                                                                        \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, alerts),                                             \
         .summary = "Whom to tell of what goes wrong.",                                           \
         .rows = sl_alert_rows},                                                                  \
        {.name = "lineage",                                                                       \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, observe.lineage),                                    \
         .summary = "Who is told what runs read and write, column by column.",                    \
         .rows = sl_lineage_rows},                                                                \
        {.name = "telemetry",                                                                     \
         .type = SL_OPT_OBJECT,                                                                   \
         .offset = offsetof(struct settings, observe.telemetry),                                  \
         .summary = "Where traces of runs go.",                                                   \
         .rows = sl_telemetry_rows},                                                              \
    {                                                                                             \
        .name = "defaults", .type = SL_OPT_OBJECT, .offset = offsetof(struct settings, defaults), \
        .summary = "Requirements that hold where a file says nothing.", .rows = sl_default_rows   \
    }

static const struct sl_opt environment_rows[] = {
    {.name = "@place", .type = SL_OPT_NODE, .offset = offsetof(struct settings, node)},
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct settings, name),
     .flags = SL_OPT_PLAIN,
     .summary = "Name of the environment, for --env."},
    SETTING_ROWS,
    {0},
};

const struct sl_opt sl_project_rows[] = {
    {.name = "name",
     .type = SL_OPT_STRING,
     .offset = offsetof(struct settings, name),
     .summary = "Name of the project.",
     .flags = SL_OPT_REQUIRED,
     .example = "shop"},
    SETTING_ROWS,
    {.name = "environments",
     .type = SL_OPT_LIST,
     .offset = offsetof(struct settings, environments),
     .summary = "Settings that hold under --env NAME or SLUICE_ENV.",
     .flags = SL_OPT_BY_NAME,
     .rows = environment_rows,
     .item_bytes = sizeof(struct settings),
     .example = "{prod: {lake: /srv/lake}}"},
    {0},
};

static void check_not_negative(struct sl_load *load, const struct sl_yaml *map, const char *key,
                               int64_t value)
{
    if (value < 0)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(map, key), NULL, "'%s' cannot be negative", key);
}

static void check_folder(struct sl_load *load, const struct sl_yaml *map, const char *key,
                         const char *value)
{
    if (value && sl_load_has(map, key) && (*value == '\0' || strstr(value, "://")))
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(map, key),
                "a folder of this machine, absolute or relative to sluice.yml",
                "'%s' is '%s', which is no folder", key, value);
}

// The key itself is not said. What is still a reference has no length of its own.
static void check_personal(struct sl_load *load, const struct sl_yaml *map,
                           const struct sl_personal_settings *personal, bool is_resolved)
{
    bool is_known = personal->key && (is_resolved || !strstr(personal->key, "${"));
    if (is_known && strlen(personal->key) < SHORTEST_KEY)
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(map, "key"), "make one with `openssl rand -hex 32`",
                "the key of 'personal' has %zu characters, expected at least %d",
                strlen(personal->key), SHORTEST_KEY);
}

static void check_values(struct sl_load *load, const struct sl_yaml *map, struct settings *values,
                         bool is_resolved)
{
    static const struct sl_budget base = {.max_share = 0.2, .max_rows = -1, .min_rows = 100};
    const struct sl_yaml *engine = sl_yaml_get(map, "engine");

    check_not_negative(load, engine, "threads", values->engine.threads);
    check_not_negative(load, map, "concurrency", values->concurrency);
    check_folder(load, map, "lake", values->lake);
    if (!sl_state_is_url(values->state))
        check_folder(load, map, "state", values->state);
    check_folder(load, engine, "temp", values->engine.temp);
    if (!(values->engine.price_per_hour >= 0 && values->engine.price_per_hour < 1e12))
        sl_diag(&load->project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID,
                sl_yaml_place(engine, "price_per_hour"), "such as 0.12",
                "'price_per_hour' is no price: expected 0 or more, and less than 1e12");
    check_personal(load, sl_yaml_get(map, "personal"), &values->personal, is_resolved);
    sl_serve_check(load, sl_yaml_get(map, "serve"), &values->serve, is_resolved);
    sl_load_budget(load, sl_yaml_get(map, "quarantine"), &base, &values->quarantine);
    sl_load_runs(load, map, values->time_zone, &values->runs.max_runs);
    sl_load_run_settings(load, map, &values->retry, &values->timeout_s, &values->deadline_s);
}

// Checks the file and all environments in it as they are written; secrets are not asked for.
static int validate(struct sl_load *load, const struct sl_yaml *file, struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct settings values = {0};
    const struct settings *environments;
    const struct sl_yaml *readable;

    SL_TRY(sl_load_without_references(sl_project_rows, file, &project->arena, &readable, err));
    SL_TRY(sl_opt_read(sl_project_rows, readable, SL_PROJECT_FILE, &values, NULL, &project->arena,
                       &project->diags, err));
    check_values(load, readable, &values, false);
    environments = values.environments.items;
    for (size_t i = 0; i < values.environments.count; i++) {
        struct settings section = environments[i];

        check_values(load, section.node, &section, false);
    }
    return SL_OK;
}

// Writes ": dev, prod" and the like.
static void list_keys(const struct sl_yaml *map, struct sl_buf *out)
{
    for (size_t i = 0; map && i < map->count; i++)
        sl_buf_addf(out, "%s%s", i ? ", " : "", map->keys[i]->text);
}

static int choose_environment(struct sl_load *load, const struct sl_project_options *options,
                              struct sl_err *err)
{
    struct sl_project *project = load->project;
    const struct sl_yaml *all = sl_yaml_get(project->node, "environments");
    const struct sl_yaml *section;
    const char *name = options->environment;
    struct sl_strs names = {0};
    SL_AUTO(sl_buf_clear) struct sl_buf text = SL_BUF_INIT;
    const char *hint;

    project->index->environment_origin = "flag";
    if (sl_str_is_empty(name)) {
        name = sl_load_variable(load, "SLUICE_ENV", &project->index->environment_origin);
        SL_TRY_NEW(project->index->environment_origin, err);
    }
    if (sl_str_is_empty(name)) {
        project->index->environment_origin = "default";
        return SL_OK;
    }
    project->environment = sl_arena_strdup(&project->arena, name);
    SL_TRY_NEW(project->environment, err);
    if (!project->node)
        return SL_OK;
    section = sl_yaml_get(all, name);
    if (section) {
        project->index->section = section->kind == SL_YAML_MAP ? section : NULL;
        return SL_OK;
    }
    for (size_t i = 0; all && all->kind == SL_YAML_MAP && i < all->count; i++)
        SL_TRY(sl_strs_add(&names, &project->arena, all->keys[i]->text, err));
    hint = sl_did_you_mean(&project->arena, name, names.items, names.count);
    list_keys(names.count ? all : NULL, &text);
    sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_ENVIRONMENT_UNKNOWN,
            all ? sl_load_key_place(project->node, "environments")
                : (struct sl_place){SL_PROJECT_FILE, 1, 1},
            hint, "there is no environment '%s', %s%s", name,
            names.count ? "only " : "and sluice.yml lists none under 'environments'", text.text);
    return SL_OK;
}

// An environment's name -> its section; NULL, and a diagnostic, if there is none.
static const struct sl_yaml *find_environment(struct sl_load *load, const char *name,
                                              struct sl_place place, struct sl_err *err)
{
    struct sl_project *project = load->project;
    const struct sl_yaml *all = sl_yaml_get(project->node, "environments");
    struct sl_strs names = {0};

    for (size_t i = 0; all && all->kind == SL_YAML_MAP && i < all->count; i++) {
        if (sl_str_equal(all->keys[i]->text, name))
            return all->items[i];
        if (sl_strs_add(&names, &project->arena, all->keys[i]->text, err) != SL_OK)
            return NULL;
    }
    sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_ENVIRONMENT_UNKNOWN, place,
            sl_did_you_mean(&project->arena, name, names.items, names.count),
            "'reads' names environment '%s', and there is none", name);
    return NULL;
}

// The lake that 'reads' leads to. An environment that names itself, by what holds for all, reads
// none but its own.
static int find_read_lake(struct sl_load *load, const char *reads, struct sl_err *err)
{
    static const struct sl_opt rows[] = {{.name = "lake",
                                          .type = SL_OPT_STRING,
                                          .offset = offsetof(struct settings, lake),
                                          .otherwise = "lake"},
                                         {0}};
    struct sl_project *project = load->project;
    struct sl_place place = sl_yaml_place(project->index->settings, "reads");
    struct settings other = {0};
    const struct sl_yaml *section, *lake;

    if (sl_str_is_empty(reads) || sl_str_equal(reads, project->environment))
        return SL_OK;
    section = find_environment(load, reads, place, err);
    if (!section)
        return err->code;
    lake = sl_load_has(section, "lake") ? section : project->node;
    struct sl_yaml *key = &(struct sl_yaml){.kind = SL_YAML_SCALAR, .text = "lake"};
    struct sl_yaml *value = (struct sl_yaml *)sl_yaml_get(lake, "lake");
    struct sl_yaml only = {.kind = SL_YAML_MAP,
                           .place = place,
                           .text = "",
                           .keys = &key,
                           .items = &value,
                           .count = value ? 1 : 0};
    SL_TRY(sl_load_read(load, rows, &only, SL_PROJECT_FILE, &other, err));
    project->read_environment = sl_arena_strdup(&project->arena, reads);
    SL_TRY_NEW(project->read_environment, err);
    project->read_lake = sl_path_join(&project->arena, project->folder, other.lake);
    SL_TRY_NEW(project->read_lake, err);
    const char *own, *read;
    SL_TRY(sl_path_real(&project->arena, project->lake_folder, &own, err));
    SL_TRY(sl_path_real(&project->arena, project->read_lake, &read, err));
    if (sl_str_equal(own, read))
        sl_diag(&project->diags, SL_SEVERITY_ERROR, SL_E_VALUE_INVALID, place,
                "give each environment a 'lake' of its own",
                "the lake is that of environment '%s', whose tables would be written", reads);
    return SL_OK;
}

// Which key it is may be kept and shown, the key may not.
static int apply_personal(struct sl_project *project, const struct sl_personal_settings *personal,
                          struct sl_err *err)
{
    SL_AUTO(sl_hash_free) struct sl_hash *hash = NULL;
    char hex[65];

    project->personal_level = personal->check;
    project->personal_key = personal->key;
    if (!personal->key)
        return SL_OK;
    SL_TRY(sl_hash_new(&hash, err));
    sl_hash_add(hash, "sluice personal key");
    sl_hash_add(hash, personal->key);
    SL_TRY(sl_hash_end(hash, hex, err));
    project->personal_key_id = sl_arena_strndup(&project->arena, hex, KEY_ID_LENGTH);
    SL_TRY_NEW(project->personal_key_id, err);
    return SL_OK;
}

// A secret that was not asked for is no folder's name, whatever it is.
static bool is_elsewhere(const char *state)
{
    return sl_state_is_url(state) || strstr(state, "${");
}

struct sl_state_place sl_project_state(const struct sl_project *project)
{
    return (struct sl_state_place){
        .folder = project->state_folder, .url = project->state_url, .project = project->name};
}

static int apply(struct sl_load *load, struct settings *values, struct sl_err *err)
{
    struct sl_project *project = load->project;

    project->name = values->name ? values->name : sl_path_name(project->folder);
    project->description = values->description;
    project->lake_folder = sl_path_join(&project->arena, project->folder, values->lake);
    project->state_folder = sl_path_join(&project->arena, project->folder,
                                         is_elsewhere(values->state) ? ".sluice" : values->state);
    SL_TRY_NEW(project->lake_folder, err);
    SL_TRY_NEW(project->state_folder, err);
    if (sl_state_is_url(values->state)) {
        project->state_url = values->state;
        sl_log_hide(values->state);
    }
    if (values->engine.temp) {
        project->temp_folder = sl_path_join(&project->arena, project->folder, values->engine.temp);
        SL_TRY_NEW(project->temp_folder, err);
    }
    project->memory_bytes = values->engine.memory_bytes;
    project->worker_memory_bytes = values->engine.worker_memory_bytes;
    project->threads = values->engine.threads;
    project->price_per_hour = values->engine.price_per_hour;
    project->currency = values->engine.currency;
    project->concurrency = values->concurrency;
    project->requirements_level = values->checks.requirements;
    project->deprecated_level = values->checks.deprecated;
    project->budget = values->quarantine;
    project->retry = values->retry;
    project->timeout_s = values->timeout_s;
    project->deadline_s = values->deadline_s;
    project->max_runs = values->runs.max_runs;
    project->time_zone = values->time_zone;
    SL_TRY(sl_load_pools(load, values->pools, &project->pools, &project->pool_count, err));
    SL_TRY(sl_load_alerts(load, project->index->settings, &values->alerts, err));
    SL_TRY(sl_load_observe(load, project->index->settings, &values->observe, err));
    load->defaults = values->defaults;
    struct sl_serve_spec *serve = SL_NEW(&project->arena, struct sl_serve_spec);
    SL_TRY_NEW(serve, err);
    *serve = values->serve;
    project->serve = serve;
    SL_TRY(apply_personal(project, &values->personal, err));
    return find_read_lake(load, values->reads, err);
}

int sl_settings_read(struct sl_load *load, const struct sl_project_options *options,
                     struct sl_err *err)
{
    struct sl_project *project = load->project;
    struct settings values = {0};
    struct sl_yaml *file;
    SL_AUTO(sl_diags_clear) struct sl_diags repeated = SL_DIAGS_INIT;
    struct sl_diags kept;
    size_t errors_before = project->diags.error_count;

    SL_TRY(sl_load_yaml(load, SL_PROJECT_FILE, &file, err));
    project->node = file;
    if (file)
        SL_TRY(validate(load, file, err));
    SL_TRY(choose_environment(load, options, err));
    SL_TRY(sl_settings_layer(load, options, err));
    // What is wrong in the file is reported once: here only what the layers over it brought may be.
    load->defaults = (struct sl_requirements){.freshness_s = -1, .retention_s = -1};
    kept = project->diags;
    if (kept.error_count > errors_before)
        project->diags = repeated;
    SL_TRY(sl_load_read(load, sl_project_rows, project->index->settings, SL_PROJECT_FILE, &values,
                        err));
    check_values(load, project->index->settings, &values, load->resolver != NULL);
    if (kept.error_count > errors_before) {
        repeated = project->diags;
        project->diags = kept;
    }
    sl_load_requirements(load, sl_yaml_get(project->index->settings, "defaults"), &values.defaults);
    return apply(load, &values, err);
}
