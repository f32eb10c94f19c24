// Data contracts in the Open Data Contract Standard (ODCS v3), as read. Unknown parts are kept in
// `rest` and reported.
#ifndef SL_SPEC_CONTRACT_H
#define SL_SPEC_CONTRACT_H

#include "spec/project.h"

// A type that a clean column can have.
enum sl_type_kind {
    SL_TYPE_TEXT,
    SL_TYPE_INTEGER, // bits 8, 16, 32, 64
    SL_TYPE_DECIMAL, // precision, scale
    SL_TYPE_DOUBLE,
    SL_TYPE_BOOLEAN,
    SL_TYPE_DATE,
    SL_TYPE_TIMESTAMP,     // with zone: UTC instant
    SL_TYPE_TIMESTAMP_NTZ, // without zone
    SL_TYPE_TIME,
    SL_TYPE_JSON,   // object or array, as text that is valid JSON
    SL_TYPE_OBJECT, // with fields
    SL_TYPE_ARRAY,  // its one field is the item
};
struct sl_type {
    enum sl_type_kind kind;
    int bits;
    int precision, scale;
};

enum sl_rule_severity {
    SL_RULE_REJECT, // a row that breaks the rule goes to quarantine
    SL_RULE_WARN,   // it comes into clean and is counted
    SL_RULE_FAIL,   // it stops the step before anything is published
    SL_RULE_VALUE,  // it comes into clean without the value, which goes to quarantine
    SL_RULE_HOLD,   // rejected, and judged again by itself when another table has changed
};
const char *sl_rule_severity_name(enum sl_rule_severity severity); // "reject"

// The dimensions of quality that the standard knows.
enum sl_rule_dimension {
    SL_RULE_DIMENSION_NONE, // not said: that of the rule's kind
    SL_RULE_DIMENSION_ACCURACY,
    SL_RULE_DIMENSION_COMPLETENESS,
    SL_RULE_DIMENSION_CONFORMITY,
    SL_RULE_DIMENSION_CONSISTENCY,
    SL_RULE_DIMENSION_COVERAGE,
    SL_RULE_DIMENSION_TIMELINESS,
    SL_RULE_DIMENSION_UNIQUENESS,
};
const char *sl_rule_dimension_name(enum sl_rule_dimension dimension); // "accuracy"; "" for none

// One row rule.
struct sl_rule {
    const char *kind;    // one of sl_rule_forms
    const char *column;  // at which it stands; NULL for a rule of the table
    const char *id;      // stable: "amount.range", or the user's own name
    const char *message; // for people; NULL: made from the rule
    enum sl_rule_severity severity;
    enum sl_rule_dimension dimension;
    struct sl_place place;
    const struct sl_yaml *node; // the map of its options; NULL: it has none
    // Which of these are used says the kind's form.
    struct sl_strs values; // enum, prefix, ...
    const char *min, *max; // range, length, ...; as text, NULL: open
    bool is_min_exclusive, is_max_exclusive;
    const char *text;       // pattern, format's name, expression, condition
    struct sl_strs columns; // of rules over several: the one that it is about comes first
    const char *operation;  // compare: "<="
    const char *tolerance;  // a number as text; NULL: 0
    // foreign_key: `columns` of this table, and those of the parent that must have a row with the
    // same values. The parent is as written ("customers") until the project has found the table
    // ("clean.customers").
    struct sl_strs to;
    const char *parent;
    // Of rules of any kind:
    const char *where;  // SQL over the row: the rule holds only where it is true; NULL: everywhere
    const char *mostly; // "0.95": such a share of the rows must hold, and those that break the rule
                        // only warn; NULL: all of them
};

// Levels of objects and arrays in each other.
#define SL_NESTED_DEEPEST 100
// Of them arrays: each doubles what the engine takes to bind an expression.
#define SL_ARRAYS_DEEPEST 12
// How a kind of rule is written.
enum { SL_RULE_AT_COLUMN = 1, SL_RULE_AT_TABLE = 2 };
#define SL_RULE_OPTIONS 6
struct sl_rule_form {
    const char *name;
    unsigned stands; // where; 0: it has words of its own in the standard and no options
    enum sl_rule_dimension dimension;
    unsigned types;        // of the column: 1 << sl_type_kind, ...; 0: any
    const char *type_name; // "numbers"; NULL with any
    const char *required[SL_RULE_OPTIONS], *optional[SL_RULE_OPTIONS]; // up to the first NULL
    bool has_subject; // columns begin with the column it is about: its own, or `column`
    bool has_sql;     // its text is SQL over the row
};
extern const struct sl_rule_form sl_rule_forms[]; // ends with a NULL name
extern const char *const sl_format_names[];       // of the kind `format`; ends with NULL
// NULL if there is no such kind.
const struct sl_rule_form *sl_rule_form_find(const char *kind);
extern const struct sl_opt sl_rule_rows[]; // the options of all kinds; into struct sl_rule_options
// Those that a kind takes, and those that every kind takes.
SL_MUST int sl_rule_form_rows(const struct sl_rule_form *form, struct sl_arena *arena,
                              const struct sl_opt **ret, struct sl_err *err);

// How personal values of a column are kept in clean and quarantine: never as they were received.
// Rules judge them before.
enum sl_personal_as {
    SL_PERSONAL_NONE,
    SL_PERSONAL_MASK,
    SL_PERSONAL_HASH,  // HMAC-SHA-256 with the project's key, as 64 hexadecimal digits
    SL_PERSONAL_TOKEN, // the prefix, then the first `length` of them
    SL_PERSONAL_DROP,  // clean does not have the column
};
struct sl_personal {
    enum sl_personal_as as;
    int64_t keep_first, keep_last; // mask: characters
    bool keep_domain;              // mask: of an email address
    const char *character;         // mask: what stands for each of the others
    int64_t length;                // token: 8 to 64
    const char *prefix;            // token
    bool is_given_free;            // NONE: the contract says so
    struct sl_place place;
};
const char *sl_personal_name(enum sl_personal_as as); // "hash"
bool sl_personal_is_keyed(const struct sl_personal *personal);
// Whether a column of this classification must not be passed on without protection.
bool sl_personal_is_sensitive(const char *classification);

// Another name under which the source had a column, or has it still.
struct sl_contract_alias {
    const char *name;  // of the raw column
    const char *until; // "2026-12-31": the last day, in UTC, on which rows that are taken in are
                       // read from it; NULL: for ever
    int64_t end_us;    // the first moment after that day
    struct sl_place place;
    // Raw holds rows with values under this name that came after that day: to them the old name is
    // a column that the contract does not know. Set by who knows the rows; no part of the contract.
    bool is_over;
};
// Sets end_us; false if `until` is no date.
bool sl_contract_alias_read_until(struct sl_contract_alias *alias);

struct sl_contract_column {
    const char *name;        // of the clean column, or of a member; of an array's item: ""
    const char *path;        // the same for a column; "address.zip", "items[].qty" inside of one
    const char *source_name; // of the raw column (physicalName), default name
    const char *description;
    struct sl_type type;
    const char
        *json_shape; // of a JSON column: "array" or "object", as its logicalType says; or NULL
    struct sl_place place;
    bool is_required;
    int key_position; // 1-based in the primary key, 0: not in it
    bool is_typed; // of a copy (contract/nest.h): raw has values of this type, which have no format
    struct sl_strs formats;             // declared input formats, tried in order; empty: ISO
    const struct sl_yaml *formats_node; // where they stand: a list, or one text
    const char *otherwise;              // default for null or empty, as text; NULL: none
    struct sl_strs null_values;         // texts that mean null; default: ""
    bool is_trimmed; // default true: blanks around are cut before parsing (text columns: false)
    struct sl_contract_alias *aliases; // where the source has no value under source_name, in order
    size_t alias_count;
    const char *classification; // "restricted", ...; NULL: none of its own
    struct sl_personal personal;
    struct sl_rule *rules;
    size_t rule_count;
    struct sl_contract_column *fields; // of an object or array
    size_t field_count;
};

struct sl_contract_table { // one object of `schema`
    const char *name;
    const char *physical_name; // matches a source's name too; NULL: none
    struct sl_contract *contract;
    struct sl_place place;
    const char *description;
    struct sl_contract_column *columns;
    size_t column_count;
    struct sl_rule *rules; // over the row
    size_t rule_count;
    struct sl_yaml *checks;  // of the clean table as a whole, as api/check.h reads them; NULL: none
    struct sl_strs order_by; // deduplication: the latest by these wins ("updated_at", "seq desc";
                             // default desc)
    const struct sl_yaml *order_node; // where they stand: a list, or one text
    const char *filter; // rows for which this expression over raw text columns is true are left out
                        // and counted as filtered
    struct sl_place filter_place;
    struct sl_budget budget; // own, or the source's
    bool has_budget;
    struct sl_drift drift;       // the source's
    const char *personal_key_id; // the project's; NULL: it has none
    const char *digest;          // fingerprint of all that decides what clean and quarantine hold
};

struct sl_contract {
    const char *file;
    const struct sl_yaml *node;
    const char *api_version; // "v3.0.2"
    const char *id, *name, *version, *status, *owner, *description;
    struct sl_contract_table *tables;
    size_t table_count;
    struct sl_strs
        unread; // parts of the standard (or beyond) that are kept but not used: "servers", "price"
};

// Its own classification, or the first one of a member at any depth that is sensitive: whoever has
// the column has all that is in it.
const char *sl_personal_classification(const struct sl_contract_column *column);
// What its values are called as long as they are as they were received: a sensitive classification,
// or "personal" of a column that is protected and has none. NULL: nobody follows them.
const char *sl_personal_followed(const struct sl_contract_column *column);
extern const struct sl_opt sl_contract_rows[]; // for JSON Schema and docs
// A diagnostic for each column whose protection needs a key, if the project has none.
void sl_personal_check_key(struct sl_project *project, const struct sl_contract_table *table);
SL_MUST int sl_contract_read(const struct sl_yaml *node, const char *file,
                             struct sl_project *project, struct sl_contract **ret,
                             struct sl_err *err);
// Calls `each` with every foreign key of the table, in the order of the rules.
SL_MUST int sl_contract_each_foreign_key(const struct sl_contract_table *table,
                                         int (*each)(void *self, struct sl_rule *rule,
                                                     struct sl_err *err),
                                         void *self, struct sl_err *err);
// The place of a text in a list, or of the one text that stands for a list.
struct sl_place sl_contract_text_place(const struct sl_yaml *node, size_t index);
// "DECIMAL(12,2)": the engine's name of a type.
const char *sl_type_name(struct sl_type type, char buffer[32]);

#endif
