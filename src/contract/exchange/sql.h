// SQL of several dialects: what is written otherwise, and the statements of a file.
#ifndef SL_CONTRACT_EXCHANGE_SQL_H
#define SL_CONTRACT_EXCHANGE_SQL_H

#include "contract/exchange/tree.h"

struct sl_x_dialect {
    const char *name;
    char quote;                // around names
    bool has_checks, has_keys; // in CREATE TABLE
    bool has_members;          // a check may look into a STRUCT, by struct_extract()
    bool has_lengths;          // varchar(20) counts
    bool has_escapes;          // in a text a backslash stands before what is meant as it is
    const char *json;
    const char *types[7];    // text, double, boolean, date, timestamp with and without zone, time
    const char *integers[4]; // of 8 to 64 bits
    const char *decimal;
    const char *open, *colon, *close,
        *list; // nested types; open NULL: none; list NULL: "[]" behind
};

// A CREATE TABLE that is being written.
struct sl_x_writer {
    struct sl_exchange *exchange;
    const struct sl_x_dialect *dialect;
    struct sl_buf *text;
    const struct sl_yaml *tables, *object;
    struct sl_buf after; // statements that follow the table
    bool is_first;       // nothing stands between the brackets yet
};
void sl_x_sql_name(struct sl_x_writer *writer, struct sl_buf *text, const char *name);
void sl_x_sql_names(struct sl_x_writer *writer, const struct sl_yaml *list, bool is_qualified);
void sl_x_sql_string(struct sl_x_writer *writer, struct sl_buf *text, const char *value);
void sl_x_sql_literal(struct sl_x_writer *writer, struct sl_buf *text, enum sl_type_kind kind,
                      const char *value);
// An expression over the object's columns in which members are taken out as CHECK needs it in
// DuckDB. False if DuckDB takes no CHECK of it: it has a lambda.
bool sl_x_sql_members(struct sl_x_writer *writer, const char *expression, struct sl_buf *text);
void sl_x_sql_line(struct sl_x_writer *writer); // begins the next between the brackets
// CHECK (...) inside of the table, or, under the name, after it where the dialect has it there.
void sl_x_sql_check(struct sl_x_writer *writer, const char *name, const struct sl_buf *expression);
// Whether the rule is one of Sluice's engine that rejects every row that breaks it.
bool sl_x_sql_is_plain(const struct sl_yaml *rule);
// Whether rows that break such a rule of the property are refused: sluice.severity may only warn.
bool sl_x_sql_is_rejecting(const struct sl_yaml *property, const char *kind);
// `value` is a multiple of a number, as the rule judges it. False: SQL does not judge all values
// alike.
bool sl_x_sql_multiple(struct sl_x_writer *writer, const char *value, struct sl_type type,
                       const char *multiple, struct sl_buf *check);
// A rule of a kind that has a constraint, at a column or at the table; false: nothing is written.
bool sl_x_sql_rule(struct sl_x_writer *writer, const struct sl_yaml *rule,
                   const struct sl_yaml *owner);
// The rules of a column, with those of what is inside of it, as constraints. What the dialect
// cannot say is told as lost.
void sl_x_sql_checks(struct sl_x_writer *writer, const struct sl_yaml *column);
void sl_x_sql_table_checks(struct sl_x_writer *writer); // those of the table as a whole

#endif
