// Folders that a delivery fills before they take their place: <path>/.<to>.new-<uuid>. A delivery
// holds the lock <path>/.<to>.lock from before it makes one until it is gone.
#ifndef SL_CONNECT_FOLDER_LEFTOVERS_H
#define SL_CONNECT_FOLDER_LEFTOVERS_H

#include "base/arena.h"

// Removes those of deliveries that were killed: of `to`, whose lock the caller holds, and of others
// whose lock nobody holds. What is left of others and cannot be removed stays.
SL_MUST int sl_folder_remove_leftovers(const char *path, const char *to, struct sl_arena *arena,
                                       struct sl_err *err);

#endif
