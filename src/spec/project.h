// The user's project, read and checked: sluice.yml, sources/*.yml, contracts/*.yml, models/*.sql,
// targets/*.yml, tasks/*.yml, pipelines/*.yml.
//
// Reading never stops at the first mistake: everything found goes into the diagnostics, with its
// place. All memory is in the project's arena. Paths in a project are relative to its folder; after
// reading, `path` fields that name data are joined to it.
#ifndef SL_SPEC_PROJECT_H
#define SL_SPEC_PROJECT_H

#include "api/state.h"
#include "base/map.h"
#include "base/opt.h"
#include "base/str.h"
#include "spec/alerts.h"
#include "spec/observe.h"

enum sl_layer { SL_LAYER_RAW, SL_LAYER_CLEAN, SL_LAYER_QUARANTINE, SL_LAYER_CURATED };
const char *sl_layer_name(enum sl_layer layer); // "raw", "clean", "quarantine", "curated"

// What a team must know about a source or table before it builds it. Empty means: not written down.
struct sl_requirements {
    const char *owner;
    struct sl_strs consumers;
    struct sl_strs grain;
    const char *volume;        // "10 million rows a day"
    const char *growth;        // "5 % a month"
    const char *frequency;     // "daily"
    int64_t freshness_s;       // SLA; -1: not written down
    int64_t retention_s;       // -1: not written down
    struct sl_strs compliance; // "pii", "gdpr", "none"
};

enum sl_level { SL_LEVEL_OFF, SL_LEVEL_WARN, SL_LEVEL_ERROR };

struct sl_budget {    // quarantine budget of one step's input
    double max_share; // 0.2
    int64_t max_rows; // -1: no limit by rows
    int64_t min_rows; // the share counts from this many input rows on: 100
};

// What happens when files no longer have the columns and types of the contract; a source says it.
// In the order of the words in spec/source.c.
enum sl_drift_new {
    SL_DRIFT_FREEZE,
    SL_DRIFT_EVOLVE,
    SL_DRIFT_QUARANTINE_ROW,
    SL_DRIFT_FAIL,
    SL_DRIFT_QUARANTINE_VALUE
};
enum sl_drift_missing { SL_DRIFT_MISSING_EMPTY, SL_DRIFT_MISSING_FAIL };
enum sl_drift_type {
    SL_DRIFT_TYPE_QUARANTINE_ROW,
    SL_DRIFT_TYPE_FAIL,
    SL_DRIFT_TYPE_QUARANTINE_VALUE
};
enum sl_drift_emptied { SL_DRIFT_EMPTIED_WARN, SL_DRIFT_EMPTIED_FAIL, SL_DRIFT_EMPTIED_KEEP };
struct sl_drift {
    int new_columns;     // enum sl_drift_new
    int missing_columns; // enum sl_drift_missing
    int type_change;     // enum sl_drift_type
    // No part of what clean is built with:
    int emptied_files; // enum sl_drift_emptied
};
extern const char *const *const sl_drift_words[4]; // of each of them: "freeze"; "empty"; ...

// How often and when a step is tried again after an error whose fate is SL_FATE_RETRY.
struct sl_retry {
    int64_t attempts;       // in all, from 1 on
    int64_t initial_s;      // longest wait before the second attempt
    double factor;          // of the longest wait, from one to the next
    int64_t max_s;          // no wait is longer
    int64_t max_time_s;     // after the first attempt began, none begins later; 0: no limit
    bool has_jitter;        // waits are drawn between none and their longest
    bool has_missing_files; // a source without files is waited for as well
};

// What sources, models, targets and tasks say of how their steps run.
struct sl_execution {
    struct sl_retry retry;
    int64_t timeout_s;   // of one attempt; 0: none
    const char *pool;    // NULL: none; else one of the project's
    int64_t priority;    // of what is ready, the highest comes first
    int64_t concurrency; // targets: deliveries to it at once; 0: no limit of its own
    // Before its first step begins in a run, a person has to say so. Of a target, before any of its
    // deliveries.
    bool needs_approval;
    struct sl_strs approvers; // names or mail addresses of those who may; none: anybody
};

// Steps that name it share its slots.
struct sl_pool_spec {
    const char *name;
    int64_t slots; // from 1 on
};

// sources/NAME.yml
enum sl_file_format {
    SL_FORMAT_AUTO,
    SL_FORMAT_CSV,
    SL_FORMAT_TSV,
    SL_FORMAT_JSONL,
    SL_FORMAT_JSON,
    SL_FORMAT_PARQUET
};
enum sl_encoding { SL_ENCODING_UTF8, SL_ENCODING_UTF16, SL_ENCODING_LATIN1 };
struct sl_source {
    const char *name; // file stem
    const char *file; // "sources/orders.yml"
    const struct sl_yaml *node;
    const char *description;
    struct sl_strs tags;
    const char *connector; // "file"
    struct sl_strs paths;  // files or globs
    int format;            // enum sl_file_format
    struct sl_csv_options {
        const char *delimiter;  // "," (format tsv: tab)
        const char *quote;      // "\""
        const char *escape;     // "\""
        bool has_header;        // true
        struct sl_strs columns; // names when there is no header
        int encoding;           // enum sl_encoding
        int64_t skip_lines;     // 0
        const char *comment;    // "" none
    } csv;
    const char *contract; // "contracts/orders.odcs.yml" or NULL: the contract whose schema has the
                          // source's name
    struct sl_requirements requirements;
    struct sl_budget budget;
    struct sl_drift drift;
    struct sl_execution execution;
    bool has_profile; // of the clean table, kept with each version
};

// models/NAME.sql
enum sl_write_mode {
    SL_WRITE_FULL,
    SL_WRITE_APPEND,
    SL_WRITE_PARTITION,
    SL_WRITE_MERGE,
    SL_WRITE_SNAPSHOT, // models only
    SL_WRITE_VIEW,     // models only
};
const char *sl_write_mode_name(enum sl_write_mode mode); // "full"
enum sl_snapshot_deletes { SL_DELETES_KEEP, SL_DELETES_CLOSE };
struct sl_model {
    const char *name; // file stem; the table is curated.NAME
    const char *file;
    const struct sl_yaml *node; // the settings; may be a null node
    const char *text;           // the whole file; "" in a project put together by hand
    const char *sql;            // the same without the leading comment
    int sql_line, sql_column;   // where it begins in the file
    const char *description;
    struct sl_strs tags;
    int write;                   // enum sl_write_mode
    struct sl_strs partition_by; // columns of the result
    struct sl_strs key;          // merge, snapshot
    const char *updated_at;      // snapshot: column with a version's time; NULL: the run's clock
    int deletes;                 // snapshot: enum sl_snapshot_deletes
    struct sl_strs
        order_by; // merge: newest wins by these, "updated_at" or "updated_at desc"; default desc
    const struct sl_yaml *checks; // list of {kind: arguments} or names; may be NULL
    struct sl_strs personal;      // columns that may carry personal values as they are
    const char *version_of;       // "revenue": it is a version of that output; NULL: of none
    int64_t version;              // from 1 on; 0: of none
    bool is_latest;               // the output's own name, curated.revenue, means it
    const char *deprecated;      // "2027-01-31": the last day on which it is to be read; NULL: none
    int64_t deprecated_until_us; // end of that day in UTC
    const struct sl_model *stands_for; // of an output's own name, which is a view over that
                                       // version and has no file; else NULL
    bool has_profile;                  // kept with each version
    struct sl_execution execution;
    struct sl_requirements requirements;
};

#define SL_POSTGRES_NAME_BYTES 63 // what PostgreSQL keeps of a name

// targets/NAME.yml
struct sl_delivery {    // one table to one place
    const char *table;  // "curated.daily_revenue"; of a versioned output the latest version
    const char *asked;  // then what the file says, "curated.revenue"; else NULL
    const char *to;     // name at the target: file, folder or table name; default: the table's name
    int write;          // enum sl_write_mode
    struct sl_strs key; // merge
    struct sl_strs partition_by; // partition: columns
    struct sl_strs personal;     // columns that may carry personal values as they are
    const struct sl_yaml *node;
};
// Which version of a table is delivered: the newest, as soon as it is there; or the one that the
// publication lists with which the run ends.
enum sl_target_reads { SL_READS_NEWEST, SL_READS_PUBLISHED };
struct sl_target {
    const char *name;
    const char *file;
    const struct sl_yaml *node;
    const char *description;
    struct sl_strs tags;
    const char *type; // "parquet", "csv", "jsonl", "sqlite", "duckdb", "postgres"
    const char *path; // folder (parquet, csv, jsonl) or database file, joined to the project folder
    const char *dsn;  // postgres: libpq connection string or URL; secret
    const char *schema; // postgres: "public"
    int reads;          // enum sl_target_reads
    struct sl_delivery *deliveries;
    size_t delivery_count;
    struct sl_execution execution;
    struct sl_requirements requirements;
};

// tasks/NAME.yml: a program that runs between steps, or none: then it only holds steps together.
enum sl_task_when { SL_TASK_CHANGED, SL_TASK_ALWAYS };
struct sl_task {
    const char *name;
    const char *file;
    const struct sl_yaml *node;
    const char *description;
    struct sl_strs tags;
    struct sl_strs after;   // "curated.revenue", "target.warehouse.revenue", "task.fetch"
    struct sl_strs before;  // the same
    struct sl_strs command; // one text is for the shell, more are a program and its arguments
    bool is_for_shell;
    int when; // enum sl_task_when
    struct sl_execution execution;
    struct sl_requirements requirements;
};

// A table that is read as it was in a version, wherever it lies.
struct sl_pin {
    const char *folder;
    int64_t version;
    bool is_borrowed; // holds only while this environment has no such table of its own
};

struct sl_project {
    struct sl_arena arena;
    struct sl_diags diags;
    const char *folder;         // absolute
    const char *environment;    // NULL: none chosen
    const struct sl_yaml *node; // of sluice.yml
    const char *name;
    const char *description;
    const char *lake_folder; // absolute
    const char *read_lake;   // of the environment whose tables are read where this one has none;
                             // absolute; NULL: none
    const char *read_environment; // its name; NULL: none
    const char *read_lake_behind; // the same where that one has none either
    const struct sl_map *pins;    // "raw.orders" -> struct sl_pin; NULL: none. The caller's
    const char *state_folder;     // absolute; ".sluice". Of locks and caches, and of the history
    const char *state_url;        // of the history in PostgreSQL, a secret; NULL: in the folder
    int64_t memory_bytes;         // engine; 0: default
    int64_t worker_memory_bytes;  // that a worker process may hold; 0: no limit
    int64_t threads;
    const char *temp_folder;
    double price_per_hour; // of the engine; 0: none is declared
    const char *currency;  // of the price; NULL: not said
    int64_t concurrency;   // steps at once; 0: number of cores
    struct sl_retry retry; // where a file says nothing
    int64_t timeout_s;     // the same
    int64_t deadline_s;    // of a run; 0: none
    int64_t max_runs;      // at once, of all pipelines: 16
    const char *time_zone; // of schedules that name none: "UTC"
    struct sl_pool_spec *pools;
    size_t pool_count;
    int requirements_level;      // enum sl_level
    int deprecated_level;        // enum sl_level: what `check` says of readers of deprecated models
    const char *personal_key;    // of hashes and tokens; NULL: none
    const char *personal_key_id; // says which key it is, without saying the key
    int personal_level; // enum sl_level: what `check` says of personal values that are passed on
    const struct sl_alerts *alerts;   // NULL: nobody asks for any
    const struct sl_observe *observe; // see spec/observe.h; NULL: nobody asks for lineage or traces
    struct sl_budget budget;
    const struct sl_serve_spec *serve; // see spec/serve.h; NULL in a project put together by hand
    struct sl_source *sources;
    size_t source_count;
    struct sl_contract **contracts; // see spec/contract.h
    size_t contract_count;
    struct sl_model *models;
    size_t model_count;  // with those that stand for an output's latest version, which come last
    size_t output_count; // of these
    struct sl_target *targets;
    size_t target_count;
    struct sl_task *tasks;
    size_t task_count;
    struct sl_pipeline *pipelines; // see spec/pipeline.h; by name
    size_t pipeline_count;         // 1 or more
    struct sl_spec_index
        *index; // of the spec layer: names and origins; NULL in a project put together by hand
};

struct sl_project_options {
    const char *folder;      // where to look for sluice.yml, upwards; NULL: the working folder
    const char *environment; // --env, else SLUICE_ENV, else none
    bool resolve_secrets;    // false for commands that only look at the project: ${...} stays as
                             // written
    bool has_no_outputs;     // the names of versioned outputs are files of their own
    const struct sl_map *model_texts; // name -> text: models in the place of those in the folder,
                                      // or beside them; NULL: none
    struct sl_strs
        overrides; // "engine.threads=4": settings given by flags, which win over everything
};
// Fails only when no project can be read at all; mistakes in it are in project->diags (the caller
// asks error_count).
SL_MUST int sl_project_load(const struct sl_project_options *options, struct sl_project **ret,
                            struct sl_err *err);
void sl_project_free(struct sl_project **project); // for SL_AUTO
// Where the project's state store is, for api/state.h.
struct sl_state_place sl_project_state(const struct sl_project *project);

// The columns that the text of a model's file claims to be never null, by checks that would keep
// its table back. None if the text cannot be read.
SL_MUST int sl_model_never_null(const char *text, struct sl_arena *arena, struct sl_strs *ret,
                                struct sl_err *err);

const struct sl_source *sl_project_source(const struct sl_project *project, const char *name);
const struct sl_model *sl_project_model(const struct sl_project *project, const char *name);
const struct sl_target *sl_project_target(const struct sl_project *project, const char *name);
// The contract schema object that governs a source, or NULL.
const struct sl_contract_table *sl_project_contract_for(const struct sl_project *project,
                                                        const struct sl_source *source);
// Puts another one in its place, for a project whose files do not say it. Before the graph is
// built.
SL_MUST int sl_project_govern(struct sl_project *project, const struct sl_source *source,
                              struct sl_contract_table *table, struct sl_err *err);

// <lake>/<layer>/<name>
char *sl_table_folder(const struct sl_project *project, enum sl_layer layer, const char *name,
                      struct sl_arena *arena);
// The same, or that of the environment whose tables are read if this one has none of its own: not
// to be written then.
char *sl_table_source(const struct sl_project *project, enum sl_layer layer, const char *name,
                      struct sl_arena *arena, bool *ret_is_borrowed);
// Where a table is pinned, or NULL.
const struct sl_pin *sl_table_pin(const struct sl_project *project, enum sl_layer layer,
                                  const char *name);
// "clean.orders" -> layer and name; false if it is not of that form.
bool sl_table_parse(const char *table, enum sl_layer *ret_layer, const char **ret_name);

// What is missing of the requirements, as diagnostics of the project's level.
void sl_project_check_requirements(struct sl_project *project);

// The file kinds, for `sluice schema`, docs and `init`: "project", "source", "contract", "model",
// "target", "task", "pipeline", "test".
struct sl_file_kind {
    const char *name;
    const char *pattern; // "sources/*.yml"
    const char *summary;
    const struct sl_opt *rows;
};
extern const struct sl_file_kind sl_file_kinds[]; // ends with a NULL name
// The kind's JSON Schema, with the draft it follows and its own name and version as $id.
void sl_file_kind_schema(const struct sl_file_kind *kind, struct sl_buf *json);
// Every setting with its value and where it came from, for `config show --origin`: calls `each` per
// row.
SL_MUST int sl_project_settings(const struct sl_project *project,
                                int (*each)(void *self, const char *key, const char *value,
                                            const char *origin),
                                void *self, struct sl_err *err);

#endif
