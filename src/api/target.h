// Target: a place outside the lake where tables are delivered. One delivery is done as a whole or
// not at all, and a delivery that was done is recognised (by step and version, kept at the target
// itself), so that doing it again changes nothing.
#ifndef SL_API_TARGET_H
#define SL_API_TARGET_H

#include "api/engine.h"

enum sl_load_mode {
    SL_LOAD_REPLACE,    // the target's table becomes exactly `rows`
    SL_LOAD_APPEND,     // `rows` are added
    SL_LOAD_PARTITIONS, // the partitions in `partitions` become exactly `rows`
    SL_LOAD_MERGE,      // rows with a key in `rows` are replaced or added; rows with a key in
                        // `deleted_keys` vanish
};
struct sl_load {
    enum sl_load_mode mode;
    const char *table;    // "curated.daily_revenue"
    const char *to;       // name at the target
    int64_t from_version; // of the lake's table, what the target must stand at for any mode but
                          // REPLACE; -1: empty
    int64_t to_version;
    const char *fingerprint; // of the delivery's settings; a target loaded with others is replaced
    const char *table_id;    // identity of the lake's table, and of who delivers it
    const char *from_table_id; // the same, as the target had it when the delivery was planned: who
                               // delivered before may have been another environment of this lake
    const struct sl_column *columns;
    size_t column_count;
    int64_t expected_rows; // of rows_sql, known from the table's log; -1: unknown. Other than this:
                           // SL_E_BALANCE, nothing kept
    const char *rows_sql;  // SELECT of the rows to write, in the session's catalogue
    const char *deleted_keys_sql; // MERGE: SELECT of the key columns; may be NULL
    const char *partitions_sql;   // PARTITIONS: SELECT DISTINCT of the partition columns to replace
    const char *const *key;
    size_t key_count;
    const char *const *partition_by;
    size_t partition_count;
};
struct sl_target_options { // from targets/NAME.yml; what a kind does not need is NULL
    const char *name, *path, *dsn, *schema;
};
// How far a delivery has come, as kept at the target.
struct sl_target_position {
    int64_t version; // -1: never loaded, or what was loaded is there no more
    const char *fingerprint;
    const char *table_id;
    const char *lost; // version -1: "out.csv of it is gone", where the target can tell; NULL: it
                      // can not, or nothing was loaded
};
struct sl_loaded {
    int64_t rows;     // written
    int64_t replaced; // rows that stood there and gave way; -1: the target does not tell
};
struct sl_target_kind {
    const char *name;    // "parquet"
    const char *summary; // one sentence for docs
    bool needs_session_for_position;
    bool (*can)(enum sl_load_mode
                    mode); // a mode it cannot do is done as REPLACE, which gives the same rows
    // SL_E_TARGET_... with fate RETRY when the target cannot be reached.
    int (*open)(const struct sl_target_options *options, struct sl_session *session,
                struct sl_arena *arena, void **ret_self, struct sl_err *err);
    int (*position)(void *self, const char *table, const char *to, struct sl_target_position *ret,
                    struct sl_err *err);
    // Returns after everything is durable at the target, together with the position.
    int (*load)(void *self, const struct sl_load *load, struct sl_loaded *ret, struct sl_err *err);
    // What a table holds now, as something to stand in FROM as long as the target is open; it may
    // be read more than once. Rows that the engine cannot reach are fetched into the temporary
    // table `temp`. SL_E_TABLE_MISSING if there is no such table. NULL: this kind cannot be read
    // back.
    int (*read)(void *self, const char *to, const char *temp, const char **ret_sql,
                struct sl_err *err);
    // How many rows a table holds now. SL_E_TABLE_MISSING if there is no such table. NULL: what
    // read() gives is counted.
    int (*count)(void *self, const char *to, int64_t *ret, struct sl_err *err);
    void (*close)(void *self); // NULL is fine
};

// A list, struct, map or union.
bool sl_type_is_nested(const char *type);
// An integer, a decimal or a floating number.
bool sl_type_is_number(const char *type);
// True if a value of the type may hold NaN or an infinity.
bool sl_type_has_floats(const char *type);
// The column's value as JSON (the engine's type JSON): NaN, Infinity and -Infinity, for which JSON
// has no number, as texts of these names, as Spark writes them.
void sl_target_add_json(const struct sl_column *column, struct sl_buf *sql);
// "a", "b" of `columns`; of `names`.
void sl_target_add_columns(const struct sl_column *columns, size_t count, struct sl_buf *sql);
void sl_target_add_names(const char *const *names, size_t count, struct sl_buf *sql);
// SL_E_TABLE_CONFLICT unless the target still stands where the delivery begins; a REPLACE begins
// anywhere. Asked inside the transaction, or under the lock, in which the rows are written.
SL_MUST int sl_target_check_begin(const struct sl_load *load, const struct sl_target_position *now,
                                  struct sl_err *err);

#endif
