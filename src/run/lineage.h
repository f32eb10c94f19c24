// Column lineage of a whole project: from the fields of source files over raw, clean and curated
// columns to the columns at targets.
//
// An end is a column of a table, or which rows a table has. A change of an end can only change the
// ends that edges lead to from it: by value (the column's value is made of it), or by influence (it
// decides which rows there are, and so what aggregates see). Which rows a table has influences each
// of its columns; that goes without an edge.
#ifndef SL_RUN_LINEAGE_H
#define SL_RUN_LINEAGE_H

#include "run/world.h"

enum sl_lineage_how {
    SL_LINEAGE_READ,     // a field of the source's files
    SL_LINEAGE_PARSED,   // by the contract; the only one with rules
    SL_LINEAGE_PASSED,   // unchanged
    SL_LINEAGE_COMPUTED, // an expression over it
    SL_LINEAGE_DECIDES,  // influence: filters, joins, groups, keys, rules
};
const char *sl_lineage_how_name(enum sl_lineage_how how); // "passed on"

struct sl_lineage_end {
    const char *table;  // "source.orders", "raw.orders", ..., "target.warehouse.daily"
    const char *column; // NULL: which rows the table has
    size_t *in, *out;   // indices of edges
    size_t in_count, out_count;
    size_t seen; // for whoever walks
    // Set by sl_lineage_classify: it carries values of this classification as they were received,
    // and the edge that brought them.
    const char *classification; // NULL: none
    size_t brought_by;          // index of the edge + 1; 0: they begin here
};
struct sl_lineage_edge {
    struct sl_lineage_end *from, *to;
    enum sl_lineage_how how;
    // PARSED: the ids of its rules, and of its members' rules, are the reasons in quarantine. NULL:
    // the contract does not know the column.
    const struct sl_contract_column *column;
    size_t seen;
};
struct sl_lineage {
    struct sl_world *world;
    struct sl_map catalog; // table -> struct sl_relation *, targets too
    struct sl_map ends;    // "table\ncolumn" in lower case -> struct sl_lineage_end *
    struct sl_lineage_edge *edges;
    size_t count;
};

// What models' columns are made of is remembered in <state>/lineage.cache. The project may have
// mistakes: what cannot be bound has no lineage.
SL_MUST int sl_lineage_read(struct sl_world *world, struct sl_lineage *ret, struct sl_err *err);
// Says of each column whether it carries values that a contract classifies as personal, or
// protects, by value and without protection.
SL_MUST int sl_lineage_classify(struct sl_lineage *lineage, struct sl_err *err);
// A diagnostic, of the project's level, for each column of a model or target that carries such
// values and is not allowed to; of several on one way only for the first.
SL_MUST int sl_lineage_check_personal(struct sl_lineage *lineage, struct sl_err *err);
// A diagnostic, of the project's level, for each column of raw that a kept contract protected and
// that of now does not name, or gives to a column that does not protect it; and for columns that
// show what another one protects. Of all, or of what will run.
SL_MUST int sl_world_check_once_protected(struct sl_world *world, bool only_due,
                                          struct sl_diags *diags, struct sl_err *err);
// A warning for each table of raw in the lake that no source writes any more and that holds, as it
// came, what a kept contract protected.
SL_MUST int sl_world_check_left_unprotected(struct sl_world *world, struct sl_diags *diags,
                                            struct sl_err *err);
// For what is about to run: SL_E_PERSONAL, and in `ret_diags` (which the caller clears) what
// sl_lineage_check_personal says, if the project calls that an error. Other mistakes are left to
// the steps. Asks the engine only where a selected model or delivery will run and a column is
// classified.
SL_MUST int sl_world_refuse_leaks(struct sl_world *world, struct sl_diags *ret_diags,
                                  struct sl_err *err);
// The same of one model or delivery whose inputs are there: a file that this run took in may have
// brought columns that nobody knew before. Asks the engine only of what reads raw.
SL_MUST int sl_world_refuse_leaks_of(struct sl_world *world, const struct sl_node *node,
                                     struct sl_err *err);
// Takes the values out of the message of a model's error that are not protected in what it reads:
// errors are kept in logs and the history. Returns err's code.
int sl_world_hide_values(struct sl_world *world, const struct sl_node *node, struct sl_err *err);
// Whether any column of a contract is so classified, or protected; or may have been by one that is
// gone from the project.
SL_MUST int sl_world_is_personal(struct sl_world *world, bool *ret, struct sl_err *err);
bool sl_contract_is_followed(const struct sl_contract_table *contract);
void sl_lineage_clear(struct sl_lineage *lineage); // for SL_AUTO
// NULL: nothing is known of it. column NULL: the rows of the table.
struct sl_lineage_end *sl_lineage_end(const struct sl_lineage *lineage, const char *table,
                                      const char *column);

#endif
