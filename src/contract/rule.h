// Rules: one kind, one file. A kind turns a declared rule into two pieces of SQL over the prepared
// relation.
#ifndef SL_CONTRACT_RULE_H
#define SL_CONTRACT_RULE_H

#include "contract/read.h"

struct sl_rule_site {
    const struct sl_rule *rule;
    const struct sl_reading *reading; // NULL for a rule over the row
    const char *parent;               // of a foreign key: the relation with the parent's keys
    struct sl_diags *diags;
};

struct sl_rule_kind {
    const char *name;
    const char *summary; // for docs: one sentence
    bool is_for_rows;    // needs no column
    // `broken`: boolean SQL, true where the row breaks the rule (null: it does not). `message`:
    // VARCHAR SQL for such a row. False if the rule cannot be compiled; then it has left a
    // diagnostic.
    bool (*compile)(const struct sl_rule_site *site, struct sl_buf *broken, struct sl_buf *message);
};

extern const struct sl_rule_kind sl_rule_required, sl_rule_type, sl_rule_enum, sl_rule_range,
    sl_rule_length, sl_rule_pattern, sl_rule_format, sl_rule_expression, sl_rule_foreign_key;
// NULL if there is no such kind.
const struct sl_rule_kind *sl_rule_kind_find(const char *name);

// "'<value as received>' <format>", the value cut at 100 characters: "'-3' is below the minimum 0".
void sl_rule_says(const struct sl_rule_site *site, struct sl_buf *message, const char *format, ...)
    SL_PRINTF(3, 4);
// A diagnostic at the rule's place: "rule 'amount.range': ..."; returns false.
bool sl_rule_refuse(const struct sl_rule_site *site, const char *format, ...) SL_PRINTF(2, 3);
// A rule's bound or listed value as a literal of the column's type; false (and nothing said) if it
// is none.
bool sl_rule_literal(const struct sl_reading *reading, const char *text, struct sl_buf *sql);

#endif
