// Columns that models were bound to, remembered between commands in <state>/columns.cache by all
// that they follow from: the engine's version, the SQL, the columns of its inputs. Deleting it
// costs one binding. Used by one thread.
#ifndef SL_RUN_COLUMN_CACHE_H
#define SL_RUN_COLUMN_CACHE_H

#include "run/cache.h"

SL_MUST int sl_column_cache_open(const struct sl_world *world, struct sl_cache *ret,
                                 struct sl_err *err);
// *ret_is_known is false if they are not there, or not whole. Columns live in the arena.
SL_MUST int sl_column_cache_find(struct sl_cache *cache, const char *key, struct sl_arena *arena,
                                 struct sl_relation *ret, bool *ret_is_known, struct sl_err *err);
SL_MUST int sl_column_cache_add(struct sl_cache *cache, const char *key,
                                const struct sl_relation *relation, struct sl_err *err);

#endif
