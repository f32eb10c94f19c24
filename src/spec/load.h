// Reading a project, inside the spec layer: what the readers of the file kinds share. Nothing here
// is for other layers.
//
// Every reader fills its struct even when the file is broken, so that one mistake does not make the
// rest of the project look wrong; mistakes go into project->diags. A reader fails only when memory
// is out.
#ifndef SL_SPEC_LOAD_H
#define SL_SPEC_LOAD_H

#include "spec/contract.h"

#define SL_PROJECT_FILE "sluice.yml"

struct sl_load {
    struct sl_project *project;
    const struct sl_opt_resolver *resolver; // NULL: ${...} stays as written
    const struct sl_map *variables;         // of .env
    const struct sl_map *model_texts;       // of struct sl_project_options
    struct sl_requirements defaults;        // of sluice.yml
};

// What belongs to a project but only this layer looks at.
struct sl_spec_index {
    struct sl_map sources, models, targets, tasks; // by name
    struct sl_map governing;                       // source name -> struct sl_contract_table
    struct sl_yaml *settings; // sluice.yml with the environment, variables and flags laid over it
    const struct sl_yaml *section; // the chosen environment's section, or NULL
    const char *environment_origin;
};

// One file of a folder of the project, with the part of its name before the ending.
struct sl_load_file {
    const char *path; // relative to the project: "models/finance/daily.sql"
    const char *name; // "daily"
};

// The files under a folder of the project that end with one of `endings` (up to a NULL), at any
// depth, in bytewise order.
SL_MUST int sl_load_find(struct sl_load *load, const char *folder, const char *const *endings,
                         struct sl_load_file **ret, size_t *ret_count, struct sl_err *err);
// The text of a project file; NULL, and a diagnostic, if it cannot be read.
SL_MUST int sl_load_text(struct sl_load *load, const char *path, const char **ret,
                         size_t *ret_length, struct sl_err *err);
// The tree of a YAML file; NULL, and a diagnostic, if it cannot be read or is not a map.
SL_MUST int sl_load_yaml(struct sl_load *load, const char *path, struct sl_yaml **ret,
                         struct sl_err *err);
// sl_opt_read with the project's resolver. Without one, values that need it are taken as absent
// where their row is no text.
SL_MUST int sl_load_read(struct sl_load *load, const struct sl_opt *rows, const struct sl_yaml *map,
                         const char *what, void *into, struct sl_err *err);
// A copy of the tree without the values that contain ${...} and belong to a row that is no text.
SL_MUST int sl_load_without_references(const struct sl_opt *rows, const struct sl_yaml *map,
                                       struct sl_arena *arena, const struct sl_yaml **ret,
                                       struct sl_err *err);
// Whether a key is there with a value.
bool sl_load_has(const struct sl_yaml *map, const char *key);
// Whether `name`, made from the file name, can name a table; a diagnostic if not.
void sl_load_check_name(struct sl_load *load, const char *file, const char *name);
// Puts the thing in the map; a diagnostic if the name is taken. `file_of` gives the file of the one
// who has it.
SL_MUST int sl_load_register(struct sl_load *load, struct sl_map *map, const char *name,
                             const char *file, void *thing,
                             const char *(*file_of)(const void *thing), struct sl_err *err);

// Diagnostics for lists of columns: nothing empty, nothing twice. `key` names the list inside
// `map`.
void sl_load_check_columns(struct sl_load *load, const struct sl_yaml *map, const char *key);
// The same for "column", "column asc" and "column desc".
void sl_load_check_order(struct sl_load *load, const struct sl_yaml *map, const char *key);
// What a write mode needs: merge a key, partition its columns.
void sl_load_check_write(struct sl_load *load, const struct sl_yaml *map, int write,
                         const struct sl_strs *key, const struct sl_strs *partition_by);
// The place of a key itself, or of the map if it is absent.
struct sl_place sl_load_key_place(const struct sl_yaml *map, const char *key);
// The values of a key that holds a list or a single scalar.
size_t sl_load_item_count(const struct sl_yaml *node);
const struct sl_yaml *sl_load_item(const struct sl_yaml *node, size_t index);

// Checks the numbers of a `quarantine` map and takes from `base` what it does not say. `map` may be
// NULL.
void sl_load_budget(struct sl_load *load, const struct sl_yaml *map, const struct sl_budget *base,
                    struct sl_budget *budget);
// Marks what is not written down and takes it from the project's defaults.
void sl_load_requirements(const struct sl_load *load, const struct sl_yaml *map,
                          struct sl_requirements *requirements);

// What sluice.yml says of all steps; checks it.
void sl_load_run_settings(struct sl_load *load, const struct sl_yaml *map, struct sl_retry *retry,
                          int64_t *timeout_s, int64_t *deadline_s);
// The same of what `sluice serve` runs. `time_zone` is checked where it is known already.
void sl_load_runs(struct sl_load *load, const struct sl_yaml *map, const char *time_zone,
                  int64_t *max_runs);
// Headers of HTTP, "Name: value", out of a map; NULL is none.
SL_MUST int sl_load_headers(struct sl_load *load, const struct sl_yaml *map, struct sl_strs *ret,
                            struct sl_err *err);
struct sl_observe_settings;
// `lineage` and `telemetry` of sluice.yml, and what the environment says where they say nothing:
// project->observe. `settings` is the whole file.
SL_MUST int sl_load_observe(struct sl_load *load, const struct sl_yaml *settings,
                            const struct sl_observe_settings *values, struct sl_err *err);
SL_MUST int sl_load_pools(struct sl_load *load, const struct sl_yaml *map,
                          struct sl_pool_spec **ret, size_t *ret_count, struct sl_err *err);
struct sl_serve_spec;
// `map` is the section, or NULL. What may still be a reference, without is_resolved, is let pass.
void sl_serve_check(struct sl_load *load, const struct sl_yaml *map,
                    const struct sl_serve_spec *serve, bool is_resolved);
// Checks what a file says of how its steps run, and takes from the project what it does not say.
SL_MUST int sl_load_execution(struct sl_load *load, const struct sl_yaml *map,
                              struct sl_execution *execution, struct sl_err *err);

SL_MUST int sl_source_read(struct sl_load *load, const struct sl_load_file *file,
                           struct sl_source *ret, struct sl_err *err);
SL_MUST int sl_model_read(struct sl_load *load, const struct sl_load_file *file,
                          struct sl_model *ret, struct sl_err *err);
// Of one model: the keys that make it a version of an output.
SL_MUST int sl_version_check(struct sl_load *load, struct sl_model *model, struct sl_err *err);
// Of all: which version is the latest, and a model for the output's own name. There must be room
// for as many more models.
SL_MUST int sl_versions_name(struct sl_load *load, struct sl_err *err);
// Deliveries that ask for an output deliver its latest version.
SL_MUST int sl_versions_deliver(struct sl_load *load, struct sl_err *err);
// After sources, models and what governs what: triggers name them.
SL_MUST int sl_pipelines_read(struct sl_load *load, struct sl_err *err);
void sl_pipelines_clear(struct sl_project *project); // what is not in the arena
SL_MUST int sl_target_read(struct sl_load *load, const struct sl_load_file *file,
                           struct sl_target *ret, struct sl_err *err);
SL_MUST int sl_task_read(struct sl_load *load, const struct sl_load_file *file, struct sl_task *ret,
                         struct sl_err *err);
// The settings of sluice.yml into the project. `options` as given to sl_project_load.
SL_MUST int sl_settings_read(struct sl_load *load, const struct sl_project_options *options,
                             struct sl_err *err);
// Fills index->settings: the file with index->section, SLUICE_* variables and options->overrides
// laid over it.
SL_MUST int sl_settings_layer(struct sl_load *load, const struct sl_project_options *options,
                              struct sl_err *err);
// Which contract governs which source; fills index->governing.
SL_MUST int sl_govern(struct sl_load *load, struct sl_err *err);
// Finds the parent tables of all foreign keys, once it is known what governs what.
SL_MUST int sl_foreign_keys_resolve(struct sl_load *load, struct sl_err *err);
// Diagnostics for lake, state and deliveries that would be written into each other. After all files
// are read.
SL_MUST int sl_check_places(struct sl_load *load, struct sl_err *err);

// A model's text taken apart; `settings` is NULL if there is no settings comment.
struct sl_model_text {
    const char *settings;
    size_t settings_length;
    int settings_line, settings_column;
    const char *sql;
    int sql_line, sql_column;
    bool is_open;   // a comment before the SQL does not end
    int stray_line; // a settings comment that stands behind the first word of SQL; 0: none
    int comment_line, comment_column; // of the settings or of the open comment
};
void sl_model_split(const char *text, struct sl_model_text *ret);

// A variable of the environment, or else of .env; NULL if it is not set. *ret_origin says where it
// was found, for people.
const char *sl_load_variable(const struct sl_load *load, const char *name, const char **ret_origin);

// Resolves ${env:NAME}, ${file:PATH} and ${exec:CMD} for one project; holds the values it has
// found.
struct sl_secrets {
    const char *folder;
    struct sl_map variables; // of .env
    struct sl_map outputs;   // of commands
    struct sl_arena *arena;
    bool is_shown; // what is being resolved is no secret
};
// Reads .env, whose mistakes become diagnostics.
SL_MUST int sl_secrets_open(struct sl_secrets *secrets, struct sl_load *load, struct sl_err *err);
void sl_secrets_close(struct sl_secrets *secrets); // for SL_AUTO
SL_MUST int sl_secrets_resolve(void *self, const char *text, struct sl_arena *arena,
                               const char **ret, struct sl_err *err);
SL_MUST int sl_secrets_resolve_shown(void *self, const char *text, struct sl_arena *arena,
                                     const char **ret, struct sl_err *err);
// What a command prints, without the line end; NUL bytes and more than 64 KiB are refused. For
// secrets.c.
SL_MUST int sl_secrets_run(const char *command, const char *folder, struct sl_arena *arena,
                           const char **ret, struct sl_err *err);

// What sluice.yml (`map`) says of alerts, into the project; checks it.
SL_MUST int sl_load_alerts(struct sl_load *load, const struct sl_yaml *map,
                           struct sl_alerts *alerts, struct sl_err *err);

extern const struct sl_opt sl_project_rows[];
extern const struct sl_opt sl_source_rows[];
extern const struct sl_opt sl_model_rows[];
extern const struct sl_opt sl_target_rows[];
extern const struct sl_opt sl_task_rows[];
extern const struct sl_opt sl_pipeline_rows[];
extern const struct sl_opt sl_budget_rows[];
extern const struct sl_opt sl_alert_rows[];   // struct sl_alerts
extern const struct sl_opt sl_default_rows[]; // struct sl_requirements
extern const struct sl_opt sl_serve_rows[];   // struct sl_serve_spec
extern const struct sl_opt sl_retry_rows[];   // struct sl_retry

// The rows of a struct sl_execution that begins at offset `base`.
#define SL_EXECUTION_ROWS(base)                                                                   \
    {.name = "retry",                                                                             \
     .type = SL_OPT_OBJECT,                                                                       \
     .offset = (base) + offsetof(struct sl_execution, retry),                                     \
     .summary = "When its steps are tried again after an error that may pass by itself; what it " \
                "does not say is as in sluice.yml.",                                              \
     .rows = sl_retry_rows},                                                                      \
        {.name = "timeout",                                                                       \
         .type = SL_OPT_DURATION,                                                                 \
         .offset = (base) + offsetof(struct sl_execution, timeout_s),                             \
         .summary = "How long an attempt at a step of it may take; as in sluice.yml if nothing "  \
                    "is said.",                                                                   \
         .example = "15m"},                                                                       \
        {.name = "pool",                                                                          \
         .type = SL_OPT_STRING,                                                                   \
         .offset = (base) + offsetof(struct sl_execution, pool),                                  \
         .flags = SL_OPT_PLAIN,                                                                   \
         .summary = "Pool of sluice.yml whose slots its steps share with others.",                \
         .example = "warehouse"},                                                                 \
        {.name = "approval",                                                                      \
         .type = SL_OPT_STRINGS,                                                                  \
         .offset = (base) + offsetof(struct sl_execution, approvers),                             \
         .flags = SL_OPT_PLAIN,                                                                   \
         .summary = "true: in each run a person has to agree before it begins (`sluice "          \
                    "approve`); or the names or mail addresses of those who may agree.",          \
         .example = "[finance-lead@shop.example]"},                                               \
    {                                                                                             \
        .name = "priority", .type = SL_OPT_INT,                                                   \
        .offset = (base) + offsetof(struct sl_execution, priority), .otherwise = "0",             \
        .summary = "Of the steps that are ready, those with the highest number begin first.",     \
        .example = "10"                                                                           \
    }

// The rows of a struct sl_requirements that begins at offset `base`.
#define SL_REQUIREMENT_ROWS(base)                                              \
    {.name = "owner",                                                          \
     .type = SL_OPT_STRING,                                                    \
     .offset = (base) + offsetof(struct sl_requirements, owner),               \
     .summary = "Who answers for it: a team or a mail address.",               \
     .example = "data@shop.example"},                                          \
        {.name = "consumers",                                                  \
         .type = SL_OPT_STRINGS,                                               \
         .offset = (base) + offsetof(struct sl_requirements, consumers),       \
         .summary = "Who uses it.",                                            \
         .example = "[finance]"},                                              \
        {.name = "volume",                                                     \
         .type = SL_OPT_STRING,                                                \
         .offset = (base) + offsetof(struct sl_requirements, volume),          \
         .summary = "How much comes, in words.",                               \
         .example = "10 thousand rows a day"},                                 \
        {.name = "growth",                                                     \
         .type = SL_OPT_STRING,                                                \
         .offset = (base) + offsetof(struct sl_requirements, growth),          \
         .summary = "How fast the volume grows, in words.",                    \
         .example = "5 % a month"},                                            \
        {.name = "frequency",                                                  \
         .type = SL_OPT_STRING,                                                \
         .offset = (base) + offsetof(struct sl_requirements, frequency),       \
         .summary = "How often it comes, in words.",                           \
         .example = "daily"},                                                  \
        {.name = "freshness",                                                  \
         .type = SL_OPT_DURATION,                                              \
         .offset = (base) + offsetof(struct sl_requirements, freshness_s),     \
         .summary = "How old the newest data may be.",                         \
         .example = "26h"},                                                    \
        {.name = "retention",                                                  \
         .type = SL_OPT_DURATION,                                              \
         .offset = (base) + offsetof(struct sl_requirements, retention_s),     \
         .summary = "How long it is kept.",                                    \
         .example = "90d"},                                                    \
    {                                                                          \
        .name = "compliance", .type = SL_OPT_STRINGS,                          \
        .offset = (base) + offsetof(struct sl_requirements, compliance),       \
        .summary = "Rules that bind it: gdpr, pii, none.", .example = "[gdpr]" \
    }
#define SL_GRAIN_ROW(base)                                                       \
    {                                                                            \
        .name = "grain", .type = SL_OPT_STRINGS,                                 \
        .offset = (base) + offsetof(struct sl_requirements, grain),              \
        .summary = "What one row stands for: the columns that tell rows apart.", \
        .example = "[order_id]"                                                  \
    }

#endif
