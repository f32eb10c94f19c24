// What a model's SQL reads and where each of its columns comes from, taken from the engine's syntax
// tree (DuckDB's json_serialize_sql). Pure: works on the tree's JSON text.
#ifndef SL_SQL_QUERY_H
#define SL_SQL_QUERY_H

#include "api/engine.h"
#include "base/diag.h"

struct sl_table_ref {
    const char *layer; // "clean"; NULL when written without a layer
    const char *name;  // "orders"
    int line, column;  // 1-based, in the SQL text
    size_t times;      // how often the query reads it
};

// One step of column lineage: an output column depends on a column of an input table.
struct sl_origin {
    const char *table;  // "clean.orders"
    const char *column; // "amount"
    bool is_direct;     // the value is passed on unchanged; else computed from
    bool is_filter; // not in the value, but decides which rows there are (where, join on, group by,
                    // having, order/limit)
};
struct sl_query_column {
    const char *name; // as the engine names it; "" where only the engine can tell (an expression
                      // without alias)
    struct sl_origin *origins;
    size_t origin_count;
    // For write modes: the column as an expression over columns of one single input table that is
    // read once at top level, with the columns unqualified; NULL if it is not of that kind.
    // "order_date", "date_trunc('month', order_date)"
    const char *expression;
    const char *expression_table; // "clean.orders"
};
struct sl_query {
    struct sl_table_ref
        *tables; // distinct, in order of appearance; CTEs and table functions are not tables
    size_t table_count;
    struct sl_query_column *columns; // filled by sl_query_lineage
    size_t column_count;
    // True if each output row depends on one row of `driving_table` at most (select, where, joins
    // of it to other tables; no aggregate, distinct, window, limit, set operation, subquery over
    // it): new rows of it alone give the new output rows.
    bool is_row_wise;
    // The table in the first place of the top-level FROM, if it is read exactly once; else NULL.
    const char *driving_table;
    // Answer of sl_query_is_partition_local for the model's partition columns, kept here by whoever
    // asked; NULL: local.
    const char *why_not_local;
    const char *why_not_row_wise; // for people: "it aggregates", "it reads clean.orders twice";
                                  // NULL if is_row_wise
    // The result may differ though no input does: now(), random(), a sample, a file that is read.
    // Such a query is neither row-wise nor partition-local, but where only a column of the
    // top-level SELECT is volatile that nothing else refers to.
    bool is_volatile;
    const char *why_volatile; // "it calls now()"; NULL if it is not
    // Which rows there are, and what is in them, follows the clock or files that the SQL reads ("it
    // reads current_date"): the result is out of date whenever it is looked at. NULL: only the
    // inputs decide. Chance, and a column like `now() as loaded_at` that nothing refers to, do not
    // count.
    const char *why_every_run;
    // The list of columns is not whole: a star over a table whose columns are unknown, a PIVOT.
    bool has_unknown_columns;
    // What functions over files are called with, as written: "data/*.csv". "": something that is
    // computed.
    struct sl_strs files;
    struct sl_strs views; // names of the views it reads, once their own tables stand in `tables`
    const struct sl_query_facts *facts; // of sl_query_lineage, for sl_query_is_partition_local
};

// The tables of the tree `ast` (one text's JSON of the engine's parse()). A parse error, several
// statements or anything but a SELECT is a diagnostic at its place, and *ret has no tables. Names
// of tables are given in lower case. `file`, `first_line`, `first_column`: where `sql` begins, for
// diagnostics.
SL_MUST int sl_query_read(const char *ast, const char *sql, const char *file, int first_line,
                          int first_column, struct sl_arena *arena, struct sl_diags *diags,
                          struct sl_query *ret, struct sl_err *err);

// Columns of a table by name, as known to the caller ("clean.orders"); false if the table is
// unknown.
typedef bool sl_columns_of(void *self, const char *table, const struct sl_column **ret,
                           size_t *ret_count);

// Fills columns[] (name, origins, expression): resolves every column through CTEs, subqueries,
// joins, USING, stars (also EXCLUDE, REPLACE, RENAME, COLUMNS(*)), lateral aliases, group by all,
// set operations, windows, unnest, lambdas. What cannot be resolved (a star over an unknown table)
// is left out of the origins, never guessed. Decides is_row_wise anew: with columns known, more can
// be proven.
SL_MUST int sl_query_lineage(const char *ast, const char *sql, sl_columns_of *columns_of,
                             void *self, struct sl_arena *arena, struct sl_query *query,
                             struct sl_err *err);

// Which columns of the result may have other values after a query of the tree `before` has become
// that of `now`, in their order. *ret is NULL if all may: only expressions of the top-level SELECT
// that decide nothing else (groups, order of lateral aliases, distinct rows) are told apart.
SL_MUST int sl_query_changed(const char *before, const char *now, struct sl_arena *arena,
                             bool **ret, size_t *ret_count, struct sl_err *err);

// Whether partitions of the result can be recomputed one by one: the partition columns are all
// expressions over the driving table, it is read once, every GROUP BY, DISTINCT and window on the
// way contains them, and there is no LIMIT, no ordered aggregate across partitions, no subquery
// over it. If not, *ret_why says so for people ("a window crosses partitions"); if so it is NULL.
// Needs sl_query_lineage before it: without it nothing is proven.
SL_MUST int sl_query_is_partition_local(const char *ast, const struct sl_query *query,
                                        const char *const *partition_by, size_t partition_count,
                                        struct sl_arena *arena, bool *ret, const char **ret_why,
                                        struct sl_err *err);
// Hash of the tree without places and without comments or white space: two texts that mean the same
// letter by letter are equal.
SL_MUST int sl_query_digest(const char *ast, char ret_hex[65], struct sl_err *err);

#endif
