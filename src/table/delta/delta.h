// Delta Lake tables: the log. Follows the Delta protocol, PROTOCOL.md of delta-io/delta, sections
// named at each function.
//
// A table is a folder with Parquet files and `_delta_log/`. Version N is the file _delta_log/<N, 20
// digits>.json, created whole and exactly once; of two writers of N one wins and the other rebases
// ("Delta Log Entries", "Commit"). Readers need no lock. Nothing here reads rows; checkpoints are
// Parquet and go through an engine session.
#ifndef SL_TABLE_DELTA_DELTA_H
#define SL_TABLE_DELTA_DELTA_H

#include "api/engine.h"
#include "base/json.h"

#include <stdint.h>

// One live data file ("Add File").
struct sl_delta_file {
    const char *path; // relative to the table's folder, decoded (the log holds it percent-encoded),
                      // or absolute
    const char *const *partition; // value per partition column as text, NULL for null
    int64_t size_bytes;
    int64_t modified_ms;
    int64_t row_count;      // numRecords of stats, -1 if absent
    const char *stats_json; // may be NULL
    const char *tags_json;  // may be NULL; Sluice keeps a raw file's source here
    bool has_deletion_vector;
    const char *add_json; // the whole action, to write it again unchanged
};

struct sl_delta_txn {
    const char *app_id;
    int64_t version;
};

struct sl_delta_snapshot {
    int64_t version; // -1: the table does not exist
    int64_t timestamp_ms;
    const char *folder;
    const char *table_id;
    struct sl_column *columns; // engine types ("BIGINT"), from metaData.schemaString
    size_t column_count;
    const char *schema_json; // as in the log
    const char *const *partition_columns;
    size_t partition_count;
    const char *configuration_json;
    int min_reader, min_writer;
    struct sl_delta_file *files; // sorted by path
    size_t file_count;
    struct sl_delta_txn *txns;
    size_t txn_count;
    int64_t row_count; // sum of the files' counts, -1 if one lacks it
    int64_t size_bytes;
};

// The newest version and what its last Sluice commit recorded, read without an engine in a few
// microseconds: lists the log and reads commits backwards until one carries a `sluice` record.
// version -1: no table.
struct sl_delta_head {
    int64_t version;
    int64_t record_version; // of the commit that carries `record`; -1 if none of the commits still
                            // in the log has one
    int64_t timestamp_ms;
    const char *record_json; // commitInfo.sluice; NULL if none
    const char *table_id;    // as the record says; NULL if there is none
    // The newest commit without a record that changed rows (dataChange) after what the commit with
    // `record` had read: another program's. -1: there is none.
    int64_t foreign_version;
    const char *foreign_operation; // "WRITE", "DELETE"; "" if it does not say
};
SL_MUST int sl_delta_head(const char *folder, struct sl_arena *arena, struct sl_delta_head *ret,
                          struct sl_err *err);
// The same as of an older version (-1: the newest).
SL_MUST int sl_delta_head_at(const char *folder, int64_t version, struct sl_arena *arena,
                             struct sl_delta_head *ret, struct sl_err *err);
// For a table whose commits with records were cleaned out of the log: fills head's table_id out of
// the table itself, and *ret_sequence with the version of its `txn` for app_id (0: none).
SL_MUST int sl_delta_head_recover(const char *folder, const char *app_id,
                                  struct sl_session *session, struct sl_arena *arena,
                                  struct sl_delta_head *head, int64_t *ret_sequence,
                                  struct sl_err *err);

// The table as of `version` (-1: newest). `session` may be NULL as long as no checkpoint must be
// read (SL_E_INTERNAL else); pass one unless the log is known to be short. Refuses reader features
// it does not know: SL_E_TABLE_FEATURE.
SL_MUST int sl_delta_load(const char *folder, int64_t version, struct sl_session *session,
                          struct sl_arena *arena, struct sl_delta_snapshot *ret,
                          struct sl_err *err);
// The same without its files, their counts and sizes: columns and settings only, which takes no
// longer where there are very many files.
SL_MUST int sl_delta_load_schema(const char *folder, int64_t version, struct sl_session *session,
                                 struct sl_arena *arena, struct sl_delta_snapshot *ret,
                                 struct sl_err *err);
// The newest version committed at or before a time; SL_E_TABLE_VERSION if there is none.
SL_MUST int sl_delta_version_at(const char *folder, int64_t time_ms, int64_t *ret_version,
                                struct sl_err *err);
// True if a checkpoint must be read to load the newest version, so that a session is needed.
SL_MUST int sl_delta_needs_session(const char *folder, bool *ret, struct sl_err *err);

// Every file of the log that may say something of versions up to `version`: commits, checkpoints,
// compacted commits, checksums; by name. Without the needed ones the version cannot be read; the
// others may have been superseded by a checkpoint.
struct sl_delta_log_file {
    const char *path; // relative to the table's folder
    bool is_needed;
};
SL_MUST int sl_delta_log_files(const char *folder, int64_t version, struct sl_arena *arena,
                               struct sl_delta_log_file **ret, size_t *ret_count,
                               struct sl_err *err);

// What changed between two versions (from exclusive, to inclusive): files that are live in `to` and
// not in `from`, and the other way round. from -1: all of `to`. Read from the commits in between
// where they are there, else from both snapshots.
struct sl_delta_changes {
    struct sl_delta_file *added;
    size_t added_count;
    struct sl_delta_file *removed;
    size_t removed_count;
    size_t kept_count;   // files live in both; 0 when the table was built anew
    bool schema_changed; // a metaData action lies in between
};
SL_MUST int sl_delta_changes(const char *folder, int64_t from, int64_t to,
                             struct sl_session *session, struct sl_arena *arena,
                             struct sl_delta_changes *ret, struct sl_err *err);

// The history, newest first: one commitInfo per version.
struct sl_delta_commit_info {
    int64_t version;
    int64_t timestamp_ms;
    const char *operation;
    const char *json; // the whole commitInfo
};
SL_MUST int sl_delta_history(const char *folder, size_t limit, struct sl_arena *arena,
                             struct sl_delta_commit_info **ret, size_t *ret_count,
                             struct sl_err *err);

// A commit to be made. Built by the caller, in one arena.
enum sl_delta_mode {
    SL_DELTA_APPEND,     // adds files; conflicts with nothing but schema changes
    SL_DELTA_REPLACE,    // the table becomes just these files
    SL_DELTA_PARTITIONS, // replaces the partitions listed in `replaced`
    SL_DELTA_REWRITE, // removes the files listed in `removed`, adds others (merge, changed source
                      // files, compaction)
    SL_DELTA_RESTORE, // the table becomes what `restored` was, files and schema
};
struct sl_delta_commit {
    enum sl_delta_mode mode;
    int64_t base_version; // what the writer read; -1: it must not exist yet or must be replaced as
                          // a whole
    const struct sl_column *columns; // schema to have afterwards: equal to or an additive extension
                                     // of the table's, except REPLACE
    size_t column_count;
    const char *const *partition_columns; // for a new table or REPLACE
    size_t partition_count;
    const struct sl_staged
        *staged; // new files, in `staged_folder`, which lies inside the table's folder
    // Relative to the table's folder; "" for the folder itself. Its name must not begin with '_' or
    // '.': other readers take that for hidden ("Data Files").
    const char *staged_folder;
    const char *const *tags_json; // per staged file, or NULL
    const char *const *removed;   // REWRITE: decoded paths of live files at base_version
    size_t removed_count;
    // Live files that stay, rows and all, and get other tags: "When a logical file that is already
    // present in the table is added, information from the latest version replaces that from any
    // previous version" ("Add File and Remove File"). SL_E_TABLE_CONFLICT if one is gone.
    const char *const *retagged;    // decoded paths
    const char *const *retags_json; // parallel
    size_t retagged_count;
    const char *const *const
        *replaced; // PARTITIONS: lists of values, each parallel to partition_columns
    size_t replaced_count;
    const struct sl_delta_snapshot *restored; // RESTORE: an older version; its files must be there
    const char *app_id;                       // txn identifier: the step
    int64_t app_version;     // sequence number; a table that already carries it (or a later one) is
                             // left alone
    const char *operation;   // "WRITE", "MERGE", ...; "OPTIMIZE" says that rows were only moved
                             // (dataChange false)
    const char *record_json; // commitInfo.sluice, an object; gets the table's id as "table_id"
    const char *description; // table comment, may be NULL
};
// Whether a table can have a column of this type, and whether it can be partitioned by it:
// SL_E_TABLE_SCHEMA if not, as a commit would say.
SL_MUST int sl_delta_column_check(const struct sl_column *column, struct sl_err *err);
SL_MUST int sl_delta_partition_check(const struct sl_column *column, struct sl_err *err);
// Commits: syncs the staged files and folders, then creates version N; on a lost race rereads the
// winners, refuses a true conflict (SL_E_TABLE_CONFLICT: a file to be removed is gone, the schema
// changed, partitions overlap) and otherwise tries N+1, N+2, ... The winner is durable when this
// returns. If txn says it was done before, *ret_version is the version now and *ret_skipped true.
// Writes a checkpoint every `delta.checkpointInterval` (10) versions through `session` (NULL:
// none); the commit stands even if that fails, and the next one tries again. REPLACE and
// RESTORE are also refused (SL_E_TABLE_CONFLICT) if others changed rows after base_version, REPLACE
// not if that is -1.
// Tables whose features cannot be respected are not written: SL_E_TABLE_FEATURE.
SL_MUST int sl_delta_commit(const char *folder, const struct sl_delta_commit *commit,
                            struct sl_session *session, struct sl_arena *arena,
                            int64_t *ret_version, bool *ret_skipped, struct sl_err *err);
// Whether it could be made now: fails as sl_delta_commit would, and writes nothing.
SL_MUST int sl_delta_commit_check(const char *folder, const struct sl_delta_commit *commit,
                                  struct sl_session *session, struct sl_err *err);
// Where a data file is. SL_E_TABLE_FEATURE if that is another store ("s3://..."), which is not read
// here.
SL_MUST int sl_delta_file_path(const char *folder, const struct sl_delta_file *file,
                               struct sl_arena *arena, const char **ret, struct sl_err *err);
SL_MUST int sl_delta_checkpoint(const char *folder, int64_t version, struct sl_session *session,
                                struct sl_err *err);

// The snapshot as a relation for the engine. Arrays live in the arena, paths are joined to the
// folder.
SL_MUST int sl_delta_scan(const struct sl_delta_snapshot *snapshot, struct sl_arena *arena,
                          struct sl_scan *ret, struct sl_err *err);
SL_MUST int sl_delta_scan_files(const struct sl_delta_snapshot *snapshot,
                                const struct sl_delta_file *files, size_t file_count,
                                struct sl_arena *arena, struct sl_scan *ret, struct sl_err *err);
const struct sl_delta_txn *sl_delta_txn_find(const struct sl_delta_snapshot *snapshot,
                                             const char *app_id);
// Removes Parquet files that nothing in the log names and that were not changed for `older_than_ms`
// (a duration: longer than any step takes): leftovers of killed steps. Counts them. Folders whose
// name begins with '_' or '.' are left alone.
SL_MUST int sl_delta_clean_staged(const char *folder, int64_t older_than_ms,
                                  struct sl_session *session, int64_t *ret_count,
                                  struct sl_err *err);

#endif
