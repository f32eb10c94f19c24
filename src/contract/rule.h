// Rules: one kind, one file. A kind turns a declared rule into two pieces of SQL over the prepared
// relation.
#ifndef SL_CONTRACT_RULE_H
#define SL_CONTRACT_RULE_H

#include "contract/read.h"

struct sl_rule_site {
    const struct sl_rule *rule;
    const struct sl_contract_table *table;
    const struct sl_reading *reading; // NULL for a rule of the table
    const char *parent;               // of a foreign key: the relation with the parent's keys
    struct sl_arena *arena;
    struct sl_diags *diags;
};

struct sl_rule_kind {
    const char *name;
    const char *summary;  // for docs: one sentence
    const char *example;  // YAML, as it stands in a contract
    bool is_for_rows;     // looks at the row's clean columns, not at the text of one column
    bool is_for_members;  // of an object: asked only where there is one
    bool has_own_message; // puts the user's message itself where it belongs
    // `broken`: boolean SQL, true where the row breaks the rule (null: it does not). `message`:
    // VARCHAR SQL for such a row. False if the rule cannot be compiled; then it has left a
    // diagnostic.
    bool (*compile)(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message);
};

extern const struct sl_rule_kind sl_rule_required, sl_rule_type, sl_rule_enum, sl_rule_range,
    sl_rule_length, sl_rule_pattern, sl_rule_format, sl_rule_expression, sl_rule_not_in,
    sl_rule_not_pattern, sl_rule_prefix, sl_rule_suffix, sl_rule_contains, sl_rule_case,
    sl_rule_trimmed, sl_rule_printable, sl_rule_digits, sl_rule_multiple_of, sl_rule_decimal_places,
    sl_rule_past, sl_rule_future, sl_rule_age, sl_rule_weekday, sl_rule_json_valid,
    sl_rule_json_keys, sl_rule_compare, sl_rule_required_if, sl_rule_absent_if, sl_rule_sum_of,
    sl_rule_product_of, sl_rule_one_of_columns, sl_rule_not_both, sl_rule_all_or_none,
    sl_rule_in_order, sl_rule_different, sl_rule_foreign_key, sl_rule_alias, sl_rule_item_count,
    sl_rule_unique_items, sl_rule_member_count, sl_rule_required_members;
extern const struct sl_rule_kind *const sl_rule_kinds[]; // ends with NULL
// NULL if there is no such kind.
const struct sl_rule_kind *sl_rule_kind_find(const char *name);

// A text for which the engine's function (text, value) is true of one value of the rule's list;
// `says`: what a text does otherwise. False after a diagnostic.
bool sl_rule_compile_affix(const struct sl_rule_site *site, const char *function, const char *says,
                           struct sl_buf *broken, struct sl_buf *message);
// At least and at most so many: `count` is BIGINT SQL, null where the rule says nothing. `one` and
// `many`: of what, "item".
bool sl_rule_compile_count(const struct sl_rule_site *site, const char *count, const char *one,
                           const char *many, struct sl_buf *broken, struct sl_buf *message);
// A rule over an object or array -> the same, of the JSON of which nothing else is said: what is no
// `kind` ("array") breaks it. Of others they are taken as they are.
void sl_rule_take_nested(const struct sl_rule_site *site, const char *kind,
                         const struct sl_buf *own, const struct sl_buf *says, struct sl_buf *broken,
                         struct sl_buf *message);
// Of the site's object with members: for each, VARCHAR SQL of `name` where it has (`is_present`) or
// lacks a value, else null; "[..., ...]" of all that `names` lists, NULL: of all.
void sl_rule_members(const struct sl_rule_site *site, const struct sl_strs *names, bool is_present,
                     struct sl_buf *sql);
// The regular expression that a text of the format matches as a whole; NULL if there is none.
const char *sl_format_pattern(const char *name);

// The whole rule: its kind's SQL, within `where`, and the user's message. False after a diagnostic.
bool sl_rule_compile(const struct sl_rule_kind *kind, const struct sl_rule_site *site,
                     struct sl_buf *broken, struct sl_buf *message);

// "'<value as received>' <format>", the value cut at 100 characters: "'-3' is below the minimum 0".
void sl_rule_says(const struct sl_rule_site *site, struct sl_buf *message, const char *format, ...)
    SL_PRINTF(3, 4);
// A diagnostic at the rule's place: "rule 'amount.range': ..."; returns false.
bool sl_rule_refuse(const struct sl_rule_site *site, const char *format, ...) SL_PRINTF(2, 3);
// A rule's bound or listed value as a literal of the column's type; false (and nothing said) if it
// is none.
bool sl_rule_literal(const struct sl_reading *reading, const char *text, struct sl_buf *sql);
bool sl_rule_is_number(enum sl_type_kind kind);
// A number as in YAML; false (and nothing said) if it is none.
bool sl_rule_number(const char *text, struct sl_buf *sql);
// 'a', 'b' and 2 more: the first ten of the list, for messages.
void sl_rule_list(const struct sl_strs *values, struct sl_buf *text);
// The rule's columns, ended by NULL, each found in the contract and none of them twice. NULL
// after a diagnostic.
const struct sl_contract_column *const *sl_rule_columns(const struct sl_rule_site *site);
// "name"
void sl_rule_name(const struct sl_contract_column *column, struct sl_buf *sql);
// Columns side by side: numbers, texts, booleans, times, or dates and timestamps in UTC. False
// after a diagnostic where they cannot be compared.
bool sl_rule_are_alike(const struct sl_rule_site *site,
                       const struct sl_contract_column *const *columns);
// The column's value such that it can be compared with others that are alike.
void sl_rule_value(const struct sl_contract_column *column, struct sl_buf *sql);
// VARCHAR SQL: "shipped_on '2024-05-01'", or "shipped_on (no value)".
void sl_rule_shows(const struct sl_contract_column *column, struct sl_buf *message);
// " || 'text'"
void sl_rule_adds(struct sl_buf *message, const char *format, ...) SL_PRINTF(2, 3);
// When the row was taken in, as a value that the column can be compared with: UTC.
void sl_rule_taken_in(const struct sl_rule_site *site, struct sl_buf *sql);
// INTEGER SQL: how many of the rule's columns have a value; and their names, for messages. False
// after a diagnostic, as where it has fewer than two.
bool sl_rule_count_values(const struct sl_rule_site *site, struct sl_buf *count,
                          struct sl_buf *names);
// The first column is the sum or the product of the others: doubles as near as they can be, unless
// a tolerance is given.
bool sl_rule_compile_total(const struct sl_rule_site *site, bool is_product, struct sl_buf *broken,
                           struct sl_buf *message);
// Broken where one column stands in `operation` to any that comes after it; columns without a value
// never do.
bool sl_rule_compile_pairs(const struct sl_rule_site *site, const char *operation, const char *says,
                           struct sl_buf *broken, struct sl_buf *message);

#endif
