// Engine: where SQL runs and rows live. C code hands over SQL and file lists and gets small results
// and staged files back.
//
// An engine is opened once per process; a session is a connection with a catalogue of its own, used
// by one thread at a time. Opening is cheap enough to do per step. Everything but
// sl_session_interrupt and sl_session_progress must be called from the thread that owns the
// session.
#ifndef SL_API_ENGINE_H
#define SL_API_ENGINE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#include <stdint.h>

struct sl_engine;
struct sl_session;
struct sl_result;

struct sl_engine_options {
    int64_t memory_bytes;    // 0: 60 % of the machine's memory
    int threads;             // 0: all cores, or fewer where the memory is too small for them
    int parts;               // of the above is taken one part of so many; 0: all
    const char *temp_folder; // spill goes here; NULL: the engine's default
    // Many sessions with few rows each, as tests have: to begin a statement takes most of the time.
    // Each works on the thread that calls it alone, and none tells its progress.
    bool is_for_few_rows;
};

// A column of a relation. `type` is the engine's canonical name: "INTEGER", "DECIMAL(12,2)",
// "STRUCT(a INTEGER)[]".
struct sl_column {
    const char *name;
    const char *type;
};

// The type of a source's column that has none, for all of its values are null.
#define SL_UNKNOWN_TYPE "\"NULL\""

// Columns that tell where a row came from (with_origin below). No table's column has such a name.
#define SL_ORIGIN_FILE "~file"
#define SL_ORIGIN_ROW "~row"
static inline bool sl_is_origin_name(const char *name)
{
    return sl_str_equal_nocase(name, SL_ORIGIN_FILE) || sl_str_equal_nocase(name, SL_ORIGIN_ROW);
}

// A set of Parquet files read as one relation: a table's snapshot, or staged files.
struct sl_scan_file {
    const char *path;             // readable path
    const char *const *partition; // values as text, NULL for null, parallel to partition_columns
};
struct sl_scan {
    const struct sl_column *columns; // of the relation, partition columns included, in order; files
                                     // may lack some (null)
    size_t column_count;
    const char *const *partition_columns; // names; values are not inside the files
    size_t partition_count;
    const struct sl_scan_file *files;
    size_t file_count; // 0: an empty relation with these columns
    int64_t row_count; // of all files together, for the optimizer; 0: unknown
    // Adds two columns to read back where a row came from: `~file` (index into files) and `~row`
    // (0-based in the file).
    bool with_origin;
};

// Statistics of a column in a staged file, as the engine's text (exact), NULL if unknown.
struct sl_column_stats {
    const char *name;
    const char *min;
    const char *max;
    int64_t null_count; // -1 unknown
    bool has_nan;       // min and max are not to be used
};
struct sl_staged_file {
    const char *path;             // relative to the staging folder, as on disk
    const char *const *partition; // as in sl_scan_file
    int64_t row_count;
    int64_t size_bytes;
    const struct sl_column_stats *stats;
    size_t stats_count;
};
struct sl_staged {
    struct sl_staged_file *files;
    size_t file_count;
    int64_t row_count;
};
struct sl_stage_options {
    const char *folder;      // absolute or relative to the working folder; exists
    const char *file_prefix; // unique name for the files of this step: "part-<uuid>"
    const char *const *partition_columns;
    size_t partition_count;
    int64_t file_size_bytes; // aim; 0: one file per partition
    // What the query gives, where that is known: planning it only to be told takes as long as
    // running it does for few rows. NULL: the engine is asked.
    const struct sl_column *columns;
    size_t column_count;
};

struct sl_engine_kind {
    const char *name; // "duckdb"
    const char *summary;
    const char *version; // of the engine itself; what is remembered of its answers is kept by it
    int (*open)(const struct sl_engine_options *options, struct sl_engine **ret,
                struct sl_err *err);
    void (*close)(struct sl_engine *engine);
    // Takes one part of so many of the memory and threads that it was opened with, from now on and
    // also for statements that are running. Any thread; does not wait. Fails where more memory is
    // in use, or where the engine is busy with something else.
    int (*share)(struct sl_engine *engine, int parts, struct sl_err *err);
    // How much memory one takes that is opened with so much; 0: the engine chooses.
    int64_t (*memory)(int64_t asked_bytes);
    int (*connect)(struct sl_engine *engine, struct sl_session **ret, struct sl_err *err);
    void (*disconnect)(struct sl_session *session);
    // Runs statements, separated by ';'. `affected` (may be NULL) gets the row count of the last
    // one.
    int (*exec)(struct sl_session *session, const char *sql, int64_t *affected, struct sl_err *err);
    // Runs one statement and keeps its result as text, for small results. At most max_rows (0: all)
    // rows are fetched.
    int (*query)(struct sl_session *session, const char *sql, int64_t max_rows,
                 struct sl_result **ret, struct sl_err *err);
    // Names and types of what a SELECT gives, without running it.
    int (*describe)(struct sl_session *session, const char *sql, struct sl_arena *arena,
                    struct sl_column **ret, size_t *ret_count, struct sl_err *err);
    // Until it is turned off as often as on, plans of the session are made in little time rather
    // than well: for names and types, and for a handful of rows. Describing is several times faster
    // so.
    int (*hurry)(struct sl_session *session, bool is_on, struct sl_err *err);
    // Length of a SELECT without blanks, comments and semicolons at its end, so that it can be put
    // in brackets.
    size_t (*sql_length)(const char *sql);
    // The relation over `scan` as SQL that can stand in a FROM clause: "(select ... from
    // read_parquet([...]))".
    int (*scan_sql)(struct sl_session *session, const struct sl_scan *scan, struct sl_buf *sql,
                    struct sl_err *err);
    // create or replace view schema.name over SQL, the schema made if missing, visible in this
    // session only.
    int (*create_view)(struct sl_session *session, const char *schema, const char *name,
                       const char *sql, struct sl_err *err);
    // Writes what `sql` gives as Parquet files. They are on disk but not synced. `ret` lives in the
    // arena.
    int (*stage)(struct sl_session *session, const char *sql,
                 const struct sl_stage_options *options, struct sl_arena *arena,
                 struct sl_staged *ret, struct sl_err *err);
    // Makes an extension's functions usable ("sqlite_scanner"); SL_E_ENGINE_EXTENSION if it is not
    // installed. Never downloads.
    int (*extend)(struct sl_session *session, const char *name, struct sl_err *err);
    // Attaches a database file ("duckdb", "sqlite"; made if missing) as the catalogue `name`, which
    // all sessions see. Waits while the engine still holds the file from an attachment before
    // (whatever touched its catalogue keeps it until its own transaction ends), or another process
    // has it open. SL_E_LOCKED if that takes too long. Detach when no transaction of the session
    // uses it.
    int (*attach)(struct sl_session *session, const char *path, const char *type, const char *name,
                  struct sl_err *err);
    int (*detach)(struct sl_session *session, const char *name, struct sl_err *err);
    // Whether an attached catalogue has this table (or view). Asks that catalogue only: the
    // engine's views over all tables open a transaction in every attached database, and so would
    // keep the files of others.
    int (*has_table)(struct sl_session *session, const char *catalogue, const char *name, bool *ret,
                     struct sl_err *err);
    // From any thread: the running statement ends with SL_E_INTERRUPTED.
    void (*interrupt)(struct sl_session *session);
    // From any thread: share done of the running statement, 0..1, or -1 unknown, and rows processed
    // so far.
    double (*progress)(struct sl_session *session, uint64_t *ret_rows);
    // The engine's syntax tree of each of `count` SQL texts, as JSON texts in the arena (for DuckDB
    // json_serialize_sql, with an "error" member where one does not parse).
    int (*parse)(struct sl_session *session, const char *const *sql, size_t count,
                 struct sl_arena *arena, const char **ret_json, struct sl_err *err);
};

// Opened lazily by whoever needs it: the library is loaded on the first call. Thread-safe.
struct sl_engine {
    const struct sl_engine_kind *kind;
};
struct sl_session {
    const struct sl_engine_kind *kind;
    struct sl_engine *engine;
};

void sl_engine_close(struct sl_engine **engine);    // for SL_AUTO
void sl_session_close(struct sl_session **session); // for SL_AUTO

// Results: text cells, NULL for SQL null.
int64_t sl_result_rows(const struct sl_result *result);
size_t sl_result_columns(const struct sl_result *result);
const char *sl_result_name(const struct sl_result *result, size_t column);
const char *sl_result_type(const struct sl_result *result, size_t column);
const char *sl_result_text(const struct sl_result *result, int64_t row, size_t column);
int64_t sl_result_int(const struct sl_result *result, int64_t row,
                      size_t column);           // 0 for null or no number
void sl_result_free(struct sl_result **result); // for SL_AUTO

#endif
