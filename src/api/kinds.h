// The one list of everything that plugs in. Defined in src/kinds.c, the only file that sees all of
// it.
#ifndef SL_API_KINDS_H
#define SL_API_KINDS_H

#include "api/engine.h"
#include "api/source.h"
#include "api/target.h"

struct sl_kinds {
    const struct sl_engine_kind *const *engines; // the first is the default; lists end with NULL
    const struct sl_target_kind *const *targets;
    const struct sl_source_kind *const *sources;
};
extern const struct sl_kinds sl_kinds;

#endif
