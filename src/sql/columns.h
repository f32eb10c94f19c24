// Conditions over one row, as contracts have them: their trees, and which columns they read.
#ifndef SL_SQL_COLUMNS_H
#define SL_SQL_COLUMNS_H

#include "api/engine.h"
#include "sql/tree.h"

// The tree of each condition, in the arena; NULL where one does not parse, or is too deep to be
// walked.
SL_MUST int sl_sql_conditions(struct sl_session *session, const char *const *conditions,
                              size_t count, struct sl_arena *arena, const struct sl_ast **ret,
                              struct sl_err *err);
// Whether an expression reads the column, by its name in any case: not a member, an alias, a
// function or the parameter of a lambda that has this name. A star, COLUMNS(...) and #1 read all;
// a subquery may read whatever it names.
bool sl_sql_reads_column(const struct sl_ast *node, const char *name);

#endif
