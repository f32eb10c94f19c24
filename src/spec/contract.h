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
    SL_TYPE_JSON, // object or array, as text that is valid JSON
};
struct sl_type {
    enum sl_type_kind kind;
    int bits;
    int precision, scale;
};

enum sl_rule_severity { SL_RULE_REJECT, SL_RULE_WARN };

// One row rule. `kind` names the check: required, type, enum, range, length, pattern, format,
// expression, unique.
struct sl_rule {
    const char *kind;
    const char *column;  // NULL for a rule over the row
    const char *id;      // stable: "amount.range", or the user's own name
    const char *message; // for people; NULL: made from the rule
    enum sl_rule_severity severity;
    struct sl_place place;
    struct sl_strs values; // enum
    const char *min, *max; // range, length; as text, NULL: open
    bool is_min_exclusive, is_max_exclusive;
    const char *text; // pattern, format's name, expression
};

struct sl_contract_column {
    const char *name;        // of the clean column
    const char *source_name; // of the raw column (physicalName), default name
    const char *description;
    struct sl_type type;
    struct sl_place place;
    bool is_required;
    int key_position;       // 1-based in the primary key, 0: not in it
    struct sl_strs formats; // declared input formats (strptime), tried in order; empty: ISO
    const struct sl_yaml *formats_node; // where they stand: a list, or one text
    const char *otherwise;              // default for null or empty, as text; NULL: none
    struct sl_strs null_values;         // texts that mean null; default: ""
    bool is_trimmed; // default true: blanks around are cut before parsing (text columns: false)
    const char *classification; // "restricted", ...
    struct sl_rule *rules;
    size_t rule_count;
};

enum sl_extra_columns { SL_EXTRA_DROP, SL_EXTRA_KEEP, SL_EXTRA_FAIL };

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
    const char *digest; // fingerprint of all that decides what clean and quarantine hold
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

extern const struct sl_opt sl_contract_rows[]; // for JSON Schema and docs
SL_MUST int sl_contract_read(const struct sl_yaml *node, const char *file,
                             struct sl_project *project, struct sl_contract **ret,
                             struct sl_err *err);
// The place of a text in a list, or of the one text that stands for a list.
struct sl_place sl_contract_text_place(const struct sl_yaml *node, size_t index);
// "DECIMAL(12,2)": the engine's name of a type.
const char *sl_type_name(struct sl_type type, char buffer[32]);

#endif
