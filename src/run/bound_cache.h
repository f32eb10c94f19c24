// Projects that were found to be bound, by all that this follows from: <state>/bound.cache.
#ifndef SL_RUN_BOUND_CACHE_H
#define SL_RUN_BOUND_CACHE_H

#include "run/cache.h"

SL_MUST int sl_bound_cache_open(const struct sl_world *world, struct sl_cache *ret,
                                struct sl_err *err);
SL_MUST int sl_bound_cache_find(struct sl_cache *cache, const char *key, struct sl_arena *arena,
                                bool *ret_is_known, struct sl_err *err);
SL_MUST int sl_bound_cache_add(struct sl_cache *cache, const char *key, struct sl_err *err);

#endif
