// The parts of the cleanse step, shared between its files.
#ifndef SL_STEP_CLEANSE_H
#define SL_STEP_CLEANSE_H

#include "contract/change.h"
#include "contract/compile.h"
#include "step/step.h"

// One table of the step: where it stands.
struct sl_cleanse_table {
    const char *name; // "clean.orders"
    const char *folder;
    struct sl_delta_head head;
    struct sl_record record;
};

// A foreign key's table.
struct sl_cleanse_parent {
    const struct sl_rule *rule;
    const char *table; // "clean.customers"
    const char *folder;
    struct sl_delta_head head;
    int64_t rows_since; // the first version with the rows that it has now
    int64_t built_from; // as clean's record says; -1: nothing of this table
    int64_t version;    // that the range is judged by
};

// A range of raw's versions that is taken in one go, and how.
struct sl_cleanse_range {
    int64_t from; // exclusive; -1: all of raw
    int64_t to;
    bool is_full;    // both tables become just what this range gives
    bool is_resumed; // quarantine has it already: the step was killed between its two commits
    // Only rows in quarantine that the changed contract or parent may accept: from and to are the
    // same.
    bool is_replay;
    bool is_rejudged;           // of a replay: a parent changed, and not the contract
    const char *cause;          // of a replay: "contract changed"
    int64_t quarantine_version; // of a replay: as it was before
    int64_t sequence;
    const char *why;
};

struct sl_cleanse {
    struct sl_step_context *context;
    const struct sl_source *source;
    const struct sl_contract_table *contract;
    const char *app_id; // "cleanse orders"
    char fingerprint[65];
    struct sl_cleanse_table raw, clean, quarantine;
    struct sl_cleanse_range range;
    struct sl_contract_change change;  // of a replay
    struct sl_cleanse_parent *parents; // one for each foreign key
    size_t parent_count;
    const char *why_all; // what the split found: all of raw must be read; NULL: nothing
    bool has_lost;       // of a replay: a parent lacks keys that it had
    // Of the range:
    struct sl_pass pass;
    const char *flag;               // the column of _aside that says what is_bad said
    const char *rows[SL_PASS_ROWS]; // SQL: the prepared relation over the raw rows of the range
    const char *received;           // SQL: the raw rows of the range
    int64_t row_count, byte_count;
    struct sl_delta_snapshot before;     // clean as it stands; no files if the range is full
    const struct sl_delta_file *touched; // files of clean that hold replaced rows
    size_t touched_count;
    int64_t kept;   // rows of those files that stay
    int64_t selves; // of a replay: rows of clean that are read again, for values were set aside
    const char **rewritten; // files of quarantine that hold replayed rows
    size_t rewritten_count;
    bool has_discarded;
    bool has_seen; // quarantine tells since when rows have been in it
    // Only what quarantine shows tells whether a row is the same.
    bool are_discarded_shown, are_seen_shown;
    int64_t still_quarantined; // rows of those files that are not read again
    int64_t held;              // of the quarantined rows: those that wait for other tables
    int64_t discarded;         // of them: those given up, which do not wait
    struct sl_balance balance;
    struct sl_reason_count *reasons;
    size_t reason_count;
    struct sl_broken broken;
    struct sl_check_result *checks;
    size_t check_count;
    struct sl_strs notes, raw_only, also_read;
    const char *changed_by; // another program, rows of clean or quarantine; NULL: none did
    bool is_checked_before; // the checks have passed over just these rows: they do not run again
    struct sl_table_versions checked_with;
    int64_t newly_rejected; // of a replay: rows that were held and only wait no longer
    int64_t raw_rows;       // of raw as of the range's end; -1: not known
    struct sl_staged staged_clean, staged_quarantine;
};

// Fills `range`; false in *ret if there is nothing to do.
SL_MUST int sl_cleanse_decide(struct sl_cleanse *cleanse, bool *ret, struct sl_err *err);
// Fills `range` with all of raw; both tables are built anew.
void sl_cleanse_take_all(struct sl_cleanse *cleanse, const char *why);
// Runs the contract's checks over clean as it would be; SL_E_CHECK_FAILED if one fails that does
// not only warn. Fills `checks` in any case.
SL_MUST int sl_cleanse_audit(struct sl_cleanse *cleanse, struct sl_err *err);
int64_t sl_cleanse_clock(const struct sl_cleanse *cleanse); // that they go by
// Of a resumed range: sets why_all if what it rejects is not what quarantine has of it already.
SL_MUST int sl_cleanse_compare_resumed(struct sl_cleanse *cleanse, struct sl_err *err);
// Compiles the contract for raw as of the range's end, and names the rows of the range.
SL_MUST int sl_cleanse_open(struct sl_cleanse *cleanse, struct sl_err *err);

// cleanse_few.c: asks the engine about the contract, unless it has (context->accepted).
SL_MUST int sl_cleanse_verify(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                              struct sl_err *err);
// The first mistake of a contract, if there is one.
SL_MUST int sl_cleanse_first_error(const struct sl_diags *diags, struct sl_err *err);
// Where it pays, writes the prepared rows of the range to _few, which takes the place of the two
// forms that read raw: their rows and clean columns are the same.
SL_MUST int sl_cleanse_write_few(struct sl_cleanse *cleanse, struct sl_err *err);

// Old names of columns (cleanse_aliases.c, with aliases.h).
// *ret_why: the range brings a column that clean has not had, though raw has.
SL_MUST int sl_cleanse_look_at_columns(struct sl_cleanse *cleanse, const char **ret_why,
                                       struct sl_err *err);

// Replays (cleanse_replay.c): after a change of the contract that leaves accepted rows as they are,
// only rows in quarantine are read again, from raw. Fills `range` and `change`, or *ret_why with
// why all rows must be read.
SL_MUST int sl_cleanse_decide_replay(struct sl_cleanse *cleanse, const char **ret_why,
                                     struct sl_err *err);
// Makes these temporary tables:
//     _again     origin (_source, _position) of the rows of quarantine that are read again
//     _received  those rows as raw has them
// *ret_why is NULL, or why all rows must be read after all. `raw_sql`: a relation for FROM.
SL_MUST int sl_cleanse_open_replay(struct sl_cleanse *cleanse, const char *raw_sql,
                                   const char **ret_why, struct sl_err *err);
// " union all select ...": what stays of the files of quarantine that are written anew.
SL_MUST int sl_cleanse_add_still_quarantined(struct sl_cleanse *cleanse, struct sl_buf *sql,
                                             struct sl_err *err);
// Rows that were held, and that a replay rejects for good. Sets newly_rejected.
SL_MUST int sl_cleanse_count_newly_rejected(struct sl_cleanse *cleanse, struct sl_err *err);
// Before quarantine is written anew (cleanse_discards.c). _discarded: its rows that were given up.
// _seen: since when its rows have been in it. Sets has_discarded and has_seen. `raw`: as of the
// range's end.
SL_MUST int sl_cleanse_recall(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                              struct sl_err *err);
// _renamed: which names files have in rows of raw as of version `to` that had others as of `from`
// (cleanse_renamed.c). There is no such table if there are none.
SL_MUST int sl_cleanse_find_renamed(struct sl_cleanse *cleanse, int64_t from, int64_t to,
                                    bool *ret_is_any, struct sl_err *err);
// _moved: files whose rows have another `_source` in raw as of `now` than they had as of `then`,
// each once.
SL_MUST int sl_cleanse_find_moved(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *then,
                                  const struct sl_delta_snapshot *now, struct sl_err *err);
// " left join _seen f": of the rows s of a range; nothing without has_seen.
void sl_cleanse_add_seen(const struct sl_cleanse *cleanse, struct sl_buf *sql);
// Keeps the contract for the next comparison.
SL_MUST int sl_cleanse_keep_contract(struct sl_cleanse *cleanse, struct sl_err *err);

// _self: the rows of clean that a replay reads again (_source, _position, ~file); they leave clean,
// and come back as they are now. Sets `selves`.
SL_MUST int sl_cleanse_find_selves(struct sl_cleanse *cleanse, struct sl_err *err);
// Sets why_all if one of them is rejected now and leaves its key to a row that had lost it.
SL_MUST int sl_cleanse_look_at_selves(struct sl_cleanse *cleanse, struct sl_err *err);

// Rules that follow the clock may judge rows otherwise that nothing else has changed for: *ret says
// why, and is NULL if there are none.
SL_MUST int sl_cleanse_find_volatile(const struct sl_cleanse *cleanse, const char **ret,
                                     struct sl_err *err);

// Foreign keys (cleanse_parents.c). Where each parent stands; SL_E_TABLE_MISSING if one was never
// built.
SL_MUST int sl_cleanse_read_parents(struct sl_cleanse *cleanse, struct sl_err *err);
// The versions that a range is judged by: the newest; those that a record names (false if it names
// others); or those that clean was built from, *ret_why saying why that cannot be.
void sl_cleanse_pin_newest(struct sl_cleanse *cleanse);
bool sl_cleanse_pin_recorded(struct sl_cleanse *cleanse, const struct sl_record *record);
SL_MUST int sl_cleanse_pin_built(struct sl_cleanse *cleanse, const char **ret_why,
                                 struct sl_err *err);
// Whether a parent has changed since clean was built. Then fills `range` and `change` with what is
// judged again, or *ret_why with why that is everything.
SL_MUST int sl_cleanse_decide_rejudging(struct sl_cleanse *cleanse, bool *ret, const char **ret_why,
                                        struct sl_err *err);
// The same with the versions that are pinned already.
SL_MUST int sl_cleanse_begin_rejudging(struct sl_cleanse *cleanse, struct sl_err *err);
// Makes the relations that the pass's foreign keys look at. *ret_why: a version is gone.
SL_MUST int sl_cleanse_open_parents(struct sl_cleanse *cleanse, const char **ret_why,
                                    struct sl_err *err);
// Whether a changed parent lacks keys that it had.
SL_MUST int sl_cleanse_has_lost_parents(struct sl_cleanse *cleanse, bool *ret, struct sl_err *err);
// Raw's version and the parents', for the record.
SL_MUST int sl_cleanse_add_inputs(const struct sl_cleanse *cleanse, struct sl_record *record,
                                  struct sl_err *err);

// A column of a key, as the foreign key's column looks for it.
struct sl_key_column {
    const char *expression, *type;
    const char *wanted; // type
    const char *name;
};
void sl_cleanse_add_key(const struct sl_key_column *key, struct sl_buf *sql);
// A temporary table of the keys that a table has.
SL_MUST int sl_cleanse_create_keys(struct sl_cleanse *cleanse, const struct sl_pass_parent *key,
                                   const struct sl_delta_snapshot *snapshot, const char *relation,
                                   struct sl_err *err);

// Foreign keys to the table itself (cleanse_kin.c).
bool sl_cleanse_is_kin(const struct sl_cleanse *cleanse, const struct sl_rule *rule);
// Makes their relations for the rows of the range. *ret_why: rows are concerned that are not in
// it. Of a replay, without what it reads again.
SL_MUST int sl_cleanse_open_kin(struct sl_cleanse *cleanse, const struct sl_delta_snapshot *raw,
                                const char *rows, const char **ret_why, struct sl_err *err);
// Makes them with the keys of these rows of a replay, too.
SL_MUST int sl_cleanse_judge_kin(struct sl_cleanse *cleanse, const char *rows, struct sl_err *err);

// Uniqueness (cleanse_unique.c). *ret_why: the range cannot be judged without all other rows.
SL_MUST int sl_cleanse_look_at_uniques(struct sl_cleanse *cleanse, const char **ret_why,
                                       struct sl_err *err);
// Makes these temporary tables, with "0", "1", ... for each such rule:
//     _taken0  values that more than one row has, or one and clean
//     _late0   rows behind the first with their value
//     _late    origin of the rows that are rejected for that, with their reasons
// Sets why_all if a row of clean is among them.
SL_MUST int sl_cleanse_find_taken(struct sl_cleanse *cleanse, struct sl_err *err);
SL_MUST int sl_cleanse_find_late(struct sl_cleanse *cleanse, struct sl_err *err);
SL_MUST int sl_cleanse_count_late(struct sl_cleanse *cleanse, size_t index, int64_t *ret,
                                  struct sl_err *err);
// "email" in (select v from _taken0) or ...: of rows of the prepared relation, or of clean.
void sl_cleanse_add_taken(const struct sl_pass *pass, bool is_prepared, struct sl_buf *sql);
// The range becomes all of raw.
void sl_cleanse_take_all(struct sl_cleanse *cleanse, const char *why);

// Splits the range's rows with these temporary tables, all of them narrow or few:
//     _aside  raw rows that are bad or filtered, and those that share their key with another row
//     _side   the same, prepared for reasons and payload
//     _rank   rows that share their key, new and old, numbered from the winner
//     _drop   origin (~file, ~row) of the new rows that do not come into clean
//     _gone   keys of the rows that leave clean
//     _bad    the rows of quarantine
// Fills the balance but for `out`, the reasons, and the touched files.
SL_MUST int sl_cleanse_split(struct sl_cleanse *cleanse, struct sl_err *err);
// Fails if a row broke what the source's drift policy does not let pass.
SL_MUST int sl_cleanse_refuse_drift(struct sl_cleanse *cleanse, struct sl_err *err);
// Fails if a file that clean has not taken yet lacks a column, under missing_columns: fail.
SL_MUST int sl_cleanse_refuse_missing(struct sl_cleanse *cleanse,
                                      const struct sl_delta_snapshot *raw, struct sl_err *err);
// The version of raw that a record was made from; -1: none, or another table.
int64_t sl_cleanse_raw_input(const struct sl_cleanse *cleanse, const struct sl_record *record);
// SELECT of what is to be staged for clean: the new rows that stay, and what stays of the touched
// files.
SL_MUST int sl_cleanse_clean_sql(struct sl_cleanse *cleanse, struct sl_buf *sql,
                                 struct sl_err *err);
// Competition of rows that share their key, within the range and with clean as it stands
// (cleanse_merge.c).
SL_MUST int sl_cleanse_find_old(struct sl_cleanse *cleanse, struct sl_err *err);
SL_MUST int sl_cleanse_rank(struct sl_cleanse *cleanse, bool is_side_complete, struct sl_err *err);
SL_MUST int sl_cleanse_find_touched(struct sl_cleanse *cleanse, struct sl_err *err);
// The reasons (cleanse_rules.c). SL_E_RULE_BROKEN if a row breaks a rule that stops the step, or
// too many rows break one that most must keep.
SL_MUST int sl_cleanse_count_reasons(struct sl_cleanse *cleanse, struct sl_err *err);
// Rows by dimension (cleanse_broken.c): those of _bad; then, of the rows that come into clean,
// those that only warnings tell of: a column of the SELECT that counts them for each dimension.
SL_MUST int sl_cleanse_count_broken(struct sl_cleanse *cleanse, struct sl_err *err);
void sl_cleanse_add_warned(const struct sl_cleanse *cleanse, struct sl_buf *sql);
void sl_cleanse_add_broken(struct sl_cleanse *cleanse, const char *rule, int64_t rows);
// What the table is made of with the range; not known where the commit before does not say it.
SL_MUST int sl_cleanse_standing(struct sl_cleanse *cleanse, struct sl_standing *ret,
                                struct sl_err *err);
// The rows of quarantine that were given up, with the range.
SL_MUST int sl_cleanse_given_up(struct sl_cleanse *cleanse, struct sl_standing *ret,
                                struct sl_err *err);
// " from <rows> where ...": the new rows that come into clean.
void sl_cleanse_add_rows_that_stay(const struct sl_cleanse *cleanse, enum sl_pass_rows rows,
                                   struct sl_buf *sql);
// " union all select ...": what stays of the touched files.
SL_MUST int sl_cleanse_add_kept(struct sl_cleanse *cleanse, struct sl_buf *sql, struct sl_err *err);
// ("a", "b") in (select ("a", "b") from table)
void sl_cleanse_key_in(const struct sl_pass *pass, const char *relation, const char *table,
                       struct sl_buf *sql);
// The same for rows of the prepared relation.
void sl_cleanse_row_key_in(const struct sl_pass *pass, const char *relation, const char *table,
                           struct sl_buf *sql);
// "a", "~z1" as "b": columns of clean, from the prepared relation.
void sl_cleanse_add_kept_as(const struct sl_pass *pass, const char *name, struct sl_buf *sql);
void sl_cleanse_kept_key(const struct sl_pass *pass, struct sl_buf *sql);
// "a" is not null and "b" is not null
void sl_cleanse_names_and(const struct sl_strs *names, const char *claim, struct sl_buf *sql);
// "a", "b"
void sl_cleanse_names(const char *prefix, const char *const *names, size_t count,
                      struct sl_buf *sql);
SL_MUST int sl_cleanse_query(struct sl_cleanse *cleanse, const struct sl_buf *sql,
                             struct sl_result **ret, struct sl_err *err);
// Whether a statement of this length over the range's rows is worth no good plan.
bool sl_cleanse_is_hurried(const struct sl_cleanse *cleanse, size_t sql_length);
SL_MUST int sl_cleanse_exec(struct sl_cleanse *cleanse, const struct sl_buf *sql,
                            struct sl_err *err);

#endif
