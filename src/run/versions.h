// Versioned outputs: what their readers must know before anything runs.
#ifndef SL_RUN_VERSIONS_H
#define SL_RUN_VERSIONS_H

#include "run/world.h"

// An error at each version that would break what its table promises (step/promise.h), naming who
// reads it. `catalog` as sl_world_bind has filled it; versions whose columns are not known are left
// to their step. `may_break`: names of versions that may; may be NULL. With `only_planned` just
// those that are selected and not fresh.
SL_MUST int sl_world_check_promises(struct sl_world *world, const struct sl_map *catalog,
                                    const struct sl_strs *may_break, bool only_planned,
                                    struct sl_diags *diags, struct sl_err *err);
// The same before a run: SL_E_VERSION_BROKEN, with the places in `ret_diags`. SL_E_USAGE if
// `may_break` names what is no version.
SL_MUST int sl_world_refuse_broken(struct sl_world *world, const struct sl_strs *may_break,
                                   struct sl_diags *ret_diags, struct sl_err *err);

#endif
