// Steps: from input positions to one commit per table. Each function below does its step once,
// whole, and may be called again after a kill at any point: it reads how far it has come from the
// last record in its own output table.
#ifndef SL_STEP_STEP_H
#define SL_STEP_STEP_H

#include "api/check.h"
#include "api/engine.h"
#include "api/source.h"
#include "api/target.h"
#include "base/map.h"
#include "spec/contract.h"
#include "sql/query.h"
#include "table/delta/delta.h"

#include <pthread.h>
#include <stdatomic.h>

struct sl_views; // step/view.h

struct sl_table_version {
    const char *table; // "clean.orders"
    int64_t version;
    const char *id; // of the table: versions of another one say nothing. NULL if unknown
};
struct sl_table_versions {
    struct sl_table_version *items;
    size_t count;
};

// Contracts that the engine accepts, each with the columns of raw and the time that it was asked
// with. Any thread.
struct sl_accepted_contracts {
    pthread_mutex_t lock;
    struct sl_map seen;
};

// What a step may touch. One thread uses it.
struct sl_step_context {
    const struct sl_project *project;
    struct sl_session *session; // with an empty catalogue
    struct sl_arena *arena;     // of this step
    const char *run_id;
    int64_t now_us;     // the run's start: `at` and `_ingested_at` of everything it writes
    bool full_refresh;  // forget positions: build anew
    bool loses_history; // also where a snapshot's history is lost by it
    const struct sl_views *views;    // models that are no tables; may be NULL
    const struct sl_strs *may_break; // versions that may break what they promised; may be NULL
    bool dry_run;          // cleanse: find out what would become of the rows, commit nothing
    bool checks_only_tell; // cleanse: checks that fail, or cannot be judged, stop nothing
    bool is_pinned;        // load: just this version is delivered, and none if it is -1
    int64_t pinned_version;
    const atomic_bool *stop;           // asked to drain: begin no new file or commit; may be NULL
    struct sl_step_progress *progress; // may be NULL
    // Of tables that are read as they stand: which versions are wanted, as far as they are there,
    // and which were taken. May be NULL.
    const struct sl_table_versions *wanted;
    struct sl_table_versions *taken;
    // Tests, which bring few rows again and again. Contracts that were verified need not be again;
    // may be NULL.
    struct sl_accepted_contracts *accepted;
    // The prepared rows of a cleanse are written to a table and read from there, in place of being
    // computed by each statement that reads them: for few rows, to plan that is most of the work.
    bool has_few_rows;
    struct sl_strs staging; // folder and prefix, in pairs, of what no log can name: sl_step_staging
};
// Read by the progress display from another thread.
struct sl_step_progress {
    _Atomic int64_t rows_done, rows_total;   // total 0: unknown
    _Atomic int64_t bytes_done, bytes_total; // total 0: unknown
};

struct sl_balance { // in = out + quarantined + deduplicated + filtered
    int64_t in, out, quarantined, deduplicated, filtered;
    // Of the rows that are not quarantined: those with values that were set aside, and how many
    // values; no part of the equation.
    int64_t set_aside_rows, set_aside_values;
    // Rows that stood in the table before and gave way; no part of the equation. What a table holds
    // is what it held before, plus out, less replaced. -1: not known.
    int64_t replaced;
};
struct sl_reason_count {
    const char *rule, *column; // column may be NULL
    int64_t rows;
    bool is_warning;
    bool is_value; // the rows were published, without the value
};
// Rows that break at least one rule of a dimension, rejected or not.
struct sl_broken {
    bool is_known; // commits of earlier versions do not tell
    int64_t rows[SL_DIMENSIONS];
};
// What a check of a table came to.
struct sl_check_result {
    const char *kind, *name; // name: the user's own; NULL: none
    const char *claim;
    enum sl_dimension dimension;
    bool is_warning; // its failure is reported; others keep the table from being published
    bool is_passed;
    const char *measure;  // of claims about a number or a time; NULL: none
    int64_t rows;         // that break a claim about rows; -1: it is none
    int64_t max_age_s;    // the measure is a time that may not be older; 0: it is none
    const char *example;  // of what breaks it; NULL: nothing does
    const char *message;  // what is said of it when it fails; NULL: it passed
    const char *unjudged; // why it could not be judged; NULL: it was. Only with checks_only_tell
};
enum sl_step_outcome {
    SL_STEP_DONE,    // committed
    SL_STEP_NOTHING, // nothing was stale
    SL_STEP_PARTIAL, // a part of the input failed (see notes), the rest was committed, if any
};
struct sl_step_result {
    enum sl_step_outcome outcome;
    bool was_full;   // built anew rather than continued
    const char *why; // "3 new files", "contract changed", ...
    struct sl_balance balance;
    bool has_balance; // false: the step has none (load of an outside target counts out only)
    struct sl_reason_count *reasons;
    size_t reason_count;
    struct sl_broken broken;
    struct sl_check_result *checks; // also of a step that failed because of them
    size_t check_count;
    struct sl_table_version *versions; // committed
    size_t version_count;
    int64_t bytes_in, bytes_out, files_out;
    int64_t files_together;     // ingest: small files that were read many in one statement
    struct sl_strs notes;       // for people: "orders-3.csv is gone since the last run",
                                // "orders-4.csv.gz: truncated"
    struct sl_emptied *emptied; // ingest: files that had rows and have none now
    size_t emptied_count;
    struct sl_strs raw_only;   // cleanse: columns of raw that clean does not have (drift: freeze)
    struct sl_strs also_read;  // cleanse: "customer_id also read as cust until 2026-12-31"
    size_t failed_parts;       // files that could not be read
    size_t kept_parts;         // emptied files whose rows stay
    struct sl_strs partitions; // recomputed, where only some were: "day=2024-01-31, country=DE"
    struct sl_table_version profiled; // of which a profile was kept; no table: none was
};

// source -> raw.NAME
SL_MUST int sl_step_ingest(struct sl_step_context *context, const struct sl_source *source,
                           struct sl_step_result *ret, struct sl_err *err);
// raw.NAME -> clean.NAME + quarantine.NAME
SL_MUST int sl_step_cleanse(struct sl_step_context *context, const struct sl_source *source,
                            const struct sl_contract_table *contract, struct sl_step_result *ret,
                            struct sl_err *err);
// Marks rows of quarantine.NAME as given up, or takes that back; they stay where they are. Does
// nothing to rows that are so already.
struct sl_discard {
    const char *name;  // "orders"
    const char *where; // SQL over the quarantine table
    const char *by, *reason;
    bool is_undone;
};
SL_MUST int sl_step_discard(struct sl_step_context *context, const struct sl_discard *discard,
                            int64_t *ret_rows, struct sl_err *err);
// Takes the profile of a table that the step has just committed, and keeps it: step/profile.h. The
// table stands: what keeps its profile from being taken is a note in the result.
void sl_step_profile(struct sl_step_context *context, enum sl_layer layer, const char *name,
                     struct sl_step_result *result);
// tables -> curated.NAME. `fingerprint`: of the model's SQL and settings.
SL_MUST int sl_step_model(struct sl_step_context *context, const struct sl_model *model,
                          const struct sl_query *query, const char *fingerprint,
                          struct sl_step_result *ret, struct sl_err *err);
// What a step would do now, found out without writing anything. In context->arena.
struct sl_forecast {
    bool is_whole;             // all of it would be recomputed
    const char *why;           // NULL: there is nothing to do
    struct sl_strs partitions; // write mode partition, and not whole: "day=2024-01-31, country=DE"
};
SL_MUST int sl_step_model_foresee(struct sl_step_context *context, const struct sl_model *model,
                                  const struct sl_query *query, const char *fingerprint,
                                  struct sl_forecast *ret, struct sl_err *err);
// table -> outside
SL_MUST int sl_step_load(struct sl_step_context *context, const struct sl_target *target,
                         const struct sl_delivery *delivery, struct sl_step_result *ret,
                         struct sl_err *err);
SL_MUST int sl_step_load_foresee(struct sl_step_context *context, const struct sl_target *target,
                                 const struct sl_delivery *delivery, struct sl_forecast *ret,
                                 struct sl_err *err);

// What a source has that its raw table has not. `session` may be NULL as long as the raw table's
// log is short.
struct sl_pending {
    int64_t new_files, changed_files, vanished_files;
    int64_t new_bytes;          // of new and changed files
    struct sl_strs renamed;     // "a.csv is now b.csv": neither new nor vanished
    struct sl_emptied *emptied; // of the changed files
    size_t emptied_count;
    struct sl_strs unmatched; // paths beside others: "no file matches 'x*.csv' (sources/a.yml:3:5)"
    struct sl_strs gone;      // paths without a wildcard whose file raw has and the source no more
    bool is_read_otherwise;   // by other options than before: all is read again
    const char *listing;      // digest of path, size and time of every file the source has now
    int64_t files;            // all that it has
    const char *newest;       // of them, by time; NULL: it has none
    int64_t newest_us;
    int64_t waiting_since_us; // the time of the oldest new or changed file; 0: none waits
    bool needs_session; // nothing else is told: another program has rewritten the table's files
};
SL_MUST int sl_step_ingest_pending(const struct sl_project *project, const struct sl_source *source,
                                   struct sl_session *session, struct sl_arena *arena,
                                   struct sl_pending *ret, struct sl_err *err);
// Before a run: warnings for paths that match no file and, with a session, for a first file that
// cannot be read as it is declared. Else its columns, in the arena.
struct sl_source_check {
    struct sl_diags *diags;
    const struct sl_column *columns;
    size_t column_count;
};
SL_MUST int sl_step_ingest_check(const struct sl_project *project, const struct sl_source *source,
                                 struct sl_session *session, struct sl_arena *arena,
                                 struct sl_source_check *check, struct sl_err *err);
// The columns that a raw table which is not there yet will have, out of the source's files; none if
// they are many or large, or one of them cannot be read.
SL_MUST int sl_step_ingest_foresee(struct sl_step_context *context, const struct sl_source *source,
                                   struct sl_column **ret, size_t *ret_count, struct sl_err *err);
// How far a delivery has come, as its target says. SL_E_TARGET_FOREIGN if what is there was
// delivered from another lake, by another environment or project.
SL_MUST int sl_step_load_position(const struct sl_project *project, const struct sl_target *target,
                                  const struct sl_delivery *delivery, struct sl_session *session,
                                  struct sl_arena *arena, struct sl_target_position *ret,
                                  struct sl_err *err);
// Rows that the target holds now under the delivery's name; -1: this kind of target cannot tell.
// SL_E_TABLE_MISSING if there is no such table.
SL_MUST int sl_step_load_count(const struct sl_target *target, const struct sl_delivery *delivery,
                               struct sl_session *session, struct sl_arena *arena, int64_t *ret,
                               struct sl_err *err);
// True if the target can only be asked through an engine session.
bool sl_step_load_needs_session(const struct sl_target *target);

struct sl_renamed {
    const char *received_as, *name;
};
// "another program changed rows of clean.orders (version 3, WRITE)", in the arena: since the last
// commit of ours, which does not know of them. NULL in *ret: none did.
SL_MUST int sl_step_changed_by(const struct sl_delta_head *head, const char *table,
                               struct sl_arena *arena, const char **ret, struct sl_err *err);
// A commit of `sluice backfill` (step/backfill.h) says which part of which backfill it is: the
// commit is the checkpoint of that, too.
struct sl_backfill_mark {
    const char *id;                       // NULL: it is none
    const char *choice;                   // as JSON: what was asked for
    const char *const *const *partitions; // of this commit, as the engine's texts
    size_t partition_count, width;        // width: values of each
    int64_t done, total;                  // partitions of the table, with this commit
    // How it is done, for whoever goes on with it: chunk and concurrency 0: nothing was said.
    bool newest_first;
    int64_t chunk, concurrency;
};
// The record that each commit carries in commitInfo.sluice.
// The rows that a table is made of, from its last building on: of clean all that were taken, and of
// them those that break rules of a dimension by now; of quarantine those that were given up.
struct sl_standing {
    bool is_known;
    int64_t rows;
    struct sl_broken broken;
    struct sl_strs rules;      // by which they were counted,
    struct sl_strs dimensions; // and as what: a later contract may not have them
};
struct sl_record {
    const char *run_id;
    const char *step;        // "cleanse orders"
    int64_t sequence;        // equals the txn action's version
    int64_t judged_us;       // cleanse: the clock that rules and checks went by; 0: not known
    const char *fingerprint; // of code and contract; NULL none
    bool was_full;
    struct sl_table_version *inputs; // versions this table is built from
    size_t input_count;
    struct sl_balance balance;
    bool has_balance;
    struct sl_reason_count *reasons;
    size_t reason_count;
    struct sl_broken broken;
    struct sl_standing standing;
    struct sl_check_result *checks; // without examples
    size_t check_count;
    struct sl_table_versions checked_with; // other tables that the checks have read
    // The quarantine table as it was, if the commit comes from reading its rows again; else no
    // table.
    struct sl_table_version replayed;
    bool is_rejudged; // of such a commit: because a parent changed, and not the contract
    // A commit that changed no row says so. It holds if it is the version after
    // `same_as`; the rows are then those of every version since `same_since`.
    bool has_same_rows;
    int64_t same_as, same_since;
    // Of raw tables: parts that have another name now than `_source` of their rows.
    struct sl_renamed *renamed;
    size_t renamed_count;
    struct sl_backfill_mark backfill;
    // Versions of the inputs that backfills have read partitions from since `inputs` last moved: a
    // list for each set of versions that are not those of `inputs`.
    struct sl_table_versions *ahead;
    size_t ahead_count;
};
SL_MUST int sl_record_print(const struct sl_record *record, struct sl_arena *arena,
                            const char **ret_json, struct sl_err *err);
// Unknown members are ignored. SL_E_TABLE_LOG if it is not a record.
SL_MUST int sl_record_parse(const char *json, struct sl_arena *arena, struct sl_record *ret,
                            struct sl_err *err);
// {"kind", "name", "claim", "dimension", "severity", "passed", "measure", "rows", "max_age_s",
// "example"}: what there is of it. "passed" is null and "unjudged" says why if it was not judged.
// NULL out of memory.
json_t *sl_check_result_json(const struct sl_check_result *result, bool with_example);
// The version of an input that the record was made from; -1 if it was none, or another table of
// that name (by its id).
int64_t sl_record_input(const struct sl_record *record, const char *table, const char *id);
// Counts rows of quarantine: `relation` has their `reasons`, and whether each `is_published`
// without a value; `before` says what rules of an earlier contract were about. Published rows are
// none of `rows`.
struct sl_standing_count {
    struct sl_session *session;
    const struct sl_contract_table *contract;
    const struct sl_standing *before;
    const char *relation;
    struct sl_arena *arena;
};
SL_MUST int sl_standing_count(const struct sl_standing_count *count, struct sl_standing *ret,
                              struct sl_err *err);
// Sets it in the JSON of a record.
SL_MUST int sl_standing_print(json_t *root, const struct sl_standing *standing, struct sl_err *err);
bool sl_balance_closes(const struct sl_balance *balance);
// The sum of two counts of rows; -1 if one of them is not known.
int64_t sl_rows_add(int64_t a, int64_t b);
// What several commits of a step count, as one.
void sl_balance_add(struct sl_balance *to, const struct sl_balance *more);
SL_MUST int sl_reasons_add(struct sl_reason_count **to, size_t *to_count,
                           const struct sl_reason_count *more, size_t count, struct sl_arena *arena,
                           struct sl_err *err);
// SL_E_BALANCE if it does not close.
SL_MUST int sl_balance_check(const struct sl_balance *balance, const char *step,
                             struct sl_err *err);
// SL_E_BUDGET if more rows were rejected than the budget allows. Called before anything is
// published.
// `is_new`: the table has no row yet, so that it would have none afterwards if all were rejected.
SL_MUST int sl_budget_check(const struct sl_budget *budget, const struct sl_balance *balance,
                            const char *table, bool is_new, struct sl_err *err);
// Table folder, head and parsed record in one: the usual beginning of a step. A record that was
// cleaned out of the log is zero but for its sequence number, so that the step begins anew and its
// commit counts on. `session` may be NULL; then the sequence number is 0 as well.
SL_MUST int sl_step_position(const struct sl_project *project, enum sl_layer layer,
                             const char *name, struct sl_session *session, struct sl_arena *arena,
                             const char **ret_folder, struct sl_delta_head *ret_head,
                             struct sl_record *ret_record, struct sl_err *err);
// The same for a table that is only read: it may be the other environment's.
SL_MUST int sl_step_input(const struct sl_project *project, enum sl_layer layer, const char *name,
                          struct sl_session *session, struct sl_arena *arena,
                          const char **ret_folder, struct sl_delta_head *ret_head,
                          struct sl_record *ret_record, bool *ret_is_borrowed, struct sl_err *err);
// The first of the versions up to the newest that hold the same rows as it does, as far as the
// record tells.
int64_t sl_step_rows_since(const struct sl_delta_head *head, const struct sl_record *record);
// What came and went in an input since it was read. *ret_why says why that cannot be told any more
// (the log no longer reaches back, files were vacuumed); it is NULL otherwise.
struct sl_step_range {
    const char *table, *folder;
    int64_t from, to;
    bool needs_removed; // the rows that went will be read
};
SL_MUST int sl_step_changes(struct sl_step_context *context, const struct sl_step_range *range,
                            struct sl_delta_changes *ret, const char **ret_why, struct sl_err *err);
// What a fingerprint stands for, kept as <lake>/_code/<fingerprint>.json before the first commit
// that names it, so that later code can be compared with it. *ret is NULL if it is not there any
// more.
SL_MUST int sl_step_keep_code(struct sl_step_context *context, const char *fingerprint,
                              const json_t *code, struct sl_err *err);
SL_MUST int sl_step_find_code(struct sl_step_context *context, const char *fingerprint,
                              json_t **ret, struct sl_err *err);
// The same of a table that may be another environment's: its code is kept beside it.
SL_MUST int sl_step_find_code_of(struct sl_step_context *context, bool is_borrowed,
                                 const char *fingerprint, json_t **ret, struct sl_err *err);
// 64 lower case hexadecimal digits. Nothing else may become a path.
bool sl_step_is_fingerprint(const char *text);
// The same, telling why it is not there.
struct sl_kept_code {
    enum sl_kept_state {
        SL_KEPT_MISSING,
        SL_KEPT_UNREADABLE, // the file is there, and cannot be read
        SL_KEPT_DAMAGED,    // what it holds is not what was written
        SL_KEPT_WHOLE,
    } state;
    json_t *json;    // to be freed; NULL unless it is whole
    const char *why; // it is not whole
};
SL_MUST int sl_step_look_at_code(struct sl_step_context *context, const char *fingerprint,
                                 struct sl_kept_code *ret, struct sl_err *err);
// Sets and reads `backfill` and `ahead` in the JSON of a record.
SL_MUST int sl_record_print_backfill(const struct sl_record *record, json_t *root,
                                     struct sl_err *err);
SL_MUST int sl_record_parse_backfill(const json_t *root, struct sl_arena *arena,
                                     struct sl_record *record, struct sl_err *err);
// {"clean.orders": {"version", "id"}} under a key of the record.
SL_MUST int sl_record_print_versions(json_t *root, const char *key,
                                     const struct sl_table_versions *versions, struct sl_err *err);
SL_MUST int sl_record_parse_versions(const json_t *object, struct sl_arena *arena,
                                     struct sl_table_versions *ret, struct sl_err *err);
// sl_delta_commit for what was staged; *ret_skipped: another run has taken the sequence number.
SL_MUST int sl_step_try_commit(struct sl_step_context *context, const char *folder,
                               const struct sl_delta_commit *commit, int64_t *ret_version,
                               bool *ret_skipped, struct sl_err *err);
// sl_delta_commit, where it is not expected that another run has done the same.
SL_MUST int sl_step_commit(struct sl_step_context *context, const char *folder,
                           const struct sl_delta_commit *commit, int64_t *ret_version,
                           struct sl_err *err);
// Makes a table's folder if it is missing, and a beginning for names of data files that no other
// step has: "part-<uuid>". Files are staged where they stay, in the table's own folder; committed
// or not is what the log says.
SL_MUST int sl_step_staging(struct sl_step_context *context, const char *table_folder,
                            const char **ret_prefix, struct sl_err *err);
// Removes the data files in a table's folder whose names begin with a staging prefix. For what was
// never handed to a commit; what cannot be removed stays, as after a kill.
void sl_step_unstage(const char *table_folder, const char *prefix);
// After a step has failed: removes all that it staged and that no log can name.
void sl_step_unstage_all(struct sl_step_context *context);
// A file's index that comes back from SQL: below `count`, or it is our bug.
SL_MUST int sl_file_index(const struct sl_result *result, int64_t row, size_t count, size_t *ret,
                          struct sl_err *err);
// Adds "day=2024-01-31, country=DE" to a list in the arena; a value may be NULL.
SL_MUST int sl_step_name_partition(const struct sl_strs *columns, const char *const *values,
                                   struct sl_arena *arena, struct sl_strs *ret, struct sl_err *err);
// The rows that a table's log counts in a version; 0 if version is -1, -1 if a file has no count.
SL_MUST int sl_step_count(struct sl_step_context *context, const char *folder, int64_t version,
                          int64_t *ret, struct sl_err *err);
// Whether all files of a version are there: they may have been vacuumed since.
bool sl_step_has_files(const struct sl_delta_snapshot *snapshot, struct sl_arena *arena);
// Creates the view layer.name over a table's version (-1: that which the context wants, else the
// newest) in the session; with empty columns-only relation if it has no files. Of a model that is a
// view, over the newest versions of all tables below it.
SL_MUST int sl_step_view(struct sl_step_context *context, enum sl_layer layer, const char *name,
                         int64_t version, int64_t *ret_version, struct sl_err *err);

#endif
