// Views among the models of a world.
#ifndef SL_RUN_VIEWS_H
#define SL_RUN_VIEWS_H

#include "run/world.h"

// After the models' trees were read and before the graph is built: fills world->views. What reads a
// view gets a fingerprint that changes with it, and runs every time if the view follows the clock.
SL_MUST int sl_views_read(struct sl_world *world, struct sl_err *err);
// From here on an output's own name, "revenue", means the table "revenue_v1", which may be that of
// a version whose file is gone. For those who only read rows: fingerprints are of no use
// afterwards.
SL_MUST int sl_views_turn(struct sl_world *world, const char *output, const char *version,
                          struct sl_err *err);
// Puts the tables below in the place of views, which query->views then names. A driving table that
// is also below a view drives no longer.
SL_MUST int sl_query_expand(const struct sl_views *views, struct sl_arena *arena,
                            struct sl_query *query, struct sl_err *err);

#endif
