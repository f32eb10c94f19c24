// Parsed models, remembered between commands by their text, in <state>/models.cache. Deleting it
// costs one parse.
#ifndef SL_RUN_MODEL_CACHE_H
#define SL_RUN_MODEL_CACHE_H

#include "run/world.h"

// Fills world->queries, world->digests and world->fingerprints. Parses only texts that are not in
// the cache, all in one go.
SL_MUST int sl_models_read(struct sl_world *world, struct sl_err *err);

#endif
