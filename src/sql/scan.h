// One walk over a query's tree: which tables it reads, which names are CTEs, and what is volatile
// in it.
#ifndef SL_SQL_SCAN_H
#define SL_SQL_SCAN_H

#include "base/str.h"
#include "sql/tree.h"

// WITH name (aliases) AS (query)
struct sl_sql_cte {
    const char *name;
    const struct sl_ast *aliases;     // list of texts; may be empty
    const struct sl_ast *query;       // query node
    size_t uses;                      // how often the text reads it, not counting its own recursion
    struct sl_sql_cte *outer;         // the next one in sight where it is defined
    struct sl_sql_relation *relation; // set by sl_query_lineage
    bool is_recursive;
};

// A table that the query reads, in lower case.
struct sl_sql_read {
    const char *layer; // NULL if written without
    const char *name;
    size_t location; // of the first place
    size_t times;
};

struct sl_sql_scan {
    const struct sl_ast *root; // query node
    struct sl_sql_read *reads; // by location
    size_t read_count;
};

// Fills `ret` and binds the CTEs in the tree: every node that reads one points to it. `root` is a
// query node.
SL_MUST int sl_sql_scan(struct sl_ast *root, struct sl_arena *arena, struct sl_sql_scan *ret,
                        struct sl_err *err);
// The query node of the tree's single statement; NULL if it is none.
struct sl_ast *sl_sql_root(const struct sl_ast *tree);
// What makes the result of a part of the tree differ from time to time ("now()"); NULL if nothing
// does.
const struct sl_ast *sl_sql_find_volatile(const struct sl_ast *node);
// Of these only what gives the time, and only what reads files.
const struct sl_ast *sl_sql_find_clock(const struct sl_ast *node);
const struct sl_ast *sl_sql_find_file(const struct sl_ast *node);
// What all functions over files are called with; "" for what is no text.
SL_MUST int sl_sql_list_files(const struct sl_ast *node, struct sl_arena *arena,
                              struct sl_strs *ret, struct sl_err *err);
// For people: "it calls now()". NULL when memory is out.
const char *sl_sql_describe_volatile(const struct sl_ast *node, struct sl_arena *arena);
// The read of a table, NULL if there is none. `table` is "clean.orders".
const struct sl_sql_read *sl_sql_find_read(const struct sl_sql_scan *scan, const char *layer,
                                           const char *name);
// "clean.orders", or "orders" without a layer, in lower case. NULL when memory is out.
const char *sl_sql_table_name(const struct sl_ast *table, struct sl_arena *arena);

#endif
