// Views: models without a table. Whoever reads one reads what its SQL gives over the tables below
// it, at the versions that these are read at; with the column types that a table would have.
#ifndef SL_STEP_VIEW_H
#define SL_STEP_VIEW_H

#include "base/map.h"
#include "step/step.h"

struct sl_view {
    const char *name; // "orders_eur", of curated.orders_eur
    const char *sql;
    const char *fingerprint; // of its SQL and of the views that it reads
    struct sl_strs bases;    // tables below it and below the views it reads, each once, sorted
    const char *same_as;     // of an output's own name the version's table, whose rows and columns
                             // it has as they are; else NULL
    struct sl_strs below;    // views that it reads and that these read, each behind those it reads
};
// Those of a project that do not read themselves. Any thread may look.
struct sl_views {
    struct sl_map by_name; // -> const struct sl_view *
};
// NULL: it is a table.
const struct sl_view *sl_view_find(const struct sl_views *views, const char *layer,
                                   const char *name);

// Creates the view, and those that it reads, in the session, where the tables below are already.
SL_MUST int sl_step_create_view(struct sl_step_context *context, const struct sl_view *view,
                                struct sl_err *err);
// Whether all tables below it are another environment's: that one delivers it then. A view without
// tables is this environment's own.
SL_MUST int sl_step_view_is_borrowed(const struct sl_project *project, const struct sl_view *view,
                                     struct sl_arena *arena, bool *ret, struct sl_err *err);
// What a view gives can only change with this: a digest of its code and of the ids and versions of
// the tables below. *ret is NULL if one of them is not there yet. `session` may be NULL.
SL_MUST int sl_step_view_identity(const struct sl_project *project, const struct sl_view *view,
                                  struct sl_session *session, struct sl_arena *arena,
                                  const char **ret, struct sl_err *err);

#endif
