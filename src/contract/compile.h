// Contract compiler: a contract table -> the SQL of one vectorised pass over raw rows. Text in,
// text out: of the engine only the parser is asked.
//
// Raw rows are a relation with the source's columns (text as text, typed as typed) and _source
// (text), _position (bigint, 1-based record in the file), _ingested_at, _corrupt (blob: the bytes
// of a record that could not be split; then every other column of the source is null). The pass
// gives each raw row to exactly one of: clean, quarantine, deduplicated, filtered.
//
// What a value is read as (docs/values.md): the column's type must hold it
// exactly. 3.0 is the integer 3, 3.7 is none; 1.500 is a decimal(12,2), 1.005 is none. Nothing is
// rounded, cut or moved to another day on the way.
#ifndef SL_CONTRACT_COMPILE_H
#define SL_CONTRACT_COMPILE_H

#include "api/engine.h"
#include "spec/contract.h"

// The prepared relation comes in three forms, whose rows and clean columns are the same.
enum sl_pass_rows {
    SL_PASS_ALL, // for few rows: with all that reasons, payload and warnings need
    // With the clean columns and the flag (is_bad), at a fraction of the cost.
    SL_PASS_FLAGGED,
    // For rows that are known to be good: clean columns only, without the doubts that only a bad
    // row could raise, at half the cost again. Over other rows the values are undefined (but an
    // unbroken rule's columns keep their value).
    SL_PASS_GOOD,
    SL_PASS_ROWS // count
};

// One rule of the pass, in the order of its reasons.
struct sl_pass_rule {
    const char *name;    // "amount.range", or the user's own name: `rule` of a reason
    const char *column;  // NULL for a rule over the row
    const char *broken;  // boolean over SL_PASS_ALL; null counts as not broken
    const char *flagged; // the same over SL_PASS_FLAGGED
    // Its part of the flag of SL_PASS_FLAGGED; NULL: the other parts flag whatever breaks it.
    const char *flag;
    const char *message; // VARCHAR: for people, with the offending text as received
    // Does not make a row bad: severity warn, or a share of the rows may break it (`mostly`).
    bool is_warning;
    bool is_stop; // one bad row of it stops the step
    bool is_held; // of those that reject
    // Does not make a row bad either: clean has null in place of the value (contract/aside.h).
    bool is_value;
    const char *test, *test_flagged; // of one over a column of the contract: what broken was
    const char *unguarded; // what either was before a column that failed its type let it pass
                           // (contract/guard.h); NULL: the same
    const char *kind;
    const struct sl_rule
        *rule; // as declared; NULL for those that every column has (type, required by the key)
};

// A foreign key of the pass: the relation must be there when its SQL runs, with the parent's
// columns of the key under their names, none of them null, each row once.
struct sl_pass_parent {
    const struct sl_rule *rule;
    const char *relation; // "_parent0"
    const char *orphan;   // boolean over the clean columns: the row's parent is missing
    const char **types;   // of the columns of this table, as the engine names them
};

// A column without the same value twice, or several without the same values. No rule over a row:
// the step judges it over all.
struct sl_pass_unique {
    const struct sl_rule *rule;
    const char *column;     // at which the rule stands; NULL: it is over several
    struct sl_strs columns; // never empty
    bool is_warning;
};

// "updated_at", "seq desc", "seq asc": how long the column's name is; descending unless it says
// asc.
size_t sl_order_name_length(const char *entry, bool *ret_is_desc);

struct sl_pass {
    struct sl_column
        *columns; // of the clean table: the contract's, then _source VARCHAR, _position BIGINT
    size_t column_count;
    // Of the contract's columns those that clean has otherwise or not at all: as rules see them.
    struct sl_column *judged;
    size_t judged_count;
    const char *const *key; // primary key columns, in order
    size_t key_count;
    // Pieces of the prepared relation, put together by sl_pass_relation. Its columns are the clean
    // table's, under their names, and helpers, whose names begin with "~".
    const char *heads[SL_PASS_ROWS];
    const char *select, *tail;
    // Expressions over the prepared relation.
    const char **typed; // per clean column: what is kept; null where it cannot be parsed
    const char *is_bad; // boolean, never null: at least one rule of severity reject broken, or the
                        // line is corrupt
    const char *is_aside; // boolean, never null: values of the row are set aside
    const char *flag;     // both of them, as one value
    const char *reasons;  // STRUCT(rule VARCHAR, "column" VARCHAR, message VARCHAR)[]: every broken
                          // rule of severity reject, and those that set a value aside
    const char *set_aside; // VARCHAR[]: the columns of such values
    const char *warnings;  // the same for severity warn; NULL if no rule warns
    const char *waits_for; // VARCHAR: of a row that only rules of severity hold reject, the tables
                           // that it waits for; else null
    const char *filter;    // boolean, never null; NULL if nothing is filtered
    const char
        *payload; // VARCHAR: JSON object of the raw columns as received; null for a corrupt line
    const char *corrupt;  // BLOB: the bytes of a corrupt line
    const char *received; // select items that give the raw row back, for any of the relations
    struct sl_pass_rule *rules;
    size_t rule_count;
    size_t warning_count; // of the rules
    struct sl_pass_parent *parents;
    size_t parent_count;
    struct sl_pass_unique *uniques;
    size_t unique_count;
    // "a.updated_at desc nulls last, a._source desc, a._position desc" with the alias left to the
    // caller.
    const char *const *order_columns; // names of clean columns, _source and _position last
    const bool *order_is_desc;
    size_t order_count;
};

// The columns of every quarantine table: payload VARCHAR, reasons STRUCT(...)[], at TIMESTAMP WITH
// TIME ZONE, run_id VARCHAR, _source VARCHAR, _position BIGINT, corrupt BLOB, of rows that someone
// has given up discarded_at TIMESTAMP WITH TIME ZONE, discarded_by and discard_reason VARCHAR, and
// of rows that are held waits_for VARCHAR: the tables they wait for. Where set_aside VARCHAR[] is
// not null the row is none that was rejected: it was published without these columns' values.
extern const struct sl_column sl_quarantine_columns[];
extern const size_t sl_quarantine_column_count;

// `raw` are the columns that the raw table has now; a contract column without its raw column is
// null everywhere, which is a reject where it is required, and a diagnostic (warning) in any case.
// Rules that cannot be compiled are diagnostics with their place. Columns of the source are found
// by their name, else by their name in another case. `session` parses the SQL of rules.
SL_MUST int sl_contract_compile(const struct sl_contract_table *table, const struct sl_column *raw,
                                size_t raw_count, struct sl_session *session,
                                struct sl_arena *arena, struct sl_diags *diags, struct sl_pass *ret,
                                struct sl_err *err);
// The clean table's columns without any raw table at hand: for `check`.
SL_MUST int sl_contract_columns(const struct sl_contract_table *table, struct sl_arena *arena,
                                struct sl_column **ret, size_t *ret_count, struct sl_err *err);

// Of columns with other names, "customer_id also read as cust until 2026-12-31": for each name of
// which raw has the column; for all of them if `raw` is NULL.
SL_MUST int sl_alias_notes(const struct sl_contract_table *table, const struct sl_column *raw,
                           size_t raw_count, struct sl_arena *arena, struct sl_strs *ret,
                           struct sl_err *err);

// Whether values of the two types of tables can be compared: both numbers, or of the same type.
bool sl_types_compare(const char *a, const char *b);

// The rules that a column has without being asked: its type, and a value if it is required or in
// the key. Where the contract declares one of them as well, its severity and message hold, but a
// key is never let through without a value.
SL_MUST int sl_contract_own_rule(const struct sl_contract_column *column, const char *kind,
                                 struct sl_arena *arena, struct sl_rule **ret,
                                 bool *ret_is_declared, struct sl_err *err);
// "amount", or of a nested value "items[].qty".
const char *sl_contract_path(const struct sl_contract_column *column);
bool sl_contract_is_own_rule(const struct sl_rule *rule);
bool sl_contract_is_required(const struct sl_contract_column *column);

// The expression over the prepared relation that gives what clean keeps of a column: its name, or
// where the contract protects it, its protected value.
void sl_pass_kept(const struct sl_pass *pass, const char *column, struct sl_buf *sql);

// Writes the prepared relation over `raw_sql`, a relation for FROM. `keep` (may be NULL) names
// further columns of it to pass on, each as `expression as "~name"`, every one followed by a comma.
void sl_pass_relation(const struct sl_pass *pass, enum sl_pass_rows rows, const char *raw_sql,
                      const char *keep, struct sl_buf *sql);

// The columns that raw will have at least: what the contract reads, as texts, and those of a file
// of the source (NULL: none is known), as they are stored.
SL_MUST int sl_contract_foresee_raw(const struct sl_contract_table *table,
                                    const struct sl_column *file, size_t file_count,
                                    struct sl_arena *arena, struct sl_column **ret,
                                    size_t *ret_count, struct sl_err *err);
// The other side of a foreign key.
struct sl_contract_reference {
    const struct sl_contract_table *child, *parent; // parent NULL: it has no contract
    const char *parent_name;                        // "clean.customers", for messages
    const struct sl_column *columns;                // of the parent, as they are stored
    size_t column_count;
};
// Whether the key's column of this number leads to one that there is, and that can be compared.
SL_MUST int sl_contract_check_reference(const struct sl_contract_reference *reference,
                                        const struct sl_rule *rule, size_t index,
                                        struct sl_diags *diags, struct sl_err *err);
// Compiles a contract and asks the engine about it (sl_contract_verify); what `diags` has at the
// same place already is not told again.
SL_MUST int sl_contract_check(const struct sl_contract_table *table, const struct sl_column *raw,
                              size_t raw_count, struct sl_session *session, struct sl_arena *arena,
                              struct sl_diags *diags, struct sl_err *err);

// What only the engine can tell: asks it about every rule's SQL, pattern and literal, about the
// filter and the formats of columns. Each that it refuses becomes a diagnostic with its place.
// `raw` as in sl_contract_compile; reads no rows.
SL_MUST int sl_contract_verify(const struct sl_contract_table *table, const struct sl_column *raw,
                               size_t raw_count, const struct sl_pass *pass,
                               struct sl_session *session, struct sl_diags *diags,
                               struct sl_err *err);

// The statements that give a session the key of hashes and tokens. Never to be logged.
SL_MUST int sl_personal_key_sql(const char *key, struct sl_buf *sql, struct sl_err *err);

#endif
