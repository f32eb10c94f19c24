// What a changed contract or model means to what is built from it.
#ifndef SL_RUN_IMPACT_H
#define SL_RUN_IMPACT_H

#include "run/world.h"

// Fills `impact` of the selected steps whose contract or SQL is not what their table was built
// with: one line per difference of contract or columns ("amount: rule amount.range is weaker"),
// and one that names the tables and deliveries below with the columns that are made of the changed
// ones ("reaches curated.daily (revenue), target.out.daily (revenue)"). Verdicts must be there.
// Binds the models, so the project's diagnostics may grow.
SL_MUST int sl_world_impact(struct sl_world *world, struct sl_err *err);

#endif
