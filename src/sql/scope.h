// Names and values while a query's columns are resolved: what lineage.c, from.c, star.c,
// expression.c and print.c share.
//
// Everything lives in one scratch arena and is shared freely; what is shared is never changed.
// Functions fail only when memory is out; a name that cannot be resolved is no failure but a value
// without origins.
#ifndef SL_SQL_SCOPE_H
#define SL_SQL_SCOPE_H

#include "sql/locality.h"
#include "sql/query.h"
#include "sql/scan.h"

// A set of columns of input tables.
struct sl_sql_origins {
    struct sl_origin *items;
    size_t count;
};

// What is known of a column or an expression.
struct sl_sql_value {
    struct sl_sql_origins origins;
    // As SQL over the columns of one table that the text reads once; NULL if it is not of that
    // kind. It holds for every row that shows the value: no outer join, grouping set or set
    // operation came between.
    const char *expression;
    const char *table;     // of the expression
    struct sl_strs inputs; // the columns in it, as written there
    const char *type;      // of a column passed on unchanged; NULL if not known
    const char *name;      // of a column, as it was first written; NULL for anything else
};

struct sl_sql_field {
    const char *name; // "" if only the engine knows
    struct sl_sql_value value;
};

// A table, CTE, subquery or function in a FROM clause; the result of a query.
struct sl_sql_relation {
    const char *layer; // of a table without alias; else NULL
    const char *name;  // NULL: none
    struct sl_sql_field *fields;
    size_t field_count;
    struct sl_sql_origins filters; // what decides which rows it has
    const char *open_table; // is_open: any other column is one of this table; NULL: nobody knows
    bool is_open;           // it has columns that are not known
    bool is_optional;       // of an outer join: its columns may be null where it has no row
    bool is_hidden;         // right of a semi or anti join
    bool has_driving;       // made of the driving table's rows
};

// A column that joins by USING made one.
struct sl_sql_using {
    const char *name;
    struct sl_sql_value value;
    const struct sl_sql_relation **members;
    size_t member_count;
};

struct sl_sql_from {
    struct sl_sql_relation **relations;
    size_t count;
    struct sl_sql_using *usings;
    size_t using_count;
    struct sl_sql_origins filters;
    bool has_unknown_using; // a natural join with unknown columns
    bool has_driving;
};

struct sl_sql_params { // of a lambda
    const char *name;
    const struct sl_sql_params *next;
};

struct sl_sql_scope {
    const struct sl_sql_scope *outer; // of the query around; NULL
    const struct sl_sql_from *from;
    const struct sl_sql_field *aliases; // of the select list, so far; name "" for none
    size_t alias_count;
    bool prefers_aliases; // having
    const struct sl_sql_params *params;
    const struct sl_sql_field *star; // what COLUMNS(...) stands for at the moment; NULL: everything
};

struct sl_sql_known_table {
    const char *name;
    struct sl_sql_field *fields;
    size_t count;
    bool is_known;
};

struct sl_sql_binder {
    struct sl_arena *arena;
    const struct sl_sql_scan *scan;
    const char *driving; // NULL: none
    sl_columns_of *columns_of;
    void *self;
    struct sl_sql_known_table *tables;
    size_t table_count;
    struct sl_sql_barrier *barriers;
    size_t barrier_count;
    bool has_outer_aggregate;
    bool has_pivot;  // whose columns are not followed
    size_t lookups;  // of columns by name, for the question whose an aggregate is
    size_t own_hits; // of them those found in the innermost query
};

// value.c
SL_MUST int sl_sql_add_origin(struct sl_sql_binder *binder, struct sl_sql_origins *set,
                              struct sl_origin origin, struct sl_err *err);
// Adds what is computed from: is_direct is lost.
SL_MUST int sl_sql_add_computed(struct sl_sql_binder *binder, struct sl_sql_origins *set,
                                const struct sl_sql_origins *more, struct sl_err *err);
// Adds what may be passed on as well: a column stays direct if it is so both times.
SL_MUST int sl_sql_add_either(struct sl_sql_binder *binder, struct sl_sql_origins *set,
                              const struct sl_sql_origins *more, struct sl_err *err);
// A value without its expression.
void sl_sql_drop_expression(struct sl_sql_value *value);

// scope.c
// The value of a column as named in the text; its parts from the outside in. False if it is not
// known.
SL_MUST int sl_sql_resolve(struct sl_sql_binder *binder, const struct sl_sql_scope *scope,
                           const struct sl_ast *names, struct sl_sql_value *ret, bool *ret_found,
                           struct sl_err *err);
// An unqualified column of a FROM clause alone.
SL_MUST int sl_sql_resolve_in(struct sl_sql_binder *binder, const struct sl_sql_from *from,
                              const char *name, struct sl_sql_value *ret, bool *ret_found,
                              struct sl_err *err);
// A field of a relation; NULL if none or more than one has the name.
const struct sl_sql_field *sl_sql_field_of(const struct sl_sql_relation *relation,
                                           const char *name);
struct sl_sql_value sl_sql_field_value(const struct sl_sql_relation *relation,
                                       const struct sl_sql_field *field);

// expression.c
// Adds all that an expression (or any part of the tree that has expressions) depends on.
SL_MUST int sl_sql_depend(struct sl_sql_binder *binder, const struct sl_ast *node,
                          const struct sl_sql_scope *scope, struct sl_sql_origins *into,
                          struct sl_err *err);
SL_MUST int sl_sql_value_of(struct sl_sql_binder *binder, const struct sl_ast *node,
                            const struct sl_sql_scope *scope, struct sl_sql_value *ret,
                            struct sl_err *err);

// print.c
// The name that the engine gives a column without alias; "" if only the engine can tell.
SL_MUST int sl_sql_name_of(struct sl_sql_binder *binder, const struct sl_ast *node,
                           const char **ret, struct sl_err *err);
// Fills expression, table and inputs of `ret`, if the expression is of that kind.
SL_MUST int sl_sql_express(struct sl_sql_binder *binder, const struct sl_ast *node,
                           const struct sl_sql_scope *scope, struct sl_sql_value *ret,
                           struct sl_err *err);
// A name as it must stand in an expression.
const char *sl_sql_quote(struct sl_arena *arena, const char *name); // NULL when memory is out

// star.c
// The columns that one item of a select list gives, added to the relation. Says in is_open if some
// are not known.
SL_MUST int sl_sql_expand(struct sl_sql_binder *binder, const struct sl_ast *item,
                          const struct sl_sql_scope *scope, struct sl_sql_relation *into,
                          struct sl_err *err);
// The columns that a star or COLUMNS(...) stands for.
SL_MUST int sl_sql_expand_star(struct sl_sql_binder *binder, const struct sl_ast *star,
                               const struct sl_sql_scope *scope, struct sl_sql_relation *into,
                               struct sl_err *err);
SL_MUST int sl_sql_add_field(struct sl_sql_binder *binder, struct sl_sql_relation *relation,
                             const char *name, const struct sl_sql_value *value,
                             struct sl_err *err);

// from.c
SL_MUST int sl_sql_bind_from(struct sl_sql_binder *binder, const struct sl_ast *ref,
                             const struct sl_sql_scope *outer, struct sl_sql_from *ret,
                             struct sl_err *err);

// join.c
SL_MUST int sl_sql_bind_join(struct sl_sql_binder *binder, const struct sl_ast *join,
                             const struct sl_sql_scope *outer, struct sl_sql_from *ret,
                             struct sl_err *err);

// select.c
SL_MUST int sl_sql_bind_select(struct sl_sql_binder *binder, const struct sl_ast *node,
                               const struct sl_sql_scope *outer, struct sl_sql_relation *ret,
                               struct sl_err *err);
// ORDER BY, LIMIT and DISTINCT of a query whose columns are `result`; they are looked up in
// `scope`.
SL_MUST int sl_sql_bind_modifiers(struct sl_sql_binder *binder, const struct sl_ast *node,
                                  const struct sl_sql_scope *scope, struct sl_sql_relation *result,
                                  struct sl_err *err);

// bind.c
// Gives the first columns of a relation new names.
SL_MUST int sl_sql_rename_fields(struct sl_sql_binder *binder, const struct sl_ast *names,
                                 struct sl_sql_relation *relation, struct sl_err *err);
// Binds a query node. Lives in the binder's arena.
SL_MUST int sl_sql_bind_query(struct sl_sql_binder *binder, const struct sl_ast *node,
                              const struct sl_sql_scope *outer, struct sl_sql_relation **ret,
                              struct sl_err *err);

#endif
