// What a change of one input table can change in the result.
//
// The way from the result down through the first places of FROM clauses, subqueries and CTEs ends
// at the driving table D. The query is row-wise if every operator on the way gives Q(D1 + D2) =
// Q(D1) + Q(D2), and partition-local for an expression f over D's columns if that holds for every
// split of D by f. Grouping, DISTINCT and windows on the way keep the second where their keys
// determine f: they are barriers with keys. LIMIT, set operations, the optional side of an outer
// join and whatever is not known keep neither.
#ifndef SL_SQL_LOCALITY_H
#define SL_SQL_LOCALITY_H

#include "sql/query.h"
#include "sql/scan.h"

struct sl_sql_path {
    const char *driving;   // "clean.orders"; NULL if there is none, or it is not read exactly once
    const char *why_never; // neither row-wise nor local; NULL: nothing speaks against it
    const char *why_whole; // not row-wise, but local if the barriers allow it; NULL: nothing
    bool has_doubt;        // an aggregate in a subquery may be one of the query around it
};

// Something on the way that puts rows together: only rows with equal keys.
struct sl_sql_barrier {
    const char *why;     // "a window crosses partitions"
    struct sl_strs keys; // expressions over the driving table's columns
};

// What sl_query_lineage leaves for sl_query_is_partition_local.
struct sl_query_facts {
    struct sl_sql_barrier *barriers;
    size_t barrier_count;
    struct sl_strs
        *inputs; // per column of the query: the columns in its expression, as written there
    bool has_outer_aggregate; // an aggregate in a subquery turned out to belong to the query around
                              // it
};

SL_MUST int sl_sql_path(const struct sl_sql_scan *scan, struct sl_arena *arena,
                        struct sl_sql_path *ret, struct sl_err *err);
// Why the result is another one though no input is: "it reads current_date"; NULL if it is not. In
// the arena.
SL_MUST int sl_sql_why_every_run(const struct sl_ast *root, struct sl_arena *arena,
                                 const char **ret, struct sl_err *err);
// Writes the verdict into the query: driving_table, is_row_wise, why_not_row_wise.
SL_MUST int sl_sql_path_tell(const struct sl_sql_path *path, bool is_in_doubt,
                             struct sl_arena *arena, struct sl_query *query, struct sl_err *err);

#endif
