// Rollbacks to tables that were built before their personal values were protected.
#ifndef SL_RUN_ROLLBACK_PERSONAL_H
#define SL_RUN_ROLLBACK_PERSONAL_H

#include "run/publications.h"
#include "run/world.h"

// A diagnostic, of the project's level, for each column that the contract of now protects and that
// of then did not, of tables that are delivered; and for what the models of then passed on and
// nobody may now (rollback_models.h).
SL_MUST int sl_world_check_rollback(struct sl_world *world, const struct sl_publication *target,
                                    struct sl_diags *diags, struct sl_err *err);
// Whether the table, or what is made of it, goes to a target.
SL_MUST int sl_world_is_delivered(struct sl_world *world, const char *table, bool *ret,
                                  struct sl_err *err);

#endif
