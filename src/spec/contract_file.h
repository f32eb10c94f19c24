// A contract's file as its rows fill it, inside the spec layer. Parts of the standard that nobody
// uses are rows too, so that they are known: such a row is of type NODE and fills `unread`, the
// first member of its struct.
#ifndef SL_SPEC_CONTRACT_FILE_H
#define SL_SPEC_CONTRACT_FILE_H

#include "spec/load.h"

struct sl_odcs_custom { // an entry of customProperties
    struct sl_yaml *unread;
    const char *property;
    struct sl_yaml *value;
    const struct sl_yaml *node;
};

struct sl_odcs_quality {
    struct sl_yaml *unread;
    const char *id, *name, *type, *metric, *rule, *unit, *severity, *engine, *dimension, *query;
    struct sl_yaml *arguments;    // map; v3.1
    struct sl_yaml *valid_values; // list; v3.0
    struct sl_yaml *implementation;
    struct sl_yaml *must_be, *must_be_less, *must_be_at_most;
    struct sl_yaml *must_not_be, *must_be_greater, *must_be_at_least, *must_be_between,
        *must_not_be_between;
    const struct sl_yaml *node;
};

struct sl_odcs_relationship {
    struct sl_yaml *unread;
    const char *type;
    struct sl_yaml *from, *to;
    struct sl_opt_list custom; // struct sl_odcs_custom
    const struct sl_yaml *node;
};

struct sl_odcs_options { // logicalTypeOptions
    struct sl_yaml *unread;
    int64_t min_length, max_length;
    struct sl_yaml *minimum, *maximum, *exclusive_minimum, *exclusive_maximum;
    const char *pattern, *format, *default_timezone, *multiple_of;
    int64_t min_items, max_items, min_properties, max_properties;
    struct sl_strs required; // members
    bool has_timezone, has_unique_items;
    const struct sl_yaml *node; // NULL: there are none
};

struct sl_odcs_property {
    struct sl_yaml *unread;
    const char *name, *physical_name, *physical_type, *description, *classification;
    int logical_type; // enum sl_odcs_logical
    struct sl_odcs_options options;
    bool is_required, is_unique, is_key;
    int64_t key_position;
    struct sl_opt_list quality;         // struct sl_odcs_quality
    struct sl_opt_list custom;          // struct sl_odcs_custom
    struct sl_opt_list relationships;   // struct sl_odcs_relationship
    struct sl_yaml *properties, *items; // of nested values
    const struct sl_yaml *node;
};
extern const struct sl_opt sl_odcs_property_rows[];

// In the order of the names in the rows.
enum sl_odcs_logical {
    SL_ODCS_STRING,
    SL_ODCS_DATE,
    SL_ODCS_TIMESTAMP,
    SL_ODCS_TIME,
    SL_ODCS_NUMBER,
    SL_ODCS_INTEGER,
    SL_ODCS_OBJECT,
    SL_ODCS_ARRAY,
    SL_ODCS_BOOLEAN,
};

struct sl_odcs_object { // an entry of schema
    struct sl_yaml *unread;
    const char *name, *physical_name, *description;
    struct sl_opt_list properties; // struct sl_odcs_property
    struct sl_opt_list quality;
    struct sl_opt_list custom;
    struct sl_opt_list relationships;
    const struct sl_yaml *node;
};

struct sl_odcs_sla { // an entry of slaProperties
    struct sl_yaml *unread;
    const char *property, *value, *unit, *element;
    const struct sl_yaml *node;
};

struct sl_odcs {
    struct sl_yaml *unread;
    const char *api_version, *id, *name, *version, *status;
    int kind; // there is one
    struct sl_yaml *description, *team;
    const char *sla_element;
    struct sl_opt_list sla;    // struct sl_odcs_sla
    struct sl_opt_list schema; // struct sl_odcs_object
    struct sl_opt_list custom;
};

// What sluice.severity says of a column's rules, by the index of the rule's kind.
#define SL_ODCS_RULE_KINDS 64 // no fewer than sl_rule_forms has
struct sl_odcs_severities {
    bool is_set[SL_ODCS_RULE_KINDS];
    enum sl_rule_severity severity[SL_ODCS_RULE_KINDS];
};

// The reading of one contract.
struct sl_odcs_reader {
    struct sl_project *project;
    struct sl_contract *contract;
    struct sl_map unread; // names that are in contract->unread
    // Of the table being read:
    struct sl_contract_table *table;
    struct sl_map rule_ids;
    size_t key_count; // columns in the primary key
    // Of the column being read; NULL: none
    struct sl_contract_column *column;
    struct sl_odcs_severities severities;
    int depth; // of objects and arrays that it stands in
    // Of the relationship being read: what becomes of orphans
    bool has_orphans;
    enum sl_rule_severity orphans;
};

// Parts that are kept as they are, and whose keys are checked (contract_parts.c): a row of type
// NODE with these below it stands for a map or a list of maps.
extern const struct sl_opt sl_odcs_definition_rows[], sl_odcs_description_rows[],
    sl_odcs_team_rows[], sl_odcs_role_rows[], sl_odcs_server_rows[], sl_odcs_support_rows[],
    sl_odcs_price_rows[];

// Notes a part that is kept but not used, once.
SL_MUST int sl_odcs_unread(struct sl_odcs_reader *reader, const char *part, struct sl_err *err);
// A copy of the tree without what the rows do not know (an error each), what nobody uses (noted)
// and what is null.
SL_MUST int sl_odcs_prune(struct sl_odcs_reader *reader, const struct sl_yaml *node,
                          struct sl_yaml **ret, struct sl_err *err);

// The same of a property inside of another.
SL_MUST int sl_odcs_prune_property(struct sl_odcs_reader *reader, const struct sl_yaml *node,
                                   struct sl_yaml **ret, struct sl_err *err);

// Types.
struct sl_physical {
    struct sl_type type;
    int64_t length;      // varchar(20); 0: none
    bool is_known;       // false: no type of this name
    const char *problem; // the arguments do not fit, as "a precision of 1 to 38"; NULL: they do
};
void sl_odcs_physical(const char *text, struct sl_physical *ret);
// The nearest name of a type, or NULL.
const char *sl_odcs_physical_nearest(const char *text);
// The column's type out of logicalType, physicalType and format. *ret_length: varchar(20) says 20,
// 0 if nothing is said.
SL_MUST int sl_odcs_type(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                         struct sl_contract_column *column, int64_t *ret_length,
                         struct sl_err *err);
// JDK's "yyyy-MM-dd" -> strptime's "%Y-%m-%d"; *ret is NULL if it has a letter that strptime has no
// word for.
SL_MUST int sl_odcs_strptime(const char *format, struct sl_arena *arena, const char **ret,
                             struct sl_err *err);

// Values: whether `text` is one of the type, and where it stands on a line (numbers, dates; 0 for
// other types).
bool sl_odcs_value(struct sl_type type, const char *text, long double *ret);
// Why a regular expression cannot be right, as far as one sees without an engine; NULL: nothing
// seen.
const char *sl_odcs_pattern_problem(const char *pattern);
// Complains of rules that are named like those that every table has.
void sl_odcs_check_rule_names(struct sl_odcs_reader *reader);

// Columns and rules. All of them work on reader->table and reader->column.
SL_MUST int sl_odcs_columns(struct sl_odcs_reader *reader, const struct sl_odcs_object *object,
                            struct sl_err *err);
// One property -> reader->column, whose name, path and place are set by then; with all that is
// nested in it.
SL_MUST int sl_odcs_read_property(struct sl_odcs_reader *reader,
                                  const struct sl_odcs_property *property, struct sl_err *err);
// The fields of reader->column, an object or array. False for one that has none: it is JSON.
bool sl_odcs_has_fields(const struct sl_odcs_property *property);
// The custom property sluice.personal; and what the columns' protection does not go with.
SL_MUST int sl_odcs_personal(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                             struct sl_err *err);
SL_MUST int sl_odcs_check_personal(struct sl_odcs_reader *reader, struct sl_err *err);
// The custom property sluice.aliases; and, of all columns of the table, names that clash.
SL_MUST int sl_odcs_aliases(struct sl_odcs_reader *reader, const struct sl_odcs_custom *custom,
                            struct sl_err *err);
void sl_odcs_check_aliases(struct sl_odcs_reader *reader);
SL_MUST int sl_odcs_fields(struct sl_odcs_reader *reader, const struct sl_odcs_property *property,
                           struct sl_err *err);
// Names of members or columns that are one to the engine; `names` has those before it.
SL_MUST int sl_odcs_check_name(struct sl_odcs_reader *reader, struct sl_map *names,
                               const struct sl_contract_column *column, struct sl_err *err);
// Rules out of required, unique and logicalTypeOptions. `length`: of varchar(20), 0 if nothing is
// said.
SL_MUST int sl_odcs_column_rules(struct sl_odcs_reader *reader,
                                 const struct sl_odcs_property *property, int64_t length,
                                 struct sl_err *err);
// Those of them that objects and arrays have.
SL_MUST int sl_odcs_nested_rules(struct sl_odcs_reader *reader,
                                 const struct sl_odcs_options *options, struct sl_err *err);
// What no object or array can keep of the rules of reader->column: of its counts alone, and with
// its fields, which are read by then.
void sl_odcs_check_counts(struct sl_odcs_reader *reader);
SL_MUST int sl_odcs_check_nested_rules(struct sl_odcs_reader *reader, struct sl_err *err);
// A diagnostic if the object reader->column has no such member.
SL_MUST int sl_odcs_check_member(struct sl_odcs_reader *reader, const char *name,
                                 struct sl_place place, struct sl_err *err);
// The quality entries of reader->column, or of the table when that is NULL.
SL_MUST int sl_odcs_quality_rules(struct sl_odcs_reader *reader, const struct sl_opt_list *quality,
                                  struct sl_err *err);
// A check of the whole table, as an item that the kinds of check read.
struct sl_odcs_check {
    const char *kind;
    const struct sl_yaml *arguments; // NULL: none
    const char *name, *dimension;    // NULL: none
    const char *column;              // that it stands at; NULL: none
    const struct sl_yaml *mostly;    // NULL: all rows
    const struct sl_yaml *where;     // NULL: all rows
    bool is_warning;
    struct sl_place place;
};
SL_MUST int sl_odcs_add_check(struct sl_odcs_reader *reader, const struct sl_odcs_check *check,
                              struct sl_err *err);
// What an entry of quality claims of a whole table: a library metric or a query with operators.
// False if it has no operator, so that it claims nothing.
bool sl_odcs_has_operator(const struct sl_odcs_quality *quality);
SL_MUST int sl_odcs_add_quality_check(struct sl_odcs_reader *reader,
                                      const struct sl_odcs_quality *quality, const char *kind,
                                      bool is_warning, struct sl_err *err);
// {check: KIND, ...} of engine sluice.
SL_MUST int sl_odcs_add_custom_check(struct sl_odcs_reader *reader,
                                     const struct sl_odcs_quality *quality, bool is_warning,
                                     struct sl_err *err);
// slaProperties about the age of a column of reader->table become checks that warn.
SL_MUST int sl_odcs_add_sla(struct sl_odcs_reader *reader, const struct sl_odcs *contract,
                            struct sl_err *err);
// What of them cannot be checked, after all tables are read.
void sl_odcs_check_sla(struct sl_odcs_reader *reader, const struct sl_odcs *contract);
// Adds a rule to the column, or to the table. `name` is the user's own, NULL: made of column and
// kind. The rule's severity is that of the column for its kind, unless is_severity_given.
SL_MUST int sl_odcs_add_rule(struct sl_odcs_reader *reader, struct sl_rule rule, const char *name,
                             bool is_severity_given, struct sl_err *err);
// Reads the rule of engine 'sluice' that a quality entry holds (contract_rule.c). `rule` has what
// the entry says of rules of any kind.
SL_MUST int sl_odcs_own_rule(struct sl_odcs_reader *reader, const struct sl_odcs_quality *quality,
                             struct sl_rule rule, struct sl_err *err);
// "'x' is no kind of rule", with what is near.
SL_MUST int sl_odcs_unknown_kind(struct sl_odcs_reader *reader, const struct sl_yaml *name,
                                 enum sl_code code, struct sl_err *err);
// A pattern rule, after a look at the pattern.
SL_MUST int sl_odcs_add_pattern(struct sl_odcs_reader *reader, struct sl_rule rule,
                                const char *name, bool is_severity_given, struct sl_err *err);
// customProperties named sluice.*
SL_MUST int sl_odcs_column_custom(struct sl_odcs_reader *reader, const struct sl_opt_list *custom,
                                  struct sl_err *err);
SL_MUST int sl_odcs_table_custom(struct sl_odcs_reader *reader, const struct sl_opt_list *custom,
                                 struct sl_err *err);
SL_MUST int sl_odcs_contract_custom(struct sl_odcs_reader *reader, const struct sl_opt_list *custom,
                                    struct sl_err *err);
// Of a relationship: reader->orphans.
SL_MUST int sl_odcs_relationship_custom(struct sl_odcs_reader *reader,
                                        const struct sl_opt_list *custom, struct sl_err *err);
// Foreign keys of reader->column, or of the table when that is NULL.
SL_MUST int sl_odcs_relationships(struct sl_odcs_reader *reader,
                                  const struct sl_opt_list *relationships, struct sl_err *err);
// "reject", "warn" and the words that other tools use; false if it is none.
bool sl_odcs_severity(const char *text, enum sl_rule_severity *ret);
// Whether it is "hold", which rules that look at their own row cannot have: reported.
bool sl_odcs_report_hold(struct sl_odcs_reader *reader, const char *text, struct sl_place place);
// Whether there is such a format of texts; else a diagnostic.
bool sl_odcs_is_format(struct sl_odcs_reader *reader, const char *name, struct sl_place place);
// "consistency", or the standard's short "cs"; false if it is none.
bool sl_odcs_dimension(const char *text, enum sl_rule_dimension *ret);
// What contradicts itself in reader->column: its default and its rules.
void sl_odcs_check_column(struct sl_odcs_reader *reader, struct sl_place default_place);
// table->digest.
SL_MUST int sl_odcs_digest(struct sl_contract_table *table, struct sl_arena *arena,
                           struct sl_err *err);

#endif
